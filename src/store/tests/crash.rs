//! Power cuts: at every change that the store makes to the disk, in every order that the missing
//! syncs allow.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use super::{branch, branch_change, commit_branch, folder_in_memory, open, put_snapshot, quick};
use crate::base::fault::{CrashPoint, Failure, RecordingDisk, crash_points, crash_points_of};
use crate::base::limits::PACKS_PER_CLASS_MAX;
use crate::object::names::{self, NameValue};
use crate::object::snapshot::Snapshot;
use crate::object::traits::Fetch;
use crate::object::tree;
use crate::store::{Store, StoreError};

pub(super) const CONFIG: &str = "# settings\n";

/// What `main` points at: the content of the one file, all of it fetched.
fn main_content(store: &Store) -> Result<Option<String>, String> {
    let said = |e: &dyn std::error::Error| e.to_string();
    let names = store.names().map_err(|e| said(&e))?;
    let value = names::get(store, names, &branch("main")).map_err(|e| said(&e))?;
    let Some(NameValue::Branch(id)) = value else { return Ok(None) };
    let snapshot = Snapshot::fetch(store, id).map_err(|e| said(&e))?;
    let entry = tree::entry(store, snapshot.tree, b"file").map_err(|e| said(&e))?;
    let blob = entry.and_then(|entry| entry.blob()).ok_or("no file")?;
    let content = store.fetch(blob.object()).map_err(|e| said(&e))?;
    Ok(Some(String::from_utf8_lossy(&content).into_owned()))
}

/// The rule: what was acknowledged is there, what was begun is there or not, and nothing else.
fn fault(root: &Path, point: &CrashPoint) -> Option<String> {
    let store = match Store::open(root, quick(root)) {
        Ok(store) => store,
        Err(StoreError::NotAStore { .. }) if !point.has("created") => {
            // A half-made store is finished by making it.
            return Store::create(root, quick(root), CONFIG).err().map(|e| e.to_string());
        }
        Err(e) => return Some(e.to_string()),
    };
    if std::fs::read_to_string(root.join("config.toml")).ok().as_deref() != Some(CONFIG) {
        return Some("the settings are gone".to_owned());
    }
    let found = match main_content(&store) {
        Ok(found) => found,
        Err(e) => return Some(e),
    };
    let order = [None, Some("one"), Some("two"), Some("three")];
    let at = order.iter().position(|content| *content == found.as_deref());
    let least = point.marks.iter().filter(|mark| *mark != "created").count();
    if at.is_none_or(|at| at < least || at > least + 1) {
        return Some(format!("found {found:?} after {:?}", point.marks));
    }
    let report = match store.check(&|_| ()) {
        Ok(report) => report,
        Err(e) => return Some(e.to_string()),
    };
    if report.missing().next().is_some() {
        return Some(format!("{:?}", report.problems));
    }
    // And work goes on.
    let writer = store.writer().expect("nobody else writes");
    let next = commit_branch(&writer, "next", None, "after the crash").map(|_| ());
    next.err().map(|e| e.to_string())
}

/// Creates a store and commits twice, in one process or two.
fn create_and_commit(root: &Path, disk: &Arc<RecordingDisk>) {
    let store = Store::create(root, disk.clone(), CONFIG).unwrap();
    disk.mark("created");
    commit_twice(&store, disk);
}

fn commit_twice(store: &Store, disk: &RecordingDisk) {
    let writer = store.writer().unwrap();
    let (one, _) = commit_branch(&writer, "main", None, "one").unwrap();
    disk.mark("one");
    let (two, _) = commit_branch(&writer, "main", Some(one), "two").unwrap();
    disk.mark("two");
    commit_branch(&writer, "main", Some(two), "three").unwrap();
    disk.mark("three");
}

#[test]
fn a_crash_leaves_the_old_state_or_the_new_one() {
    let (home, scratch) = (folder_in_memory(), folder_in_memory());
    let root = home.path().join("exp");
    let run = |disk: Arc<RecordingDisk>| create_and_commit(&root, &disk);
    let states = crash_points(home.path(), scratch.path(), run, |state, point| {
        if let Some(fault) = fault(&state.join("exp"), point) {
            panic!("after {} changes (last: {}): {fault}", point.at, point.last);
        }
    });
    assert!(states.unwrap() > 100);
}

