//! Receiving a bundle: its objects are put as they come, and everything is proved before anything can
//! be named.
//!
//! **Durability**: nothing is durable or visible before the commit that follows; without one, what
//! was put goes with the writer. A bundle of more than a pack leaves packs that nothing needs.
//!
//! **Invariant**: what is put stands under a hash that it was proved to have: a recipe is put together
//! first, and a tombstone never stands in the way of an object that is here.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::io::{BufRead, Write};
use std::sync::{Mutex, PoisonError};

use super::super::blob::{self, RawObjects, Recipe};
use super::super::holdable::{Holdable, Leaf};
use super::super::open::Store;
use super::super::writer::Writer;
use super::closure::{Closure, Found};
use super::error::BundleError;
use super::manifest::Manifest;
use super::read::BundleReader;
use super::select::going_on;
use crate::base::codec;
use crate::base::id::{BlobId, DocumentId, Kind, ObjectId, SnapshotId};
use crate::base::limits::BLOB_WHOLE_BYTES_MAX;
use crate::object::evaluation::Evaluation;
use crate::object::experiment::Experiment;
use crate::object::memory::MemoryObjects;
use crate::object::names::{self, NameEntry, NameKey, NameValue};
use crate::object::snapshot::Snapshot;
use crate::object::tombstone::{Farewell, Tombstone};
use crate::object::traits::{Fetch, ObjectError, Put};

/// What came with a bundle, all of it proved.
#[derive(Clone, Debug)]
pub struct Received {
    /// What it says of itself.
    pub manifest: Manifest,
    /// Objects that were not here.
    pub new: u64,
    /// Objects that were here already.
    pub known: u64,
    /// Objects whose content was forgotten here on purpose: they are not taken.
    pub left_out: u64,
    /// Snapshots that came without files or without state, since those were let go where it was made,
    /// and are not here either. Ascending.
    pub without: Vec<SnapshotId>,
}

/// What objects of a bundle are put into.
trait Receive: Put + RawObjects {
    /// Proves that pieces are the whole.
    fn prove(&self, blob: BlobId, recipe: &Recipe) -> Result<(), ObjectError>;
}

impl Writer<'_> {
    /// Takes a bundle in. What it brings can be fetched from this writer, and is stored with the next
    /// commit.
    ///
    /// # Errors
    /// Each way in which a bundle can be wrong, and the store can fail: see [`BundleError`].
    pub fn receive(
        &self,
        from: impl BufRead,
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<Received, BundleError> {
        receive(self.store(), self, from, is_cancelled)
    }
}

impl Store {
    /// Proves a bundle as [`Writer::receive`] does, and stores nothing. Holds all records in memory;
    /// whether pieces are the large file that they say is not proved.
    ///
    /// # Errors
    /// As [`Writer::receive`].
    pub fn look_at_bundle<R>(
        &self,
        from: impl BufRead,
        is_cancelled: &dyn Fn() -> bool,
        then: impl FnOnce(&Received, &dyn Fetch) -> R,
    ) -> Result<R, BundleError> {
        let looked = Looked { store: self, records: MemoryObjects::new(), blobs: Mutex::default() };
        let received = receive(self, &looked, from, is_cancelled)?;
        Ok(then(&received, &looked))
    }
}

fn receive(
    store: &Store,
    objects: &impl Receive,
    from: impl BufRead,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Received, BundleError> {
    let mut reader = BundleReader::open(from)?;
    // Listed once: afterwards what is not known is not looked for on the disk.
    store.packs.rescan()?;
    for needed in &reader.manifest.prerequisites {
        if !objects.contains(needed.snapshot.object())? {
            let (snapshot, name) = (needed.snapshot, needed.name.clone());
            return Err(BundleError::Prerequisite { snapshot, name });
        }
    }
    let leaves = HashMap::new();
    let mut taking = Taking { store, objects, leaves, new: 0, known: 0, left_out: 0 };
    let mut brought = HashSet::new();
    while let Some((id, bytes)) = reader.next()? {
        going_on(is_cancelled)?;
        if !brought.insert(id) {
            return Err(BundleError::damaged(format!("{id} is in it twice")));
        }
        taking.take(id, bytes)?;
    }
    let Taking { leaves, new, known, left_out, .. } = taking;
    let manifest = reader.manifest;
    let proof = Proof { store, objects, manifest: &manifest, brought };
    let let_go = proof.prove(left_out > 0, is_cancelled)?;
    proof.prove_extents(leaves)?;
    let without = proof.without(&let_go)?;
    Ok(Received { manifest, new, known, left_out, without })
}

/// Objects on their way in.
struct Taking<'a, P> {
    store: &'a Store,
    objects: &'a P,
    /// What came for files and links.
    leaves: HashMap<BlobId, Leaf>,
    new: u64,
    known: u64,
    left_out: u64,
}

