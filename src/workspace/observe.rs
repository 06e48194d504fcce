//! What stands on the disk where a plan wants to change something.
//!
//! Reads; changes nothing. A file counts as what an entry says when the cache has its settled
//! stamp with that content, or else when its content has that hash.

use std::collections::HashSet;
use std::io;
use std::os::fd::AsFd;

use rayon::prelude::*;

use super::content;
use super::error::WorkspaceError;
use super::handle::{self, Root};
use super::listing::Listing;
use super::record::What;
use super::stamp::Stamp;
use super::stat_cache::StatCache;
use crate::base::limits::TREE_DEPTH_MAX;
use crate::base::path::TreePath;
use crate::object::tree::{EntryKind, TreeChange, TreeEntry};

/// What stands at a path, against the two sides of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// What the plan starts from.
    Before,
    /// What the plan wants.
    After,
    /// Nothing, where a file becomes a folder or the other way: on the way from one to the other.
    Between,
    /// Something else.
    Other,
}

/// One observation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) standing: Standing,
    /// The stamp of what stands there; none when nothing does.
    pub(super) stamp: Option<Stamp>,
}

/// Looks at all paths of a plan.
pub(super) fn observe(
    root: &Root,
    changes: &[TreeChange],
    cache: &StatCache,
) -> Result<Vec<Seen>, WorkspaceError> {
    let see = |change: &TreeChange| {
        see(root, change, cache).map_err(WorkspaceError::disk("look at", &root.place(&change.path)))
    };
    changes.par_iter().map(see).collect()
}

fn see(root: &Root, change: &TreeChange, cache: &StatCache) -> io::Result<Seen> {
    let stamp = root.stamp(&change.path)?;
    let is = |entry: &Option<TreeEntry>| is_entry(root, &change.path, stamp, entry, cache);
    let both_there = change.before.is_some() && change.after.is_some();
    let folder = |e: &Option<TreeEntry>| e.as_ref().is_some_and(|e| e.tree().is_some());
    let swaps = both_there && folder(&change.before) != folder(&change.after);
    let standing = match () {
        () if stamp.is_none() && swaps => Standing::Between,
        () if is(&change.before)? => Standing::Before,
        () if is(&change.after)? => Standing::After,
        () => Standing::Other,
    };
    Ok(Seen { standing, stamp })
}

/// Whether what stands at a path is what an entry says.
fn is_entry(
    root: &Root,
    path: &TreePath,
    stamp: Option<Stamp>,
    entry: &Option<TreeEntry>,
    cache: &StatCache,
) -> io::Result<bool> {
    let (stamp, entry) = match (stamp, entry) {
        (Some(stamp), Some(entry)) => (stamp, entry),
        (stamp, entry) => return Ok(stamp.is_none() && entry.is_none()),
    };
    if entry.kind == EntryKind::Directory {
        return Ok(stamp.is_folder());
    }
    if stamp.leaf_kind() != Some(entry.kind) || stamp.size != entry.length {
        return Ok(false);
    }
    let Some((folder, name)) = path.split() else { return Ok(false) };
    let record = cache.folder(&folder);
    let known = record.and_then(|record| record.names().find(|known| known.name == name));
    if let Some(What::Leaf { stamp: known, hash, .. }) = known.map(|known| known.what)
        && known == stamp
        && stamp.is_settled(cache.settled())
    {
        return Ok(hash == entry.hash);
    }
    let handle = handle::absent_is_none(root.folder(&folder))?;
    let Some(handle) = handle else { return Ok(false) };
    let found = handle::absent_is_none(content::identify(handle.as_fd(), name))?.flatten();
    Ok(found.is_some_and(|(kind, hash, _)| kind == entry.kind && hash == entry.hash))
}

/// What lies in a folder of the disk that the plan does not take away: that keeps it from being
/// replaced by a file. Topmost only.
pub(super) fn foreign_within(
    root: &Root,
    folder: &TreePath,
    planned: &HashSet<&TreePath>,
) -> Result<Vec<TreePath>, WorkspaceError> {
    let mut foreign = Vec::new();
    let mut level = vec![folder.clone()];
    for _ in 0..=TREE_DEPTH_MAX {
        let mut below = Vec::new();
        for folder in level {
            let listing = root.folder(&folder).and_then(|handle| Listing::read(&handle));
            let listing = handle::absent_is_none(listing)
                .map_err(WorkspaceError::disk("list", &root.place(&folder)))?
                .unwrap_or_default();
            for (name, kind) in &listing.names {
                let path = folder.join(name.of(&listing.bytes));
                if !planned.contains(&path) {
                    foreign.push(path);
                } else if *kind != rustix::fs::FileType::RegularFile {
                    below.push(path);
                }
            }
        }
        if below.is_empty() {
            break;
        }
        level = below;
    }
    foreign.sort();
    Ok(foreign)
}
