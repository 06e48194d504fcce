//! What a process knows of the segments: the sealed ones by number, the active one frame by frame;
//! and bringing that forward by what others appended.
//!
//! Changes nothing on the disk but the indexes of sealed segments, which follow from them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::frame::{
    FRAME_HEAD_BYTES, Frame, HEADER_BYTES, Header, Position, StreamId, frame_bytes,
};
use super::index::Index;
use super::retired;
use super::scan::{Gap, Scan, scan};
use super::segment::{self, SegmentFile};
use super::sidecar::Sidecars;
use crate::base::disk::{Disk, PlacedFile};
use crate::base::limits::JOURNAL_LOOKS_MAX;
use crate::store::error::StoreError;

/// Bytes that are read at first where others have appended.
const LOOK_BYTES: usize = 16 << 10;

/// The segment that is written at its end.
#[derive(Debug)]
pub struct Active {
    pub file: SegmentFile,
    /// Opened with the first append of this process.
    pub writer: Option<Arc<dyn PlacedFile>>,
    /// Where the next frame begins; 0 where not even a header is there.
    pub end: u64,
    /// Bytes of the file, as last seen.
    pub length: u64,
    /// Up to where it is known to be durable, name included; 0 when that is not known.
    pub durable: u64,
    pub streams: HashMap<StreamId, Vec<u32>>,
    pub damaged: Vec<Gap>,
    /// How many of the frames in `streams` rotted.
    pub rotten: usize,
    /// The header, where it is not written yet.
    pub header: Option<Vec<u8>>,
    /// Whether its header is sound, or still to be written.
    is_headed: bool,
    /// Whether all behind the end was seen to be zeros.
    is_clean: bool,
}

/// A segment before the active one.
#[derive(Debug)]
pub struct Sealed {
    pub number: u32,
    pub index: Option<Arc<Index>>,
}

/// All segments.
#[derive(Debug)]
pub struct Tail {
    pub folder: PathBuf,
    pub sealed: Vec<Sealed>,
    pub active: Option<Active>,
    /// The last frames of streams that were asked for.
    pub last: HashMap<StreamId, Option<Position>>,
    sidecars: Sidecars,
}

impl Active {
    /// Reads and scans a segment as a whole.
    pub fn open(file: SegmentFile) -> Result<Self, StoreError> {
        let mut active = Self {
            file,
            writer: None,
            end: 0,
            length: 0,
            durable: 0,
            streams: HashMap::new(),
            damaged: Vec::new(),
            rotten: 0,
            header: None,
            is_headed: false,
            is_clean: false,
        };
        active.look_whole(None)?;
        Ok(active)
    }

    /// Whether the next frame can stand at its end.
    pub fn is_writable(&self) -> bool {
        self.is_clean && self.is_headed && self.end > 0
    }

    /// A new segment, whose header is not written yet.
    pub fn begin(file: SegmentFile, writer: Arc<dyn PlacedFile>, header: Vec<u8>) -> Self {
        Self {
            file,
            writer: Some(writer),
            end: HEADER_BYTES,
            length: 0,
            durable: 0,
            streams: HashMap::new(),
            damaged: Vec::new(),
            rotten: 0,
            header: Some(header),
            is_headed: true,
            is_clean: true,
        }
    }

    /// What it is written through.
    pub fn writer(&mut self, disk: &dyn Disk) -> Result<Arc<dyn PlacedFile>, StoreError> {
        if let Some(writer) = &self.writer {
            return Ok(writer.clone());
        }
        let path = &self.file.path;
        let writer = disk.place(path, None).map_err(|e| StoreError::from_io(path, e))?;
        self.writer = Some(writer.clone());
        Ok(writer)
    }

