//! `exp rollback`: goes back to the last good node, or to one that is named. The node that is left
//! stays, with its verdict; the rollback is an operation and can be undone.

use serde::Serialize;

use crate::base::id::SnapshotId;
use crate::base::name::Label;
use crate::engine::report::{ShownChange, ShownSnapshot, shown_plan};
use crate::engine::take::Safe;
use crate::engine::transact::{Act, Own, branch_move};
use crate::engine::{Engine, EngineError, Followed};
use crate::graph::{self, Judgement};
use crate::object::memory::Scratch;
use crate::object::names::VerdictWord;
use crate::object::snapshot::Snapshot;
use crate::object::traits::Fetch;
use crate::store::{Sharing, Writer};

/// What can be asked of `rollback`.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where to go back to; the last good node if nothing is given.
    pub to: Option<String>,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Go back although git's HEAD has moved since.
    pub across_head: bool,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The snapshot that was left.
    pub from: String,
    /// The snapshot gone back to.
    pub to: ShownSnapshot,
    /// The branch that moved.
    pub branch: String,
    /// Nodes on the way that were passed over, as they are not good.
    pub passed: usize,
    /// The snapshot that saved un-captured work first, if there was any.
    pub captured: Option<String>,
    /// The files that changed.
    pub changes: Vec<ShownChange>,
    /// The session that followed.
    pub state: Option<Followed>,
}

/// Goes back.
///
/// # Errors
/// [`EngineError::NoGoodNode`], [`EngineError::AcrossHead`]; those of a restore.
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    engine.refuse_in_view()?;
    if options.dry_run {
        let standing = engine.standing()?;
        let objects = Scratch::over(&engine.store);
        let taken = engine.take(&objects, &engine.config_or_default(), standing.snapshot.tree)?;
        let safe = Safe { standing, taken, captured: None };
        let goal = engine.goal(&objects, options, engine.named_goal(options)?, &safe)?;
        let plan = engine.plan_placing(&objects, &safe, goal.snapshot.tree)?;
        return engine.rolled_back(&safe, &goal, shown_plan(&plan));
    }
    let _lock = engine.lock("rollback", Sharing::Exclusive)?;
    let writer = engine.writer()?;
    // What the names mean now: a capture moves the branch, and `@` with it.
    let named = engine.named_goal(options)?;
    let mut safe = engine.make_safe_to_place(&writer, "rollback")?;
    let goal = engine.goal(&writer, options, named, &safe)?;
    engine.keep_state(&writer, &mut safe, "rollback")?;
    let from = safe.standing.position.snapshot;
    // Before a file changes: what cannot be told afterwards must not look like what was not done.
    let mut report = engine.rolled_back(&safe, &goal, Vec::new())?;
    report.from = from.hex();
    let (branch, changes) = engine.go_back(&writer, &mut safe, &goal, "rollback")?;
    (report.branch, report.changes) = (branch.to_string(), changes);
    report.state = engine.follow(goal.id, "rollback");
    Ok(report)
}

/// Where to go.
pub(super) struct Goal {
    pub id: SnapshotId,
    pub snapshot: Snapshot,
    pub passed: usize,
}

impl Engine {
    /// Where to go, where that was said.
    fn named_goal(&self, options: &Options) -> Result<Option<Goal>, EngineError> {
        let resolved = options.to.as_ref().map(|to| self.resolve(to)).transpose()?;
        Ok(resolved.map(|found| Goal { id: found.id, snapshot: found.snapshot, passed: 0 }))
    }

    fn goal(
        &self,
        objects: &impl Fetch,
        options: &Options,
        named: Option<Goal>,
        safe: &Safe,
    ) -> Result<Goal, EngineError> {
        let goal = named.map_or_else(|| self.last_good(objects, safe), Ok)?;
        let position =
            self.position(&safe.standing.position.branch, goal.id, goal.snapshot.git_head.clone());
        self.check_head(&position, options.across_head)?;
        Ok(goal)
    }

    /// The newest good node along the parents of where the workspace stands.
    pub(super) fn last_good(&self, objects: &impl Fetch, safe: &Safe) -> Result<Goal, EngineError> {
        self.last_good_before(objects, safe.standing.position.snapshot)
    }

    /// The same from any snapshot on, itself included.
    pub(super) fn last_good_before(
        &self,
        objects: &impl Fetch,
        start: SnapshotId,
    ) -> Result<Goal, EngineError> {
        let names = self.store.names()?;
        let evaluator = self.config_or_default().evaluator_digest();
        let mut judge = |id: SnapshotId, _: &Snapshot| -> Result<Judgement, EngineError> {
            Ok(match self.verdict(names, id)? {
                Some(verdict) if verdict.word == VerdictWord::Good => {
                    let same = verdict.evaluator == evaluator;
                    if same { Judgement::Good } else { Judgement::GoodOlderEvaluator }
                }
                _ => Judgement::Other,
            })
        };
        match graph::last_good(objects, start, &mut judge)?.found {
            Some(found) => {
                let snapshot = Snapshot::fetch(objects, found.snapshot)?;
                Ok(Goal { id: found.snapshot, snapshot, passed: found.passed })
            }
            None => Err(EngineError::NoGoodNode),
        }
    }

    /// Brings the workspace and its branch to the goal. Gives the branch, which is a new one where that
    /// of the workspace has gone on without it.
    pub(super) fn go_back(
        &self,
        writer: &Writer<'_>,
        safe: &mut Safe,
        goal: &Goal,
        verb: &'static str,
    ) -> Result<(Label, Vec<ShownChange>), EngineError> {
        let from = safe.standing.position.snapshot;
        let act = Act::verb(verb, format!("{} back to {}", from.short(), goal.id.short()));
        let Own { branch, head, act } = self.own_branch(&safe.standing, act)?;
        let moves = vec![branch_move(&branch, head, Some(goal.id))];
        let position = self.position(&branch, goal.id, self.git_head());
        let tree = goal.snapshot.tree;
        let placed = self.place_files(writer, safe, tree, position, moves, act)?;
        Ok((branch, shown_plan(&placed.plan)))
    }

    fn rolled_back(
        &self,
        safe: &Safe,
        goal: &Goal,
        changes: Vec<ShownChange>,
    ) -> Result<Report, EngineError> {
        Ok(Report {
            from: safe.standing.position.snapshot.hex(),
            to: self.shown(self.store.names()?, goal.id, &goal.snapshot)?,
            branch: safe.standing.position.branch.to_string(),
            passed: goal.passed,
            captured: safe.captured.map(|id| id.hex()),
            changes,
            state: None,
        })
    }
}
