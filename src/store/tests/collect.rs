//! Collection: what stays, what goes, and what is left in its place.

use std::collections::BTreeSet;

use super::{branch, change, fresh, open, plain_snapshot};
use crate::base::codec::blob_id;
use crate::base::id::{DocumentId, Kind, ObjectId, OperationId, SnapshotId, TreeId};

use crate::base::time::Timestamp;
use crate::object::document::{DocumentNode, Slot};
use crate::object::memory::MemoryObjects;
use crate::object::names::NameValue;
use crate::object::snapshot::Snapshot;
use crate::object::tombstone::{Farewell, Tombstone};
use crate::object::traits::{Fetch, ObjectError, Put, put_blob, put_record};
use crate::object::tree::{self, EntryKind, TreeEntry};
use crate::store::collect::sweep::{Moment, Setting};
use crate::store::{CollectPlan, Collected, Keep, NameMove, Store, Writer};

pub(super) const NOW: Timestamp = Timestamp(1_000);

/// A tree of a file that all have, a file of that content, and a folder with another one. What is
/// in the folder is passed over where the folder is stored, as states of agents are.
pub(super) fn put_folder(writer: &impl Put, content: &str) -> TreeId {
    let file = |name: &str, content: &str| {
        let (hash, length) = (blob_id(content.as_bytes()).0, content.len() as u64);
        TreeEntry { name: name.as_bytes().into(), kind: EntryKind::File, hash, length }
    };
    let put = |content: &str| put_blob(writer, content.as_bytes().to_vec()).unwrap();
    let deep = format!("deep {content}");
    let entries = || vec![file("deep", &deep)];
    let below = tree::build(&MemoryObjects::new(), entries()).unwrap();
    if !writer.contains(TreeId(below.hash).object()).unwrap() {
        put(&deep);
        tree::build(writer, entries()).unwrap();
    }
    put("in each of them");
    put(content);
    let below = TreeEntry::directory(b"folder", &below);
    let entries = vec![file("all", "in each of them"), file("file", content), below];
    TreeId(tree::build(writer, entries).unwrap().hash)
}

pub(super) fn put_state(writer: &impl Put, text: &str) -> DocumentId {
    let node = DocumentNode::Scalar(Slot::String(text.to_owned()));
    put_record(writer, Kind::Document, &node).unwrap()
}

/// Moves `main` to a new snapshot of that content, with a state, after the one before.
pub(super) fn advance(
    writer: &Writer<'_>,
    parent: Option<SnapshotId>,
    content: &str,
) -> (SnapshotId, OperationId) {
    let short: String = content.chars().take(20).collect();
    let snapshot = Snapshot {
        parents: parent.into_iter().collect(),
        state: Some(put_state(writer, &format!("state {short}"))),
        message: short,
        ..plain_snapshot(put_folder(writer, content))
    };
    let id = snapshot.put(writer).unwrap();
    let (expected, new) = (parent.map(NameValue::Branch), Some(NameValue::Branch(id)));
    let moves = vec![NameMove { key: branch("main"), expected, new }];
    (id, writer.commit(change(moves)).unwrap().operation)
}

/// `main` moved through these contents, one pack each.
pub(super) fn history(store: &Store, contents: &[&str]) -> Vec<(SnapshotId, OperationId)> {
    let writer = store.writer().unwrap();
    let mut made: Vec<(SnapshotId, OperationId)> = Vec::new();
    for content in contents {
        made.push(advance(&writer, made.last().map(|(id, _)| *id), content));
    }
    made
}

/// Of a history: these operations and these snapshots whole.
pub(super) fn keep(operations: &[OperationId], whole: &[SnapshotId]) -> Keep {
    Keep {
        operations: operations.iter().copied().collect(),
        whole: whole.iter().copied().collect(),
        objects: Vec::new(),
    }
}

pub(super) fn collect(store: &Store, keep: Keep) -> Collected {
    store.collect(store.plan_collection(keep).unwrap(), "ann", NOW).unwrap()
}

/// Carries a plan out with somebody who looks on; writers are waited for a moment only.
pub(super) fn collect_watched(
    store: &Store,
    plan: CollectPlan,
    watch: &mut dyn FnMut(Moment),
) -> Collected {
    store
        .collect_in(plan, "ann", NOW, Setting { tries: 400, group_bytes_min: u64::MAX, watch })
        .unwrap()
}

