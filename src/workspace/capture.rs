//! Capturing a workspace: walk, read what the stat cache does not know, build the tree.
//!
//! Guarantees that nothing which the base has is left out silently: it is captured, or gone from
//! the disk, or it stays as the base has it and is named with the reason: one bad file stops nothing. Objects are durable with the caller's
//! commit; the stat cache is right even if that never comes.

use std::collections::{BTreeMap, HashMap};
use std::os::fd::AsFd;

use rayon::prelude::*;

use super::build;
use super::content::{self, Content};
use super::error::WorkspaceError;
use super::handle;
use super::rules::Rules;
use super::scan::{Folder, Notes, Scan, SkipReason, State, Walk, scan};
use super::stat_cache::StatCache;
use crate::base::id::TreeId;
use crate::base::limits::{READ_TASK_BYTES_MAX, READ_TASK_FILES_MAX};
use crate::base::path::TreePath;
use crate::object::traits::{ObjectError, Put};
use crate::object::tree::{self, Leaf};

/// What a capture found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// The files as a tree.
    pub tree: TreeId,
    /// Files and links in it.
    pub files: u64,
    /// Bytes in it.
    pub bytes: u64,
    /// Files and links that had to be read.
    pub read_files: u64,
    /// Their bytes.
    pub read_bytes: u64,
    /// What the rules leave out, topmost only: an ignored folder stands for all below.
    pub ignored: Vec<TreePath>,
    /// Files left out because they look like secrets.
    pub secrets: Vec<TreePath>,
    /// What cannot be captured, and why.
    pub skipped: Vec<(TreePath, SkipReason)>,
    /// Folders of other file systems mounted inside. Their files are captured.
    pub mounts: Vec<TreePath>,
}

/// Captures a workspace. `base` is a tree that is stored for certain (a snapshot's): what it has
/// is captured although ignored, and content that it names is neither read nor looked up again.
///
/// With `Scratch` as `objects` it is a dry run: contents are only hashed. The cache may be saved
/// after that, too.
///
/// # Errors
/// The disk's; the store's. What cannot be captured is no error: it is named in
/// [`Capture::skipped`], and stays as the base has it.
pub fn capture(
    objects: &(impl Put + ?Sized),
    rules: &Rules,
    cache: &mut StatCache,
    base: Option<TreeId>,
) -> Result<Capture, WorkspaceError> {
    let mut scan = scan(&Walk { objects, rules, cache }, base)?;
    let (read_files, read_bytes) = read_all(objects, rules, &mut scan, cache.now())?;
    let mut notes = std::mem::take(&mut scan.notes);
    let built = build::build(objects, &scan)?;
    let (tree, kept) = keep_left_out(objects, built.tree, base, &mut notes)?;
    if built.is_changed {
        let mut folders = HashMap::with_capacity(scan.folders.len());
        for (folder, record) in scan.folders.iter().zip(built.records) {
            if let Some(record) = record {
                folders.insert(folder.path.as_bytes().to_vec(), record);
            }
        }
        cache.replace(folders);
    }
    Ok(Capture {
        tree,
        files: built.files + kept.0,
        bytes: built.bytes.saturating_add(kept.1),
        read_files,
        read_bytes,
        ignored: notes.ignored,
        secrets: notes.secrets,
        skipped: notes.skipped,
        mounts: notes.mounts,
    })
}

/// What is there and could not be captured stays as the base has it: leaving it out would record a
/// deletion. All of it becomes what was skipped. Returns the tree, and files and bytes that were kept.
fn keep_left_out(
    objects: &(impl Put + ?Sized),
    built: TreeId,
    base: Option<TreeId>,
    notes: &mut Notes,
) -> Result<(TreeId, (u64, u64)), WorkspaceError> {
    let mut edits = BTreeMap::new();
    let mut kept = (0, 0_u64);
    let unreadable = notes.unreadable.drain(..).map(|path| (path, SkipReason::Unreadable));
    let left_out: Vec<_> =
        unreadable.chain(notes.racing.drain(..).map(|path| (path, SkipReason::Changing))).collect();
    let within = left_out.iter().map(|(path, _)| path);
    let others = notes.skipped.iter().filter(|(_, why)| why.is_there()).map(|(path, _)| path);
    for path in within.chain(others) {
        let Some(base) = base else { break };
        let Some(entry) = tree::lookup(objects, base, path)? else { continue };
        let leaf = match entry.tree() {
            Some(tree) => {
                let totals = tree::totals(objects, tree)?;
                kept = (kept.0 + totals.0, kept.1.saturating_add(totals.1));
                Leaf::Tree(tree, entry.length)
            }
            None => {
                kept = (kept.0 + 1, kept.1.saturating_add(entry.length));
                Leaf::Blob(entry.kind, entry.hash.into(), entry.length)
            }
        };
        edits.insert(path.clone(), leaf);
    }
    notes.skipped.extend(left_out);
    notes.skipped.sort_by(|a, b| a.0.cmp(&b.0));
    if edits.is_empty() {
        return Ok((built, kept));
    }
    Ok((tree::edit(objects, built, &edits)?, kept))
}

