//! Appending: one lock, one look at what others appended, one write.
//!
//! **Durability**: none but that of [`Journal::sync`]. A segment is durable before the next one is
//! begun.

use std::io;
use std::ops::Range;

use super::error::JournalError;
use super::frame::{Frame, HEADER_BYTES, Position, StreamId, frame_bytes};
use super::open::{Bounds, Journal};
use super::roll::{begin_segment, sync_names};
use super::tail::{Active, Tail};
use crate::base::disk::{Disk, PlacedFile};
use crate::base::limits::{JOURNAL_PAGE_BYTES, JOURNAL_PAYLOAD_BYTES_MAX};
use crate::store::error::StoreError;

/// One frame to append.
#[derive(Clone, Copy, Debug)]
pub struct Append<'a> {
    /// To which stream.
    pub stream: StreamId,
    /// The stream's last frame, as the caller knows it; none for a stream without any.
    pub expected: Option<Position>,
    /// What to append.
    pub payload: &'a [u8],
}

impl Journal {
    /// Appends a frame to a stream, if its last frame is the expected one.
    ///
    /// **Durability**: survives the death of this process; a power cut after [`Journal::sync`].
    ///
    /// # Errors
    /// [`JournalError::Moved`], [`JournalError::TooLarge`]: nothing was appended. Busy, full,
    /// read-only, poisoned, the disk's: it may have been appended if the disk failed, and this
    /// process appends no more.
    pub fn append(
        &self,
        stream: StreamId,
        expected: Option<Position>,
        payload: &[u8],
    ) -> Result<Position, JournalError> {
        let mut results = self.append_all(&[Append { stream, expected, payload }])?;
        results.pop().unwrap_or(Err(JournalError::Moved { stream, last: None }))
    }

    /// Appends many frames with one write, each if its stream's last frame is the expected one: a
    /// result for each, in their order. Two of one stream cannot both succeed.
    ///
    /// **Durability**: as [`Journal::append`].
    ///
    /// # Errors
    /// As [`Journal::append`], less those of single frames.
    pub fn append_all(
        &self,
        appends: &[Append<'_>],
    ) -> Result<Vec<Result<Position, JournalError>>, JournalError> {
        self.poison.refuse()?;
        let mut inner = self.inner();
        let inner = &mut *inner;
        let held = inner.hold.take()?;
        if inner.tail.catch_up()? {
            held.note_again();
        }
        self.settle(&mut inner.tail)?;
        self.allow(&inner.tail, appends)?;
        let mut writer = Writer {
            tail: &mut inner.tail,
            disk: self.disk.as_ref(),
            bounds: self.bounds,
            bytes: Vec::new(),
            start: 0,
        };
        let appended: Result<Vec<_>, StoreError> =
            appends.iter().map(|append| writer.add(append)).collect();
        let appended = appended.and_then(|results| writer.flush().map(|()| results));
        Ok(appended.inspect_err(|e| {
            self.poison.set(e);
            inner.tail.forget();
        })?)
    }

    /// Asks the quota for the room of all frames before the first one is written, so that none is
    /// where one is refused.
    fn allow(&self, tail: &Tail, appends: &[Append<'_>]) -> Result<(), StoreError> {
        let bytes: u64 = appends.iter().map(|one| frame_bytes(one.payload.len()) as u64).sum();
        let fits = |active: &Active| {
            let end = active.end + bytes;
            active.is_writable() && end <= active.length && end <= self.bounds.segment
        };
        if tail.active.as_ref().is_some_and(fits) {
            return Ok(());
        }
        // Each frame may begin a segment, and the one that is active may grow by a step.
        let headers = appends.len() as u64 * HEADER_BYTES;
        Ok(self.quota.allow(bytes + headers + self.bounds.step)?)
    }

    /// Makes durable what others appended to the active segment, before this process appends to it
    /// for the first time, so that its frames can say so. Without that nothing would ever prove it
    /// where each append comes from a process of its own, and a frame that rots could not be told
    /// from one that a crash tore: all behind it would be passed over.
    fn settle(&self, tail: &mut Tail) -> Result<(), JournalError> {
        let Some(active) = &mut tail.active else { return Ok(()) };
        let is_foreign = active.writer.is_none() && active.header.is_none();
        if !is_foreign || !active.is_writable() || active.durable >= active.end {
            return Ok(());
        }
        let (path, number) = (active.file.path.clone(), active.file.number);
        let synced = active.writer(self.disk.as_ref())?.sync();
        let synced = synced.map_err(|e| StoreError::from_io(&path, e));
        let synced = synced.and_then(|()| sync_names(self.disk.as_ref(), &self.folder, number));
        synced.inspect_err(|e| self.poison.set(e))?;
        active.durable = active.end;
        Ok(())
    }
}

/// Appends under the lock, caught up.
struct Writer<'a> {
    tail: &'a mut Tail,
    disk: &'a dyn Disk,
    bounds: Bounds,
    /// Frames that are not written yet.
    bytes: Vec<u8>,
    /// Where they begin in the active segment.
    start: u64,
}

impl Writer<'_> {
    /// The inner result is the frame's own, the outer one that of the disk.
    fn add(&mut self, append: &Append<'_>) -> Result<Result<Position, JournalError>, StoreError> {
        let Append { stream, expected, payload } = *append;
        if payload.len() > JOURNAL_PAYLOAD_BYTES_MAX {
            return Ok(Err(JournalError::TooLarge { bytes: payload.len() }));
        }
        let last = self.tail.last(stream)?;
        if last != expected {
            return Ok(Err(JournalError::Moved { stream, last }));
        }
        if self.needs_segment() {
            self.flush()?;
            begin_segment(self.tail, self.disk)?;
        }
        let Some(active) = &mut self.tail.active else {
            return Ok(Err(JournalError::Moved { stream, last }));
        };
        if self.bytes.is_empty() {
            self.start = active.end;
        }
        if let Some(header) = active.header.take() {
            (self.start, self.bytes) = (0, header);
        }
        let at = Position { segment: active.file.number, offset: active.end as u32 };
        Frame { stream, durable: active.durable as u32, payload }.write(at, &mut self.bytes);
        active.end += frame_bytes(payload.len()) as u64;
        active.streams.entry(stream).or_default().push(at.offset);
        self.tail.last.insert(stream, Some(at));
        Ok(Ok(at))
    }

