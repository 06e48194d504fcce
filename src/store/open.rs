//! A store that is open for reading, and the way to everything else that it can do.
//!
//! Cheap to open: reads `format`, and nothing more before it is asked for more.

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::blob::{self, RawObjects};
use super::error::StoreError;
use super::heads::{self, Current};
use super::layout::{self, Layout};
use super::lock::{LockFile, Sharing, WorkspaceLock};
use super::pack::set::PackSet;
use super::quota::Quota;
use super::writer::{Refusal, Writer};
use crate::base::disk::Disk;
use crate::base::id::{BlobId, Hash, Kind, NamesId, ObjectId, OperationId};
use crate::base::limits::{LOCK_TRIES_MAX, RESCAN_TRIES_MAX};
use crate::object::memory::MemoryObjects;
use crate::object::names;
use crate::object::operation::Operation;
use crate::object::tombstone::Tombstone;
use crate::object::traits::{Fetch, ObjectError};

/// A store. Shared between threads by reference.
#[derive(Debug)]
pub struct Store {
    pub(super) layout: Layout,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) packs: PackSet,
    pub(super) poison: Poison,
    pub(super) quota: Quota,
    /// The map of no names, which can be fetched before anything is stored.
    no_names: (NamesId, Arc<Vec<u8>>),
    /// What was current when last asked: an operation never changes, so its names are known.
    last: Mutex<Option<Current>>,
}

impl Store {
    /// Makes a store in `root`, whose parent must exist, or finishes one that is half made.
    ///
    /// **Durability**: durable when it returns.
    ///
    /// # Errors
    /// [`StoreError::IsAStore`], [`StoreError::ForeignOwner`], [`StoreError::Full`],
    /// [`StoreError::ReadOnly`], [`StoreError::Disk`].
    pub fn create(root: &Path, disk: Arc<dyn Disk>, config: &str) -> Result<Self, StoreError> {
        layout::create(root, disk.as_ref(), config)?;
        Self::open(root, disk)
    }

    /// Opens a store. One that can only be read opens as well.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`], [`StoreError::NewerFormat`], [`StoreError::ForeignOwner`],
    /// [`StoreError::Corrupt`], [`StoreError::Disk`].
    pub fn open(root: &Path, disk: Arc<dyn Disk>) -> Result<Self, StoreError> {
        layout::check(root)?;
        let layout = Layout::new(root);
        let packs = PackSet::new(layout.packs());
        let memory = MemoryObjects::new();
        let id = names::empty(&memory)?;
        let no_names = (id, memory.fetch(id.object())?);
        let (poison, quota, last) = (Poison::default(), Quota::new(&layout), Mutex::new(None));
        Ok(Self { layout, disk, packs, poison, quota, no_names, last })
    }

    /// Whether a folder is a store, as far as a look tells, or what damage has left of one: then
    /// [`Store::open`] says so.
    ///
    /// # Errors
    /// [`StoreError::Disk`] for a folder that cannot be looked at.
    pub fn is_any(root: &Path) -> Result<bool, StoreError> {
        layout::is_any(root)
    }

    /// Whether it turned out since it was opened that a pack is damaged so that nobody can say what is in
    /// it: what is taken for stored may be gone with it.
    pub fn is_in_doubt(&self) -> bool {
        self.packs.is_in_doubt()
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        self.layout.root()
    }

    /// Where its parts lie.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What it writes through.
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// What is current; none before the first operation. Reads `heads/` and, when that has moved
    /// since it was last asked, one object.
    ///
    /// # Errors
    /// [`StoreError::Diverged`]; as `Fetch::fetch`.
    pub fn current(&self) -> Result<Option<Current>, StoreError> {
        self.heads().map(|(_, current)| current)
    }

    /// All names as they are now; the empty map's id before the first operation.
    ///
    /// # Errors
    /// As [`Store::current`].
    pub fn names(&self) -> Result<NamesId, StoreError> {
        Ok(self.current()?.map_or(self.no_names.0, |current| current.names))
    }

