//! Bringing the files of a workspace to another tree.
//!
//! Looks at every path of the plan first and refuses before the first change when one is not what
//! was captured; looks again just before each path is replaced or removed. `perform` does the work.
//!
//! **Durability**: with [`Durability::Durable`] content is durable before it gets its name, and
//! all names are durable on return. A crash on the way leaves each path as it was or as it shall
//! be (for a file that becomes a folder or the other way, perhaps absent); see `take_back`.
//!
//! Files that are written have the present time: build tools must see that they changed. Owner,
//! extended attributes and hard links of a replaced file are not kept; its permission bits are.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use rayon::prelude::*;
use rustix::fs::{Access, AtFlags};

use super::error::RestoreError;
use super::handle::{self, Root};
use super::nearby::{self, Nearby};
use super::observe::{Seen, Standing, foreign_within, observe};
use super::perform::{Performer, Step};
use super::plan::RestorePlan;
use super::record::What;
use super::stat_cache::StatCache;
use crate::base::disk::Disk;
use crate::base::path::TreePath;
use crate::object::traits::Fetch;
use crate::object::tree::TreeChange;

/// Whether a restore waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// A crash later loses nothing: for the user's workspace.
    Durable,
    /// A crash may lose it: for a copy that can be made again.
    Disposable,
}

/// What to do with a path that is not what the plan starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnOther {
    /// Stop.
    Refuse,
    /// Leave it alone and report it.
    Leave,
}

/// What a restore did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestoreReport {
    /// Files and links that were written, or whose executable bit was changed.
    pub written: u64,
    /// Bytes that were written.
    pub written_bytes: u64,
    /// Files, links and folders that were removed.
    pub removed: u64,
    /// Folders that were to go and stay, since they hold what is not recorded.
    pub kept_folders: Vec<TreePath>,
    /// Paths that were left alone since they are neither the old nor the new: only from
    /// `take_back` and `finish`.
    pub left: Vec<TreePath>,
}

/// Applies a plan to a workspace whose files are `plan.from`, and brings the cache along.
///
/// # Errors
/// [`RestoreError::Changed`] and [`RestoreError::ReadOnly`] before anything is changed; the
/// disk's and the store's at any time. After an error the caller takes back (see `take_back`).
pub fn apply_restore(
    disk: &dyn Disk,
    objects: &(impl Fetch + ?Sized),
    root: &Path,
    plan: &RestorePlan,
    cache: &mut StatCache,
    durability: Durability,
) -> Result<RestoreReport, RestoreError> {
    let place = Root::open(root)?;
    let on_other = OnOther::Refuse;
    let mut performer = Performer { disk, objects, root: &place, durability, on_other };
    bring(&mut performer, &plan.changes, cache)
}

/// Observes, checks, performs, remembers.
pub(super) fn bring<O: Fetch + ?Sized>(
    performer: &mut Performer<'_, O>,
    changes: &[TreeChange],
    cache: &mut StatCache,
) -> Result<RestoreReport, RestoreError> {
    let seen = observe(performer.root, changes, cache)?;
    let mut left = BTreeSet::new();
    let steps = steps_of(performer, changes, &seen, &mut left)?;
    let mut report = RestoreReport::default();
    let done = performer.perform(&steps, &mut report);
    // Even after an error: what the cache says of the paths that were touched is no longer so.
    remember(performer.root, &steps, done.is_ok(), cache);
    done?;
    report.left.extend(left);
    report.left.sort();
    report.left.dedup();
    Ok(report)
}