/// Neighbouring files of one folder, read by one task.
struct Task {
    folder: usize,
    names: Vec<usize>,
}

/// Reads every file that is not known; returns how many, and their bytes.
fn read_all(
    objects: &(impl Put + ?Sized),
    rules: &Rules,
    scan: &mut Scan,
    now: i64,
) -> Result<(u64, u64), WorkspaceError> {
    let tasks = tasks_of(scan);
    // Each task may be given away: else the last that is stolen is a good part of all.
    let read: Result<Vec<Vec<Content>>, WorkspaceError> = tasks
        .par_iter()
        .with_max_len(1)
        .map(|task| {
            let folder = &scan.folders[task.folder];
            let opened = rules.root.folder(&folder.path);
            let place = rules.root.place(&folder.path);
            let opened = handle::absent_is_none(opened);
            let Some(opened) = opened.map_err(WorkspaceError::disk("open", &place))? else {
                return Ok(task.names.iter().map(|_| Content::Racing).collect());
            };
            let store = |at: &usize| {
                let found = &folder.names[*at];
                let name = found.name.of(&folder.bytes);
                let seen = match &found.state {
                    State::Unread(stamp) => Some(stamp),
                    _ => None,
                };
                let stored = content::store(objects, opened.as_fd(), name, seen, now);
                stored.map_err(|error| match error {
                    ObjectError::Content(source) => {
                        let place = rules.root.place(&folder.path.join(name));
                        WorkspaceError::disk("read", &place)(source)
                    }
                    error => WorkspaceError::Objects(error),
                })
            };
            task.names.iter().map(store).collect()
        })
        .collect();
    let mut totals = (0, 0);
    for (task, contents) in tasks.iter().zip(read?) {
        for (at, content) in task.names.iter().zip(contents) {
            if let Content::Stored { stamp, .. } = &content {
                totals = (totals.0 + 1, totals.1 + stamp.size);
            }
            take_in(scan, rules, (task.folder, *at), content, objects)?;
        }
    }
    scan.notes.sort();
    Ok(totals)
}

/// Files in the order of their folders' paths, so that what lies together is stored together.
fn tasks_of(scan: &Scan) -> Vec<Task> {
    let mut order: Vec<usize> = (0..scan.folders.len()).collect();
    order.sort_unstable_by(|a, b| scan.folders[*a].path.cmp(&scan.folders[*b].path));
    let mut tasks: Vec<Task> = Vec::new();
    for folder in order {
        let mut bytes = READ_TASK_BYTES_MAX;
        let mut files = READ_TASK_FILES_MAX;
        for (at, found) in scan.folders[folder].names.iter().enumerate() {
            let State::Unread(stamp) = &found.state else { continue };
            if bytes >= READ_TASK_BYTES_MAX || files >= READ_TASK_FILES_MAX {
                tasks.push(Task { folder, names: Vec::new() });
                (bytes, files) = (0, 0);
            }
            if let Some(task) = tasks.last_mut() {
                task.names.push(at);
            }
            (bytes, files) = (bytes + stamp.size, files + 1);
        }
    }
    tasks
}

fn take_in(
    scan: &mut Scan,
    rules: &Rules,
    (folder, at): (usize, usize),
    content: Content,
    objects: &(impl Put + ?Sized),
) -> Result<(), WorkspaceError> {
    let base = scan.folders[folder].base;
    let Folder { bytes, names, path, .. } = &mut scan.folders[folder];
    let name = names[at].name.of(bytes);
    names[at].state = match content {
        Content::Stored { kind, stamp, hash } => State::Known { kind, stamp, hash },
        _ => State::Absent,
    };
    let path = path.join(name);
    match content {
        Content::Stored { .. } | Content::Absent => {}
        Content::Racing => scan.notes.racing.push(path),
        Content::Refused => {
            let in_base = match base {
                Some(tree) => crate::object::tree::entry(objects, tree, name)?.is_some(),
                None => false,
            };
            if in_base || rules.tracked.contains(&path) {
                scan.notes.unreadable.push(path);
            } else {
                scan.notes.skipped.push((path, SkipReason::Unreadable));
            }
        }
    }
    Ok(())
}