/// All objects in the packs, each once.
pub(super) fn stored(store: &Store) -> BTreeSet<ObjectId> {
    let packs = store.packs.rescan().unwrap();
    let mut found = BTreeSet::new();
    for pack in packs.iter() {
        let open = pack.open().unwrap();
        found.extend((0..open.count()).map(|at| open.entry(at).unwrap().id));
    }
    found
}

/// A snapshot with all that is below it can be fetched.
#[track_caller]
pub(super) fn assert_whole(store: &Store, id: SnapshotId) {
    let mut pending = vec![id.object()];
    while let Some(id) = pending.pop() {
        store.fetch(id).unwrap();
        let below = crate::store::references(store, id).unwrap();
        pending.extend(below.iter().map(|r| r.id).filter(|id| id.kind != Kind::Snapshot));
        pending.retain(|id| id.kind != Kind::Recipe);
    }
}

#[test]
fn a_snapshot_that_is_thinned_keeps_its_record_and_loses_its_content() {
    let (_folder, store) = fresh();
    let made = history(&store, &["one", "two", "three"]);
    let operations: Vec<_> = made.iter().map(|(_, operation)| *operation).collect();
    let two = Snapshot::fetch(&store, made[1].0).unwrap();
    let three = Snapshot::fetch(&store, made[2].0).unwrap();
    let blob = |content: &str| blob_id(content.as_bytes()).object();

    let plan = store.plan_collection(keep(&operations, &[made[2].0])).unwrap();
    let numbers = plan.numbers.clone();
    assert_eq!((numbers.snapshots, numbers.snapshots_whole), (3, 1));
    // Of each of the two: a tree, one below, a state, two files.
    assert_eq!((numbers.going, numbers.packs_rewritten), (10, 2), "the newest pack lives whole");
    assert!(numbers.freed_bytes > 0 && numbers.freed_bytes < numbers.pack_bytes);
    assert_eq!(stored(&store).len() as u64, numbers.live + numbers.going, "it only looks");

    let done = store.collect(plan, "ann", NOW).unwrap();
    assert_eq!(done.tombstones, 4, "a tree and a state of each");
    assert_eq!((done.before.packs, done.postponed, done.damaged.len()), (3, 0, 0));
    assert_eq!(done.after.objects, numbers.live + 4);
    assert_whole(&store, made[2].0);
    assert!(store.fetch(blob("in each of them")).is_ok());
    for gone in [two.tree.object(), two.state.unwrap().object()] {
        let Err(ObjectError::Gone { tombstone, .. }) = store.fetch(gone) else { panic!("{gone}") };
        assert_eq!((tombstone.why, tombstone.who.as_str()), (Farewell::Retention, "ann"));
        assert_eq!(tombstone.when, NOW);
    }
    assert!(matches!(store.fetch(blob("two")), Err(ObjectError::Missing { .. })));
    assert_eq!(Snapshot::fetch(&store, made[0].0).unwrap().message, "one");
    let report = open(store.root()).check(&|_| ()).unwrap();
    assert!(report.is_sound() && report.unreferenced == 0, "{report:?}");
    assert_eq!(Tombstone::of(&store, three.tree.object()).unwrap(), None);
}

#[test]
fn history_ends_with_a_tombstone_where_it_is_let_go() {
    let (_folder, store) = fresh();
    let made = history(&store, &["one", "two", "three"]);
    let whole: Vec<_> = made.iter().map(|(id, _)| *id).collect();
    let done = collect(&store, keep(&[], &whole));
    assert_eq!(done.tombstones, 1);
    assert!(store.fetch(made[2].1.object()).is_ok(), "what is current is kept unasked");
    assert!(matches!(store.fetch(made[1].1.object()), Err(ObjectError::Gone { .. })));
    assert!(matches!(store.fetch(made[0].1.object()), Err(ObjectError::Missing { .. })));
    whole.iter().for_each(|id| assert_whole(&store, *id));
    assert!(store.check(&|_| ()).unwrap().is_sound());
    // The operation before is told no more: the tombstone is not needed when that goes, too.
    let (four, _) = advance(&store.writer().unwrap(), Some(made[2].0), "four");
    let done = collect(&store, keep(&[], &[four]));
    assert!(matches!(store.fetch(made[2].1.object()), Err(ObjectError::Gone { .. })));
    assert!(matches!(store.fetch(made[1].1.object()), Err(ObjectError::Missing { .. })));
    assert_eq!(done.after.objects, stored(&store).len() as u64);
    assert!(store.check(&|_| ()).unwrap().is_sound());
}

