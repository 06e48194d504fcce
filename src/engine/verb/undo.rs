//! `exp undo`: the inverse of one operation, name by name, on the names as they are now, the
//! workspace's files included. It never takes back what others did.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::base::id::{Kind, OperationId, TreeId};
use crate::engine::report::{ShownChange, shown_plan};
use crate::engine::take::Safe;
use crate::engine::transact::Act;
use crate::engine::view::{is_of_approach, is_of_view};
use crate::engine::{Engine, EngineError, Followed};
use crate::object::memory::Scratch;
use crate::object::names::{self, NameKey, NameValue, Position};
use crate::object::operation::{Operation, OperationKind};
use crate::object::snapshot::{GitHead, Snapshot};
use crate::object::traits::ObjectError;
use crate::session::timeline;
use crate::store::{NameMove, Sharing};

/// The verbs that record the files and never change them; so does every capture.
const RECORDING: [&str; 2] = ["snapshot", super::state::put::VERB];

/// What can be asked of `undo`.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which operation; the newest of this session that can be undone if none is given.
    pub operation: Option<String>,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Go back although git's HEAD has moved since.
    pub across_head: bool,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The operation that was taken back (or done again).
    pub operation: String,
    /// Its verb. `verb` is the field of each JSON object that says which page it is.
    #[serde(rename = "operation_verb")]
    pub verb: String,
    /// What it had done.
    pub summary: String,
    /// The names that moved.
    pub names: Vec<String>,
    /// The snapshot that saved un-captured work first, if there was any.
    pub captured: Option<String>,
    /// The files that changed.
    pub changes: Vec<ShownChange>,
    /// The session that followed.
    pub state: Option<Followed>,
}

/// Takes one operation back.
///
/// # Errors
/// [`EngineError::NotFound`] when there is nothing to undo, [`EngineError::Moved`] when a name has
/// moved since; those of a restore.
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    engine.refuse_in_view()?;
    let session = &engine.surroundings.session;
    let id = match &options.operation {
        Some(text) => engine.find_operation(text)?,
        None => timeline::next_undo(engine.operations()?, |operation| engine.is_step(operation))?
            .ok_or_else(|| nothing("operation to undo in session", session))?,
    };
    let operation = Operation::fetch(&engine.store, id)?;
    engine.refuse_foreign_step(id, &operation)?;
    let kind = OperationKind::Undo { of: id };
    engine.step(&Step { verb: "undo", kind, id, operation: &operation, options }, &operation)
}

pub(super) fn nothing(what: &'static str, name: &str) -> EngineError {
    EngineError::NotFound { what, name: name.to_owned(), near: Vec::new() }
}

/// One step along the operation log: the inverse of one operation.
pub(super) struct Step<'a> {
    pub verb: &'static str,
    pub kind: OperationKind,
    /// The operation whose inverse is applied: for a redo the undo.
    pub id: OperationId,
    pub operation: &'a Operation,
    pub options: &'a Options,
}

/// The operation log, newest first, fetched as it is read.
pub(in crate::engine) struct Log<'a> {
    engine: &'a Engine,
    next: Option<OperationId>,
}

impl Iterator for Log<'_> {
    type Item = Result<(OperationId, Operation), EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        let id = self.next.take()?;
        match Operation::fetch(&self.engine.store, id) {
            Ok(operation) => {
                self.next = operation.parents.first().copied();
                Some(Ok((id, operation)))
            }
            // The log ends where a collection let go of what is older.
            Err(ObjectError::Gone { .. }) => None,
            Err(error) => Some(Err(error.into())),
        }
    }
}