    fn needs_segment(&self) -> bool {
        let is_open = |active: &Active| active.is_writable() && active.end < self.bounds.segment;
        !self.tail.active.as_ref().is_some_and(is_open)
    }

    /// Writes what was added. Where the file must grow zeros come first, so that an append that fails
    /// there has appended nothing; a new segment has none before its second write.
    fn flush(&mut self) -> Result<(), StoreError> {
        let Some(active) = &mut self.tail.active else { return Ok(()) };
        if self.bytes.is_empty() {
            return Ok(());
        }
        if active.end > active.length {
            // Another process may have made room.
            active.length = active.file.length()?;
        }
        let writer = active.writer(self.disk)?;
        let mut written = Ok(());
        if active.end > active.length && self.start > 0 {
            let zeros = active.length..active.end.next_multiple_of(self.bounds.step);
            active.length = zeros.end;
            written = fill(writer.as_ref(), zeros);
        }
        let written = written.and_then(|()| writer.write_at(&self.bytes, self.start));
        active.length = active.length.max(active.end);
        self.bytes.clear();
        written.map_err(|e| StoreError::from_io(&active.file.path, e))
    }
}

/// Writes zeros page by page. What one write puts there a system may keep as one piece, and write
/// all of it to the disk whenever one byte of it has changed.
fn fill(file: &dyn PlacedFile, zeros: Range<u64>) -> io::Result<()> {
    const PAGE: [u8; JOURNAL_PAGE_BYTES] = [0; JOURNAL_PAGE_BYTES];
    let mut at = zeros.start;
    while at < zeros.end {
        let end = zeros.end.min((at + 1).next_multiple_of(PAGE.len() as u64));
        file.write_at(&PAGE[..(end - at) as usize], at)?;
        at = end;
    }
    Ok(())
}
