//! `exp hook pre|post`: what a coding agent's hooks call around each of its tools.
//!
//! Before a tool: what stands there un-captured is recorded, so that it can be told from what the
//! tool does. After it: what the tool changed is recorded. For a tool that edits one file that is
//! this file, whatever the size of the workspace; for any other all files are looked at, because a
//! shell command changes more than it says. Nothing is recorded after a tool that failed. Never
//! asks, never evaluates, and gives up rather than wait for another verb.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::base::id::TreeId;
use crate::base::path::TreePath;
use crate::engine::context::Standing;
use crate::engine::report::{ShownChange, shown_changes};
use crate::engine::take::Made;
use crate::engine::transact::Act;
use crate::engine::{Engine, EngineError};
use crate::object::operation::OperationKind;
use crate::object::snapshot::Origin;
use crate::object::tree;
use crate::store::{Sharing, Writer};
use crate::workspace::{Single, capture_file};

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
    /// The one file that the tool edits, if it is such a tool; absolute, or from the folder in which
    /// the hook is called.
    pub file: Option<PathBuf>,
    /// Whether the tool failed.
    pub failed: bool,
}

/// What was recorded.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The new snapshot, if there is one.
    pub snapshot: Option<String>,
    /// Its branch: a new one where that of the workspace has gone on without it.
    pub branch: Option<String>,
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
    let nothing = Report { snapshot: None, branch: None, changes: Vec::new() };
    if engine.refuse_in_view().is_err() || (phase == Phase::Post && options.failed) {
        return Ok(nothing);
    }
    engine.refuse_when_short()?;
    let _lock = engine.lock("hook", Sharing::Shared)?;
    let writer = engine.writer()?;
    engine.behind_others(|standing| record(engine, &writer, phase, options, standing))
}

fn record(
    engine: &Engine,
    writer: &Writer<'_>,
    phase: Phase,
    options: &Options,
    standing: &Standing,
) -> Result<Report, EngineError> {
    let before = standing.snapshot.tree;
    let file = options.file.as_deref().and_then(|file| inside(engine, file));
    let after = match &file {
        Some(path) => with_file(engine, writer, before, path)?,
        None => walked(engine, writer, before)?,
    };
    if after == before {
        return Ok(Report { snapshot: None, branch: None, changes: Vec::new() });
    }
    let subject = file.map_or_else(|| options.subject.clone(), |path| path.display());
    let subject: String = subject.chars().take(SUBJECT_CHARS).collect();
    let what = format!("{} {subject}", options.tool);
    // What the agent says may be no JSON, or name none.
    let what = Some(what.trim()).filter(|what| !what.is_empty()).unwrap_or("a tool");
    let (message, kind) = match phase {
        Phase::Pre => (format!("before {what}"), OperationKind::Capture),
        Phase::Post => (what.to_owned(), OperationKind::Verb),
    };
    let state = engine.present_state(writer, standing).state;
    let made = Made { origin: Origin::Automatic, message: message.clone(), state };
    let act = Act { kind, verb: "hook", summary: message };
    let changes = tree::diff(writer, before, after)?;
    let (id, now) = engine.record(writer, standing, after, made, act, None)?;
    let branch = Some(now.position.branch.to_string());
    Ok(Report { snapshot: Some(id.hex()), branch, changes: shown_changes(&changes) })
}

/// The place of a file in the workspace; none when it lies elsewhere, or is not plainly inside.
fn inside(engine: &Engine, file: &Path) -> Option<TreePath> {
    let file = engine.surroundings.folder.join(file);
    let below = file.strip_prefix(engine.root()).ok()?;
    TreePath::new(below.as_os_str().as_bytes()).ok().filter(|path| !path.is_root())
}

/// The tree with one file as it stands now.
fn with_file(
    engine: &Engine,
    writer: &Writer<'_>,
    tree: TreeId,
    path: &TreePath,
) -> Result<TreeId, EngineError> {
    let rules = engine.rules(&engine.config_or_default())?;
    match capture_file(writer, &rules, path, tree, engine.surroundings.now())? {
        Single::Captured(leaf) => {
            let edits = BTreeMap::from([(path.clone(), leaf)]);
            Ok(tree::edit(writer, tree, &edits)?)
        }
        Single::LeftOut => Ok(tree),
        Single::Unclear => walked(engine, writer, tree),
    }
}

/// The tree of all files as they stand now.
fn walked(engine: &Engine, writer: &Writer<'_>, tree: TreeId) -> Result<TreeId, EngineError> {
    let mut taken = engine.take(writer, &engine.config_or_default(), tree)?;
    engine.keep_cache(&mut taken);
    Ok(taken.capture.tree)
}
