//! Maps and lists as they are held: inside their parent or as nodes of their own.
//!
//! **Invariant**: which of the two is a function of the content alone. It is decided here, once.

use std::collections::BTreeMap;

use crate::base::codec::{self, Bytes};
use crate::base::id::{DocumentId, Hash, Kind, ObjectId};
use crate::base::limits::DOCUMENT_INLINE_BYTES_MAX;
use crate::object::document::{DocumentNode, Inlined, ListItem, MapEntry, Slot};
use crate::object::memory::Scratch;
use crate::object::sequence::{self, Element, Elements, Node, Root};
use crate::object::traits::{Fetch, ObjectError, Put, fetch_record, put_record};

/// Bytes of a leaf's bare fields before its elements: two variants and a length.
const LEAF_BYTES: u64 = 4 + 4 + 8;

/// What a map or a list is made of.
pub(super) trait Held: Element<Record = DocumentNode> {}

impl Held for MapEntry {}
impl Held for ListItem {}

/// Where the elements of a map or list are.
#[derive(Clone, Debug)]
pub(super) enum Hold<E> {
    /// Inside the parent.
    Inline(Vec<E>),
    /// In nodes of their own; the root.
    Node(Hash),
}

impl<E: Held> Hold<E> {
    pub(super) fn elements(self, objects: &(impl Fetch + ?Sized)) -> Result<Vec<E>, ObjectError> {
        match self {
            Self::Inline(elements) => Ok(elements),
            Self::Node(root) => Elements::new(objects, root).collect(),
        }
    }

    /// The root of a sequence with these elements. What is inline is put into the scratch only, so
    /// that one way of comparing serves both.
    pub(super) fn root(
        self,
        scratch: &Scratch<'_, impl Fetch + ?Sized>,
    ) -> Result<Hash, ObjectError> {
        match self {
            Self::Inline(elements) => Ok(sequence::build(scratch, elements)?.hash),
            Self::Node(root) => Ok(root),
        }
    }
}

/// A value, opened by one level.
#[derive(Clone, Debug)]
pub(super) enum Opened {
    /// Neither map nor list.
    Scalar(Slot),
    Map(Hold<MapEntry>),
    List(Hold<ListItem>),
}

/// Opens the node of a document or of a value in it.
pub(super) fn open(objects: &(impl Fetch + ?Sized), id: DocumentId) -> Result<Opened, ObjectError> {
    Ok(match fetch_record(objects, id.object())? {
        DocumentNode::Scalar(Slot::Inline(_) | Slot::Node(_)) => {
            let rule = "a scalar root holds a map or a list";
            return Err(ObjectError::Rule { id: id.object(), rule });
        }
        DocumentNode::Scalar(slot) => match slot.fault() {
            Some(rule) => return Err(ObjectError::Rule { id: id.object(), rule }),
            None => Opened::Scalar(slot),
        },
        DocumentNode::Map(_) => Opened::Map(Hold::Node(id.0)),
        DocumentNode::List(_) => Opened::List(Hold::Node(id.0)),
    })
}

/// Opens a value that stands in a node.
pub(super) fn open_slot(
    objects: &(impl Fetch + ?Sized),
    slot: Slot,
) -> Result<Opened, ObjectError> {
    match slot {
        Slot::Node(id) => match open(objects, id)? {
            Opened::Scalar(_) => {
                let rule = "a scalar has a node of its own inside a document";
                Err(ObjectError::Rule { id: id.object(), rule })
            }
            opened => Ok(opened),
        },
        Slot::Inline(bytes) => match Inlined::decode(&bytes) {
            Ok(Inlined::Map(entries)) => Ok(Opened::Map(Hold::Inline(entries))),
            Ok(Inlined::List(items)) => Ok(Opened::List(Hold::Inline(items))),
            Err(rule) => Err(ObjectError::Rule { id: unstored(), rule }),
        },
        scalar => Ok(Opened::Scalar(scalar)),
    }
}

