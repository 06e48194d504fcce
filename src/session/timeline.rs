//! Undo and redo over the operation log (design.md §5).
//!
//! Undo applies the inverse of one operation, name by name, to the present names. It is no way back
//! in time: what others did meanwhile stays, and a name that moved since is a conflict. These are
//! pure functions of the log; the engine applies what they say as an operation of its own.
//!
//! **Invariant**: what an evaluation found is never undone: facts do not become false because a
//! name went back.

use std::collections::HashSet;

use crate::base::id::OperationId;
use crate::base::limits::OPERATIONS_WALK_MAX;
use crate::object::names::{NameEntry, NameKey, NameValue};
use crate::object::operation::{Operation, OperationKind};
use crate::object::sequence::Change;

/// The operation that `undo` without an id takes: the newest verb of this session that is not
/// undone already. Captures, evaluations, undos, redos and reconciliations are passed over, so that
/// a repeated undo goes one further. None when there is nothing left.
///
/// `operations` come newest first; at most `OPERATIONS_WALK_MAX` are looked at. `is_own` says which
/// are this session's.
///
/// # Errors
/// The first one that `operations` gives.
pub fn next_undo<E>(
    operations: impl IntoIterator<Item = Result<(OperationId, Operation), E>>,
    is_own: impl Fn(&Operation) -> bool,
) -> Result<Option<OperationId>, E> {
    let mut taken_back = TakenBack::default();
    for entry in operations.into_iter().take(OPERATIONS_WALK_MAX) {
        let (id, operation) = entry?;
        let is_verb = operation.kind == OperationKind::Verb;
        if is_verb && is_own(&operation) && !taken_back.is_undone(id) {
            return Ok(Some(id));
        }
        taken_back.see(id, &operation.kind);
    }
    Ok(None)
}

/// The undo that `redo` takes back: the newest one of this session that is not redone already, and
/// only while no verb of this session came after it. None otherwise.
///
/// `operations` come newest first; at most `OPERATIONS_WALK_MAX` are looked at.
///
/// # Errors
/// The first one that `operations` gives.
pub fn next_redo<E>(
    operations: impl IntoIterator<Item = Result<(OperationId, Operation), E>>,
    is_own: impl Fn(&Operation) -> bool,
) -> Result<Option<OperationId>, E> {
    let mut taken_back = TakenBack::default();
    for entry in operations.into_iter().take(OPERATIONS_WALK_MAX) {
        let (id, operation) = entry?;
        if is_own(&operation) {
            match operation.kind {
                OperationKind::Verb => return Ok(None),
                OperationKind::Undo { .. } if !taken_back.is_redone(id) => return Ok(Some(id)),
                _ => {}
            }
        }
        taken_back.see(id, &operation.kind);
    }
    Ok(None)
}

/// The automatic captures of this session after an operation, newest first: what [`inverse`] may
/// go back through. `is_capture` says which operations are such.
///
/// `operations` come newest first; at most `OPERATIONS_WALK_MAX` are looked at.
///
/// # Errors
/// The first one that `operations` gives.
pub fn captures_since<E>(
    operations: impl IntoIterator<Item = Result<(OperationId, Operation), E>>,
    is_capture: impl Fn(&Operation) -> bool,
    since: OperationId,
) -> Result<Vec<(OperationId, Operation)>, E> {
    let mut captures = Vec::new();
    for entry in operations.into_iter().take(OPERATIONS_WALK_MAX) {
        let (id, operation) = entry?;
        if id == since {
            break;
        }
        if is_capture(&operation) {
            captures.push((id, operation));
        }
    }
    Ok(captures)
}

/// Which operations are taken back by newer ones, of whatever session: what somebody else undid
/// by its id is undone.
#[derive(Default)]
struct TakenBack {
    undone: HashSet<OperationId>,
    redone: HashSet<OperationId>,
}

