//! What the check finds.

use super::{branch, change, commit_branch, fresh, open, put_snapshot, put_tree};
use crate::base::codec;
use crate::base::id::{BlobId, Hash, Kind, ObjectId, SnapshotId};
use crate::object::names::NameValue;
use crate::object::traits::{Fetch, Put, put_blob};
use crate::store::{CheckProgress, NameMove, Problem};

fn commit_to(writer: &crate::store::Writer<'_>, name: &str, snapshot: SnapshotId) {
    let new = Some(NameValue::Branch(snapshot));
    writer.commit(change(vec![NameMove { key: branch(name), expected: None, new }])).unwrap();
}

#[test]
fn what_is_missing_is_named_with_what_needs_it() {
    let (_folder, store) = fresh();
    let writer = store.writer().unwrap();
    let nowhere = SnapshotId(Hash([7; 32]));
    commit_to(&writer, "main", nowhere);
    let report = store.check(&|_| ()).unwrap();
    let wanted_by = Some(store.names().unwrap().object());
    assert_eq!(report.problems, [Problem::Missing { id: nowhere.object(), wanted_by }]);
}

#[test]
fn a_missing_pack_is_noticed() {
    let (_folder, store) = fresh();
    let writer = store.writer().unwrap();
    let tree = put_tree(&writer, "a");
    writer.flush().unwrap();
    let packs = store.root().join("packs");
    let path = std::fs::read_dir(packs).unwrap().next().unwrap().unwrap().path();
    commit_branch(&writer, "main", None, "a").unwrap();
    std::fs::remove_file(path).unwrap();
    let report = open(store.root()).check(&|_| ()).unwrap();
    assert!(report.missing().any(|id| id == tree.object()), "{report:?}");
}

#[test]
fn what_nothing_needs_is_counted_and_no_problem() {
    let (_folder, store) = fresh();
    let writer = store.writer().unwrap();
    put_blob(&writer, b"nobody's".to_vec()).unwrap();
    commit_branch(&writer, "main", None, "a").unwrap();
    let steps = std::sync::Mutex::new(Vec::new());
    let report = store.check(&|step| steps.lock().unwrap().push(step)).unwrap();
    assert!(report.is_sound());
    assert_eq!((report.unreferenced, report.objects - report.reached), (1, 1));
    assert!(steps.lock().unwrap().contains(&CheckProgress::Packs { done: 1, all: 1 }));
}

#[test]
fn a_record_that_breaks_its_rules_is_found() {
    let (_folder, store) = fresh();
    let writer = store.writer().unwrap();
    // Intact bytes under their own hash, which are no tree.
    let record = codec::encode(Kind::Tree, &9_u32).unwrap();
    let id = ObjectId { kind: Kind::Tree, hash: codec::record_hash(Kind::Tree, &record) };
    writer.put(id, record).unwrap();
    let good = put_snapshot(&writer, "a");
    let mut bad = crate::object::snapshot::Snapshot::fetch(&writer, good).unwrap();
    bad.tree = crate::base::id::TreeId(id.hash);
    commit_to(&writer, "main", bad.put(&writer).unwrap());
    let report = store.check(&|_| ()).unwrap();
    assert!(matches!(&report.problems[..], [Problem::Object { id: found, .. }] if *found == id));
}

#[test]
fn a_recipe_of_another_whole_is_found() {
    let (_folder, store) = fresh();
    let writer = store.writer().unwrap();
    let content = crate::store::blob::noise(2 << 20);
    let (whole, _) = writer.put_blob_from(&mut content.as_slice()).unwrap();
    let recipe = crate::store::blob::recipe_of(&writer, whole).unwrap().unwrap();
    let wrong = BlobId(Hash([3; 32]));
    let bytes = codec::encode(Kind::Recipe, &recipe).unwrap();
    writer.put(ObjectId { kind: Kind::Recipe, hash: wrong.0 }, bytes).unwrap();
    let entry = |name: &str, blob: BlobId| crate::object::tree::TreeEntry {
        name: name.as_bytes().into(),
        kind: crate::object::tree::EntryKind::File,
        hash: blob.0,
        length: recipe.length,
    };
    let entries = vec![entry("good", whole), entry("wrong", wrong)];
    let tree = crate::object::tree::build(&writer, entries).unwrap();
    let good = put_snapshot(&writer, "a");
    let mut snapshot = crate::object::snapshot::Snapshot::fetch(&writer, good).unwrap();
    snapshot.tree = crate::base::id::TreeId(tree.hash);
    commit_to(&writer, "main", snapshot.put(&writer).unwrap());
    let report = store.check(&|_| ()).unwrap();
    let [Problem::Object { id, .. }] = &report.problems[..] else { panic!("{report:?}") };
    assert_eq!(*id, wrong.object());
}

