//! Collection where packs are damaged: a pack stays while something that lives is nowhere whole, and goes
//! when all of it is.

use std::path::PathBuf;

use super::collect::{
    NOW, advance, assert_whole, collect, collect_watched, history, keep, put_folder, stored,
};
use super::{branch, change, fresh, open, plain_snapshot, put_snapshot};
use crate::base::codec::blob_id;
use crate::base::id::{Kind, ObjectId, OperationId, SnapshotId, TreeId};
use crate::object::names::NameValue;
use crate::object::snapshot::Snapshot;
use crate::object::tombstone::Tombstone;
use crate::object::traits::{Fetch, put_blob};
use crate::object::tree::{self, EntryKind, TreeEntry};
use crate::store::collect::sweep::Moment;
use crate::store::{NameMove, Store};

/// The file of the pack in which an object lies.
fn pack_of(store: &Store, id: ObjectId) -> PathBuf {
    let packs = store.packs.rescan().unwrap();
    let has = |pack: &&std::sync::Arc<_>| {
        let pack: &crate::store::pack::read::Pack = pack;
        pack.open().unwrap().lookup(id).unwrap().is_some()
    };
    packs.iter().find(has).expect("a pack has it").path.clone()
}

/// Changes a byte, counted from the end where the place is negative.
fn flip(path: &PathBuf, place: isize) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = if place < 0 { bytes.len().checked_add_signed(place) } else { place.try_into().ok() };
    bytes[at.unwrap()] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

/// In the first block, which is one of blobs.
const FIRST_BLOCK: isize = 20;

/// In the tables, without which nobody can say what lies in a pack.
const TABLES: isize = -120;

/// In the last page of the index, for a pack of one page and two blocks: before table, page and footer.
const INDEX: isize = -(104 + 72 + 2 * 56 + 4);

/// Three snapshots in one pack, of which blobs and records lie in a block each; opened anew.
fn in_one_pack() -> (tempfile::TempDir, Store, Vec<(SnapshotId, OperationId)>, PathBuf) {
    let (folder, store) = fresh();
    let made = history(&store, &["one", "two", "three"]);
    let (whole, operations): (Vec<_>, Vec<_>) = made.iter().copied().unzip();
    let plan = store.plan_collection(keep(&operations, &whole)).unwrap();
    assert_eq!(store.collect(plan.rewriting_all(), "ann", NOW).unwrap().after.packs, 1);
    let pack = pack_of(&store, made[2].0.object());
    let store = open(store.root());
    (folder, store, made, pack)
}

fn is_sound(store: &Store) -> bool {
    open(store.root()).check(&|_| ()).unwrap().is_sound()
}

#[test]
fn a_damaged_pack_stays_while_something_that_lives_is_nowhere_whole() {
    let (_folder, store) = fresh();
    let first = history(&store, &["one"])[0].0;
    let writer = store.writer().unwrap();
    let orphan = put_folder(&writer, "orphan");
    let (second, _) = advance(&writer, Some(first), "two");
    let last = advance(&writer, Some(second), "three");
    drop(writer);
    let pack = pack_of(&store, second.object());
    flip(&pack, FIRST_BLOCK);
    let damaged = std::fs::read(&pack).unwrap();
    let store = open(store.root());
    let plan = store.plan_collection(keep(&[last.1], &[last.0, second])).unwrap();
    let done = store.collect(plan.rewriting_all(), "ann", NOW).unwrap();
    let [(path, what)] = &done.damaged[..] else { panic!("{done:?}") };
    assert!(*path == pack && what.contains("block 0"), "{what}");
    assert!(done.cleared.is_empty());
    assert_eq!(std::fs::read(&pack).unwrap(), damaged);
    assert_whole(&store, last.0);
    assert!(!is_sound(&store));
    // Dead trees in it stay and have lost what is below: no writer may rely on them.
    let writer = store.writer().unwrap();
    assert!(!writer.contains(orphan.object()).unwrap());
    let (again, _) = advance(&writer, Some(last.0), "orphan");
    assert_whole(&open(store.root()), again);
}

