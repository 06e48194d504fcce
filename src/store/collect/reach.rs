//! What is needed: everything that can be reached from the heads, each object once.
//!
//! Decodes every record on the way strictly, and proves the shape of each directory, and of the
//! names that are current. Names of earlier operations share most nodes with them; their nodes
//! are decoded, but each whole shape is not built again, because the operations are many.

use std::collections::HashSet;

use super::super::blob;
use super::super::check::{CheckProgress, Problem, problem_of};
use super::super::open::Store;
use super::follow::{self, Reference};
use crate::base::id::{BlobId, Kind, ObjectId};
use crate::object::document::{DocumentNode, ListItem, MapEntry};
use crate::object::names::NameEntry;
use crate::object::operation::Operation;
use crate::object::sequence;
use crate::object::tombstone::{Farewell, Tombstone};
use crate::object::traits::{Fetch, ObjectError, fetch_record};
use crate::object::tree::TreeEntry;

/// One object that is needed.
#[derive(Clone, Copy)]
struct Need {
    id: ObjectId,
    wanted_by: Option<ObjectId>,
    /// The level that the index above says, for a node that is no root.
    level: Option<u8>,
    /// Whether something on the way to it was let go by retention and is still there: a collection
    /// that was cut short left it, perhaps without what is below.
    is_excused: bool,
}

