//! Building a sequence from left to right, reusing whole nodes where they are known to recur.

use super::node::{Child, Element, Node, load};
use crate::base::codec::Bytes;
use crate::base::id::{Hash, ObjectId};
use crate::object::chunk::mark_of_hash;
use crate::object::traits::{ObjectError, Put, encode_record};

/// The root of a sequence that was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root {
    /// The root node.
    pub hash: Hash,
    /// Elements in all.
    pub count: u64,
    /// Bytes of content that they stand for.
    pub length: u64,
}

/// Takes elements from left to right and stores the nodes.
pub struct Builder<'a, E, P: ?Sized> {
    objects: &'a P,
    leaf: Vec<E>,
    /// `above[0]` collects leaves, `above[1]` the nodes of level 1, and so on.
    above: Vec<Vec<Child>>,
}

impl<'a, E: Element, P: Put + ?Sized> Builder<'a, E, P> {
    /// Starts with an empty sequence.
    pub fn new(objects: &'a P) -> Self {
        Self { objects, leaf: Vec::new(), above: Vec::new() }
    }

    /// Adds the next element. Keys must ascend: the caller sees to it.
    ///
    /// # Errors
    /// As `Put::put`; [`ObjectError::Rule`] when the element breaks a rule.
    pub fn push(&mut self, element: E) -> Result<(), ObjectError> {
        if let Some(rule) = element.fault() {
            let id = ObjectId { kind: E::KIND, hash: Hash([0; 32]) };
            return Err(ObjectError::Rule { id, rule });
        }
        debug_assert!(!E::KEYED || self.leaf.last().is_none_or(|last| last.key() < element.key()));
        let mark = element.mark();
        self.leaf.push(element);
        if E::CUT.ends_chunk(self.leaf.len(), mark) { self.close_leaf() } else { Ok(()) }
    }

    /// Whether a node of that level can be taken whole: everything below it is between chunks.
    pub(super) fn is_between_chunks(&self, level: u8) -> bool {
        self.leaf.is_empty() && self.above.iter().take(level.into()).all(Vec::is_empty)
    }

    /// Adds a whole node of another sequence. Valid between chunks, for a node that a cut ended,
    /// or when nothing follows.
    pub(super) fn push_node(&mut self, level: u8, child: Child) -> Result<(), ObjectError> {
        debug_assert!(self.is_between_chunks(level));
        self.push_child(level.into(), child)
    }

    fn close_leaf(&mut self) -> Result<(), ObjectError> {
        let elements = std::mem::take(&mut self.leaf);
        let last_key = elements.last().map_or_else(Bytes::default, |e| Bytes::from(e.key()));
        let count = elements.len() as u64;
        let length = elements.iter().map(Element::length).fold(0, u64::saturating_add);
        let hash = self.put(Node::Leaf(elements))?;
        self.push_child(0, Child { last_key, hash, count, length })
    }

    fn push_child(&mut self, level: usize, child: Child) -> Result<(), ObjectError> {
        while self.above.len() <= level {
            self.above.push(Vec::new());
        }
        let mark = mark_of_hash(&child.hash);
        self.above[level].push(child);
        let ends = E::CUT.ends_chunk(self.above[level].len(), mark);
        if ends { self.close_index(level) } else { Ok(()) }
    }

    fn close_index(&mut self, level: usize) -> Result<(), ObjectError> {
        let children = std::mem::take(&mut self.above[level]);
        let last_key = children.last().map_or_else(Bytes::default, |c| c.last_key.clone());
        let count = children.iter().map(|c| c.count).sum();
        let length = children.iter().map(|c| c.length).fold(0, u64::saturating_add);
        let level_of_index = u8::try_from(level + 1).unwrap_or(u8::MAX);
        let hash = self.put(Node::Index { level: level_of_index, children })?;
        self.push_child(level + 1, Child { last_key, hash, count, length })
    }

    fn put(&self, node: Node<E>) -> Result<Hash, ObjectError> {
        let (hash, bytes) = encode_record(E::KIND, &E::wrap(node))?;
        self.objects.put(ObjectId { kind: E::KIND, hash }, bytes)?;
        Ok(hash)
    }

    /// Ends the sequence.
    ///
    /// # Errors
    /// As `Put::put`.
    pub fn finish(mut self) -> Result<Root, ObjectError> {
        if !self.leaf.is_empty() {
            self.close_leaf()?;
        }
        if self.above.iter().all(Vec::is_empty) {
            let hash = self.put(Node::Leaf(Vec::new()))?;
            return Ok(Root { hash, count: 0, length: 0 });
        }
        let mut level = 0;
        loop {
            let top = self.above.iter().skip(level + 1).all(Vec::is_empty);
            match self.above[level].len() {
                1 if top => break,
                0 => {}
                _ => self.close_index(level)?,
            }
            level += 1;
        }
        let child = self.above[level].remove(0);
        collapse::<E>(self.objects, child, level)
    }
}

/// A root is never an index of a single node: that node is the root.
fn collapse<E: Element>(
    objects: &(impl Put + ?Sized),
    child: Child,
    level: usize,
) -> Result<Root, ObjectError> {
    let mut hash = child.hash;
    for level in (1..=level).rev() {
        let level = u8::try_from(level).unwrap_or(u8::MAX);
        match load::<E>(objects, hash, Some(level))? {
            Node::Index { children, .. } if children.len() == 1 => hash = children[0].hash,
            _ => break,
        }
    }
    Ok(Root { hash, count: child.count, length: child.length })
}

/// Builds a sequence from elements in order.
///
/// # Errors
/// As `Put::put`; [`ObjectError::Rule`] when an element breaks a rule of its format.
pub fn build<E: Element>(
    objects: &(impl Put + ?Sized),
    elements: impl IntoIterator<Item = E>,
) -> Result<Root, ObjectError> {
    let mut builder = Builder::new(objects);
    elements.into_iter().try_for_each(|element| builder.push(element))?;
    builder.finish()
}
