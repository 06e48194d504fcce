//! The packs of a store: which there are, and in which one an object lies.
//!
//! Packs come and go by the hands of other processes. So an object that is not found, or a pack
//! that is gone, is a reason to list the folder anew before it is an error.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use super::super::error::disk_error;
use super::cache::BlockCache;
use super::format::IndexEntry;
use super::read::{Pack, cut};
use crate::base::codec;
use crate::base::codec::CodecError;
use crate::base::id::{Hash, Kind, ObjectId};
use crate::base::limits::RESCAN_TRIES_MAX;
use crate::object::traits::ObjectError;

/// What a file in `packs/` is called.
pub fn pack_file_name(name: Hash) -> String {
    format!("{}.pack", name.hex())
}

/// The packs, newest first: what was written last is what is asked for most.
pub type Packs = Arc<Vec<Arc<Pack>>>;

/// The packs as they were listed, with the times at which they were written.
struct Listing {
    packs: Vec<(SystemTime, Arc<Pack>)>,
    /// Whether one of them was gone when it was looked at.
    is_torn: bool,
}

/// The packs of one store.
#[derive(Debug)]
pub struct PackSet {
    folder: PathBuf,
    packs: RwLock<Option<Packs>>,
    /// When the folder had last changed as it was last listed.
    listed: Mutex<Option<SystemTime>>,
    cache: BlockCache,
    /// The place in the list at which something was last found.
    last: AtomicUsize,
    /// Whether a pack could not say what it holds.
    is_in_doubt: AtomicBool,
}

