//! The journal as its users see it: opening and reading.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::check::check;
use super::error::JournalError;
use super::frame::{FRAME_HEAD_BYTES, Frame, Position, StreamId};
use super::hold::Hold;
use super::segment::{SegmentFile, file_name};
use super::sidecar::Sidecars;
use super::sync::Syncs;
use super::tail::Tail;
use crate::base::disk::Disk;
use crate::base::limits::{JOURNAL_FILES_MAX, JOURNAL_SEGMENT_BYTES, JOURNAL_STEP_BYTES};
use crate::store::error::StoreError;
use crate::store::lock::LockFile;
use crate::store::open::{Poison, Store};
use crate::store::quota::Quota;

/// Bytes that are read at first for one frame: most frames are no longer.
const READ_BYTES: usize = 4 << 10;

/// When a segment ends and how it grows; smaller in tests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub segment: u64,
    pub step: u64,
}

/// The journal of a store. Shared between threads by reference.
#[derive(Debug)]
pub struct Journal {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) folder: PathBuf,
    pub(super) bounds: Bounds,
    /// Where files are half made.
    pub(super) tmp: PathBuf,
    /// That of the appends.
    pub(super) lock: LockFile,
    pub(super) poison: Poison,
    pub(super) quota: Quota,
    pub(super) syncs: Syncs,
    inner: Mutex<Inner>,
    /// Segments that were read from.
    files: Mutex<HashMap<u32, SegmentFile>>,
}

/// What one thread at a time uses.
#[derive(Debug)]
pub(super) struct Inner {
    pub hold: Hold,
    pub tail: Tail,
}

impl Journal {
    /// Opens the journal of a store. Reads and makes nothing yet.
    ///
    /// # Errors
    /// None so far.
    pub fn open(store: &Store) -> Result<Self, JournalError> {
        Ok(Self::of(store))
    }

    /// That of a store, which nothing can refuse.
    pub(in crate::store) fn of(store: &Store) -> Self {
        let bounds = Bounds { segment: JOURNAL_SEGMENT_BYTES, step: JOURNAL_STEP_BYTES };
        Self::with_bounds(store, bounds)
    }

    pub(super) fn with_bounds(store: &Store, bounds: Bounds) -> Self {
        let folder = store.layout.journal();
        let lock = LockFile::new(&store.layout.locks(), "journal", "the journal");
        let sidecars = Sidecars::new(store.disk.clone(), &folder, store.layout.tmp());
        let inner =
            Inner { hold: Hold::new(lock.clone()), tail: Tail::new(folder.clone(), sidecars) };
        Self {
            disk: store.disk.clone(),
            folder,
            bounds,
            tmp: store.layout.tmp(),
            lock,
            poison: store.poison.clone(),
            quota: store.quota.clone(),
            syncs: Syncs::default(),
            inner: Mutex::new(inner),
            files: Mutex::default(),
        }
    }

    /// Where the frames of a stream stand, ascending; those behind `after`, where that is given.
    /// Sees what other processes appended.
    ///
    /// # Errors
    /// The disk's; a newer format.
    pub fn positions(
        &self,
        stream: StreamId,
        after: Option<Position>,
    ) -> Result<Vec<Position>, JournalError> {
        let mut inner = self.inner();
        let tail = &mut inner.tail;
        tail.catch_up()?;
        let first = after.map_or(0, |after| after.segment);
        let mut found = Vec::new();
        for at in 0..tail.sealed.len() {
            let segment = tail.sealed[at].number;
            if segment >= first {
                let index = tail.index(at)?;
                let offsets = index.offsets(stream).iter();
                found.extend(offsets.map(|&offset| Position { segment, offset }));
            }
        }
        if let Some(active) = &tail.active {
            let segment = active.file.number;
            let offsets = active.streams.get(&stream).into_iter().flatten();
            found.extend(offsets.map(|&offset| Position { segment, offset }));
        }
        found.retain(|at| Some(*at) > after);
        Ok(found)
    }

    /// Whether the name of a segment is known to be durable: one that a crash may still take away says
    /// nothing to who finds it missing.
    ///
    /// # Errors
    /// As [`Journal::positions`].
    pub fn is_durable(&self, segment: u32) -> Result<bool, JournalError> {
        let mut inner = self.inner();
        let tail = &mut inner.tail;
        tail.catch_up()?;
        let active = tail.active.as_ref();
        Ok(tail.sealed.iter().any(|sealed| sealed.number == segment)
            || active.is_some_and(|one| one.file.number == segment && one.durable > 0))
    }

    /// All streams that have a frame, ascending. Reads the index of every segment.
    ///
    /// # Errors
    /// As [`Journal::positions`].
    pub fn streams(&self) -> Result<Vec<StreamId>, JournalError> {
        let mut inner = self.inner();
        let tail = &mut inner.tail;
        tail.catch_up()?;
        let mut found = BTreeSet::new();
        for at in 0..tail.sealed.len() {
            found.extend(tail.index(at)?.streams());
        }
        if let Some(active) = &tail.active {
            found.extend(active.streams.keys().copied());
        }
        Ok(found.into_iter().collect())
    }

    /// The payload of a frame, checked against its digest.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] where no whole frame stands there; the disk's.
    pub fn read(&self, at: Position) -> Result<Vec<u8>, JournalError> {
        let offset = u64::from(at.offset);
        let damaged = |what| {
            let path = self.folder.join(file_name(at.segment));
            JournalError::Damaged { path, offset, what }
        };
        let Some(file) = self.file(at.segment)? else { return Err(damaged("it is not there")) };
        let mut bytes = file.read(offset, READ_BYTES)?;
        let head = &bytes[..bytes.len().min(FRAME_HEAD_BYTES)];
        let length = Frame::length(head).ok_or_else(|| damaged("no frame begins there"))?;
        if length > bytes.len() && bytes.len() == READ_BYTES {
            let more = file.read(offset + READ_BYTES as u64, length - READ_BYTES)?;
            bytes.extend(more);
        }
        let frame =
            Frame::read(&bytes, at).ok_or_else(|| damaged("the frame's digest is wrong"))?;
        Ok(frame.payload.to_vec())
    }

    /// Proves every byte of the segments; their indexes follow from them.
    ///
    /// # Errors
    /// The first damage, as [`StoreError::Corrupt`]; the disk's; a newer format.
    pub fn prove(&self) -> Result<(), JournalError> {
        let found = check(&self.folder)?.damaged.into_iter();
        let mut found = found.filter(|(path, _)| path.extension().is_some_and(|e| e == "log"));
        match found.next() {
            None => Ok(()),
            Some((path, what)) => Err(StoreError::Corrupt { path, what }.into()),
        }
    }

    fn file(&self, segment: u32) -> Result<Option<SegmentFile>, StoreError> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(&segment) {
            return Ok(Some(file.clone()));
        }
        let Some(file) = SegmentFile::open(&self.folder, segment)? else { return Ok(None) };
        if files.len() >= JOURNAL_FILES_MAX {
            files.clear();
        }
        files.insert(segment, file.clone());
        Ok(Some(file))
    }

    pub(super) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
