//! From store to store: what travels, what stays, what must be there.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::{BundlePlan, inspect};
use super::{BundleError, Form, at, export, import, with_content};
use crate::base::id::{Kind, ObjectId, SnapshotId, TreeId};
use crate::base::time::Timestamp;
use crate::object::snapshot::Snapshot;
use crate::object::tombstone::{Farewell, Tombstone};
use crate::object::traits::{Fetch, ObjectError, Put};
use crate::object::tree::{self, EntryKind, TreeEntry};
use crate::store::blob::{RawObjects, noise};
use crate::store::tests::{commit_branch, fresh, put_snapshot};
use crate::store::{NameMove, Store};

impl Store {
    /// Whether a snapshot lies in a pack.
    pub(super) fn holds_snapshot(&self, id: SnapshotId) -> bool {
        self.holds(id.object()).unwrap()
    }
}

/// A chain of snapshots with those contents, oldest first.
fn chain(store: &Store, contents: &[&str]) -> Vec<SnapshotId> {
    let writer = store.writer().unwrap();
    let mut made: Vec<SnapshotId> = Vec::new();
    for content in contents {
        let mut snapshot = Snapshot::fetch(&writer, put_snapshot(&writer, content)).unwrap();
        snapshot.parents = made.last().copied().into_iter().collect();
        made.push(snapshot.put(&writer).unwrap());
    }
    writer.flush().unwrap();
    made
}

/// Names a snapshot, as an import does.
fn name(store: &Store, name: &str, snapshot: SnapshotId) {
    let entry = at(name, snapshot);
    let key = crate::object::names::NameKey::parse(&entry.key).unwrap();
    let moves = vec![NameMove { key, expected: None, new: Some(entry.value) }];
    store.writer().unwrap().commit(crate::store::tests::change(moves)).unwrap();
}

#[test]
fn both_forms_bring_the_same_and_a_second_time_nothing() {
    let (_a, from) = fresh();
    let snapshot = *chain(&from, &["one", "two", "one"]).last().unwrap();
    for form in [Form::Binary, Form::Lines] {
        let bundle = export(&from, &[at("main", snapshot)], &[], form);
        let found = inspect(&bundle).unwrap();
        let counts: Vec<_> = found.kinds.into_iter().collect();
        assert_eq!(counts, [(Kind::Blob, 2), (Kind::Tree, 2), (Kind::Snapshot, 3)]);
        let (_b, to) = fresh();
        let looked = to.look_at_bundle(&bundle[..], &|| false, |received, _| received.clone());
        assert_eq!(looked.unwrap().new, 7);
        assert!(!to.holds_snapshot(snapshot));
        let received = import(&to, &bundle).unwrap();
        assert_eq!((received.new, received.known, received.left_out), (7, 0, 0));
        name(&to, "main", snapshot);
        assert!(to.check(&|_| ()).unwrap().is_sound());
        let received = import(&to, &bundle).unwrap();
        assert_eq!((received.new, received.known), (0, 7));
    }
}

#[test]
fn what_the_receiver_has_stays_behind_and_must_be_there() {
    let (_a, from) = fresh();
    let all = chain(&from, &["one", "two", "one", "three"]);
    let full = export(&from, &[at("main", all[1])], &[], Form::Binary);
    let next = export(&from, &[at("main", all[2])], &[all[1]], Form::Binary);
    let last = export(&from, &[at("main", all[3])], &[all[2]], Form::Binary);
    // The third snapshot has a tree that was there before.
    assert_eq!(inspect(&next).unwrap().manifest.objects, 1);
    let (_b, to) = fresh();
    match import(&to, &next) {
        Err(BundleError::Prerequisite { snapshot, name }) => {
            assert_eq!((snapshot, name.as_str()), (all[1], "since"));
        }
        other => panic!("{other:?}"),
    }
    import(&to, &full).unwrap();
    assert!(matches!(import(&to, &last), Err(BundleError::Prerequisite { .. })));
    assert_eq!(import(&to, &next).unwrap().new, 1);
    assert_eq!(import(&to, &last).unwrap().new, 3);
    name(&to, "main", all[3]);
    assert!(to.check(&|_| ()).unwrap().is_sound());
}

/// A snapshot of a file of that content, which may be large.
fn put_large(store: &Store, content: &[u8]) -> SnapshotId {
    let writer = store.writer().unwrap();
    let (blob, length) = writer.put_blob_from(&mut &content[..]).unwrap();
    let entry =
        TreeEntry { name: b"large"[..].into(), kind: EntryKind::File, hash: blob.0, length };
    let tree = TreeId(tree::build(&writer, vec![entry]).unwrap().hash);
    let mut snapshot = Snapshot::fetch(&writer, put_snapshot(&writer, "x")).unwrap();
    snapshot.tree = tree;
    let id = snapshot.put(&writer).unwrap();
    writer.flush().unwrap();
    id
}

