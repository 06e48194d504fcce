//! Every byte flipped, every length cut: refused with a clear word, and the store is as before.

use super::super::inspect;
use super::{BundleError, Form, at, export, import, with_content};
use crate::base::id::{Hash, SnapshotId};
use crate::object::tombstone::{Farewell, Tombstone};
use crate::store::Store;
use crate::store::tests::{commit_branch, fresh, put_snapshot};

/// A store, and a small bundle for it that needs nothing.
fn small(form: Form) -> (tempfile::TempDir, Store, SnapshotId, Vec<u8>) {
    let (_elsewhere, other) = fresh();
    let snapshot = with_content(&other, "a");
    let bundle = export(&other, &[at("main", snapshot)], &[], form);
    let (folder, store) = fresh();
    commit_branch(&store.writer().unwrap(), "main", None, "here").unwrap();
    (folder, store, snapshot, bundle)
}

fn files(store: &Store) -> Vec<std::path::PathBuf> {
    let list = |folder: std::path::PathBuf| {
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path())
    };
    let layout = store.layout();
    let mut files: Vec<_> =
        [layout.packs(), layout.heads(), layout.tmp()].into_iter().flat_map(list).collect();
    files.sort();
    files
}

/// Whether an error says what is wrong with the bundle itself.
fn is_clear(error: &BundleError) -> bool {
    use BundleError::{Damaged, NotABundle, Version};
    matches!(error, Damaged { .. } | NotABundle | Version { .. })
}

fn refused(store: &Store, bundle: &[u8], what: &str) {
    let before = files(store);
    let writer = store.writer().unwrap();
    match writer.receive(bundle, &|| false) {
        Ok(_) => panic!("{what}: accepted"),
        Err(error) => assert!(is_clear(&error), "{what}: {error:?}"),
    }
    drop(writer);
    assert_eq!(files(store), before, "{what}: the store has changed");
}

fn every_byte(form: Form) {
    let (_folder, store, snapshot, bundle) = small(form);
    for at in 0..bundle.len() {
        for change in [1, 0x80, 0xff] {
            let mut changed = bundle.clone();
            changed[at] ^= change;
            refused(&store, &changed, &format!("byte {at} of {} ^ {change}", bundle.len()));
        }
        refused(&store, &bundle[..at], &format!("cut at {at}"));
        let without = [&bundle[..at], &bundle[at + 1..]].concat();
        refused(&store, &without, &format!("without byte {at}"));
    }
    refused(&store, &[&bundle[..], b"\n"].concat(), "one byte more");
    refused(&store, &[&bundle[..], &bundle[..]].concat(), "twice");
    assert!(!store.holds_snapshot(snapshot));
    assert_eq!(import(&store, &bundle).unwrap().new, 3);
}

#[test]
fn no_changed_byte_of_a_binary_bundle_passes() {
    every_byte(Form::Binary);
}

#[test]
fn no_changed_byte_of_json_lines_passes() {
    every_byte(Form::Lines);
}

/// Whole and with right digests, but made by somebody who means ill or errs.
#[test]
fn what_no_exporter_writes_is_refused() {
    use super::super::write::BundleWriter;
    use crate::base::codec::{self, blob_id};
    use crate::base::id::{Kind, ObjectId};
    let (_folder, store, ..) = small(Form::Binary);
    let write = |names: Vec<_>, objects: &[(ObjectId, Vec<u8>)]| {
        let bytes = objects.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        let manifest =
            super::Manifest { names, objects: objects.len() as u64, bytes, ..super::bare() };
        let mut writer = BundleWriter::begin(Vec::new(), Form::Binary, &manifest).unwrap();
        objects.iter().for_each(|(id, bytes)| writer.add(*id, bytes).unwrap());
        writer.finish().unwrap()
    };
    let blob = |content: &[u8]| (blob_id(content).object(), content.to_vec());
    let of = |kind, hash| ObjectId { kind, hash };
    let hash = blob_id(b"whole").0;
    let recipe = super::super::super::blob::Recipe {
        length: 1,
        pieces: vec![super::super::super::blob::Piece { blob: blob_id(b"a"), length: 1 }],
    };
    let recipe = codec::encode(Kind::Recipe, &recipe).unwrap();
    let tombstone = Tombstone {
        kind: Kind::Blob as u8,
        why: Farewell::Forgotten,
        who: "mallory".into(),
        when: crate::base::time::Timestamp(1),
    };
    let tombstone = codec::encode(Kind::Tombstone, &tombstone).unwrap();
    let nowhere = SnapshotId(hash);
    for (what, bundle) in [
        ("unneeded", write(vec![], &[blob(b"a")])),
        ("twice", write(vec![], &[blob(b"a"), blob(b"a")])),
        ("another hash", write(vec![], &[(blob_id(b"b").object(), b"a".to_vec())])),
        ("false recipe", write(vec![], &[blob(b"a"), (of(Kind::Recipe, hash), recipe)])),
        ("stray tombstone", write(vec![], &[(of(Kind::Tombstone, hash), tombstone)])),
        ("no record", write(vec![], &[(of(Kind::Recipe, hash), b"xp\x08\x01".to_vec())])),
        ("unordered", write(vec![at("b", nowhere), at("a", nowhere)], &[])),
        ("a position", {
            let mut name = at("a", nowhere);
            name.key = "position/a".to_owned();
            write(vec![name], &[])
        }),
    ] {
        refused(&store, &bundle, what);
    }
    let writer = store.writer().unwrap();
    let bundle = write(vec![at("main", nowhere)], &[]);
    let error = writer.receive(&bundle[..], &|| false).unwrap_err();
    assert!(matches!(error, BundleError::Incomplete { id, .. } if id == nowhere.object()));
    // A result that was found for another tree.
    let found = |tree: u8| crate::object::evaluation::Evaluation {
        tree: crate::base::id::TreeId(Hash([tree; 32])),
        evaluator: Hash([2; 32]),
        environment: Hash([3; 32]),
        stages: Vec::new(),
        new_files: Vec::new(),
        changed_files: Vec::new(),
        view: String::new(),
        machine: String::new(),
        when: crate::base::time::Timestamp(1),
        duration_ms: 0,
    };
    let with_memo = |tree: u8| {
        let (id, bytes) =
            crate::object::traits::encode_record(Kind::Evaluation, &found(tree)).unwrap();
        let key = crate::object::names::NameKey::memo(
            crate::base::id::TreeId(Hash([1; 32])),
            Hash([2; 32]),
            Hash([3; 32]),
        );
        let value = crate::object::names::NameValue::Evaluation(crate::base::id::EvaluationId(id));
        let name = crate::object::names::NameEntry { key: key.text(), value };
        write(vec![name], &[(of(Kind::Evaluation, id), bytes)])
    };
    assert!(writer.receive(&with_memo(1)[..], &|| false).is_ok());
    refused(&store, &with_memo(9), "a memo of another tree");
    // A snapshot whose tree is not there.
    let bare = put_snapshot(&writer, "x");
    let mut snapshot = crate::object::snapshot::Snapshot::fetch(&writer, bare).unwrap();
    snapshot.tree = crate::base::id::TreeId(hash);
    let (id, bytes) = crate::object::traits::encode_record(Kind::Snapshot, &snapshot).unwrap();
    let bundle = write(vec![at("main", SnapshotId(id))], &[(of(Kind::Snapshot, id), bytes)]);
    let error = writer.receive(&bundle[..], &|| false).unwrap_err();
    assert!(matches!(error, BundleError::Incomplete { id, .. } if id.hash == hash));
}

