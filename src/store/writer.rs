//! Putting objects: gathered into blocks, compressed on the thread that fills one, written to a
//! pack in `tmp/`, durable with [`Writer::flush`].
//!
//! **Invariant**: an object that a writer was given can be fetched from it at once, and never lies
//! twice in one pack.
//!
//! Locks are taken in this order: `gate`, `pack`, `pending`. A `put` shares the gate, `flush` has
//! it alone; nothing that holds the gate waits for a thread of a pool, since such a thread may be
//! waiting in another `put`.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use super::blob::{self, RawObjects};
use super::error::disk_error;
use super::lock::Lock;
use super::open::Store;
use super::pack::block::{PackedBlock, RawBlock, compress_all, gather};
use super::pack::format::block_digest;
use super::pack::set::check_hash;
use super::pack::write::PackWriter;
use crate::base::codec;
use crate::base::id::{BlobId, Kind, ObjectId};
use crate::base::limits::{BLOB_WHOLE_BYTES_MAX, OPEN_BLOCKS_MAX, PACK_BYTES_MAX};
use crate::object::tombstone::Tombstone;
use crate::object::traits::{Fetch, ObjectError, Put};

/// Writes objects and moves names. Shared between threads by reference.
///
/// What was put and not flushed is gone when it is dropped.
pub struct Writer<'s> {
    pub(super) store: &'s Store,
    _lock: Lock,
    gate: RwLock<()>,
    /// Blocks that are being filled: one pair a thread, so that what a thread puts one after
    /// another lies together.
    open: Vec<Mutex<OpenBlocks>>,
    pending: Mutex<HashMap<ObjectId, Place>>,
    pack: Mutex<Spill>,
    /// When the quota refuses.
    refusal: Refusal,
    /// Whether it did: what was put since the last flush is not all there.
    refused: OnceLock<(u64, u64, u64)>,
    /// Whether anything was put since the last flush, even if it was stored already: it may be so
    /// in a pack whose name is not durable yet.
    is_dirty: AtomicBool,
    /// Objects that were put and not there.
    stored: AtomicU64,
}

/// When a writer is refused by the quota of its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Beyond it.
    Beyond,
    /// Never: what it writes frees room.
    Never,
}

/// Content and records lie in separate blocks: they are read at different times.
#[derive(Default)]
struct OpenBlocks {
    blobs: RawBlock,
    records: RawBlock,
}

/// The pack in `tmp/`.
#[derive(Default)]
struct Spill {
    pack: Option<PackWriter>,
    /// Tells the packs of this writer apart.
    serial: u64,
    /// The block that was read back last.
    last_read: Option<(u32, Arc<Vec<u8>>)>,
}

/// Where an object is that is not in a finished pack.
#[derive(Clone)]
enum Place {
    Memory(Arc<Vec<u8>>),
    Spilled { serial: u64, block: u32, offset: u32, length: u32 },
}

impl<'s> Writer<'s> {
    pub(super) fn new(store: &'s Store, lock: Lock, refusal: Refusal) -> Self {
        Self {
            store,
            _lock: lock,
            gate: RwLock::new(()),
            open: (0..OPEN_BLOCKS_MAX).map(|_| Mutex::default()).collect(),
            pending: Mutex::default(),
            pack: Mutex::default(),
            refusal,
            refused: OnceLock::new(),
            is_dirty: AtomicBool::new(false),
            stored: AtomicU64::new(0),
        }
    }

    /// How many objects were put that were not stored whole before.
    pub fn stored(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }

    /// The store.
    pub fn store(&self) -> &'s Store {
        self.store
    }

    /// Makes all objects durable that were put so far. Costs two syncs, or none when nothing was
    /// put since the last time.
    ///
    /// # Errors
    /// The disk's; [`ObjectError::Poisoned`] ever after.
    pub fn flush(&self) -> Result<(), ObjectError> {
        self.store.refuse_poisoned()?;
        let _alone = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        if !self.is_dirty.load(Ordering::Acquire) {
            return Ok(());
        }
        self.refuse_after_quota()?;
        self.flush_alone().inspect_err(|e| self.failed(e))
    }

    /// After an error: this process writes no more, but for one of the quota, after which this writer
    /// does not.
    fn failed(&self, error: &ObjectError) {
        match error {
            ObjectError::Quota { quota, bytes, more } => {
                let _ = self.refused.set((*quota, *bytes, *more));
            }
            error => self.store.poison(error),
        }
    }

    fn refuse_after_quota(&self) -> Result<(), ObjectError> {
        match self.refused.get() {
            Some(&(quota, bytes, more)) => Err(ObjectError::Quota { quota, bytes, more }),
            None => Ok(()),
        }
    }

    /// Refuses a pack of so many bytes where the quota does not leave them.
    fn allow(&self, bytes: u64) -> Result<(), ObjectError> {
        match self.refusal {
            Refusal::Never => Ok(()),
            Refusal::Beyond => self.store.quota.allow(bytes),
        }
    }

    /// Finishes the pack with all that was put so far: its content is durable, its name is not.
    ///
    /// # Errors
    /// As [`Writer::flush`].
    pub(super) fn finish_pack(&self) -> Result<(), ObjectError> {
        self.store.refuse_poisoned()?;
        let _alone = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        self.refuse_after_quota()?;
        self.finish_alone().inspect_err(|e| self.failed(e))
    }

    fn finish_alone(&self) -> Result<(), ObjectError> {
        for block in compress_all(self.take_open())? {
            self.spill(&block)?;
        }
        self.close_pack(&mut locked(&self.pack))
    }

    fn flush_alone(&self) -> Result<(), ObjectError> {
        self.finish_alone()?;
        let packs = self.store.packs.folder();
        self.store.disk.sync_dir(packs).map_err(|e| disk_error(packs, e))?;
        self.is_dirty.store(false, Ordering::Release);
        Ok(())
    }

    /// All blocks that are being filled, brought together: blobs first, then records by kind.
    fn take_open(&self) -> Vec<RawBlock> {
        let open: Vec<_> =
            self.open.iter().map(|open| std::mem::take(&mut *locked(open))).collect();
        let (blobs, records): (Vec<_>, Vec<_>) =
            open.into_iter().map(|open| (open.blobs.objects, open.records.objects)).unzip();
        let mut records: Vec<_> = records.into_iter().flatten().collect();
        records.sort_by_key(|(id, _)| id.kind);
        let mut blocks = Vec::new();
        gather(blobs.into_iter().flatten(), &mut blocks);
        gather(records.into_iter(), &mut blocks);
        blocks
    }

    fn put_new(&self, id: ObjectId, content: Arc<Vec<u8>>) -> Result<(), ObjectError> {
        let _beside = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        self.is_dirty.store(true, Ordering::Release);
        if self.is_known(id) {
            return Ok(());
        }
        match locked(&self.pending).entry(id) {
            std::collections::hash_map::Entry::Occupied(_) => return Ok(()),
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(Place::Memory(content.clone()));
            }
        }
        self.stored.fetch_add(1, Ordering::Relaxed);
        let full = {
            let slot = rayon::current_thread_index().map_or(0, |at| 1 + at % (OPEN_BLOCKS_MAX - 1));
            let mut open = locked(&self.open[slot]);
            let block = if id.kind == Kind::Blob { &mut open.blobs } else { &mut open.records };
            block.push(id, content);
            block.is_full().then(|| std::mem::take(block))
        };
        match full {
            Some(block) => self.spill(&block.compress()?),
            None => Ok(()),
        }
    }

    /// Whether it needs no storing. A pack that cannot be read, or a block that is torn, is no reason
    /// to refuse: the object is then stored once more.
    fn is_known(&self, id: ObjectId) -> bool {
        locked(&self.pending).contains_key(&id)
            || (self.store.packs.is_whole(id) && !self.may_lack_something(id))
    }

    /// Whether what is stored under an id, and refers to others, was let go, or may have been: while
    /// a collection lasts, and after one that was cut short, not all need be there that it refers to.
    fn may_lack_something(&self, id: ObjectId) -> bool {
        let packs = &self.store.packs;
        let is_whole_blob =
            || id.kind == Kind::Blob && packs.locate(id).is_ok_and(|found| found.is_some());
        !is_whole_blob()
            && !packs.locate(Tombstone::place(id)).is_ok_and(|found| found.is_none())
            && !blob::has_all_pieces(self.store, id)
    }

    fn spill(&self, block: &PackedBlock) -> Result<(), ObjectError> {
        let digest = block_digest(&block.compressed);
        let mut spill = locked(&self.pack);
        let pack = match &mut spill.pack {
            Some(pack) => pack,
            none => {
                none.insert(PackWriter::create(self.store.disk.clone(), &self.store.layout.tmp())?)
            }
        };
        self.allow(pack.bytes() + block.compressed.len() as u64)?;
        let number = pack.add_digested(block, digest)?;
        let is_full = pack.bytes() >= PACK_BYTES_MAX;
        let serial = spill.serial;
        {
            let mut pending = locked(&self.pending);
            for (id, offset, length) in &block.objects {
                let (offset, length) = (*offset, *length);
                pending.insert(*id, Place::Spilled { serial, block: number, offset, length });
            }
        }
        if is_full { self.close_pack(&mut spill) } else { Ok(()) }
    }

    /// Gives the pack its name. What lay in it is found in the store from then on.
    fn close_pack(&self, spill: &mut Spill) -> Result<(), ObjectError> {
        let Some(pack) = spill.pack.take() else { return Ok(()) };
        self.store.packs.add(pack.finish(self.store.packs.folder())?);
        let closed = spill.serial;
        spill.serial += 1;
        spill.last_read = None;
        let is_open =
            |place: &Place| !matches!(place, Place::Spilled { serial, .. } if *serial == closed);
        locked(&self.pending).retain(|_, place| is_open(place));
        Ok(())
    }

    fn read_spilled(
        &self,
        id: ObjectId,
        (serial, block, offset, length): (u64, u32, u32, u32),
    ) -> Result<Option<Vec<u8>>, ObjectError> {
        let mut spill = locked(&self.pack);
        let Some(pack) = spill.pack.as_ref().filter(|_| spill.serial == serial) else {
            return Ok(None);
        };
        let content = match &spill.last_read {
            Some((number, content)) if *number == block => content.clone(),
            _ => Arc::new(pack.block(block)?),
        };
        spill.last_read = Some((block, content.clone()));
        let bytes = content[offset as usize..][..length as usize].to_vec();
        check_hash(id, &bytes)?;
        Ok(Some(bytes))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RawObjects for Writer<'_> {
    fn raw(&self, id: ObjectId) -> Result<Option<Vec<u8>>, ObjectError> {
        let place = locked(&self.pending).get(&id).cloned();
        let found = match place {
            Some(Place::Memory(content)) => Some(content.to_vec()),
            Some(Place::Spilled { serial, block, offset, length }) => {
                self.read_spilled(id, (serial, block, offset, length))?
            }
            None => None,
        };
        found.map_or_else(|| self.store.raw(id), |bytes| Ok(Some(bytes)))
    }

    fn holds(&self, id: ObjectId) -> Result<bool, ObjectError> {
        let is_pending = locked(&self.pending).contains_key(&id);
        if is_pending { Ok(true) } else { self.store.holds(id) }
    }
}

