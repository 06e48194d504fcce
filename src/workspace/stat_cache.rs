//! The stat cache: what was seen of each file when it was last read, so that it need not be read
//! again.
//!
//! **Invariant**: it is never believed alone. Content that it names counts only when the base has
//! it at the same path or the store contains it; so a cache that survived a crash, a dry run or a
//! collection costs time, never content.
//!
//! **Format**: `expstat1`; the moment before which its stamps are settled (nanoseconds since 1970,
//! `i64`); the number of folders (`u64`); per folder its path (length as `u32`, bytes) and its
//! record (length as `u32`, bytes; see `record`); the digest of all that (32 bytes). Little-endian.
//! Whatever is not exactly this is an empty cache, never an error.
//!
//! **Durability**: none. It is written beside and renamed, without a sync.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use super::record::{Reader, Record, Remembered, Ruled, What};
use crate::base::codec;
use crate::base::disk::Disk;
use crate::base::id::{Hash, ID_BYTES};
use crate::base::limits::STAT_CACHE_BYTES_MAX;
use crate::base::path::TreePath;
use crate::base::time::Timestamp;

const MAGIC: &[u8; 8] = b"expstat1";
const HEADER_BYTES: usize = MAGIC.len() + 8 + 8;
const PURPOSE: &str = "stat cache";
const FILE_MODE: u32 = 0o600;

/// What is remembered of a workspace's files.
#[derive(Debug, Default)]
pub struct StatCache {
    folders: HashMap<Vec<u8>, Record>,
    /// Stamps younger than this are not believed.
    settled: i64,
    /// The moment at which the capture to come begins.
    now: i64,
    /// Whether it differs from the file that it was loaded from.
    is_changed: bool,
}

impl StatCache {
    /// An empty one. `now` as for [`StatCache::load`].
    pub fn empty(now: Timestamp) -> Self {
        Self { now: now.0, ..Self::default() }
    }

    /// Loads it; empty when it is absent, damaged, of another version or too large.
    ///
    /// `now` is the system's clock before the capture: a file that changed later, or just before,
    /// is read again next time, since it may change without a new stamp. A clock of a test that is
    /// behind only costs time; one that is ahead would let a change go unseen.
    pub fn load(path: &Path, now: Timestamp) -> Self {
        let read = || -> io::Result<Vec<u8>> {
            let file = File::open(path)?;
            let length = file.metadata()?.len();
            if length > STAT_CACHE_BYTES_MAX {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
            file.take(STAT_CACHE_BYTES_MAX).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let parsed = read().ok().and_then(parse);
        match parsed {
            // A clock that went back: no stamp of the future may count as settled.
            Some((settled, folders)) if settled <= now.0 => {
                Self { folders, settled, now: now.0, is_changed: false }
            }
            _ => Self::empty(now),
        }
    }

    /// Begins the next capture at a later moment in the same process.
    pub fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now.0);
    }

    /// Whether [`StatCache::save`] would write anything.
    pub fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// Writes it beside `path` and renames it there, unless nothing changed since it was loaded.
    ///
    /// # Errors
    /// The disk's. It may be passed over: the next capture only takes longer.
    pub fn save(&mut self, disk: &dyn Disk, path: &Path) -> io::Result<()> {
        if !self.is_changed {
            return Ok(());
        }
        let bytes = self.encode();
        if bytes.len() as u64 > STAT_CACHE_BYTES_MAX {
            return Ok(());
        }
        let beside = path.with_extension("tmp");
        match disk.remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        disk.create(&beside, FILE_MODE)?.write_all(&bytes)?;
        disk.rename(&beside, path)?;
        self.is_changed = false;
        Ok(())
    }

