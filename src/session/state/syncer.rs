//! The worker that makes automatic states durable in time.
//!
//! **Durability**: what was appended when [`Syncer::mark`] is called is synced within
//! `AUTOMATIC_SYNC_MS_MAX`, if the disk answers, or when [`Syncer::close`] returns. One sync covers all that
//! was marked meanwhile.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::error::StateError;
use super::log::Log;
use crate::base::limits::AUTOMATIC_SYNC_MS_MAX;

pub(super) struct Syncer {
    work: Arc<Work>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Work {
    log: Arc<dyn Log>,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    is_dirty: bool,
    is_closing: bool,
    /// What the journal said when a sync failed.
    fault: Option<String>,
}

impl Work {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        loop {
            let state = self.lock();
            let state = self
                .wake
                .wait_while(state, |state| !state.is_dirty && !state.is_closing)
                .unwrap_or_else(PoisonError::into_inner);
            let pause = Duration::from_millis(AUTOMATIC_SYNC_MS_MAX / 2);
            let (mut state, _) = self
                .wake
                .wait_timeout_while(state, pause, |state| !state.is_closing)
                .unwrap_or_else(PoisonError::into_inner);
            let (is_dirty, is_closing) = (state.is_dirty, state.is_closing);
            state.is_dirty = false;
            drop(state);
            if is_dirty && let Err(error) = self.log.sync() {
                self.lock().fault.get_or_insert(error.to_string());
            }
            if is_closing {
                return;
            }
        }
    }
}

impl Syncer {
    pub(super) fn new(log: Arc<dyn Log>) -> Self {
        let (state, wake) = (Mutex::default(), Condvar::new());
        Self { work: Arc::new(Work { log, state, wake }), thread: Mutex::default() }
    }

    /// Refuses when what was saved before is not safe, or all is closed.
    pub(super) fn check(&self) -> Result<(), StateError> {
        let state = self.work.lock();
        match &state.fault {
            _ if state.is_closing => Err(StateError::Closed),
            Some(what) => Err(StateError::Unsynced { what: what.clone() }),
            None => Ok(()),
        }
    }

    /// Says that something was appended. Starts the worker with the first call. Once all is closing it
    /// is made durable at once: nobody else would.
    pub(super) fn mark(&self) -> Result<(), StateError> {
        let mut state = self.work.lock();
        if state.is_closing {
            drop(state);
            return self.sync();
        }
        let was_dirty = std::mem::replace(&mut state.is_dirty, true);
        drop(state);
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            let work = self.work.clone();
            let builder = std::thread::Builder::new().name("exp-sync".to_owned());
            *thread = Some(builder.spawn(move || work.run()).map_err(StateError::Thread)?);
        }
        drop(thread);
        if !was_dirty {
            self.work.wake.notify_all();
        }
        Ok(())
    }

    /// Makes all that was appended durable now.
    pub(super) fn sync(&self) -> Result<(), StateError> {
        self.work.lock().is_dirty = false;
        match self.work.log.sync() {
            Ok(()) => Ok(()),
            Err(error) => {
                let what = error.to_string();
                self.work.lock().fault.get_or_insert(what.clone());
                Err(StateError::Unsynced { what })
            }
        }
    }

    /// Ends the worker after its last sync; refuses all puts from then on.
    pub(super) fn close(&self) -> Result<(), StateError> {
        self.work.lock().is_closing = true;
        self.work.wake.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let has_panicked = thread.is_some_and(|thread| thread.join().is_err());
        let is_dirty = self.work.lock().is_dirty;
        if has_panicked || is_dirty {
            self.sync()?;
        }
        match &self.work.lock().fault {
            Some(what) => Err(StateError::Unsynced { what: what.clone() }),
            None => Ok(()),
        }
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        let _ = self.close();
    }
}
