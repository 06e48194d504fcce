//! Every byte flipped, every length cut: refused with a clear word, and the store is as before.

use super::super::super::blob::{Piece, Recipe, noise};
use super::super::inspect;
use super::super::write::BundleWriter;
use super::{BundleError, Form, at, export, import, with_content};
use crate::base::codec::{self, blob_id};
use crate::base::id::{BlobId, EvaluationId, Hash, Kind, ObjectId, SnapshotId, TreeId};
use crate::base::time::Timestamp;
use crate::object::evaluation::Evaluation;
use crate::object::names::{NameEntry, NameKey, NameValue};
use crate::object::sequence::Node;
use crate::object::snapshot::Snapshot;
use crate::object::tombstone::{Farewell, Tombstone};
use crate::object::traits::{Fetch, Put, encode_record};
use crate::object::tree::{EntryKind, TreeEntry};
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

/// A bundle of those names and objects, whatever they are: whole and with right digests.
fn made(names: Vec<NameEntry>, objects: &[(ObjectId, Vec<u8>)]) -> Vec<u8> {
    let bytes = objects.iter().map(|(_, bytes)| bytes.len() as u64).sum();
    let manifest = super::Manifest { names, objects: objects.len() as u64, bytes, ..super::bare() };
    let mut writer = BundleWriter::begin(Vec::new(), Form::Binary, &manifest).unwrap();
    objects.iter().for_each(|(id, bytes)| writer.add(*id, bytes).unwrap());
    writer.finish().unwrap()
}

fn of(kind: Kind, hash: Hash) -> ObjectId {
    ObjectId { kind, hash }
}

fn small_blob(content: &[u8]) -> (ObjectId, Vec<u8>) {
    (blob_id(content).object(), content.to_vec())
}

/// A recipe for a blob, and where it is stored.
fn recipe(of_blob: BlobId, pieces: &[&[u8]], length: u64) -> (ObjectId, Vec<u8>) {
    let piece = |content: &&[u8]| Piece { blob: blob_id(content), length: content.len() as u64 };
    let recipe = Recipe { length, pieces: pieces.iter().map(piece).collect() };
    (of(Kind::Recipe, of_blob.0), codec::encode(Kind::Recipe, &recipe).unwrap())
}

/// Made by somebody who means ill or errs.
#[test]
fn what_no_exporter_writes_is_refused() {
    let (_folder, store, ..) = small(Form::Binary);
    let whole = blob_id(b"whole");
    let tombstone = Tombstone {
        kind: Kind::Blob as u8,
        why: Farewell::Forgotten,
        who: "mallory".into(),
        when: Timestamp(1),
    };
    let tombstone = codec::encode(Kind::Tombstone, &tombstone).unwrap();
    let nowhere = SnapshotId(whole.0);
    let position = NameEntry { key: "position/a".to_owned(), ..at("a", nowhere) };
    let a = small_blob(b"a");
    let value = NameValue::Experiment(crate::base::id::ExperimentId(whole.0));
    let experiment = NameEntry { key: "experiment/e1\u{1b}[2J".to_owned(), value };
    for (what, bundle) in [
        ("unneeded", made(vec![], &[small_blob(b"a")])),
        ("twice", made(vec![], &[small_blob(b"a"), small_blob(b"a")])),
        ("another hash", made(vec![], &[(blob_id(b"b").object(), b"a".to_vec())])),
        ("unneeded recipe", made(vec![], &[a, recipe(blob_id(b"a"), &[b"a"], 1)])),
        ("stray tombstone", made(vec![], &[(of(Kind::Tombstone, whole.0), tombstone)])),
        ("no record", made(vec![], &[(of(Kind::Recipe, whole.0), b"xp\x08\x01".to_vec())])),
        ("unordered", made(vec![at("b", nowhere), at("a", nowhere)], &[])),
        ("a position", made(vec![position], &[])),
        ("a name that a terminal obeys", made(vec![experiment], &[])),
    ] {
        refused(&store, &bundle, what);
    }
}

#[test]
fn what_is_missing_is_named_with_what_needs_it() {
    let (_folder, store, ..) = small(Form::Binary);
    let writer = store.writer().unwrap();
    let nowhere = SnapshotId(Hash([7; 32]));
    let error = writer.receive(&made(vec![at("main", nowhere)], &[])[..], &|| false).unwrap_err();
    assert!(matches!(error, BundleError::Incomplete { id, .. } if id == nowhere.object()));
    let (id, bytes) = with_tree(&writer, TreeId(nowhere.0));
    let bundle = made(vec![at("main", SnapshotId(id))], &[(of(Kind::Snapshot, id), bytes)]);
    match writer.receive(&bundle[..], &|| false) {
        Err(BundleError::Incomplete { id: tree, wanted_by }) => {
            assert_eq!(tree, of(Kind::Tree, nowhere.0));
            assert_eq!(wanted_by, of(Kind::Snapshot, id).to_string());
        }
        other => panic!("{other:?}"),
    }
}

/// A snapshot with another tree.
fn with_tree(writer: &crate::store::Writer<'_>, tree: TreeId) -> (Hash, Vec<u8>) {
    let mut snapshot = Snapshot::fetch(writer, put_snapshot(writer, "x")).unwrap();
    snapshot.tree = tree;
    encode_record(Kind::Snapshot, &snapshot).unwrap()
}

#[test]
fn a_memo_of_another_tree_is_refused() {
    let (_folder, store, ..) = small(Form::Binary);
    let number = |number: u8| Hash([number; 32]);
    let with_memo = |tree: u8| {
        let found = Evaluation {
            tree: TreeId(number(tree)),
            evaluator: number(2),
            environment: number(3),
            stages: Vec::new(),
            new_files: Vec::new(),
            changed_files: Vec::new(),
            view: String::new(),
            machine: String::new(),
            when: Timestamp(1),
            duration_ms: 0,
        };
        let (id, bytes) = encode_record(Kind::Evaluation, &found).unwrap();
        let key = NameKey::memo(TreeId(number(1)), number(2), number(3)).text();
        let value = NameValue::Evaluation(EvaluationId(id));
        made(vec![NameEntry { key, value }], &[(of(Kind::Evaluation, id), bytes)])
    };
    assert!(store.writer().unwrap().receive(&with_memo(1)[..], &|| false).is_ok());
    refused(&store, &with_memo(9), "a memo of another tree");
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
    let (_folder, store, ..) = small(Form::Binary);
    let content = noise(2 << 20);
    let (wanted, length) = (blob_id(&content), content.len() as u64);
    let entry =
        TreeEntry { name: b"file"[..].into(), kind: EntryKind::File, hash: wanted.0, length };
    let (tree, tree_bytes) = encode_record(Kind::Tree, &Node::Leaf(vec![entry])).unwrap();
    let writer = store.writer().unwrap();
    let (id, bytes) = with_tree(&writer, TreeId(tree));
    let objects = [
        small_blob(b"a"),
        recipe(wanted, &[b"a"], length),
        (of(Kind::Tree, tree), tree_bytes),
        (of(Kind::Snapshot, id), bytes),
    ];
    let bundle = made(vec![at("main", SnapshotId(id))], &objects);
    match writer.receive(&bundle[..], &|| false) {
        Err(BundleError::Damaged { what }) => assert!(what.contains("the pieces of"), "{what}"),
        other => panic!("{other:?}"),
    }
    // And the true content finds its place.
    writer.put_blob_from(&mut &content[..]).unwrap();
    writer.flush().unwrap();
    assert_eq!(*store.fetch(wanted.object()).unwrap(), content);
}
