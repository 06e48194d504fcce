//! `exp state rollback`: goes back to an earlier state, alone or with the files that it has. What is
//! left stays in the log.

use serde::Serialize;

use super::shown::ShownState;
use super::which::Which;
use crate::base::id::SnapshotId;
use crate::engine::report::ShownChange;
use crate::engine::verb::rollback::Goal;
use crate::engine::{Engine, EngineError};
use crate::object::snapshot::Snapshot;
use crate::session::state::{At, Moved, Session, StateMeta};
use crate::store::Sharing;

const VERB: &str = "state rollback";

/// What can be asked of `state rollback`.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where to.
    pub which: Which,
    /// Bring the files back, too.
    pub files: bool,
    /// Bring them back although git's HEAD has moved since.
    pub across_head: bool,
    /// Why, in words.
    pub message: String,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The session.
    pub session: String,
    /// The branch that moved.
    pub branch: String,
    /// The state that was left.
    pub from: Option<String>,
    /// The state gone back to.
    pub to: ShownState,
    /// What became of the files, where that was asked for.
    pub files: Option<Files>,
}

/// Files that were brought back with a state.
#[derive(Clone, Debug, Serialize)]
pub struct Files {
    /// The snapshot that saved un-captured work first, if there was any.
    pub captured: Option<String>,
    /// The files that changed.
    pub changes: Vec<ShownChange>,
}

/// Goes back.
///
/// # Errors
/// [`EngineError::NoSession`], [`EngineError::State`]; [`EngineError::NotFound`] for the files of a
/// state that has none; those of a restore.
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    engine.refuse_in_view()?;
    let sessions = engine.sessions()?;
    let session = engine.known_session(&sessions)?;
    let at = options.which.at(&session)?;
    let goal = session.meta(&at)?;
    let branch = options.which.branch.as_ref();
    let (files, moved) = match options.files {
        true => {
            let (files, moved) = with_files(engine, &session, options, &goal)?;
            (Some(files), moved)
        }
        false => (None, session.rollback(branch, &At::Id(goal.id), &options.message)?),
    };
    sessions.close()?;
    Ok(Report {
        session: session.name().to_owned(),
        branch: moved.branch.to_string(),
        from: moved.from.map(|id: SnapshotId| id.hex()),
        to: goal.into(),
        files,
    })
}

fn with_files(
    engine: &Engine,
    session: &Session,
    options: &Options,
    goal: &StateMeta,
) -> Result<(Files, Moved), EngineError> {
    if !goal.has_files {
        let (what, name) = ("files with state", goal.id.short());
        return Err(EngineError::NotFound { what, name, near: Vec::new() });
    }
    let _lock = engine.lock(VERB, Sharing::Exclusive)?;
    let writer = engine.writer()?;
    let mut safe = engine.make_safe_to_place(&writer, VERB)?;
    engine.keep_state(&writer, &mut safe, VERB)?;
    let snapshot = Snapshot::fetch(&writer, goal.id)?;
    let branch = safe.standing.position.branch.clone();
    let position = engine.position(&branch, goal.id, snapshot.git_head.clone());
    engine.check_head(&position, options.across_head)?;
    let place = Goal { id: goal.id, snapshot, passed: 0 };
    let (_, changes) = engine.go_back(&writer, &mut safe, &place, VERB)?;
    let to = At::Id(goal.id);
    let moved = session.rollback(options.which.branch.as_ref(), &to, &options.message)?;
    let captured = safe.captured.map(|id| id.hex());
    Ok((Files { captured, changes }, moved))
}
