//! Segments that were let go of: which ones, durably, before any of them goes.
//!
//! **Format**: `journal/retired`: `xpretire`, version u32 = 1, count u32; for so many segments, ascending,
//! number u32, and what its header said: segment before it u32 (0: none, or not known) and where that one
//! ended u64; digest of all that (32, purpose `journal retired`); numbers little-endian. Written beside,
//! synced, renamed.
//!
//! **Invariant**: a segment that stands in the file does not count, whether its own file is there
//! still or not. So a crash leaves a segment with all its frames, or without any.
//!
//! | half done | what is seen | who goes on |
//! |---|---|---|
//! | the new file in `tmp/` | the segments as before | the next writer removes it |
//! | renamed, the folder not synced | with the segments, or without | either is whole |
//! | synced, segments still there | without them | the next time, which removes what is left |

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::JournalError;
use super::frame::Position;
use super::open::Journal;
use super::segment::{SegmentFile, file_name, list_all};
use super::sidecar;
use crate::base::codec;
use crate::base::disk::write_new;
use crate::base::id::ID_BYTES;
use crate::base::limits::LOCK_TRIES_MAX;
use crate::store::error::StoreError;
use crate::store::layout::FILE_MODE;
use crate::store::lock::Sharing;

const FILE: &str = "retired";
const MAGIC: &[u8; 12] = b"xpretire\x01\0\0\0";
const ENTRY_BYTES: usize = 16;
const PURPOSE: &str = "journal retired";

/// The segments that do not count any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetiredSet(BTreeMap<u32, (u32, u64)>);

impl RetiredSet {
    /// Whether a segment is one of them.
    pub fn contains(&self, segment: u32) -> bool {
        self.0.contains_key(&segment)
    }

    /// The highest number of them.
    pub fn last(&self) -> Option<u32> {
        self.0.keys().next_back().copied()
    }

    /// Where a segment ended, as the header of the one behind it said, which is gone.
    pub fn end_of(&self, segment: u32) -> Option<u64> {
        self.0.values().find(|(previous, _)| *previous == segment).map(|(_, end)| *end)
    }
}

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// The segments that do not count any more. None where there is no such file, or none that can be
/// read: then what is left of them counts, and what is gone is missed.
///
/// # Errors
/// The disk's.
pub fn read(folder: &Path) -> Result<RetiredSet, StoreError> {
    let path = folder.join(FILE);
    match fs::read(&path) {
        Ok(bytes) => Ok(decode(&bytes).unwrap_or_default()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(RetiredSet::default()),
        Err(e) => Err(StoreError::from_io(&path, e)),
    }
}

/// What is wrong with the file, if anything.
///
/// # Errors
/// The disk's.
pub fn fault(folder: &Path) -> Result<Option<&'static str>, StoreError> {
    let path = folder.join(FILE);
    match fs::read(&path) {
        Ok(bytes) if decode(&bytes).is_none() => Ok(Some("it is damaged")),
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(StoreError::from_io(&path, e)),
        _ => Ok(None),
    }
}

fn decode(bytes: &[u8]) -> Option<RetiredSet> {
    let (body, digest) = bytes.split_at_checked(bytes.len().checked_sub(ID_BYTES)?)?;
    let fields = body.strip_prefix(MAGIC)?;
    let (count, numbers) = fields.split_first_chunk::<4>()?;
    let (entries, rest) = numbers.as_chunks::<ENTRY_BYTES>();
    let entry = |bytes: &[u8; ENTRY_BYTES]| {
        let [a, b, c, d, e, f, g, h, end @ ..] = *bytes;
        let pair = (u32::from_le_bytes([e, f, g, h]), u64::from_le_bytes(end));
        (u32::from_le_bytes([a, b, c, d]), pair)
    };
    let entries: Vec<_> = entries.iter().map(entry).collect();
    let is_sound = rest.is_empty()
        && entries.len() == u32::from_le_bytes(*count) as usize
        && entries.is_sorted_by(|a, b| a.0 < b.0)
        && codec::digest(PURPOSE, body).0 == digest;
    is_sound.then(|| RetiredSet(entries.into_iter().collect()))
}

