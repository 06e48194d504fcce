//! The quota: how many bytes packs and journal may take together.
//!
//! Guarantees that nothing is written beyond it but what frees room, and that a commit which it refuses
//! has changed nothing. What is being written by several processes at one moment may pass it by those
//! writes, and a pack by its index.
//!
//! Does not know who set it, nor what is let go of to make room.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::error::{StoreError, disk_error};
use super::layout::Layout;
use super::open::Store;
use crate::base::limits::{QUOTA_SAID_PERCENT, QUOTA_SHORT_PERCENT};
use crate::object::traits::ObjectError;

/// How near a store is to its quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// There is room, or no quota.
    Free,
    /// `QUOTA_SAID_PERCENT` are used: it is said.
    Said,
    /// `QUOTA_SHORT_PERCENT` are used: what nobody asked for is not recorded.
    Short,
    /// All is used: nothing is written.
    Full,
}

/// How much a store takes, and may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of packs and journal.
    pub bytes: u64,
    /// Bytes that they may take; none: any number.
    pub quota: Option<u64>,
}

impl Usage {
    /// Whole percent of the quota that are used, rounded down; none without a quota.
    pub fn percent(self) -> Option<u64> {
        let share = |quota: u64| u128::from(self.bytes) * 100 / u128::from(quota.max(1));
        self.quota.map(|quota| u64::try_from(share(quota)).unwrap_or(u64::MAX))
    }

    /// How near that is.
    pub fn level(self) -> Level {
        match self.percent() {
            Some(percent) if percent >= 100 => Level::Full,
            Some(percent) if percent >= QUOTA_SHORT_PERCENT => Level::Short,
            Some(percent) if percent >= QUOTA_SAID_PERCENT => Level::Said,
            _ => Level::Free,
        }
    }
}

/// The quota of one store, shared by all that write to it.
#[derive(Clone, Debug)]
pub(super) struct Quota {
    bytes: Arc<OnceLock<u64>>,
    folders: [PathBuf; 2],
}

impl Quota {
    /// None yet.
    pub fn new(layout: &Layout) -> Self {
        Self { bytes: Arc::default(), folders: [layout.packs(), layout.journal()] }
    }

    /// What is used at this moment. Costs a listing of two folders.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        Ok(Usage { bytes: self.bytes_used()?, quota: self.bytes.get().copied() })
    }

    fn bytes_used(&self) -> Result<u64, ObjectError> {
        self.folders.iter().map(|folder| bytes_in(folder)).sum()
    }

    /// Refuses to write so many bytes where the quota does not leave them. Free of cost without one.
    pub fn allow(&self, more: u64) -> Result<(), ObjectError> {
        let Some(&quota) = self.bytes.get() else { return Ok(()) };
        let bytes = self.bytes_used()?;
        if bytes.saturating_add(more) <= quota {
            return Ok(());
        }
        Err(ObjectError::Quota { quota, bytes, more })
    }
}

fn bytes_in(folder: &Path) -> Result<u64, ObjectError> {
    let error = |e| disk_error(folder, e);
    let files = match std::fs::read_dir(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        files => files.map_err(error)?,
    };
    let mut bytes = 0;
    for file in files {
        match file.and_then(|file| file.metadata()) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            facts => bytes += facts.map_err(error)?.len(),
        }
    }
    Ok(bytes)
}

impl Store {
    /// Limits what packs and journal may take together. The first limit counts.
    pub fn limit_to(&self, bytes: u64) {
        let _ = self.quota.bytes.set(bytes);
    }

    /// What is used of that at this moment.
    ///
    /// # Errors
    /// The disk's.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        self.quota.usage()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_begin_where_they_say() {
        let level = |bytes| Usage { bytes, quota: Some(1_000) }.level();
        assert_eq!([0, 799].map(level), [Level::Free; 2]);
        assert_eq!([800, 949].map(level), [Level::Said; 2]);
        assert_eq!([950, 999].map(level), [Level::Short; 2]);
        assert_eq!([1_000, u64::MAX].map(level), [Level::Full; 2]);
        assert_eq!(Usage { bytes: u64::MAX, quota: None }.level(), Level::Free);
        assert_eq!(Usage { bytes: 0, quota: Some(0) }.level(), Level::Free);
    }
}
