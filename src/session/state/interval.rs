//! Automatic snapshots at an interval: one thread for a session, which ends with its handles.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::error::StateError;
use super::put::{Outcome, Put};
use super::session::Session;
use super::shared::{Core, Shared};
use crate::document::Json;

/// The running interval of a session.
pub(super) struct Interval {
    beat: Arc<Beat>,
    every: Duration,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[derive(Default)]
struct Beat {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    is_over: bool,
    saved: u64,
    skipped: u64,
    errors: u64,
    last_error: Option<String>,
}

/// What an interval did so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntervalStatus {
    /// The pause between two snapshots.
    pub every: Duration,
    /// States that were saved.
    pub saved: u64,
    /// States that were skipped, the source's own refusals among them.
    pub skipped: u64,
    /// Puts that failed, and panics of the source.
    pub errors: u64,
    /// What the newest of those said.
    pub last_error: Option<String>,
}

impl Beat {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits; says whether it goes on.
    fn wait(&self, every: Duration) -> bool {
        let state = self.lock();
        let waited = self.wake.wait_timeout_while(state, every, |state| !state.is_over);
        !waited.unwrap_or_else(PoisonError::into_inner).0.is_over
    }

    fn note(&self, outcome: Option<Result<Outcome, StateError>>) {
        match outcome {
            Some(Ok(Outcome::Saved { .. })) => self.lock().saved += 1,
            Some(Ok(Outcome::Skipped { .. })) | None => self.lock().skipped += 1,
            Some(Err(error)) => self.fail(error.to_string()),
        }
    }

    fn fail(&self, what: String) {
        let mut state = self.lock();
        state.errors += 1;
        state.last_error = Some(what);
    }

    fn run(
        &self,
        every: Duration,
        (shared, core): (&Weak<Shared>, &Weak<Core>),
        source: &dyn Fn() -> Option<Json>,
    ) {
        while self.wait(every) {
            let Ok(value) = catch_unwind(AssertUnwindSafe(source)) else {
                self.fail("the source panicked".to_owned());
                continue;
            };
            let (Some(shared), Some(core)) = (shared.upgrade(), core.upgrade()) else { return };
            let session = Session { shared, core };
            let put = |value| session.put(&Put::automatic(value)).map(|answer| answer.outcome);
            self.note(value.map(put));
        }
    }
}

impl Session {
    /// Saves what `source` gives as an automatic state of `main` each time that the pause has passed
    /// (`INTERVAL_SECONDS` is usual), until it is stopped, the sessions are closed, or the last handle of
    /// this session is gone. A source that gives none has nothing to save.
    ///
    /// # Errors
    /// [`StateError::IntervalRuns`]: one for a session; [`StateError::Thread`].
    pub fn start_interval(
        &self,
        every: Duration,
        source: impl Fn() -> Option<Json> + Send + 'static,
    ) -> Result<(), StateError> {
        self.shared.syncer.check()?;
        let mut interval = self.core.interval.lock().unwrap_or_else(PoisonError::into_inner);
        if interval.is_some() {
            return Err(StateError::IntervalRuns { session: self.name().to_owned() });
        }
        let beat = Arc::new(Beat::default());
        let of = (Arc::downgrade(&self.shared), Arc::downgrade(&self.core));
        let own = beat.clone();
        let thread = std::thread::Builder::new()
            .name("exp-interval".to_owned())
            .spawn(move || own.run(every, (&of.0, &of.1), &source))
            .map_err(StateError::Thread)?;
        *interval = Some(Interval { beat, every, thread: Some(thread) });
        Ok(())
    }

    /// Ends the interval, after a put that is under way. Nothing happens where none runs.
    pub fn stop_interval(&self) {
        self.core.stop_interval();
    }

    /// What the running interval did so far; none where none runs.
    pub fn interval_status(&self) -> Option<IntervalStatus> {
        let interval = self.core.interval.lock().unwrap_or_else(PoisonError::into_inner);
        let interval = interval.as_ref()?;
        let state = interval.beat.lock();
        Some(IntervalStatus {
            every: interval.every,
            saved: state.saved,
            skipped: state.skipped,
            errors: state.errors,
            last_error: state.last_error.clone(),
        })
    }
}

impl Core {
    pub(super) fn stop_interval(&self) {
        let interval = self.interval.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(interval);
    }
}

impl Drop for Interval {
    fn drop(&mut self) {
        self.beat.lock().is_over = true;
        self.beat.wake.notify_all();
        // The last handle may be the thread's own: then it ends by itself.
        let thread = self.thread.take();
        if let Some(thread) = thread.filter(|t| t.thread().id() != std::thread::current().id()) {
            let _ = thread.join();
        }
    }
}
