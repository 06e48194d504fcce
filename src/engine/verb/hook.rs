//! `exp hook pre|post`: what a coding agent's hooks call around each of its tools.
//!
//! Before a tool: what stands there un-captured is recorded, so that it can be told from what the
//! tool does. After it: what the tool changed is recorded, found by looking at all files, because a
//! shell command changes more than it says. Nothing is recorded after a tool that failed. Never
//! asks, never evaluates, and gives up rather than wait for another verb.

use serde::Serialize;

use crate::engine::report::{ShownChange, shown_changes};
use crate::engine::take::Made;
use crate::engine::transact::Act;
use crate::engine::{Engine, EngineError};
use crate::object::operation::OperationKind;
use crate::object::snapshot::Origin;
use crate::object::tree;
use crate::store::Sharing;

/// When the hook is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Before a tool runs.
    Pre,
    /// After it.
    Post,
}

/// What the agent says of the tool.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The tool's name, such as `Edit` or `Bash`.
    pub tool: String,
    /// The file or the command that it is about, for the message.
    pub subject: String,
    /// Whether the tool failed.
    pub failed: bool,
}

/// What was recorded.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The new snapshot, if there is one.
    pub snapshot: Option<String>,
    /// What it changes.
    pub changes: Vec<ShownChange>,
}

/// The longest subject that a message holds, in characters.
const SUBJECT_CHARS: usize = 120;

/// Records what there is to record.
///
/// # Errors
/// Busy while a verb changes the files; those of a capture.
pub fn run(engine: &Engine, phase: Phase, options: &Options) -> Result<Report, EngineError> {
    let nothing = Report { snapshot: None, changes: Vec::new() };
    if engine.refuse_in_view().is_err() || (phase == Phase::Post && options.failed) {
        return Ok(nothing);
    }
    let _lock = engine.lock("hook", Sharing::Shared)?;
    let writer = engine.store.writer()?;
    let standing = engine.standing()?;
    let before = standing.snapshot.tree;
    let mut taken = engine.take(&writer, &engine.config_or_default(), before)?;
    engine.keep_cache(&mut taken);
    let after = taken.capture.tree;
    if after == before {
        return Ok(nothing);
    }
    let subject: String = options.subject.chars().take(SUBJECT_CHARS).collect();
    let what = format!("{} {subject}", options.tool);
    let (message, kind) = match phase {
        Phase::Pre => (format!("before {}", what.trim()), OperationKind::Capture),
        Phase::Post => (what.trim().to_owned(), OperationKind::Verb),
    };
    let made = Made { origin: Origin::Automatic, message: message.clone(), state: None };
    let act = Act { kind, verb: "hook", summary: message };
    let changes = tree::diff(&writer, before, after)?;
    let (id, _) = engine.record(&writer, &standing, after, made, act, None)?;
    Ok(Report { snapshot: Some(id.hex()), changes: shown_changes(&changes) })
}
