//! How much the journal holds.

use std::collections::BTreeSet;

use super::open::Journal;
use super::segment::{SegmentFile, list};
use crate::store::error::StoreError;

/// How much the journal holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalStatistics {
    /// Segments.
    pub segments: usize,
    /// Bytes of all of them on the disk, less their indexes.
    pub bytes: u64,
    /// Frames that can be read.
    pub frames: u64,
    /// Streams that have one.
    pub streams: u64,
}

impl Journal {
    /// How much it holds. Reads the index of every segment.
    ///
    /// # Errors
    /// As [`Journal::positions`].
    pub fn statistics(&self) -> Result<JournalStatistics, StoreError> {
        let mut found = JournalStatistics::default();
        for number in list(&self.folder)? {
            if let Some(file) = SegmentFile::open(&self.folder, number)? {
                found.segments += 1;
                found.bytes += file.length()?;
            }
        }
        let mut inner = self.inner();
        let tail = &mut inner.tail;
        tail.catch_up()?;
        let mut streams = BTreeSet::new();
        for at in 0..tail.sealed.len() {
            let index = tail.index(at)?;
            found.frames += index.frames() as u64;
            streams.extend(index.streams());
        }
        if let Some(active) = &tail.active {
            found.frames +=
                active.streams.values().map(|offsets| offsets.len() as u64).sum::<u64>();
            streams.extend(active.streams.keys().copied());
        }
        found.streams = streams.len() as u64;
        Ok(found)
    }
}
