//! Opening, setting aside, building anew.
//!
//! Guarantees that whoever opens it gets a catalogue that works, or hears at once that it is in
//! use. How sled is kept from taking the process with it is in `hold`.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sled::Db;

use super::error::{CatalogueError, Notice};
use super::forward::{self, Progress};
use super::hold::{Opener, close, guarded, open_sled, open_watched};
use super::record::{FORMAT, to_bytes};
use super::tables::{FORMAT_KEY, Tables};
use crate::base::id::{NamesId, OperationId};
use crate::base::limits::CATALOGUE_OPEN_SECONDS_MAX;
use crate::base::time::Timestamp;
use crate::object::traits::Fetch;

const DATABASE: &str = "sled";
const NEW_DATABASE: &str = "sled.new";
const SET_ASIDE: &str = "set-aside-";

/// An open catalogue. Nobody else has it open meanwhile.
pub struct Catalogue {
    folder: PathBuf,
    /// There until it is dropped.
    db: Option<Db>,
    /// Held open for its lock.
    lock: Option<File>,
    /// Whether its folder goes when it is dropped.
    is_own: bool,
}

impl Catalogue {
    /// Opens the catalogue in this folder, which is made if need be. One that cannot be opened, or
    /// is of another version, is set aside and an empty one begun; the notices say so. An older one
    /// that was set aside before is deleted then.
    ///
    /// # Errors
    /// [`CatalogueError::Busy`] at once when it is open elsewhere; the disk's.
    pub fn open(folder: &Path, now: Timestamp) -> Result<(Self, Vec<Notice>), CatalogueError> {
        let patience = Duration::from_secs(CATALOGUE_OPEN_SECONDS_MAX);
        Self::open_with(folder, now, open_sled, patience)
    }