#[test]
fn a_damaged_pack_goes_when_what_is_damaged_is_stored_again() {
    let (_folder, store, made, pack) = in_one_pack();
    flip(&pack, FIRST_BLOCK);
    let (mut last, mut operations) = (made[2].0, vec![made[1].1, made[2].1]);
    let mut whole = vec![made[1].0, made[2].0];
    for (content, cleared) in [("three", 0), ("two", 1)] {
        // All that a capture of these files would put.
        let store = open(store.root());
        let writer = store.writer().unwrap();
        put_blob(&writer, format!("deep {content}").into_bytes()).unwrap();
        let (snapshot, operation) = advance(&writer, Some(last), content);
        drop(writer);
        last = snapshot;
        operations.push(operation);
        whole.push(snapshot);
        // What has come again makes it look at the pack; while one of the files is nowhere it stays.
        let done = collect(&store, keep(&operations, &whole));
        assert_eq!((done.damaged.len(), done.cleared.len()), (1 - cleared, cleared), "{done:?}");
        assert_eq!(pack.exists(), cleared == 0);
    }
    let store = open(store.root());
    whole.iter().for_each(|id| assert_whole(&store, *id));
    assert!(is_sound(&store));
}

#[test]
fn a_damaged_pack_goes_when_nothing_that_is_damaged_lives() {
    let (_folder, store) = fresh();
    let made = history(&store, &["one", "two", "three"]);
    let pack = pack_of(&store, blob_id(b"two").object());
    flip(&pack, FIRST_BLOCK);
    let store = open(store.root());
    let done = collect(&store, keep(&[], &[made[2].0]));
    assert_eq!((done.damaged.len(), done.cleared.len()), (0, 1), "{done:?}");
    assert!(!pack.exists());
    let store = open(store.root());
    // What lay in its whole blocks and lives was copied.
    assert!(Snapshot::fetch(&store, made[1].0).is_ok());
    assert_whole(&store, made[2].0);
    assert!(is_sound(&store));
}

#[test]
fn a_pack_that_cannot_say_what_it_has_stays() {
    let (_folder, store, made, pack) = in_one_pack();
    let (mut whole, mut operations): (Vec<_>, Vec<_>) = made.iter().copied().unzip();
    let bytes = std::fs::read(&pack).unwrap();
    let (last, operation) = advance(&store.writer().unwrap(), Some(made[2].0), "four");
    whole.push(last);
    operations.push(operation);
    let plan = store.plan_collection(keep(&operations, &whole)).unwrap();
    store.collect(plan.rewriting_all(), "ann", NOW).unwrap();
    let everything = stored(&store);
    assert!(!pack.exists());
    // It comes back from somewhere, torn: in its tables, and in a page of its index.
    for place in [TABLES, INDEX] {
        std::fs::write(&pack, &bytes).unwrap();
        flip(&pack, place);
        let store = open(store.root());
        assert!(!is_sound(&store));
        let plan = store.plan_collection(keep(&operations, &whole)).unwrap();
        let done = store.collect(plan.rewriting_all(), "ann", NOW).unwrap();
        assert_eq!((done.damaged.len(), done.cleared.len()), (1, 0), "{place}: {done:?}");
        assert!(pack.exists());
        std::fs::remove_file(&pack).unwrap();
        let store = open(store.root());
        assert_eq!(stored(&store), everything);
        assert!(is_sound(&store));
    }
}

#[test]
fn where_a_pack_cannot_say_what_it_has_and_something_is_nowhere_nothing_goes() {
    let (_folder, store) = fresh();
    let made = history(&store, &["one", "two", "three"]);
    // A large file of which only the recipe lies in the pack that will be torn.
    let writer = store.writer().unwrap();
    let pieces = crate::store::blob::noise(3 << 20);
    let blob = put_blob(&writer, pieces.clone()).unwrap();
    writer.flush().unwrap();
    let entry = TreeEntry {
        name: b"large"[..].into(),
        kind: EntryKind::File,
        hash: blob.0,
        length: pieces.len() as u64,
    };
    let tree = TreeId(tree::build(&writer, vec![entry]).unwrap().hash);
    let parents = vec![made[2].0];
    let large = Snapshot { parents, ..plain_snapshot(tree) }.put(&writer).unwrap();
    let (expected, new) = (Some(NameValue::Branch(made[2].0)), Some(NameValue::Branch(large)));
    let moves = vec![NameMove { key: branch("main"), expected, new }];
    let operation = writer.commit(change(moves)).unwrap().operation;
    drop(writer);
    let recipe = pack_of(&store, ObjectId { kind: Kind::Recipe, ..blob.object() });
    let before: Vec<_> = stored(&store).into_iter().collect();
    // All that lives is copied into packs of its own but what is in that one.
    let backup = std::fs::read(&recipe).unwrap();
    flip(&recipe, TABLES);
    let store = open(store.root());
    let done = store.plan_collection(keep(&[operation], &[large]));
    if let Ok(plan) = done {
        let done = store.collect(plan.rewriting_all(), "ann", NOW).unwrap();
        assert_eq!((done.damaged.len(), done.cleared.len()), (1, 0), "{done:?}");
    }
    // It comes back whole, and so does everything.
    std::fs::write(&recipe, backup).unwrap();
    let store = open(store.root());
    assert!(before.iter().all(|id| stored(&store).contains(id)));
    assert_whole(&store, large);
    let mut out = Vec::new();
    store.fetch_blob_to(blob, &mut out).unwrap();
    assert!(out == pieces);
}

