//! What a restore would change, as a value.

use super::error::WorkspaceError;
use crate::base::id::TreeId;
use crate::base::path::TreePath;
use crate::object::traits::Fetch;
use crate::object::tree::{self, EntryKind, TreeChange};

/// The way from one tree to another. Inert: it holds for any folder whose files are `from`.
#[derive(Clone, Debug, PartialEq)]
pub struct RestorePlan {
    /// What the workspace was captured as.
    pub from: TreeId,
    /// What it shall be.
    pub to: TreeId,
    /// The paths that differ, in order; a folder only where it comes or goes.
    pub changes: Vec<TreeChange>,
    /// Paths of `to` whose content nobody has any more: what stands there stays as it is. None unless
    /// [`RestorePlan::leave`] finds some.
    pub left: Vec<TreePath>,
    /// A summary.
    pub counts: PlanCounts,
}

impl RestorePlan {
    /// Takes changes out of the plan.
    ///
    /// # Errors
    /// Those of the question whether a change is to be left out.
    pub fn leave<E>(
        &mut self,
        mut is_left: impl FnMut(&TreeChange) -> Result<bool, E>,
    ) -> Result<(), E> {
        let mut changes = Vec::with_capacity(self.changes.len());
        for change in std::mem::take(&mut self.changes) {
            match is_left(&change)? {
                true => self.left.push(change.path),
                false => changes.push(change),
            }
        }
        (self.counts, self.changes) = (PlanCounts::of(&changes), changes);
        Ok(())
    }
}

/// How much a plan does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanCounts {
    /// Files and links that come or change.
    pub written: u64,
    /// Their bytes.
    pub written_bytes: u64,
    /// Files and links that go.
    pub removed: u64,
    /// Folders that come.
    pub folders_made: u64,
    /// Folders that go.
    pub folders_removed: u64,
}

/// Plans the way between two stored trees. Costs what differs.
///
/// # Errors
/// The store's.
pub fn plan_restore(
    objects: &(impl Fetch + ?Sized),
    from: TreeId,
    to: TreeId,
) -> Result<RestorePlan, WorkspaceError> {
    let changes = tree::diff(objects, from, to)?;
    let counts = PlanCounts::of(&changes);
    Ok(RestorePlan { from, to, changes, left: Vec::new(), counts })
}

impl PlanCounts {
    fn of(changes: &[TreeChange]) -> Self {
        let mut counts = Self::default();
        for change in changes {
            match &change.after {
                Some(entry) if entry.kind == EntryKind::Directory => counts.folders_made += 1,
                Some(entry) => {
                    counts.written += 1;
                    counts.written_bytes = counts.written_bytes.saturating_add(entry.length);
                }
                None => {}
            }
            match (&change.before, &change.after) {
                (Some(entry), _) if entry.kind == EntryKind::Directory => {
                    counts.folders_removed += 1;
                }
                (Some(_), None) => counts.removed += 1,
                _ => {}
            }
        }
        counts
    }
}