#[test]
fn a_newer_version_is_refused_by_its_number() {
    let (_folder, _store, _, mut bundle) = small(Form::Binary);
    bundle[8] = 2;
    assert!(matches!(inspect(&bundle), Err(BundleError::Version { found: 2 })));
    let (_folder, _store, _, lines) = small(Form::Lines);
    let lines = String::from_utf8(lines).unwrap().replacen("\"bundle\":1", "\"bundle\":2", 1);
    assert!(matches!(inspect(lines.as_bytes()), Err(BundleError::Version { found: 2 })));
    for other in ["", "x", "{", "{}\n", "{\"a\":1}\n", "PK\x03\x04", "xp pack\n\x01\0\0\0\0\0\0\0"]
    {
        assert!(
            matches!(
                inspect(other.as_bytes()),
                Err(BundleError::NotABundle) | Err(BundleError::Damaged { .. })
            ),
            "{other}"
        );
    }
}

/// Pieces that are others, under the id of a file that somebody wants.
#[test]
fn a_recipe_of_another_file_is_refused_before_it_can_stand_in_its_way() {
    use super::super::super::blob::{Piece, Recipe, noise};
    use super::super::write::BundleWriter;
    use crate::base::codec::{self, blob_id};
    use crate::base::id::{Kind, ObjectId, TreeId};
    use crate::object::snapshot::Snapshot;
    use crate::object::traits::{Put, encode_record};
    use crate::object::tree::{EntryKind, TreeEntry};
    let (_folder, store, ..) = small(Form::Binary);
    let content = noise(2 << 20);
    let wanted = blob_id(&content);
    let recipe = Recipe {
        length: content.len() as u64,
        pieces: vec![Piece { blob: blob_id(b"a"), length: content.len() as u64 }],
    };
    let entry = TreeEntry {
        name: b"file"[..].into(),
        kind: EntryKind::File,
        hash: wanted.0,
        length: recipe.length,
    };
    let leaf = crate::object::sequence::Node::Leaf(vec![entry]);
    let (tree, tree_bytes) = encode_record(Kind::Tree, &leaf).unwrap();
    let writer = store.writer().unwrap();
    let mut snapshot = Snapshot::fetch(&writer, put_snapshot(&writer, "x")).unwrap();
    snapshot.tree = TreeId(tree);
    let (id, bytes) = encode_record(Kind::Snapshot, &snapshot).unwrap();
    let objects = [
        (blob_id(b"a").object(), b"a".to_vec()),
        (
            ObjectId { kind: Kind::Recipe, hash: wanted.0 },
            codec::encode(Kind::Recipe, &recipe).unwrap(),
        ),
        (ObjectId { kind: Kind::Tree, hash: tree }, tree_bytes),
        (ObjectId { kind: Kind::Snapshot, hash: id }, bytes),
    ];
    let manifest = super::Manifest {
        names: vec![at("main", SnapshotId(id))],
        objects: 4,
        bytes: objects.iter().map(|(_, bytes)| bytes.len() as u64).sum(),
        ..super::bare()
    };
    let mut bundle = BundleWriter::begin(Vec::new(), Form::Binary, &manifest).unwrap();
    objects.iter().for_each(|(id, bytes)| bundle.add(*id, bytes).unwrap());
    let bundle = bundle.finish().unwrap();
    match writer.receive(&bundle[..], &|| false) {
        Err(BundleError::Damaged { what }) => assert!(what.contains("the pieces of"), "{what}"),
        other => panic!("{other:?}"),
    }
    // And the true content finds its place.
    writer.put_blob_from(&mut &content[..]).unwrap();
    writer.flush().unwrap();
    assert_eq!(*crate::object::traits::Fetch::fetch(&store, wanted.object()).unwrap(), content);
}
