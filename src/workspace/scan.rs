//! The walk of a workspace: every folder listed, every file looked at, nothing read.
//!
//! Level by level, each level's folders in parallel, so that neither the stack nor the number of
//! open folders grows with the depth. What the stat cache knows is a *hit*; the rest is to be read.
//! Says what is left out and why. Changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::error::WorkspaceError;
use super::listing::NameAt;
use super::record::{Record, Ruled};
use super::rules::{Rules, Scope};
use super::scan_folder;
use super::stamp::Stamp;
use super::stat_cache::StatCache;
use crate::base::id::{Hash, TreeId};
use crate::base::path::TreePath;
use crate::object::traits::Fetch;
use crate::object::tree::{EntryKind, TreeEntry};

/// Why something in the workspace is not captured, apart from rules and secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// A socket, a FIFO or a device.
    Special,
    /// It may not be read (or its path is too long for the system), and the base does not have it.
    Unreadable,
    /// It was written each time that it was read.
    Changing,
    /// It stands for far more bytes than it has on the disk, or for more than a capture reads.
    TooLarge,
    /// The `.git` of a repository inside the workspace. Its other files are captured.
    Repository,
    /// The store of a workspace inside this one.
    Store,
    /// A file that a restore had begun to write.
    Leftover,
    /// It is nested more deeply than a tree may be, or its path is longer than a system can open.
    TooDeep,
    /// Its name is one that file systems take for git's folder or for a store: see
    /// `base::reserved`.
    Reserved,
}

impl SkipReason {
    /// Whether something is there that was only not captured. Then the base's stays.
    pub(super) fn is_there(self) -> bool {
        matches!(self, Self::Unreadable | Self::Changing | Self::TooLarge | Self::TooDeep)
    }
}

/// What every folder of one walk is looked at with.
pub(super) struct Walk<'a, O: ?Sized> {
    pub(super) objects: &'a O,
    pub(super) rules: &'a Rules,
    pub(super) cache: &'a StatCache,
}

/// A folder that is still to be listed.
pub(super) struct Pending {
    pub(super) path: TreePath,
    pub(super) scope: Arc<Scope>,
    /// Whether it lies in an ignored folder: then only what git tracks or the base has counts.
    pub(super) is_ignored: bool,
    /// What the base has there.
    pub(super) base: Option<TreeId>,
    /// The device of its parent.
    pub(super) device: u64,
}

/// What was found in one folder.
pub(super) struct Folder {
    pub(super) path: TreePath,
    pub(super) base: Option<TreeId>,
    pub(super) is_ignored: bool,
    /// What the cache remembers.
    pub(super) record: Option<Record>,
    /// The digest of the rules in force.
    pub(super) rules: Hash,
    /// Whether all names, stamps and rules are those of the record. Then `names` has the folders
    /// only.
    pub(super) is_same: bool,
    /// What `names` point into.
    pub(super) bytes: Vec<u8>,
    pub(super) names: Vec<Found>,
    /// It could not be listed, or is gone: its parent has no such entry.
    pub(super) is_absent: bool,
    pub(super) notes: Notes,
}

/// One name of a folder.
pub(super) struct Found {
    pub(super) name: NameAt,
    pub(super) ruled: Ruled,
    pub(super) state: State,
}

/// What is known of it so far.
pub(super) enum State {
    /// A file or link with known content.
    Known { kind: EntryKind, stamp: Stamp, hash: Hash },
    /// A file or link to be read.
    Unread(Stamp),
    /// The folder at this place in the list.
    Folder(usize),
    /// Not captured.
    Left { is_folder: bool },
    /// It is gone, or cannot be read.
    Absent,
}

/// What has to be said.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) ignored: Vec<TreePath>,
    pub(super) secrets: Vec<TreePath>,
    pub(super) skipped: Vec<(TreePath, SkipReason)>,
    pub(super) mounts: Vec<TreePath>,
    pub(super) unreadable: Vec<TreePath>,
    pub(super) racing: Vec<TreePath>,
}

impl Notes {
    pub(super) fn append(&mut self, other: &mut Self) {
        self.ignored.append(&mut other.ignored);
        self.secrets.append(&mut other.secrets);
        self.skipped.append(&mut other.skipped);
        self.mounts.append(&mut other.mounts);
        self.unreadable.append(&mut other.unreadable);
        self.racing.append(&mut other.racing);
    }

    pub(super) fn sort(&mut self) {
        self.ignored.sort();
        self.secrets.sort();
        self.skipped.sort_by(|a, b| a.0.cmp(&b.0));
        self.mounts.sort();
        self.unreadable.sort();
        self.racing.sort();
    }
}

/// All folders of a workspace, each before those below it.
pub(super) struct Scan {
    pub(super) folders: Vec<Folder>,
    /// Where each level begins in `folders`.
    pub(super) levels: Vec<usize>,
    pub(super) notes: Notes,
}

/// Walks a workspace.
pub(super) fn scan<O: Fetch + ?Sized>(
    walk: &Walk<'_, O>,
    base: Option<TreeId>,
) -> Result<Scan, WorkspaceError> {
    let mut all = Scan { folders: Vec::new(), levels: Vec::new(), notes: Notes::default() };
    let root = Pending {
        path: TreePath::root(),
        scope: Arc::clone(walk.rules.outer()),
        is_ignored: false,
        base,
        device: walk.rules.root.device,
    };
    let mut level = vec![root];
    // What is nested more deeply is left out where it is met, so this ends.
    while !level.is_empty() {
        let found: Result<Vec<(Folder, Vec<Pending>)>, WorkspaceError> =
            level.into_par_iter().map(|pending| scan_folder::scan_folder(walk, pending)).collect();
        all.levels.push(all.folders.len());
        level = all.take_level(found?);
    }
    all.notes.sort();
    Ok(all)
}

impl Scan {
    /// Adds a level; returns the folders of the next one, whose places in the list are written
    /// into the names that stand for them.
    fn take_level(&mut self, found: Vec<(Folder, Vec<Pending>)>) -> Vec<Pending> {
        let first_below = self.folders.len() + found.len();
        let mut below = Vec::new();
        for (mut folder, pending) in found {
            let offset = first_below + below.len();
            for name in &mut folder.names {
                if let State::Folder(at) = &mut name.state {
                    *at += offset;
                }
            }
            below.extend(pending);
            self.notes.append(&mut folder.notes);
            self.folders.push(folder);
        }
        below
    }
}

/// What the base has in one folder, fetched when it is first asked for.
pub(super) struct BaseNames<'a, O: ?Sized> {
    objects: &'a O,
    tree: Option<TreeId>,
    entries: Option<BTreeMap<Vec<u8>, TreeEntry>>,
}

impl<'a, O: Fetch + ?Sized> BaseNames<'a, O> {
    pub(super) fn new(objects: &'a O, tree: Option<TreeId>) -> Self {
        Self { objects, tree, entries: None }
    }

    pub(super) fn get(&mut self, name: &[u8]) -> Result<Option<(EntryKind, Hash)>, WorkspaceError> {
        let Some(tree) = self.tree else { return Ok(None) };
        let entries = match &mut self.entries {
            Some(entries) => entries,
            none => {
                let entries = crate::object::tree::entries(self.objects, tree)?;
                none.insert(entries.into_iter().map(|e| (e.name.0.clone(), e)).collect())
            }
        };
        Ok(entries.get(name).map(|entry| (entry.kind, entry.hash)))
    }
}
