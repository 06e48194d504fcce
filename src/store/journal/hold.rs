//! The journal's lock: who holds it may append. One file for a whole process, kept open, so that
//! taking the lock and letting go of it is one system call each.
//!
//! Knows nothing of frames.

use std::fs::{File, TryLockError};
use std::time::Duration;

use crate::base::limits::{JOURNAL_LOCK_PAUSE_US, LOCK_PAUSE_MS, LOCK_TRIES_MAX};
use crate::store::error::StoreError;
use crate::store::lock::{LockFile, note};

/// The lock file, opened when it is first needed.
#[derive(Debug)]
pub struct Hold {
    lock: LockFile,
    file: Option<File>,
    /// Whether its text names this process.
    is_noted: bool,
}

impl Hold {
    /// Of the store with that folder of locks.
    pub fn new(lock: LockFile) -> Self {
        Self { lock, file: None, is_noted: false }
    }

    /// Takes the lock, waiting for a bounded time. Threads of one process must exclude each other
    /// before.
    ///
    /// # Errors
    /// [`StoreError::Busy`] names the holder; or the disk's.
    pub fn take(&mut self) -> Result<Held<'_>, StoreError> {
        let file = match self.file.take() {
            Some(file) => file,
            None => self.lock.open()?,
        };
        let file = self.file.insert(file);
        let mut pause = Duration::from_micros(JOURNAL_LOCK_PAUSE_US);
        let most = Duration::from_millis(LOCK_PAUSE_MS);
        let tries = most * u32::try_from(LOCK_TRIES_MAX).unwrap_or(u32::MAX);
        let mut waited = Duration::ZERO;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(e)) => {
                    return Err(StoreError::from_io(self.lock.path(), e));
                }
                Err(TryLockError::WouldBlock) if waited >= tries => {
                    let what = "the journal of the store".to_owned();
                    return Err(StoreError::Busy { what, holder: self.lock.holder() });
                }
                Err(TryLockError::WouldBlock) => {
                    std::thread::sleep(pause);
                    waited += pause;
                    pause = most.min(pause * 2);
                }
            }
        }
        if !self.is_noted {
            note(file, "journal");
            self.is_noted = true;
        }
        Ok(Held(file))
    }
}

/// The lock, until it is dropped. It is let go of and not closed: a child that was just started may
/// still have the file, and with it the lock.
#[derive(Debug)]
pub struct Held<'a>(&'a File);

impl Held<'_> {
    /// Names this process in the file again, where another one has had the lock.
    pub fn note_again(&self) {
        note(self.0, "journal");
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}
