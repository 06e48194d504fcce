//! A lock file that can be removed by its holder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::error::IsolateError;

/// Holds a lock file until dropped. The system frees it when the process dies.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes it, or says at once that another has it (none).
    pub(super) fn take(path: &Path) -> Result<Option<Self>, IsolateError> {
        let wrap = |action| IsolateError::disk(action, path);
        loop {
            let mut options = OpenOptions::new();
            let options = options.create(true).append(true).mode(0o600);
            let file = options.open(path).map_err(wrap("open the lock"))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(wrap("lock")(error)),
            }
            // The holder before us may have removed the name: then we hold what nobody else sees.
            if is_at(&file, path).map_err(wrap("look at the lock"))? {
                return Ok(Some(Self { file, path: path.to_owned() }));
            }
        }
    }

    /// Removes the file and frees the lock.
    pub(super) fn remove(self) -> Result<(), IsolateError> {
        fs::remove_file(&self.path).map_err(IsolateError::disk("remove the lock", &self.path))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing would free it as well, but not while another thread's child stands between fork
        // and exec with a copy of the descriptor. If this fails, closing has to do.
        let _ = self.file.unlock();
    }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
