//! What stands on the disk where a plan wants to change something.
//!
//! Reads; changes nothing. A file counts as what an entry says when the cache has its settled
//! stamp with that content, or else when its content has that hash.

use std::collections::{HashMap, HashSet};
use std::io;
use std::os::fd::AsFd;

use rayon::prelude::*;

use super::content;
use super::error::WorkspaceError;
use super::handle::{self, Root};
use super::listing::Listing;
use super::nearby::{self, Nearby};
use super::record::What;
use super::stamp::Stamp;
use super::stat_cache::StatCache;
use crate::base::id::Hash;
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
    let known = Known::of(changes, cache);
    let see_some = |changes: &[TreeChange]| {
        let mut near = Nearby::new(root);
        let see = |change: &TreeChange| {
            see(&mut near, change, &known)
                .map_err(|e| WorkspaceError::disk("look at", &root.place(&change.path))(e))
        };
        changes.iter().map(see).collect::<Vec<_>>()
    };
    changes.par_chunks(nearby::PATHS).flat_map_iter(see_some).collect()
}

/// What the cache remembers of the folders that a plan touches.
struct Known<'a> {
    folders: HashMap<TreePath, HashMap<&'a [u8], What>>,
    settled: i64,
}

impl<'a> Known<'a> {
    fn of(changes: &[TreeChange], cache: &'a StatCache) -> Self {
        let mut folders = HashMap::new();
        for (folder, _) in changes.iter().filter_map(|change| change.path.split()) {
            folders.entry(folder).or_insert_with_key(|folder| {
                let names = cache.folder(folder).into_iter().flat_map(|record| record.names());
                names.map(|known| (known.name, known.what)).collect()
            });
        }
        Self { folders, settled: cache.settled() }
    }

    /// The content that a file with this stamp has for certain.
    fn content(&self, folder: &TreePath, name: &[u8], now: &Stamp) -> Option<Hash> {
        match self.folders.get(folder)?.get(name)? {
            What::Leaf { stamp, hash, .. } if stamp == now && now.is_settled(self.settled) => {
                Some(*hash)
            }
            _ => None,
        }
    }
}

fn see(near: &mut Nearby<'_>, change: &TreeChange, known: &Known<'_>) -> io::Result<Seen> {
    let stamp = near.stamp(&change.path)?;
    let mut is = |entry: &Option<TreeEntry>| is_entry(near, &change.path, stamp, entry, known);
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
    near: &mut Nearby<'_>,
    path: &TreePath,
    stamp: Option<Stamp>,
    entry: &Option<TreeEntry>,
    known: &Known<'_>,
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
    if let Some(hash) = known.content(&folder, name, &stamp) {
        return Ok(hash == entry.hash);
    }
    let Some(opened) = near.folder_of(path)? else { return Ok(false) };
    let found = handle::absent_is_none(content::identify(opened.as_fd(), name))?.flatten();
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