#[test]
fn a_large_file_travels_as_it_is_stored() {
    let (_a, from) = fresh();
    let content = noise(3 << 20);
    let snapshot = put_large(&from, &content);
    for form in [Form::Binary, Form::Lines] {
        let bundle = export(&from, &[at("main", snapshot)], &[], form);
        assert!(inspect(&bundle).unwrap().kinds[&Kind::Blob] > 3);
        let (_b, to) = fresh();
        import(&to, &bundle).unwrap();
        name(&to, "main", snapshot);
        let tree = Snapshot::fetch(&to, snapshot).unwrap().tree;
        let entry = tree::entry(&to, tree, b"large").unwrap().unwrap();
        assert_eq!(*to.fetch(entry.blob().unwrap().object()).unwrap(), content);
        assert!(to.check(&|_| ()).unwrap().is_sound());
    }
}

fn tombstone(kind: Kind, why: Farewell) -> Tombstone {
    Tombstone { kind: kind as u8, why, who: "ann".to_owned(), when: Timestamp(9) }
}

#[test]
fn what_was_let_go_travels_as_its_tombstone() {
    let (_a, from) = fresh();
    let writer = from.writer().unwrap();
    let mut snapshot = Snapshot::fetch(&writer, put_snapshot(&writer, "x")).unwrap();
    snapshot.tree = TreeId(crate::base::id::Hash([9; 32]));
    let gone = snapshot.tree.object();
    tombstone(Kind::Tree, Farewell::Retention).put(&writer, gone).unwrap();
    let id = snapshot.put(&writer).unwrap();
    writer.flush().unwrap();
    let bundle = export(&from, &[at("main", id)], &[], Form::Binary);
    assert_eq!(inspect(&bundle).unwrap().kinds[&Kind::Tombstone], 1);
    let (_b, to) = fresh();
    import(&to, &bundle).unwrap();
    name(&to, "main", id);
    assert!(matches!(to.fetch(gone), Err(ObjectError::Gone { .. })));
    assert!(to.check(&|_| ()).unwrap().is_sound());
}

#[test]
fn a_tombstone_of_another_store_stands_in_the_way_of_nothing_here() {
    let (_a, from) = fresh();
    let snapshot = with_content(&from, "kept here");
    let tree = Snapshot::fetch(&from, snapshot).unwrap().tree;
    let (_b, to) = fresh();
    import(&to, &export(&from, &[at("main", snapshot)], &[], Form::Binary)).unwrap();
    // The same snapshot in a store where its tree was let go.
    let (_c, thin) = fresh();
    let writer = thin.writer().unwrap();
    Snapshot::fetch(&from, snapshot).unwrap().put(&writer).unwrap();
    tombstone(Kind::Tree, Farewell::Retention).put(&writer, tree.object()).unwrap();
    writer.flush().unwrap();
    import(&to, &export(&thin, &[at("main", snapshot)], &[], Form::Binary)).unwrap();
    let place = Tombstone::place(tree.object());
    assert!(to.fetch(tree.object()).is_ok() && !to.holds(place).unwrap());
}

#[test]
fn what_was_forgotten_here_does_not_come_back() {
    let (_a, from) = fresh();
    for content in [&b"secret"[..], &noise(3 << 20)] {
        let snapshot = put_large(&from, content);
        let tree = Snapshot::fetch(&from, snapshot).unwrap().tree;
        let blob = tree::entry(&from, tree, b"large").unwrap().unwrap().blob().unwrap().object();
        let (_b, to) = fresh();
        let writer = to.writer().unwrap();
        tombstone(Kind::Blob, Farewell::Forgotten).put(&writer, blob).unwrap();
        writer.flush().unwrap();
        let bundle = export(&from, &[at("main", snapshot)], &[], Form::Binary);
        assert_eq!(import(&to, &bundle).unwrap().left_out, 1);
        assert!(matches!(to.fetch(blob), Err(ObjectError::Gone { .. })));
        name(&to, "main", snapshot);
        assert!(to.check(&|_| ()).unwrap().is_sound());
        // What retention let go may come back.
        let (_c, thin) = fresh();
        let writer = thin.writer().unwrap();
        tombstone(Kind::Blob, Farewell::Retention).put(&writer, blob).unwrap();
        writer.flush().unwrap();
        assert_eq!(import(&thin, &bundle).unwrap().left_out, 0);
        assert!(thin.fetch(blob).is_ok());
    }
}

