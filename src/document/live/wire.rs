//! Values in memory as the records of `object::document` encode: borrowed, so that hashing a node
//! copies nothing but its bytes.
//!
//! **Compatibility**: field by field and variant by variant the same as `Slot` and `DocumentNode`;
//! the tests build each value both ways.

use serde::{Serialize, Serializer};

use super::value::{Branch, Entry, Item, Part, Seal, Stands, Tree, Value};
use crate::base::codec::{self, Bytes};
use crate::base::id::{BlobId, DocumentId, Hash, Kind};
use crate::object::traits::ObjectError;

/// As `object::document::Slot`.
#[derive(Serialize)]
pub(super) enum SlotRef<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    String(&'a str),
    Text(BlobId, u64),
    Inline(&'a Bytes),
    Node(DocumentId),
}

/// As `object::document::DocumentNode`.
#[derive(Serialize)]
#[serde(bound(serialize = "E: Wire"))]
pub(super) enum RecordRef<'a, E> {
    Scalar(SlotRef<'a>),
    Map(NodeRef<'a, E>),
    List(NodeRef<'a, E>),
}

/// As `object::sequence::Node`.
#[derive(Serialize)]
#[serde(bound(serialize = "E: Wire"))]
pub(super) enum NodeRef<'a, E> {
    Leaf(Parts<'a, E>),
    Index { level: u8, children: Children<'a, E> },
}

/// As `object::sequence::Child`.
#[derive(Serialize)]
struct ChildRef<'a> {
    last_key: KeyBytes<'a>,
    hash: Hash,
    count: u64,
    length: u64,
}

struct KeyBytes<'a>(&'a [u8]);

impl Serialize for KeyBytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

pub(super) struct Parts<'a, E>(&'a [E]);

impl<E: Wire> Serialize for Parts<'_, E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(E::wire))
    }
}

pub(super) struct Children<'a, E>(&'a [Branch<E>]);

impl<E: Wire> Serialize for Children<'_, E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|branch| {
            let last_key = KeyBytes(branch.last.as_deref().map_or(&[], str::as_bytes));
            let Seal { hash, length } = seal_of(branch);
            ChildRef { last_key, hash, count: branch.count, length }
        }))
    }
}

/// What an index says of a branch. All below an index that is encoded are sealed.
fn seal_of<E>(branch: &Branch<E>) -> Seal {
    *branch.node.seal.get().expect("nodes are sealed from the leaves up")
}

/// Parts that know how they stand in a node.
pub(super) trait Wire: Part {
    /// The part as it is encoded; what it holds must be settled.
    fn wire(part: &Self) -> impl Serialize;
    /// The record of a node.
    fn record(node: NodeRef<'_, Self>) -> RecordRef<'_, Self>;
    /// Bytes of the encoding beside that of the value.
    fn key_bytes(&self) -> u64;
}

#[derive(Serialize)]
struct EntryRef<'a> {
    key: &'a str,
    value: SlotRef<'a>,
}

#[derive(Serialize)]
struct ItemRef<'a> {
    value: SlotRef<'a>,
}

impl Wire for Entry {
    fn wire(part: &Self) -> impl Serialize {
        EntryRef { key: &part.key, value: part.value.slot() }
    }

    fn record(node: NodeRef<'_, Self>) -> RecordRef<'_, Self> {
        RecordRef::Map(node)
    }

    fn key_bytes(&self) -> u64 {
        8 + self.key.len() as u64
    }
}

impl Wire for Item {
    fn wire(part: &Self) -> impl Serialize {
        ItemRef { value: part.0.slot() }
    }

    fn record(node: NodeRef<'_, Self>) -> RecordRef<'_, Self> {
        RecordRef::List(node)
    }

    fn key_bytes(&self) -> u64 {
        0
    }
}

impl Value {
    /// How it stands in a node. What it holds must be settled.
    pub fn slot(&self) -> SlotRef<'_> {
        match self {
            Self::Null => SlotRef::Null,
            Self::Bool(value) => SlotRef::Bool(*value),
            Self::Number(text) => SlotRef::Number(text),
            Self::String(text) => SlotRef::String(text),
            Self::Text(long) => SlotRef::Text(long.blob(), long.text.len() as u64),
            Self::Map(map) => stands(map.settled.get().map(|settled| &settled.stands)),
            Self::List(list) => stands(list.settled.get().map(|settled| &settled.stands)),
        }
    }
}

fn stands(stands: Option<&Stands>) -> SlotRef<'_> {
    match stands.expect("values are settled before what holds them") {
        Stands::Inline(bytes) => SlotRef::Inline(bytes),
        Stands::Node(id) => SlotRef::Node(*id),
    }
}

impl SlotRef<'_> {
    /// Bytes of its encoding.
    pub fn encoded_bytes(&self) -> u64 {
        4 + match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Number(text) | Self::String(text) => 8 + text.len() as u64,
            Self::Text(..) => 32 + 8,
            Self::Inline(bytes) => 8 + bytes.0.len() as u64,
            Self::Node(_) => 32,
        }
    }
}

fn node_ref<E: Wire>(tree: &Tree<E>) -> RecordRef<'_, E> {
    E::record(match tree {
        Tree::Leaf(parts) => NodeRef::Leaf(Parts(parts)),
        Tree::Index { level, branches } => {
            NodeRef::Index { level: *level, children: Children(branches) }
        }
    })
}

/// The record of a node.
pub(super) fn node_bytes<E: Wire>(tree: &Tree<E>) -> Result<Vec<u8>, ObjectError> {
    let kind = Kind::Document;
    codec::encode(kind, &node_ref(tree)).map_err(|source| ObjectError::Encode { kind, source })
}

/// The record of a root that is neither map nor list.
pub(super) fn scalar_bytes(value: &Value) -> Result<Vec<u8>, ObjectError> {
    let kind = Kind::Document;
    let record: RecordRef<'_, Item> = RecordRef::Scalar(value.slot());
    codec::encode(kind, &record).map_err(|source| ObjectError::Encode { kind, source })
}

/// A small map or list as it stands inside its parent.
pub(super) fn inline_bytes<E: Wire>(tree: &Tree<E>) -> Result<Bytes, ObjectError> {
    let mut bytes = Vec::new();
    codec::encode_fields(&node_ref(tree), &mut bytes)
        .map_err(|source| ObjectError::Encode { kind: Kind::Document, source })?;
    Ok(Bytes(bytes))
}

/// The number that decides whether a part ends its chunk.
pub(super) fn mark<E: Wire>(part: &E) -> Result<u64, ObjectError> {
    match part.key() {
        Some(key) => Ok(crate::object::chunk::mark(key.as_bytes())),
        None => {
            let mut bytes = Vec::new();
            codec::encode_fields(&part.value().slot(), &mut bytes)
                .map_err(|source| ObjectError::Encode { kind: Kind::Document, source })?;
            Ok(crate::object::chunk::mark(&bytes))
        }
    }
}
