//! From what was found to trees, deepest folders first, each level in parallel.
//!
//! A folder that is as the cache remembers it and whose tree the base has is not built again.

use rayon::prelude::*;

use super::error::WorkspaceError;
use super::record::{Record, Remembered, What};
use super::scan::{Folder, Found, Scan, State};
use crate::base::id::{Hash, TreeId};
use crate::object::traits::Put;
use crate::object::tree::{self, EntryKind, TreeEntry};

/// A workspace as a tree.
pub(super) struct Built {
    pub(super) tree: TreeId,
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// Whether the cache has to be brought up to date with `records`.
    pub(super) is_changed: bool,
    /// What to remember of each folder of the scan; none for one that is absent.
    pub(super) records: Vec<Option<Record>>,
}

/// One folder as a tree.
#[derive(Clone)]
struct BuiltFolder {
    hash: Hash,
    length: u64,
    files: u64,
    is_changed: bool,
    record: Record,
}

/// Builds the trees of all folders.
pub(super) fn build(objects: &(impl Put + ?Sized), scan: &Scan) -> Result<Built, WorkspaceError> {
    let mut all: Vec<Option<BuiltFolder>> = vec![None; scan.folders.len()];
    let mut end = scan.folders.len();
    for start in scan.levels.iter().rev() {
        let level: Result<Vec<Option<BuiltFolder>>, WorkspaceError> = scan.folders[*start..end]
            .par_iter()
            .map(|folder| build_folder(objects, folder, &all))
            .collect();
        for (place, built) in all[*start..end].iter_mut().zip(level?) {
            *place = built;
        }
        end = *start;
    }
    let is_changed = all.iter().flatten().any(|folder| folder.is_changed);
    let (tree, bytes, files) = match all.first() {
        Some(Some(root)) => (TreeId(root.hash), root.length, root.files),
        _ => (tree::empty(objects)?, 0, 0),
    };
    let records = all.into_iter().map(|folder| folder.map(|folder| folder.record)).collect();
    Ok(Built { tree, files, bytes, is_changed, records })
}

fn build_folder(
    objects: &(impl Put + ?Sized),
    folder: &Folder,
    all: &[Option<BuiltFolder>],
) -> Result<Option<BuiltFolder>, WorkspaceError> {
    if folder.is_absent {
        return Ok(None);
    }
    if let Some(record) = folder.record.as_ref().filter(|_| folder.is_same) {
        return build_same(objects, folder, record, all).map(Some);
    }
    let names: Vec<Remembered<'_>> =
        folder.names.iter().filter_map(|found| remember(folder, found, all)).collect();
    let is_empty = names.iter().all(|name| matches!(name.what, What::Left { .. }));
    if is_empty && folder.is_ignored && folder.base.is_none() {
        // Git tracked something in an ignored folder; it is gone, and so is the reason to look.
        return Ok(None);
    }
    put(objects, folder, &names, all).map(Some)
}

/// A folder whose own names are unchanged; those below may differ.
fn build_same(
    objects: &(impl Put + ?Sized),
    folder: &Folder,
    record: &Record,
    all: &[Option<BuiltFolder>],
) -> Result<BuiltFolder, WorkspaceError> {
    let mut below = folder.names.iter();
    let mut is_same = record.tree().is_some() && record.tree() == folder.base;
    let (mut files, mut length) = (0, 0_u64);
    let mut names = Vec::new();
    for mut name in record.names() {
        match &mut name.what {
            What::Leaf { stamp, .. } => {
                files += 1;
                length = length.saturating_add(stamp.size);
            }
            What::Folder { hash, length: bytes } => {
                let built = below.next().and_then(|found| child(found, all));
                let Some(built) = built else {
                    is_same = false;
                    continue;
                };
                is_same &= built.hash == *hash;
                (*hash, *bytes) = (built.hash, built.length);
                files += built.files;
                length = length.saturating_add(built.length);
            }
            What::Left { .. } => {}
        }
        names.push(name);
    }
    match record.tree() {
        Some(tree) if is_same => {
            let record = record.clone();
            Ok(BuiltFolder { hash: tree.0, length, files, is_changed: false, record })
        }
        _ => put(objects, folder, &names, all),
    }
}

fn child<'a>(found: &Found, all: &'a [Option<BuiltFolder>]) -> Option<&'a BuiltFolder> {
    match found.state {
        State::Folder(at) => all[at].as_ref(),
        _ => None,
    }
}

fn remember<'a>(
    folder: &'a Folder,
    found: &Found,
    all: &[Option<BuiltFolder>],
) -> Option<Remembered<'a>> {
    let what = match found.state {
        State::Known { kind, stamp, hash } => What::Leaf { kind, stamp, hash },
        State::Folder(_) => {
            let built = child(found, all)?;
            What::Folder { hash: built.hash, length: built.length }
        }
        State::Left { is_folder } => What::Left { is_folder },
        State::Unread(_) | State::Absent => return None,
    };
    Some(Remembered { name: found.name.of(&folder.bytes), ruled: found.ruled, what })
}

fn put(
    objects: &(impl Put + ?Sized),
    folder: &Folder,
    names: &[Remembered<'_>],
    all: &[Option<BuiltFolder>],
) -> Result<BuiltFolder, WorkspaceError> {
    let entries: Vec<TreeEntry> = names.iter().filter_map(entry_of).collect();
    let below = folder.names.iter().filter_map(|found| child(found, all));
    let leaves = entries.iter().filter(|entry| entry.kind != EntryKind::Directory).count();
    let files = below.map(|built| built.files).sum::<u64>() + leaves as u64;
    let root = tree::build(objects, entries)?;
    let record = Record::encode(&folder.rules, Some(TreeId(root.hash)), names.iter().copied());
    let (hash, length) = (root.hash, root.length);
    Ok(BuiltFolder { hash, length, files, is_changed: true, record })
}

fn entry_of(name: &Remembered<'_>) -> Option<TreeEntry> {
    let (kind, hash, length) = match name.what {
        What::Leaf { kind, stamp, hash } => (kind, hash, stamp.size),
        What::Folder { hash, length } => (EntryKind::Directory, hash, length),
        What::Left { .. } => return None,
    };
    Some(TreeEntry { name: name.name.into(), kind, hash, length })
}