impl<P: Receive> Taking<'_, P> {
    fn take(&mut self, id: ObjectId, bytes: Vec<u8>) -> Result<(), BundleError> {
        if id.kind == Kind::Tombstone {
            return self.tombstone(id, bytes);
        }
        if id.kind == Kind::Blob && bytes.len() as u64 > BLOB_WHOLE_BYTES_MAX {
            return Err(BundleError::damaged(format!("{id} is larger than a piece may be")));
        }
        self.remember(id, &bytes);
        // What has a tombstone may lack something, and is stored anew.
        if self.objects.contains(id)? {
            self.known += 1;
            return Ok(());
        }
        if self.is_forgotten(id)?.is_some() {
            self.left_out += 1;
            return Ok(());
        }
        if id.kind == Kind::Recipe && !self.recipe(id, &bytes)? {
            return Ok(());
        }
        self.objects.put(id, bytes)?;
        self.new += 1;
        Ok(())
    }

    /// Remembers what is to be known of the content of a file or link: it is not read again.
    fn remember(&mut self, id: ObjectId, bytes: &[u8]) {
        let leaf = match id.kind {
            Kind::Blob => Leaf::of(bytes),
            // One that is not a recipe is refused when it is taken.
            Kind::Recipe => match codec::decode::<Recipe>(Kind::Recipe, bytes) {
                Ok(recipe) => Leaf { length: recipe.length, is_target: false },
                Err(_) => return,
            },
            _ => return,
        };
        self.leaves.insert(BlobId(id.hash), leaf);
    }

    /// The tombstone of what was forgotten here.
    fn is_forgotten(&self, id: ObjectId) -> Result<Option<Tombstone>, ObjectError> {
        let kind = if id.kind == Kind::Recipe { Kind::Blob } else { id.kind };
        let of = ObjectId { kind, ..id };
        let Some(bytes) = self.store.raw(Tombstone::place(of))? else { return Ok(None) };
        let found = Tombstone::decode(of, &bytes)?;
        Ok((found.why == Farewell::Forgotten).then_some(found))
    }

    /// Proves a recipe; false where a piece was forgotten here, and so the whole is.
    fn recipe(&mut self, id: ObjectId, bytes: &[u8]) -> Result<bool, BundleError> {
        let recipe: Recipe = codec::decode(Kind::Recipe, bytes)
            .map_err(|source| ObjectError::Damaged { id, source })?;
        let blob = BlobId(id.hash);
        for piece in &recipe.pieces {
            if self.objects.contains(piece.blob.object())? {
                continue;
            }
            let Some(tombstone) = self.is_forgotten(piece.blob.object())? else {
                let (id, wanted_by) = (piece.blob.object(), id.to_string());
                return Err(BundleError::Incomplete { id, wanted_by });
            };
            tombstone.put(self.objects, blob.object())?;
            self.left_out += 1;
            return Ok(false);
        }
        match self.objects.prove(blob, &recipe) {
            Err(ObjectError::Damaged { id, .. }) => {
                Err(BundleError::damaged(format!("the pieces of {id} are not the whole")))
            }
            proved => proved.map(|()| true).map_err(Into::into),
        }
    }

    fn tombstone(&mut self, place: ObjectId, bytes: Vec<u8>) -> Result<(), BundleError> {
        let wrong = || BundleError::damaged(format!("{place} stands for nothing that travels"));
        let read: Tombstone = codec::decode(Kind::Tombstone, &bytes).map_err(|_| wrong())?;
        let kind = Kind::from_number(read.kind).ok_or_else(wrong)?;
        if matches!(kind, Kind::Recipe | Kind::Tombstone | Kind::Operation | Kind::Names) {
            return Err(wrong());
        }
        let of = ObjectId { kind, ..place };
        if self.objects.contains(of)? || self.store.holds(place)? {
            self.known += 1;
            return Ok(());
        }
        self.objects.put(place, bytes)?;
        self.new += 1;
        Ok(())
    }
}

/// A bundle that was read to its end, to be proved.
struct Proof<'a, P> {
    store: &'a Store,
    objects: &'a P,
    manifest: &'a Manifest,
    /// What was in it.
    brought: HashSet<ObjectId>,
}

