//! What to run, and how it ended, as values.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::base::mount::MountPlan;

/// What is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// A text for `/bin/sh -c`.
    Shell(String),
    /// A program, looked up in the command's `PATH`, and its arguments. Never empty.
    Argv(Vec<OsString>),
}

/// Where a command's output goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stdio {
    /// Both streams through one pipe, so that their order is exact: what a test report in text
    /// needs. Standard input is empty, and there is no terminal.
    #[default]
    Joined,
    /// Two pipes: [`Finished::stdout`] holds standard output alone, and the log has the two in
    /// the order in which they arrived.
    Separate,
    /// The caller's own three descriptors and terminal: for `exec` and `shell`.
    Inherited,
}

/// A command to be run.
#[derive(Clone, Debug)]
pub struct Command {
    /// What is started.
    pub program: Program,
    /// Where it starts; entered after the mounts, so that it lies in the view.
    pub folder: PathBuf,
    /// Changes to the environment that this process has: set or removed.
    pub environment: Vec<(OsString, Option<OsString>)>,
    /// What it sees instead of the workspace; none for the files as they are.
    pub mount: Option<MountPlan>,
    /// When it is stopped.
    pub limit: Option<Duration>,
    /// How long it has between being asked to stop and being killed; `KILL_GRACE_SECONDS` by
    /// default.
    pub grace: Duration,
    /// A file that gets the whole output, up to `OUTPUT_LOG_BYTES_MAX`; replaced when it exists, and
    /// locked for as long as it is written.
    pub log: Option<PathBuf>,
    /// Where its output goes.
    pub stdio: Stdio,
    /// What its standard input reads, from where the file stands; none for an empty one. Of no
    /// meaning with [`Stdio::Inherited`].
    pub input: Option<Arc<File>>,
}

impl Command {
    /// A command without limit, log or view.
    pub fn new(program: Program, folder: impl Into<PathBuf>) -> Self {
        Self {
            program,
            folder: folder.into(),
            environment: Vec::new(),
            mount: None,
            limit: None,
            grace: Duration::from_secs(crate::base::limits::KILL_GRACE_SECONDS),
            log: None,
            stdio: Stdio::Joined,
            input: None,
        }
    }

    /// A text for the shell.
    pub fn shell(text: impl Into<String>, folder: impl Into<PathBuf>) -> Self {
        Self::new(Program::Shell(text.into()), folder)
    }

    /// A program and its arguments.
    pub fn argv<S: Into<OsString>>(
        words: impl IntoIterator<Item = S>,
        folder: impl Into<PathBuf>,
    ) -> Self {
        Self::new(Program::Argv(words.into_iter().map(Into::into).collect()), folder)
    }
}

/// A wish to stop, shared between the one who wishes and those who run.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    flag: Arc<AtomicBool>,
    /// A wish of somebody further out, which counts as well.
    outer: Option<Arc<Self>>,
}

impl Cancel {
    /// No wish yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Shares a flag that somebody else sets, such as a signal handler.
    pub fn watching(flag: Arc<AtomicBool>) -> Self {
        Self { flag, outer: None }
    }

    /// A narrower wish: asked when this one is, but not the other way round.
    pub fn inner(&self) -> Self {
        Self { flag: Arc::default(), outer: Some(Arc::new(self.clone())) }
    }

    /// Asks everything that holds it to stop. For good.
    pub fn cancel(&self) {
        self.flag.store(true, Ordering::SeqCst);
    }

    /// Whether it was asked.
    pub fn is_cancelled(&self) -> bool {
        self.flag.load(Ordering::SeqCst)
            || self.outer.as_ref().is_some_and(|outer| outer.is_cancelled())
    }
}

/// Why it is not known how a command would have ended ([`Finished::is_keeper_lost`]).
pub const KEEPER_LOST: &str = "the process of exp's that keeps it was killed, by itself or by the system, and what \
                               it had started was ended";

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It ended by itself with that code.
    Exited(i32),
    /// A signal that we did not send ended it.
    Signalled(i32),
    /// It was stopped at its limit.
    TimedOut,
    /// It was stopped because of a [`Cancel`].
    Cancelled,
    /// It never ran: no such program, or one that may not be executed. Says nothing about what
    /// it would have measured.
    DidNotStart {
        /// What the system or the shell said.
        reason: String,
        /// The code that a shell gives for it: 126 or 127.
        exit: i32,
    },
}

impl Outcome {
    /// Whether it ran to its end and exited with 0.
    pub fn is_success(&self) -> bool {
        *self == Self::Exited(0)
    }
}

/// What is known of a command that ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How.
    pub outcome: Outcome,
    /// From the start to the end of the command itself.
    pub duration: Duration,
    /// The end of its output, at most `OUTPUT_TAIL_BYTES`.
    pub tail: Vec<u8>,
    /// The start of its standard output, at most `OUTPUT_STDOUT_BYTES_MAX`; with
    /// [`Stdio::Joined`] both streams, with [`Stdio::Inherited`] nothing.
    pub stdout: Vec<u8>,
    /// Whether `stdout` lacks its end.
    pub stdout_truncated: bool,
    /// Bytes of output in all.
    pub output_bytes: u64,
    /// Whether the log lacks its middle.
    pub log_truncated: bool,
    /// The largest resident set of any process among it, in KiB, where the system says.
    pub memory_kib_max: Option<u64>,
    /// Whether the process that keeps the command was itself killed, by the command or by somebody
    /// else: then the command was killed as well, and how it would have ended is not known.
    pub is_keeper_lost: bool,
}

/// Why a command could not be run at all, or its end not be known.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The plan cannot be given to the kernel.
    #[error("could not prepare the command: {0}")]
    Plan(String),
    /// A step between the fork and the start of the command failed.
    #[error("could not {step}{at}: {source}", at = at.as_ref().map(|p| format!(" `{}`", p.display())).unwrap_or_default())]
    Enter {
        /// The step, as words after "could not".
        step: &'static str,
        /// What it was done to.
        at: Option<PathBuf>,
        /// What the system said.
        source: io::Error,
    },
    /// A git repository could not be looked at.
    #[error("could not look into git's folder `{path}`: {source}")]
    Git {
        /// Its `.git`.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The log could not be written.
    #[error("could not write the log `{path}`: {source}")]
    Log {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A pipe, a wait or a thread failed.
    #[error("could not {action}: {source}")]
    System {
        /// What was tried, as words after "could not".
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A helper command that must succeed did not.
    #[error("could not run `{command}`: {reason}")]
    Helper {
        /// The command.
        command: String,
        /// How it ended.
        reason: String,
    },
}

impl RunError {
    /// Wraps what the system said about an action.
    pub(super) fn system(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { action, source }
    }
}

#[cfg(test)]
mod tests {
    use super::Cancel;

    #[test]
    fn an_inner_wish_is_asked_by_the_outer_one_and_not_the_other_way_round() {
        let outer = Cancel::new();
        let (one, other) = (outer.inner(), outer.inner());
        one.cancel();
        assert!(one.is_cancelled() && one.inner().is_cancelled());
        assert!(!outer.is_cancelled() && !other.is_cancelled());
        outer.cancel();
        assert!(other.is_cancelled() && other.inner().is_cancelled());
    }
}
