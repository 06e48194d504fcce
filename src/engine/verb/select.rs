//! `exp select`: chooses the best candidate of an experiment and records why.

use serde::Serialize;

use super::rank::{self, ranked};
use crate::engine::transact::{Act, moved};
use crate::engine::{Engine, EngineError};
use crate::object::experiment::Selection;
use crate::object::names::{NameKey, NameValue};

/// What can be asked of `select`.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The experiment; the last one if none is given.
    pub experiment: Option<String>,
    /// Take this one, whatever the ranking says.
    pub approach: Option<String>,
    /// Only say what would be chosen.
    pub dry_run: bool,
}

/// What was chosen.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The table that it was chosen from.
    pub table: rank::Report,
    /// The approach; none when nothing is feasible.
    pub selected: Option<String>,
    /// Its branch.
    pub branch: Option<String>,
    /// Why, in a sentence.
    pub reason: String,
}

/// Chooses.
///
/// # Errors
/// [`EngineError::NotFound`] without an experiment or without the named approach;
/// [`EngineError::Refused`] for one that left nothing. That nothing is feasible is a result.
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    engine.refuse_in_view()?;
    let (mut experiment, id) = engine.experiment(options.experiment.as_deref())?;
    let (mut table, ranking) = ranked(engine, &experiment)?;
    let feasible: Vec<String> =
        ranking.rows.iter().filter(|row| row.feasible).map(|row| row.approach.clone()).collect();
    let (name, reason) = match (&options.approach, ranking.winner()) {
        (Some(name), _) => (name.clone(), "chosen by hand".to_owned()),
        (None, Some(row)) => (row.approach.clone(), row.reasons.join("; ")),
        (None, None) => {
            let reason = "no candidate is feasible".to_owned();
            return Ok(Report { table, selected: None, branch: None, reason });
        }
    };
    let missing = || EngineError::NotFound {
        what: "approach",
        name: name.clone(),
        near: experiment.approaches.iter().map(|approach| approach.name.clone()).take(3).collect(),
    };
    let approach = experiment.approaches.iter().find(|a| a.name == name).ok_or_else(missing)?;
    let Some(candidate) = approach.candidate else {
        let what = format!("approach `{name}` cannot be chosen");
        return Err(EngineError::Refused { what, why: "it left nothing".to_owned() });
    };
    let branch = approach.branch.to_string();
    if !options.dry_run {
        let selection = Selection {
            approach: name.clone(),
            candidate,
            reason: reason.clone(),
            ranking: feasible,
            when: engine.surroundings.now(),
            merged: None,
        };
        experiment.selection = Some(selection);
        let writer = engine.writer()?;
        let new = experiment.put(&writer)?;
        let value = |id| Some(NameValue::Experiment(id));
        let key = NameKey::Experiment(experiment.name.clone());
        let moves = vec![moved(key, value(id), value(new))];
        let act = Act::verb("select", format!("{name} of {}", experiment.name));
        engine.commit(&writer, moves, act)?;
        table.selected = Some(name.clone());
    }
    Ok(Report { table, selected: Some(name), branch: Some(branch), reason })
}
