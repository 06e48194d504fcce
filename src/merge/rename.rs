//! Files that one side renamed and the other changed: the change follows the file.
//!
//! Looks only at files that one side removed and the other changed, so that a merge without any costs
//! nothing. A file is taken for renamed when the same content came at another path, or a text that is
//! half the same, as git takes it. Folders are not followed.

use std::collections::{BTreeMap, HashMap};

use super::folder::{Changes, leaf};
use super::lines::split;
use crate::base::codec::Bytes;
use crate::base::id::BlobId;
use crate::base::limits::{RENAME_PAIRS_MAX, TEXT_BYTES_MAX};
use crate::base::path::TreePath;
use crate::object::traits::{Fetch, ObjectError};
use crate::object::tree::{EntryKind, TreeChange, TreeEntry};

/// Percent of the longer file that must be the same.
const SAME_PERCENT: u64 = 50;

/// Follows renames of both sides; gives, for each new path that a change followed, the old one.
///
/// # Errors
/// When an object cannot be read.
pub(super) fn follow(
    objects: &(impl Fetch + ?Sized),
    ours: &mut Changes,
    theirs: &mut Changes,
) -> Result<BTreeMap<TreePath, TreePath>, ObjectError> {
    let mut renamed = BTreeMap::new();
    for (from, to) in pairs(objects, ours, theirs)? {
        apply(ours, theirs, &from, &to);
        renamed.insert(to, from);
    }
    for (from, to) in pairs(objects, theirs, ours)? {
        apply(theirs, ours, &from, &to);
        renamed.insert(to, from);
    }
    Ok(renamed)
}

/// The renames of one side that the other side's changes have to follow: old path and new one.
fn pairs(
    objects: &(impl Fetch + ?Sized),
    renaming: &Changes,
    changing: &Changes,
) -> Result<Vec<(TreePath, TreePath)>, ObjectError> {
    let removed = renaming.values().filter(|change| change.after.is_none());
    let is_changed = |change: &&TreeChange| {
        let other = changing.get(&change.path);
        is_file(change.before.as_ref())
            && other.is_some_and(|other| leaf(other.after.as_ref()).is_some())
    };
    let mut sources: Vec<&TreeChange> = removed.filter(is_changed).collect();
    if sources.is_empty() {
        return Ok(Vec::new());
    }
    let came = |change: &&TreeChange| {
        change.before.is_none()
            && is_file(change.after.as_ref())
            && !changing.contains_key(&change.path)
    };
    let mut targets: Vec<&TreeChange> = renaming.values().filter(came).collect();
    let mut found = Vec::new();
    // The same content; of several the one of the same name, else the first.
    sources.retain(|source| {
        let before = source.before.as_ref();
        let same = |target: &&TreeChange| {
            before.zip(target.after.as_ref()).is_some_and(|(a, b)| a.hash == b.hash)
        };
        let named = |target: &TreeChange| target.path.name() == source.path.name();
        let all: Vec<usize> = (0..targets.len()).filter(|at| same(&targets[*at])).collect();
        let best = all.iter().find(|at| named(targets[**at])).or(all.first());
        match best {
            Some(at) => {
                found.push((source.path.clone(), targets.remove(*at).path.clone()));
                false
            }
            None => true,
        }
    });
    found.extend(similar(objects, &sources, &targets)?);
    Ok(found)
}

fn is_file(entry: Option<&TreeEntry>) -> bool {
    let is = |entry: &TreeEntry| matches!(entry.kind, EntryKind::File | EntryKind::Executable);
    entry.is_some_and(is)
}

/// The pairs that are most alike, each file once. None where there are more pairs than somebody would
/// wait for.
fn similar(
    objects: &(impl Fetch + ?Sized),
    sources: &[&TreeChange],
    targets: &[&TreeChange],
) -> Result<Vec<(TreePath, TreePath)>, ObjectError> {
    if sources.len().saturating_mul(targets.len()) > RENAME_PAIRS_MAX {
        return Ok(Vec::new());
    }
    let content = |entry: Option<&TreeEntry>| -> Result<Vec<u8>, ObjectError> {
        let mut content = Vec::new();
        let small = entry.filter(|entry| entry.length <= TEXT_BYTES_MAX);
        if let Some(blob) = small.and_then(TreeEntry::blob) {
            objects.fetch_blob_to(BlobId(blob.0), &mut content)?;
        }
        Ok(content)
    };
    let mut alike = Vec::new();
    let new: Vec<Vec<u8>> =
        targets.iter().map(|t| content(t.after.as_ref())).collect::<Result<_, _>>()?;
    for source in sources {
        let old = content(source.before.as_ref())?;
        for (target, new) in targets.iter().zip(&new) {
            let share = same_percent(&old, new);
            if share >= SAME_PERCENT {
                let other_name = target.path.name() != source.path.name();
                alike.push((100 - share, other_name, &source.path, &target.path));
            }
        }
    }
    alike.sort();
    let mut found: Vec<(TreePath, TreePath)> = Vec::new();
    for (_, _, from, to) in alike {
        if !found.iter().any(|(a, b)| a == from || b == to) {
            found.push((from.clone(), to.clone()));
        }
    }
    Ok(found)
}

/// The share of the longer one that stands in both, line by line in any order.
fn same_percent(old: &[u8], new: &[u8]) -> u64 {
    let longer = old.len().max(new.len()) as u64;
    if old.is_empty() || new.is_empty() {
        return 0;
    }
    let mut lines: HashMap<&[u8], u64> = HashMap::new();
    split(old).into_iter().for_each(|line| *lines.entry(line).or_default() += 1);
    let mut same = 0;
    for line in split(new) {
        if let Some(left) = lines.get_mut(line).filter(|left| **left > 0) {
            *left -= 1;
            same += line.len() as u64;
        }
    }
    same * 100 / longer
}

/// Moves a change of one side to where the other side moved the file.
fn apply(renaming: &mut Changes, changing: &mut Changes, from: &TreePath, to: &TreePath) {
    let Some(change) = changing.remove(from) else { return };
    let name = Bytes(to.name().to_vec());
    let moved =
        |entry: Option<TreeEntry>| entry.map(|entry| TreeEntry { name: name.clone(), ..entry });
    let before = moved(change.before);
    if let Some(came) = renaming.get_mut(to) {
        came.before.clone_from(&before);
    }
    let (path, after) = (to.clone(), moved(change.after));
    changing.insert(to.clone(), TreeChange { path, before, after });
}
