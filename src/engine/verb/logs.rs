//! `exp logs`: the whole output of an approach's command and of the stages that measured it.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::time::SystemTime;

use serde::Serialize;

use crate::base::id::NamesId;
pub use crate::engine::view::is_written;
use crate::engine::view::log_parts;
use crate::engine::{Engine, EngineError};
use crate::object::experiment::{Approach, ApproachState, Experiment};

/// What can be asked of `logs`.
#[derive(Clone, Debug)]
pub struct Options {
    /// The branch, such as `e7/map`; or `base`, `the files`, `merged`.
    pub of: String,
    /// Only this stage; `approach` for the command itself.
    pub stage: Option<String>,
}

/// One log.
#[derive(Clone, Debug, Serialize)]
pub struct Log {
    /// The stage, or `approach`, or `exec`.
    pub stage: String,
    /// The file.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// Whether what writes it is still running.
    pub running: bool,
    /// Whether it lacks its end: what wrote it was killed together with `exp`.
    pub cut_off: bool,
}

/// The logs.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Of what.
    pub of: String,
    /// Oldest first.
    pub logs: Vec<Log>,
}

/// Finds them.
///
/// # Errors
/// [`EngineError::NotFound`] when nothing ran under that name, or no such stage;
/// [`EngineError::NotBegun`] for an approach that is still to run.
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    let names = engine.store.names()?;
    let label = match engine.find_branch(names, &options.of)? {
        Some((label, _)) => label.to_string(),
        None => options.of.clone(),
    };
    let folder = engine.store.layout().runs().join(label.replace('/', "%"));
    let (mut found, mut is_any) = (Vec::new(), false);
    for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let Some((stage, writer)) = name.to_str().and_then(log_parts) else { continue };
        let Ok(meta) = entry.metadata() else { continue };
        is_any = true;
        // Under a name of its own until what writes it has ended.
        let running = writer.is_some() && File::open(&path).is_ok_and(|log| is_written(&log));
        let cut_off = writer.is_some() && !running;
        let wanted = options.stage.as_ref().is_none_or(|wanted| *wanted == stage);
        if wanted {
            let stage = stage.to_owned();
            let log = Log { stage, path, bytes: meta.len(), running, cut_off };
            found.push((meta.modified().ok(), log));
        }
    }
    keep_newest(&mut found);
    if !is_any && let Some(error) = not_begun(engine, &label)? {
        return Err(error);
    }
    if found.is_empty() {
        return Err(not_found(engine, names, options)?);
    }
    found.sort_by(|a, b| (a.0, &a.1.stage).cmp(&(b.0, &b.1.stage)));
    Ok(Report { of: label, logs: found.into_iter().map(|(_, log)| log).collect() })
}

/// Of each stage what runs, and of what has ended only the newest: a run that was killed from
/// outside leaves its log beside that of an earlier one.
fn keep_newest(found: &mut Vec<(Option<SystemTime>, Log)>) {
    let mut newest: BTreeMap<String, (Option<SystemTime>, PathBuf)> = BTreeMap::new();
    for (when, log) in found.iter().filter(|(_, log)| !log.running) {
        let known = newest.entry(log.stage.clone()).or_insert((*when, log.path.clone()));
        if (*when, &log.path) > (known.0, &known.1) {
            *known = (*when, log.path.clone());
        }
    }
    found.retain(|(_, log)| log.running || newest[&log.stage].1 == log.path);
}

/// That an approach has not begun, if that is why nothing was logged of it.
fn not_begun(engine: &Engine, branch: &str) -> Result<Option<EngineError>, EngineError> {
    let Some((name, _)) = branch.split_once('/') else {
        return Ok(None);
    };
    let record = match engine.experiment(Some(name)) {
        Err(EngineError::NotFound { .. }) => return Ok(None),
        found => found?.0,
    };
    let waits = |record: &Experiment| {
        let is_it = |approach: &&Approach| approach.branch.as_str() == branch;
        let found = record.approaches.iter().find(is_it);
        found.is_some_and(|approach| approach.state == ApproachState::Waiting)
    };
    if !waits(&record) {
        return Ok(None);
    }
    // It may have begun and ended since: then there is a log by now.
    let is_racing = engine.store.is_workspace_in_use(&record.workspace)
        || !waits(&engine.experiment(Some(name))?.0);
    let (branch, experiment) = (branch.to_owned(), name.to_owned());
    Ok(Some(EngineError::NotBegun { branch, experiment, is_racing }))
}

fn not_found(
    engine: &Engine,
    names: NamesId,
    options: &Options,
) -> Result<EngineError, EngineError> {
    match &options.stage {
        Some(stage) => Ok(EngineError::NotFound {
            what: "log of the stage",
            name: format!("{stage} of {}", options.of),
            near: Vec::new(),
        }),
        None => engine.not_found(names, "log of", &options.of),
    }
}
