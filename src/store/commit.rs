//! The commit: names move, all or none, where they are still where the plan saw them.
//!
//! **Durability, the half-done states.** In this order, each durable before the next: objects in a
//! pack; the pack's name; the head. Before the last the old operation is current and a crash
//! leaves at worst a pack that nothing refers to; after it the new one is.
//!
//! Three syncs a commit: the pack, `packs/`, `heads/`. A fourth where small packs are brought
//! together: that of the pack in which they then lie, whose name the second one covers.

use super::collect::Merged;
use super::error::{CommitError, StoreError};
use super::heads::{self, Current};
use super::lock::Sharing;
use super::open::Store;
use super::writer::Writer;
use crate::base::id::{NamesId, OperationId};
use crate::base::limits::{COMMIT_TRIES_MAX, LOCK_TRIES_MAX, OPERATIONS_WALK_MAX};
use crate::base::time::Timestamp;
use crate::object::names::{self, NameEdits, NameKey, NameValue};
use crate::object::operation::{Operation, OperationKind};
use crate::object::traits::ObjectError;

/// One name that moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameMove {
    /// Which.
    pub key: NameKey,
    /// What the plan saw; none for a name that was not there.
    pub expected: Option<NameValue>,
    /// What it shall point at; none to remove it.
    pub new: Option<NameValue>,
}

/// What a verb commits.
#[derive(Clone, Debug)]
pub struct Change {
    /// The names, each once.
    pub moves: Vec<NameMove>,
    /// What sort of operation it is.
    pub kind: OperationKind,
    /// The verb.
    pub verb: String,
    /// What it did, in a line.
    pub summary: String,
    /// The user.
    pub who: String,
    /// The session.
    pub session: String,
    /// The workspace, where one is concerned.
    pub workspace: Option<String>,
    /// When.
    pub when: Timestamp,
}

/// What a commit made current.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The operation.
    pub operation: OperationId,
    /// All names after it.
    pub names: NamesId,
}

impl Writer<'_> {
    /// Makes what was put durable and moves the names. When others have moved other names
    /// meanwhile it builds on what they left.
    ///
    /// **Durability**: durable when it returns.
    ///
    /// # Errors
    /// [`CommitError::Moved`] when a name is not where it was expected: nothing is changed then.
    /// After an error of the disk this process writes no more.
    pub fn commit(&self, change: Change) -> Result<Committed, CommitError> {
        self.commit_with(&change, false)
    }

    /// The same, and brings small packs together where there are many: what cannot be done of that
    /// now the next commit will.
    ///
    /// # Errors
    /// As [`Writer::commit`].
    pub fn commit_and_compact(&self, change: &Change) -> Result<Committed, CommitError> {
        self.commit_with(change, true)
    }

    fn commit_with(&self, change: &Change, compacts: bool) -> Result<Committed, CommitError> {
        let store = self.store;
        store.refuse_poisoned()?;
        let commit_lock = || {
            let lock = store.lock_file("commit").lock(Sharing::Exclusive, LOCK_TRIES_MAX);
            lock.inspect(|lock| lock.note(&change.verb))
        };
        let mut merged: Option<Merged<'_>> = None;
        for attempt in 0..COMMIT_TRIES_MAX {
            // The first try builds and syncs its pack without the lock; who was overtaken takes
            // it at once, so that a slow disk among many writers still comes to its turn.
            let mut lock = if attempt > 0 { Some(commit_lock()?) } else { None };
            let (listed, current) = store.heads()?;
            let committed = self.build(change, current)?;
            // After what is committed lies on the disk, so that it never lacks the room, and before
            // the sync of the names; never while others wait for the lock.
            if compacts && lock.is_none() {
                self.finish_pack()?;
                merged = store.merge_crowded().ok().flatten();
            }
            self.flush()?;
            if lock.is_none() {
                lock = Some(commit_lock()?);
            }
            let folder = store.layout.heads();
            if heads::list(&folder)? == listed {
                heads::replace(store.disk.as_ref(), &folder, &listed, committed.operation)
                    .inspect_err(|e| store.poison(e))?;
                drop(lock);
                // What stays lies twice, until the next time.
                let _ = merged.map(Merged::finish);
                return Ok(committed);
            }
            drop(lock);
            // The names are synced: what was brought together counts, whoever was quicker.
            let _ = merged.take().map(Merged::finish);
        }
        let (what, holder) = ("the store".to_owned(), super::error::Holder::default());
        Err(StoreError::Busy { what, holder }.into())
    }

    /// Checks each name against what is current and puts names and operation.
    fn build(&self, change: &Change, current: Option<Current>) -> Result<Committed, CommitError> {
        let before = match current {
            Some(current) => current.names,
            None => names::empty(self)?,
        };
        let mut edits = NameEdits::new();
        for NameMove { key, expected, new } in &change.moves {
            if names::get(self, before, key)? != *expected {
                let by = current.map_or(Ok(None), |c| mover(self.store, c.operation, key))?;
                return Err(CommitError::Moved { key: key.clone(), by: by.map(Box::new) });
            }
            edits.insert(key.clone(), new.clone());
        }
        let after = names::edit(self, before, &edits)?;
        let operation = Operation {
            parents: current.map(|current| current.operation).into_iter().collect(),
            before,
            after,
            kind: change.kind.clone(),
            verb: change.verb.clone(),
            summary: change.summary.clone(),
            who: change.who.clone(),
            session: change.session.clone(),
            workspace: change.workspace.clone(),
            when: change.when,
        };
        Ok(Committed { operation: operation.put(self)?, names: after })
    }
}

/// The newest operation that moved a name, along first parents.
fn mover(
    store: &Store,
    from: OperationId,
    key: &NameKey,
) -> Result<Option<(OperationId, Operation)>, ObjectError> {
    let mut next = Some(from);
    for _ in 0..OPERATIONS_WALK_MAX {
        let Some(id) = next else { break };
        let operation = match Operation::fetch(store, id) {
            // Let go by a collection: who moved it is not known any more.
            Err(ObjectError::Gone { .. }) => break,
            operation => operation?,
        };
        let before = names::get(store, operation.before, key)?;
        if before != names::get(store, operation.after, key)? {
            return Ok(Some((id, operation)));
        }
        next = operation.parents.first().copied();
    }
    Ok(None)
}
