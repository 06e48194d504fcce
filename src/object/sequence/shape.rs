//! Proving that a sequence has the one shape that its elements give it.
//!
//! Each node is looked at once, however often it is named: what is proved of it are its ends, its
//! counts and its cuts, from which those above it follow. So a few bytes that stand for more elements
//! than any memory holds cost a few looks.

use std::collections::HashMap;

use super::node::{Child, Element, Node, load};
use crate::base::codec::Bytes;
use crate::base::id::{Hash, ObjectId};
use crate::object::chunk::mark_of_hash;
use crate::object::traits::{Fetch, ObjectError};

/// The rule that is broken by every other shape.
const RULE: &str = "its chunks are not cut where the content says";

/// What is known of a node that keeps the rules.
#[derive(Clone)]
struct Shape {
    level: u8,
    first_key: Bytes,
    last_key: Bytes,
    count: u64,
    length: u64,
    /// Whether it ends where the content says, and not because there is no more.
    is_cut: bool,
}

/// The nodes that were looked at.
struct Shapes<'a, F: ?Sized> {
    objects: &'a F,
    root: ObjectId,
    known: HashMap<Hash, Shape>,
}

/// Proves that a sequence has the one shape that its elements give it; returns how many they are.
///
/// # Errors
/// As `Fetch::fetch`; [`ObjectError::Rule`] when the shape is another one.
pub fn verify<E: Element>(objects: &(impl Fetch + ?Sized), root: Hash) -> Result<u64, ObjectError> {
    let id = ObjectId { kind: E::KIND, hash: root };
    let mut shapes = Shapes { objects, root: id, known: HashMap::new() };
    let node = load::<E>(objects, root, None)?;
    shapes.of(node).map(|shape| shape.count)
}

impl<F: Fetch + ?Sized> Shapes<'_, F> {
    fn broken(&self) -> ObjectError {
        ObjectError::Rule { id: self.root, rule: RULE }
    }

    fn of<E: Element>(&mut self, node: Node<E>) -> Result<Shape, ObjectError> {
        match node {
            Node::Leaf(elements) => self.of_leaf(&elements),
            Node::Index { level, children } => self.of_index::<E>(level, &children),
        }
    }

    fn of_leaf<E: Element>(&self, elements: &[E]) -> Result<Shape, ObjectError> {
        let marks = elements.iter().map(Element::mark);
        let is_cut = self.is_cut::<E>(elements.len(), marks)?;
        let key = |element: Option<&E>| element.map_or_else(Bytes::default, |e| e.key().into());
        Ok(Shape {
            level: 0,
            first_key: key(elements.first()),
            last_key: key(elements.last()),
            count: elements.len() as u64,
            length: elements.iter().map(Element::length).fold(0, u64::saturating_add),
            is_cut,
        })
    }

    /// The recursion is as deep as there are levels, which `load` bounds.
    fn of_index<E: Element>(
        &mut self,
        level: u8,
        children: &[Child],
    ) -> Result<Shape, ObjectError> {
        let marks = children.iter().map(|child| mark_of_hash(&child.hash));
        let is_cut = self.is_cut::<E>(children.len(), marks)?;
        let mut whole: Option<Shape> = None;
        for child in children {
            let below = self.below::<E>(child.hash, level - 1)?;
            let is_as_said = below.last_key == child.last_key
                && (below.count, below.length) == (child.count, child.length);
            let follows = whole.as_ref().is_none_or(|before| {
                before.is_cut && (!E::KEYED || before.last_key < below.first_key)
            });
            if !is_as_said || !follows {
                return Err(self.broken());
            }
            let before = whole.take();
            let (count, length) = before.as_ref().map_or((0, 0), |b| (b.count, b.length));
            whole = Some(Shape {
                level,
                first_key: before.map_or_else(|| below.first_key.clone(), |b| b.first_key),
                count: count.checked_add(below.count).ok_or_else(|| self.broken())?,
                length: length.saturating_add(below.length),
                ..below
            });
        }
        // An index has children, and ends with the last of them.
        let whole = whole.ok_or_else(|| self.broken())?;
        Ok(Shape { is_cut: is_cut && whole.is_cut, ..whole })
    }

    /// A node below an index.
    fn below<E: Element>(&mut self, hash: Hash, level: u8) -> Result<Shape, ObjectError> {
        if let Some(shape) = self.known.get(&hash).filter(|shape| shape.level == level) {
            return Ok(shape.clone());
        }
        let node = load::<E>(self.objects, hash, Some(level))?;
        let shape = self.of(node)?;
        self.known.insert(hash, shape.clone());
        Ok(shape)
    }

    /// Whether a chunk ends with a cut; no chunk has one before its end.
    fn is_cut<E: Element>(
        &self,
        count: usize,
        marks: impl Iterator<Item = u64>,
    ) -> Result<bool, ObjectError> {
        let mut cuts = marks.enumerate().filter(|(at, mark)| E::CUT.ends_chunk(at + 1, *mark));
        match cuts.next() {
            None => Ok(false),
            Some((at, _)) if at + 1 == count => Ok(true),
            Some(_) => Err(self.broken()),
        }
    }
}