/// What has to be done, in the order of the paths.
fn steps_of<'a, O: Fetch + ?Sized>(
    performer: &Performer<'_, O>,
    changes: &'a [TreeChange],
    seen: &[Seen],
    left: &mut BTreeSet<TreePath>,
) -> Result<Vec<Step<'a>>, RestoreError> {
    let refuse = performer.on_other == OnOther::Refuse;
    let planned: HashSet<&TreePath> = changes.iter().map(|change| &change.path).collect();
    let linked = linked_files(seen);
    let mut steps = Vec::new();
    let mut made: HashSet<TreePath> = HashSet::new();
    let mut parents: HashMap<TreePath, bool> = HashMap::new();
    for (change, seen) in changes.iter().zip(seen) {
        let is_linked = seen.stamp.is_some_and(|stamp| linked.contains(&stamp.file()));
        let step = Step { change, stamp: seen.stamp, is_linked };
        let mut is_other = match seen.standing {
            Standing::After => continue,
            Standing::Before => false,
            Standing::Between => refuse,
            Standing::Other => true,
        };
        if step.replaces_folder() {
            let foreign = foreign_within(performer.root, &change.path, &planned)?;
            if let (true, Some(path)) = (refuse, foreign.first()) {
                return Err(RestoreError::Changed { path: path.clone() });
            }
            is_other |= !foreign.is_empty();
        }
        let parent = change.path.split().map(|(parent, _)| parent).unwrap_or_default();
        is_other |= left.iter().any(|at| change.path.is_within(at));
        if !is_other && !made.contains(&parent) {
            is_other = match parents.get(&parent) {
                Some(is_there) => !is_there,
                None => {
                    let is_there = is_writable(performer.root, &parent)?;
                    parents.insert(parent, is_there);
                    !is_there
                }
            };
        }
        if is_other && refuse {
            return Err(RestoreError::Changed { path: change.path.clone() });
        }
        if is_other {
            left.insert(change.path.clone());
            continue;
        }
        if step.makes_folder() {
            made.insert(change.path.clone());
        }
        steps.push(step);
    }
    Ok(steps)
}

/// Files that stand under several of the names that were looked at, as device and inode.
fn linked_files(seen: &[Seen]) -> HashSet<(u64, u64)> {
    let mut met = HashSet::new();
    let files = seen.iter().filter_map(|seen| seen.stamp).filter(|stamp| !stamp.is_folder());
    files.map(|stamp| stamp.file()).filter(|file| !met.insert(*file)).collect()
}

/// Whether a folder is there, reached through real folders only. One that we may not write to is
/// an error: it is found before anything is changed.
fn is_writable(root: &Root, folder: &TreePath) -> Result<bool, RestoreError> {
    let place = root.place(folder);
    let opened = handle::absent_is_none(root.folder(folder));
    let Some(opened) = opened.map_err(RestoreError::disk("open", &place))? else {
        return Ok(false);
    };
    let access = Access::WRITE_OK | Access::EXEC_OK;
    match rustix::fs::accessat(&opened, ".", access, AtFlags::empty()) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::ACCESS | rustix::io::Errno::ROFS) => {
            Err(RestoreError::ReadOnly { path: place })
        }
        Err(error) => Err(RestoreError::disk("look at", &place)(error.into())),
    }
}

/// Names of one folder, and what to remember of them.
type Names<'a> = Vec<(&'a [u8], Option<What>)>;

/// Brings the cache to what stands at the paths of the steps now. What was written is so young
/// that the next capture reads it once more; the rest is forgotten.
fn remember(root: &Root, steps: &[Step<'_>], is_done: bool, cache: &mut StatCache) {
    let mut folders: BTreeMap<TreePath, Names<'_>> = BTreeMap::new();
    let stamps = |steps: &[Step<'_>]| {
        let mut near = Nearby::new(root);
        let stamp = |step: &Step<'_>| near.stamp(&step.change.path).ok().flatten();
        steps.iter().map(stamp).collect::<Vec<_>>()
    };
    let stamps: Vec<_> = steps.par_chunks(nearby::PATHS).flat_map_iter(stamps).collect();
    for (step, stamp) in steps.iter().zip(stamps) {
        let Some((folder, _)) = step.change.path.split() else { continue };
        let after = step.change.after.as_ref().filter(|_| is_done);
        let what = after.zip(stamp).and_then(|(entry, stamp)| match entry.tree() {
            Some(tree) => Some(What::Folder { hash: tree.0, length: entry.length }),
            None if stamp.leaf_kind() == Some(entry.kind) && stamp.size == entry.length => {
                Some(What::Leaf { kind: entry.kind, stamp, hash: entry.hash })
            }
            None => None,
        });
        let bytes = step.change.path.as_bytes();
        let skip = bytes.len() - step.change.path.split().map_or(0, |(_, name)| name.len());
        folders.entry(folder).or_default().push((&bytes[skip..], what));
    }
    for (folder, names) in &folders {
        cache.update(folder, names);
    }
}
