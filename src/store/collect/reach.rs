//! What is needed: everything that can be reached from the heads, each object once.
//!
//! Decodes every record on the way strictly, and proves the shape of each directory, and of the
//! names that are current. Names of earlier operations share most nodes with them; their nodes
//! are decoded, but each whole shape is not built again, because the operations are many.

use std::collections::HashSet;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::blob;
use super::super::check::{CheckProgress, Problem, problem_of};
use super::super::open::Store;
use crate::base::codec;
use crate::base::id::{BlobId, Kind, ObjectId};
use crate::base::limits::DOCUMENT_DEPTH_MAX;
use crate::object::document::{DocumentNode, ListItem, MapEntry, Slot};
use crate::object::evaluation::Evaluation;
use crate::object::experiment::Experiment;
use crate::object::names::{NameEntry, NameKey, NameValue};
use crate::object::operation::{Operation, OperationKind};
use crate::object::sequence::{self, Element, Node};
use crate::object::snapshot::Snapshot;
use crate::object::tombstone::Tombstone;
use crate::object::traits::{Fetch, ObjectError, fetch_record};
use crate::object::tree::TreeEntry;

/// One object that is needed.
#[derive(Clone, Copy)]
struct Need {
    id: ObjectId,
    wanted_by: Option<ObjectId>,
    /// The level that the index above says, for a node that is no root.
    level: Option<u8>,
}