impl Fetch for Writer<'_> {
    fn fetch(&self, id: ObjectId) -> Result<Arc<Vec<u8>>, ObjectError> {
        match blob::fetch(self, id)? {
            Some(bytes) => Ok(Arc::new(bytes)),
            None => self.store.fetch(id),
        }
    }

    fn contains(&self, id: ObjectId) -> Result<bool, ObjectError> {
        let recipe = ObjectId { kind: Kind::Recipe, ..id };
        let is_pending = {
            let pending = locked(&self.pending);
            pending.contains_key(&id) || (id.kind == Kind::Blob && pending.contains_key(&recipe))
        };
        Ok(is_pending || (self.store.contains(id)? && !self.may_lack_something(id)))
    }

    fn fetch_blob_to(&self, id: BlobId, into: &mut dyn Write) -> Result<u64, ObjectError> {
        // The usual case costs one look-up.
        if let Some(bytes) = self.raw(id.object())? {
            into.write_all(&bytes).map_err(ObjectError::Content)?;
            return Ok(bytes.len() as u64);
        }
        if !self.contains(id.object())? {
            self.store.packs.settle()?;
        }
        match blob::fetch_to(self, id, into) {
            Err(ObjectError::Missing { id }) => Err(self.store.absence(id)),
            done => done,
        }
    }
}

impl Put for Writer<'_> {
    fn put(&self, id: ObjectId, bytes: Vec<u8>) -> Result<(), ObjectError> {
        debug_assert!(codec::object_hash(id.kind, &bytes).is_none_or(|hash| hash == id.hash));
        self.store.refuse_poisoned()?;
        if id.kind == Kind::Blob && bytes.len() as u64 > BLOB_WHOLE_BYTES_MAX {
            return blob::put_from(self, &mut bytes.as_slice()).map(|_| ());
        }
        self.refuse_after_quota()?;
        self.put_new(id, Arc::new(bytes)).inspect_err(|e| self.failed(e))
    }

    fn put_blob_from(&self, reader: &mut dyn Read) -> Result<(BlobId, u64), ObjectError> {
        blob::put_from(self, reader)
    }
}
