//! Changed bytes: an error, or a value that encodes to the same bytes. Never a panic, an endless
//! walk or an allocation that the bytes do not pay for.
//!
//! The bodies are plain functions of bytes; here a seeded mutator calls them, so that the run is
//! the same everywhere.

#![allow(missing_docs, clippy::unwrap_used)]

mod samples;

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

/// xorshift64 (Marsaglia 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }

    /// Changes some bytes: flips, other numbers, cuts, repetitions. The first `keep` bytes mostly
    /// stay, so that more than the header is tried.
    fn mutate(&mut self, bytes: &[u8], keep: usize) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(3) {
            let from = if self.below(16) == 0 { 0 } else { keep.min(bytes.len()) };
            let at = from + self.below(bytes.len() - from);
            if at >= bytes.len() {
                continue;
            }
            match self.below(7) {
                0 => bytes[at] ^= 1 << self.below(8),
                1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff, b'"', b'['][self.below(7)],
                2 => bytes[at] = self.below(256) as u8,
                3 => bytes.truncate(at),
                4 => drop(bytes.remove(at)),
                5 => {
                    let end = (at + 1 + self.below(40)).min(bytes.len());
                    let piece = bytes[at..end].to_vec();
                    bytes.splice(at..at, piece);
                }
                _ => {
                    let number = [u64::MAX, 1 << 40, 1 << 25, 0, 2][self.below(5)].to_le_bytes();
                    let end = (at + 8).min(bytes.len());
                    bytes[at..end].copy_from_slice(&number[..end - at]);
                }
            }
        }
        bytes
    }
}

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

/// The body for JSON text.
fn use_json(bytes: &[u8]) -> bool {
    let Ok(value) = Json::parse(bytes) else {
        return false;
    };
    assert_eq!(Json::parse(value.compact().as_bytes()).as_ref(), Ok(&value));
    assert_eq!(Json::parse(value.pretty().as_bytes()).as_ref(), Ok(&value));
    true
}

#[test]
fn changed_records_are_refused_or_encode_to_the_same_bytes() {
    let (objects, samples) = samples::samples();
    let mut random = Random(0x00c0_ffee);
    let mut accepted = 0;
    for sample in &samples {
        assert!(use_record(&objects, sample.id.kind, &sample.bytes), "{}", sample.name);
        for _ in 0..300 {
            let bytes = random.mutate(&sample.bytes, 4);
            accepted += usize::from(use_record(&objects, sample.id.kind, &bytes));
            use_inline(&bytes[4.min(bytes.len())..]);
        }
    }
    assert!(accepted > 200, "the mutations hardly ever decode: {accepted}");
    assert!(peak_kib() < 512 << 10, "{} KiB at most", peak_kib());
}

#[test]
fn changed_json_is_refused_or_read_the_same_again() {
    let text = r#"{"a":[1,-2.5e+3,"x\u00e4\ud83d\ude00\n",null,true],"b":{"c":{},"d":[[]]}}"#;
    let mut random = Random(0x5eed);
    let accepted = (0..5_000).filter(|_| use_json(&random.mutate(text.as_bytes(), 0))).count();
    assert!(accepted > 100, "{accepted}");
    assert!(!use_json(&b"[".repeat(10_000_000)));
    assert!(!use_json(&b"{\"a\":".repeat(1_000_000)));
}

/// The most memory that this process had at once; 0 where the system does not say.
fn peak_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
