//! `exp state watch`: puts what stands in a file whenever that has changed, until it is told to stop.
//!
//! Guarantees: one watcher for a session at a time; at most one automatic state an interval, the
//! first at once; what stood there last is put before it ends. A text that is no JSON is said once
//! and tried again: it may be half written.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;

use super::input::read_json;
use super::shown::ShownAnswer;
use crate::base::codec::digest;
use crate::base::id::Hash;
use crate::base::limits::DOCUMENT_READ_BYTES_MAX;
use crate::base::name::Label;
use crate::base::regular;
use crate::base::time::Timestamp;
use crate::engine::{Engine, EngineError};
use crate::run::Cancel;
use crate::session::state::{Put, PutKind, Session, StateError, What};
use crate::store::{LockFile, Sharing, StoreError};

/// Milliseconds between two looks at the file.
const LOOK_MS: u64 = 50;

/// Looks at the lock until a watcher that was asked to end is left alone: some 10 s.
const STOP_TRIES: usize = 1_000;

/// Seconds after which a write to a file gives it another time: ticks are 10 ms at most.
const SETTLED_SECONDS: f64 = 0.1;

/// What a watcher is called in messages.
pub const WATCHER: &str = "the session's watch";

/// What can be asked of `state watch`.
#[derive(Clone, Debug)]
pub struct Options {
    /// The file.
    pub file: PathBuf,
    /// At most one state in so long a time; what `exp.toml` says if nothing is given.
    pub every: Option<Duration>,
    /// The branch; none is `main`.
    pub branch: Option<Label>,
}

/// Something that a watcher tells while it runs.
#[derive(Clone, Debug)]
pub enum Seen {
    /// It watches now.
    Watching,
    /// What stood in the file was put.
    Put(Box<ShownAnswer>),
    /// What stands in the file cannot be put, and why.
    Passed(String),
}

/// What a watcher did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The session.
    pub session: String,
    /// Puts.
    pub puts: u64,
    /// States that were saved.
    pub saved: u64,
    /// Puts that changed nothing that counts.
    pub skipped: u64,
    /// Texts that could not be put.
    pub passed: u64,
    /// The newest state.
    pub newest: Option<String>,
}

/// Watches until it is cancelled.
///
/// # Errors
/// [`EngineError::Store`] (busy) when the session is watched already; [`EngineError::File`] for a file
/// that cannot be read at the start; [`EngineError::State`] when a state cannot be saved.
pub fn run(
    engine: &Engine,
    options: &Options,
    cancel: &Cancel,
    tell: &dyn Fn(Seen),
) -> Result<Report, EngineError> {
    engine.refuse_in_view()?;
    let every = match options.every {
        Some(every) => every,
        None => engine.state_interval()?,
    };
    let sessions = engine.sessions()?;
    let session = engine.own_session(&sessions)?;
    let lock = lock_file(engine).lock(Sharing::Exclusive, 1)?;
    lock.note("state watch");
    let path = engine.surroundings.folder.join(&options.file);
    std::fs::metadata(&path).map_err(|source| cannot_read(&path, source))?;
    tell(Seen::Watching);
    let mut watcher = Watcher {
        session: &session,
        options,
        path: &path,
        tell,
        stamp: None,
        last: None,
        refused: None,
        report: Report { session: session.name().to_owned(), ..Report::default() },
    };
    let mut put_at: Option<Timestamp> = None;
    while !cancel.is_cancelled() {
        let now = engine.surroundings.now();
        let is_due = put_at.is_none_or(|at| {
            let waited = now.seconds_since(at);
            waited < 0.0 || waited >= every.as_secs_f64()
        });
        if is_due && watcher.may_have_changed(now) && watcher.look()? {
            put_at = Some(now);
        }
        std::thread::sleep(Duration::from_millis(LOOK_MS));
    }
    watcher.look()?;
    let report = watcher.report;
    sessions.close()?;
    drop(lock);
    Ok(report)
}

/// By what a file is known to be the one that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Timestamp,
    inode: u64,
    length: u64,
}

impl Stamp {
    fn of(meta: &std::fs::Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let modified = meta.modified().ok()?.into();
        Some(Self { modified, inode: meta.ino(), length: meta.len() })
    }
}

struct Watcher<'a> {
    session: &'a Session,
    options: &'a Options,
    path: &'a Path,
    tell: &'a dyn Fn(Seen),
    /// The file as it was seen last, if nothing can have changed it since without a trace.
    stamp: Option<Stamp>,
    /// What was put last.
    last: Option<Hash>,
    /// What could not be put.
    refused: Option<Hash>,
    report: Report,
}