    /// The heads as listed, and the current one of them.
    pub(super) fn heads(&self) -> Result<(Vec<OperationId>, Option<Current>), StoreError> {
        let folder = self.layout.heads();
        let list = match heads::list_at_rest(&folder)? {
            Some(list) => list,
            None => {
                // Where no lock can be had at all, as in a store that is only read, nobody
                // commits either.
                let lock = self.lock_file("commit").lock(Sharing::Shared, LOCK_TRIES_MAX);
                if let Err(busy @ StoreError::Busy { .. }) = lock {
                    return Err(busy);
                }
                heads::list(&folder)?
            }
        };
        let Some(operation) = heads::resolve(self, &list)? else {
            self.refuse_lost_heads()?;
            return Ok((list, None));
        };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = last.filter(|known| known.operation == operation) {
            return Ok((list, Some(known)));
        }
        let names = Operation::fetch(self, operation)?.after;
        let current = Current { operation, names };
        *last = Some(current);
        Ok((list, Some(current)))
    }

    /// A workspace is registered after the commit of its first operation, and taken off the register
    /// before the heads go: with one, a store without a head has lost it, and is not an empty store.
    fn refuse_lost_heads(&self) -> Result<(), StoreError> {
        let registered = std::fs::read_dir(self.layout.stat());
        if registered.is_ok_and(|mut entries| entries.next().is_some()) {
            let what = "no operation is current, though the store has a workspace".to_owned();
            return Err(StoreError::Corrupt { path: self.layout.heads(), what });
        }
        Ok(())
    }

    /// Begins to write. Holds the shared lock of the writers until it is dropped, and removes
    /// what dead ones left in `tmp/`.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`]; [`StoreError::Busy`] during a collection.
    pub fn writer(&self) -> Result<Writer<'_>, StoreError> {
        self.begin_writer(Refusal::Beyond)
    }

    /// Begins to write what frees room, such as removing a name: the quota does not refuse that.
    ///
    /// # Errors
    /// As [`Store::writer`].
    pub fn writer_to_free(&self) -> Result<Writer<'_>, StoreError> {
        self.begin_writer(Refusal::Never)
    }

    fn begin_writer(&self, refusal: Refusal) -> Result<Writer<'_>, StoreError> {
        let tmp = self.layout.tmp();
        rustix::fs::access(&tmp, rustix::fs::Access::WRITE_OK)
            .map_err(|e| StoreError::from_io(&tmp, e.into()))?;
        let lock = self.lock_file("writers").lock(Sharing::Shared, LOCK_TRIES_MAX)?;
        super::pack::write::remove_stale(self.disk.as_ref(), &tmp);
        // What a collection took away must not be taken for stored because this process has it open.
        self.packs.rescan()?;
        Ok(Writer::new(self, lock, refusal))
    }

    /// Hashes of that kind that begin with these lower-case hexadecimal digits, ascending, at
    /// most `max`. Large blobs are found as [`Kind::Blob`].
    ///
    /// # Errors
    /// The disk's; [`ObjectError::File`].
    pub fn find(&self, kind: Kind, prefix: &str, max: usize) -> Result<Vec<Hash>, StoreError> {
        let mut found = self.packs.find(kind, prefix, max)?;
        if kind == Kind::Blob {
            found.extend(self.packs.find(Kind::Recipe, prefix, max)?);
            found.sort_unstable();
            found.dedup();
            found.truncate(max);
        }
        Ok(found)
    }

    /// Locks a workspace: shared for a verb that captures its files or shows them live, exclusive
    /// for one that changes them. Tries so many times, with a short pause between.
    ///
    /// Everybody takes turns at the door: whoever waits for the workspace alone keeps those out that
    /// come later, else some that share it one after another would keep it out for ever. Whoever shares it
    /// and does not get its turn in time tries without: a command that runs for hours shares it, too.
    ///
    /// # Errors
    /// [`StoreError::Busy`] names the holder, or the last one of several.
    pub fn lock_workspace(
        &self,
        workspace: &str,
        verb: &str,
        sharing: Sharing,
        tries: usize,
    ) -> Result<WorkspaceLock, StoreError> {
        let locks = self.layout.locks();
        let file = LockFile::of_workspace(&locks, workspace);
        let turn = LockFile::of_turn(&locks, workspace).lock(Sharing::Exclusive, tries);
        let (turn, tries) = match turn {
            Ok(turn) => (Some(turn), tries),
            Err(StoreError::Busy { .. }) if sharing == Sharing::Shared => (None, 1),
            // Named by who has the workspace, not by who waits for it.
            Err(StoreError::Busy { what, .. }) => {
                return Err(StoreError::Busy { what, holder: file.holder() });
            }
            Err(error) => return Err(error),
        };
        let lock = file.lock(sharing, tries);
        drop(turn);
        Ok(lock?.of_workspace(verb))
    }

    /// Whether a verb runs that captures a workspace, shows it live or changes it.
    pub fn is_workspace_in_use(&self, workspace: &str) -> bool {
        let file = LockFile::of_workspace(&self.layout.locks(), workspace);
        matches!(file.lock(Sharing::Exclusive, 1), Err(StoreError::Busy { .. }))
    }

    /// Removes the lock file of a workspace that is gone. What cannot be removed stays.
    pub fn forget_workspace_lock(&self, workspace: &str) {
        LockFile::of_turn(&self.layout.locks(), workspace).remove();
        LockFile::of_workspace(&self.layout.locks(), workspace).remove();
    }

    pub(super) fn lock_file(&self, name: &str) -> LockFile {
        LockFile::new(&self.layout.locks(), name, "the store")
    }

    pub(super) fn poison(&self, error: &dyn std::error::Error) {
        self.poison.set(error);
    }

    pub(super) fn refuse_poisoned(&self) -> Result<(), ObjectError> {
        self.poison.refuse()
    }

    /// Why an object is not there: let go on purpose, or lost.
    pub(super) fn absence(&self, id: ObjectId) -> ObjectError {
        let place = Tombstone::place(id);
        let found = match self.raw(place) {
            Ok(Some(bytes)) => Tombstone::decode(id, &bytes),
            Ok(None) => return ObjectError::Missing { id },
            Err(error) => Err(error),
        };
        found.map_or_else(|error| error, |tombstone| ObjectError::Gone { id, tombstone })
    }

    fn is_no_names(&self, id: ObjectId) -> bool {
        id == self.no_names.0.object()
    }
}