    /// Sees what was appended. Whether another segment may follow.
    fn look(&mut self) -> Result<bool, StoreError> {
        if !self.is_writable() {
            self.look_whole(None)?;
            return Ok(!self.is_writable() || self.length <= self.end);
        }
        let head = self.file.read(self.end, FRAME_HEAD_BYTES)?;
        if head.is_empty() {
            self.length = self.end;
            return Ok(true);
        }
        if head.iter().all(|byte| *byte == 0) {
            return Ok(false);
        }
        let bytes = self.file.read(self.end, LOOK_BYTES)?;
        let mut at = 0;
        while let Some((stream, durable, length)) = self.frame_in(&bytes[at..]) {
            self.add(stream, durable);
            self.end += length as u64;
            at += length;
        }
        if bytes.len() >= at + FRAME_HEAD_BYTES
            && bytes[at..][..FRAME_HEAD_BYTES] == [0; FRAME_HEAD_BYTES]
        {
            return Ok(false);
        }
        self.look_whole(None)?;
        Ok(!self.is_writable() || self.length <= self.end)
    }

    /// The frame at the end of what is known: its stream, what it says is durable, its bytes.
    fn frame_in(&self, bytes: &[u8]) -> Option<(StreamId, u32, usize)> {
        let at = Position { segment: self.file.number, offset: u32::try_from(self.end).ok()? };
        let frame = Frame::read(bytes, at)?;
        Some((frame.stream, frame.durable, frame_bytes(frame.payload.len())))
            .filter(|_| frame.durable <= at.offset)
    }

    fn add(&mut self, stream: StreamId, durable: u32) {
        self.streams.entry(stream).or_default().push(self.end as u32);
        self.durable = self.durable.max(u64::from(durable));
    }

    /// Scans all behind the end. What looks damaged is looked at again until it stays the same: it
    /// may be half written, with later frames that were already seen whole.
    fn look_whole(&mut self, sealed: Option<u64>) -> Result<(), StoreError> {
        let mut found = self.scan(sealed)?;
        for _ in 0..JOURNAL_LOOKS_MAX {
            if found.damaged.is_empty() {
                break;
            }
            let again = self.scan(sealed)?;
            let is_same = again.damaged == found.damaged;
            found = again;
            if is_same {
                break;
            }
        }
        for (stream, offset) in &found.frames {
            self.streams.entry(*stream).or_default().push(*offset);
        }
        self.end = found.end;
        self.durable = found.durable;
        self.is_clean = !found.is_torn;
        self.damaged.extend(found.damaged);
        self.rotten += found.rotten;
        Ok(())
    }

    fn scan(&mut self, sealed: Option<u64>) -> Result<Scan, StoreError> {
        if self.end == 0 {
            let (found, length) = scan_file(&self.file, sealed)?;
            self.length = length;
            self.is_headed = self.file.header()?.is_some();
            return Ok(found);
        }
        let bytes = self.file.read_from(self.end)?;
        self.length = self.end + bytes.len() as u64;
        Ok(scan(&bytes, self.file.number, self.end, self.durable, sealed))
    }
}

/// Scans a whole segment, and tells its length. One without a sound header holds nothing (its end
/// is 0) unless frames follow all the same; nothing is appended to it.
pub fn scan_file(file: &SegmentFile, sealed: Option<u64>) -> Result<(Scan, u64), StoreError> {
    let header = file.header()?;
    let bytes = file.read_from(0)?;
    let length = bytes.len() as u64;
    let behind = bytes.get(HEADER_BYTES as usize..).unwrap_or_default();
    let mut found = scan(behind, file.number, HEADER_BYTES, 0, sealed);
    if header.is_none() {
        found.is_torn = length > 0;
        if found.durable > 0 {
            found.damaged.insert(0, Gap { start: 0, end: HEADER_BYTES });
        } else if found.frames.is_empty() {
            found.end = 0;
        }
    }
    Ok((found, length))
}

impl Tail {
    pub fn new(folder: PathBuf, sidecars: Sidecars) -> Self {
        Self { folder, sealed: Vec::new(), active: None, last: HashMap::new(), sidecars }
    }

    /// Forgets everything: it is read anew when it is needed.
    pub fn forget(&mut self) {
        (self.sealed, self.active, self.last) = (Vec::new(), None, HashMap::new());
    }