#[test]
fn every_fault_of_a_file_is_named_and_nothing_is_repaired() {
    let (_folder, store) = fresh();
    let writer = store.writer().unwrap();
    let first = put_blob(&writer, crate::store::blob::noise(9_000)).unwrap();
    let tree = put_tree(&writer, "second");
    writer.flush().unwrap();
    drop(writer);
    let path = store.packs.rescan().unwrap()[0].path.clone();
    let blocks = store.packs.rescan().unwrap()[0].open().unwrap().blocks().to_vec();
    assert_eq!(blocks.len(), 2, "content and records");
    let mut bytes = std::fs::read(&path).unwrap();
    blocks.iter().for_each(|block| bytes[block.offset as usize + 5] ^= 1);
    bytes[9] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let store = open(store.root());
    let report = store.check(&|_| ()).unwrap();
    assert_eq!(report.problems.len(), 3, "the head and both blocks: {:?}", report.problems);
    assert_eq!(report.objects, 3, "what its index says is known all the same");
    assert!(store.packs.locate(first.object()).unwrap().is_some());
    assert!(store.packs.locate(tree.object()).unwrap().is_some());
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

/// What a race stored twice lies in two packs; one of them is damaged.
#[test]
fn an_object_of_which_one_copy_is_damaged_is_read_from_the_other() {
    let (_folder, store) = fresh();
    // Neither sees what the other has put and not flushed.
    let writers = [store.writer().unwrap(), store.writer().unwrap()];
    let large = crate::store::blob::noise(2 << 20);
    let ids: Vec<_> = writers
        .iter()
        .map(|writer| (put_snapshot(writer, "twice"), put_blob(writer, large.clone()).unwrap()))
        .collect();
    put_blob(&writers[1], b"once".to_vec()).unwrap();
    writers.iter().for_each(|writer| writer.flush().unwrap());
    assert_eq!(ids[0], ids[1]);
    let (snapshot, large) = ids[0];
    let paths: Vec<_> = store.packs.rescan().unwrap().iter().map(|p| p.path.clone()).collect();
    assert_eq!(paths.len(), 2);
    for path in &paths {
        let sound = std::fs::read(path).unwrap();
        let blocks = open(store.root()).packs.rescan().unwrap();
        let pack = blocks.iter().find(|pack| pack.path == *path).unwrap();
        let mut bytes = sound.clone();
        pack.open().unwrap().blocks().iter().for_each(|b| bytes[b.offset as usize + 5] ^= 1);
        std::fs::write(path, &bytes).unwrap();
        let reader = open(store.root());
        let found = crate::object::snapshot::Snapshot::fetch(&reader, snapshot).unwrap();
        crate::object::tree::entries(&reader, found.tree).unwrap();
        assert_eq!(reader.fetch_blob_to(large, &mut std::io::sink()).unwrap(), 2 << 20);
        // It is named all the same, and what lies in it alone is no longer to be had.
        let report = reader.check(&|_| ()).unwrap();
        let is_named =
            |problem: &Problem| matches!(problem, Problem::File { path: p, .. } if p == path);
        assert!(!report.problems.is_empty() && report.problems.iter().all(is_named));
        std::fs::write(path, &sound).unwrap();
    }
    for path in &paths {
        let mut bytes = std::fs::read(path).unwrap();
        bytes[40] ^= 1;
        std::fs::write(path, &bytes).unwrap();
    }
    let damaged = open(store.root()).fetch_blob_to(large, &mut std::io::sink()).unwrap_err();
    assert!(damaged.is_corruption(), "{damaged}");
}

#[test]
fn trap_9_what_a_torn_block_held_is_stored_again_when_it_is_put_again() {
    let (_folder, store) = fresh();
    let large = crate::store::blob::noise(3 << 20);
    let put = |store: &crate::store::Store| {
        let writer = store.writer().unwrap();
        let snapshot = put_snapshot(&writer, "content");
        let blob = put_blob(&writer, large.clone()).unwrap();
        writer.flush().unwrap();
        (snapshot, blob)
    };
    let (snapshot, blob) = put(&store);
    let packs = store.packs.rescan().unwrap();
    let blocks = packs[0].open().unwrap().blocks();
    let mut bytes = std::fs::read(&packs[0].path).unwrap();
    blocks.iter().for_each(|block| bytes[block.offset as usize + 5] ^= 1);
    std::fs::write(&packs[0].path, bytes).unwrap();
    let reader = || open(store.root());
    assert!(reader().fetch_blob_to(blob, &mut std::io::sink()).unwrap_err().is_corruption());
    assert_eq!(put(&reader()), (snapshot, blob));
    assert_eq!(reader().fetch_blob_to(blob, &mut std::io::sink()).unwrap(), 3 << 20);
    let found = crate::object::snapshot::Snapshot::fetch(&reader(), snapshot).unwrap();
    crate::object::tree::entries(&reader(), found.tree).unwrap();
    // Once is enough: the copy that is whole counts.
    let packs = reader().packs.rescan().unwrap().len();
    put(&reader());
    assert_eq!(reader().packs.rescan().unwrap().len(), packs);
}
