//! Changing a tree at some paths: costs the folders on the way, not the tree.
//!
//! **Invariant**: the result is the tree that a capture of the changed files would give, except
//! that a directory which loses its last entry goes, too, unless the edit sets it.

use std::collections::BTreeMap;

use super::entry::{EntryKind, TreeEntry};
use crate::base::id::{BlobId, Hash, Kind, ObjectId, TreeId};
use crate::base::limits::TREE_DEPTH_MAX;
use crate::base::path::TreePath;
use crate::object::sequence::{self, Root};
use crate::object::traits::{ObjectError, Put};

/// What shall stand at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// A file, an executable or a link with that content and length.
    Blob(EntryKind, BlobId, u64),
    /// A directory with exactly that content (the empty tree for an empty one).
    Tree(TreeId, u64),
    /// Nothing.
    Absent,
}

/// Sets what stands at each path. Missing folders on the way are made; what stands in the way of a
/// folder is replaced by it. A path below one that the same edit sets to a blob is an error of the
/// caller.
///
/// # Errors
/// As `Fetch::fetch` and `Put::put`; [`ObjectError::Rule`] for the root as a path, or too deep a one.
pub fn edit(
    objects: &(impl Put + ?Sized),
    root: TreeId,
    edits: &BTreeMap<TreePath, Leaf>,
) -> Result<TreeId, ObjectError> {
    let mut plan = Folder::default();
    for (path, leaf) in edits {
        plan.add(path, *leaf)?;
    }
    apply(objects, Some(root), &plan).map(|root| TreeId(root.hash))
}

/// The edits of one folder, by name.
#[derive(Default)]
struct Folder {
    /// What is set here, and what is set below it.
    names: BTreeMap<Vec<u8>, (Option<Leaf>, Folder)>,
}

impl Folder {
    fn add(&mut self, path: &TreePath, leaf: Leaf) -> Result<(), ObjectError> {
        let rule = |rule| {
            let id = ObjectId { kind: Kind::Tree, hash: Hash([0; 32]) };
            Err(ObjectError::Rule { id, rule })
        };
        let Some((_, name)) = path.split() else {
            return rule("the root of a tree cannot be set");
        };
        if path.parts().count() > TREE_DEPTH_MAX {
            return rule("folders are nested too deeply");
        }
        let mut folder = self;
        let parts: Vec<&[u8]> = path.parts().collect();
        for part in &parts[..parts.len() - 1] {
            folder = &mut folder.names.entry(part.to_vec()).or_default().1;
        }
        folder.names.entry(name.to_vec()).or_default().0 = Some(leaf);
        Ok(())
    }
}

fn apply(
    objects: &(impl Put + ?Sized),
    tree: Option<TreeId>,
    plan: &Folder,
) -> Result<Root, ObjectError> {
    let mut edits = BTreeMap::new();
    for (name, (leaf, below)) in &plan.names {
        let entry = new_entry(objects, tree, name, *leaf, below)?;
        edits.insert(name.clone(), entry);
    }
    match tree {
        Some(tree) => sequence::edit(objects, tree.0, edits),
        None => sequence::build(objects, edits.into_values().flatten()),
    }
}

fn new_entry(
    objects: &(impl Put + ?Sized),
    tree: Option<TreeId>,
    name: &[u8],
    leaf: Option<Leaf>,
    below: &Folder,
) -> Result<Option<TreeEntry>, ObjectError> {
    let old = match tree {
        Some(tree) => super::read::entry(objects, tree, name)?,
        None => None,
    };
    let base = match leaf {
        None => old,
        Some(Leaf::Absent) => None,
        Some(Leaf::Blob(kind, blob, length)) => {
            Some(TreeEntry { name: name.into(), kind, hash: blob.0, length })
        }
        Some(Leaf::Tree(tree, length)) => {
            let kind = EntryKind::Directory;
            Some(TreeEntry { name: name.into(), kind, hash: tree.0, length })
        }
    };
    if below.names.is_empty() {
        return Ok(base);
    }
    let inner = base.as_ref().and_then(TreeEntry::tree);
    let root = apply(objects, inner, below)?;
    if inner == Some(TreeId(root.hash)) {
        // Nothing was changed below; an empty directory that was there stays.
        return Ok(base);
    }
    if root.count > 0 || matches!(leaf, Some(Leaf::Tree(..))) {
        return Ok(Some(TreeEntry::directory(name, &root)));
    }
    // Nothing is left below: what was a folder goes, what was a file or absent stays as it is.
    Ok(if inner.is_some() { None } else { base })
}
