//! Marking: which objects are live, told which operations are kept, which snapshots whole, and what
//! else is needed.
//!
//! **A snapshot is live in two degrees.** As a record it is live where anything live refers to it, so
//! that walks of the DAG, merge bases and logs work for ever. Its tree and its state are live only
//! where it is *whole*. What a live object refers to and does not keep is remembered: if it goes, a
//! tombstone takes its place.
//!
//! Marks are added to: what was committed since, and a snapshot that was marked as a record and is
//! now needed whole.
//!
//! Costs some 60 bytes an object. Content of files is not read.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::super::error::StoreError;
use super::super::heads;
use super::super::lock::Sharing;
use super::super::open::Store;
use super::family::{self, Families, Family};
use super::fetch_all::{fetch_all, newest_first};
use super::follow::{self, Reference};
use super::part::Parts;
use super::plan::Keep;
use super::survey::listed;
use crate::base::id::{Kind, ObjectId, OperationId, SnapshotId};
use crate::base::limits::{LOCK_TRIES_MAX, MARK_BATCH, OPERATIONS_WALK_MAX};
use crate::base::time::Timestamp;
use crate::object::experiment::Experiment;
use crate::object::names::{self, ForeignValue, NameValue};
use crate::object::operation::Operation;
use crate::object::snapshot::Snapshot;
use crate::object::traits::ObjectError;

/// What is known of a live object.
#[derive(Clone, Copy, Debug)]
pub struct Live {
    /// The versions that it is one of.
    pub family: Family,
    /// When it was met: the newest versions first.
    pub turn: u32,
    /// Where it is taken from, as the survey of the packs says.
    pub holder: u32,
}

/// Nothing holds it as far as is known.
pub const NOWHERE: u32 = u32::MAX;

/// Which objects are live.
#[derive(Debug, Default)]
pub struct Marks {
    live: HashMap<ObjectId, Live>,
    referred: HashSet<ObjectId>,
    whole: HashSet<SnapshotId>,
    operations: HashSet<OperationId>,
    families: Families,
    parts: Parts,
    turn: u32,
}

/// An object that is live and was not looked at.
#[derive(Clone, Copy)]
struct Need {
    id: ObjectId,
    family: Family,
}

/// Tree and state of a snapshot that is whole.
type Content = (Timestamp, Vec<ObjectId>);

impl Marks {
    /// Marks what is to be kept, and what is current. Who said what is kept looked at the log a while
    /// ago: what was committed behind the operations that are kept is marked as in [`Marks::since`].
    ///
    /// # Errors
    /// As `Fetch::fetch`. What a live object refers to and is neither there nor let go on purpose
    /// is an error: nobody knows what it would keep.
    pub fn of(store: &Store, keep: Keep) -> Result<Self, StoreError> {
        let Keep { operations, whole, objects } = keep;
        let names_no_log = operations.is_empty();
        let parts = Parts::of(store)?;
        let mut marks = Self { whole, operations, parts, ..Self::default() };
        if names_no_log {
            marks.operations.extend(listed_heads(store)?);
        }
        let operations: Vec<_> = marks.operations.iter().map(|id| id.object()).collect();
        let whole: Vec<_> = marks.whole.iter().map(|id| id.object()).collect();
        let roots = [newest_first(store, &operations)?, newest_first(store, &whole)?].concat();
        marks.walk_all(store, &roots)?;
        marks.mark_objects(store, objects)?;
        marks.since(store)?;
        Ok(marks)
    }

    /// Marks what was committed since; says whether there was anything. Names that moved since
    /// make the snapshots that they lead to whole.
    ///
    /// # Errors
    /// As [`Marks::of`].
    pub fn since(&mut self, store: &Store) -> Result<bool, StoreError> {
        let mut pending = listed_heads(store)?;
        let (mut new, mut whole) = (Vec::new(), Vec::new());
        while let Some(id) = pending.pop() {
            if new.len() > OPERATIONS_WALK_MAX || !self.operations.insert(id) {
                continue;
            }
            let operation = match Operation::fetch(store, id) {
                Err(ObjectError::Gone { .. }) => continue,
                operation => operation?,
            };
            for change in names::diff(store, operation.before, operation.after)? {
                let value = change.after.map(|entry| entry.value);
                value.map_or(Ok(()), |value| named(store, &value, &mut whole))?;
            }
            pending.extend(&operation.parents);
            new.push(id.object());
        }
        if new.is_empty() {
            return Ok(false);
        }
        self.parts = Parts::of(store)?;
        self.walk_all(store, &new)?;
        self.mark_whole(store, &whole)?;
        Ok(true)
    }

    /// What is known of an object, if it is live.
    pub fn get(&self, id: ObjectId) -> Option<&Live> {
        self.live.get(&id)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, id: ObjectId) -> Option<&mut Live> {
        self.live.get_mut(&id)
    }

