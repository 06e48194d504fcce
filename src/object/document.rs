//! The nodes of a JSON value as a Merkle tree: their format, nothing else.
//!
//! **Format**: a map is a sequence of entries ordered by the bytes of their keys, a list a
//! sequence of items, both cut by the rule of `chunk`. A map or list that encodes, as one leaf with
//! all its elements, to `DOCUMENT_INLINE_BYTES_MAX` bytes or fewer (bare fields, without header)
//! stands so inside its parent; a larger one is an object of its own. A string longer than
//! `DOCUMENT_STRING_BYTES_MAX` bytes is a blob. Numbers are kept as the text that was given.
//! The root is always an object, a scalar root a node of its own.
//!
//! Building, reading, diffing and merging values is the room `document`.

use serde::{Deserialize, Serialize};

use crate::base::codec::{self, Bytes};
use crate::base::id::{BlobId, DocumentId, Kind, ObjectId};
use crate::base::limits::{
    DOCUMENT_INLINE_BYTES_MAX, DOCUMENT_KEY_BYTES_MAX, DOCUMENT_STRING_BYTES_MAX,
};
use crate::object::chunk::{self, Cut};
use crate::object::sequence::{Element, Node};
use crate::object::traits::ObjectError;

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

impl Slot {
    /// Bytes of its encoding, without encoding it.
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

    /// Whether it is a map or a list.
    pub fn is_container(&self) -> bool {
        matches!(self, Self::Inline(_) | Self::Node(_))
    }

    /// The rule of the format that it breaks, if any.
    pub fn fault(&self) -> Option<&'static str> {
        match self {
            Self::Number(text) if !is_number(text) => Some("a number is no JSON number"),
            Self::String(text) if text.len() > DOCUMENT_STRING_BYTES_MAX => {
                Some("a long string stands inside its node")
            }
            Self::Text(_, length) if *length <= DOCUMENT_STRING_BYTES_MAX as u64 => {
                Some("a short string is a blob")
            }
            Self::Inline(bytes) if bytes.0.len() > DOCUMENT_INLINE_BYTES_MAX => {
                Some("a large value stands inside its parent")
            }
            _ => None,
        }
    }
}

/// Whether a text is a number of RFC 8259, with nothing around it.
pub fn is_number(text: &str) -> bool {
    let digits = |bytes: &[u8]| bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    let mut rest = text.strip_prefix('-').unwrap_or(text).as_bytes();
    match digits(rest) {
        0 => return false,
        count if count > 1 && rest[0] == b'0' => return false,
        count => rest = &rest[count..],
    }
    if let Some(fraction) = rest.strip_prefix(b".") {
        match digits(fraction) {
            0 => return false,
            count => rest = &fraction[count..],
        }
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = match exponent {
            [b'+' | b'-', unsigned @ ..] => unsigned,
            _ => exponent,
        };
        return !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    rest.is_empty()
}

/// A small map or list as it stands inside its parent.
#[derive(Clone, Debug, PartialEq)]
pub enum Inlined {
    /// The entries of a map.
    Map(Vec<MapEntry>),
    /// The items of a list.
    List(Vec<ListItem>),
}

impl Inlined {
    /// Reads the bytes of [`Slot::Inline`] and checks the rules of a leaf.
    ///
    /// # Errors
    /// The rule that they break.
    pub fn decode(bytes: &Bytes) -> Result<Self, &'static str> {
        let undecodable = "an inline value cannot be read";
        match codec::decode_fields(&bytes.0).map_err(|_| undecodable)? {
            DocumentNode::Map(Node::Leaf(entries)) => {
                if !entries.is_sorted_by(|a, b| a.key < b.key) {
                    return Err("the keys of an inline map do not ascend");
                }
                entries.iter().find_map(Element::fault).map_or(Ok(Self::Map(entries)), Err)
            }
            DocumentNode::List(Node::Leaf(items)) => {
                items.iter().find_map(Element::fault).map_or(Ok(Self::List(items)), Err)
            }
            _ => Err("an inline value is neither a whole map nor a whole list"),
        }
    }
}

