//! Reading directories: one entry, one path, everything below.

use super::entry::{EntryKind, TreeEntry};
use crate::base::id::TreeId;
use crate::base::limits::{TREE_DEPTH_MAX, TREE_ENTRIES_MAX};
use crate::base::path::TreePath;
use crate::object::sequence::{self, Elements};
use crate::object::traits::{Fetch, ObjectError};

/// The entries of one directory, by name.
///
/// # Errors
/// As `Fetch::fetch`.
pub fn entries(
    objects: &(impl Fetch + ?Sized),
    tree: TreeId,
) -> Result<Vec<TreeEntry>, ObjectError> {
    Elements::new(objects, tree.0).collect()
}

/// One entry of a directory.
///
/// # Errors
/// As `Fetch::fetch`.
pub fn entry(
    objects: &(impl Fetch + ?Sized),
    tree: TreeId,
    name: &[u8],
) -> Result<Option<TreeEntry>, ObjectError> {
    sequence::get(objects, tree.0, name)
}

/// What stands at a path; none for the root, which has no entry.
///
/// # Errors
/// As `Fetch::fetch`.
pub fn lookup(
    objects: &(impl Fetch + ?Sized),
    root: TreeId,
    path: &TreePath,
) -> Result<Option<TreeEntry>, ObjectError> {
    let mut at = root;
    let mut found: Option<TreeEntry> = None;
    for part in path.parts() {
        if let Some(entry) = &found {
            match entry.tree() {
                Some(tree) => at = tree,
                None => return Ok(None),
            }
        }
        found = entry(objects, at, part)?;
        if found.is_none() {
            return Ok(None);
        }
    }
    Ok(found)
}

/// One thing met by [`walk`].
#[derive(Clone, Debug, PartialEq)]
pub struct Walked {
    /// Where it stands.
    pub path: TreePath,
    /// What it is.
    pub entry: TreeEntry,
}

/// Visits everything below a tree: a directory before what it holds, names in order.
///
/// # Errors
/// As `Fetch::fetch`, those of `visit`, and [`ObjectError::Rule`] beyond `TREE_DEPTH_MAX` and
/// `TREE_ENTRIES_MAX`.
pub fn walk<E: From<ObjectError>>(
    objects: &(impl Fetch + ?Sized),
    root: TreeId,
    visit: &mut impl FnMut(Walked) -> Result<(), E>,
) -> Result<(), E> {
    let mut walking = Walking { left: TREE_ENTRIES_MAX, visit };
    walking.below(objects, root, &TreePath::root(), 0)
}

struct Walking<'a, V> {
    /// Entries that may still be met.
    left: u64,
    visit: &'a mut V,
}

impl<V> Walking<'_, V> {
    fn below<E: From<ObjectError>>(
        &mut self,
        objects: &(impl Fetch + ?Sized),
        tree: TreeId,
        at: &TreePath,
        depth: usize,
    ) -> Result<(), E>
    where
        V: FnMut(Walked) -> Result<(), E>,
    {
        let broken = |rule| ObjectError::Rule { id: tree.object(), rule };
        for entry in entries(objects, tree)? {
            if depth >= TREE_DEPTH_MAX {
                return Err(broken("folders are nested too deeply").into());
            }
            let rule = "it stands for more files than a workspace may have";
            self.left = self.left.checked_sub(1).ok_or_else(|| broken(rule))?;
            let path = at.join(&entry.name.0);
            let below = entry.tree();
            (self.visit)(Walked { path: path.clone(), entry })?;
            if let Some(tree) = below {
                self.below(objects, tree, &path, depth + 1)?;
            }
        }
        Ok(())
    }
}

/// Files and links below a tree, and the bytes of their content.
///
/// # Errors
/// As `Fetch::fetch`.
pub fn totals(objects: &(impl Fetch + ?Sized), root: TreeId) -> Result<(u64, u64), ObjectError> {
    let (mut files, mut bytes) = (0, 0_u64);
    walk::<ObjectError>(objects, root, &mut |walked| {
        if walked.entry.kind != EntryKind::Directory {
            files += 1;
            bytes = bytes.saturating_add(walked.entry.length);
        }
        Ok(())
    })?;
    Ok((files, bytes))
}

/// Proves the shape of one directory; returns the number of its entries.
///
/// # Errors
/// As `Fetch::fetch`; [`ObjectError::Rule`] when it is not the canonical one.
pub fn verify(objects: &(impl Fetch + ?Sized), tree: TreeId) -> Result<u64, ObjectError> {
    sequence::verify::<TreeEntry>(objects, tree.0)
}
