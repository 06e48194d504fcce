//! `exp experiment show`: one experiment whole: base, approaches, table, selection, and the part
//! of the DAG that belongs to it.

use serde::Serialize;

use super::rank;
use crate::engine::report::{ShownSnapshot, ShownTime};
use crate::engine::{Engine, EngineError};
use crate::object::snapshot::Snapshot;

/// What can be asked of `experiment show`.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which one; the last one if none is given.
    pub experiment: Option<String>,
}

/// One approach with its command.
#[derive(Clone, Debug, Serialize)]
pub struct ShownCommand {
    /// Its name.
    pub name: String,
    /// Its command.
    pub command: String,
}

/// What was selected.
#[derive(Clone, Debug, Serialize)]
pub struct ShownSelection {
    /// The approach.
    pub approach: String,
    /// Why.
    pub reason: String,
    /// When.
    pub when: ShownTime,
    /// The snapshot in which it was merged.
    pub merged: Option<String>,
}

/// One experiment.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The table, as `rank` gives it.
    pub table: rank::Report,
    /// The base.
    pub base: ShownSnapshot,
    /// The commands, in the order in which they were given.
    pub commands: Vec<ShownCommand>,
    /// The selection.
    pub selection: Option<ShownSelection>,
    /// The session that asked.
    pub session: String,
    /// When.
    pub when: ShownTime,
}

/// Fetches it.
///
/// # Errors
/// [`EngineError::NotFound`] with the newest experiments.
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    let (experiment, table) = rank::to_look_at(engine, options.experiment.as_deref())?;
    let base = Snapshot::fetch(&engine.store, experiment.base)?;
    let selection = experiment.selection.as_ref().map(|selection| ShownSelection {
        approach: selection.approach.clone(),
        reason: selection.reason.clone(),
        when: selection.when.into(),
        merged: selection.merged.map(|id| id.hex()),
    });
    let command = |approach: &crate::object::experiment::Approach| ShownCommand {
        name: approach.name.clone(),
        command: approach.command.clone(),
    };
    Ok(Report {
        table,
        base: engine.shown(engine.store.names()?, experiment.base, &base)?,
        commands: experiment.approaches.iter().map(command).collect(),
        selection,
        session: experiment.session.clone(),
        when: experiment.when.into(),
    })
}
