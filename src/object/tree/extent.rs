//! What a tree stands for in all, and whether a workspace can hold it.
//!
//! A tree of a few kilobytes can stand for more files than any disk holds: each folder twice in the
//! next. Guarantees that each stored folder is looked at once, however often it is named. So it is
//! asked before a tree that came from elsewhere is walked.

use std::collections::HashMap;

use super::entry::TreeEntry;
use crate::base::id::TreeId;
use crate::base::limits::{TREE_DEPTH_MAX, TREE_ENTRIES_MAX, TREE_PATH_BYTES_MAX};
use crate::object::sequence::Elements;
use crate::object::traits::{Fetch, ObjectError};

/// What a tree stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Files, links and folders.
    pub entries: u64,
    /// Bytes of content.
    pub bytes: u64,
    /// Parts of the path that has most.
    pub depth: usize,
    /// Bytes of the longest path.
    pub path_bytes: usize,
}

/// Trees that were measured, each once. None for one that is not stored: it was let go.
#[derive(Debug, Default)]
pub struct Extents {
    known: HashMap<TreeId, Option<Extent>>,
}

impl Extents {
    /// Measures a tree and proves that a workspace can hold it: not too many entries, not nested too
    /// deeply, no path too long, each folder of the length that its content has. `leaf` proves the
    /// same of each file and link, the first time that its folder is met.
    ///
    /// # Errors
    /// As `Fetch::fetch`, those of `leaf`, and [`ObjectError::Rule`] for the bound that is broken.
    pub fn of(
        &mut self,
        objects: &(impl Fetch + ?Sized),
        root: TreeId,
        leaf: &mut dyn FnMut(TreeId, &TreeEntry) -> Result<(), ObjectError>,
    ) -> Result<Option<Extent>, ObjectError> {
        self.below(objects, root, 0, leaf)
    }

    /// The recursion ends where a folder is nested too deeply.
    fn below(
        &mut self,
        objects: &(impl Fetch + ?Sized),
        tree: TreeId,
        depth: usize,
        leaf: &mut dyn FnMut(TreeId, &TreeEntry) -> Result<(), ObjectError>,
    ) -> Result<Option<Extent>, ObjectError> {
        if let Some(known) = self.known.get(&tree) {
            return Ok(*known);
        }
        let broken = |rule| ObjectError::Rule { id: tree.object(), rule };
        let mut all = Extent::default();
        for entry in Elements::<TreeEntry, _>::new(objects, tree.0) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(ObjectError::Missing { .. } | ObjectError::Gone { .. }) => {
                    self.known.insert(tree, None);
                    return Ok(None);
                }
                Err(error) => return Err(error),
            };
            let below = match entry.tree() {
                None => {
                    leaf(tree, &entry)?;
                    Extent { bytes: entry.length, ..Extent::default() }
                }
                Some(_) if depth >= TREE_DEPTH_MAX => {
                    return Err(broken("folders are nested too deeply"));
                }
                Some(inner) => {
                    let found = self.below(objects, inner, depth + 1, leaf)?;
                    if found.is_some_and(|found| found.bytes != entry.length) {
                        return Err(broken("a folder has another length than what is in it"));
                    }
                    found.unwrap_or_default()
                }
            };
            let separator = usize::from(below.path_bytes > 0);
            all.entries = all.entries.saturating_add(1).saturating_add(below.entries);
            all.bytes = all.bytes.saturating_add(below.bytes);
            all.depth = all.depth.max(1 + below.depth);
            let path_bytes = entry.name.0.len() + separator + below.path_bytes;
            all.path_bytes = all.path_bytes.max(path_bytes);
        }
        if all.entries > TREE_ENTRIES_MAX {
            return Err(broken("it stands for more files than a workspace may have"));
        }
        if all.depth > TREE_DEPTH_MAX {
            return Err(broken("folders are nested too deeply"));
        }
        if all.path_bytes > TREE_PATH_BYTES_MAX {
            return Err(broken("a path in it is longer than a system can open"));
        }
        self.known.insert(tree, Some(all));
        Ok(Some(all))
    }
}
