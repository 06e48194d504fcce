//! Changed bytes: an error, or a value that encodes to the same bytes. Never a panic, an endless
//! walk or an allocation that the bytes do not pay for.
//!
//! The bodies are plain functions of bytes; a seeded mutator calls them, so that the run is the
//! same everywhere. Here are those of what can be decoded from outside; the others are tests of
//! their rooms.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../src/base/fuzz.rs"]
mod mutate;
mod samples;
#[path = "fuzz/texts.rs"]
mod texts;

use std::collections::BTreeMap;

use expdag::base::codec::{self, Bytes};
use expdag::base::id::{DocumentId, Hash, Kind, NamesId, ObjectId, TreeId};
use expdag::document::{self, Document, Edit, Json, ListKeys};
use expdag::object::document::{DocumentNode, Inlined, references};
use expdag::object::evaluation::Evaluation;
use expdag::object::experiment::Experiment;
use expdag::object::memory::{MemoryObjects, Scratch};
use expdag::object::names::{self, NameEdits, NameEntry, NameKey};
use expdag::object::operation::Operation;
use expdag::object::sequence::Node;
use expdag::object::snapshot::Snapshot;
use expdag::object::tombstone::Tombstone;
use expdag::object::traits::Put;
use expdag::object::tree::{self, TreeEntry};
use serde::Serialize;
use serde::de::DeserializeOwned;

fn strictly<T: Serialize + DeserializeOwned>(kind: Kind, bytes: &[u8]) -> Option<T> {
    let value: T = codec::decode(kind, bytes).ok()?;
    assert_eq!(codec::encode(kind, &value).unwrap(), bytes, "another encoding was accepted");
    Some(value)
}

/// The body for records: decodes, and uses what it was able to decode.
fn use_record(objects: &MemoryObjects, kind: Kind, bytes: &[u8]) -> bool {
    let objects = &Scratch::over(objects);
    let hash = codec::object_hash(kind, bytes).unwrap_or(Hash([1; 32]));
    objects.put(ObjectId { kind, hash }, bytes.to_vec()).unwrap();
    match kind {
        Kind::Tree => {
            let found = strictly::<Node<TreeEntry>>(kind, bytes).is_some();
            let id = TreeId(hash);
            let (empty, name) = (tree::empty(objects).unwrap(), "file-100".as_bytes());
            let _ = (tree::totals(objects, id), tree::verify(objects, id));
            let _ = (tree::diff(objects, empty, id), tree::entry(objects, id, name));
            let path = expdag::base::path::TreePath::new(name).unwrap();
            let _ = tree::edit(objects, id, &[(path, tree::Leaf::Absent)].into());
            found
        }
        Kind::Document => use_document(objects, DocumentId(hash), bytes),
        Kind::Names => {
            let id = NamesId(hash);
            let _ = names::list(objects, id, "branch/");
            let edits = NameEdits::from([(NameKey::Experiment("e7".into()), None)]);
            let _ = names::edit(objects, id, &edits);
            strictly::<Node<NameEntry>>(kind, bytes).is_some()
        }
        Kind::Snapshot => strictly::<Snapshot>(kind, bytes).is_some(),
        Kind::Evaluation => strictly::<Evaluation>(kind, bytes).is_some(),
        Kind::Operation => strictly::<Operation>(kind, bytes).is_some(),
        Kind::Experiment => strictly::<Experiment>(kind, bytes).is_some(),
        Kind::Tombstone => {
            let of = ObjectId { kind: Kind::Tree, hash };
            let found = Tombstone::decode(of, bytes);
            if let Ok(tombstone) = &found {
                tombstone.put(objects, of).unwrap();
            }
            found.is_ok()
        }
        Kind::Blob | Kind::Recipe => false,
    }
}

fn use_document(objects: &impl Put, id: DocumentId, bytes: &[u8]) -> bool {
    let node = strictly::<DocumentNode>(Kind::Document, bytes);
    if let Some(node) = &node {
        let _ = references(id, node);
    }
    let _ = document::totals(objects, id);
    let read = document::read(objects, id);
    if document::verify(objects, id).is_ok() {
        assert_eq!(document::build(objects, &read.unwrap()).unwrap(), id);
    }
    let place = |text: &str| text.parse().unwrap();
    let other = document::build(objects, &Json::parse(b"{\"key 07\":[1]}").unwrap()).unwrap();
    let _ = document::diff_by(objects, other, id, &ListKeys::default());
    let _ = document::merge(objects, other, id, other, &ListKeys::default());
    for edit in [
        Edit::Set { pointer: place("/key 07"), value: Json::Null },
        Edit::Remove { pointer: place("/inline/list") },
        Edit::Insert { pointer: place("/3"), value: Json::Bool(true) },
        Edit::Remove { pointer: place("/50") },
    ] {
        if let Ok(mut document) = Document::open(objects, id) {
            let _ = document.edit(&[edit]);
            document.store(objects).unwrap();
        }
    }
    node.is_some()
}

/// The body for values that stand inside their parent.
fn use_inline(bytes: &[u8]) {
    let bytes = Bytes(bytes.to_vec());
    if let Ok(Inlined::Map(entries)) = Inlined::decode(&bytes) {
        assert!(entries.is_sorted_by(|a, b| a.key < b.key));
    }
}

#[test]
fn changed_records_are_refused_or_encode_to_the_same_bytes() {
    let (objects, samples) = samples::samples();
    for sample in &samples {
        assert!(use_record(&objects, sample.id.kind, &sample.bytes), "{}", sample.name);
    }
    let mut kinds: BTreeMap<Kind, Vec<Vec<u8>>> = BTreeMap::new();
    samples.iter().for_each(|s| kinds.entry(s.id.kind).or_default().push(s.bytes.to_vec()));
    let mut accepted = 0;
    for (kind, samples) in kinds {
        let least = 300 * samples.len();
        accepted += mutate::fuzz(kind.word(), &samples, (4, least), |bytes| {
            use_inline(&bytes[4.min(bytes.len())..]);
            use_record(&objects, kind, bytes)
        });
    }
    assert!(accepted > 200, "the mutations hardly ever decode: {accepted}");
    assert!(peak_kib() < 512 << 10, "{} KiB at most", peak_kib());
}

/// The most memory that this process had at once; 0 where the system does not say.
fn peak_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
