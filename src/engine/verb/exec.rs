//! `exp exec`: runs a command in a branch's view and records what it changed.

use std::ffi::OsString;
use std::time::Duration;

use serde::Serialize;

use crate::base::id::SnapshotId;
use crate::base::name::Label;
use crate::engine::context::Standing;
use crate::engine::events::{Event, gather};
use crate::engine::report::{KeptCommit, ShownChange, shown_changes};
use crate::engine::transact::Act;
use crate::engine::view::{Backend, View, WorkOn};
use crate::engine::{Engine, EngineError};
use crate::object::snapshot::{Origin, Snapshot};
use crate::object::tree;
use crate::run::{Cancel, KEEPER_LOST, Outcome, Program, Stdio};
use crate::store::Sharing;

/// What can be asked of `exec`.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The branch.
    pub branch: String,
    /// The command.
    pub command: Vec<OsString>,
    /// When it is stopped.
    pub timeout: Option<Duration>,
    /// Record nothing.
    pub no_capture: bool,
    /// Only say what would be run.
    pub dry_run: bool,
    /// Whether the command has the caller's own terminal.
    pub inherit: bool,
    /// Which view to use.
    pub backend: Option<Backend>,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The branch.
    pub branch: String,
    /// The command's exit code; none when it was ended before.
    pub exit: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// How it ended, in words.
    pub outcome: String,
    /// The snapshot of the branch now.
    pub snapshot: String,
    /// What the command changed.
    pub changes: Vec<ShownChange>,
    /// How the view was made.
    pub view: String,
    /// Commits of git's that it made and that are kept.
    pub git_commits: Vec<KeptCommit>,
    /// What should be known besides.
    pub notes: Vec<String>,
    /// In milliseconds.
    pub duration_ms: u64,
    /// Whether somebody changed the workspace while the command ran in a view that stands on it:
    /// it may have seen a mixture. What it wrote is recorded over the branch as that was.
    pub disturbed: bool,
}

/// Runs it.
///
/// # Errors
/// Those of a view and a capture. What becomes of the command is a result.
pub fn run(engine: &Engine, options: &Options, cancel: &Cancel) -> Result<Report, EngineError> {
    engine.refuse_in_view()?;
    if options.dry_run {
        return dry_run(engine, options);
    }
    let _lock = engine.lock("exec", Sharing::Shared)?;
    let writer = engine.writer()?;
    let safe = engine.make_safe(&writer, "exec")?;
    // The command may run for hours, and a collection waits for whoever writes.
    drop(writer);
    let (label, start) = find(engine, &safe.standing, &options.branch)?;
    let before = Snapshot::fetch(&engine.store, start)?;
    let words: Vec<_> = options.command.iter().map(|word| word.to_string_lossy()).collect();
    let message = words.join(" ");
    let keeps = !options.no_capture;
    let on = WorkOn { branch: label, base: start, head: start, approach: None, keeps, message };
    let mut view = engine.open_work(&safe.taken, before.tree, &on, options.backend)?;
    let mut command = view.command(Program::Argv(options.command.clone()));
    command.limit = options.timeout;
    if options.inherit {
        command.stdio = Stdio::Inherited;
    }
    let finished = view.run(command, "exec", cancel)?;
    let signal = match &finished.outcome {
        Outcome::Signalled(signal) => Some(*signal),
        _ => None,
    };
    let (exit, outcome) = match &finished.outcome {
        Outcome::Exited(exit) => (Some(*exit), format!("exit {exit}")),
        Outcome::Signalled(signal) => (None, format!("killed by signal {signal}")),
        Outcome::TimedOut => (None, "timed out".to_owned()),
        Outcome::Cancelled => (None, "interrupted".to_owned()),
        Outcome::DidNotStart { reason, exit } => (Some(*exit), format!("did not run: {reason}")),
    };
    let mut report = Report {
        branch: on.branch.to_string(),
        exit,
        signal,
        outcome,
        snapshot: start.hex(),
        changes: Vec::new(),
        view: view.describe().to_owned(),
        git_commits: Vec::new(),
        notes: Vec::new(),
        duration_ms: u64::try_from(finished.duration.as_millis()).unwrap_or(u64::MAX),
        disturbed: false,
    };
    if finished.is_keeper_lost {
        report.notes.push(format!("the command was killed: {KEEPER_LOST}"));
    }
    if !options.no_capture {
        keep_commits(&view, &mut report);
    }
    report.disturbed = !view.stood_still()?;
    let writer = engine.writer()?;
    let kept = engine.keep_work(&writer, view, "exec", |ended| {
        let (origin, message) = (Origin::Command { exit }, on.message.clone());
        let parents = vec![ended.parent];
        let mut snapshot = engine.new_snapshot(parents, ended.tree, &on.branch, origin, message);
        snapshot.state = Snapshot::fetch(&writer, ended.parent)?.state;
        let act = Act::verb("exec", format!("ran a command in {}", on.branch));
        Ok((snapshot.put(&writer)?, act))
    })?;
    let tree = Snapshot::fetch(&writer, kept.snapshot)?.tree;
    report.snapshot = kept.snapshot.hex();
    report.notes.extend(kept.left_out);
    report.note(kept.events);
    report.changes = shown_changes(&tree::diff(&writer, before.tree, tree)?);
    Ok(report)
}

/// Keeps what the command committed, whatever becomes of its files.
fn keep_commits(view: &View<'_>, report: &mut Report) {
    report.note(gather(|watch| view.keep_commits(watch)));
}

impl Report {
    /// Enters what became of commits.
    fn note(&mut self, events: Vec<Event>) {
        for event in events {
            match event {
                Event::CommitKept { kept, .. } => self.git_commits.push(kept),
                Event::Notice(text) => self.notes.push(text),
                _ => {}
            }
        }
    }
}

/// The branch and its head; the workspace's own is refused.
fn find(
    engine: &Engine,
    standing: &Standing,
    name: &str,
) -> Result<(Label, SnapshotId), EngineError> {
    match engine.find_branch(standing.names, name)? {
        Some((label, _)) if label == standing.position.branch => {
            let what = format!("`{label}` is the branch that the workspace is on");
            let why = "run the command here and `exp snapshot` it, or name another branch";
            Err(EngineError::Refused { what, why: why.to_owned() })
        }
        Some((label, head)) => {
            engine.refuse_foreign(standing.names, &label)?;
            Ok((label, head))
        }
        None => Err(engine.not_found(standing.names, "branch", name)?),
    }
}

fn dry_run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    let (label, start) = find(engine, &engine.standing()?, &options.branch)?;
    let words: Vec<_> = options.command.iter().map(|word| word.to_string_lossy()).collect();
    Ok(Report {
        branch: label.to_string(),
        exit: Some(0),
        signal: None,
        outcome: format!("would run `{}`", words.join(" ")),
        snapshot: start.hex(),
        changes: Vec::new(),
        view: String::new(),
        git_commits: Vec::new(),
        notes: Vec::new(),
        duration_ms: 0,
        disturbed: false,
    })
}
