//! Values in memory from stored documents, and back into a store.

use std::sync::{Arc, OnceLock};

use super::settle::root_node;
use super::value::{Branch, Container, Entry, Item, LongText, Node, Seal, Stands, Tree, Value};
use super::wire::{self, Wire};
use crate::base::codec;
use crate::base::id::{DocumentId, Hash, Kind, ObjectId};
use crate::base::limits::{DOCUMENT_DEPTH_MAX, DOCUMENT_READ_BYTES_MAX};
use crate::document::container::{Hold, Opened, open, open_slot};
use crate::document::{DocumentError, Number};
use crate::object::document::{ListItem, MapEntry, Slot};
use crate::object::sequence::{self, Element};
use crate::object::traits::{Fetch, ObjectError, Put};

/// Reads a stored document as a whole; what is read is settled.
pub(super) fn load(
    objects: &(impl Fetch + ?Sized),
    id: DocumentId,
) -> Result<Value, DocumentError> {
    let mut loading = Loading { objects, bytes_left: DOCUMENT_READ_BYTES_MAX };
    match open(objects, id)? {
        Opened::Scalar(slot) => loading.scalar(slot),
        opened => loading.container(opened, Stands::Node(id), 0),
    }
}

struct Loading<'a, F: ?Sized> {
    objects: &'a F,
    bytes_left: u64,
}

impl<F: Fetch + ?Sized> Loading<'_, F> {
    fn spend(&mut self, bytes: u64) -> Result<(), DocumentError> {
        self.bytes_left = self.bytes_left.checked_sub(bytes).ok_or(DocumentError::TooLarge)?;
        Ok(())
    }

    fn value(&mut self, slot: Slot, depth: usize) -> Result<Value, DocumentError> {
        let stands = match &slot {
            Slot::Inline(bytes) => Stands::Inline(bytes.clone()),
            Slot::Node(id) => Stands::Node(*id),
            _ => return self.scalar(slot),
        };
        let opened = open_slot(self.objects, slot)?;
        self.container(opened, stands, depth)
    }

    fn container(
        &mut self,
        opened: Opened,
        stands: Stands,
        depth: usize,
    ) -> Result<Value, DocumentError> {
        if depth >= DOCUMENT_DEPTH_MAX {
            return Err(DocumentError::TooDeep);
        }
        let in_memory = |loading: &mut Self, entry: MapEntry| {
            let value = loading.value(entry.value, depth + 1)?;
            Ok(Entry { key: entry.key.into(), value })
        };
        let item =
            |loading: &mut Self, item: ListItem| loading.value(item.value, depth + 1).map(Item);
        Ok(match opened {
            Opened::Map(hold) => Value::Map(self.hold(hold, stands, &in_memory)?),
            Opened::List(hold) => Value::List(self.hold(hold, stands, &item)?),
            Opened::Scalar(slot) => self.scalar(slot)?,
        })
    }

    fn hold<S: Element, E: Wire>(
        &mut self,
        hold: Hold<S>,
        stands: Stands,
        part: &dyn Fn(&mut Self, S) -> Result<E, DocumentError>,
    ) -> Result<Arc<Container<E>>, DocumentError> {
        let root = match hold {
            Hold::Inline(elements) => {
                let parts = elements.into_iter().map(|element| self.part(element, part));
                Node::new(Tree::Leaf(parts.collect::<Result<_, _>>()?))
            }
            Hold::Node(hash) => self.node(hash, None, part)?,
        };
        // The root of a document stands by its id, however small; inside another it may not.
        Ok(Arc::new(match &stands {
            Stands::Node(_) if self.is_small(&root) => Container::new(root),
            _ => Container::settled(root, stands),
        }))
    }

    fn is_small<E>(&self, root: &Node<E>) -> bool {
        let length = root.seal.get().map_or(0, |seal| seal.length);
        length <= crate::base::limits::DOCUMENT_INLINE_BYTES_MAX as u64
    }

    fn part<S: Element, E: Wire>(
        &mut self,
        element: S,
        part: &dyn Fn(&mut Self, S) -> Result<E, DocumentError>,
    ) -> Result<E, DocumentError> {
        self.spend(element.length())?;
        part(self, element)
    }

    fn node<S: Element, E: Wire>(
        &mut self,
        hash: Hash,
        level: Option<u8>,
        part: &dyn Fn(&mut Self, S) -> Result<E, DocumentError>,
    ) -> Result<Node<E>, DocumentError> {
        Ok(match sequence::load::<S>(self.objects, hash, level)? {
            sequence::Node::Leaf(elements) => {
                let length = elements.iter().map(Element::length).fold(0, u64::saturating_add);
                let parts = elements.into_iter().map(|element| self.part(element, part));
                let tree = Tree::Leaf(parts.collect::<Result<_, _>>()?);
                Node::sealed(tree, Seal { hash, length })
            }
            sequence::Node::Index { level, children } => {
                let length = children.iter().map(|c| c.length).fold(0, u64::saturating_add);
                let branch = |child: sequence::Child| {
                    let node = self.node(child.hash, Some(level - 1), part)?;
                    Ok(node.into_branch())
                };
                let branches: Result<Vec<Branch<E>>, DocumentError> =
                    children.into_iter().map(branch).collect();
                Node::sealed(Tree::Index { level, branches: branches? }, Seal { hash, length })
            }
        })
    }

    fn scalar(&mut self, slot: Slot) -> Result<Value, DocumentError> {
        let nowhere = ObjectId { kind: Kind::Document, hash: Hash([0; 32]) };
        let fault = |rule| DocumentError::from(ObjectError::Rule { id: nowhere, rule });
        Ok(match slot {
            Slot::Null => Value::Null,
            Slot::Bool(value) => Value::Bool(value),
            Slot::Number(text) => match Number::new(text) {
                Some(number) => Value::Number(number.as_str().into()),
                None => return Err(fault("a number is no JSON number")),
            },
            Slot::String(text) => Value::String(text.into()),
            Slot::Text(blob, length) => {
                self.spend(length)?;
                let rule = |rule| ObjectError::Rule { id: blob.object(), rule };
                let mut content = Vec::new();
                if self.objects.fetch_blob_to(blob, &mut content)? != length {
                    let fault = "a string has not the length that its document says";
                    return Err(rule(fault).into());
                }
                let text = String::from_utf8(content).map_err(|_| rule("a string is not UTF-8"))?;
                let id = OnceLock::from(blob);
                Value::Text(Arc::new(LongText { text: text.into(), id }))
            }
            Slot::Inline(_) | Slot::Node(_) => return Err(fault("a map or list is no scalar")),
        })
    }
}