impl<P: Receive> Proof<'_, P> {
    /// Proves that everything is there that the names need, and nothing that they do not. Gives what was
    /// let go by retention.
    fn prove(
        &self,
        is_less: bool,
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<HashSet<ObjectId>, BundleError> {
        let live = OnceCell::new();
        let mut unneeded = self.brought.clone();
        let mut let_go = HashSet::new();
        let enters = &mut |id: ObjectId| {
            going_on(is_cancelled)?;
            if id.kind != Kind::Snapshot || self.brought.contains(&id) {
                return Ok(true);
            }
            // What a name here reaches is whole; what merely lies here need not be.
            if live.get().is_none() {
                let _ = live.set(live_snapshots(self.store)?);
            }
            Ok(!live
                .get()
                .is_some_and(|live: &HashSet<SnapshotId>| live.contains(&SnapshotId(id.hash))))
        };
        let found = &mut |found: Found| {
            for id in [found.id, found.stored, Tombstone::place(found.id)] {
                unneeded.remove(&id);
            }
            if found.stored.kind == Kind::Tombstone && self.is_let_go(&found)? {
                let_go.insert(found.id);
            }
            Ok(())
        };
        let mut closure = Closure::new(self.objects, true);
        self.manifest.names.iter().for_each(|entry| closure.start_at(entry));
        match closure.walk(enters, found) {
            // Bytes were checked as they came; what breaks a rule was made so.
            Err(BundleError::Objects(error @ ObjectError::Rule { .. })) => {
                return Err(BundleError::damaged(error.to_string()));
            }
            Err(BundleError::Incomplete { id, wanted_by }) if self.is_taken_for_granted()? => {
                return Err(BundleError::LetGo { id, wanted_by });
            }
            walked => walked?,
        }
        for entry in &self.manifest.names {
            prove_name(self.objects, entry)?;
        }
        match unneeded.into_iter().next() {
            Some(id) if !is_less => Err(BundleError::damaged(format!("nothing in it needs {id}"))),
            _ => Ok(let_go),
        }
    }

    /// Proves that a workspace can hold each tree that came: whoever goes there later must not find
    /// half of it written, or all memory taken.
    fn prove_extents(&self, leaves: HashMap<BlobId, Leaf>) -> Result<(), BundleError> {
        let mut holdable = Holdable::new(self.store, leaves);
        for id in self.brought.iter().filter(|id| id.kind == Kind::Snapshot) {
            let tree = Snapshot::fetch(self.objects, SnapshotId(id.hash))?.tree;
            match holdable.prove(self.objects, tree) {
                Err(error @ ObjectError::Rule { .. }) => {
                    return Err(BundleError::damaged(error.to_string()));
                }
                proved => proved?,
            }
        }
        Ok(())
    }

    /// Whether retention let an object go that has a tombstone. What was let go where the bundle was made
    /// has its tombstone in it; if it has not, its maker has the object and took it for granted.
    fn is_let_go(&self, found: &Found) -> Result<bool, BundleError> {
        let tombstone = Tombstone::of(self.objects, found.id)?;
        if tombstone.is_none_or(|tombstone| tombstone.why != Farewell::Retention) {
            return Ok(false);
        }
        match self.brought.contains(&found.stored) {
            true => Ok(true),
            false => Err(BundleError::LetGo { id: found.id, wanted_by: found.wanted_by() }),
        }
    }

    /// Whether what is missing may be something that the maker of the bundle took for granted and that
    /// was let go here: what is below a directory that was let go has no tombstone in the end.
    fn is_taken_for_granted(&self) -> Result<bool, BundleError> {
        if self.manifest.prerequisites.is_empty() {
            return Ok(false);
        }
        for id in live_snapshots(self.store)? {
            let Snapshot { tree, state, .. } = Snapshot::fetch(self.store, id)?;
            for of in std::iter::once(tree.object()).chain(state.map(DocumentId::object)) {
                let found = Tombstone::of(self.store, of)?;
                if found.is_some_and(|tombstone| tombstone.why == Farewell::Retention) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The snapshots of the bundle whose files or state are among what was let go.
    fn without(&self, let_go: &HashSet<ObjectId>) -> Result<Vec<SnapshotId>, BundleError> {
        let mut without = Vec::new();
        let snapshots = self.brought.iter().filter(|id| id.kind == Kind::Snapshot);
        for id in snapshots.filter(|_| !let_go.is_empty()).map(|id| SnapshotId(id.hash)) {
            let Snapshot { tree, state, .. } = Snapshot::fetch(self.objects, id)?;
            let is_gone = |id: ObjectId| let_go.contains(&id);
            if is_gone(tree.object()) || state.is_some_and(|state| is_gone(state.object())) {
                without.push(id);
            }
        }
        without.sort_unstable();
        Ok(without)
    }
}

/// Proves that what a name points at goes by that name.
fn prove_name(objects: &impl Receive, entry: &NameEntry) -> Result<(), BundleError> {
    let is_right = match (NameKey::parse(&entry.key), &entry.value) {
        (Some(key @ NameKey::Evaluation(_)), NameValue::Evaluation(id)) => {
            let found = Evaluation::fetch(objects, *id)?;
            key == NameKey::memo(found.tree, found.evaluator, found.environment)
        }
        (Some(NameKey::Experiment(name)), NameValue::Experiment(id)) => {
            Experiment::fetch(objects, *id)?.name == name
        }
        _ => true,
    };
    if is_right {
        return Ok(());
    }
    Err(BundleError::damaged(format!("`{}` points at what goes by another name", entry.key)))
}

/// The snapshots that the names of this moment reach.
fn live_snapshots(store: &Store) -> Result<HashSet<SnapshotId>, BundleError> {
    let mut pending = Vec::new();
    for entry in names::list(store, store.names()?, "")? {
        match entry.value {
            NameValue::Branch(snapshot) | NameValue::Tag { snapshot, .. } => pending.push(snapshot),
            NameValue::Position(position) => pending.push(position.snapshot),
            // What these hold is mostly on branches; where it is not, it is walked.
            _ => {}
        }
    }
    let mut live = HashSet::new();
    while let Some(id) = pending.pop() {
        if live.insert(id) {
            pending.extend(Snapshot::fetch(store, id)?.parents);
        }
    }
    Ok(live)
}

impl Receive for Writer<'_> {
    fn prove(&self, blob: BlobId, recipe: &Recipe) -> Result<(), ObjectError> {
        blob::assemble(self, blob, recipe, &mut std::io::sink()).map(|_| ())
    }
}

/// What a bundle brings, over a store that is only read: records whole, blobs by their ids.
struct Looked<'a> {
    store: &'a Store,
    records: MemoryObjects,
    blobs: Mutex<HashSet<ObjectId>>,
}

impl RawObjects for Looked<'_> {
    fn raw(&self, id: ObjectId) -> Result<Option<Vec<u8>>, ObjectError> {
        match self.records.fetch(id) {
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            Err(ObjectError::Missing { .. }) => self.store.raw(id),
            Err(error) => Err(error),
        }
    }

    fn holds(&self, id: ObjectId) -> Result<bool, ObjectError> {
        let is_blob = self.blobs.lock().unwrap_or_else(PoisonError::into_inner).contains(&id);
        Ok(is_blob || self.records.contains(id)? || self.store.holds(id)?)
    }
}

