//! Capturing one file, where it is known that nothing else is asked for: costs that file, not the
//! workspace.
//!
//! Guarantees the same answer for it that a capture of all files would give, or none. Knows nothing
//! of what else has changed.

use std::os::fd::AsFd;

use super::content::{self, Content};
use super::error::WorkspaceError;
use super::handle;
use super::keep_out::KeepOut;
use super::rules::Rules;
use crate::base::id::{BlobId, TreeId};
use crate::base::path::TreePath;
use crate::base::time::Timestamp;
use crate::object::traits::{ObjectError, Put};
use crate::object::tree::{self, Leaf};

/// What a capture of all files would say of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Single {
    /// This stands there.
    Captured(Leaf),
    /// The rules leave it out, and the base does not have it.
    LeftOut,
    /// Only a walk can tell: it is gone, a folder, behind a link, not to be read, or being written.
    Unclear,
}

/// Captures what stands at a path. `base` is what the workspace was last recorded as, `now` the
/// system's clock before.
///
/// # Errors
/// The disk's; the store's.
pub fn capture_file(
    objects: &(impl Put + ?Sized),
    rules: &Rules,
    path: &TreePath,
    base: TreeId,
    now: Timestamp,
) -> Result<Single, WorkspaceError> {
    let Some((folder, name)) = path.split() else { return Ok(Single::Unclear) };
    if KeepOut::new(rules).keeps_out(path, false)? && tree::lookup(objects, base, path)?.is_none() {
        return Ok(Single::LeftOut);
    }
    let Ok(opened) = rules.root.folder(&folder) else { return Ok(Single::Unclear) };
    let is_leaf = handle::stamp_at(&opened, name).is_ok_and(|stamp| stamp.leaf_kind().is_some());
    if !is_leaf {
        return Ok(Single::Unclear);
    }
    match content::store(objects, opened.as_fd(), name, None, now.0) {
        Ok(Content::Stored { kind, stamp, hash }) => {
            Ok(Single::Captured(Leaf::Blob(kind, BlobId(hash), stamp.size)))
        }
        Ok(_) => Ok(Single::Unclear),
        Err(ObjectError::Content(source)) => {
            Err(WorkspaceError::disk("read", &rules.root.place(path))(source))
        }
        Err(error) => Err(WorkspaceError::Objects(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::object::memory::MemoryObjects;
    use crate::workspace::{RuleOptions, StatCache, capture};

    fn path(text: &str) -> TreePath {
        TreePath::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn it_is_what_a_walk_would_take() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir(root.join("sub")).unwrap();
        fs::write(root.join("sub/a"), "a").unwrap();
        fs::write(root.join(".gitignore"), "*.log\n").unwrap();
        let objects = MemoryObjects::new();
        let rules = || Rules::load(root, &RuleOptions::default()).unwrap();
        let walk = || {
            let mut cache = StatCache::empty(Timestamp(0));
            capture(&objects, &rules(), &mut cache, None).unwrap().tree
        };
        let single = |base, at: &str| {
            capture_file(&objects, &rules(), &path(at), base, Timestamp(0)).unwrap()
        };
        let base = walk();
        fs::write(root.join("sub/a"), "changed").unwrap();
        fs::create_dir(root.join("new")).unwrap();
        fs::write(root.join("new/b"), "new").unwrap();
        let mut edits = std::collections::BTreeMap::new();
        for at in ["sub/a", "new/b"] {
            let Single::Captured(leaf) = single(base, at) else { panic!("{at}") };
            edits.insert(path(at), leaf);
        }
        assert_eq!(tree::edit(&objects, base, &edits).unwrap(), walk());
        fs::write(root.join("x.log"), "").unwrap();
        assert_eq!(single(base, "x.log"), Single::LeftOut);
        std::os::unix::fs::symlink("sub", root.join("link")).unwrap();
        for at in ["gone", "sub", "link/a", "sub/a/below"] {
            assert_eq!(single(base, at), Single::Unclear, "{at}");
        }
    }
}
