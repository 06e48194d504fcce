//! Files that were let go, of which some may lie there still: what is missing of them is missing on
//! purpose, and no damage.

use super::report::Gone;
use super::{Engine, EngineError};
use crate::base::id::{SnapshotId, TreeId};
use crate::object::tombstone::{Farewell, Tombstone};
use crate::object::traits::{Fetch, ObjectError};
use crate::object::tree::{self, TreeChange};
use crate::workspace::isolate::IsolateError;
use crate::workspace::{RestoreError, WorkspaceError};

/// What differs between the files of two snapshots.
pub(super) enum Difference {
    /// These.
    Changes(Vec<TreeChange>),
    /// Nobody can tell: the files of that one of the two are gone on purpose.
    Gone(TreeId, Gone),
}

/// What the store said, where that is what an error is about.
fn object_error(error: &EngineError) -> Option<&ObjectError> {
    match error {
        EngineError::Objects(error)
        | EngineError::Workspace(WorkspaceError::Objects(error))
        | EngineError::Restore(RestoreError::Objects(error))
        | EngineError::Isolate(IsolateError::Object(error)) => Some(error),
        _ => None,
    }
}

impl Engine {
    /// Why the files of a tree could not be had: where something is missing, and the tree was let go by
    /// retention, then that.
    pub(super) fn let_go_rather(&self, tree: TreeId, error: EngineError) -> EngineError {
        let is_missing = matches!(object_error(&error), Some(ObjectError::Missing { .. }));
        let gone = if is_missing { self.was_let_go(tree) } else { None };
        gone.map(EngineError::Objects)
            .or_else(|| self.forgotten_file(tree, &error))
            .unwrap_or(error)
    }

    /// Which file of a tree it is that could not be had because it was forgotten.
    fn forgotten_file(&self, tree: TreeId, error: &EngineError) -> Option<EngineError> {
        let Some(ObjectError::Gone { id, tombstone }) = object_error(error) else { return None };
        if tombstone.why != Farewell::Forgotten {
            return None;
        }
        let mut paths = Vec::new();
        tree::walk::<ObjectError>(&self.store, tree, &mut |walked| {
            let blob = walked.entry.blob();
            paths.extend(blob.filter(|blob| blob.0 == id.hash).map(|_| walked.path.display()));
            Ok(())
        })
        .ok()?;
        let path = paths.into_iter().next()?;
        Some(EngineError::ForgottenFile { path, why: tombstone.sentence() })
    }

    /// That a tree was let go by retention, also where it lies there still.
    fn was_let_go(&self, tree: TreeId) -> Option<ObjectError> {
        let id = tree.object();
        let tombstone = Tombstone::of(&self.store, id).ok()??;
        (tombstone.why == Farewell::Retention).then_some(ObjectError::Gone { id, tombstone })
    }

    /// That the files of a tree are gone on purpose, all of them or some, whatever of them lies there still.
    /// Costs one look where nothing was let go.
    ///
    /// # Errors
    /// The store's.
    pub(super) fn gone_files(&self, tree: TreeId) -> Result<Option<Gone>, EngineError> {
        let id = tree.object();
        let found = match Tombstone::of(&self.store, id) {
            // A damaged pack may hold one; whoever needs the files hears of it, if they are gone.
            Err(error) if error.is_corruption() => None,
            found => found?,
        };
        let Some(found) = found else { return Ok(None) };
        let is_there = self.store.contains(id)? && !self.store.is_in_part(id)?;
        Ok((!is_there).then(|| Gone { when: found.when.into(), why: found.sentence() }))
    }

    /// That a snapshot is gone on purpose, or lies on although something that it came from is gone.
    ///
    /// # Errors
    /// The store's.
    pub(super) fn gone_snapshot(&self, id: SnapshotId) -> Result<Option<ObjectError>, EngineError> {
        let found = match self.store.is_cut_off(id) {
            // As for a tree.
            Err(error) if error.is_corruption() => None,
            found => found?,
        };
        Ok(found.map(|tombstone| ObjectError::Gone { id: id.object(), tombstone }))
    }

    /// What differs between two trees, as far as the files of both are there.
    ///
    /// # Errors
    /// As `Fetch::fetch`, but not for what is gone on purpose.
    pub(super) fn difference(
        &self,
        before: TreeId,
        after: TreeId,
    ) -> Result<Difference, EngineError> {
        let error = match tree::diff(&self.store, before, after) {
            Ok(changes) => return Ok(Difference::Changes(changes)),
            Err(error @ (ObjectError::Gone { .. } | ObjectError::Missing { .. })) => error,
            Err(error) => return Err(error.into()),
        };
        for tree in [after, before] {
            if let Some(gone) = self.gone_files(tree)? {
                return Ok(Difference::Gone(tree, gone));
            }
        }
        Err(error.into())
    }
}