/// A walk over all that is needed.
pub struct Reach<'a> {
    store: &'a Store,
    pending: Vec<Need>,
    reached: HashSet<ObjectId>,
    /// Nodes of sequences that were looked at, as root or below an index: the rules differ.
    nodes: HashSet<(ObjectId, Option<u8>, bool)>,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Reach<'a> {
    /// Walks from these; returns what is there.
    pub fn from(
        store: &'a Store,
        heads: impl Iterator<Item = ObjectId>,
        progress: &dyn Fn(CheckProgress),
        problems: &'a mut Vec<Problem>,
    ) -> HashSet<ObjectId> {
        let need = |id| Need { id, wanted_by: None, level: None, is_excused: false };
        let pending: Vec<_> = heads.map(need).collect();
        let (reached, nodes) = (HashSet::new(), HashSet::new());
        let mut reach = Self { store, pending, reached, nodes, problems };
        reach.check_names();
        while let Some(need) = reach.pending.pop() {
            if reach.is_new(need) {
                reach.visit(need);
                if reach.nodes.len().is_multiple_of(1024) {
                    progress(CheckProgress::Reached { done: reach.reached.len() });
                }
            }
        }
        progress(CheckProgress::Reached { done: reach.reached.len() });
        reach.reached
    }

    /// Whether it was not looked at before with as much expected of it.
    fn is_new(&mut self, need: Need) -> bool {
        let Need { id, level, is_excused, .. } = need;
        let was_expected = is_excused && self.nodes.contains(&(id, level, false));
        !was_expected && self.nodes.insert((id, level, is_excused))
    }

    /// Proves the shape of the names of each head.
    fn check_names(&mut self) {
        for head in self.pending.clone() {
            let after = fetch_record::<Operation>(self.store, head.id).map(|op| op.after);
            // What cannot be fetched is found again by the walk.
            if let Ok(Err(e)) = after.map(|a| sequence::verify::<NameEntry>(self.store, a.0))
                && !matches!(e, ObjectError::Missing { .. })
            {
                self.problems.push(problem_of(&e));
            }
        }
    }

    fn visit(&mut self, need: Need) {
        match self.follow(need) {
            Ok(()) => {
                self.reached.insert(need.id);
            }
            // Let go on purpose.
            Err(ObjectError::Gone { id, .. }) if id == need.id => {
                self.reached.insert(Tombstone::place(id));
            }
            Err(ObjectError::Missing { id }) if id == need.id && need.is_excused => {}
            Err(ObjectError::Missing { id }) if id == need.id => {
                let wanted_by = need.wanted_by;
                self.problems.push(Problem::Missing { id, wanted_by });
            }
            // An object that is wrong was named when its pack was read, or is named here.
            Err(e) => {
                self.reached.insert(need.id);
                let problem = problem_of(&e);
                if !self.problems.contains(&problem) {
                    self.problems.push(problem);
                }
            }
        }
    }

    fn follow(&mut self, need: Need) -> Result<(), ObjectError> {
        let id = need.id;
        match id.kind {
            Kind::Blob => self.blob(need),
            Kind::Recipe | Kind::Tombstone => Ok(()),
            Kind::Tree => self.tree(need),
            Kind::Names => self.names(need),
            Kind::Document => self.document(need),
            Kind::Snapshot | Kind::Evaluation | Kind::Experiment | Kind::Operation => {
                self.need_all(need, follow::references(self.store, id)?);
                Ok(())
            }
        }
    }

    fn was_let_go(&self, id: ObjectId) -> bool {
        let tombstone = Tombstone::of(self.store, id);
        tombstone.is_ok_and(|found| found.is_some_and(|found| found.why == Farewell::Retention))
    }

    fn need_all(&mut self, by: Need, found: Vec<Reference>) {
        let wanted_by = Some(by.id);
        let is_excused = by.is_excused || self.was_let_go(by.id);
        for Reference { id, is_weak, level, .. } in found {
            // What may be absent is followed where it is there.
            if !is_weak || self.store.contains(id).unwrap_or(true) {
                self.pending.push(Need { id, wanted_by, level, is_excused });
            }
        }
    }

    fn blob(&mut self, need: Need) -> Result<(), ObjectError> {
        let (id, is_excused) = (need.id, need.is_excused || self.was_let_go(need.id));
        let recipe = ObjectId { kind: Kind::Recipe, ..id };
        if self.store.packs.locate(id)?.is_some() {
            return Ok(());
        }
        let Some(found) = blob::recipe_of(self.store, BlobId(id.hash))? else {
            return Err(self.store.absence(id));
        };
        self.reached.insert(recipe);
        let wanted_by = Some(id);
        let piece = |piece: &blob::Piece| Need {
            id: piece.blob.object(),
            wanted_by,
            level: None,
            is_excused,
        };
        self.pending.extend(found.pieces.iter().map(piece));
        let whole = BlobId(id.hash);
        match self.store.fetch_blob_to(whole, &mut std::io::sink()) {
            // A piece that is missing is named for itself.
            Err(ObjectError::Missing { .. }) => Ok(()),
            checked => checked.map(|_| ()),
        }
    }

    fn tree(&mut self, need: Need) -> Result<(), ObjectError> {
        let id = need.id;
        let node = sequence::load::<TreeEntry>(self.store, id.hash, need.level)?;
        if need.level.is_none() {
            match sequence::verify::<TreeEntry>(self.store, id.hash) {
                Err(ObjectError::Missing { .. } | ObjectError::Gone { .. }) | Ok(_) => {}
                Err(e) => return Err(e),
            }
        }
        self.need_all(need, follow::of_tree(id, &node)?);
        Ok(())
    }

    fn names(&mut self, need: Need) -> Result<(), ObjectError> {
        let id = need.id;
        let node = sequence::load::<NameEntry>(self.store, id.hash, need.level)?;
        self.need_all(need, follow::of_names(id, &node)?);
        Ok(())
    }

    fn document(&mut self, need: Need) -> Result<(), ObjectError> {
        let (id, level) = (need.id, need.level);
        let node = match fetch_record::<DocumentNode>(self.store, id)? {
            DocumentNode::Map(_) => {
                DocumentNode::Map(sequence::load::<MapEntry>(self.store, id.hash, level)?)
            }
            DocumentNode::List(_) => {
                DocumentNode::List(sequence::load::<ListItem>(self.store, id.hash, level)?)
            }
            scalar => scalar,
        };
        self.need_all(need, follow::of_document(id, &node)?);
        Ok(())
    }
}
