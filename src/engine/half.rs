//! Writing a file of a person, a bundle, so that its name never stands for half of it: beside its place,
//! then renamed.
//!
//! What a process left that was killed goes when the same file is written the next time.

use std::fs::{self, File, Metadata, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::base::codec;
use crate::base::disk::{Disk, DiskFile};
use crate::engine::EngineError;
use crate::store::{Holder, StoreError};

/// Permission bits of a bundle: what is in it is as private as the store.
const BUNDLE_MODE: u32 = 0o600;

/// How often the file beside is tried to be made, while others come and go.
const HALF_TRIES_MAX: usize = 8;

/// A file that is being written beside its place. Dropped before it is placed, it goes.
///
/// **Invariant**: who writes it holds a lock on it, which ends with the process. So what lies there
/// without one was left by somebody who was killed, and goes.
pub(super) struct Half<'a> {
    disk: &'a dyn Disk,
    path: &'a Path,
    beside: PathBuf,
    file: Option<Box<dyn DiskFile>>,
    is_placed: bool,
    /// Held until the file has its name, or is gone.
    _lock: File,
}

impl<'a> Half<'a> {
    /// Makes it.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while somebody else writes it; [`EngineError::File`].
    pub fn create(disk: &'a dyn Disk, path: &'a Path) -> Result<Self, EngineError> {
        let name = path.file_name().unwrap_or(path.as_os_str()).as_bytes();
        // Such names are never captured.
        let name = format!(".exp-tmp-{}", &codec::digest("bundle file", name).hex()[..16]);
        let beside = path.with_file_name(name);
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| EngineError::File { what: "write", path, source }
        };
        for _ in 0..HALF_TRIES_MAX {
            match disk.create(&beside, BUNDLE_MODE) {
                Ok(file) => {
                    if let Some(lock) = lock(&beside).map_err(failed(&beside))? {
                        let file = Some(file);
                        return Ok(Self {
                            disk,
                            path,
                            beside,
                            file,
                            is_placed: false,
                            _lock: lock,
                        });
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    let Some(_leftover) = lock(&beside).map_err(failed(&beside))? else { continue };
                    disk.remove_file(&beside).map_err(failed(&beside))?;
                }
                Err(error) => return Err(failed(path)(error)),
            }
        }
        let holder = Holder { pid: None, verb: None };
        Err(StoreError::Busy { what: format!("`{}`", path.display()), holder }.into())
    }

    /// What it is written through, once.
    pub fn take_file(&mut self) -> Box<dyn DiskFile> {
        self.file.take().expect("it is taken once")
    }

    /// Gives it its name, durably.
    pub fn place(&mut self) -> io::Result<()> {
        self.disk.rename(&self.beside, self.path)?;
        self.is_placed = true;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        self.disk.sync_dir(folder.unwrap_or(Path::new(".")))
    }
}

impl Drop for Half<'_> {
    fn drop(&mut self) {
        if !self.is_placed {
            let _ = self.disk.remove_file(&self.beside);
        }
    }
}

/// Locks the file of that name; none where somebody else has it, or where it is another one by now.
fn lock(path: &Path) -> io::Result<Option<File>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => return Ok(None),
        locked => locked?,
    }
    let identity = |facts: Metadata| (facts.dev(), facts.ino());
    let is_same = fs::metadata(path)
        .is_ok_and(|now| file.metadata().is_ok_and(|locked| identity(now) == identity(locked)));
    Ok(is_same.then_some(file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::disk::RealDisk;

    #[test]
    fn what_nobody_writes_any_more_goes_and_what_somebody_writes_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("all.bundle");
        let mut half = Half::create(&RealDisk, &path).unwrap();
        let beside = half.beside.clone();
        half.take_file().write_all(b"whole").unwrap();
        let second = Half::create(&RealDisk, &path).err().unwrap();
        assert!(matches!(second, EngineError::Store(StoreError::Busy { .. })), "{second}");
        half.place().unwrap();
        drop(half);
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert!(!beside.exists());
        fs::write(&beside, "of one that was killed").unwrap();
        let half = Half::create(&RealDisk, &path).unwrap();
        assert_eq!(fs::read(&beside).unwrap(), b"");
        drop(half);
        assert!(!beside.exists());
        assert_eq!(fs::read(&path).unwrap(), b"whole");
    }
}
