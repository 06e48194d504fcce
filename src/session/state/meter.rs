//! The worker that writes what was measured, so that no put waits for it.
//!
//! Guarantees that noting a measurement never waits for the disk: where `METRICS_QUEUE_MAX` wait
//! already it is dropped, and the next one that is written says how many were. Nothing is synced and
//! the file is not locked: a measurement may be lost with the machine, and two processes that put
//! the file aside at once may lose the older half.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::error::StateError;
use super::measure::{Fate, Measure};
use super::put::{Answer, Outcome, PutKind};
use crate::base::limits::{
    METRICS_BATCH, METRICS_FILE_BYTES_MAX, METRICS_QUEUE_MAX, METRICS_WAIT_MS,
};
use crate::base::time::Timestamp;
use crate::store::journal::StreamId;

/// The file in the journal's folder.
pub(super) const METRICS_FILE: &str = "metrics";

pub(super) struct Meter {
    /// None measures nothing.
    file: Option<PathBuf>,
    queue: Arc<Queue>,
    /// Whether there is a worker; looked for once.
    is_started: OnceLock<bool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What waits to be written. Its lock is held to add to it and to take all from it, never longer.
#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    /// Since the last one that was taken.
    dropped: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    measures: Vec<Measure>,
    is_closing: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Meter {
    pub(super) fn new(file: Option<PathBuf>) -> Self {
        Self { file, queue: Arc::default(), is_started: OnceLock::new(), thread: Mutex::default() }
    }

    /// Notes a put. Never waits.
    pub(super) fn note(
        &self,
        stream: StreamId,
        (when, duration): (Timestamp, Duration),
        kind: PutKind,
        result: &Result<Answer, StateError>,
    ) {
        let Some(file) = &self.file else { return };
        let (fate, bytes) = match result.as_ref().map(|answer| &answer.outcome) {
            Ok(Outcome::Saved { bytes, .. }) => (Fate::Saved, *bytes),
            Ok(Outcome::Skipped { .. }) => (Fate::Skipped, 0),
            Err(_) => (Fate::Failed, 0),
        };
        let fields = result.as_ref().map_or(0, |answer| answer.fields_changed);
        let small = |number: u128| u32::try_from(number).unwrap_or(u32::MAX);
        let queue = &*self.queue;
        let is_started = *self.is_started.get_or_init(|| self.start(file));
        let mut waiting = queue.lock();
        if !is_started || waiting.is_closing || waiting.measures.len() >= METRICS_QUEUE_MAX {
            queue.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let dropped = queue.dropped.swap(0, Ordering::Relaxed);
        let measure = Measure {
            fate,
            kind: kind as u8,
            stream,
            when,
            micros: small(duration.as_micros()),
            fields: small(fields.into()),
            bytes: small(bytes.into()),
            dropped: small(dropped.into()),
            process: std::process::id(),
        };
        waiting.measures.push(measure);
        let count = waiting.measures.len();
        drop(waiting);
        // Waking is a system call: only for who waits for the first one, or for no more.
        if count == 1 || count == METRICS_BATCH {
            queue.wake.notify_one();
        }
    }

    /// Starts the worker. Where no thread can be had all measurements are dropped, and counted.
    fn start(&self, file: &Path) -> bool {
        let (file, queue) = (file.to_owned(), self.queue.clone());
        let builder = std::thread::Builder::new().name("exp-metrics".to_owned());
        let thread = builder.spawn(move || run(&queue, &file)).ok();
        let mut own = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        *own = thread;
        own.is_some()
    }

    /// Writes what waits and ends the worker.
    pub(super) fn close(&self) {
        self.queue.lock().is_closing = true;
        self.queue.wake.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }

    /// Where measurements are written.
    pub(super) fn path(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    #[cfg(test)]
    pub(super) fn dropped(&self) -> u64 {
        self.queue.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.close();
    }
}

fn run(queue: &Queue, file: &Path) {
    let pause = Duration::from_millis(METRICS_WAIT_MS);
    loop {
        let waiting = queue
            .wake
            .wait_while(queue.lock(), |w| w.measures.is_empty() && !w.is_closing)
            .unwrap_or_else(PoisonError::into_inner);
        let (mut waiting, _) = queue
            .wake
            .wait_timeout_while(waiting, pause, |w| {
                w.measures.len() < METRICS_BATCH && !w.is_closing
            })
            .unwrap_or_else(PoisonError::into_inner);
        let batch = std::mem::take(&mut waiting.measures);
        let is_over = waiting.is_closing;
        drop(waiting);
        if !batch.is_empty() && write(file, &batch).is_err() {
            let lost = batch.iter().map(|measure| u64::from(measure.dropped) + 1);
            queue.dropped.fetch_add(lost.sum(), Ordering::Relaxed);
        }
        if is_over {
            return;
        }
    }
}

/// One write at the end of the file, which no other process' write tears.
fn write(path: &Path, batch: &[Measure]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    if file.metadata()?.len() >= METRICS_FILE_BYTES_MAX {
        fs::rename(path, older(path))?;
        file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    }
    let bytes: Vec<u8> = batch.iter().flat_map(Measure::encode).collect();
    file.write_all(&bytes)
}

/// The file that was put aside.
pub(super) fn older(path: &Path) -> PathBuf {
    path.with_extension("old")
}
