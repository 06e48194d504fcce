//! Three-way merge of trees by path.
//!
//! Costs what the two sides changed, not what exists. Nothing that one side alone changed is lost;
//! where both changed one path differently and no rule says what both meant, it is a conflict.
//! A change follows a file that the other side renamed (see `rename`).

use std::collections::{BTreeMap, BTreeSet};

use super::folder::{self, Changes, leaf};
use super::leaf::{Conflict, ConflictKind, Settled, Versions, settle};
use super::rename;
use crate::base::id::{BlobId, TreeId};
use crate::base::path::TreePath;
use crate::object::traits::{ObjectError, Put};
use crate::object::tree::{self, Leaf, TreeEntry};

/// Why trees could not be merged. A conflict is not among the reasons: it is a result.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// An object could not be read or stored.
    #[error("could not merge the trees: {0}")]
    Object(#[from] ObjectError),
    /// The content of a path could not be merged for such a reason.
    #[error("could not merge `{}`: {source}", path.display())]
    Path {
        /// Where.
        path: TreePath,
        /// What failed.
        source: ObjectError,
    },
}

/// What came of a merge of trees. All lists are ordered by path.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TreeMerge {
    /// The merged tree; there exactly when there are no conflicts.
    pub tree: Option<TreeId>,
    /// What could not be merged.
    pub conflicts: Vec<Conflict>,
    /// Texts that both sides changed in different places.
    pub merged_text: Vec<TreePath>,
    /// Files that one side renamed and the other changed: old path and new one.
    pub renamed: Vec<(TreePath, TreePath)>,
    /// Files and links that now stand, or are gone, as in theirs.
    pub taken: Vec<TreePath>,
}

/// Merges what led from `base` to `theirs` into `ours`. With conflicts nothing but blobs of merged
/// texts is stored. Exchanging the sides gives the same tree, or conflicts at the same paths.
///
/// # Errors
/// When an object cannot be read or stored.
pub fn merge_trees(
    objects: &(impl Put + ?Sized),
    base: TreeId,
    ours: TreeId,
    theirs: TreeId,
) -> Result<TreeMerge, MergeError> {
    if theirs == base || ours == theirs {
        return Ok(TreeMerge { tree: Some(ours), ..TreeMerge::default() });
    }
    let mut their_changes = changes(objects, base, theirs)?;
    let mut our_changes = changes(objects, base, ours)?;
    let renamed = rename::follow(objects, &mut our_changes, &mut their_changes)?;
    let mut work = Work {
        objects,
        roots: [base, ours, theirs],
        clashes: folder::clashes(&our_changes, &their_changes),
        renamed,
        edits: BTreeMap::new(),
        result: TreeMerge::default(),
    };
    for (path, change) in &their_changes {
        work.path(path, our_changes.get(path), change)?;
    }
    work.add_clashes()?;
    let Work { mut edits, mut result, renamed, .. } = work;
    result.renamed = renamed.into_iter().map(|(to, from)| (from, to)).collect();
    result.conflicts.sort_by(|a, b| a.path.cmp(&b.path));
    if result.conflicts.is_empty() {
        folder::add_new(objects, &our_changes, &their_changes, &mut edits)?;
        let merged = tree::edit(objects, ours, &edits)?;
        let sides = (ours, theirs);
        let merged = folder::settle_empty(objects, sides, &their_changes, &edits, merged)?;
        result.tree = Some(merged);
    }
    Ok(result)
}

fn changes(
    objects: &(impl Put + ?Sized),
    before: TreeId,
    after: TreeId,
) -> Result<Changes, ObjectError> {
    let changes = tree::diff(objects, before, after)?;
    Ok(changes.into_iter().map(|change| (change.path.clone(), change)).collect())
}

struct Work<'a, P: ?Sized> {
    objects: &'a P,
    roots: [TreeId; 3],
    clashes: BTreeSet<TreePath>,
    /// By new path: the old one.
    renamed: BTreeMap<TreePath, TreePath>,
    edits: BTreeMap<TreePath, Leaf>,
    result: TreeMerge,
}

impl<P: Put + ?Sized> Work<'_, P> {
    /// Settles one path that theirs changed.
    fn path(
        &mut self,
        path: &TreePath,
        ours: Option<&tree::TreeChange>,
        theirs: &tree::TreeChange,
    ) -> Result<(), MergeError> {
        // What stands below a clash follows from how that is resolved.
        if self.is_in_clash(path) {
            return Ok(());
        }
        let base = leaf(theirs.before.as_ref());
        let versions = Versions {
            base,
            ours: ours.map_or(base, |change| leaf(change.after.as_ref())),
            theirs: leaf(theirs.after.as_ref()),
        };
        let settled = settle(self.objects, versions)
            .map_err(|source| MergeError::Path { path: path.clone(), source })?;
        match settled {
            // It may stand at its old path in ours.
            Settled::Ours if self.renamed.contains_key(path) => {
                self.edits.insert(path.clone(), as_leaf(versions.ours));
            }
            Settled::Ours => {}
            Settled::Theirs => {
                self.edits.insert(path.clone(), as_leaf(versions.theirs));
                self.result.taken.push(path.clone());
            }
            Settled::Both { leaf, by_line } => {
                self.edits.insert(path.clone(), leaf);
                let list =
                    if by_line { &mut self.result.merged_text } else { &mut self.result.taken };
                list.push(path.clone());
            }
            Settled::Conflict(kind) => self.add_conflict(path, kind)?,
        }
        Ok(())
    }

    fn is_in_clash(&self, path: &TreePath) -> bool {
        if self.clashes.is_empty() {
            return false;
        }
        let mut at = Some(path.clone());
        while let Some(here) = at {
            if self.clashes.contains(&here) {
                return true;
            }
            at = here.split().map(|(folder, _)| folder);
        }
        false
    }

    fn add_clashes(&mut self) -> Result<(), MergeError> {
        for path in std::mem::take(&mut self.clashes) {
            self.add_conflict(&path, ConflictKind::FileAndFolder)?;
        }
        Ok(())
    }

    fn add_conflict(&mut self, path: &TreePath, kind: ConflictKind) -> Result<(), MergeError> {
        let was = self.renamed.get(path);
        let find = |root| match (tree::lookup(self.objects, root, path), was) {
            (Ok(None), Some(was)) => tree::lookup(self.objects, root, was),
            (found, _) => found,
        };
        let [base, ours, theirs] = self.roots.map(find);
        let conflict =
            Conflict { path: path.clone(), kind, base: base?, ours: ours?, theirs: theirs? };
        self.result.conflicts.push(conflict);
        Ok(())
    }
}

fn as_leaf(entry: Option<&TreeEntry>) -> Leaf {
    match entry {
        None => Leaf::Absent,
        Some(entry) => Leaf::Blob(entry.kind, BlobId(entry.hash), entry.length),
    }
}