impl PackSet {
    /// Lists nothing yet.
    pub fn new(folder: PathBuf) -> Self {
        let (packs, listed) = (RwLock::new(None), Mutex::new(None));
        let (cache, last) = (BlockCache::default(), AtomicUsize::new(0));
        Self { folder, packs, listed, cache, last, is_in_doubt: AtomicBool::new(false) }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The packs as they were last listed.
    ///
    /// # Errors
    /// The disk's.
    pub fn packs(&self) -> Result<Packs, ObjectError> {
        let known = self.packs.read().unwrap_or_else(PoisonError::into_inner).clone();
        known.map_or_else(|| self.rescan(), Ok)
    }

    /// Lists the folder; packs that are known stay open.
    ///
    /// # Errors
    /// The disk's.
    pub fn rescan(&self) -> Result<Packs, ObjectError> {
        self.rescan_while(&mut || ())
    }

    /// The same. `named` is called once the names are known and before a file is looked at, for tests
    /// in which packs are brought together just then.
    pub fn rescan_while(&self, named: &mut dyn FnMut()) -> Result<Packs, ObjectError> {
        let error = |e| disk_error(&self.folder, e);
        let mut known = self.packs.write().unwrap_or_else(PoisonError::into_inner);
        let old = known.take().unwrap_or_default();
        for attempt in 0..=RESCAN_TRIES_MAX {
            // Read before the listing: a change between the two is then seen the next time.
            let changed = std::fs::metadata(&self.folder).and_then(|m| m.modified());
            let changed = changed.map_err(error)?;
            let Listing { mut packs, is_torn } = self.list(&old, named)?;
            // A pack that went meanwhile was brought into another one, which came behind the names.
            if is_torn && attempt < RESCAN_TRIES_MAX {
                continue;
            }
            packs.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.name.cmp(&b.1.name)));
            let packs: Packs = Arc::new(packs.into_iter().map(|(_, pack)| pack).collect());
            *known = Some(packs.clone());
            *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = Some(changed);
            return Ok(packs);
        }
        unreachable!("the last try returns")
    }

    fn list(&self, old: &[Arc<Pack>], named: &mut dyn FnMut()) -> Result<Listing, ObjectError> {
        let error = |e| disk_error(&self.folder, e);
        let files: Vec<_> = std::fs::read_dir(&self.folder)
            .and_then(|files| files.collect::<Result<_, _>>())
            .map_err(error)?;
        named();
        let mut listing = Listing { packs: Vec::with_capacity(files.len()), is_torn: false };
        for file in files {
            let name = file.file_name();
            let digits = name.to_str().and_then(|name| name.strip_suffix(".pack"));
            let Some(name) = digits.and_then(Hash::from_hex) else { continue };
            let facts = match file.metadata() {
                Ok(facts) => facts,
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    listing.is_torn = true;
                    continue;
                }
                Err(e) => return Err(error(e)),
            };
            let written = facts.modified().map_err(error)?;
            let same = old.iter().find(|pack| pack.name == name).cloned();
            let pack = same.unwrap_or_else(|| Arc::new(Pack::new(file.path(), name, facts.len())));
            listing.packs.push((written, pack));
        }
        Ok(listing)
    }

    /// Lists the folder until two listings in a row are the same. A listing is no moment: while packs are
    /// brought together it may miss the new one, which came behind it, and the old ones, which went
    /// before it. Whoever concludes that something is not stored must have looked after this.
    ///
    /// # Errors
    /// The disk's.
    pub fn settle(&self) -> Result<(), ObjectError> {
        let names = |packs: &Packs| packs.iter().map(|pack| pack.name).collect::<Vec<_>>();
        let mut last = names(&self.rescan()?);
        for _ in 0..RESCAN_TRIES_MAX {
            let now = names(&self.rescan()?);
            if now == last {
                break;
            }
            last = now;
        }
        Ok(())
    }

    /// Whether a damaged pack was asked for something since the start, and could not say whether it has it.
    pub fn is_in_doubt(&self) -> bool {
        self.is_in_doubt.load(Ordering::Relaxed)
    }

    /// Takes in a pack that this process has just renamed into the folder.
    pub fn add(&self, pack: Pack) {
        let mut known = self.packs.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(packs) = known.as_ref()
            && packs.iter().all(|other| other.name != pack.name)
        {
            let first = std::iter::once(Arc::new(pack));
            *known = Some(Arc::new(first.chain(packs.iter().cloned()).collect()));
        }
    }

    /// Whether the folder has changed since it was listed.
    pub fn has_changed(&self) -> bool {
        let now = std::fs::metadata(&self.folder).and_then(|m| m.modified()).ok();
        now.is_none() || now != *self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where an object lies, among the packs as last listed.
    ///
    /// # Errors
    /// As [`Pack::open`], unless another pack has it.
    pub fn locate(&self, id: ObjectId) -> Result<Option<(Arc<Pack>, IndexEntry)>, ObjectError> {
        for _ in 0..RESCAN_TRIES_MAX {
            match self.locate_in(&self.packs()?, id) {
                Err(e) if is_gone(&e) => self.rescan()?,
                found => return found,
            };
        }
        self.locate_in(&self.packs()?, id)
    }

    /// Begins where something was last found: what is asked for one after another was mostly written
    /// together.
    fn locate_in(
        &self,
        packs: &Packs,
        id: ObjectId,
    ) -> Result<Option<(Arc<Pack>, IndexEntry)>, ObjectError> {
        let last = self.last.load(Ordering::Relaxed);
        let first = Some(last).filter(|at| *at < packs.len());
        let others = (0..packs.len()).filter(|at| *at != last);
        let mut first_error: Option<ObjectError> = None;
        for at in first.into_iter().chain(others) {
            let pack = &packs[at];
            match pack.open().and_then(|open| open.lookup(id)) {
                Ok(Some(entry)) => {
                    self.last.store(at, Ordering::Relaxed);
                    return Ok(Some((pack.clone(), entry)));
                }
                Ok(None) => {}
                Err(e) if e.is_corruption() => {
                    self.is_in_doubt.store(true, Ordering::Relaxed);
                    first_error = first_error.or(Some(e));
                }
                // What one pack cannot say another may. If none does, one that is gone goes first:
                // what it held has been stored elsewhere.
                Err(e) if first_error.is_none() || is_gone(&e) => first_error = Some(e),
                Err(_) => {}
            }
        }
        first_error.map_or(Ok(None), Err)
    }

    /// The same, and when it is not there, among the packs as they are now. Between two changes
    /// of the folder within one tick of its clock the answer may be that of the first.
    ///
    /// # Errors
    /// As [`PackSet::locate`].
    pub fn locate_now(&self, id: ObjectId) -> Result<Option<(Arc<Pack>, IndexEntry)>, ObjectError> {
        let found = self.locate(id)?;
        if found.is_some() || !self.has_changed() {
            return Ok(found);
        }
        self.settle()?;
        self.locate(id)
    }

    /// Whether a copy of an object is there whose block is whole: else whoever puts it would rely on
    /// what is torn, for ever.
    pub fn is_whole(&self, id: ObjectId) -> bool {
        let is_whole = |pack: &Pack, entry: &IndexEntry| {
            pack.open().is_ok_and(|open| open.is_whole(entry.block))
        };
        let Ok(Some((pack, entry))) = self.locate(id) else { return false };
        if is_whole(&pack, &entry) {
            return true;
        }
        let found_in = |other: &Arc<Pack>| {
            let found = other.open().and_then(|open| open.lookup(id));
            found.is_ok_and(|entry| entry.is_some_and(|entry| is_whole(other, &entry)))
        };
        self.packs().is_ok_and(|packs| packs.iter().any(found_in))
    }

    /// The bytes of an object, of another copy where the one that is found first is damaged; none where
    /// it is not there.
    ///
    /// # Errors
    /// As [`PackSet::locate`]; as [`PackSet::read`] of the first copy, unless another one is whole.
    pub fn fetch(&self, id: ObjectId) -> Result<Option<Vec<u8>>, ObjectError> {
        let Some((pack, entry)) = self.locate_now(id)? else { return Ok(None) };
        let error = match self.read(&pack, &entry) {
            Err(error) if error.is_corruption() || error.io().is_some() => error,
            read => return read.map(Some),
        };
        // What cannot be opened or read is no better than the first.
        let whole = |other: &Arc<Pack>| {
            let entry = other.open().and_then(|open| open.lookup(id)).ok()??;
            self.read(other, &entry).ok()
        };
        let others = self.packs()?;
        let found = others.iter().filter(|other| other.name != pack.name).find_map(whole);
        found.map(Some).ok_or(error)
    }

    /// The bytes of an object that was located.
    ///
    /// # Errors
    /// The disk's; [`ObjectError::File`], [`ObjectError::Damaged`].
    pub fn read(&self, pack: &Pack, entry: &IndexEntry) -> Result<Vec<u8>, ObjectError> {
        let key = (pack.name, entry.block);
        let block = match self.cache.get(key) {
            Some(block) => block,
            None => {
                let block = Arc::new(pack.open()?.block(entry.block)?);
                self.cache.add(key, block.clone());
                block
            }
        };
        let bytes = cut(&pack.path, &block, entry)?;
        check_hash(entry.id, bytes)?;
        Ok(bytes.to_vec())
    }

    /// Hashes of that kind that begin with these hexadecimal digits, ascending, at most `max`.
    ///
    /// # Errors
    /// As [`Pack::open`].
    pub fn find(&self, kind: Kind, prefix: &str, max: usize) -> Result<Vec<Hash>, ObjectError> {
        let mut found = std::collections::BTreeSet::new();
        let padded: String = prefix.chars().chain(std::iter::repeat('0')).take(64).collect();
        let (Some(first), true) = (Hash::from_hex(&padded), prefix.len() <= 64) else {
            return Ok(Vec::new());
        };
        // Of a whole one the first pack that has it says all.
        if prefix.len() == padded.len()
            && self.locate_now(ObjectId { kind, hash: first })?.is_some()
        {
            return Ok(Vec::from_iter(Some(first).filter(|_| max > 0)));
        }
        for pack in self.rescan()?.iter() {
            let pack = pack.open()?;
            let start = pack.position(kind, &first.0)?;
            for at in (start..pack.count()).take(max) {
                let entry = pack.entry(at)?;
                if entry.id.kind != kind || !entry.id.hash.hex().starts_with(prefix) {
                    break;
                }
                found.insert(entry.id.hash);
            }
        }
        Ok(found.into_iter().take(max).collect())
    }
}

/// Whether a pack was taken away by a compaction.
pub fn is_gone(error: &ObjectError) -> bool {
    matches!(error, ObjectError::Disk { source, .. } if source.kind() == io::ErrorKind::NotFound)
}

/// Checks bytes against the hash that they are stored under. A recipe has none of its own: what
/// is put together from it is checked instead.
pub fn check_hash(id: ObjectId, bytes: &[u8]) -> Result<(), ObjectError> {
    match codec::object_hash(id.kind, bytes) {
        Some(hash) if hash != id.hash => {
            let source = CodecError::Fields("its hash is another one".to_owned());
            Err(ObjectError::Damaged { id, source })
        }
        _ => Ok(()),
    }
}