/// The objects that the node with that id names: nodes below, and the blobs of long strings.
///
/// # Errors
/// [`ObjectError::Rule`] when a value inside the node cannot be read.
pub fn references(id: DocumentId, node: &DocumentNode) -> Result<Vec<ObjectId>, ObjectError> {
    let mut found = Vec::new();
    let mut slots: Vec<Slot> = Vec::new();
    match node {
        DocumentNode::Scalar(slot) => slots.push(slot.clone()),
        DocumentNode::Map(Node::Leaf(entries)) => {
            slots.extend(entries.iter().map(|entry| entry.value.clone()));
        }
        DocumentNode::List(Node::Leaf(items)) => {
            slots.extend(items.iter().map(|item| item.value.clone()));
        }
        DocumentNode::Map(Node::Index { children, .. })
        | DocumentNode::List(Node::Index { children, .. }) => {
            found.extend(children.iter().map(|child| DocumentId(child.hash).object()));
        }
    }
    // Ends: what an inline value holds is shorter than the value.
    while let Some(slot) = slots.pop() {
        match slot {
            Slot::Text(blob, _) => found.push(blob.object()),
            Slot::Node(below) => found.push(below.object()),
            Slot::Inline(bytes) => {
                let rule = |rule| ObjectError::Rule { id: id.object(), rule };
                match Inlined::decode(&bytes).map_err(rule)? {
                    Inlined::Map(entries) => slots.extend(entries.into_iter().map(|e| e.value)),
                    Inlined::List(items) => slots.extend(items.into_iter().map(|i| i.value)),
                }
            }
            Slot::Null | Slot::Bool(_) | Slot::Number(_) | Slot::String(_) => {}
        }
    }
    Ok(found)
}

impl Element for MapEntry {
    const KIND: Kind = Kind::Document;
    const KEYED: bool = true;
    const CUT: Cut = Cut::VALUES;
    type Record = DocumentNode;

    fn key(&self) -> &[u8] {
        self.key.as_bytes()
    }

    fn mark(&self) -> u64 {
        chunk::mark(self.key.as_bytes())
    }

    /// Bytes of the encoding, so that a root says whether its value fits its parent.
    fn length(&self) -> u64 {
        8 + self.key.len() as u64 + self.value.encoded_bytes()
    }

    fn fault(&self) -> Option<&'static str> {
        let long = self.key.len() > DOCUMENT_KEY_BYTES_MAX;
        if long { Some("a key is too long") } else { self.value.fault() }
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
    const CUT: Cut = Cut::VALUES;
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

    /// Bytes of the encoding, as for a map.
    fn length(&self) -> u64 {
        self.value.encoded_bytes()
    }

    fn fault(&self) -> Option<&'static str> {
        self.value.fault()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::Hash;

    #[test]
    fn lengths_are_those_of_the_encoding() {
        let hash = Hash([7; 32]);
        for value in [
            Slot::Null,
            Slot::Bool(true),
            Slot::Number("-1.5e3".into()),
            Slot::String("größer".into()),
            Slot::Text(BlobId(hash), 5_000),
            Slot::Inline(Bytes(vec![1, 2, 3])),
            Slot::Node(DocumentId(hash)),
        ] {
            let encoded = |mut bytes: Vec<u8>, entry: &MapEntry| {
                codec::encode_fields(entry, &mut bytes).unwrap();
                bytes.len() as u64
            };
            let entry = MapEntry { key: "ключ".into(), value: value.clone() };
            assert_eq!(entry.length(), encoded(Vec::new(), &entry), "{value:?}");
            assert_eq!(ListItem { value: value.clone() }.length(), value.encoded_bytes());
        }
    }

    #[test]
    fn slots_that_no_builder_writes_are_refused() {
        let hash = Hash([7; 32]);
        for bad in [
            Slot::Number("01".into()),
            Slot::String("x".repeat(DOCUMENT_STRING_BYTES_MAX + 1)),
            Slot::Text(BlobId(hash), DOCUMENT_STRING_BYTES_MAX as u64),
            Slot::Inline(Bytes(vec![0; DOCUMENT_INLINE_BYTES_MAX + 1])),
        ] {
            assert!(bad.fault().is_some(), "{bad:?}");
            assert!(ListItem { value: bad }.fault().is_some());
        }
        let key = "k".repeat(DOCUMENT_KEY_BYTES_MAX + 1);
        assert!(MapEntry { key, value: Slot::Null }.fault().is_some());
    }

    #[test]
    fn references_are_found_inside_inline_values() {
        let inline = |slots: Vec<Slot>| {
            let items = slots.into_iter().map(|value| ListItem { value }).collect();
            let mut bytes = Vec::new();
            codec::encode_fields(&DocumentNode::List(Node::Leaf(items)), &mut bytes).unwrap();
            Slot::Inline(Bytes(bytes))
        };
        let (blob, below) = (BlobId(Hash([1; 32])), DocumentId(Hash([2; 32])));
        let value = inline(vec![inline(vec![Slot::Text(blob, 2_000)]), Slot::Node(below)]);
        let node = DocumentNode::Map(Node::Leaf(vec![MapEntry { key: "k".into(), value }]));
        let mut found = references(DocumentId(Hash([0; 32])), &node).unwrap();
        found.sort();
        assert_eq!(found, [blob.object(), below.object()]);
        let broken = DocumentNode::List(Node::Leaf(vec![ListItem {
            value: Slot::Inline(Bytes(vec![9; 8])),
        }]));
        assert!(references(DocumentId(Hash([0; 32])), &broken).is_err());
    }
}
