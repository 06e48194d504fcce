//! Which frames of which streams a sealed segment holds: 4 bytes a frame, 20 a stream, in memory
//! and in a file beside the segment.
//!
//! **Format**: ARCHITECTURE.md gives it byte by byte. It follows from the segment, so it needs no
//! care: what is not whole, or not of just that segment, is none.
//!
//! Knows nothing of the disk.

use std::collections::HashMap;

use super::frame::{HEADER_BYTES, StreamId, number};
use super::scan::{Gap, Scan};
use crate::base::codec::digest;

const MAGIC: &[u8; 8] = b"xpindex\n";
const VERSION: u32 = 1;
const HEAD_BYTES: usize = 32;
const STREAM_BYTES: usize = 20;
const DIGEST_BYTES: usize = 32;

/// The frames of a sealed segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// Where the segment ends.
    pub end: u64,
    /// Ascending, each with where its offsets begin in `offsets`.
    streams: Vec<(StreamId, u32)>,
    /// Of all streams, one stream behind the other, each ascending.
    offsets: Vec<u32>,
    /// What is damaged in it. Not part of the file, which is only made where nothing is.
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

    /// The bytes of its file.
    pub fn write(&self, segment: u32) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let counts = [self.streams.len() as u32, self.offsets.len() as u32];
        for number in [VERSION, segment, self.end as u32, counts[0], counts[1], 0] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        for (stream, first) in &self.streams {
            bytes.extend_from_slice(&stream.0);
            bytes.extend_from_slice(&first.to_le_bytes());
        }
        self.offsets.iter().for_each(|offset| bytes.extend_from_slice(&offset.to_le_bytes()));
        let digest = digest("journal index", &bytes);
        bytes.extend_from_slice(&digest.0);
        bytes
    }

    /// The index in these bytes, if they are that of the segment as it ends there.
    pub fn read(bytes: &[u8], segment: u32, end: u64) -> Option<Self> {
        let (covered, found) = bytes.split_at_checked(bytes.len().checked_sub(DIGEST_BYTES)?)?;
        if covered.len() < HEAD_BYTES || digest("journal index", covered).0 != found {
            return None;
        }
        let is_this = covered.starts_with(MAGIC)
            && number(covered, 8) == VERSION
            && number(covered, 12) == segment
            && u64::from(number(covered, 16)) == end;
        let (streams, offsets) = (number(covered, 20) as usize, number(covered, 24) as usize);
        let length = HEAD_BYTES + STREAM_BYTES.checked_mul(streams)? + offsets.checked_mul(4)?;
        if !is_this || length != covered.len() {
            return None;
        }
        let (ids, places) = covered[HEAD_BYTES..].split_at(STREAM_BYTES * streams);
        let stream = |bytes: &[u8]| {
            let mut id = [0; 16];
            id.copy_from_slice(&bytes[..16]);
            (StreamId(id), number(bytes, 16))
        };
        let index = Self {
            end,
            streams: ids.chunks_exact(STREAM_BYTES).map(stream).collect(),
            offsets: places.chunks_exact(4).map(|bytes| number(bytes, 0)).collect(),
            damaged: Vec::new(),
        };
        index.is_in_order().then_some(index)
    }

    /// Whether streams ascend and each has frames, which ascend within the segment.
    fn is_in_order(&self) -> bool {
        let count = self.offsets.len() as u32;
        let firsts = self.streams.iter().map(|(_, first)| *first);
        let mut nexts = firsts.clone().skip(1).chain([count]);
        self.streams.is_sorted_by(|a, b| a.0 < b.0)
            && firsts.clone().next().unwrap_or(count) == 0
            && firsts.zip(&mut nexts).all(|(first, next)| {
                first < next
                    && next <= count
                    && self.offsets[first as usize..next as usize].is_sorted_by(|a, b| a < b)
            })
            && self
                .offsets
                .iter()
                .all(|&at| u64::from(at) >= HEADER_BYTES && u64::from(at) < self.end && at % 8 == 0)
    }
}