impl Fetch for Looked<'_> {
    fn fetch(&self, id: ObjectId) -> Result<std::sync::Arc<Vec<u8>>, ObjectError> {
        match self.records.fetch(id) {
            Err(ObjectError::Missing { .. }) => self.store.fetch(id),
            found => found,
        }
    }

    fn contains(&self, id: ObjectId) -> Result<bool, ObjectError> {
        let is_blob = self.blobs.lock().unwrap_or_else(PoisonError::into_inner).contains(&id);
        if is_blob || self.records.contains(id)? {
            return Ok(true);
        }
        // As a writer has it: what has a tombstone may lack something.
        let is_whole = || -> Result<bool, ObjectError> {
            let is_blob = id.kind == Kind::Blob && self.store.holds(id)?;
            let is_let_go = || self.store.holds(Tombstone::place(id));
            Ok(is_blob || !is_let_go()? || blob::has_all_pieces(self.store, id))
        };
        Ok(self.store.contains(id)? && is_whole()?)
    }

    fn fetch_blob_to(&self, id: BlobId, into: &mut dyn Write) -> Result<u64, ObjectError> {
        self.store.fetch_blob_to(id, into)
    }
}

impl Put for Looked<'_> {
    fn put(&self, id: ObjectId, bytes: Vec<u8>) -> Result<(), ObjectError> {
        if id.kind == Kind::Blob {
            self.blobs.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
            return Ok(());
        }
        self.records.put(id, bytes)
    }
}

impl Receive for Looked<'_> {
    fn prove(&self, blob: BlobId, recipe: &Recipe) -> Result<(), ObjectError> {
        let sum = recipe.pieces.iter().map(|p| p.length).try_fold(0_u64, u64::checked_add);
        if sum == Some(recipe.length) {
            return Ok(());
        }
        let source = codec::CodecError::Fields("its pieces are not the whole".to_owned());
        Err(ObjectError::Damaged { id: blob.object(), source })
    }
}
