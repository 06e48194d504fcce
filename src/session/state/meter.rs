//! The worker that writes what was measured, so that no put waits for it.
//!
//! Guarantees that noting a measurement never blocks: where `METRICS_QUEUE_MAX` wait already it is
//! dropped, and the next one that is written says how many were. Nothing is synced, no lock is held:
//! a measurement may be lost with the machine, and two processes that put the file aside at
//! once may lose the older half.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::error::StateError;
use super::measure::{Fate, Measure};
use super::put::{Answer, Outcome, PutKind};
use crate::base::limits::{
    METRICS_BATCH_MAX, METRICS_FILE_BYTES_MAX, METRICS_QUEUE_MAX, METRICS_WAIT_MS,
};
use crate::base::time::Timestamp;
use crate::store::journal::StreamId;

/// The file in the journal's folder.
pub(super) const METRICS_FILE: &str = "metrics";

pub(super) struct Meter {
    /// None measures nothing.
    file: Option<PathBuf>,
    sender: OnceLock<SyncSender<Message>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Since the last one that was taken.
    dropped: Arc<AtomicU64>,
}

enum Message {
    Measured(Measure),
    Close,
}

impl Meter {
    pub(super) fn new(file: Option<PathBuf>) -> Self {
        let (sender, thread) = (OnceLock::new(), Mutex::default());
        Self { file, sender, thread, dropped: Arc::default() }
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
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
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
        let sender = self.sender.get_or_init(|| self.start(file));
        if sender.try_send(Message::Measured(measure)).is_err() {
            self.dropped.fetch_add(dropped + 1, Ordering::Relaxed);
        }
    }

    /// Starts the worker. Where no thread can be had all measurements are dropped, and counted.
    fn start(&self, file: &Path) -> SyncSender<Message> {
        let (sender, receiver) = mpsc::sync_channel(METRICS_QUEUE_MAX);
        let (file, dropped) = (file.to_owned(), self.dropped.clone());
        let builder = std::thread::Builder::new().name("exp-metrics".to_owned());
        let thread = builder.spawn(move || run(&receiver, &file, &dropped)).ok();
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = thread;
        sender
    }

    /// Writes what waits and ends the worker.
    pub(super) fn close(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(thread), Some(sender)) = (thread, self.sender.get()) {
            let _ = sender.send(Message::Close);
            let _ = thread.join();
        }
    }

    /// Where measurements are written.
    pub(super) fn path(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    #[cfg(test)]
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.close();
    }
}

fn run(receiver: &Receiver<Message>, file: &Path, dropped: &AtomicU64) {
    let mut batch = Vec::new();
    loop {
        let next = if batch.is_empty() {
            receiver.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            receiver.recv_timeout(Duration::from_millis(METRICS_WAIT_MS))
        };
        let is_over = match next {
            Ok(Message::Measured(measure)) => {
                batch.push(measure);
                if batch.len() < METRICS_BATCH_MAX {
                    continue;
                }
                false
            }
            Ok(Message::Close) | Err(RecvTimeoutError::Disconnected) => true,
            Err(RecvTimeoutError::Timeout) => false,
        };
        if !batch.is_empty() && write(file, &batch).is_err() {
            let lost = batch.iter().map(|measure| u64::from(measure.dropped) + 1);
            dropped.fetch_add(lost.sum(), Ordering::Relaxed);
        }
        batch.clear();
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