#[test]
fn the_second_time_there_is_nothing_to_do() {
    let (_folder, store) = fresh();
    let made = history(&store, &["one", "two"]);
    let kept = || keep(&[made[1].1], &[made[1].0]);
    collect(&store, kept());
    let before = stored(&store);
    let plan = store.plan_collection(kept()).unwrap();
    assert_eq!((plan.numbers.packs_rewritten, plan.numbers.going), (0, 0));
    let done = store.collect(plan, "ann", NOW).unwrap();
    assert_eq!((done.before, done.tombstones), (done.after, 0));
    assert_eq!(stored(&store), before);
}

#[test]
fn what_lies_twice_lies_once_after_it() {
    let (_folder, store) = fresh();
    let made = history(&store, &["one"]);
    let again = open(store.root());
    // It has not seen the pack, and stores the same once more.
    let writer = again.writer().unwrap();
    let folder = again.layout().packs();
    let hidden = store.root().join("hidden");
    let pack = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    std::fs::rename(&pack, &hidden).unwrap();
    again.packs.rescan().unwrap();
    put_folder(&writer, "one");
    writer.flush().unwrap();
    drop(writer);
    std::fs::rename(&hidden, &pack).unwrap();
    let doubles = |store: &Store| {
        let packs = store.packs.rescan().unwrap();
        packs.iter().map(|pack| pack.open().unwrap().count()).sum::<usize>() - stored(store).len()
    };
    assert_eq!(doubles(&store), 5);
    collect(&store, keep(&[], &[made[0].0]));
    assert_eq!(doubles(&store), 0);
    assert_whole(&store, made[0].0);
}

#[test]
fn other_objects_are_kept_with_what_is_below_them() {
    let (_folder, store) = fresh();
    let writer = store.writer().unwrap();
    let folder = put_folder(&writer, "nobody's");
    let content = crate::store::blob::noise(3 << 20);
    let (large, _) = writer.put_blob_from(&mut content.as_slice()).unwrap();
    let (other, _) = writer.put_blob_from(&mut &content[..2 << 20]).unwrap();
    let made = advance(&writer, None, "one");
    drop(writer);
    let objects = vec![folder.object(), large.object()];
    collect(&store, Keep { objects, ..keep(&[], &[made.0]) });
    assert_eq!(*store.fetch(large.object()).unwrap(), content);
    assert!(!store.contains(other.object()).unwrap(), "it shared all but its last piece");
    assert!(store.fetch(folder.object()).is_ok());
    collect(&store, keep(&[], &[made.0]));
    assert!(!store.contains(large.object()).unwrap() && !store.contains(folder.object()).unwrap());
    assert!(stored(&store).iter().all(|id| id.kind != Kind::Recipe));
}

#[test]
fn a_tombstone_goes_when_its_object_came_again() {
    let (_folder, store) = fresh();
    let made = history(&store, &["one", "two"]);
    let kept = |whole: &[SnapshotId]| keep(&[made[0].1, made[1].1], whole);
    collect(&store, kept(&[made[1].0]));
    let tree = Snapshot::fetch(&store, made[0].0).unwrap().tree.object();
    assert!(store.contains(Tombstone::place(tree)).unwrap());
    let writer = store.writer().unwrap();
    let (again, _) = advance(&writer, Some(made[1].0), "one");
    drop(writer);
    collect(&store, kept(&[made[1].0, again]));
    assert!(store.fetch(tree).is_ok());
    assert!(!store.contains(Tombstone::place(tree)).unwrap());
    assert_whole(&store, again);
}

/// A snapshot that was thinned: its directories and state lie on in a large pack of which little is
/// dead, its files are gone. Returns it, one that is whole, and what fills the large pack.
pub(super) fn left_in_part(store: &Store) -> (SnapshotId, SnapshotId, Vec<ObjectId>) {
    let writer = store.writer().unwrap();
    for content in ["in each of them", "one", "deep one"] {
        put_blob(&writer, content.as_bytes().to_vec()).unwrap();
    }
    writer.flush().unwrap();
    let padding = crate::store::blob::noise(17 << 20);
    let (padding, _) = writer.put_blob_from(&mut padding.as_slice()).unwrap();
    let (one, _) = advance(&writer, None, "one");
    let (two, last) = advance(&writer, Some(one), "two");
    drop(writer);
    let objects = vec![padding.object()];
    collect(store, Keep { objects: objects.clone(), ..keep(&[last], &[two]) });
    let tree = Snapshot::fetch(store, one).unwrap().tree.object();
    assert!(store.fetch(tree).is_ok(), "it lies on");
    assert!(!store.contains(blob_id(b"one").object()).unwrap());
    assert!(store.check(&|_| ()).unwrap().is_sound());
    (one, two, objects)
}