/// A walk over all that is needed.
pub struct Reach<'a> {
    store: &'a Store,
    pending: Vec<Need>,
    reached: HashSet<ObjectId>,
    /// Nodes of sequences that were looked at, as root or below an index: the rules differ.
    nodes: HashSet<(ObjectId, Option<u8>)>,
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
        let need = |id| Need { id, wanted_by: None, level: None };
        let pending: Vec<_> = heads.map(need).collect();
        let (reached, nodes) = (HashSet::new(), HashSet::new());
        let mut reach = Self { store, pending, reached, nodes, problems };
        reach.check_names();
        while let Some(need) = reach.pending.pop() {
            if reach.nodes.insert((need.id, need.level)) {
                reach.visit(need);
                if reach.nodes.len().is_multiple_of(1024) {
                    progress(CheckProgress::Reached { done: reach.reached.len() });
                }
            }
        }
        progress(CheckProgress::Reached { done: reach.reached.len() });
        reach.reached
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
            Kind::Blob => self.blob(id),
            Kind::Recipe | Kind::Tombstone => Ok(()),
            Kind::Tree => self.tree(need),
            Kind::Names => self.names(need),
            Kind::Document => self.document(need),
            Kind::Snapshot => {
                let snapshot: Snapshot = self.record(id)?;
                snapshot.parents.iter().for_each(|parent| self.need(id, parent.object()));
                self.need(id, snapshot.tree.object());
                snapshot.state.iter().for_each(|state| self.need(id, state.object()));
                Ok(())
            }
            Kind::Evaluation => {
                let evaluation: Evaluation = self.record(id)?;
                // A tree that was measured and then given up may be collected before the result.
                self.need_weakly(id, evaluation.tree.object());
                Ok(())
            }
            Kind::Experiment => self.experiment(id),
            Kind::Operation => self.operation(id),
        }
    }

    fn need(&mut self, by: ObjectId, id: ObjectId) {
        self.pending.push(Need { id, wanted_by: Some(by), level: None });
    }

    /// Follows what may be absent.
    fn need_weakly(&mut self, by: ObjectId, id: ObjectId) {
        if self.store.contains(id).unwrap_or(true) {
            self.need(by, id);
        }
    }

    fn record<T: Serialize + DeserializeOwned>(&self, id: ObjectId) -> Result<T, ObjectError> {
        fetch_record(self.store, id)
    }

    fn blob(&mut self, id: ObjectId) -> Result<(), ObjectError> {
        let recipe = ObjectId { kind: Kind::Recipe, ..id };
        if self.store.packs.locate(id)?.is_some() {
            return Ok(());
        }
        let Some(found) = blob::recipe_of(self.store, BlobId(id.hash))? else {
            return Err(self.store.absence(id));
        };
        self.reached.insert(recipe);
        found.pieces.iter().for_each(|piece| self.need(id, piece.blob.object()));
        let whole = BlobId(id.hash);
        match self.store.fetch_blob_to(whole, &mut std::io::sink()) {
            // A piece that is missing is named for itself.
            Err(ObjectError::Missing { .. }) => Ok(()),
            checked => checked.map(|_| ()),
        }
    }

    /// Follows one node of a sequence: its children, or its elements by `each`.
    fn node<E: Element>(
        &mut self,
        id: ObjectId,
        node: Node<E>,
        each: impl Fn(&mut Self, E) -> Result<(), ObjectError>,
    ) -> Result<(), ObjectError> {
        match node {
            Node::Leaf(elements) => elements.into_iter().try_for_each(|e| each(self, e)),
            Node::Index { level, children } => {
                for child in children {
                    let id_below = ObjectId { kind: E::KIND, hash: child.hash };
                    let level = Some(level - 1);
                    let wanted_by = Some(id);
                    self.pending.push(Need { id: id_below, wanted_by, level });
                }
                Ok(())
            }
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
        self.node(id, node, |reach, entry: TreeEntry| {
            entry.tree().iter().for_each(|tree| reach.need(id, tree.object()));
            entry.blob().iter().for_each(|blob| reach.need(id, blob.object()));
            Ok(())
        })
    }

    fn names(&mut self, need: Need) -> Result<(), ObjectError> {
        let id = need.id;
        let node = sequence::load::<NameEntry>(self.store, id.hash, need.level)?;
        self.node(id, node, |reach, entry: NameEntry| {
            if let Some(NameKey::Verdict(snapshot)) = NameKey::parse(&entry.key) {
                reach.need_weakly(id, snapshot.object());
            }
            match entry.value {
                NameValue::Branch(snapshot) | NameValue::Tag { snapshot, .. } => {
                    reach.need(id, snapshot.object());
                }
                NameValue::Position(position) => reach.need(id, position.snapshot.object()),
                NameValue::Experiment(experiment) => reach.need(id, experiment.object()),
                NameValue::Evaluation(evaluation) => reach.need(id, evaluation.object()),
                NameValue::Verdict(verdict) => {
                    reach.need(id, verdict.evaluation.object());
                    verdict.base.iter().for_each(|base| reach.need_weakly(id, base.object()));
                }
            }
            Ok(())
        })
    }

    fn document(&mut self, need: Need) -> Result<(), ObjectError> {
        let id = need.id;
        match self.record::<DocumentNode>(id)? {
            DocumentNode::Scalar(slot) => self.slot(id, &slot, 0),
            DocumentNode::Map(_) => {
                let node = sequence::load::<MapEntry>(self.store, id.hash, need.level)?;
                self.node(id, node, |reach, entry: MapEntry| reach.slot(id, &entry.value, 0))
            }
            DocumentNode::List(_) => {
                let node = sequence::load::<ListItem>(self.store, id.hash, need.level)?;
                self.node(id, node, |reach, item: ListItem| reach.slot(id, &item.value, 0))
            }
        }
    }

    fn slot(&mut self, id: ObjectId, slot: &Slot, depth: usize) -> Result<(), ObjectError> {
        if depth > DOCUMENT_DEPTH_MAX {
            return Err(ObjectError::Rule { id, rule: "values are nested too deeply" });
        }
        match slot {
            Slot::Text(blob, _) => self.need(id, blob.object()),
            Slot::Node(node) => self.need(id, node.object()),
            Slot::Inline(bytes) => {
                let node: DocumentNode = codec::decode_fields(&bytes.0)
                    .map_err(|source| ObjectError::Damaged { id, source })?;
                let slots: Vec<Slot> = match node {
                    DocumentNode::Map(Node::Leaf(entries)) => {
                        entries.into_iter().map(|entry| entry.value).collect()
                    }
                    DocumentNode::List(Node::Leaf(items)) => {
                        items.into_iter().map(|item| item.value).collect()
                    }
                    _ => return Err(ObjectError::Rule { id, rule: "an index is inline" }),
                };
                slots.iter().try_for_each(|slot| self.slot(id, slot, depth + 1))?;
            }
            Slot::Null | Slot::Bool(_) | Slot::Number(_) | Slot::String(_) => {}
        }
        Ok(())
    }

    fn experiment(&mut self, id: ObjectId) -> Result<(), ObjectError> {
        let experiment: Experiment = self.record(id)?;
        self.need(id, experiment.base.object());
        experiment.base_evaluation.iter().for_each(|e| self.need(id, e.object()));
        for approach in &experiment.approaches {
            approach.candidate.iter().for_each(|c| self.need(id, c.object()));
            approach.evaluation.iter().for_each(|e| self.need(id, e.object()));
        }
        if let Some(selection) = &experiment.selection {
            self.need(id, selection.candidate.object());
            selection.merged.iter().for_each(|m| self.need(id, m.object()));
        }
        Ok(())
    }

    fn operation(&mut self, id: ObjectId) -> Result<(), ObjectError> {
        let operation: Operation = self.record(id)?;
        operation.parents.iter().for_each(|parent| self.need(id, parent.object()));
        self.need(id, operation.before.object());
        self.need(id, operation.after.object());
        if let OperationKind::Undo { of } | OperationKind::Redo { of } = operation.kind {
            self.need(id, of.object());
        }
        Ok(())
    }
}
