//! `exp switch`: brings the workspace's files to another branch. Un-captured work is captured
//! first, on the branch that it was done on.

use serde::Serialize;

use crate::engine::report::{ShownChange, shown_plan};
use crate::engine::transact::Act;
use crate::engine::{Engine, EngineError, Followed};
use crate::object::memory::Scratch;
use crate::store::Sharing;

/// What can be asked of `switch`.
#[derive(Clone, Debug)]
pub struct Options {
    /// The branch.
    pub branch: String,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The branch that the workspace was on.
    pub from: String,
    /// The branch that it is on now.
    pub to: String,
    /// The snapshot that it stands on now.
    pub snapshot: String,
    /// The snapshot that saved un-captured work first, if there was any.
    pub captured: Option<String>,
    /// The files that changed.
    pub changes: Vec<ShownChange>,
    /// The session that followed.
    pub state: Option<Followed>,
}

/// Switches.
///
/// # Errors
/// [`EngineError::NotFound`], [`EngineError::InTheWay`], busy.
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    engine.refuse_in_every_view("which shows that branch and no other")?;
    let names = engine.store.names()?;
    let Some((label, head)) = engine.find_branch(names, &options.branch)? else {
        return Err(engine.not_found(names, "branch", &options.branch)?);
    };
    let standing = engine.standing()?;
    if label == standing.position.branch && head == standing.position.snapshot {
        // Nothing moves, so there is nothing to capture before and nothing to undo after.
        return Ok(report(label.to_string(), label.to_string(), head.hex(), None, Vec::new()));
    }
    let to = engine.resolve(&head.hex())?;
    if options.dry_run {
        let objects = Scratch::over(&engine.store);
        let taken = engine.take(&objects, &engine.config_or_default(), standing.snapshot.tree)?;
        let from = standing.position.branch.to_string();
        let safe = crate::engine::take::Safe { standing, taken, captured: None };
        let plan = engine.plan_placing(&objects, &safe, to.snapshot.tree)?;
        return Ok(report(from, label.to_string(), head.hex(), None, shown_plan(&plan)));
    }
    let _lock = engine.lock("switch", Sharing::Exclusive)?;
    let writer = engine.writer()?;
    let mut safe = engine.make_safe_to_place(&writer, "switch")?;
    engine.keep_state(&writer, &mut safe, "switch")?;
    let from = safe.standing.position.branch.to_string();
    engine.refuse_foreign(safe.standing.names, &label)?;
    // Capturing first, or another session, may have moved the very branch that is switched to.
    let head = engine.branch_head(safe.standing.names, &label)?.unwrap_or(head);
    let tree = crate::object::snapshot::Snapshot::fetch(&writer, head)?.tree;
    let position = engine.position(&label, head, engine.git_head());
    let act = Act::verb("switch", format!("from {from} to {label}"));
    let captured = safe.captured.map(|id| id.hex());
    let placed = engine.place_files(&writer, &mut safe, tree, position, Vec::new(), act)?;
    let to = label.to_string();
    let report = report(from, to, head.hex(), captured, shown_plan(&placed.plan));
    Ok(Report { state: engine.follow(head, "switch"), ..report })
}

fn report(
    from: String,
    to: String,
    snapshot: String,
    captured: Option<String>,
    changes: Vec<ShownChange>,
) -> Report {
    Report { from, to, snapshot, captured, changes, state: None }
}
