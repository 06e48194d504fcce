//! Bundles that no exporter writes, byte by byte: trees with whatever names, lengths and targets.
#![allow(dead_code, reason = "each test program uses its own part")]

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use expdag::base::codec::{self, Bytes};
use expdag::base::id::{Hash, Kind, SnapshotId, TreeId};
use expdag::base::name::Label;
use expdag::base::time::Timestamp;
use expdag::object::names::{NameEntry, NameValue};
use expdag::object::sequence::Node;
use expdag::object::snapshot::{Origin, Snapshot, Tier};
use expdag::object::tree::{EntryKind, TreeEntry};
use expdag::store::bundle::{Manifest, Source};

/// Objects on their way into a bundle.
#[derive(Default)]
pub struct Made {
    objects: Vec<(Kind, Hash, Vec<u8>)>,
    known: HashSet<(Kind, Hash)>,
    /// Who made it, in which session, why.
    text: String,
}

impl Made {
    /// Nothing yet; that text stands wherever its maker may write one.
    pub fn with_text(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    fn put(&mut self, kind: Kind, bytes: Vec<u8>) -> Hash {
        let hash = codec::object_hash(kind, &bytes).unwrap();
        if self.known.insert((kind, hash)) {
            self.objects.push((kind, hash, bytes));
        }
        hash
    }

    pub fn leaf(&mut self, name: &[u8], kind: EntryKind, content: &[u8]) -> TreeEntry {
        let hash = self.put(Kind::Blob, content.to_vec());
        TreeEntry { name: Bytes(name.to_vec()), kind, hash, length: content.len() as u64 }
    }

    pub fn file(&mut self, name: &[u8], content: &[u8]) -> TreeEntry {
        self.leaf(name, EntryKind::File, content)
    }

    pub fn folder(&mut self, name: &[u8], entries: Vec<TreeEntry>) -> TreeEntry {
        let (name, kind) = (Bytes(name.to_vec()), EntryKind::Directory);
        let length = entries.iter().map(|entry| entry.length).fold(0, u64::saturating_add);
        TreeEntry { name, kind, hash: self.tree(entries), length }
    }

    /// A directory of at most one node, its names in order.
    pub fn tree(&mut self, mut entries: Vec<TreeEntry>) -> Hash {
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        self.put(Kind::Tree, codec::encode(Kind::Tree, &Node::Leaf(entries)).unwrap())
    }

    /// Writes a bundle with one branch, `evil`, whose snapshot has that tree.
    pub fn write(mut self, tree: Hash, to: &Path) {
        let snapshot = Snapshot {
            parents: Vec::new(),
            tree: TreeId(tree),
            state: None,
            git_head: None,
            branch: Label::new("evil").unwrap(),
            origin: Origin::Manual,
            tier: Tier::Checkpoint,
            who: self.text.clone(),
            session: self.text.clone(),
            when: Timestamp(1),
            message: self.text.clone(),
        };
        let snapshot = self.put(Kind::Snapshot, codec::encode(Kind::Snapshot, &snapshot).unwrap());
        let value = NameValue::Branch(SnapshotId(snapshot));
        let count =
            (self.objects.len() as u64, self.objects.iter().map(|o| o.2.len() as u64).sum());
        let manifest = Manifest {
            source: Source { store: Hash([0x42; 32]), name: Label::new("elsewhere").unwrap() },
            who: self.text,
            when: Timestamp(1),
            names: vec![NameEntry { key: "branch/evil".to_owned(), value }],
            prerequisites: Vec::new(),
            objects: count.0,
            bytes: count.1,
        };
        fs::write(to, framed(&manifest, &self.objects)).unwrap();
    }
}

/// The binary form: header, manifest, one block, footer, each with its digest.
fn framed(manifest: &Manifest, objects: &[(Kind, Hash, Vec<u8>)]) -> Vec<u8> {
    let header = [&b"xp bndl\n"[..], &1_u32.to_le_bytes(), &0_u32.to_le_bytes()].concat();
    let mut bytes = header.clone();
    let mut chain = codec::digest("bundle chain", &header);
    let mut fields = Vec::new();
    codec::encode_fields(manifest, &mut fields).unwrap();
    let mut raw = Vec::new();
    for (kind, hash, content) in objects {
        raw.push(*kind as u8);
        raw.extend_from_slice(&hash.0);
        raw.extend_from_slice(&(content.len() as u32).to_le_bytes());
        raw.extend_from_slice(content);
    }
    let block = zstd::encode_all(&raw[..], 1).unwrap();
    let sizes = [(block.len() as u32).to_le_bytes(), (raw.len() as u32).to_le_bytes()].concat();
    let parts = [
        ("bundle manifest", [&(fields.len() as u64).to_le_bytes()[..], &fields].concat()),
        ("bundle block", [&sizes[..], &block].concat()),
    ];
    for (purpose, part) in parts {
        let digest = codec::digest(purpose, &part);
        bytes.extend_from_slice(&part);
        bytes.extend_from_slice(&digest.0);
        chain = codec::digest("bundle chain", &[chain.0, digest.0].concat());
    }
    let count = [manifest.objects.to_le_bytes(), manifest.bytes.to_le_bytes()].concat();
    let end = codec::digest("bundle chain", &[&chain.0[..], &count].concat());
    [&bytes[..], &[0; 8], &count, &end.0, &[0; 8], b"ldnb px\n"].concat()
}
