//! Files that were let go, of which some lie there still: what is missing of them is missing on purpose,
//! and no damage.

use super::{Engine, EngineError};
use crate::base::id::TreeId;
use crate::object::tombstone::{Farewell, Tombstone};
use crate::object::traits::ObjectError;
use crate::workspace::isolate::IsolateError;
use crate::workspace::{RestoreError, WorkspaceError};

impl Engine {
    /// Why the files of a tree could not be had: where something is missing, and the tree was let go by
    /// retention, then that.
    pub(super) fn let_go_rather(&self, tree: TreeId, error: EngineError) -> EngineError {
        let is_missing = matches!(
            error,
            EngineError::Objects(ObjectError::Missing { .. })
                | EngineError::Workspace(WorkspaceError::Objects(ObjectError::Missing { .. }))
                | EngineError::Restore(RestoreError::Objects(ObjectError::Missing { .. }))
                | EngineError::Isolate(IsolateError::Object(ObjectError::Missing { .. }))
        );
        let gone = if is_missing { self.was_let_go(tree) } else { None };
        gone.map_or(error, EngineError::Objects)
    }

    /// That a tree was let go by retention, also where it lies there still.
    fn was_let_go(&self, tree: TreeId) -> Option<ObjectError> {
        let id = tree.object();
        let tombstone = Tombstone::of(&self.store, id).ok()??;
        (tombstone.why == Farewell::Retention).then_some(ObjectError::Gone { id, tombstone })
    }
}