/// A blob that was forgotten and came again is not forgotten: where it is torn its pack stays.
#[test]
fn what_came_again_after_it_was_forgotten_keeps_its_pack() {
    let (_folder, store) = fresh();
    let first = history(&store, &["one"])[0].0;
    store.forget(&[blob_id(b"one")], "ann", NOW).unwrap();
    let store = open(store.root());
    let (second, second_operation) = advance(&store.writer().unwrap(), Some(first), "one");
    let (last, last_operation) = advance(&store.writer().unwrap(), Some(second), "three");
    let pack = pack_of(&store, blob_id(b"one").object());
    flip(&pack, FIRST_BLOCK);
    let store = open(store.root());
    let plan = store.plan_collection(keep(&[second_operation, last_operation], &[second, last]));
    let done = store.collect(plan.unwrap().rewriting_all(), "ann", NOW).unwrap();
    assert_eq!((done.damaged.len(), done.cleared.len()), (1, 0), "{done:?}");
    assert!(pack.exists());
}

#[test]
fn a_tombstone_that_is_nowhere_whole_keeps_its_pack() {
    let (_folder, store) = fresh();
    let made = history(&store, &["one", "two"]);
    let tree = Snapshot::fetch(&store, made[0].0).unwrap().tree.object();
    let operations: Vec<_> = made.iter().map(|(_, operation)| *operation).collect();
    collect(&store, keep(&operations, &[made[1].0]));
    let pack = pack_of(&store, Tombstone::place(tree));
    flip(&pack, FIRST_BLOCK);
    // A second copy of something in it makes a collection prove it.
    let store = open(store.root());
    let plan = store.plan_collection(keep(&operations, &[made[1].0])).unwrap();
    let done = store.collect(plan.rewriting_all(), "ann", NOW).unwrap();
    assert_eq!((done.damaged.len(), done.cleared.len()), (1, 0), "{done:?}");
    assert!(pack.exists());
    assert_whole(&open(store.root()), made[1].0);
}

#[test]
fn what_a_writer_relied_on_in_a_damaged_pack_is_there_when_it_goes() {
    let (_folder, store) = fresh();
    let large = crate::store::blob::noise(1 << 20);
    let writer = store.writer().unwrap();
    // A block of its own, which is torn; then one with what nobody needs yet.
    put_blob(&writer, large).unwrap();
    let orphan = put_snapshot(&writer, "orphan");
    let (first, operation) = advance(&writer, None, "one");
    drop(writer);
    let pack = pack_of(&store, orphan.object());
    flip(&pack, FIRST_BLOCK);
    let store = open(store.root());
    let plan = store.plan_collection(keep(&[operation], &[first])).unwrap();
    let (mut was_there, mut late) = (false, None);
    let done = collect_watched(&store, plan, &mut |moment| {
        if moment != Moment::Copied || was_there {
            return;
        }
        was_there = true;
        let store = open(store.root());
        let writer = store.writer().unwrap();
        // A leaf has no tombstone, so whoever puts it relies on what is stored.
        let before = stored(&store).len();
        put_blob(&writer, b"orphan".to_vec()).unwrap();
        writer.flush().unwrap();
        assert_eq!(stored(&store).len(), before);
        let id = put_snapshot(&writer, "orphan");
        late = Some(id.object());
        let new = Some(NameValue::Branch(id));
        let moves = vec![NameMove { key: branch("late"), expected: None, new }];
        writer.commit(change(moves)).unwrap();
    });
    assert!(was_there);
    // Somebody may need now what is torn in it: then it stays, until that is known.
    assert_eq!((done.damaged.len(), done.cleared.len(), done.postponed), (0, 0, 1), "{done:?}");
    let store = open(store.root());
    let now = store.current().unwrap().unwrap().operation;
    let late = SnapshotId(late.unwrap().hash);
    let done = collect(&store, keep(&[operation, now], &[first, late]));
    assert_eq!((done.damaged.len(), done.cleared.len()), (0, 1), "{done:?}");
    assert!(!pack.exists());
    let store = open(store.root());
    assert_whole(&store, first);
    assert!(store.fetch(ObjectId { kind: Kind::Blob, ..blob_id(b"orphan").object() }).is_ok());
    assert!(is_sound(&store));
}
