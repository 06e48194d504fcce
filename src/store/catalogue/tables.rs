//! Keys of the catalogue, and changes collected over what is stored.
//!
//! All tables share one tree of sled, told apart by their first byte: so one batch, which is
//! atomic, changes several.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sled::{Batch, Db};

use super::counter::Counter;
use super::error::CatalogueError;
use super::record::{NodeRecord, Seen, from_bytes, to_bytes};
use crate::base::id::{ID_BYTES, SnapshotId};
use crate::base::limits::{CATALOGUE_BATCH_MAX, CATALOGUE_STAGED_MAX};
use crate::base::time::Timestamp;

/// A key of the catalogue.
pub(super) type Key = Vec<u8>;

/// `format` to [`super::record::FORMAT`].
pub(super) const FORMAT_KEY: &[u8] = b"mformat";
/// `head` to [`Seen`].
pub(super) const HEAD_KEY: &[u8] = b"mhead";

/// Snapshot to [`NodeRecord`].
pub(super) const NODE: u8 = b'n';
/// Parent, child.
pub(super) const CHILD: u8 = b'c';
/// Time, snapshot.
pub(super) const TIME: u8 = b't';
/// Text of a name (`branch/…`, `tag/…`) to the snapshot that it points at.
pub(super) const NAME: u8 = b'l';
/// Snapshot to [`super::record::VerdictSummary`].
pub(super) const VERDICT: u8 = b'v';
/// Text of the name of an evaluation to [`super::record::EvaluationCounts`].
pub(super) const EVALUATION: u8 = b'e';
/// What is counted (`counter.rs`) to how often it is there.
pub(super) const COUNTER: u8 = b'k';
/// A word and a number to what was handed in to be remembered.
pub(super) const REMEMBERED: u8 = b'r';

/// A key of a table.
pub(super) fn key(table: u8, parts: &[&[u8]]) -> Key {
    let mut key = vec![table];
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key
}

/// Eight bytes whose order is that of the times.
pub(super) fn time_bytes(when: Timestamp) -> [u8; 8] {
    (when.0.cast_unsigned() ^ 1 << 63).to_be_bytes()
}

/// The snapshot at the end of a key.
pub(super) fn snapshot_of(key: &[u8]) -> Option<SnapshotId> {
    let bytes: [u8; ID_BYTES] = key.get(key.len().checked_sub(ID_BYTES)?..)?.try_into().ok()?;
    Some(SnapshotId(crate::base::id::Hash(bytes)))
}

/// The keys that lead to a node.
pub(super) fn node_keys(id: SnapshotId, node: &NodeRecord) -> Vec<Key> {
    let (time, id) = (time_bytes(node.when), id.0.0);
    let mut keys = vec![key(TIME, &[&time, &id])];
    keys.extend(node.parents.iter().map(|parent| key(CHILD, &[&parent.0.0, &id])));
    keys
}

/// What is stored, read with errors that say where.
#[derive(Clone, Copy)]
pub(super) struct Tables<'a> {
    pub(super) db: &'a Db,
    pub(super) path: &'a Path,
}

impl Tables<'_> {
    /// An error of sled as one of ours.
    pub(super) fn fault(&self, error: sled::Error) -> CatalogueError {
        fault(self.path, error)
    }

    /// A value that is not what it should be.
    pub(super) fn damaged(&self, reason: impl ToString) -> CatalogueError {
        CatalogueError::Damaged { path: self.path.to_owned(), reason: reason.to_string() }
    }

    /// The value of a key.
    pub(super) fn get<T: Serialize + DeserializeOwned>(
        &self,
        key: &[u8],
    ) -> Result<Option<T>, CatalogueError> {
        let bytes = self.db.get(key).map_err(|error| self.fault(error))?;
        bytes.map(|bytes| from_bytes(&bytes).map_err(|error| self.damaged(error))).transpose()
    }

    /// Makes all that was written durable.
    pub(super) fn flush(&self) -> Result<(), CatalogueError> {
        self.db.flush().map(|_| ()).map_err(|error| self.fault(error))
    }

    fn apply(&self, changes: &mut Changes) -> Result<(), CatalogueError> {
        let mut batch = Batch::default();
        for (key, value) in std::mem::take(changes) {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        self.db.apply_batch(batch).map_err(|error| self.fault(error))
    }
}

