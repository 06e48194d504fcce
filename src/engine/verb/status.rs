//! `exp status`: where the workspace stands and what has changed since. Writes nothing but the
//! stat cache; opens no catalogue.

use std::path::PathBuf;

use serde::Serialize;

use crate::engine::report::{ShownChange, ShownPath, ShownSnapshot, shown_changes, skip_text};
use crate::engine::{Engine, EngineError};
use crate::object::memory::Scratch;
use crate::object::tree;

/// What can be asked of `status`: nothing yet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {}

/// Where the workspace stands.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The workspace's folder.
    pub workspace: PathBuf,
    /// The branch it is on.
    pub branch: String,
    /// The snapshot that its files were last captured or restored as.
    pub snapshot: ShownSnapshot,
    /// Whether the branch has been moved on by somebody else.
    pub branch_moved: Option<String>,
    /// What differs from that snapshot.
    pub changes: Vec<ShownChange>,
    /// Files in all.
    pub files: u64,
    /// Files that look like secrets and are not captured.
    pub secrets: Vec<ShownPath>,
    /// What cannot be captured, and why.
    pub skipped: Vec<(ShownPath, String)>,
    /// The last experiment: its id and how many approaches it has.
    pub experiment: Option<(String, usize)>,
    /// Whether git's HEAD is another one than at that snapshot.
    pub git_moved: bool,
    /// What is wrong with the store's settings, if anything.
    pub settings_problem: Option<String>,
    /// What opening put right after a crash.
    pub recovered: Vec<String>,
}

/// Looks.
///
/// # Errors
/// Those of a capture.
pub fn run(engine: &Engine, _options: &Options) -> Result<Report, EngineError> {
    let standing = engine.standing()?;
    let config = engine.config_or_default();
    let objects = Scratch::over(&engine.store);
    let mut taken = engine.take(&objects, &config, standing.snapshot.tree)?;
    if engine.refuse_in_view().is_ok() {
        engine.keep_cache(&mut taken);
    }
    let changes = tree::diff(&objects, standing.snapshot.tree, taken.capture.tree)?;
    let (names, position) = (standing.names, &standing.position);
    let head = engine.branch_head(names, &position.branch)?;
    let moved = head.filter(|head| *head != position.snapshot);
    let experiment = engine.last_experiment(names)?;
    let path = |path: &crate::base::path::TreePath| ShownPath(path.clone());
    Ok(Report {
        workspace: engine.root().to_owned(),
        branch: position.branch.to_string(),
        snapshot: engine.shown(names, position.snapshot, &standing.snapshot)?,
        branch_moved: moved.map(|id| id.hex()),
        changes: shown_changes(&changes),
        files: taken.capture.files,
        secrets: taken.capture.secrets.iter().map(path).collect(),
        skipped: taken.capture.skipped.iter().map(|(p, why)| (path(p), skip_text(*why))).collect(),
        experiment: experiment
            .map(|(experiment, _)| (experiment.name, experiment.approaches.len())),
        git_moved: engine.git_head() != position.git_head,
        settings_problem: engine.settings_problem(),
        recovered: engine.recovered.clone(),
    })
}