/// Leaves out each sync of a verb in turn, and tells how many there were. `prepare` makes a fresh
/// home; `fault` must find something wrong for each.
pub(super) fn leave_out_each_sync(
    prepare: impl Fn() -> tempfile::TempDir,
    run: impl Fn(&Path, &Arc<RecordingDisk>),
    fault: impl Fn(&Path, &CrashPoint) -> Option<String>,
) -> usize {
    for sync in 0.. {
        let (home, scratch) = (prepare(), folder_in_memory());
        let disk = Arc::new(RecordingDisk::forgetting(home.path(), sync));
        let mut noticed = false;
        let check = |state: &Path, point: &CrashPoint| {
            noticed = fault(&state.join("exp"), point).is_some();
            if noticed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let run = |disk: Arc<RecordingDisk>| run(&home.path().join("exp"), &disk);
        crash_points_of(disk.clone(), home.path(), scratch.path(), run, check).unwrap();
        if disk.syncs() <= sync {
            assert!(!noticed, "nothing was left out");
            return sync;
        }
        assert!(noticed, "nothing notices that sync {sync} is left out");
    }
    unreachable!("a verb has an end")
}

#[test]
fn no_sync_of_making_and_committing_can_be_left_out() {
    let syncs = leave_out_each_sync(folder_in_memory, create_and_commit, fault);
    // Making: settings, root, the folder around it, format, root. A commit: pack, packs, heads.
    assert_eq!(syncs, 5 + 3 * 3);
}

/// Not a crash, but an error of the disk, at every change in turn.
#[test]
fn a_failed_write_is_said_and_leaves_a_sound_store() {
    for at in 0.. {
        let home = folder_in_memory();
        let root = home.path().join("exp");
        let failure = Failure { at, errno: libc::EIO, is_lasting: false };
        let disk = Arc::new(RecordingDisk::failing(home.path(), failure));
        let mut done = Vec::new();
        let mut run = || -> Result<(), String> {
            let store = Store::create(&root, disk.clone(), CONFIG).map_err(|e| e.to_string())?;
            let writer = store.writer().map_err(|e| e.to_string())?;
            let mut seen = None;
            for content in ["one", "two"] {
                let committed = commit_branch(&writer, "main", seen, content);
                seen = Some(committed.map_err(|e| e.to_string())?.0);
                done.push(content);
            }
            Ok(())
        };
        let said = run();
        if disk.tried() <= at {
            assert_eq!(said, Ok(()));
            return;
        }
        let store = match Store::open(&root, quick(&root)) {
            Err(StoreError::NotAStore { .. }) if done.is_empty() => {
                Store::create(&root, quick(&root), CONFIG).unwrap()
            }
            store => store.unwrap(),
        };
        let found = main_content(&store).unwrap();
        assert_eq!(found.as_deref(), done.last().copied(), "change {at} failed: {said:?}");
        assert!(store.check(&|_| ()).unwrap().is_sound(), "change {at} failed: {said:?}");
        let stale = std::fs::read_dir(store.layout().tmp()).unwrap().count();
        assert!(stale <= 1, "what could not be removed is all that is left");
    }
}

/// A home with a store that has enough packs to be compacted; `main` has the content `one`.
fn crowded_home() -> tempfile::TempDir {
    let home = folder_in_memory();
    let root = home.path().join("exp");
    let store = Store::create(&root, quick(&root), CONFIG).unwrap();
    let writer = store.writer().unwrap();
    let mut seen = None;
    for n in 0..PACKS_PER_CLASS_MAX {
        let content = if n == 0 { "start" } else { "one" };
        seen = Some(commit_branch(&writer, "main", seen, content).unwrap().0);
        super::put_tree(&writer, &format!("{n}"));
    }
    writer.flush().unwrap();
    home
}

fn compact(root: &Path, disk: &Arc<RecordingDisk>) {
    assert!(Store::open(root, disk.clone()).unwrap().compact().unwrap() > 0);
}

fn fault_of_compacted(root: &Path, _: &CrashPoint) -> Option<String> {
    let store = open(root);
    let report = store.check(&|_| ()).map_err(|e| e.to_string());
    match (main_content(&store), report) {
        (Ok(Some(content)), Ok(report)) if content == "one" && report.is_sound() => None,
        wrong => Some(format!("{wrong:?}")),
    }
}

#[test]
fn a_crash_while_packs_are_compacted_loses_nothing() {
    let (home, scratch) = (crowded_home(), folder_in_memory());
    let run = |disk: Arc<RecordingDisk>| compact(&home.path().join("exp"), &disk);
    let states = crash_points(home.path(), scratch.path(), run, |state, point| {
        let fault = fault_of_compacted(&state.join("exp"), point);
        assert_eq!(fault, None, "after {} changes (last: {})", point.at, point.last);
    });
    assert!(states.unwrap() > 20);
}

#[test]
fn no_sync_of_compaction_can_be_left_out() {
    let syncs = leave_out_each_sync(crowded_home, compact, fault_of_compacted);
    assert_eq!(syncs, 2, "the pack and its name");
}

/// Commits `two` where packs are crowded, so that they are brought together with it.
fn commit_and_compact(root: &Path, disk: &Arc<RecordingDisk>) {
    let store = Store::open(root, disk.clone()).unwrap();
    let (packs, writer) = (store.statistics().unwrap().packs, store.writer().unwrap());
    let (_, change) = branch_change(&writer, "main", Some(put_snapshot(&writer, "one")), "two");
    writer.commit_and_compact(&change).unwrap();
    disk.mark("two");
    assert!(store.statistics().unwrap().packs < packs);
}

fn fault_of_committed(root: &Path, point: &CrashPoint) -> Option<String> {
    let store = open(root);
    let is_right = |content: &str| match point.has("two") {
        true => content == "two",
        false => ["one", "two"].contains(&content),
    };
    match (main_content(&store), store.check(&|_| ()).map_err(|e| e.to_string())) {
        (Ok(Some(content)), Ok(report)) if is_right(&content) && report.is_sound() => None,
        wrong => Some(format!("{wrong:?}")),
    }
}

#[test]
fn a_crash_in_a_commit_that_brings_packs_together_leaves_the_old_state_or_the_new_one() {
    let (home, scratch) = (crowded_home(), folder_in_memory());
    let run = |disk: Arc<RecordingDisk>| commit_and_compact(&home.path().join("exp"), &disk);
    let states = crash_points(home.path(), scratch.path(), run, |state, point| {
        let fault = fault_of_committed(&state.join("exp"), point);
        assert_eq!(fault, None, "after {} changes (last: {})", point.at, point.last);
    });
    assert!(states.unwrap() > 20);
}

#[test]
fn a_commit_that_brings_packs_together_needs_four_syncs() {
    let syncs = leave_out_each_sync(crowded_home, commit_and_compact, fault_of_committed);
    assert_eq!(syncs, 4, "its pack, the new pack, their names, the head");
}
