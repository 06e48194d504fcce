//! Which frames of which streams a sealed segment holds: 4 bytes a frame, 20 a stream.
//!
//! Knows nothing of the disk.

use std::collections::HashMap;

use super::frame::StreamId;
use super::scan::{Gap, Scan};

/// The frames of a sealed segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// Where the segment ends.
    pub end: u64,
    /// Ascending, each with where its offsets begin in `offsets`.
    streams: Vec<(StreamId, u32)>,
    /// Of all streams, one stream behind the other, each ascending.
    offsets: Vec<u32>,
    /// What is damaged in it.
    pub damaged: Vec<Gap>,
}

impl Index {
    /// Of these frames.
    pub fn of(end: u64, frames: HashMap<StreamId, Vec<u32>>, damaged: Vec<Gap>) -> Self {
        let mut sorted: Vec<_> = frames.into_iter().collect();
        sorted.sort_unstable_by_key(|(stream, _)| *stream);
        let mut index = Self { end, damaged, ..Self::default() };
        for (stream, offsets) in sorted {
            index.streams.push((stream, index.offsets.len() as u32));
            index.offsets.extend(offsets);
        }
        index.offsets.shrink_to_fit();
        index
    }

    /// Of what a scan found.
    pub fn of_scan(scan: Scan) -> Self {
        let mut frames: HashMap<StreamId, Vec<u32>> = HashMap::new();
        for (stream, offset) in scan.frames {
            frames.entry(stream).or_default().push(offset);
        }
        Self::of(scan.end, frames, scan.damaged)
    }

    /// Where the frames of a stream stand, ascending.
    pub fn offsets(&self, stream: StreamId) -> &[u32] {
        let Ok(at) = self.streams.binary_search_by_key(&stream, |(id, _)| *id) else { return &[] };
        let end = self.streams.get(at + 1).map_or(self.offsets.len(), |(_, next)| *next as usize);
        &self.offsets[self.streams[at].1 as usize..end]
    }

    /// The streams, ascending.
    pub fn streams(&self) -> impl Iterator<Item = StreamId> {
        self.streams.iter().map(|(stream, _)| *stream)
    }

    /// How many frames.
    pub fn frames(&self) -> usize {
        self.offsets.len()
    }
}
