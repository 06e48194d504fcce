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
    /// The store that it comes from, where that is another one.
    pub foreign: Option<String>,
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
    let names = engine.store.names()?;
    let own = engine.experiments(names)?.into_iter().map(|(_, one)| entry(&one, None));
    let foreign = engine.foreign_experiments(names)?.into_iter();
    let foreign = foreign.map(|one| entry(&one.experiment, Some(one.source)));
    let mut experiments: Vec<_> = own.chain(foreign).collect();
    experiments.sort_by_key(|entry| entry.when);
    let more = experiments.len() > options.limit;
    experiments.drain(..experiments.len().saturating_sub(options.limit));
    Ok(Report { experiments, more })
}

fn entry(experiment: &Experiment, foreign: Option<String>) -> Entry {
    let finished = |state: &ApproachState| matches!(state, ApproachState::Finished { .. });
    let approaches = &experiment.approaches;
    let selection = experiment.selection.as_ref();
    Entry {
        experiment: experiment.name.clone(),
        foreign,
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
