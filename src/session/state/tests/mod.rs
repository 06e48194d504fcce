//! Tests of sessions, and what they share: a journal in memory that can be damaged, and that counts
//! what was synced.

mod auditing;
mod basics;
mod crash;
mod damage;
mod durability;
mod files;
mod format;
mod fuzz;
mod in_memory;
mod kept;
mod merging;
mod metrics;
mod model;
mod retention;
mod review;
mod searching;
mod threads;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::log::Log;
use super::sessions::Sessions;
use super::settings::StateSettings;
use super::shared::Parts;
use crate::base::time::StepClock;
use crate::document::Json;
use crate::object::memory::MemoryObjects;
use crate::store::journal::{Append, JournalError, Position, StreamId};

/// A journal in memory.
#[derive(Default)]
pub(super) struct MemoryLog {
    inner: Mutex<Inner>,
}

#[derive(Default)]
pub(super) struct Inner {
    frames: Vec<(StreamId, Vec<u8>)>,
    streams: BTreeMap<StreamId, Vec<Position>>,
    damaged: Vec<Position>,
    pub synced: usize,
    pub writes: usize,
    pub syncs: usize,
    pub fails_to_sync: bool,
}

impl MemoryLog {
    pub fn with<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        f(&mut self.inner.lock().unwrap())
    }

    pub fn count(&self) -> usize {
        self.with(|inner| inner.frames.len())
    }

    pub fn damage(&self, number: usize) {
        self.with(|inner| inner.damaged.push(place(number)));
    }

    pub fn payload(&self, number: usize) -> Vec<u8> {
        self.with(|inner| inner.frames[number].1.clone())
    }

    /// Puts other bytes where a frame stands, as one would who can reckon its digest.
    pub fn tamper(&self, number: usize, payload: Vec<u8>) {
        self.with(|inner| inner.frames[number].1 = payload);
    }

    /// Takes a frame out of its stream.
    pub fn remove(&self, number: usize) {
        self.with(|inner| {
            for places in inner.streams.values_mut() {
                places.retain(|at| *at != place(number));
            }
        });
    }
}

fn place(number: usize) -> Position {
    Position { segment: 1, offset: u32::try_from(number).unwrap() }
}

impl Log for MemoryLog {
    fn positions(
        &self,
        stream: StreamId,
        after: Option<Position>,
    ) -> Result<Vec<Position>, JournalError> {
        let all = self.with(|inner| inner.streams.get(&stream).cloned().unwrap_or_default());
        Ok(all.into_iter().filter(|at| Some(*at) > after).collect())
    }

    fn read(&self, at: Position) -> Result<Vec<u8>, JournalError> {
        self.with(|inner| {
            if inner.damaged.contains(&at) {
                let (path, offset) = (PathBuf::from("memory"), u64::from(at.offset));
                return Err(JournalError::Damaged { path, offset, what: "it was damaged" });
            }
            Ok(inner.frames[at.offset as usize].1.clone())
        })
    }

    fn streams(&self) -> Result<Vec<StreamId>, JournalError> {
        Ok(self.with(|inner| inner.streams.keys().copied().collect()))
    }

    fn append_all(
        &self,
        appends: &[Append<'_>],
    ) -> Result<Vec<Result<Position, JournalError>>, JournalError> {
        self.with(|inner| {
            inner.writes += 1;
            let append = |append: &Append<'_>| {
                let stream = append.stream;
                let places = inner.streams.entry(stream).or_default();
                let last = places.last().copied();
                if last != append.expected {
                    return Err(JournalError::Moved { stream, last });
                }
                let at = place(inner.frames.len());
                places.push(at);
                inner.frames.push((stream, append.payload.to_vec()));
                Ok(at)
            };
            Ok(appends.iter().map(append).collect())
        })
    }

    fn prove(&self) -> Result<(), JournalError> {
        Ok(())
    }

    fn sync(&self) -> Result<(), JournalError> {
        self.with(|inner| {
            if inner.fails_to_sync {
                return Err(JournalError::TooLarge { bytes: 0 });
            }
            inner.syncs += 1;
            inner.synced = inner.frames.len();
            Ok(())
        })
    }
}

pub(super) fn json(text: &str) -> Json {
    Json::parse(text.as_bytes()).unwrap()
}

pub(super) fn label(text: &str) -> crate::base::name::Label {
    crate::base::name::Label::new(text).unwrap()
}

/// Sessions over that journal, as another process would have them.
pub(super) fn over(log: &Arc<MemoryLog>, settings: StateSettings) -> Sessions {
    Sessions::from_parts(Parts {
        log: log.clone(),
        objects: Arc::new(MemoryObjects::new()),
        who: "ann".to_owned(),
        clock: Arc::new(StepClock::default()),
        settings,
        metrics: None,
    })
    .unwrap()
}

pub(super) fn ignoring(places: &[&str]) -> StateSettings {
    let ignore = places.iter().map(|place| place.parse().unwrap()).collect();
    StateSettings { ignore, ..StateSettings::default() }
}
