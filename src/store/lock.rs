//! Locks of the store: files in `locks/` that the system locks, so that a lock ends with its
//! process, however that ends.
//!
//! | file | shared by | exclusive for |
//! |---|---|---|
//! | `writers` | writers, from the first "is it stored?" to the commit | collection |
//! | `commit` | readers that found heads moving | the moment in which heads move |
//! | `create` | | making the store |
//! | `compact` | | compaction |
//! | `journal` | | an append to the journal |
//! | `turn-…` | | the moment of taking the next one, and waiting for it alone |
//! | `workspace-…` | verbs that capture that workspace or show it live | a verb that changes its files |
//!
//! The files themselves are no state: they are made when missing, and not through the disk seam.
//! Their text names the holder for people. A lock belongs to an open file, so that two stores
//! opened in one process exclude each other as two processes do.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{Holder, StoreError};
use super::layout::FILE_MODE;
use crate::base::codec;
use crate::base::limits::LOCK_PAUSE_MS;
use crate::base::limits::SETTINGS_BYTES_MAX;
use crate::base::regular;

/// Characters of a verb in a note.
const NOTE_VERB_CHARS: usize = 64;

/// How a file is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Beside others that share it.
    Shared,
    /// Alone.
    Exclusive,
}

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

/// A workspace's lock, held until it is dropped.
#[derive(Debug)]
pub struct WorkspaceLock {
    _lock: Lock,
}

/// What to lock.
#[derive(Clone, Debug)]
pub struct LockFile {
    path: PathBuf,
    /// The word for it in messages.
    what: String,
}

impl LockFile {
    /// The lock of that name.
    pub fn new(locks: &Path, name: &str, what: &str) -> Self {
        Self { path: locks.join(name), what: what.to_owned() }
    }

    /// The lock of a workspace, whose name may hold any characters.
    pub fn of_workspace(locks: &Path, workspace: &str) -> Self {
        let digest = codec::digest("workspace lock", workspace.as_bytes()).hex();
        Self::new(locks, &format!("workspace-{}", &digest[..32]), "the workspace")
    }

    /// The door to a workspace's lock: see `Store::lock_workspace`.
    pub fn of_turn(locks: &Path, workspace: &str) -> Self {
        let digest = codec::digest("workspace lock", workspace.as_bytes()).hex();
        Self::new(locks, &format!("turn-{}", &digest[..32]), "the workspace")
    }

    /// Locks it, trying `tries` times with a short pause between.
    ///
    /// # Errors
    /// [`StoreError::Busy`] naming the holder where its file does; or the disk's.
    pub fn lock(&self, sharing: Sharing, tries: usize) -> Result<Lock, StoreError> {
        let file = self.open()?;
        for attempt in 0..tries.max(1) {
            if attempt > 0 {
                std::thread::sleep(Duration::from_millis(LOCK_PAUSE_MS));
            }
            let tried = match sharing {
                Sharing::Shared => file.try_lock_shared(),
                Sharing::Exclusive => file.try_lock(),
            };
            match tried {
                Ok(()) => return Ok(Lock { file }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(e)) => return Err(StoreError::from_io(&self.path, e)),
            }
        }
        Err(StoreError::Busy { what: self.what.clone(), holder: self.holder() })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the file. Whoever holds it must be gone: a new file would be another lock.
    pub fn remove(&self) {
        let _ = std::fs::remove_file(&self.path);
    }

    /// Opened for reading only where writing is refused: a lock needs no more.
    pub(super) fn open(&self) -> Result<File, StoreError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE);
        let opened = options.open(&self.path).or_else(|e| match e.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                File::open(&self.path)
            }
            _ => Err(e),
        });
        opened.map_err(|e| StoreError::from_io(&self.path, e))
    }

    /// Who its text says holds it, or held it last.
    pub fn holder(&self) -> Holder {
        let text = regular::read_text(&self.path, SETTINGS_BYTES_MAX).unwrap_or_default();
        let mut lines = text.lines();
        let pid = lines.next().and_then(|line| line.parse().ok());
        Holder { pid, verb: lines.next().map(|line| line.trim_end().to_owned()) }
    }
}

impl Lock {
    /// Notes who holds it. A note that cannot be written is left out: it is for people.
    pub fn note(&self, verb: &str) {
        note(&self.file, verb);
    }

    /// Locks a workspace and notes the verb.
    pub(super) fn of_workspace(self, verb: &str) -> WorkspaceLock {
        self.note(verb);
        WorkspaceLock { _lock: self }
    }
}

/// Notes in the file of a lock who holds it.
pub(super) fn note(file: &File, verb: &str) {
    let verb: String = verb.chars().filter(|c| !c.is_control()).take(NOTE_VERB_CHARS).collect();
    // Filled up instead of cut off first: ext4 makes a file that was cut to nothing durable
    // when it is closed, which every commit would wait for.
    let text = format!("{}\n{verb:<NOTE_VERB_CHARS$}\n", std::process::id());
    let _ = file.write_all_at(text.as_bytes(), 0);
}
