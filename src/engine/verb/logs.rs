//! `exp logs`: the whole output of an approach's command and of the stages that measured it.

use std::path::PathBuf;

use serde::Serialize;

use crate::base::id::NamesId;
use crate::engine::{Engine, EngineError};

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
    /// Whether what writes it is still running (or was ended from outside).
    pub running: bool,
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
/// [`EngineError::NotFound`] when nothing ran under that name, or no such stage.
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    let names = engine.store.names()?;
    let label = match engine.find_branch(names, &options.of)? {
        Some((label, _)) => label.to_string(),
        None => options.of.clone(),
    };
    let folder = engine.store.layout().runs().join(label.replace('/', "%"));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let Some(name) = name.to_str().and_then(|name| name.strip_suffix(".log")) else {
            continue;
        };
        let Ok(meta) = entry.metadata() else { continue };
        // Under a name of its own, with a number, until what writes it has ended.
        let (stage, running) = match name.split_once('.') {
            Some((stage, _)) => (stage.to_owned(), true),
            None => (name.to_owned(), false),
        };
        let wanted = options.stage.as_ref().is_none_or(|wanted| *wanted == stage);
        if wanted {
            let log = Log { stage, path, bytes: meta.len(), running };
            found.push((meta.modified().ok(), log));
        }
    }
    if found.is_empty() {
        return Err(not_found(engine, names, options)?);
    }
    found.sort_by(|a, b| (a.0, &a.1.stage).cmp(&(b.0, &b.1.stage)));
    Ok(Report { of: label, logs: found.into_iter().map(|(_, log)| log).collect() })
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
