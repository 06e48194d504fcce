//! One entry of a directory, and a directory built from entries.

use serde::{Deserialize, Serialize};

use crate::base::codec::Bytes;
use crate::base::id::{BlobId, Hash, Kind, TreeId};
use crate::base::path::entry_name_fault;
use crate::object::chunk::{self, Cut};
use crate::object::sequence::{self, Element, Node, Root};
use crate::object::traits::{ObjectError, Put};

/// What an entry is.
///
/// **Format**: a `u32`, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A regular file that may be executed by its owner.
    Executable,
    /// A symbolic link; its blob is the target.
    Symlink,
    /// A directory.
    Directory,
}

/// One name in a directory.
///
/// **Format**: name (length as `u64`, bytes), kind, hash, length as `u64`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeEntry {
    /// One part of a path: bytes, checked by `base::path::entry_name_fault`.
    pub name: Bytes,
    /// What it is.
    pub kind: EntryKind,
    /// The blob, or the tree of a directory.
    pub hash: Hash,
    /// Bytes of content; for a directory the sum of all below.
    pub length: u64,
}

impl TreeEntry {
    /// An entry for a directory.
    pub fn directory(name: &[u8], root: &Root) -> Self {
        let kind = EntryKind::Directory;
        Self { name: name.into(), kind, hash: root.hash, length: root.length }
    }

    /// The tree, where it is a directory.
    pub fn tree(&self) -> Option<TreeId> {
        (self.kind == EntryKind::Directory).then_some(TreeId(self.hash))
    }

    /// The content, where it is a file or a link.
    pub fn blob(&self) -> Option<BlobId> {
        (self.kind != EntryKind::Directory).then_some(BlobId(self.hash))
    }

    /// Whether the other is the same apart from its name.
    pub fn same_content(&self, other: &Self) -> bool {
        self.kind == other.kind && self.hash == other.hash
    }
}

impl Element for TreeEntry {
    const KIND: Kind = Kind::Tree;
    const KEYED: bool = true;
    const CUT: Cut = Cut::LISTED;
    type Record = Node<Self>;

    fn key(&self) -> &[u8] {
        &self.name.0
    }

    fn mark(&self) -> u64 {
        chunk::mark(&self.name.0)
    }

    fn length(&self) -> u64 {
        self.length
    }

    fn fault(&self) -> Option<&'static str> {
        entry_name_fault(&self.name.0)
    }

    fn wrap(node: Node<Self>) -> Node<Self> {
        node
    }

    fn unwrap(record: Node<Self>) -> Option<Node<Self>> {
        Some(record)
    }
}

/// Builds one directory from its entries, in any order. A name twice is an error.
///
/// # Errors
/// As `Put::put`; [`ObjectError::Rule`] for a bad or repeated name.
pub fn build(
    objects: &(impl Put + ?Sized),
    mut entries: Vec<TreeEntry>,
) -> Result<Root, ObjectError> {
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    if entries.windows(2).any(|pair| pair[0].name == pair[1].name) {
        let id = TreeId(Hash([0; 32])).object();
        return Err(ObjectError::Rule { id, rule: "a name stands twice in a directory" });
    }
    sequence::build(objects, entries)
}

/// The empty directory.
///
/// # Errors
/// As `Put::put`.
pub fn empty(objects: &(impl Put + ?Sized)) -> Result<TreeId, ObjectError> {
    build(objects, Vec::new()).map(|root| TreeId(root.hash))
}