/// The id of a value that stands as a root.
pub(super) fn id(value: &Value) -> Result<DocumentId, ObjectError> {
    match value {
        Value::Map(map) => Ok(DocumentId(sealed(&*root_node(map)?))),
        Value::List(list) => Ok(DocumentId(sealed(&*root_node(list)?))),
        scalar => Ok(DocumentId(codec::record_hash(Kind::Document, &wire::scalar_bytes(scalar)?))),
    }
}

/// Stores what is not stored yet of a value that stands as a root.
pub(super) fn save(
    objects: &(impl Put + ?Sized),
    value: &Value,
) -> Result<DocumentId, ObjectError> {
    match value {
        Value::Map(map) => save_root(objects, map),
        Value::List(list) => save_root(objects, list),
        scalar => {
            save_below(objects, scalar)?;
            let bytes = wire::scalar_bytes(scalar)?;
            let id = DocumentId(codec::record_hash(Kind::Document, &bytes));
            objects.put(id.object(), bytes)?;
            Ok(id)
        }
    }
}

fn save_root<E: Wire>(
    objects: &(impl Put + ?Sized),
    container: &Container<E>,
) -> Result<DocumentId, ObjectError> {
    let root = root_node(container)?;
    save_node(objects, &root)?;
    Ok(DocumentId(sealed(&root)))
}

/// The hash of a node that is settled.
fn sealed<E>(node: &Node<E>) -> Hash {
    node.seal.get().expect("what is saved is settled").hash
}

fn save_node<E: Wire>(objects: &(impl Put + ?Sized), node: &Node<E>) -> Result<(), ObjectError> {
    let id = DocumentId(sealed(node)).object();
    if objects.contains(id)? {
        return Ok(());
    }
    match &node.tree {
        Tree::Leaf(parts) => parts.iter().try_for_each(|p| save_below(objects, p.value()))?,
        Tree::Index { branches, .. } => {
            branches.iter().try_for_each(|branch| save_node(objects, &branch.node))?;
        }
    }
    objects.put(id, wire::node_bytes(&node.tree)?)
}

/// Stores what a value in a node needs beside it.
fn save_below(objects: &(impl Put + ?Sized), value: &Value) -> Result<(), ObjectError> {
    match value {
        Value::Text(long) => {
            if !objects.contains(long.blob().object())? {
                objects.put_blob_from(&mut long.text.as_bytes())?;
            }
            Ok(())
        }
        Value::Map(map) => save_container(objects, map),
        Value::List(list) => save_container(objects, list),
        _ => Ok(()),
    }
}

fn save_container<E: Wire>(
    objects: &(impl Put + ?Sized),
    container: &Container<E>,
) -> Result<(), ObjectError> {
    match container.settled.get().map(|settled| &settled.stands) {
        Some(Stands::Inline(_)) => {
            container.root().parts().try_for_each(|part| save_below(objects, part.value()))
        }
        _ => save_node(objects, container.root()),
    }
}
