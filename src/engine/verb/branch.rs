//! `exp branch`: lists, creates, deletes and renames branches. Creating one is one name; it gets
//! files when something runs in it.

use serde::Serialize;

use crate::base::id::{NamesId, SnapshotId};
use crate::base::name::Label;
use crate::engine::report::ShownSnapshot;
use crate::engine::transact::{Act, branch_move, moved};
use crate::engine::view::is_of_view;
use crate::engine::{Engine, EngineError};
use crate::object::names::{self, NameEntry, NameKey, NameValue, Position};
use crate::object::snapshot::Snapshot;

/// What can be asked of `branch`.
#[derive(Clone, Debug)]
pub enum Options {
    /// All branches.
    List,
    /// A new one.
    Create {
        /// Its name.
        name: Label,
        /// Where it starts; the workspace's snapshot if nothing is given.
        from: Option<String>,
        /// Only say what would be done.
        dry_run: bool,
    },
    /// One goes. Its snapshots stay in the operation log.
    Delete {
        /// Its name.
        name: String,
        /// Only say what would be done.
        dry_run: bool,
    },
    /// One gets another name.
    Rename {
        /// The old name.
        from: String,
        /// The new one.
        to: Label,
        /// Only say what would be done.
        dry_run: bool,
    },
}

/// One branch.
#[derive(Clone, Debug, Serialize)]
pub struct Branch {
    /// Its name.
    pub name: String,
    /// Its head.
    pub head: ShownSnapshot,
    /// Whether this workspace is on it.
    pub here: bool,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The branches: all for a list, else the one concerned.
    pub branches: Vec<Branch>,
    /// What was done, in a sentence; none for a list.
    pub done: Option<String>,
}

/// Lists or changes branches.
///
/// # Errors
/// [`EngineError::Exists`], [`EngineError::NotFound`]; [`EngineError::Refused`] for the branch that
/// a workspace is on.
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    match options {
        Options::List => list(engine),
        Options::Create { name, from, dry_run } => {
            create(engine, name, from.as_deref().unwrap_or("@"), *dry_run)
        }
        Options::Delete { name, dry_run } => delete(engine, name, *dry_run),
        Options::Rename { from, to, dry_run } => rename(engine, from, to, *dry_run),
    }
}

fn list(engine: &Engine) -> Result<Report, EngineError> {
    let standing = engine.standing()?;
    let mut branches = Vec::new();
    for (label, id) in engine.branches(standing.names)? {
        let snapshot = Snapshot::fetch(&engine.store, id)?;
        let head = engine.shown(standing.names, id, &snapshot)?;
        let here = label == standing.position.branch;
        branches.push(Branch { name: label.to_string(), head, here });
    }
    Ok(Report { branches, done: None })
}

fn create(engine: &Engine, name: &Label, from: &str, dry_run: bool) -> Result<Report, EngineError> {
    engine.refuse_in_view()?;
    let names = engine.store.names()?;
    engine.refuse_taken(names, name)?;
    let start = engine.resolve(from)?;
    let did = if dry_run { "would create" } else { "created" };
    let done = format!("{did} branch {name} at {}", start.id.short());
    if !dry_run {
        let moves = vec![branch_move(name, None, Some(start.id))];
        engine.commit(&engine.writer()?, moves, Act::verb("branch", done.clone()))?;
    }
    one(engine, name, start.id, &start.snapshot, done)
}

fn delete(engine: &Engine, name: &str, dry_run: bool) -> Result<Report, EngineError> {
    engine.refuse_in_view()?;
    let (label, head) = existing(engine, name)?;
    refuse_own_in_view(engine, &label)?;
    let standing_here = positions_on(engine, engine.store.names()?, &label)?;
    if let Some((workspace, _)) = standing_here.first() {
        let what = format!("branch `{label}` cannot be deleted");
        let why = format!("workspace `{workspace}` is on it; switch to another branch first");
        return Err(EngineError::Refused { what, why });
    }
    let snapshot = Snapshot::fetch(&engine.store, head)?;
    let did = if dry_run { "would delete" } else { "deleted" };
    let done = format!("{did} branch {label}, which was at {}", head.short());
    if !dry_run {
        let moves = vec![branch_move(&label, Some(head), None)];
        engine.commit(&engine.writer_to_free()?, moves, Act::verb("branch", done.clone()))?;
    }
    one(engine, &label, head, &snapshot, done)
}

