//! The audit trail: every entry of a session in order, each checked.
//!
//! Guarantees that the first entry is named that was changed, removed, repeated or put elsewhere.
//! Each entry carries the digest of the one before it, so who rewrites one must rewrite all that
//! follow, and then the newest digest is another one: keep it elsewhere and give it back as `expected`.
//! That shows also an end that was cut off, which nothing inside can show.

use super::at::{LogEntry, LogEvent};
use super::cache::Cache;
use super::error::StateError;
use super::history::log_entry;
use super::index::{Index, Number};
use super::rebuild::Reader;
use super::session::Session;
use super::wire::{self, Act, Entry};
use crate::base::id::Hash;
use crate::base::limits::{STATE_CACHE_BYTES, STATE_PATCHES_MAX};
use crate::store::journal::{JournalError, Position};

/// All entries of a session, checked.
#[derive(Clone, Debug)]
pub struct AuditTrail {
    /// The session.
    pub session: String,
    /// The entries in order, with those that are damaged.
    pub entries: Vec<AuditEntry>,
    /// The digest of the newest entry; none where that cannot be read.
    pub newest: Option<Hash>,
    /// Entries that retention let go of: what they were cannot be checked any more.
    pub let_go: u64,
    /// The first thing that is wrong; none where all is sound.
    pub fault: Option<AuditFault>,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// What it says.
    pub entry: LogEntry,
    /// Its digest, which the next one carries; none where it cannot be read.
    pub digest: Option<Hash>,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditFault {
    /// At which place in the session, from 0: that of the first entry that is not as it was written.
    pub sequence: u64,
    /// What.
    pub what: String,
}

impl Session {
    /// Reads and checks all entries: digests, their chain, numbers, ids of values and of states. Costs
    /// the whole session. `expected` is the digest of an entry that must be there, such as the
    /// newest one of an earlier audit.
    ///
    /// # Errors
    /// [`StateError::UnknownSession`]; the journal's. Damage is a result.
    pub fn audit(&self, expected: Option<Hash>) -> Result<AuditTrail, StateError> {
        drop(self.known()?);
        let places = self.shared.log.positions(self.core.stream, None)?;
        // What is kept in memory is no proof of what lies on the disk.
        let cache = Cache::new((2 * usize::from(STATE_PATCHES_MAX), STATE_CACHE_BYTES));
        let reader = Reader { cache: &cache, verify: true, ..self.shared.reader(&self.core) };
        let mut audit = Audit { reader, index: Index::default(), entries: Vec::new(), fault: None };
        for place in places {
            audit.take(place)?;
        }
        let Audit { entries, mut fault, index, .. } = audit;
        let is_there = |digest: Hash| entries.iter().any(|entry| entry.digest == Some(digest));
        if fault.is_none() && expected.is_some_and(|expected| !is_there(expected)) {
            let what = "the entry that was expected is not there: the end was cut off or rewritten";
            fault = Some(AuditFault { sequence: entries.len() as u64, what: what.to_owned() });
        }
        let newest = entries.last().and_then(|entry| entry.digest);
        let let_go = index.gone() as u64;
        Ok(AuditTrail { session: self.name().to_owned(), entries, newest, let_go, fault })
    }
}

struct Audit<'a> {
    reader: Reader<'a>,
    index: Index,
    entries: Vec<AuditEntry>,
    fault: Option<AuditFault>,
}

impl Audit<'_> {
    fn take(&mut self, place: Position) -> Result<(), StateError> {
        let payload = match self.reader.shared.log.read(place) {
            Err(error @ JournalError::Damaged { .. }) => {
                self.unreadable(place, error.to_string());
                return Ok(());
            }
            read => read?,
        };
        let entry = match Entry::decode(&payload) {
            Ok(entry) => entry,
            Err(error) => {
                self.unreadable(place, error.to_string());
                return Ok(());
            }
        };
        self.reader.shared.step_over_gone(&mut self.index, place, &entry)?;
        let at = self.index.slots.len() as u64;
        if let Some(what) = self.misplaced(at, &entry) {
            self.fault(at, what);
        }
        let digest = wire::digest(&payload);
        self.index.take(place, &entry, digest);
        match self.judge(&entry) {
            Ok(()) => {}
            Err(StateError::Damaged { what, .. }) => self.fault(at, what),
            Err(StateError::Objects(error)) => self.fault(at, error.to_string()),
            Err(error) => return Err(error),
        }
        let entry = log_entry(&self.index, entry, payload.len() as u64);
        self.entries.push(AuditEntry { entry, digest: Some(digest) });
        Ok(())
    }

    fn unreadable(&mut self, place: Position, what: String) {
        let sequence = self.index.slots.len() as u64;
        self.fault(sequence, what.clone());
        self.index.take_damaged(place, what.clone());
        let event = LogEvent::Damaged { what };
        let entry = LogEntry { sequence, event, ..LogEntry::unknown() };
        self.entries.push(AuditEntry { entry, digest: None });
    }

    fn fault(&mut self, sequence: u64, what: String) {
        self.fault.get_or_insert(AuditFault { sequence, what });
    }

    /// Why an entry does not belong where it stands.
    fn misplaced(&self, at: u64, entry: &Entry) -> Option<String> {
        if entry.session != self.reader.session {
            return Some(format!("it is of session `{}`", entry.session));
        }
        if entry.sequence != at {
            let number = entry.sequence;
            return Some(format!(
                "entry {number} stands here: others were removed or put elsewhere"
            ));
        }
        if entry.before != self.index.digest && !self.index.ends_gone() {
            return Some("the entry before it is not the one that it follows".to_owned());
        }
        None
    }

    /// Whether the entry is true: its ids, and what it leads to.
    fn judge(&self, entry: &Entry) -> Result<(), StateError> {
        let number = entry.sequence as Number;
        let state = match &entry.act {
            Act::Put(_) => {
                let target = self.index.target(number);
                let target =
                    target.ok_or_else(|| self.reader.damaged(number, "it stands here again"))?;
                return self.reader.rebuild(&target).map(|_| ());
            }
            Act::Move { to, .. } => *to,
            Act::Tag { state, .. } | Act::Mark { state, .. } => *state,
        };
        if self.index.is_gone(state as Number) {
            return Ok(());
        }
        match self.index.id(state as Number) {
            Some(_) => Ok(()),
            None => Err(self.reader.damaged(number, format!("entry {state} is no state"))),
        }
    }
}