    /// The folders that the last capture found, in no order.
    pub fn folders(&self) -> impl Iterator<Item = TreePath> + '_ {
        self.folders.keys().filter_map(|path| TreePath::new(path.as_slice()).ok())
    }

    /// The folder's path and the bytes of every file and link, in no order.
    pub(super) fn leaves(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.folders.iter().flat_map(|(path, record)| {
            record.names().filter_map(move |name| match name.what {
                What::Leaf { stamp, .. } => Some((path.as_slice(), stamp.size)),
                _ => None,
            })
        })
    }

    pub(super) fn settled(&self) -> i64 {
        self.settled
    }

    pub(super) fn now(&self) -> i64 {
        self.now
    }

    pub(super) fn folder(&self, path: &TreePath) -> Option<&Record> {
        self.folders.get(path.as_bytes())
    }

    /// Takes over what a capture that began at `now` found of the whole workspace.
    pub(super) fn replace(&mut self, folders: HashMap<Vec<u8>, Record>) {
        self.folders = folders;
        self.settled = self.now;
        self.is_changed = true;
    }

    /// Changes what is remembered of some names (in order) of a folder: `None` forgets. What is
    /// remembered of its tree goes.
    pub(super) fn update(&mut self, folder: &TreePath, names: &[(&[u8], Option<What>)]) {
        let old = self.folders.get(folder.as_bytes());
        let rules = old.and_then(Record::rules).unwrap_or(Hash([0; ID_BYTES]));
        let kept = old.iter().flat_map(|record| record.names());
        let is_named = |name: &[u8]| names.binary_search_by(|(changed, _)| (*changed).cmp(name));
        let mut all: Vec<Remembered<'_>> =
            kept.filter(|found| is_named(found.name).is_err()).collect();
        all.extend(names.iter().filter_map(|(name, what)| {
            what.map(|what| Remembered { name, ruled: Ruled::Unknown, what })
        }));
        all.sort_unstable_by(|a, b| a.name.cmp(b.name));
        let record = Record::encode(&rules, None, all.into_iter());
        self.folders.insert(folder.as_bytes().to_vec(), record);
        self.is_changed = true;
    }

    fn encode(&self) -> Vec<u8> {
        let mut paths: Vec<&Vec<u8>> = self.folders.keys().collect();
        paths.sort_unstable();
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&self.settled.to_le_bytes());
        bytes.extend_from_slice(&(paths.len() as u64).to_le_bytes());
        for path in paths {
            for part in [path.as_slice(), self.folders[path].bytes()] {
                // Neither a path nor a folder reaches 4 GiB: the whole file is bounded by 1 GiB.
                let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
                bytes.extend_from_slice(&length.to_le_bytes());
                bytes.extend_from_slice(part);
            }
        }
        let digest = codec::digest(PURPOSE, &bytes);
        bytes.extend_from_slice(&digest.0);
        bytes
    }
}

fn parse(bytes: Vec<u8>) -> Option<(i64, HashMap<Vec<u8>, Record>)> {
    let end = bytes.len().checked_sub(ID_BYTES)?;
    if end < HEADER_BYTES || codec::digest(PURPOSE, &bytes[..end]).0 != bytes[end..] {
        return None;
    }
    let buffer = Arc::new(bytes);
    let mut reader = Reader(&buffer[..end]);
    if reader.take()? != *MAGIC {
        return None;
    }
    let settled = reader.number()?.cast_signed();
    let count = usize::try_from(reader.number()?).ok()?;
    // Each folder takes at least the two lengths, so a count beyond that is no count.
    let mut folders = HashMap::with_capacity(count.min(end / 8));
    for _ in 0..count {
        let path = part(&mut reader)?.to_vec();
        let record = part(&mut reader)?;
        let stop = end - reader.0.len();
        folders.insert(path, Record::within(&buffer, stop - record.len()..stop));
    }
    reader.0.is_empty().then_some((settled, folders))
}

fn part<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = u32::from_le_bytes(reader.take()?);
    reader.slice(usize::try_from(length).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::disk::RealDisk;

    fn filled() -> StatCache {
        let mut cache = StatCache::empty(Timestamp(5));
        let left = What::Left { is_folder: true };
        let name = Remembered { name: b"target", ruled: Ruled::Ignored, what: left };
        let folders = [b"".to_vec(), b"src".to_vec()]
            .map(|path| (path, Record::encode(&Hash([1; 32]), None, std::iter::once(name))));
        cache.replace(folders.into_iter().collect());
        cache
    }

    #[test]
    fn golden_bytes() {
        let mut expected = b"expstat1".to_vec();
        expected.extend_from_slice(b"\x05\0\0\0\0\0\0\0");
        expected.extend_from_slice(b"\x02\0\0\0\0\0\0\0");
        for path in ["", "src"] {
            expected.extend_from_slice(&[path.len() as u8, 0, 0, 0]);
            expected.extend_from_slice(path.as_bytes());
            expected.extend_from_slice(b"\x29\0\0\0");
            expected.extend_from_slice(&[1; 32]);
            expected.extend_from_slice(b"\0\x06\x15target");
        }
        let digest = codec::digest(PURPOSE, &expected);
        expected.extend_from_slice(&digest.0);
        assert_eq!(filled().encode(), expected);
    }

    #[test]
    fn damage_is_an_empty_cache() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w");
        let mut cache = filled();
        cache.save(&RealDisk, &path).unwrap();
        assert!(!cache.is_changed());
        let load = || StatCache::load(&path, Timestamp(9)).folders.len();
        assert_eq!(load(), 2);
        assert_eq!(StatCache::load(&path, Timestamp(4)).folders.len(), 0, "the clock went back");
        let bytes = std::fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, &damaged).unwrap();
            assert_eq!(load(), 0, "byte {at}");
            std::fs::write(&path, &bytes[..at]).unwrap();
            assert_eq!(load(), 0, "cut at {at}");
        }
    }
}