/// Sorts the failures of sled: those that a new catalogue would have, too, are the disk's.
pub(super) fn fault(path: &Path, error: sled::Error) -> CatalogueError {
    use std::io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let path: PathBuf = path.to_owned();
    match error {
        sled::Error::Io(source)
            if matches!(
                source.kind(),
                StorageFull | QuotaExceeded | ReadOnlyFilesystem | PermissionDenied
            ) =>
        {
            CatalogueError::Disk { path, source }
        }
        error => CatalogueError::Damaged { path, reason: error.to_string() },
    }
}

type Changes = BTreeMap<Key, Option<Vec<u8>>>;

/// Changes over what is stored; reading sees them.
///
/// **Durability**: nothing is promised before [`Staging::finish`]. Up to `CATALOGUE_BATCH_MAX` of
/// them are one batch. Where there are more, the head is taken away durably before the first of them
/// is written: one by one then, because sled keeps all that a batch replaces until its end.
pub(super) struct Staging<'a> {
    tables: Tables<'a>,
    changes: Changes,
    /// What is to be added to numbers, by their keys.
    counted: BTreeMap<Key, i64>,
    is_headless: bool,
}

impl<'a> Staging<'a> {
    /// No changes.
    pub(super) fn over(tables: Tables<'a>) -> Self {
        Self { tables, changes: Changes::new(), counted: BTreeMap::new(), is_headless: false }
    }

    /// The value of a key, as changed.
    pub(super) fn get<T: Serialize + DeserializeOwned>(
        &self,
        key: &[u8],
    ) -> Result<Option<T>, CatalogueError> {
        match self.changes.get(key) {
            Some(Some(bytes)) => {
                from_bytes(bytes).map(Some).map_err(|error| self.tables.damaged(error))
            }
            Some(None) => Ok(None),
            None => self.tables.get(key),
        }
    }

    /// Sets the value of a key.
    pub(super) fn set<T: Serialize>(&mut self, key: Key, value: &T) -> Result<(), CatalogueError> {
        self.changes.insert(key, Some(to_bytes(value)));
        self.spill()
    }

    /// Removes a key.
    pub(super) fn remove(&mut self, key: Key) -> Result<(), CatalogueError> {
        self.changes.insert(key, None);
        self.spill()
    }

    /// Counts one more or one less.
    pub(super) fn count(&mut self, counter: Counter<'_>, by: i64) {
        *self.counted.entry(counter.key()).or_default() += by;
    }

    fn spill(&mut self) -> Result<(), CatalogueError> {
        if self.changes.len() < CATALOGUE_STAGED_MAX {
            return Ok(());
        }
        self.write_headless()
    }

    /// Writes all changes, in the order of their keys, with no head above them.
    fn write_headless(&mut self) -> Result<(), CatalogueError> {
        let db = self.tables.db;
        let fault = |error| self.tables.fault(error);
        if !self.is_headless {
            db.remove(HEAD_KEY).map_err(fault)?;
            self.tables.flush()?;
            self.is_headless = true;
        }
        for (key, value) in std::mem::take(&mut self.changes) {
            match value {
                Some(value) => db.insert(key, value).map_err(fault)?,
                None => db.remove(key).map_err(fault)?,
            };
        }
        Ok(())
    }

    /// Writes all changes with the head that they lead to, durably.
    pub(super) fn finish(mut self, seen: Option<Seen>) -> Result<(), CatalogueError> {
        for (key, by) in std::mem::take(&mut self.counted) {
            let before = self.get::<u64>(&key)?.unwrap_or(0);
            match before.checked_add_signed(by) {
                Some(0) => self.changes.insert(key, None),
                Some(after) => self.changes.insert(key, Some(to_bytes(&after))),
                None => return Err(self.tables.damaged("less was counted than goes")),
            };
        }
        if self.is_headless || self.changes.len() > CATALOGUE_BATCH_MAX {
            self.write_headless()?;
            // The head must not be there before them.
            self.tables.flush()?;
        }
        self.changes.insert(HEAD_KEY.to_vec(), seen.map(|seen| to_bytes(&seen)));
        self.tables.apply(&mut self.changes)?;
        self.tables.flush()
    }
}
