//! The difference of two keyed sequences: visits what differs and passes over what both share.

use super::node::{Child, Element, Node, load};
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
    let mut old = Side::<E>::open(objects, before, Direction::Forward)?;
    let mut new = Side::<E>::open(objects, after, Direction::Forward)?;
    loop {
        match (old.pending.last(), new.pending.last()) {
            (Some(Pending::Node(a)), Some(Pending::Node(b))) if a.hash == b.hash => {
                old.pending.pop();
                new.pending.pop();
            }
            (Some(Pending::Node(_)), _) | (_, Some(Pending::Node(_))) => {
                expand_higher(objects, &mut old, &mut new)?;
            }
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

/// Opens the next node of the side where it is of the higher level, or of both.
pub(super) fn expand_higher<E: Element>(
    objects: &(impl Fetch + ?Sized),
    old: &mut Side<E>,
    new: &mut Side<E>,
) -> Result<(), ObjectError> {
    let level = |side: &Side<E>| match side.pending.last() {
        Some(Pending::Node(node)) => Some(node.level),
        _ => None,
    };
    let (a, b) = (level(old), level(new));
    if a >= b {
        old.expand(objects)?;
    }
    if b >= a {
        new.expand(objects)?;
    }
    Ok(())
}

pub(super) struct NodeAt {
    level: u8,
    pub(super) hash: Hash,
    /// Elements below.
    pub(super) count: u64,
}

pub(super) enum Pending<E> {
    Node(NodeAt),
    Element(E),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Forward,
    Backward,
}

/// One sequence, opened as far as needed; what comes next is last.
pub(super) struct Side<E> {
    pub(super) pending: Vec<Pending<E>>,
    direction: Direction,
}

impl<E: Element> Side<E> {
    pub(super) fn open(
        objects: &(impl Fetch + ?Sized),
        root: Hash,
        direction: Direction,
    ) -> Result<Self, ObjectError> {
        let mut side = Self { pending: Vec::new(), direction };
        side.push_node(load(objects, root, None)?);
        Ok(side)
    }

    fn push_node(&mut self, node: Node<E>) {
        let from = self.pending.len();
        match node {
            Node::Leaf(elements) => {
                self.pending.extend(elements.into_iter().map(Pending::Element));
            }
            Node::Index { level, children } => {
                let at = |c: Child| NodeAt { level: level - 1, hash: c.hash, count: c.count };
                self.pending.extend(children.into_iter().map(at).map(Pending::Node));
            }
        }
        if self.direction == Direction::Forward {
            self.pending[from..].reverse();
        }
    }

    fn expand(&mut self, objects: &(impl Fetch + ?Sized)) -> Result<(), ObjectError> {
        if let Some(Pending::Node(node)) = self.pending.pop_if(|p| matches!(p, Pending::Node(_))) {
            self.push_node(load(objects, node.hash, Some(node.level))?);
        }
        Ok(())
    }

    /// Opens nodes until an element is next, or nothing.
    pub(super) fn open_down(&mut self, objects: &(impl Fetch + ?Sized)) -> Result<(), ObjectError> {
        while matches!(self.pending.last(), Some(Pending::Node(_))) {
            self.expand(objects)?;
        }
        Ok(())
    }

    pub(super) fn take(&mut self) -> Option<E> {
        match self.pending.pop() {
            Some(Pending::Element(element)) => Some(element),
            _ => None,
        }
    }
}