    /// All live objects, in no order.
    pub fn all_mut(&mut self) -> impl Iterator<Item = &mut Live> {
        self.live.values_mut()
    }

    /// All live objects by their ids, in no order.
    pub fn ids(&self) -> impl Iterator<Item = ObjectId> {
        self.live.keys().copied()
    }

    /// Whether a live object refers to it, and it may be gone.
    pub fn is_referred(&self, id: ObjectId) -> bool {
        self.referred.contains(&id)
    }

    /// Whether it is live, or a live object refers to an object of that hash.
    pub fn needs_tombstone(&self, tombstone: ObjectId) -> bool {
        let of = |kind| ObjectId { kind, ..tombstone };
        let mut kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Tombstone).map(of);
        kinds.any(|id| self.referred.contains(&id) || self.live.contains_key(&id))
    }

    /// The families of what is live.
    pub fn families(&self) -> &Families {
        &self.families
    }

    /// Snapshots of which the record is live, and how many of them are whole.
    pub fn snapshots(&self) -> (u64, u64) {
        let records = self.live.keys().filter(|id| id.kind == Kind::Snapshot);
        let whole = |id: &&ObjectId| self.whole.contains(&SnapshotId(id.hash));
        let (all, whole) = (records.clone().count(), records.filter(whole).count());
        (all as u64, whole as u64)
    }

    fn mark_objects(&mut self, store: &Store, objects: Vec<ObjectId>) -> Result<(), StoreError> {
        let of_kind = |wanted| move |id: &&ObjectId| id.kind == wanted;
        let snapshots = objects.iter().filter(of_kind(Kind::Snapshot));
        let snapshots: Vec<_> = snapshots.map(|id| SnapshotId(id.hash)).collect();
        let operations = objects.iter().filter(of_kind(Kind::Operation));
        self.operations.extend(operations.map(|id| OperationId(id.hash)));
        let others = objects.iter().filter(|id| id.kind != Kind::Snapshot);
        let others: Vec<_> = others.copied().collect();
        self.walk_all(store, &others)?;
        self.mark_whole(store, &snapshots)
    }

    fn mark_whole(&mut self, store: &Store, snapshots: &[SnapshotId]) -> Result<(), StoreError> {
        let (mut roots, mut contents) = (Vec::new(), Vec::new());
        for id in snapshots.iter().copied() {
            if !self.whole.insert(id) {
                continue;
            }
            roots.push(id.object());
            if self.live.contains_key(&id.object()) {
                contents.push(content_of(&Snapshot::fetch(store, id)?));
            }
        }
        self.walk_contents(store, contents)?;
        self.walk_all(store, &roots)
    }

    /// Walks from these, then through the content of snapshots that were met and are whole.
    fn walk_all(&mut self, store: &Store, roots: &[ObjectId]) -> Result<(), StoreError> {
        let (mut frontier, mut contents) = (Vec::new(), Vec::new());
        roots.iter().for_each(|id| self.meet(*id, family_of(id.kind), &mut frontier));
        self.walk(store, frontier, &mut contents)?;
        self.walk_contents(store, contents)
    }

    fn walk_contents(
        &mut self,
        store: &Store,
        mut contents: Vec<Content>,
    ) -> Result<(), StoreError> {
        contents.sort_by_key(|(when, _)| std::cmp::Reverse(*when));
        let mut frontier = Vec::new();
        for id in contents.iter().flat_map(|(_, roots)| roots) {
            self.meet(*id, family_of(id.kind), &mut frontier);
        }
        self.walk(store, frontier, &mut Vec::new())?;
        self.mark_pieces(store)
    }

    /// Level by level, so that of two versions the newer one is met first.
    fn walk(
        &mut self,
        store: &Store,
        mut frontier: Vec<Need>,
        contents: &mut Vec<Content>,
    ) -> Result<(), StoreError> {
        while !frontier.is_empty() {
            let mut next = Vec::new();
            for batch in frontier.chunks(MARK_BATCH) {
                let ids: Vec<_> = batch.iter().map(|need| need.id).collect();
                for (need, found) in batch.iter().zip(fetch_all(store, &ids)?) {
                    match found {
                        // What is there of it is of no use to anybody, and must not seem to be.
                        Ok(_) if self.is_in_part(store, need.id)? => self.leave(need.id),
                        Ok(bytes) => self.take(*need, &bytes, &mut next, contents)?,
                        // Let go before: what refers to it knows.
                        Err(ObjectError::Gone { id, .. }) if id == need.id => self.leave(id),
                        Err(e) => return Err(e.into()),
                    }
                }
            }
            frontier = next;
        }
        Ok(())
    }

    /// It is gone, or might as well be.
    fn leave(&mut self, id: ObjectId) {
        self.live.remove(&id);
        self.referred.insert(id);
    }

    fn is_in_part(&mut self, store: &Store, id: ObjectId) -> Result<bool, ObjectError> {
        let is_content = matches!(id.kind, Kind::Tree | Kind::Document);
        Ok(is_content && self.parts.is_in_part(store, id)?)
    }

    fn take(
        &mut self,
        need: Need,
        bytes: &[u8],
        next: &mut Vec<Need>,
        contents: &mut Vec<Content>,
    ) -> Result<(), ObjectError> {
        let id = need.id;
        let is_whole = id.kind == Kind::Snapshot && self.whole.contains(&SnapshotId(id.hash));
        if is_whole {
            contents.push(content_of(&follow::decode(id, bytes)?));
        }
        for reference in follow::references_in(id, bytes)? {
            match (id.kind, reference.id.kind) {
                // Content is walked when all snapshots are known, the newest first.
                (Kind::Snapshot, Kind::Tree | Kind::Document) if is_whole => {}
                // An operation that is kept is a root itself.
                (Kind::Snapshot, Kind::Tree | Kind::Document)
                | (Kind::Operation, Kind::Operation) => {
                    self.referred.insert(reference.id);
                }
                _ if reference.is_weak => {
                    self.referred.insert(reference.id);
                }
                _ => {
                    let family = self.family(need, &reference);
                    self.meet(reference.id, family, next);
                }
            }
        }
        Ok(())
    }

    fn family(&mut self, need: Need, to: &Reference) -> Family {
        match &to.name {
            Some(name) => self.families.below(need.family, &name.0),
            None if need.id.kind == to.id.kind => need.family,
            // A long text of a state.
            None if to.id.kind == Kind::Blob => need.family,
            None => family_of(to.id.kind),
        }
    }

    fn meet(&mut self, id: ObjectId, family: Family, next: &mut Vec<Need>) {
        if let Entry::Vacant(free) = self.live.entry(id) {
            free.insert(Live { family, turn: self.turn, holder: NOWHERE });
            self.turn = self.turn.saturating_add(1);
            if id.kind != Kind::Blob {
                next.push(Need { id, family });
            }
        }
    }

    /// Marks the recipes of large blobs that are live, and their pieces.
    fn mark_pieces(&mut self, store: &Store) -> Result<(), StoreError> {
        let mut found = Vec::new();
        for pack in store.packs.rescan()?.iter() {
            for id in listed(pack, Kind::Recipe)? {
                let live = self.live.get(&ObjectId { kind: Kind::Blob, ..id });
                if let (Some(live), None) = (live, self.live.get(&id)) {
                    found.push((live.turn, live.family, id));
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        let mut pieces = Vec::new();
        for (_, family, id) in found {
            self.meet(id, family, &mut Vec::new());
            for piece in follow::references(store, id)? {
                self.meet(piece.id, family, &mut pieces);
            }
        }
        Ok(())
    }
}

/// What is met first of a kind, and of no directory.
fn family_of(kind: Kind) -> Family {
    match kind {
        Kind::Blob | Kind::Tree => family::ROOT,
        Kind::Document => family::STATE,
        _ => family::RECORD,
    }
}

fn content_of(snapshot: &Snapshot) -> Content {
    let state = snapshot.state.map(|state| state.object());
    (snapshot.when, std::iter::once(snapshot.tree.object()).chain(state).collect())
}

/// The operations that are current: several after a crash, or when histories diverged.
fn listed_heads(store: &Store) -> Result<Vec<OperationId>, StoreError> {
    let folder = store.layout.heads();
    match heads::list_at_rest(&folder)? {
        Some(list) => Ok(list),
        None => {
            let _still = store.lock_file("commit").lock(Sharing::Shared, LOCK_TRIES_MAX)?;
            heads::list(&folder)
        }
    }
}

/// The snapshots that a name leads to.
fn named(store: &Store, value: &NameValue, into: &mut Vec<SnapshotId>) -> Result<(), ObjectError> {
    match value {
        NameValue::Branch(snapshot) | NameValue::Tag { snapshot, .. } => into.push(*snapshot),
        NameValue::Position(position) => into.push(position.snapshot),
        NameValue::Experiment(experiment)
        | NameValue::Foreign { value: ForeignValue::Experiment(experiment), .. } => {
            let experiment = Experiment::fetch(store, *experiment)?;
            into.push(experiment.base);
            into.extend(experiment.approaches.iter().filter_map(|approach| approach.candidate));
            let selection = experiment.selection.iter();
            into.extend(selection.flat_map(|s| [Some(s.candidate), s.merged]).flatten());
        }
        NameValue::Evaluation(_) | NameValue::Verdict(_) | NameValue::Foreign { .. } => {}
    }
    Ok(())
}
