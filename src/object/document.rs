//! The nodes of a JSON value as a Merkle tree: their format, nothing else.
//!
//! **Format**: a map is a sequence of entries ordered by the bytes of their keys, a list a
//! sequence of items, both cut by the rule of `chunk`. A map or list whose node encodes to
//! `DOCUMENT_INLINE_BYTES_MAX` bytes or fewer (as bare fields, without header) stands inside its
//! parent; a larger one is an object of its own. A string longer than
//! `DOCUMENT_STRING_BYTES_MAX` bytes is a blob. Numbers are kept as the text that was given.
//! The root is always an object, a scalar root a node of its own.
//!
//! Building, reading, diffing and merging values is the room `document`.

use serde::{Deserialize, Serialize};

use crate::base::codec::{self, Bytes};
use crate::base::id::{BlobId, DocumentId, Kind};
use crate::object::chunk;
use crate::object::sequence::{Element, Node};

/// A value as it stands in a node.
///
/// **Format**: the variant as a `u32` in this order, then its fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Slot {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// The digits as given, a valid JSON number.
    Number(String),
    /// A string of at most `DOCUMENT_STRING_BYTES_MAX` bytes.
    String(String),
    /// A longer string: the blob of its UTF-8 bytes, and their number.
    Text(BlobId, u64),
    /// A small map or list: the bare fields of a [`DocumentNode`].
    Inline(Bytes),
    /// A larger map or list.
    Node(DocumentId),
}

/// A node of a document.
///
/// **Format**: the variant as a `u32` in this order, then its fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DocumentNode {
    /// A root that is neither map nor list. Never `Inline` or `Node`.
    Scalar(Slot),
    /// A node of a map.
    Map(Node<MapEntry>),
    /// A node of a list.
    List(Node<ListItem>),
}

/// One key of a map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapEntry {
    /// The key.
    pub key: String,
    /// Its value.
    pub value: Slot,
}

/// One item of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListItem {
    /// The value.
    pub value: Slot,
}

fn slot_length(slot: &Slot) -> u64 {
    match slot {
        Slot::Null | Slot::Bool(_) => 1,
        Slot::Number(text) | Slot::String(text) => text.len() as u64,
        Slot::Text(_, length) => *length,
        Slot::Inline(bytes) => bytes.0.len() as u64,
        Slot::Node(_) => 32,
    }
}

impl Element for MapEntry {
    const KIND: Kind = Kind::Document;
    const KEYED: bool = true;
    type Record = DocumentNode;

    fn key(&self) -> &[u8] {
        self.key.as_bytes()
    }

    fn mark(&self) -> u64 {
        chunk::mark(self.key.as_bytes())
    }

    fn length(&self) -> u64 {
        slot_length(&self.value)
    }

    fn fault(&self) -> Option<&'static str> {
        None
    }

    fn wrap(node: Node<Self>) -> DocumentNode {
        DocumentNode::Map(node)
    }

    fn unwrap(record: DocumentNode) -> Option<Node<Self>> {
        match record {
            DocumentNode::Map(node) => Some(node),
            _ => None,
        }
    }
}

impl Element for ListItem {
    const KIND: Kind = Kind::Document;
    const KEYED: bool = false;
    type Record = DocumentNode;

    fn key(&self) -> &[u8] {
        &[]
    }

    fn mark(&self) -> u64 {
        let mut bytes = Vec::new();
        match codec::encode_fields(&self.value, &mut bytes) {
            Ok(()) => chunk::mark(&bytes),
            Err(_) => 1,
        }
    }

    fn length(&self) -> u64 {
        slot_length(&self.value)
    }

    fn fault(&self) -> Option<&'static str> {
        None
    }

    fn wrap(node: Node<Self>) -> DocumentNode {
        DocumentNode::List(node)
    }

    fn unwrap(record: DocumentNode) -> Option<Node<Self>> {
        match record {
            DocumentNode::List(node) => Some(node),
            _ => None,
        }
    }
}