#[test]
fn what_lies_on_in_part_is_not_whole_again_because_it_is_wanted() {
    let (_folder, store) = fresh();
    let (one, two, objects) = left_in_part(&store);
    let kept = || {
        let last = store.current().unwrap().unwrap().operation;
        Keep { objects: objects.clone(), ..keep(&[last], &[one, two]) }
    };
    // The limits have grown, or somebody has tagged it.
    collect(&store, kept());
    collect(&store, kept());
    let report = store.check(&|_| ()).unwrap();
    assert!(report.is_sound(), "{report:?}");
    let tree = Snapshot::fetch(&store, one).unwrap().tree.object();
    let writer = store.writer().unwrap();
    assert!(!writer.contains(tree).unwrap(), "nobody may rely on it");
    // And when it comes back, it is.
    let (again, last) = advance(&writer, Some(two), "one");
    drop(writer);
    collect(&store, Keep { objects, ..keep(&[last], &[one, two, again]) });
    assert_whole(&store, one);
    assert!(!store.contains(Tombstone::place(tree)).unwrap());
}

/// A file that was forgotten is missing on purpose, and takes no directory with it.
#[test]
fn what_came_back_and_was_forgotten_in_part_stays() {
    let (_folder, store) = fresh();
    let made = history(&store, &["one", "two"]);
    collect(&store, keep(&[made[1].1], &[made[1].0]));
    let (again, last) = advance(&store.writer().unwrap(), Some(made[1].0), "one");
    let tree = Snapshot::fetch(&store, again).unwrap().tree.object();
    assert!(store.contains(Tombstone::place(tree)).unwrap());
    store.forget(&[blob_id(b"one")], "ann", NOW).unwrap();
    collect(&store, keep(&[last], &[made[1].0, again]));
    assert!(store.fetch(tree).is_ok());
    assert!(store.fetch(blob_id(b"deep one").object()).is_ok());
    assert!(store.check(&|_| ()).unwrap().is_sound());
}

#[test]
fn where_a_record_is_missing_nothing_is_planned() {
    let (_folder, store) = fresh();
    let writer = store.writer().unwrap();
    let nowhere = SnapshotId(crate::base::id::Hash([7; 32]));
    let new = Some(NameValue::Branch(nowhere));
    writer.commit(change(vec![NameMove { key: branch("x"), expected: None, new }])).unwrap();
    let failed = store.plan_collection(Keep::default()).unwrap_err();
    assert!(failed.is_corruption() && failed.to_string().contains("not stored"), "{failed}");
}

/// Content that does not compress, with another number in the middle of it.
fn version(bytes: usize, number: u8) -> String {
    let noise = crate::store::blob::noise(bytes / 2);
    let mut text: String = noise.iter().map(|byte| format!("{byte:02x}")).collect();
    text.insert_str(bytes / 2, &format!("version {number}"));
    text
}

#[test]
fn versions_of_one_path_lie_together_and_cost_what_differs() {
    // All in one block; and in three, since each takes 4 MiB and they are 10.8.
    for (bytes, versions, blocks) in [(60_000, 12, 1), (900_000, 6, 3)] {
        let (_folder, store) = fresh();
        let contents: Vec<String> = (0..versions).map(|n| version(bytes, n)).collect();
        let contents: Vec<&str> = contents.iter().map(String::as_str).collect();
        let made = history(&store, &contents);
        let (operations, whole): (Vec<_>, Vec<_>) =
            made.iter().map(|(snapshot, operation)| (*operation, *snapshot)).unzip();
        let before = stored(&store);
        let plan = store.plan_collection(keep(&operations, &whole)).unwrap();
        assert_eq!(plan.numbers.packs_rewritten, 0, "all of it lives");
        let done = store.collect(plan.rewriting_all(), "ann", NOW).unwrap();
        // `file` and `folder/deep` have the content, in half a byte a character.
        let once = bytes as u64 / 2;
        let (before_bytes, after) = (done.before.pack_bytes, done.after.pack_bytes);
        assert!(before_bytes > u64::from(versions) * once, "{before_bytes}");
        assert!(after < blocks * once + once / 3 + 9_000, "{after} where one is {once}");
        assert_eq!((done.after.packs, stored(&store)), (1, before));
        whole.iter().for_each(|id| assert_whole(&open(store.root()), *id));
    }
}
