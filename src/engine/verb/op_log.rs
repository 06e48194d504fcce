//! `exp op log`: what was done, newest first, and what `undo` would take back next.

use serde::Serialize;

use crate::engine::report::ShownTime;
use crate::engine::{Engine, EngineError};
use crate::object::names;
use crate::object::operation::OperationKind;
use crate::session::timeline;

/// What can be asked of `op log`.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many at most.
    pub limit: usize,
    /// Only those of this session.
    pub mine: bool,
}

/// One operation.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// Its verb.
    pub verb: String,
    /// `verb`, `capture`, `evaluation`, `undo`, `redo` or `reconcile`.
    pub kind: &'static str,
    /// What it did.
    pub summary: String,
    /// The names that it moved.
    pub names: Vec<String>,
    /// The user.
    pub who: String,
    /// The session.
    pub session: String,
    /// When.
    pub when: ShownTime,
    /// Whether `exp undo` would take back this one.
    pub next_undo: bool,
}

/// What was done.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Newest first.
    pub operations: Vec<Entry>,
    /// Whether there are more.
    pub more: bool,
}

/// Reads the operation log.
///
/// # Errors
/// The store's.
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    let session = &engine.surroundings.session;
    let next = timeline::next_undo(engine.operations()?, |operation| engine.is_step(operation))?;
    let mut operations = Vec::new();
    let mut more = false;
    for entry in engine.operations()? {
        let (id, operation) = entry?;
        if options.mine && operation.session != *session {
            continue;
        }
        if operations.len() == options.limit {
            more = true;
            break;
        }
        let moved = names::diff(&engine.store, operation.before, operation.after)?;
        let name = |change: &crate::object::sequence::Change<names::NameEntry>| {
            String::from_utf8_lossy(change.key()).into_owned()
        };
        operations.push(Entry {
            id: id.hex(),
            verb: operation.verb.clone(),
            kind: kind_word(&operation.kind),
            summary: operation.summary.clone(),
            names: moved.iter().map(name).collect(),
            who: operation.who.clone(),
            session: operation.session.clone(),
            when: operation.when.into(),
            next_undo: next == Some(id),
        });
    }
    Ok(Report { operations, more })
}

fn kind_word(kind: &OperationKind) -> &'static str {
    match kind {
        OperationKind::Verb => "verb",
        OperationKind::Capture => "capture",
        OperationKind::Evaluation => "evaluation",
        OperationKind::Undo { .. } => "undo",
        OperationKind::Redo { .. } => "redo",
        OperationKind::Reconcile => "reconcile",
    }
}
