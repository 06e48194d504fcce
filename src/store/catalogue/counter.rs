//! How many there are of what: numbers beside the tables that they count.
//!
//! **Invariant**: each is what going through the tables would give (held by `tests/counters.rs`). A
//! change of a table and that of its numbers are written together; a number that would fall below
//! nothing is damage. One that is nothing is not there.

use std::collections::BTreeMap;

use super::error::CatalogueError;
use super::record::from_bytes;
use super::tables::{COUNTER, Key, TIME, Tables, key};
use crate::base::time::Timestamp;
use crate::object::names::VerdictWord;

/// Counts over all that is alive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogueStatistics {
    /// Snapshots.
    pub snapshots: u64,
    /// Snapshots of each session.
    pub by_session: BTreeMap<String, u64>,
    /// Snapshots of each origin.
    pub by_origin: BTreeMap<String, u64>,
    /// Snapshots that are good.
    pub good: u64,
    /// Snapshots that are bad.
    pub bad: u64,
    /// Snapshots that are neither, though evaluated.
    pub inconclusive: u64,
    /// Evaluations remembered.
    pub evaluations: u64,
    /// When the oldest snapshot was made.
    pub oldest: Option<Timestamp>,
    /// When the newest snapshot was made.
    pub newest: Option<Timestamp>,
}

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Counter<'a> {
    /// Snapshots that are alive, each of which has one origin.
    Origin(&'a str),
    /// Those of a session.
    Session(&'a str),
    /// Those of which that is said. What is said of one that is not alive does not count.
    Verdict(VerdictWord),
    /// Evaluations.
    Evaluations,
}

impl Counter<'_> {
    pub(super) fn key(self) -> Key {
        let (letter, text) = match self {
            Self::Origin(origin) => (b'o', origin),
            Self::Session(session) => (b's', session),
            Self::Verdict(VerdictWord::Good) => (b'v', "good"),
            Self::Verdict(VerdictWord::Bad) => (b'v', "bad"),
            Self::Verdict(VerdictWord::Inconclusive) => (b'v', "inconclusive"),
            Self::Evaluations => (b'e', ""),
        };
        key(COUNTER, &[&[letter], text.as_bytes()])
    }
}

/// The numbers, and the ends of the table of times.
pub(super) fn statistics(tables: &Tables<'_>) -> Result<CatalogueStatistics, CatalogueError> {
    let mut counts = CatalogueStatistics::default();
    for item in tables.db.scan_prefix([COUNTER]) {
        let (key, value) = item.map_err(|error| tables.fault(error))?;
        let count: u64 = from_bytes(&value).map_err(|error| tables.damaged(error))?;
        let text = || String::from_utf8_lossy(&key[2..]).into_owned();
        match key.get(1..) {
            Some([b'o', ..]) => {
                counts.snapshots = count.saturating_add(counts.snapshots);
                counts.by_origin.insert(text(), count);
            }
            Some([b's', ..]) => drop(counts.by_session.insert(text(), count)),
            Some(b"vgood") => counts.good = count,
            Some(b"vbad") => counts.bad = count,
            Some(b"vinconclusive") => counts.inconclusive = count,
            Some(b"e") => counts.evaluations = count,
            _ => return Err(tables.damaged("it counts something unknown")),
        }
    }
    let mut times = tables.db.scan_prefix([TIME]).keys();
    counts.oldest = times.next().map(|key| tables.time_of(key)).transpose()?;
    let mut times = tables.db.scan_prefix([TIME]).keys();
    counts.newest = times.next_back().map(|key| tables.time_of(key)).transpose()?;
    Ok(counts)
}

impl Tables<'_> {
    /// The time in a key of the table of times.
    fn time_of(&self, key: Result<sled::IVec, sled::Error>) -> Result<Timestamp, CatalogueError> {
        let key = key.map_err(|error| self.fault(error))?;
        let time = key.get(1..).and_then(|rest| rest.first_chunk());
        let time = time.ok_or_else(|| self.damaged("a key is too short"))?;
        Ok(Timestamp((u64::from_be_bytes(*time) ^ 1 << 63).cast_signed()))
    }
}