    pub(super) fn open_with(
        folder: &Path,
        now: Timestamp,
        opener: Opener,
        patience: Duration,
    ) -> Result<(Self, Vec<Notice>), CatalogueError> {
        let disk = |source| CatalogueError::Disk { path: folder.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(disk)?;
        let lock = lock(folder)?;
        remove_if_there(&folder.join(NEW_DATABASE)).map_err(disk)?;
        let path = folder.join(DATABASE);
        let mut notices = Vec::new();
        let reason = match open_watched(&path, opener, patience) {
            Ok(db) => match check_format(&Tables { db: &db, path: &path }) {
                Ok(()) => return Ok((Self::new(folder, db, lock), notices)),
                Err(CatalogueError::Damaged { reason, .. }) => {
                    close(db);
                    reason
                }
                Err(error) => return Err(error),
            },
            Err(CatalogueError::Damaged { reason, .. }) => reason,
            Err(error) => return Err(error),
        };
        notices.push(set_aside(folder, now, reason).map_err(disk)?);
        let db = open_watched(&path, open_sled, patience)?;
        check_format(&Tables { db: &db, path: &path })?;
        Ok((Self::new(folder, db, lock), notices))
    }

    fn new(folder: &Path, db: Db, lock: File) -> Self {
        Self { folder: folder.to_owned(), db: Some(db), lock: Some(lock), is_own: false }
    }

    /// The same, whose folder is removed when it is dropped.
    pub(super) fn removed_when_dropped(mut self) -> Self {
        self.is_own = true;
        self
    }

    /// Opens it and brings it forward; one that turns out to be damaged on the way is set aside and
    /// built from nothing. After this it answers for `head`.
    ///
    /// # Errors
    /// As [`Catalogue::open`] and [`Catalogue::bring_forward`].
    pub fn open_at(
        folder: &Path,
        now: Timestamp,
        objects: &(impl Fetch + ?Sized),
        head: Option<(OperationId, NamesId)>,
    ) -> Result<(Self, Vec<Notice>, Progress), CatalogueError> {
        let (catalogue, mut notices) = Self::open(folder, now)?;
        match catalogue.bring_forward(objects, head) {
            Ok(progress) => Ok((catalogue, notices, progress)),
            Err(CatalogueError::Damaged { reason, .. }) => {
                let (catalogue, notice) = catalogue.set_aside(now, reason)?;
                notices.push(notice);
                let progress = catalogue.bring_forward(objects, head)?;
                Ok((catalogue, notices, progress))
            }
            Err(error) => Err(error),
        }
    }

    /// Puts it aside, after it was found to be damaged, and begins an empty one.
    ///
    /// # Errors
    /// The disk's.
    pub fn set_aside(
        mut self,
        now: Timestamp,
        reason: String,
    ) -> Result<(Self, Notice), CatalogueError> {
        let (folder, lock) = self.close_keeping_lock();
        let disk = |source| CatalogueError::Disk { path: folder.clone(), source };
        let notice = set_aside(&folder, now, reason).map_err(disk)?;
        let patience = Duration::from_secs(CATALOGUE_OPEN_SECONDS_MAX);
        let path = folder.join(DATABASE);
        let db = open_watched(&path, open_sled, patience)?;
        check_format(&Tables { db: &db, path: &path })?;
        Ok((Self::new(&folder, db, lock), notice))
    }

    /// Builds it from nothing beside the old one and puts it in its place: for compaction, because
    /// sled's files never shrink, and after damage. The old one serves until the new one is whole.
    ///
    /// # Errors
    /// As [`Catalogue::bring_forward`], and the disk's.
    pub fn rebuild(
        mut self,
        objects: &(impl Fetch + ?Sized),
        head: Option<(OperationId, NamesId)>,
    ) -> Result<(Self, Progress), CatalogueError> {
        let patience = Duration::from_secs(CATALOGUE_OPEN_SECONDS_MAX);
        let (old, new) = (self.folder.join(DATABASE), self.folder.join(NEW_DATABASE));
        let disk = |source| CatalogueError::Disk { path: new.clone(), source };
        remove_if_there(&new).map_err(disk)?;
        let db = open_watched(&new, open_sled, patience)?;
        let tables = Tables { db: &db, path: &new };
        check_format(&tables)?;
        let progress = guarded(&new, || forward::bring_forward(tables, objects, head))?;
        close(db);
        let (folder, lock) = self.close_keeping_lock();
        remove_if_there(&old).map_err(disk)?;
        fs::rename(&new, &old).map_err(disk)?;
        let db = open_watched(&old, open_sled, patience)?;
        Ok((Self::new(&folder, db, lock), progress))
    }

    /// Makes it answer for `head`: costs what changed since the head that it has seen, or
    /// everything where it has seen none, or one whose names can no longer be fetched. Durable when
    /// it returns.
    ///
    /// # Errors
    /// [`CatalogueError::Object`] when names, snapshots, experiments or evaluations cannot be
    /// fetched; [`CatalogueError::Damaged`]; the disk's.
    pub fn bring_forward(
        &self,
        objects: &(impl Fetch + ?Sized),
        head: Option<(OperationId, NamesId)>,
    ) -> Result<Progress, CatalogueError> {
        self.guarded(|tables| forward::bring_forward(tables, objects, head))
    }

    /// Works on the tables where a panic of sled is a result.
    pub(super) fn guarded<T: Send>(
        &self,
        work: impl FnOnce(Tables<'_>) -> Result<T, CatalogueError> + Send,
    ) -> Result<T, CatalogueError> {
        let path = self.folder.join(DATABASE);
        let Some(db) = &self.db else {
            return Err(CatalogueError::Busy { path });
        };
        guarded(&path, || work(Tables { db, path: &path }))
    }

    fn close_keeping_lock(&mut self) -> (PathBuf, File) {
        if let Some(db) = self.db.take() {
            close(db);
        }
        self.is_own = false;
        let lock = self.lock.take().expect("the lock goes only with the catalogue");
        (self.folder.clone(), lock)
    }
}

impl Drop for Catalogue {
    fn drop(&mut self) {
        if let Some(db) = self.db.take() {
            close(db);
        }
        if self.is_own {
            // What cannot be removed now is stale, and goes later.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

impl std::fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalogue").field("folder", &self.folder).finish_non_exhaustive()
    }
}

fn lock(folder: &Path) -> Result<File, CatalogueError> {
    let path = folder.join("lock");
    let disk = |source| CatalogueError::Disk { path: path.clone(), source };
    let mut options = OpenOptions::new();
    let file = options.create(true).write(true).truncate(false).mode(0o600).open(&path);
    let file = file.map_err(disk)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(CatalogueError::Busy { path: folder.to_owned() }),
        Err(TryLockError::Error(source)) => Err(disk(source)),
    }
}

/// Marks an empty catalogue as ours; refuses one of another version.
fn check_format(tables: &Tables<'_>) -> Result<(), CatalogueError> {
    guarded(tables.path, || match tables.get::<u32>(FORMAT_KEY)? {
        Some(FORMAT) => Ok(()),
        Some(other) => Err(tables.damaged(format!("it has version {other}, not {FORMAT}"))),
        None => {
            if tables.db.iter().next().transpose().map_err(|e| tables.fault(e))?.is_some() {
                return Err(tables.damaged("it does not say which version it has"));
            }
            let format = to_bytes(&FORMAT);
            tables.db.insert(FORMAT_KEY, format).map_err(|e| tables.fault(e))?;
            tables.flush()
        }
    })
}

/// Renames the database after the time; keeps only that one, because what is set aside is for a
/// look at it, not for ever.
fn set_aside(folder: &Path, now: Timestamp, reason: String) -> io::Result<Notice> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(SET_ASIDE.as_bytes()) {
            remove_if_there(&entry.path())?;
        }
    }
    let (from, to) = (folder.join(DATABASE), folder.join(format!("{SET_ASIDE}{}", now.millis())));
    match fs::rename(&from, &to) {
        Ok(()) => Ok(Notice::SetAside { path: Some(to), reason }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(Notice::SetAside { path: None, reason })
        }
        Err(error) => Err(error),
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
