//! `exp experiments`: all experiments of the store, oldest first.

use serde::Serialize;

use crate::engine::report::ShownTime;
use crate::engine::{Engine, EngineError};
use crate::object::experiment::{ApproachState, Experiment};

/// What can be asked of `experiments`.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many at most, the newest ones.
    pub limit: usize,
}

/// One experiment in short.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Its id.
    pub experiment: String,
    /// The snapshot that all started from.
    pub base: String,
    /// How many approaches it has.
    pub approaches: usize,
    /// How many of them have ended by themselves.
    pub finished: usize,
    /// How many were evaluated.
    pub evaluated: usize,
    /// The approach that was selected.
    pub selected: Option<String>,
    /// The snapshot in which it was merged.
    pub merged: Option<String>,
    /// The session that asked.
    pub session: String,
    /// When.
    pub when: ShownTime,
}

/// The list.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Oldest first.
    pub experiments: Vec<Entry>,
    /// Whether there are older ones.
    pub more: bool,
}

/// Lists.
///
/// # Errors
/// The store's.
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    let mut all = engine.experiments(engine.store.names()?)?;
    let more = all.len() > options.limit;
    all.drain(..all.len().saturating_sub(options.limit));
    let experiments = all.iter().map(|(_, experiment)| entry(experiment)).collect();
    Ok(Report { experiments, more })
}

fn entry(experiment: &Experiment) -> Entry {
    let finished = |state: &ApproachState| matches!(state, ApproachState::Finished { .. });
    let approaches = &experiment.approaches;
    let selection = experiment.selection.as_ref();
    Entry {
        experiment: experiment.name.clone(),
        base: experiment.base.hex(),
        approaches: approaches.len(),
        finished: approaches.iter().filter(|approach| finished(&approach.state)).count(),
        evaluated: approaches.iter().filter(|approach| approach.evaluation.is_some()).count(),
        selected: selection.map(|selection| selection.approach.clone()),
        merged: selection.and_then(|selection| selection.merged).map(|id| id.hex()),
        session: experiment.session.clone(),
        when: experiment.when.into(),
    }
}
