//! Folders in a merge: where they clash with files, and which ones stay when they are empty.
//!
//! A folder is there or it is not, so three versions of it never conflict by themselves: it is as
//! the side that changed it has it. What stands in a folder keeps it, whoever removed it.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::TreeId;
use crate::base::path::TreePath;
use crate::object::traits::{Fetch, ObjectError, Put};
use crate::object::tree::{self, EntryKind, Leaf, TreeChange, TreeEntry};

/// What one side changed, by path.
pub(super) type Changes = BTreeMap<TreePath, TreeChange>;

/// Whether it is a folder.
pub(super) fn is_folder(entry: Option<&TreeEntry>) -> bool {
    entry.is_some_and(|entry| entry.kind == EntryKind::Directory)
}

/// A file or link; none for nothing and for a folder.
pub(super) fn leaf(entry: Option<&TreeEntry>) -> Option<&TreeEntry> {
    entry.filter(|entry| entry.kind != EntryKind::Directory)
}

/// The paths that one side made a file or link while the other has something in a folder there.
pub(super) fn clashes(ours: &Changes, theirs: &Changes) -> BTreeSet<TreePath> {
    let one_way = |files: &Changes, others: &Changes| {
        let clash = |change: &&TreeChange| {
            leaf(change.after.as_ref()).is_some() && keeps_folder(change, others)
        };
        files.values().filter(clash).map(|change| change.path.clone()).collect::<BTreeSet<_>>()
    };
    let mut found = one_way(ours, theirs);
    found.extend(one_way(theirs, ours));
    found
}

/// Whether a side has a folder, made or filled by itself, where the other set a file.
fn keeps_folder(file: &TreeChange, others: &Changes) -> bool {
    if let Some(other) = others.get(&file.path) {
        return is_folder(other.after.as_ref());
    }
    is_folder(file.before.as_ref())
        && below(others, &file.path).any(|change| change.after.is_some())
}

fn below<'c>(changes: &'c Changes, folder: &'c TreePath) -> impl Iterator<Item = &'c TreeChange> {
    // The least name that there can be: everything below the folder follows, without a gap.
    let first = folder.join(&[1]);
    changes.range(first..).map(|(_, change)| change).take_while(|c| c.path.is_within(folder))
}

/// Adds the folders that theirs made, so that empty ones come, too.
pub(super) fn add_new(
    objects: &(impl Put + ?Sized),
    ours: &Changes,
    theirs: &Changes,
    edits: &mut BTreeMap<TreePath, Leaf>,
) -> Result<(), ObjectError> {
    let empty = Leaf::Tree(tree::empty(objects)?, 0);
    for (path, change) in theirs {
        let ours_has_it = ours.get(path).is_some_and(|ours| is_folder(ours.after.as_ref()));
        if is_folder(change.after.as_ref()) && !ours_has_it {
            edits.insert(path.clone(), empty);
        }
    }
    Ok(())
}

/// Removes the folders that theirs removed and that are empty now, and brings back those that an
/// edit dropped with their last entry although both sides have them.
pub(super) fn settle_empty(
    objects: &(impl Put + ?Sized),
    (ours, theirs): (TreeId, TreeId),
    their_changes: &Changes,
    edits: &BTreeMap<TreePath, Leaf>,
    merged: TreeId,
) -> Result<TreeId, ObjectError> {
    let gone = removed(objects, their_changes, merged)?;
    let inside_gone =
        |path: &TreePath| path.split().is_some_and(|(folder, _)| gone.contains(&folder));
    let removals = gone.iter().filter(|path| !inside_gone(path));
    let removals: BTreeMap<_, _> = removals.map(|path| (path.clone(), Leaf::Absent)).collect();
    let merged = tree::edit(objects, merged, &removals)?;

    let absent = |(path, leaf): (&TreePath, &Leaf)| (*leaf == Leaf::Absent).then(|| path.clone());
    let mut above = BTreeSet::new();
    for path in edits.iter().chain(&removals).filter_map(absent) {
        let mut at = path;
        while let Some((folder, _)) = at.split() {
            if folder.is_root() || !above.insert(folder.clone()) {
                break;
            }
            at = folder;
        }
    }
    let empty = Leaf::Tree(tree::empty(objects)?, 0);
    let mut kept = BTreeMap::new();
    for folder in above {
        let both = is_folder(tree::lookup(objects, ours, &folder)?.as_ref())
            && is_folder(tree::lookup(objects, theirs, &folder)?.as_ref());
        if both && tree::lookup(objects, merged, &folder)?.is_none() {
            kept.insert(folder, empty);
        }
    }
    tree::edit(objects, merged, &kept)
}

/// The folders that theirs removed and in which nothing else is left.
fn removed(
    objects: &(impl Fetch + ?Sized),
    their_changes: &Changes,
    merged: TreeId,
) -> Result<BTreeSet<TreePath>, ObjectError> {
    let mut gone = BTreeSet::new();
    // Backwards, so that a folder comes after all that it holds.
    for (path, change) in their_changes.iter().rev() {
        if !is_folder(change.before.as_ref()) || change.after.is_some() {
            continue;
        }
        let entry = tree::lookup(objects, merged, path)?;
        let Some(folder) = entry.as_ref().and_then(TreeEntry::tree) else {
            continue;
        };
        let entries = tree::entries(objects, folder)?;
        if entries.iter().all(|entry| gone.contains(&path.join(&entry.name.0))) {
            gone.insert(path.clone());
        }
    }
    Ok(gone)
}