impl Watcher<'_> {
    /// Whether the file has to be read: its stamp is another one, or so young that a write in the
    /// same tick of the system's clock would not show.
    fn may_have_changed(&mut self, now: Timestamp) -> bool {
        let stamp = std::fs::metadata(self.path).ok().and_then(|meta| Stamp::of(&meta));
        let has_changed = stamp.is_none() || stamp != self.stamp;
        let is_settled = |stamp: &Stamp| now.seconds_since(stamp.modified) > SETTLED_SECONDS;
        self.stamp = stamp.filter(is_settled);
        has_changed
    }

    /// Puts what stands in the file if that is new. Gives whether it did.
    fn look(&mut self) -> Result<bool, EngineError> {
        let text = match read(self.path) {
            Ok(text) => text,
            // It may be on its way: many programs write beside it and rename.
            Err(error) => {
                self.pass(digest("watched", error.to_string().as_bytes()), error.to_string());
                return Ok(false);
            }
        };
        let seen = digest("watched", &text);
        if self.last == Some(seen) || self.refused == Some(seen) {
            return Ok(false);
        }
        let name = self.options.file.display().to_string();
        let (value, note) = match read_json(&name, &text) {
            Ok(read) => read,
            Err(error) => {
                self.pass(seen, error.to_string());
                return Ok(false);
            }
        };
        let mut put = Put::new(PutKind::Automatic, What::Value(value));
        put.branch.clone_from(&self.options.branch);
        let note = note.map_or_else(String::new, |note| format!(" ({note})"));
        put.message = format!("watched {name}{note}");
        let answer = match self.session.put(&put) {
            // JSON, but more than a state can be.
            Err(StateError::Document(error)) => {
                self.pass(seen, error.to_string());
                return Ok(false);
            }
            answer => answer?,
        };
        self.last = Some(seen);
        self.refused = None;
        let answer = ShownAnswer::new(self.session.name(), answer);
        self.report.puts += 1;
        match answer.saved {
            true => self.report.saved += 1,
            false => self.report.skipped += 1,
        }
        self.report.newest = Some(answer.id.clone());
        (self.tell)(Seen::Put(Box::new(answer)));
        Ok(true)
    }

    /// Says once of each text why it is passed over.
    fn pass(&mut self, seen: Hash, why: String) {
        if self.refused != Some(seen) {
            self.refused = Some(seen);
            self.report.passed += 1;
            (self.tell)(Seen::Passed(why));
        }
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut text = Vec::new();
    regular::open(path)?.take(DOCUMENT_READ_BYTES_MAX).read_to_end(&mut text)?;
    Ok(text)
}

fn cannot_read(path: &Path, source: std::io::Error) -> EngineError {
    EngineError::File { what: "read", path: path.to_owned(), source }
}

fn lock_file(engine: &Engine) -> LockFile {
    let name = digest("watch lock", engine.surroundings.session.as_bytes()).hex();
    LockFile::new(&engine.store.layout().locks(), &format!("watch-{}", &name[..32]), WATCHER)
}

/// What became of a watcher that was asked to end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stopped {
    /// The session.
    pub session: String,
    /// The process that watched.
    pub process: u32,
    /// Whether it has ended; else it is still at work on its last state.
    pub ended: bool,
}

/// Asks the watcher of this session to end, as Ctrl-C does, and waits for that.
///
/// # Errors
/// [`EngineError::NotFound`] when nobody watches; the store's.
pub fn stop(engine: &Engine) -> Result<Stopped, EngineError> {
    let session = engine.surroundings.session.clone();
    let file = lock_file(engine);
    let nobody = || {
        let name = session.clone();
        EngineError::NotFound { what: "watch of session", name, near: Vec::new() }
    };
    let process = match file.lock(Sharing::Shared, 1) {
        Ok(_) => return Err(nobody()),
        Err(StoreError::Busy { holder, .. }) => holder.pid.ok_or_else(nobody)?,
        Err(error) => return Err(error.into()),
    };
    // The note in a lock's file is for people, and written after the lock: that process must have
    // the file open, or it is another one.
    if !has_open(process, file.path()) {
        return Err(nobody());
    }
    let pid = i32::try_from(process).ok().and_then(Pid::from_raw).ok_or_else(nobody)?;
    match kill_process(pid, Signal::TERM) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(error) => {
            let path = PathBuf::from(format!("process {process}"));
            return Err(EngineError::File { what: "stop", path, source: error.into() });
        }
    }
    let ended = file.lock(Sharing::Shared, STOP_TRIES).is_ok();
    Ok(Stopped { session, process, ended })
}

fn has_open(process: u32, path: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(format!("/proc/{process}/fd")) else {
        return false;
    };
    let leads = |entry: std::fs::DirEntry| std::fs::read_link(entry.path()).ok();
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    entries.flatten().filter_map(leads).any(|to| to == path)
}