/// What failed first, once a durable write has failed. Shared by all that write to one store.
#[derive(Clone, Debug, Default)]
pub(super) struct Poison(Arc<OnceLock<String>>);

impl Poison {
    /// Remembers that a durable write failed: from then on this process writes no more, because
    /// what the system has lost cannot be known.
    pub fn set(&self, error: &dyn std::error::Error) {
        let _ = self.0.set(error.to_string());
    }

    /// Refuses to write after a failure.
    pub fn refuse(&self) -> Result<(), ObjectError> {
        match self.0.get() {
            Some(first) => Err(ObjectError::Poisoned { first: first.clone() }),
            None => Ok(()),
        }
    }
}

impl RawObjects for Store {
    fn raw(&self, id: ObjectId) -> Result<Option<Vec<u8>>, ObjectError> {
        self.packs.fetch(id)
    }

    fn holds(&self, id: ObjectId) -> Result<bool, ObjectError> {
        Ok(self.packs.locate(id)?.is_some())
    }
}

impl Fetch for Store {
    fn fetch(&self, id: ObjectId) -> Result<Arc<Vec<u8>>, ObjectError> {
        if self.is_no_names(id) {
            return Ok(self.no_names.1.clone());
        }
        if let Some(bytes) = blob::fetch(self, id)? {
            return Ok(Arc::new(bytes));
        }
        // A miss is rare and mostly an error to come: listing the packs is worth its price. Between a
        // listing and the look others may bring packs together once more.
        for _ in 0..RESCAN_TRIES_MAX {
            self.packs.settle()?;
            if let Some(bytes) = blob::fetch(self, id)? {
                return Ok(Arc::new(bytes));
            }
            if !self.packs.has_changed() {
                break;
            }
        }
        Err(self.absence(id))
    }

    /// What another process stored in the last few milliseconds may not be seen.
    fn contains(&self, id: ObjectId) -> Result<bool, ObjectError> {
        let recipe = ObjectId { kind: Kind::Recipe, ..id };
        Ok(self.is_no_names(id)
            || self.packs.locate_now(id)?.is_some()
            || (id.kind == Kind::Blob && self.packs.locate(recipe)?.is_some()))
    }

    fn fetch_blob_to(&self, id: BlobId, into: &mut dyn Write) -> Result<u64, ObjectError> {
        // The usual case costs one look-up.
        if let Some(bytes) = self.raw(id.object())? {
            into.write_all(&bytes).map_err(ObjectError::Content)?;
            return Ok(bytes.len() as u64);
        }
        if !self.contains(id.object())? {
            self.packs.settle()?;
        }
        match blob::fetch_to(self, id, into) {
            Err(ObjectError::Missing { id }) => Err(self.absence(id)),
            done => done,
        }
    }
}