    /// Sees what was appended since the last time. Whether that was anything.
    pub fn catch_up(&mut self) -> Result<bool, StoreError> {
        if self.active.is_none() {
            let mut numbers = segment::list(&self.folder)?;
            let Some(newest) = numbers.pop() else { return Ok(false) };
            let Some(file) = SegmentFile::open(&self.folder, newest)? else { return Ok(false) };
            self.sealed =
                numbers.into_iter().map(|number| Sealed { number, index: None }).collect();
            self.active = Some(Active::open(file)?);
        }
        let mut has_moved = false;
        while let Some(active) = &mut self.active {
            let before = active.end;
            let may_follow = active.look()?;
            has_moved |= active.end > before;
            if !may_follow {
                break;
            }
            let Some(next) = SegmentFile::open(&self.folder, active.file.number + 1)? else {
                break;
            };
            self.go_on(next)?;
            has_moved = true;
        }
        if has_moved {
            self.last.clear();
        }
        Ok(has_moved)
    }

    /// Takes the next segment, which another process began, for the active one.
    fn go_on(&mut self, next: SegmentFile) -> Result<(), StoreError> {
        let header = next.header()?;
        let next = Active::open(next)?;
        if let Some(mut active) = self.active.replace(next) {
            let number = active.file.number;
            let end = header.filter(|h| h.previous == number).map(|h| h.previous_end);
            active.look_whole(end)?;
            self.seal(active);
        }
        Ok(())
    }

    /// Puts the segment that was the active one with the others.
    pub fn seal(&mut self, active: Active) -> Arc<Index> {
        let number = active.file.number;
        let index = Arc::new(Index::of(active.end, active.streams, active.damaged));
        self.sealed.push(Sealed { number, index: Some(index.clone()) });
        index
    }

    /// Keeps the index of a segment that is sealed and durable.
    pub fn keep(&self, segment: u32, index: &Index) {
        self.sidecars.put(segment, index);
    }

    /// The index of a sealed segment, by its place among them. It is believed unread only where a
    /// later header says where the segment ends: one that a crash brought back to be the active one
    /// may have an index of before.
    pub fn index(&mut self, at: usize) -> Result<Arc<Index>, StoreError> {
        if let Some(index) = &self.sealed[at].index {
            return Ok(index.clone());
        }
        let number = self.sealed[at].number;
        let end = self.header_behind(at)?.filter(|h| h.previous == number).map(|h| h.previous_end);
        let end = match end {
            None => retired::read(&self.folder)?.end_of(number),
            known => known,
        };
        let kept = end.and_then(|end| self.sidecars.get(number, end));
        let index = match kept {
            Some(index) => index,
            None => self.make_index(number, end)?,
        };
        let index = Arc::new(index);
        self.sealed[at].index = Some(index.clone());
        Ok(index)
    }

    fn make_index(&self, segment: u32, end: Option<u64>) -> Result<Index, StoreError> {
        let Some(file) = SegmentFile::open(&self.folder, segment)? else {
            return Ok(Index::default());
        };
        let index = Index::of_scan(scan_file(&file, end)?.0);
        if end.is_some() {
            self.sidecars.put(segment, &index);
        }
        Ok(index)
    }

    /// The first sound header behind a sealed segment.
    fn header_behind(&self, at: usize) -> Result<Option<Header>, StoreError> {
        let active = self.active.iter().map(|active| active.file.number);
        let behind = self.sealed[at + 1..].iter().map(|sealed| sealed.number).chain(active);
        for number in behind {
            let header = match SegmentFile::open(&self.folder, number)? {
                Some(file) => file.header()?,
                None => None,
            };
            if header.is_some() {
                return Ok(header);
            }
        }
        Ok(None)
    }

    /// The last frame of a stream.
    pub fn last(&mut self, stream: StreamId) -> Result<Option<Position>, StoreError> {
        if let Some(last) = self.last.get(&stream) {
            return Ok(*last);
        }
        let mut found = self.active.as_ref().and_then(|active| {
            let offset = *active.streams.get(&stream)?.last()?;
            Some(Position { segment: active.file.number, offset })
        });
        for at in (0..self.sealed.len()).rev() {
            if found.is_some() {
                break;
            }
            let segment = self.sealed[at].number;
            let offset = self.index(at)?.offsets(stream).last().copied();
            found = offset.map(|offset| Position { segment, offset });
        }
        self.last.insert(stream, found);
        Ok(found)
    }
}
