//! Moving names: the moves that a verb plans, and their commit as one operation.

use super::context::Standing;
use super::{Engine, EngineError};
use crate::base::id::SnapshotId;
use crate::base::limits::COMMIT_TRIES_MAX;
use crate::base::name::Label;
use crate::graph::is_ancestor;
use crate::object::names::{self, NameKey, NameValue, Position};
use crate::object::operation::OperationKind;
use crate::object::snapshot::GitHead;
use crate::store::{Change, Committed, NameMove, Writer};

/// What a verb says of itself in the operation log.
pub(super) struct Act {
    pub kind: OperationKind,
    pub verb: &'static str,
    pub summary: String,
}

impl Act {
    pub fn verb(verb: &'static str, summary: impl Into<String>) -> Self {
        Self { kind: OperationKind::Verb, verb, summary: summary.into() }
    }

    pub fn capture(verb: &'static str, summary: impl Into<String>) -> Self {
        Self { kind: OperationKind::Capture, verb, summary: summary.into() }
    }

    pub fn evaluation(verb: &'static str, summary: impl Into<String>) -> Self {
        Self { kind: OperationKind::Evaluation, verb, summary: summary.into() }
    }
}

/// The branch that a workspace may move.
pub(super) struct Own {
    pub branch: Label,
    /// Where it stands; nowhere yet if it is a new one.
    pub head: Option<SnapshotId>,
    /// What is done to it, with a word on why it is a new one.
    pub act: Act,
}

/// A name that moves from what the plan saw to something new.
pub(super) fn moved(key: NameKey, expected: Option<NameValue>, new: Option<NameValue>) -> NameMove {
    NameMove { key, expected, new }
}

/// A branch that moves.
pub(super) fn branch_move(
    branch: &Label,
    expected: Option<SnapshotId>,
    new: Option<SnapshotId>,
) -> NameMove {
    let value = |id: Option<SnapshotId>| id.map(NameValue::Branch);
    moved(NameKey::Branch(branch.clone()), value(expected), value(new))
}

impl Engine {
    /// Commits moves as one operation, durably.
    pub(super) fn commit(
        &self,
        writer: &Writer<'_>,
        moves: Vec<NameMove>,
        act: Act,
    ) -> Result<Committed, EngineError> {
        let change = Change {
            moves,
            kind: act.kind,
            verb: act.verb.to_owned(),
            summary: act.summary,
            who: self.surroundings.who.clone(),
            session: self.surroundings.session.clone(),
            workspace: Some(self.place.workspace.clone()),
            when: self.surroundings.now(),
        };
        // Keeps the number of packs logarithmic.
        Ok(writer.commit_and_compact(&change)?)
    }

    /// Records the workspace's files, again where somebody else recorded them in between: what is
    /// recorded then follows that. Who holds the workspace shared can only be overtaken by others
    /// that record it, too, because all who change the files hold it alone.
    pub(super) fn behind_others<T>(
        &self,
        mut record: impl FnMut(&Standing) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let mut standing = self.standing()?;
        for _ in 1..COMMIT_TRIES_MAX {
            match record(&standing) {
                Err(error @ EngineError::Moved { .. }) => {
                    let now = self.standing()?;
                    let has_stood = now.position.snapshot == standing.position.snapshot;
                    if has_stood && self.own_head(&now)? == self.own_head(&standing)? {
                        return Err(error);
                    }
                    standing = now;
                }
                recorded => return recorded,
            }
        }
        record(&standing)
    }

    /// The branch that a verb of this workspace moves: its own, unless that has gone on without it.
    /// Then moving it would leave behind what another workspace recorded, so it is a new one, to be
    /// merged by who wants both. A capture must not fail over that.
    pub(super) fn own_branch(&self, standing: &Standing, act: Act) -> Result<Own, EngineError> {
        let Position { branch, snapshot, .. } = &standing.position;
        let head = self.own_head(standing)?;
        let keeps_all = match head {
            // In a view a branch that has moved is a conflict, and its commit says so.
            _ if self.place.work().is_some() => true,
            None => true,
            Some(head) if head == *snapshot => true,
            // Where the history cannot be read a new branch loses nothing.
            Some(head) => is_ancestor(&self.store, head, *snapshot).unwrap_or(false),
        };
        if keeps_all {
            return Ok(Own { branch: branch.clone(), head, act });
        }
        let mut aside = branch.beside(&snapshot.short());
        for number in 2.. {
            if self.branch_head(standing.names, &aside)?.is_none() {
                break;
            }
            aside = branch.beside(&format!("{}-{number}", snapshot.short()));
        }
        let summary = format!("{}; on {aside}, since {branch} has gone on", act.summary);
        Ok(Own { branch: aside, head: None, act: Act { summary, ..act } })
    }

    /// Moves a branch to what a command left in its view. Where the branch has moved meanwhile that
    /// is kept on a branch of its own, and said: it may be an hour's work. `more` moves with either.
    pub(super) fn publish_work(
        &self,
        writer: &Writer<'_>,
        branch: &Label,
        from: SnapshotId,
        work: SnapshotId,
        act: Act,
        more: &[NameMove],
    ) -> Result<(), EngineError> {
        let (verb, kind) = (act.verb, act.kind.clone());
        let with_more = |own: NameMove| [&[own], more].concat();
        let moves = with_more(branch_move(branch, Some(from), Some(work)));
        match self.commit(writer, moves, act) {
            Err(EngineError::Moved { name, by }) => {
                let aside = branch.beside(&work.short());
                let summary = format!("kept {} as {aside}: {branch} had moved", work.short());
                let act = Act { kind, verb, summary };
                self.commit(writer, with_more(branch_move(&aside, None, Some(work))), act)?;
                let by = format!("{by}; what the command left is branch `{aside}`");
                Err(EngineError::Moved { name, by })
            }
            outcome => outcome.map(|_| ()),
        }
    }

    /// The position of this workspace as a value of the names.
    pub(super) fn position(
        &self,
        branch: &Label,
        snapshot: SnapshotId,
        git_head: Option<GitHead>,
    ) -> Position {
        use std::os::unix::ffi::OsStrExt;
        let path = self.place.root.as_os_str().as_bytes().into();
        Position { branch: branch.clone(), snapshot, git_head, path }
    }

    /// The move of this workspace's position.
    pub(super) fn position_move(&self, expected: Option<Position>, new: Position) -> NameMove {
        let expected = expected.and_then(|position| self.recorded(position));
        moved(self.position_key(), expected, Some(NameValue::Position(new)))
    }

    /// A position as the names have it. In a view in which nothing was recorded they have none.
    pub(super) fn recorded(&self, position: Position) -> Option<NameValue> {
        let is_known = || -> Result<bool, EngineError> {
            let now = names::get(&self.store, self.store.names()?, &self.position_key())?;
            Ok(now.is_some())
        };
        match self.place.work() {
            // What cannot be read now cannot be moved either: the commit says so.
            Some(_) if matches!(is_known(), Ok(false)) => None,
            _ => Some(NameValue::Position(position)),
        }
    }
}