/// The root of a document as a slot: a map or list always as a node.
pub(super) fn root_slot(
    objects: &(impl Fetch + ?Sized),
    id: DocumentId,
) -> Result<Slot, ObjectError> {
    Ok(match open(objects, id)? {
        Opened::Scalar(slot) => slot,
        Opened::Map(_) | Opened::List(_) => Slot::Node(id),
    })
}

/// Stores elements in the one way that they are held.
pub(super) fn hold<E: Held>(
    objects: &(impl Put + ?Sized),
    elements: Vec<E>,
) -> Result<Slot, ObjectError> {
    let bytes = elements.iter().map(Element::length).fold(LEAF_BYTES, u64::saturating_add);
    if bytes <= DOCUMENT_INLINE_BYTES_MAX as u64 {
        return inline(elements);
    }
    sequence::build(objects, elements).map(|root| Slot::Node(DocumentId(root.hash)))
}

/// As [`hold`], for elements that were already put as a sequence.
pub(super) fn hold_root<E: Held>(
    objects: &(impl Fetch + ?Sized),
    root: Root,
) -> Result<Slot, ObjectError> {
    if root.length.saturating_add(LEAF_BYTES) > DOCUMENT_INLINE_BYTES_MAX as u64 {
        return Ok(Slot::Node(DocumentId(root.hash)));
    }
    inline(Elements::<E, _>::new(objects, root.hash).collect::<Result<_, _>>()?)
}

fn inline<E: Held>(elements: Vec<E>) -> Result<Slot, ObjectError> {
    let mut bytes = Vec::new();
    codec::encode_fields(&E::wrap(Node::Leaf(elements)), &mut bytes)
        .map_err(|source| ObjectError::Encode { kind: Kind::Document, source })?;
    Ok(Slot::Inline(Bytes(bytes)))
}

/// Stores a value as the root of a document.
pub(super) fn put_root(
    objects: &(impl Put + ?Sized),
    slot: Slot,
) -> Result<DocumentId, ObjectError> {
    match slot {
        Slot::Node(id) => Ok(id),
        Slot::Inline(_) => {
            let root = match open_slot(objects, slot)? {
                Opened::Map(entries) => sequence::build(objects, entries.elements(objects)?)?,
                Opened::List(items) => sequence::build(objects, items.elements(objects)?)?,
                Opened::Scalar(slot) => return put_scalar(objects, slot),
            };
            Ok(DocumentId(root.hash))
        }
        scalar => put_scalar(objects, scalar),
    }
}

fn put_scalar(objects: &(impl Put + ?Sized), slot: Slot) -> Result<DocumentId, ObjectError> {
    put_record(objects, Kind::Document, &DocumentNode::Scalar(slot))
}

/// Sets and removes keys of a map that is stored.
pub(super) fn change_map(
    objects: &(impl Put + ?Sized),
    base: Hold<MapEntry>,
    edits: BTreeMap<String, Option<Slot>>,
) -> Result<Slot, ObjectError> {
    let named = |key: String, value: Option<Slot>| {
        let value = value.map(|value| MapEntry { key: key.clone(), value });
        (key, value)
    };
    let edits = edits.into_iter().map(|(key, value)| named(key, value));
    match base {
        Hold::Node(root) => {
            let edits = edits.map(|(key, entry)| (key.into_bytes(), entry)).collect();
            let root = sequence::edit(objects, root, edits)?;
            hold_root::<MapEntry>(objects, root)
        }
        Hold::Inline(entries) => {
            let old = entries.into_iter().map(|entry| (entry.key.clone(), Some(entry)));
            let mut all: BTreeMap<String, Option<MapEntry>> = old.collect();
            all.extend(edits);
            hold(objects, all.into_values().flatten().collect())
        }
    }
}

/// What an error names when the value has no id of its own.
pub(super) fn unstored() -> ObjectId {
    ObjectId { kind: Kind::Document, hash: Hash([0; 32]) }
}
