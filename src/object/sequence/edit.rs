//! Changing a sequence: costs what changes, not what exists.
//!
//! **Invariant**: the result is the one that building from scratch would give.

use std::collections::BTreeMap;

use super::build::{Builder, Root};
use super::node::{Child, Element, Node, load};
use crate::base::codec::Bytes;
use crate::base::id::Hash;
use crate::object::traits::{Fetch, ObjectError, Put};

/// Sets (`Some`) or removes (`None`) the elements with these keys. Removing what is not there is
/// no error.
///
/// # Errors
/// As `Fetch::fetch` and `Put::put`.
pub fn edit<E: Element, P: Put + ?Sized>(
    objects: &P,
    root: Hash,
    edits: BTreeMap<Vec<u8>, Option<E>>,
) -> Result<Root, ObjectError> {
    debug_assert!(E::KEYED);
    let mut edits = edits.into_iter().peekable();
    let mut builder = Builder::new(objects);
    let child = root_child::<E>(objects, root)?;
    feed(objects, &mut builder, child, Place { is_root: true, is_last: true }, &mut edits)?;
    builder.finish()
}

type Edits<E> = std::iter::Peekable<std::collections::btree_map::IntoIter<Vec<u8>, Option<E>>>;

fn root_child<E: Element>(
    objects: &(impl Fetch + ?Sized),
    hash: Hash,
) -> Result<(u8, Child), ObjectError> {
    let node: Node<E> = load(objects, hash, None)?;
    let (count, length) = match &node {
        Node::Leaf(elements) => (elements.len() as u64, saturating(elements.iter().map(E::length))),
        Node::Index { children, .. } => {
            let lengths = children.iter().map(|child| child.length);
            (children.iter().map(|child| child.count).sum(), saturating(lengths))
        }
    };
    Ok((node.level(), Child { last_key: Bytes::default(), hash, count, length }))
}

/// Lengths come from elsewhere and may be false: a sum never overflows. (Counts are checked when a
/// node is loaded.)
fn saturating(lengths: impl Iterator<Item = u64>) -> u64 {
    lengths.fold(0, u64::saturating_add)
}

/// Where a node stands in the old sequence.
#[derive(Clone, Copy)]
struct Place {
    /// No index above knows its last key, so it is never passed on whole.
    is_root: bool,
    /// Nothing follows it.
    is_last: bool,
}

/// Passes one node of the old sequence on, whole where nothing in it changes.
fn feed<E: Element, P: Put + ?Sized>(
    objects: &P,
    builder: &mut Builder<'_, E, P>,
    (level, child): (u8, Child),
    Place { is_root, is_last }: Place,
    edits: &mut Edits<E>,
) -> Result<(), ObjectError> {
    let touched = edits.peek().is_some_and(|(key, _)| is_last || *key <= child.last_key.0);
    if !touched && !is_root && builder.is_between_chunks(level) {
        return builder.push_node(level, child);
    }
    match load(objects, child.hash, (!is_root).then_some(level))? {
        Node::Leaf(elements) => feed_leaf(builder, elements, is_last, edits),
        Node::Index { level, children } => {
            let last = children.len() - 1;
            for (at, child) in children.into_iter().enumerate() {
                let place = Place { is_root: false, is_last: is_last && at == last };
                feed(objects, builder, (level - 1, child), place, edits)?;
            }
            Ok(())
        }
    }
}

fn feed_leaf<E: Element, P: Put + ?Sized>(
    builder: &mut Builder<'_, E, P>,
    elements: Vec<E>,
    is_last: bool,
    edits: &mut Edits<E>,
) -> Result<(), ObjectError> {
    for element in elements {
        while let Some((_, new)) = edits.next_if(|(key, _)| key.as_slice() < element.key()) {
            new.map_or(Ok(()), |new| builder.push(new))?;
        }
        match edits.next_if(|(key, _)| key.as_slice() == element.key()) {
            Some((_, new)) => new.map_or(Ok(()), |new| builder.push(new))?,
            None => builder.push(element)?,
        }
    }
    if is_last {
        for (_, new) in edits.by_ref() {
            new.map_or(Ok(()), |new| builder.push(new))?;
        }
    }
    Ok(())
}