fn rename(engine: &Engine, from: &str, to: &Label, dry_run: bool) -> Result<Report, EngineError> {
    engine.refuse_in_view()?;
    let (label, head) = existing(engine, from)?;
    refuse_own_in_view(engine, &label)?;
    let names = engine.store.names()?;
    engine.refuse_taken(names, to)?;
    let snapshot = Snapshot::fetch(&engine.store, head)?;
    let did = if dry_run { "would rename" } else { "renamed" };
    let done = format!("{did} branch {label} to {to}");
    if !dry_run {
        let mut moves =
            vec![branch_move(&label, Some(head), None), branch_move(to, None, Some(head))];
        for (workspace, old) in positions_on(engine, names, &label)? {
            let new = Position { branch: to.clone(), ..old.clone() };
            let value = |position| Some(NameValue::Position(position));
            moves.push(moved(NameKey::Position(workspace), value(old), value(new)));
        }
        engine.commit(&engine.writer()?, moves, Act::verb("branch", done.clone()))?;
    }
    one(engine, to, head, &snapshot, done)
}

fn existing(engine: &Engine, name: &str) -> Result<(Label, SnapshotId), EngineError> {
    let names = engine.store.names()?;
    match engine.find_branch(names, name)? {
        Some(found) => Ok(found),
        None => Err(engine.not_found(names, "branch", name)?),
    }
}

/// In a view its branch stays: what is recorded at the end needs it.
fn refuse_own_in_view(engine: &Engine, label: &Label) -> Result<(), EngineError> {
    match engine.place.work().is_some_and(|work| work.branch == *label) {
        true => engine.refuse_in_every_view("which needs that branch as long as it lasts"),
        false => Ok(()),
    }
}

/// The workspaces that are on a branch. A view holds nobody up: where its branch moved or went,
/// what was done in it is kept on one of its own.
fn positions_on(
    engine: &Engine,
    names: NamesId,
    label: &Label,
) -> Result<Vec<(String, Position)>, EngineError> {
    let on_it = |entry: NameEntry| match (NameKey::parse(&entry.key), entry.value) {
        (Some(NameKey::Position(workspace)), NameValue::Position(position)) => {
            (position.branch == *label && !is_of_view(&workspace)).then_some((workspace, position))
        }
        _ => None,
    };
    Ok(names::list(&engine.store, names, "position/")?.into_iter().filter_map(on_it).collect())
}

impl Engine {
    /// Refuses a branch on which another workspace of this store stands: each would go on from
    /// where it stands itself, and move the branch away from what the other recorded.
    pub(super) fn refuse_foreign(&self, names: NamesId, label: &Label) -> Result<(), EngineError> {
        let standing = positions_on(self, names, label)?;
        match standing.iter().find(|(workspace, _)| workspace != self.workspace()) {
            None => Ok(()),
            Some((workspace, _)) => {
                let (branch, workspace) = (label.to_string(), workspace.clone());
                Err(EngineError::Taken { branch, workspace })
            }
        }
    }
}

fn one(
    engine: &Engine,
    label: &Label,
    id: SnapshotId,
    snapshot: &Snapshot,
    done: String,
) -> Result<Report, EngineError> {
    let head = engine.shown(engine.store.names()?, id, snapshot)?;
    let here = engine.standing()?.position.branch == *label;
    let branch = Branch { name: label.to_string(), head, here };
    Ok(Report { branches: vec![branch], done: Some(done) })
}
