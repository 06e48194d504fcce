//! The difference of two trees by path: costs what differs.

use super::entry::TreeEntry;
use super::read::{Walked, walk};
use crate::base::id::TreeId;
use crate::base::limits::{TREE_DEPTH_MAX, TREE_ENTRIES_MAX};
use crate::base::path::TreePath;
use crate::object::sequence;
use crate::object::traits::{Fetch, ObjectError};

/// One path that differs. At least one side is there.
#[derive(Clone, Debug, PartialEq)]
pub struct TreeChange {
    /// Where.
    pub path: TreePath,
    /// What stood there before.
    pub before: Option<TreeEntry>,
    /// What stands there after.
    pub after: Option<TreeEntry>,
}

impl TreeChange {
    /// Whether a directory stands on one side and none on the other, or on both: not a file.
    pub fn is_only_directory(&self) -> bool {
        let directory = |e: &Option<TreeEntry>| e.as_ref().is_none_or(|e| e.tree().is_some());
        directory(&self.before) && directory(&self.after)
    }
}

/// The paths that differ, in order. A directory stands in the list when it comes or goes (so do
/// all paths below it), not when only its content differs.
///
/// # Errors
/// As `Fetch::fetch`; [`ObjectError::Rule`] beyond `TREE_DEPTH_MAX`.
pub fn diff(
    objects: &(impl Fetch + ?Sized),
    before: TreeId,
    after: TreeId,
) -> Result<Vec<TreeChange>, ObjectError> {
    let mut changes = Vec::new();
    diff_below(objects, (before, after), &TreePath::root(), 0, &mut changes)?;
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(changes)
}

fn diff_below(
    objects: &(impl Fetch + ?Sized),
    (before, after): (TreeId, TreeId),
    at: &TreePath,
    depth: usize,
    changes: &mut Vec<TreeChange>,
) -> Result<(), ObjectError> {
    let broken = |rule| ObjectError::Rule { id: after.object(), rule };
    for change in sequence::diff::<TreeEntry>(objects, before.0, after.0)? {
        if depth >= TREE_DEPTH_MAX {
            return Err(broken("folders are nested too deeply"));
        }
        if changes.len() as u64 > 2 * TREE_ENTRIES_MAX {
            return Err(broken("it stands for more files than a workspace may have"));
        }
        let path = at.join(change.key());
        let old = change.before.as_ref().and_then(TreeEntry::tree);
        let new = change.after.as_ref().and_then(TreeEntry::tree);
        if let (Some(old), Some(new)) = (old, new) {
            diff_below(objects, (old, new), &path, depth + 1, changes)?;
            continue;
        }
        let (before, after) = (change.before, change.after);
        changes.push(TreeChange { path: path.clone(), before, after });
        if let Some(tree) = old {
            add_all(objects, tree, &path, changes, |entry| (Some(entry), None))?;
        }
        if let Some(tree) = new {
            add_all(objects, tree, &path, changes, |entry| (None, Some(entry)))?;
        }
    }
    Ok(())
}

fn add_all(
    objects: &(impl Fetch + ?Sized),
    tree: TreeId,
    at: &TreePath,
    changes: &mut Vec<TreeChange>,
    sides: impl Fn(TreeEntry) -> (Option<TreeEntry>, Option<TreeEntry>),
) -> Result<(), ObjectError> {
    let deep = at.parts().count();
    walk::<ObjectError>(objects, tree, &mut |Walked { path, entry }| {
        let rule = |rule| Err(ObjectError::Rule { id: tree.object(), rule });
        if deep + path.parts().count() > TREE_DEPTH_MAX {
            return rule("folders are nested too deeply");
        }
        if changes.len() as u64 > 2 * TREE_ENTRIES_MAX {
            return rule("it stands for more files than a workspace may have");
        }
        let path = path.parts().fold(at.clone(), |at, part| at.join(part));
        let (before, after) = sides(entry);
        changes.push(TreeChange { path, before, after });
        Ok(())
    })
}