impl Engine {
    /// The operation log, newest first.
    pub(in crate::engine) fn operations(&self) -> Result<Log<'_>, EngineError> {
        let next = self.store.current()?.map(|current| current.operation);
        Ok(Log { engine: self, next })
    }

    pub(super) fn find_operation(&self, text: &str) -> Result<OperationId, EngineError> {
        let found = match text.bytes().all(|byte| byte.is_ascii_hexdigit()) && text.len() >= 4 {
            true => self.store.find(Kind::Operation, &text.to_ascii_lowercase(), 8)?,
            false => Vec::new(),
        };
        match found.as_slice() {
            [one] => Ok(OperationId(*one)),
            [] => Err(nothing("operation", text)),
            several => {
                let candidates = several.iter().map(|hash| hash.hex()[..16].to_owned()).collect();
                Err(EngineError::Ambiguous { name: text.to_owned(), candidates })
            }
        }
    }

    /// Takes one step; the report is about `shown`.
    pub(super) fn step(&self, step: &Step<'_>, shown: &Operation) -> Result<Report, EngineError> {
        let dry_run = step.options.dry_run;
        let _lock = match dry_run {
            true => None,
            false => Some(self.lock(step.verb, Sharing::Exclusive)?),
        };
        let plan = self.plan_step(step)?;
        let mut report = Report {
            operation: step.id.hex(),
            verb: shown.verb.clone(),
            summary: shown.summary.clone(),
            names: plan.moves.iter().map(|step| step.key.text()).collect(),
            captured: None,
            changes: Vec::new(),
            state: None,
        };
        if let Some(position) = plan.position.as_ref().filter(|_| plan.moves_files) {
            self.check_head(position, step.options.across_head)?;
        }
        match dry_run {
            true => report.changes = self.preview_step(plan)?,
            false => self.apply_step(plan, step, &mut report)?,
        }
        Ok(report)
    }

    /// The files that a step would change.
    fn preview_step(&self, plan: StepPlan) -> Result<Vec<ShownChange>, EngineError> {
        let Some(position) = plan.position.filter(|_| plan.moves_files) else {
            return Ok(Vec::new());
        };
        let standing = self.standing()?;
        let objects = Scratch::over(&self.store);
        let taken = self.take(&objects, &self.config_or_default(), standing.snapshot.tree)?;
        let safe = Safe { standing, taken, captured: None };
        let plan = self.plan_placing(&objects, &safe, self.tree_of(&position)?)?;
        Ok(shown_plan(&plan))
    }

    fn apply_step(
        &self,
        plan: StepPlan,
        step: &Step<'_>,
        report: &mut Report,
    ) -> Result<(), EngineError> {
        let writer = self.writer()?;
        let summary = format!("{} of `{}` ({})", step.verb, report.verb, step.id.short());
        let act = Act { kind: step.kind.clone(), verb: step.verb, summary };
        let Some(position) = plan.position.filter(|_| plan.moves_files) else {
            self.commit(&writer, plan.moves, act)?;
            return Ok(());
        };
        let mut safe = self.make_safe(&writer, step.verb)?;
        self.keep_state(&writer, &mut safe, step.verb)?;
        report.captured = safe.captured.map(|id| id.hex());
        let mut moves = plan.moves;
        // Capturing just now moved the branch and the position: that is no foreign move.
        moves.retain(|name| name.key != self.position_key());
        // All else must stand where the plan saw it.
        let branch = NameKey::Branch(safe.standing.position.branch.clone());
        let own = moves.iter_mut().find(|name| name.key == branch && safe.captured.is_some());
        if let Some(name) = own {
            name.expected = names::get(&writer, safe.standing.names, &branch)?;
        }
        let tree = Snapshot::fetch(&writer, position.snapshot)?.tree;
        let to = position.snapshot;
        let placed = self.place_files(&writer, &mut safe, tree, position, moves, act)?;
        report.changes = shown_plan(&placed.plan);
        report.state = self.follow(to, step.verb);
        Ok(())
    }

    fn plan_step(&self, step: &Step<'_>) -> Result<StepPlan, EngineError> {
        let mut changes = names::diff(&self.store, step.operation.before, step.operation.after)?;
        // Where a view stood is gone with it, and while it lasts it is nobody else's matter.
        changes.retain(|change| !self.is_of_other_view(change.key()));
        let mut captures = Vec::new();
        let is_capture = |operation: &Operation| self.is_like_a_capture(operation);
        for (_, capture) in timeline::captures_since(self.operations()?, is_capture, step.id)? {
            captures.push(names::diff(&self.store, capture.before, capture.after)?);
        }
        let mut present = BTreeMap::new();
        for change in &changes {
            let key = NameKey::parse(&String::from_utf8_lossy(change.key()));
            if let Some(key) = key {
                let now = names::get(&self.store, self.store.names()?, &key)?;
                present.insert(key, now);
            }
        }
        let look_up = |key: &NameKey| present.get(key).cloned().flatten();
        let moves =
            match timeline::inverse(&changes, &captures, is_on_trust(step.operation), look_up) {
                Ok(moves) => moves,
                Err(conflicts) => {
                    let name =
                        conflicts.first().map_or_else(String::new, |first| first.key.clone());
                    let by = self.last_mover(&name, step.id)?;
                    return Err(EngineError::Moved { name, by });
                }
            };
        let mut plan = StepPlan { moves: Vec::new(), position: None, moves_files: false };
        for timeline::Move { key, expected, new } in moves {
            let mut new = new;
            if let NameKey::Position(workspace) = &key {
                self.check_own(workspace, step)?;
                // A view stood somewhere before anything was recorded in it.
                let first = self.place.work().map(|work| work.first_position(&self.place.root));
                new = new.or(first.map(NameValue::Position));
                if let Some(NameValue::Position(to)) = &new {
                    self.refuse_branch_of_other(to)?;
                    plan.moves_files = self.moved_files(step.operation)?;
                    plan.position = Some(to.clone());
                }
                if new.is_none() {
                    let what = "this operation made the workspace".to_owned();
                    let why = "it cannot be undone; `exp deinit` removes the store".to_owned();
                    return Err(EngineError::Refused { what, why });
                }
            }
            plan.moves.push(NameMove { key, expected, new });
        }
        if plan.moves.is_empty() {
            self.refuse_nothing(&changes, step)?;
        }
        Ok(plan)
    }

    /// A step that would move nothing is none: somebody took it already, or it only found facts.
    fn refuse_nothing(
        &self,
        changes: &[crate::object::sequence::Change<names::NameEntry>],
        step: &Step<'_>,
    ) -> Result<(), EngineError> {
        let text = |change: &crate::object::sequence::Change<names::NameEntry>| {
            String::from_utf8_lossy(change.key()).into_owned()
        };
        let is_fact = |name: &String| NameKey::parse(name).is_some_and(|k| timeline::is_fact(&k));
        match changes.iter().map(text).find(|name| !is_fact(name)) {
            Some(name) => Err(EngineError::Moved { by: self.last_mover(&name, step.id)?, name }),
            None if changes.is_empty() => Ok(()),
            None => {
                let what = format!("operation {} cannot be taken back", step.id.short());
                let why = "it recorded what an evaluation found, and facts stay".to_owned();
                Err(EngineError::Refused { what, why })
            }
        }
    }

    /// Whether an operation is a step that undo and redo take here: this session's in this workspace, and
    /// in a view only what was done in it. Outside, what an `exec` recorded counts, too, but what an
    /// approach did is part of its experiment.
    pub(super) fn is_step(&self, operation: &Operation) -> bool {
        let workspace = operation.workspace.as_deref();
        let is_here = match self.place.work() {
            Some(work) => workspace == Some(&work.workspace),
            None => workspace.is_none_or(|workspace| {
                workspace == self.workspace()
                    || (is_of_view(workspace) && !is_of_approach(workspace))
            }),
        };
        is_here && operation.session == self.surroundings.session
    }

    /// Whether an undo may go back through an operation as through a capture: so it may through what
    /// the views of this session's approaches recorded.
    fn is_like_a_capture(&self, operation: &Operation) -> bool {
        let workspace = operation.workspace.as_deref();
        let is_of_other = workspace.is_some_and(|w| is_of_approach(w) && w != self.workspace());
        operation.session == self.surroundings.session
            && (operation.kind == OperationKind::Capture || is_of_other)
    }

    fn is_of_other_view(&self, name: &[u8]) -> bool {
        match NameKey::parse(&String::from_utf8_lossy(name)) {
            Some(NameKey::Position(workspace)) => {
                is_of_view(&workspace) && workspace != self.place.workspace
            }
            _ => false,
        }
    }

    /// In a view nothing is taken back that was done outside of it, even by its id.
    pub(super) fn refuse_foreign_step(
        &self,
        id: OperationId,
        operation: &Operation,
    ) -> Result<(), EngineError> {
        let Some(work) = self.place.work() else {
            return Ok(());
        };
        if operation.workspace.as_deref() == Some(&work.workspace) {
            return Ok(());
        }
        let what = format!("operation {} cannot be taken back here", id.short());
        let why = format!("it was not done in this view, which is that of `{}`", work.branch);
        Err(EngineError::Refused { what, why })
    }

    /// Nor does a step lead onto a branch that another workspace has taken since.
    fn refuse_branch_of_other(&self, to: &Position) -> Result<(), EngineError> {
        let standing = self.standing()?;
        match to.branch == standing.position.branch {
            true => Ok(()),
            false => self.refuse_foreign(standing.names, &to.branch),
        }
    }

    fn check_own(&self, workspace: &str, step: &Step<'_>) -> Result<(), EngineError> {
        if workspace == self.place.workspace {
            return Ok(());
        }
        let what = format!("operation {} cannot be taken back here", step.id.short());
        let why = format!("it changed the files of workspace `{workspace}`; go there");
        Err(EngineError::Refused { what, why })
    }

    /// Who moved a name since an operation.
    fn last_mover(&self, name: &str, since: OperationId) -> Result<String, EngineError> {
        for entry in self.operations()? {
            let (id, operation) = entry?;
            if id == since {
                break;
            }
            let changes = names::diff(&self.store, operation.before, operation.after)?;
            if changes.iter().any(|change| change.key() == name.as_bytes()) {
                let (verb, session) = (&operation.verb, &operation.session);
                return Ok(format!("`{verb}` of session {session} ({})", id.short()));
            }
        }
        Ok("somebody".to_owned())
    }

    /// Whether an operation changed the workspace's files or state. One that merely recorded what they were
    /// did not: there the position followed the files. An undo or redo did what it takes back did.
    fn moved_files(&self, operation: &Operation) -> Result<bool, EngineError> {
        let mut original = operation.clone();
        while let OperationKind::Undo { of } | OperationKind::Redo { of } = original.kind {
            original = Operation::fetch(&self.store, of)?;
        }
        let position = |names| -> Result<Option<Position>, EngineError> { self.position_in(names) };
        let (Some(before), Some(after)) = (position(original.before)?, position(original.after)?)
        else {
            return Ok(false);
        };
        let content = |position: &Position| -> Result<_, EngineError> {
            let snapshot = Snapshot::fetch(&self.store, position.snapshot)?;
            Ok((snapshot.tree, snapshot.state))
        };
        if content(&before)? == content(&after)? {
            return Ok(false);
        }
        // By what was done, not by the snapshot that it led to: a merge that was a fast-forward led
        // to one that somebody had recorded elsewhere.
        Ok(original.kind != OperationKind::Capture && !RECORDING.contains(&original.verb.as_str()))
    }

    fn tree_of(&self, position: &Position) -> Result<TreeId, EngineError> {
        Ok(Snapshot::fetch(&self.store, position.snapshot)?.tree)
    }

    /// Going back across a changed HEAD of git is never automatic.
    pub(super) fn check_head(&self, to: &Position, across: bool) -> Result<(), EngineError> {
        let now = self.git_head();
        if across || now == to.git_head {
            return Ok(());
        }
        let commit = |head: &Option<GitHead>| {
            let commit = head.as_ref().and_then(|head| head.commit.clone());
            commit.map_or_else(|| "no commit".to_owned(), |c| c[..c.len().min(12)].to_owned())
        };
        let why = format!("then {}, now {}", commit(&to.git_head), commit(&now));
        Err(EngineError::AcrossHead { snapshot: to.snapshot, why })
    }
}

struct StepPlan {
    moves: Vec<NameMove>,
    /// Where this workspace goes.
    position: Option<Position>,
    /// Whether its files must follow.
    moves_files: bool,
}

/// Whether evaluations and verdicts that an operation moved were not found by it but taken from another
/// store, or taken back with such ones.
fn is_on_trust(operation: &Operation) -> bool {
    let is_step = matches!(operation.kind, OperationKind::Undo { .. } | OperationKind::Redo { .. });
    is_step || operation.verb == "import"
}