#[test]
fn a_forgotten_piece_takes_its_large_file_along() {
    let (_a, from) = fresh();
    let snapshot = put_large(&from, &noise(3 << 20));
    let bundle = export(&from, &[at("main", snapshot)], &[], Form::Binary);
    let pieces = BTreeSet::from_iter(from.find(Kind::Blob, "", 100).unwrap());
    let piece = pieces.into_iter().map(|hash| ObjectId { kind: Kind::Blob, hash });
    let piece = piece.into_iter().find(|id| from.holds(*id).unwrap()).unwrap();
    let (_b, to) = fresh();
    let writer = to.writer().unwrap();
    tombstone(Kind::Blob, Farewell::Forgotten).put(&writer, piece).unwrap();
    writer.flush().unwrap();
    assert_eq!(import(&to, &bundle).unwrap().left_out, 2);
    name(&to, "main", snapshot);
    assert!(to.check(&|_| ()).unwrap().is_sound());
}

/// What lies in a store and no name reaches may be there in part.
#[test]
fn half_a_snapshot_that_lies_around_is_not_taken_for_whole() {
    let (_a, from) = fresh();
    let all = chain(&from, &["one", "two"]);
    let bundle = export(&from, &[at("main", all[1])], &[all[0]], Form::Binary);
    let (_b, to) = fresh();
    let writer = to.writer().unwrap();
    Snapshot::fetch(&from, all[0]).unwrap().put(&writer).unwrap();
    writer.flush().unwrap();
    match import(&to, &bundle) {
        Err(BundleError::Incomplete { id, .. }) => assert_eq!(id.kind, Kind::Tree),
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_is_asked_to_stop_stops() {
    let (_a, from) = fresh();
    let snapshot = *chain(&from, &["one", "two"]).last().unwrap();
    let bundle = export(&from, &[at("main", snapshot)], &[], Form::Binary);
    let (_b, to) = fresh();
    for after in 0..4 {
        let asked = AtomicUsize::new(0);
        let stop = || asked.fetch_add(1, Ordering::Relaxed) >= after;
        let received = to.writer().unwrap().receive(&bundle[..], &stop);
        assert!(matches!(received, Err(BundleError::Interrupted)));
        let asked = AtomicUsize::new(0);
        let stop = || asked.fetch_add(1, Ordering::Relaxed) >= after;
        let written = BundlePlan::new(&from, Vec::new(), &stop).and_then(|mut plan| {
            plan.add(vec![at("main", snapshot)])?;
            let about = (super::source(), String::new(), Timestamp(1));
            plan.write(Vec::new(), Form::Binary, about)
        });
        assert!(matches!(written, Err(BundleError::Interrupted)));
    }
    assert!(!to.holds_snapshot(snapshot));
    let _ = commit_branch(&to.writer().unwrap(), "main", None, "x").unwrap();
}

/// What a collection that was cut short leaves: a folder with its tombstone, and not all of its files.
#[test]
fn what_was_let_go_in_part_travels_as_its_tombstone_and_stands_in_no_way() {
    let (_a, whole) = fresh();
    let all = chain(&whole, &["one", "two"]);
    let tree = Snapshot::fetch(&whole, all[0]).unwrap().tree;
    let (_b, part) = fresh();
    let writer = part.writer().unwrap();
    for id in [all[0].object(), all[1].object(), tree.object()] {
        writer.put(id, whole.fetch(id).unwrap().to_vec()).unwrap();
    }
    tombstone(Kind::Tree, Farewell::Retention).put(&writer, tree.object()).unwrap();
    writer.flush().unwrap();
    drop(writer);
    let bundle = export(&part, &[at("main", all[0])], &[], Form::Binary);
    let kinds: Vec<_> = inspect(&bundle).unwrap().kinds.into_iter().collect();
    assert_eq!(kinds, [(Kind::Snapshot, 1), (Kind::Tombstone, 1)]);
    let (_c, to) = fresh();
    import(&to, &bundle).unwrap();
    // Whoever has it whole gives it back, and then it is whole.
    let bundle = export(&whole, &[at("main", all[0])], &[], Form::Binary);
    let looked = part.look_at_bundle(&bundle[..], &|| false, |received, _| received.new);
    assert_eq!(looked.unwrap(), 2, "the folder and its file");
    assert_eq!(import(&part, &bundle).unwrap().new, 2);
    name(&part, "main", all[0]);
    assert!(part.check(&|_| ()).unwrap().is_sound());
    let bundle = export(&part, &[at("main", all[0])], &[], Form::Binary);
    assert_eq!(inspect(&bundle).unwrap().kinds.get(&Kind::Tree), Some(&1));
    // What comes later may build on it, whatever of it is left here.
    let (_d, thin) = fresh();
    import(&thin, &export(to_named(&to, all[0]), &[at("main", all[0])], &[], Form::Binary))
        .unwrap();
    name(&thin, "main", all[0]);
    let next = export(&whole, &[at("main", all[1])], &[all[0]], Form::Binary);
    import(&thin, &next).unwrap();
}

/// The same store, with a branch at a snapshot.
fn to_named(store: &Store, snapshot: SnapshotId) -> &Store {
    name(store, "main", snapshot);
    store
}
