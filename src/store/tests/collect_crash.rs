//! Power cuts while a collection runs: whatever is left, all that lives is there, what was let go is
//! told apart from what was lost, and writers rely on nothing that is half gone.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::collect::{NOW, advance, assert_whole, collect, history, keep, stored};
use super::crash::{CONFIG, leave_out_each_sync};
use super::{branch, folder_in_memory, open, quick};
use crate::base::fault::{CrashPoint, RecordingDisk, crash_points};
use crate::base::id::{Kind, ObjectId, SnapshotId};
use crate::object::names::{self, NameValue};
use crate::object::snapshot::Snapshot;
use crate::object::traits::put_blob;
use crate::store::collect::sweep::Setting;
use crate::store::{Keep, Store};

fn home() -> tempfile::TempDir {
    let home = folder_in_memory();
    let root = home.path().join("exp");
    let store = Store::create(&root, quick(&root), CONFIG).unwrap();
    // Files in one pack and their directories in another: either may outlive the other.
    let writer = store.writer().unwrap();
    for content in ["one", "deep one"] {
        put_blob(&writer, content.as_bytes().to_vec()).unwrap();
    }
    writer.flush().unwrap();
    drop(writer);
    history(&store, &["one", "two", "three", "four"]);
    home
}

fn newest(store: &Store) -> SnapshotId {
    let names = store.names().unwrap();
    match names::get(store, names, &branch("main")).unwrap() {
        Some(NameValue::Branch(id)) => id,
        other => panic!("{other:?}"),
    }
}

/// Only what is current stays whole.
fn kept(store: &Store) -> Keep {
    keep(&[], &[newest(store)])
}

/// Each pack is a group of its own, so that there are many half-done states.
fn collect_by_packs(root: &Path, disk: &Arc<RecordingDisk>) {
    let store = Store::open(root, disk.clone()).unwrap();
    let plan = store.plan_collection(kept(&store)).unwrap().rewriting_all();
    let setting = Setting { tries: 1, group_bytes_min: 0, watch: &mut |_| () };
    let done = store.collect_in(plan, "ann", NOW, setting).unwrap();
    assert_eq!((done.before.packs, done.postponed), (5, 0));
    disk.mark("collected");
}

fn fault(root: &Path, _: &CrashPoint) -> Option<String> {
    let run = || {
        let store = open(root);
        let report = store.check(&|_| ()).unwrap();
        assert!(report.is_sound(), "{:?}", report.problems);
        let four = newest(&store);
        assert_whole(&store, four);
        let mut id = four;
        for message in ["four", "three", "two"] {
            let snapshot = Snapshot::fetch(&store, id).unwrap();
            assert_eq!(snapshot.message, message);
            id = snapshot.parents[0];
        }
        // Somebody works on, with files that were let go.
        let writer = store.writer().unwrap();
        let mut last = four;
        for content in ["one", "two", "three"] {
            last = advance(&writer, Some(last), content).0;
            assert_whole(&open(root), last);
        }
        drop(writer);
        // And what was cut short is finished the next time.
        let done = collect(&store, kept(&store));
        assert_eq!((done.postponed, done.damaged.len()), (0, 0));
        assert_whole(&open(root), last);
        let trees = stored(&store).into_iter().filter(|id| id.kind == Kind::Tree).count();
        assert_eq!(trees, 2, "that of `three`, and what is in it");
        assert!(store.check(&|_| ()).unwrap().is_sound());
    };
    let said = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).err()?;
    let text = said.downcast_ref::<String>().cloned();
    text.or_else(|| said.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .or_else(|| Some("it failed".to_owned()))
}

#[test]
fn a_crash_while_a_store_is_collected_loses_nothing_that_lives() {
    let (home, scratch) = (home(), folder_in_memory());
    let root = home.path().join("exp");
    let run = |disk: Arc<RecordingDisk>| collect_by_packs(&root, &disk);
    let mut after: BTreeSet<Vec<ObjectId>> = BTreeSet::new();
    let states = crash_points(home.path(), scratch.path(), run, |state, point| {
        let root = state.join("exp");
        after.insert(stored(&open(&root)).into_iter().collect());
        let fault = fault(&root, point);
        assert_eq!(fault, None, "after {} changes (last: {})", point.at, point.last);
    });
    assert!(states.unwrap() > 50);
    assert!(after.len() > 4, "there were half-done states: {}", after.len());
}

#[test]
fn no_sync_of_a_collection_can_be_left_out() {
    let syncs = leave_out_each_sync(home, collect_by_packs, fault);
    // Two packs of tombstones; for each of three groups its copy and the names; what went.
    assert_eq!(syncs, 2 + 3 * 2 + 1);
}