fn encode(set: &RetiredSet) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&(set.0.len() as u32).to_le_bytes());
    for (number, (previous, end)) in &set.0 {
        bytes.extend_from_slice(&number.to_le_bytes());
        bytes.extend_from_slice(&previous.to_le_bytes());
        bytes.extend_from_slice(&end.to_le_bytes());
    }
    let digest = codec::digest(PURPOSE, &bytes);
    bytes.extend_from_slice(&digest.0);
    bytes
}

/// What was let go of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retired {
    /// Segments.
    pub segments: usize,
    /// Bytes of them on the disk.
    pub bytes: u64,
}

impl Journal {
    /// The segments that could go: all but the one that is written.
    ///
    /// # Errors
    /// As [`Journal::positions`].
    pub fn sealed(&self) -> Result<Vec<u32>, JournalError> {
        let mut inner = self.inner();
        inner.tail.catch_up()?;
        Ok(inner.tail.sealed.iter().map(|sealed| sealed.number).collect())
    }

    /// Lets go of the segments that `decide` names, while nobody appends. `decide` may read the
    /// journal. A segment that is still written is kept whatever it says.
    ///
    /// **Durability**: durable when it returns. What cannot be removed is removed the next time.
    ///
    /// # Errors
    /// Those of `decide`; busy; the disk's.
    pub fn retire<E: From<JournalError>>(
        &self,
        decide: impl FnOnce() -> Result<BTreeSet<u32>, E>,
    ) -> Result<Retired, E> {
        self.poison.refuse().map_err(JournalError::from)?;
        // A lock of its own, beside that of this process's appends: whoever decides reads.
        let lock = self.lock.lock(Sharing::Exclusive, LOCK_TRIES_MAX);
        let _alone = lock.map_err(JournalError::from)?;
        let sealed: BTreeSet<u32> = self.sealed()?.into_iter().collect();
        let going: BTreeSet<u32> = decide()?.intersection(&sealed).copied().collect();
        if let Some(what) = fault(&self.folder).map_err(JournalError::from)? {
            // Written anew it would forget which segments went before.
            let path = self.folder.join(FILE);
            return Err(JournalError::Damaged { path, offset: 0, what }.into());
        }
        let mut all = read(&self.folder).map_err(JournalError::from)?;
        let retired = Retired { segments: going.len(), bytes: self.bytes_of(&going) };
        if !going.is_empty() {
            for number in &going {
                all.0.insert(*number, self.before(*number).map_err(JournalError::from)?);
            }
            self.write_retired(&all).map_err(JournalError::from)?;
        }
        self.remove_retired(&all);
        self.inner().tail.forget();
        Ok(retired)
    }

    /// Whether a frame of a stream could have gone between two places.
    ///
    /// # Errors
    /// The disk's.
    pub fn is_retired_between(
        &self,
        after: Option<Position>,
        until: Position,
    ) -> Result<bool, JournalError> {
        let first = after.map_or(0, |after| after.segment);
        Ok(read(&self.folder)?.0.range(first..=until.segment).next().is_some())
    }

    /// What the header of a segment says of the one before it.
    fn before(&self, segment: u32) -> Result<(u32, u64), StoreError> {
        let file = SegmentFile::open(&self.folder, segment)?;
        let header = file.map_or(Ok(None), |file| file.header())?;
        Ok(header.map_or((0, 0), |header| (header.previous, header.previous_end)))
    }

    fn bytes_of(&self, segments: &BTreeSet<u32>) -> u64 {
        let length = |number: &u32| fs::metadata(self.folder.join(file_name(*number)));
        segments.iter().filter_map(|number| length(number).ok()).map(|facts| facts.len()).sum()
    }

    fn write_retired(&self, all: &RetiredSet) -> Result<(), StoreError> {
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        let made = self.tmp.join(format!("retired-{}-{count}", std::process::id()));
        let target = self.folder.join(FILE);
        write_new(self.disk.as_ref(), &made, FILE_MODE, &encode(all))
            .and_then(|()| self.disk.rename(&made, &target))
            .and_then(|()| self.disk.sync_dir(&self.folder))
            .map_err(|e| StoreError::from_io(&target, e))
            .inspect_err(|e| self.poison.set(e))
    }

    fn remove_retired(&self, all: &RetiredSet) {
        let there = list_all(&self.folder).unwrap_or_default();
        for number in there.into_iter().filter(|number| all.contains(*number)) {
            let _ = self.disk.remove_file(&self.folder.join(sidecar::file_name(number)));
            let _ = self.disk.remove_file(&self.folder.join(file_name(number)));
        }
    }
}
