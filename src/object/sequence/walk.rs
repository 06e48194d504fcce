//! Reading a sequence: one element, all of them, those from a key on.

use super::node::{Child, Element, Node, load};
use crate::base::id::Hash;
use crate::object::traits::{Fetch, ObjectError};

/// The element with that key.
///
/// # Errors
/// As `Fetch::fetch`.
pub fn get<E: Element>(
    objects: &(impl Fetch + ?Sized),
    root: Hash,
    key: &[u8],
) -> Result<Option<E>, ObjectError> {
    let (mut hash, mut level) = (root, None);
    loop {
        match load::<E>(objects, hash, level)? {
            Node::Leaf(elements) => {
                let found = elements.binary_search_by(|e| e.key().cmp(key));
                return Ok(found.ok().map(|at| elements[at].clone()));
            }
            Node::Index { level: above, children } => {
                let at = children.partition_point(|child| child.last_key.0.as_slice() < key);
                let Some(child) = children.get(at) else {
                    return Ok(None);
                };
                (hash, level) = (child.hash, Some(above - 1));
            }
        }
    }
}

/// How many elements there are, from the root alone.
///
/// # Errors
/// As `Fetch::fetch`.
pub fn count<E: Element>(objects: &(impl Fetch + ?Sized), root: Hash) -> Result<u64, ObjectError> {
    Ok(match load::<E>(objects, root, None)? {
        Node::Leaf(elements) => elements.len() as u64,
        Node::Index { children, .. } => children.iter().map(|child| child.count).sum(),
    })
}

/// The elements in order, fetched as they are asked for.
pub struct Elements<'a, E, F: ?Sized> {
    objects: &'a F,
    /// Nodes still to visit, the next one last: the level that is expected, and the node.
    pending: Vec<(Option<u8>, Hash)>,
    leaf: std::vec::IntoIter<E>,
    /// Elements and nodes before this key are passed over.
    from: Vec<u8>,
    failed: bool,
}

impl<'a, E: Element, F: Fetch + ?Sized> Elements<'a, E, F> {
    /// All elements.
    pub fn new(objects: &'a F, root: Hash) -> Self {
        Self::starting_at(objects, root, Vec::new())
    }

    /// The elements whose keys are `from` or later. Costs one way down the tree.
    pub fn starting_at(objects: &'a F, root: Hash, from: Vec<u8>) -> Self {
        let pending = vec![(None, root)];
        Self { objects, pending, leaf: Vec::new().into_iter(), from, failed: false }
    }

    fn open_next(&mut self) -> Result<bool, ObjectError> {
        let Some((level, hash)) = self.pending.pop() else {
            return Ok(false);
        };
        match load::<E>(self.objects, hash, level)? {
            Node::Leaf(mut elements) => {
                elements.drain(..elements.partition_point(|e| e.key() < self.from.as_slice()));
                self.leaf = elements.into_iter();
            }
            Node::Index { level, children } => {
                let reaches = |child: &Child| child.last_key.0 >= self.from;
                let wanted = children.into_iter().filter(reaches).rev();
                self.pending.extend(wanted.map(|child| (Some(level - 1), child.hash)));
            }
        }
        Ok(true)
    }
}

impl<E: Element, F: Fetch + ?Sized> Iterator for Elements<'_, E, F> {
    type Item = Result<E, ObjectError>;

    /// After an error the iterator is at its end.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.failed {
                return None;
            }
            if let Some(element) = self.leaf.next() {
                return Some(Ok(element));
            }
            match self.open_next() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            }
        }
    }
}
