//! Making appends durable, many threads by one sync.
//!
//! One thread leads: it syncs all that was appended before it began. Who comes meanwhile waits,
//! and then the first of them leads the next sync for all who wait.

use std::sync::{Condvar, Mutex, PoisonError};

use super::error::JournalError;
use super::open::Journal;
use super::roll::sync_names;
use crate::store::error::StoreError;

/// A segment and a place in it.
type End = (u32, u64);

/// How far syncs have come.
#[derive(Debug, Default)]
pub(super) struct Syncs {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    synced: End,
    is_running: bool,
    /// Threads that wait: without any nobody is woken, which is a system call.
    waiting: usize,
}

impl Journal {
    /// Makes all durable that was appended through this value so far, and what it follows on.
    /// Threads that wait share one sync. Costs nothing when nothing was appended.
    ///
    /// # Errors
    /// Poisoned, full, the disk's: what was not synced before must be taken for lost, and this
    /// process appends no more.
    pub fn sync(&self) -> Result<(), JournalError> {
        let Some(wanted) = self.written_end() else {
            // After a failed write it is not known any more what was appended before.
            return Ok(self.poison.refuse()?);
        };
        let lock = || self.syncs.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = lock();
        loop {
            if state.synced >= wanted {
                return Ok(());
            }
            self.poison.refuse()?;
            if !state.is_running {
                break;
            }
            state.waiting += 1;
            state = self.syncs.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
        state.is_running = true;
        drop(state);
        let synced = self.sync_now().inspect_err(|e| self.poison.set(e));
        let mut state = lock();
        state.is_running = false;
        if let Ok(Some(end)) = synced {
            state.synced = state.synced.max(end);
        }
        if state.waiting > 0 {
            self.syncs.ended.notify_all();
        }
        drop(state);
        Ok(synced.map(|_| ())?)
    }

    /// The end of what this process wrote to the active segment. All segments before are durable.
    fn written_end(&self) -> Option<End> {
        let inner = self.inner();
        let active = inner.tail.active.as_ref()?;
        active.writer.as_ref().map(|_| (active.file.number, active.end))
    }

    fn sync_now(&self) -> Result<Option<End>, StoreError> {
        let (writer, number, end, path, needs_names) = {
            let inner = self.inner();
            let Some(active) = &inner.tail.active else { return Ok(None) };
            let Some(writer) = active.writer.clone() else { return Ok(None) };
            let (number, path) = (active.file.number, active.file.path.clone());
            (writer, number, active.end, path, active.durable == 0)
        };
        writer.sync().map_err(|e| StoreError::from_io(&path, e))?;
        if needs_names {
            sync_names(self.disk.as_ref(), &self.folder, number)?;
        }
        if let Some(active) = &mut self.inner().tail.active
            && active.file.number == number
        {
            active.durable = active.durable.max(end);
        }
        Ok(Some((number, end)))
    }
}
