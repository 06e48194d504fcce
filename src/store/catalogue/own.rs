//! A catalogue that one process makes for itself, while another one holds the common one.
//!
//! Guarantees that it is built from nothing, so that it answers as the common one would, and that its
//! folder goes with it. That of a process that died goes when the next one comes by: a folder is in
//! use as long as its lock is held.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::CatalogueError;
use super::open::Catalogue;
use crate::base::id::{NamesId, OperationId};
use crate::base::limits::NAMES_BESIDE_MAX;
use crate::base::time::Timestamp;
use crate::object::traits::Fetch;

/// How the folders begin.
const OWN: &str = "catalogue-";

/// The next number of this process, whose catalogues are told apart by it.
static NEXT: AtomicU64 = AtomicU64::new(0);

impl Catalogue {
    /// Builds one from nothing in a new folder of `tmp`, which is removed when it is dropped.
    ///
    /// # Errors
    /// As [`Catalogue::open_at`].
    pub fn open_own(
        tmp: &Path,
        now: Timestamp,
        objects: &(impl Fetch + ?Sized),
        head: Option<(OperationId, NamesId)>,
    ) -> Result<Self, CatalogueError> {
        let mut tries = 1;
        loop {
            let folder = new_folder(tmp)?;
            match Self::open_at(&folder, now, objects, head) {
                Ok((catalogue, ..)) => return Ok(catalogue.removed_when_dropped()),
                // Somebody took it for stale before it was locked.
                Err(CatalogueError::Busy { .. }) if tries < NAMES_BESIDE_MAX => tries += 1,
                Err(error) => {
                    let _ = fs::remove_dir_all(&folder);
                    return Err(error);
                }
            }
        }
    }

    /// Removes the folders of such catalogues that nobody holds any more. What cannot be removed stays.
    pub fn remove_stale(tmp: &Path) {
        for entry in fs::read_dir(tmp).into_iter().flatten().flatten() {
            let is_one = entry.file_name().as_encoded_bytes().starts_with(OWN.as_bytes());
            if !is_one || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            let Ok(lock) = File::open(entry.path().join("lock")) else {
                // Empty: its maker was cut short, or is about to lock it and makes it again.
                let _ = fs::remove_dir(entry.path());
                continue;
            };
            // Held until the folder is gone.
            if lock.try_lock().is_ok() {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// A new folder, which nobody else takes.
fn new_folder(tmp: &Path) -> Result<PathBuf, CatalogueError> {
    let mut tries = 1;
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = tmp.join(format!("{OWN}{}-{number}", std::process::id()));
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => return Ok(path),
            // Left by a process that had the same number.
            Err(_) if tries < NAMES_BESIDE_MAX => tries += 1,
            Err(source) => return Err(CatalogueError::Disk { path, source }),
        }
    }
}
