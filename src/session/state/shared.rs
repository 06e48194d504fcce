//! What all sessions of one opened store share, and the handle of each.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::cache::Cache;
use super::error::StateError;
use super::identity;
use super::index::Index;
use super::interval::Interval;
use super::kept;
use super::log::{Log, stream_of};
use super::meter::Meter;
use super::rebuild::Reader;
use super::settings::StateSettings;
use super::syncer::Syncer;
use super::wire::{self, Act, Entry, WireError};
use crate::base::id::TreeId;
use crate::base::limits::{SESSION_NAME_BYTES_MAX, STATE_MISSING_MAX};
use crate::base::time::Clock;
use crate::object::traits::Fetch;
use crate::store::journal::{JournalError, Position, StreamId};

/// What all sessions of one opened store share.
pub(super) struct Shared {
    pub log: Arc<dyn Log>,
    /// Where snapshots with files are looked up.
    pub objects: Arc<dyn Fetch + Send + Sync>,
    pub who: String,
    pub process: u32,
    pub clock: Arc<dyn Clock>,
    pub settings: StateSettings,
    pub cache: Cache,
    /// The tree of states without files.
    pub no_files: TreeId,
    pub syncer: Syncer,
    pub meter: Meter,
    cores: Mutex<HashMap<String, Weak<Core>>>,
}

/// Where a [`Shared`] gets its parts from.
pub(super) struct Parts {
    pub log: Arc<dyn Log>,
    pub objects: Arc<dyn Fetch + Send + Sync>,
    pub who: String,
    pub clock: Arc<dyn Clock>,
    pub settings: StateSettings,
    /// Where measurements are written, and indexes kept beside; none keeps none.
    pub metrics: Option<PathBuf>,
}

/// One session, shared by its handles.
pub(super) struct Core {
    pub name: String,
    pub stream: StreamId,
    index: Mutex<Index>,
    pub interval: Mutex<Option<Interval>>,
}

impl Shared {
    pub(super) fn new(parts: Parts) -> Result<Self, StateError> {
        Ok(Self {
            syncer: Syncer::new(parts.log.clone()),
            meter: Meter::new(parts.metrics),
            cache: Cache::new(parts.settings.cache),
            no_files: identity::no_files()?,
            process: std::process::id(),
            log: parts.log,
            objects: parts.objects,
            who: parts.who,
            clock: parts.clock,
            settings: parts.settings,
            cores: Mutex::default(),
        })
    }

    /// The session of that name: one for all handles of this opening.
    pub(super) fn core(&self, name: &str) -> Result<Arc<Core>, StateError> {
        let bad = |reason| StateError::BadName { name: name.to_owned(), reason };
        if name.is_empty() {
            return Err(bad("it is empty"));
        }
        if name.len() > SESSION_NAME_BYTES_MAX {
            return Err(bad("it is longer than 200 bytes"));
        }
        if name.chars().any(char::is_control) {
            return Err(bad("it has control characters"));
        }
        let mut cores = self.cores.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(core) = cores.get(name).and_then(Weak::upgrade) {
            return Ok(core);
        }
        cores.retain(|_, core| core.strong_count() > 0);
        let core = Arc::new(Core {
            name: name.to_owned(),
            stream: stream_of(name),
            index: Mutex::default(),
            interval: Mutex::default(),
        });
        cores.insert(name.to_owned(), Arc::downgrade(&core));
        Ok(core)
    }

    /// The sessions that have a handle.
    pub(super) fn open_cores(&self) -> Vec<Arc<Core>> {
        let cores = self.cores.lock().unwrap_or_else(PoisonError::into_inner);
        cores.values().filter_map(Weak::upgrade).collect()
    }

    /// The next entry of a session, which does nothing yet.
    pub(super) fn blank(&self, session: &str, index: &Index) -> Entry {
        Entry {
            session: session.to_owned(),
            sequence: index.slots.len() as u64,
            before: index.digest,
            when: self.clock.now(),
            who: self.who.clone(),
            process: self.process,
            act: Act::nothing(),
        }
    }

    /// Takes the places of entries before this one that were let go of, where that is why they are
    /// missing.
    pub(super) fn step_over_gone(
        &self,
        index: &mut Index,
        place: Position,
        entry: &Entry,
    ) -> Result<(), StateError> {
        let missing = entry.sequence.saturating_sub(index.slots.len() as u64);
        if missing > 0
            && missing <= STATE_MISSING_MAX
            && self.log.is_retired_between(index.last, place)?
        {
            index.take_gone(place, entry.sequence);
        }
        Ok(())
    }

    pub(super) fn reader<'a>(&'a self, core: &'a Core) -> Reader<'a> {
        let verify = self.settings.verify;
        Reader {
            shared: self,
            cache: &self.cache,
            session: &core.name,
            stream: core.stream,
            verify,
        }
    }
}

impl Core {
    /// The index, with all that this process knows. A thread that panicked while it held it left
    /// what cannot be trusted: it is read anew.
    pub(super) fn lock(&self, shared: &Shared) -> Result<MutexGuard<'_, Index>, StateError> {
        let mut index = self.index.lock().unwrap_or_else(|poisoned| {
            self.index.clear_poison();
            let mut index = poisoned.into_inner();
            *index = Index::default();
            index
        });
        if !index.is_loaded {
            let of = (self.name.as_str(), self.stream);
            let folder = shared.meter.path().and_then(Path::parent);
            let kept = folder.and_then(|folder| kept::load(folder, of, shared.log.as_ref()));
            *index = kept.unwrap_or_default();
            let new = self.catch_up(shared, &mut index)?;
            let is_durable = |at| shared.log.is_durable(at).unwrap_or(false);
            if let Some(folder) = folder.filter(|_| index.last.is_some_and(is_durable)) {
                kept::keep(folder, of, &index, new);
            }
            index.others = 0;
            index.is_loaded = true;
        }
        Ok(index)
    }

    /// The index, with all that is in the journal now.
    pub(super) fn fresh(&self, shared: &Shared) -> Result<MutexGuard<'_, Index>, StateError> {
        let mut index = self.lock(shared)?;
        self.catch_up(shared, &mut index)?;
        Ok(index)
    }

    /// Takes what others appended; says how many entries that were.
    pub(super) fn catch_up(&self, shared: &Shared, index: &mut Index) -> Result<u64, StateError> {
        let places = shared.log.positions(self.stream, index.last)?;
        let count = places.len() as u64;
        for place in places {
            let payload = match shared.log.read(place) {
                Err(error @ JournalError::Damaged { .. }) => {
                    index.take_damaged(place, error.to_string());
                    continue;
                }
                read => read?,
            };
            match Entry::decode(&payload) {
                Ok(entry) if entry.session == self.name => {
                    shared.step_over_gone(index, place, &entry)?;
                    index.take(place, &entry, wire::digest(&payload));
                }
                Ok(other) => {
                    index.take_damaged(place, format!("it is of session `{}`", other.session));
                }
                // A newer program goes on from here; this one would go on from something else.
                Err(error @ WireError::Version(_)) => {
                    let sequence = index.slots.len() as u64;
                    let (session, what) = (self.name.clone(), error.to_string());
                    return Err(StateError::Damaged { session, sequence, what });
                }
                Err(error) => index.take_damaged(place, error.to_string()),
            }
        }
        index.others += count;
        Ok(count)
    }
}