impl TakenBack {
    /// Takes the next older operation. An undo that was redone takes nothing back any more.
    fn see(&mut self, id: OperationId, kind: &OperationKind) {
        match kind {
            OperationKind::Undo { of } if !self.redone.contains(&id) => {
                self.undone.insert(*of);
            }
            OperationKind::Redo { of } => {
                self.redone.insert(*of);
            }
            _ => {}
        }
    }

    fn is_undone(&self, id: OperationId) -> bool {
        self.undone.contains(&id)
    }

    fn is_redone(&self, id: OperationId) -> bool {
        self.redone.contains(&id)
    }
}

/// One name to move back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The name.
    pub key: NameKey,
    /// Where it is now; the commit checks this once more under its lock.
    pub expected: Option<NameValue>,
    /// Where it goes; none removes it.
    pub new: Option<NameValue>,
}

/// A name that moved since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The text of the name.
    pub key: String,
    /// Where the operation had left it.
    pub expected: Option<NameValue>,
    /// Where it is now.
    pub found: Option<NameValue>,
    /// Where it would have gone.
    pub wanted: Option<NameValue>,
}

/// The inverse of an operation whose changes are given, for the names as they are now. Serves
/// `redo`, too: that is the inverse of the undo.
///
/// `captures` are the changes of this session's automatic captures since, newest first (see
/// [`captures_since`]). A name that only they moved has not moved in this sense: the edits between
/// two verbs are captured before the undo itself, and would make each undo a conflict. They are not
/// lost: the redo of the undo brings them back.
///
/// A name that stands already where it would go is passed over. Evaluations and verdicts are never
/// taken back, unless `with_facts` says that they were not found but taken on trust; one that was
/// found anew since stays.
///
/// # Errors
/// Every name that moved since, in the order of the names; then nothing may be applied.
pub fn inverse(
    changes: &[Change<NameEntry>],
    captures: &[Vec<Change<NameEntry>>],
    with_facts: bool,
    present: impl Fn(&NameKey) -> Option<NameValue>,
) -> Result<Vec<Move>, Vec<Conflict>> {
    let (mut moves, mut conflicts) = (Vec::new(), Vec::new());
    for change in changes {
        let (wanted, expected) = (value(&change.before), value(&change.after));
        let side = change.before.as_ref().or(change.after.as_ref());
        let Some(key) = side.and_then(|entry| NameKey::parse(&entry.key)) else {
            // Names are checked when they are read, so this is a change that was made by hand.
            let key = side.map_or_else(String::new, |entry| entry.key.clone());
            conflicts.push(Conflict { key, expected, found: None, wanted });
            continue;
        };
        let found = present(&key);
        let stays = is_fact(&key) && (!with_facts || found != expected);
        if stays || found == wanted {
            continue;
        }
        if before_captures(change, captures, found.clone()) == expected {
            moves.push(Move { key, expected: found, new: wanted });
        } else {
            conflicts.push(Conflict { key: key.text(), expected, found, wanted });
        }
    }
    if conflicts.is_empty() { Ok(moves) } else { Err(conflicts) }
}

fn value(side: &Option<NameEntry>) -> Option<NameValue> {
    side.as_ref().map(|entry| entry.value.clone())
}

/// Where a name would stand had the newest captures not moved it.
fn before_captures(
    change: &Change<NameEntry>,
    captures: &[Vec<Change<NameEntry>>],
    mut found: Option<NameValue>,
) -> Option<NameValue> {
    for capture in captures {
        if found == value(&change.after) {
            break;
        }
        let moved = capture.iter().find(|other| other.key() == change.key());
        if let Some(moved) = moved.filter(|moved| value(&moved.after) == found) {
            found = value(&moved.before);
        }
    }
    found
}

/// Whether a name holds what was found rather than what was decided.
pub fn is_fact(key: &NameKey) -> bool {
    matches!(key, NameKey::Evaluation(_) | NameKey::Verdict(_))
}

#[cfg(test)]
mod tests;
