//! Sled at arm's length: whatever it does runs on a thread of a known name, watched where it may
//! hang, and what comes back is a value or an error.

use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use sled::Db;

use super::error::CatalogueError;
use super::tables::fault;
use crate::base::limits::{CATALOGUE_CACHE_BYTES, CATALOGUE_OPEN_SECONDS_MAX};

/// The name of every thread on which sled runs. A panic there is caught and becomes an error, so
/// a panic hook may pass over it.
pub const CATALOGUE_THREAD: &str = "catalogue";

/// How the folder of sled is opened; a test hands in its own.
pub(super) type Opener = fn(&Path) -> Result<Db, sled::Error>;

/// Opens sled as we want it.
pub(super) fn open_sled(path: &Path) -> Result<Db, sled::Error> {
    // No flusher thread: what is written is flushed when it is complete, or not worth keeping.
    let config = sled::Config::new().path(path).flush_every_ms(None);
    config.cache_capacity(CATALOGUE_CACHE_BYTES).open()
}

/// Opens sled on a thread of its own and waits only so long. A thread that hangs is left behind,
/// with the folder that it hangs on: it cannot be ended.
pub(super) fn open_watched(
    path: &Path,
    opener: Opener,
    patience: Duration,
) -> Result<Db, CatalogueError> {
    let damaged = |reason: String| CatalogueError::Damaged { path: path.to_owned(), reason };
    let (sender, receiver) = mpsc::channel();
    let here = path.to_owned();
    let thread = thread::Builder::new()
        .name(CATALOGUE_THREAD.to_owned())
        .spawn(move || drop(sender.send(open_retrying(&here, opener))))
        .map_err(|source| CatalogueError::Disk { path: path.to_owned(), source })?;
    match receiver.recv_timeout(patience) {
        Ok(opened) => opened.map_err(|error| fault(path, error)),
        Err(RecvTimeoutError::Timeout) => {
            Err(damaged(format!("opening it took longer than {} s", patience.as_secs())))
        }
        Err(RecvTimeoutError::Disconnected) => Err(damaged(match thread.join() {
            Ok(()) => "opening it gave no answer".to_owned(),
            Err(panic) => panic_text(&*panic),
        })),
    }
}

/// A catalogue closed just before in this process may hold its file a moment longer; others are
/// kept out by our own lock.
fn open_retrying(path: &Path, opener: Opener) -> Result<Db, sled::Error> {
    const TRIES: usize = 50;
    let is_held = |error: &sled::Error| error.to_string().contains("could not acquire lock");
    for _ in 1..TRIES {
        match opener(path) {
            Err(error) if is_held(&error) => thread::sleep(Duration::from_millis(20)),
            opened => return opened,
        }
    }
    opener(path)
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("sled gave up: {}", text.unwrap_or("without a word"))
}

/// Runs work on a thread whose panic is a result.
pub(super) fn guarded<T: Send>(
    path: &Path,
    work: impl FnOnce() -> Result<T, CatalogueError> + Send,
) -> Result<T, CatalogueError> {
    thread::scope(|scope| {
        let named = thread::Builder::new().name(CATALOGUE_THREAD.to_owned());
        let thread = named
            .spawn_scoped(scope, work)
            .map_err(|source| CatalogueError::Disk { path: path.to_owned(), source })?;
        thread.join().unwrap_or_else(|panic| {
            let reason = panic_text(&*panic);
            Err(CatalogueError::Damaged { path: path.to_owned(), reason })
        })
    })
}

/// Closing writes, so it may fail in any of sled's ways; nothing depends on it.
pub(super) fn close(db: Db) {
    let (sender, receiver) = mpsc::channel::<()>();
    let closing = thread::Builder::new().name(CATALOGUE_THREAD.to_owned()).spawn(move || {
        // Dropped last, by return or panic: that is the signal.
        let _signal = sender;
        drop(db);
    });
    if closing.is_ok() {
        let _ = receiver.recv_timeout(Duration::from_secs(CATALOGUE_OPEN_SECONDS_MAX));
    }
}
