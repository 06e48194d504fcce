//! The difference of two keyed sequences: visits what differs and passes over what both share.

use super::node::{Element, Node, load};
use crate::base::id::Hash;
use crate::object::traits::{Fetch, ObjectError};

/// One key whose element differs. At least one side is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Change<E> {
    /// The element before.
    pub before: Option<E>,
    /// The element after.
    pub after: Option<E>,
}

impl<E: Element> Change<E> {
    /// The key that both sides have.
    pub fn key(&self) -> &[u8] {
        let side = self.before.as_ref().or(self.after.as_ref());
        side.map_or(&[], |element| element.key())
    }
}

/// The keys whose elements differ, in order.
///
/// # Errors
/// As `Fetch::fetch`.
pub fn diff<E: Element>(
    objects: &(impl Fetch + ?Sized),
    before: Hash,
    after: Hash,
) -> Result<Vec<Change<E>>, ObjectError> {
    let mut changes = Vec::new();
    if before == after {
        return Ok(changes);
    }
    let mut old = Side::<E>::open(objects, before)?;
    let mut new = Side::<E>::open(objects, after)?;
    loop {
        match (old.pending.last(), new.pending.last()) {
            (Some(Pending::Node(a)), Some(Pending::Node(b))) if a.hash == b.hash => {
                old.pending.pop();
                new.pending.pop();
            }
            (Some(Pending::Node(a)), Some(Pending::Node(b))) => {
                let (a, b) = (a.level, b.level);
                if a >= b {
                    old.expand(objects)?;
                }
                if b >= a {
                    new.expand(objects)?;
                }
            }
            (Some(Pending::Node(_)), _) => old.expand(objects)?,
            (_, Some(Pending::Node(_))) => new.expand(objects)?,
            (Some(Pending::Element(_)), Some(Pending::Element(_))) => {
                changes.extend(step(&mut old, &mut new));
            }
            (Some(_), None) => changes.push(Change { before: old.take(), after: None }),
            (None, Some(_)) => changes.push(Change { before: None, after: new.take() }),
            (None, None) => return Ok(changes),
        }
    }
}

/// Compares the elements on top of both sides and takes the earlier one, or both.
fn step<E: Element>(old: &mut Side<E>, new: &mut Side<E>) -> Option<Change<E>> {
    let order = match (old.pending.last(), new.pending.last()) {
        (Some(Pending::Element(a)), Some(Pending::Element(b))) => a.key().cmp(b.key()),
        _ => return None,
    };
    let before = if order.is_le() { old.take() } else { None };
    let after = if order.is_ge() { new.take() } else { None };
    (before != after).then_some(Change { before, after })
}

struct NodeAt {
    level: u8,
    hash: Hash,
}

enum Pending<E> {
    Node(NodeAt),
    Element(E),
}

/// One sequence, opened as far as needed; what comes next is last.
struct Side<E> {
    pending: Vec<Pending<E>>,
}

impl<E: Element> Side<E> {
    fn open(objects: &(impl Fetch + ?Sized), root: Hash) -> Result<Self, ObjectError> {
        let mut side = Self { pending: Vec::new() };
        side.push_node(load(objects, root, None)?);
        Ok(side)
    }

    fn push_node(&mut self, node: Node<E>) {
        match node {
            Node::Leaf(elements) => {
                self.pending.extend(elements.into_iter().rev().map(Pending::Element));
            }
            Node::Index { level, children } => {
                let level = level - 1;
                let nodes = children.into_iter().rev();
                self.pending.extend(nodes.map(|c| Pending::Node(NodeAt { level, hash: c.hash })));
            }
        }
    }

    fn expand(&mut self, objects: &(impl Fetch + ?Sized)) -> Result<(), ObjectError> {
        if let Some(Pending::Node(node)) = self.pending.pop_if(|p| matches!(p, Pending::Node(_))) {
            self.push_node(load(objects, node.hash, Some(node.level))?);
        }
        Ok(())
    }

    fn take(&mut self) -> Option<E> {
        match self.pending.pop() {
            Some(Pending::Element(element)) => Some(element),
            _ => None,
        }
    }
}
