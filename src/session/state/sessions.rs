//! The sessions of a store: opening, listing, closing.

use std::path::Path;
use std::sync::Arc;

use super::at::SessionFacts;
use super::error::StateError;
use super::log::stream_of;
use super::meter::METRICS_FILE;
use super::session::Session;
use super::settings::StateSettings;
use super::shared::{Parts, Shared};
use super::wire::{Entry, WireError};
use crate::base::disk::RealDisk;
use crate::base::near::near;
use crate::base::time::{Clock, SystemClock};
use crate::store::journal::{Journal, JournalError, Position};
use crate::store::{Store, StoreError};

/// The sessions of one store. Keep one for a process: what its sessions share (memory, worker,
/// journal) hangs on it. Threads may share it.
pub struct Sessions {
    pub(super) shared: Arc<Shared>,
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

impl Sessions {
    /// Of an open store. `who` stands in what is written.
    ///
    /// # Errors
    /// The journal's.
    pub fn open(
        store: Arc<Store>,
        who: &str,
        clock: Arc<dyn Clock>,
        settings: StateSettings,
    ) -> Result<Self, StateError> {
        let log = Arc::new(Journal::open(&store)?);
        let metrics = Some(store.layout().journal().join(METRICS_FILE));
        let who = who.to_owned();
        Self::from_parts(Parts { log, objects: store, who, clock, settings, metrics })
    }

    /// Of the store in a folder, which is made where there is none: all that a library user needs.
    ///
    /// # Errors
    /// As `Store::create`, `Store::open` and [`Sessions::open`].
    pub fn at(folder: &Path) -> Result<Self, StateError> {
        Self::at_with(folder, StateSettings::default())
    }

    /// The same, with settings of one's own.
    ///
    /// # Errors
    /// As [`Sessions::at`].
    pub fn at_with(folder: &Path, settings: StateSettings) -> Result<Self, StateError> {
        let store = match Store::open(folder, Arc::new(RealDisk)) {
            Err(StoreError::NotAStore { .. }) => {
                match Store::create(folder, Arc::new(RealDisk), "") {
                    // Somebody else was quicker.
                    Err(StoreError::IsAStore { .. }) => Store::open(folder, Arc::new(RealDisk))?,
                    made => made?,
                }
            }
            opened => opened?,
        };
        Self::open(Arc::new(store), "", Arc::new(SystemClock), settings)
    }

    pub(super) fn from_parts(parts: Parts) -> Result<Self, StateError> {
        Ok(Self { shared: Arc::new(Shared::new(parts)?) })
    }

    /// A session, which is there from its first entry on.
    ///
    /// # Errors
    /// [`StateError::BadName`].
    pub fn session(&self, name: &str) -> Result<Session, StateError> {
        Ok(Session { shared: self.shared.clone(), core: self.shared.core(name)? })
    }

    /// A session that has entries.
    ///
    /// # Errors
    /// [`StateError::UnknownSession`] with names near it; [`StateError::BadName`]; the journal's.
    pub fn existing(&self, name: &str) -> Result<Session, StateError> {
        let session = self.session(name)?;
        session.known().map(|_| ())?;
        Ok(session)
    }

    /// All sessions, the one that was written to last first.
    ///
    /// # Errors
    /// The journal's.
    pub fn list(&self) -> Result<Vec<SessionFacts>, StateError> {
        self.shared.list()
    }

    /// Sessions of which nothing can be read any more, not even the name: [`Sessions::list`] passes
    /// them over.
    ///
    /// # Errors
    /// The journal's.
    pub fn unreadable(&self) -> Result<usize, StateError> {
        self.shared.unreadable()
    }

    /// That there is no damage in which a session could be that is not found. Reads the whole
    /// journal.
    ///
    /// # Errors
    /// [`StateError::Journal`] for the first damage; the journal's.
    pub fn prove(&self) -> Result<(), StateError> {
        Ok(self.shared.log.prove()?)
    }

    /// Makes all states of this process durable.
    ///
    /// # Errors
    /// [`StateError::Unsynced`].
    pub fn sync(&self) -> Result<(), StateError> {
        self.shared.syncer.sync()
    }

    /// Ends in order: intervals end, states and measurements are written, states are durable. From
    /// then on puts are refused. Dropping the last handle does the same, without an answer.
    ///
    /// # Errors
    /// [`StateError::Unsynced`].
    pub fn close(&self) -> Result<(), StateError> {
        for core in self.shared.open_cores() {
            core.stop_interval();
        }
        let synced = self.shared.syncer.close();
        self.shared.meter.close();
        synced
    }
}

impl Shared {
    pub(super) fn unknown(&self, name: &str) -> StateError {
        let known = self.list().unwrap_or_default();
        let near = near(name, known.into_iter().map(|facts| facts.name).collect());
        StateError::UnknownSession { name: name.to_owned(), near }
    }

    pub(super) fn list(&self) -> Result<Vec<SessionFacts>, StateError> {
        let mut all = Vec::new();
        for stream in self.log.streams()? {
            let places = self.log.positions(stream, None)?;
            // The outermost ones that can be read say enough.
            let Some(first) = self.first_readable(places.iter().copied())? else { continue };
            let Some(last) = self.first_readable(places.iter().rev().copied())? else { continue };
            if stream_of(&first.session) == stream {
                all.push(SessionFacts {
                    name: first.session,
                    entries: places.len() as u64,
                    first: first.when,
                    last: last.when,
                    who: last.who,
                });
            }
        }
        all.sort_by(|a, b| (b.last, &a.name).cmp(&(a.last, &b.name)));
        Ok(all)
    }

    fn unreadable(&self) -> Result<usize, StateError> {
        let mut count = 0;
        for stream in self.log.streams()? {
            let mut is_unreadable = true;
            for place in self.log.positions(stream, None)? {
                is_unreadable = match self.log.read(place) {
                    Err(JournalError::Damaged { .. }) => true,
                    read => match Entry::decode(&read?) {
                        // A stream of others, or one of a newer program.
                        Ok(_) | Err(WireError::NoEntry | WireError::Version(_)) => false,
                        Err(_) => true,
                    },
                };
                if !is_unreadable {
                    break;
                }
            }
            count += usize::from(is_unreadable);
        }
        Ok(count)
    }

    /// The first entry that is not damaged; none in a stream of others.
    fn first_readable(
        &self,
        places: impl Iterator<Item = Position>,
    ) -> Result<Option<Entry>, StateError> {
        for place in places {
            let payload = match self.log.read(place) {
                Err(JournalError::Damaged { .. }) => continue,
                read => read?,
            };
            match Entry::decode(&payload) {
                Ok(entry) => return Ok(Some(entry)),
                Err(WireError::NoEntry) => return Ok(None),
                Err(_) => {}
            }
        }
        Ok(None)
    }
}
