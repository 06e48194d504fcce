//! Settling: bringing what was edited into the one shape that its content gives it, and hashing it.
//!
//! **Invariant**: the result is the one that building from scratch would give (`sequence::Builder`
//! has the same rule over stored nodes). Costs what is not settled yet, its neighbours up to the
//! next cut that both have, and the indexes above.

use std::borrow::Cow;
use std::sync::Arc;

use super::value::{Branch, Container, LongText, Node, Part, Seal, Settled, Stands, Tree, Value};
use super::wire::{self, Wire};
use crate::base::codec;
use crate::base::id::{BlobId, DocumentId, Kind};
use crate::base::limits::DOCUMENT_INLINE_BYTES_MAX;
use crate::object::chunk::{Cut, mark_of_hash};
use crate::object::traits::ObjectError;

/// Bytes of a leaf's bare fields before its parts: two variants and a length.
const LEAF_BYTES: u64 = 4 + 4 + 8;

impl Value {
    /// Settles all that is in it. At most as deep as documents are.
    pub fn settle(&self) -> Result<(), ObjectError> {
        match self {
            Self::Map(map) => settle(map),
            Self::List(list) => settle(list),
            _ => Ok(()),
        }
    }
}

impl LongText {
    pub fn blob(&self) -> BlobId {
        *self.id.get_or_init(|| codec::blob_id(self.text.as_bytes()))
    }
}

fn settle<E: Wire>(container: &Container<E>) -> Result<(), ObjectError> {
    if container.settled.get().is_some() {
        return Ok(());
    }
    let given = container.given();
    if let Tree::Leaf(parts) = &given.tree {
        settle_parts(parts)?;
    }
    let settled = match &given.tree {
        tree @ Tree::Leaf(parts) if is_small(leaf_length(parts)) => {
            Settled { root: None, stands: Stands::Inline(wire::inline_bytes(tree)?) }
        }
        Tree::Leaf(parts) if fits(parts, true)? => {
            Settled { root: None, stands: Stands::Node(DocumentId(seal(given)?.hash)) }
        }
        _ => {
            let root = shaped(given)?;
            Settled { stands: stands(&root)?, root: Some(Box::new(root)) }
        }
    };
    // Another thread that was quicker found the same.
    let _ = container.settled.set(settled);
    Ok(())
}

/// The root of a settled container as a node of its own. What stands inline is cut only now.
pub(super) fn root_node<E: Wire>(
    container: &Container<E>,
) -> Result<Cow<'_, Node<E>>, ObjectError> {
    settle(container)?;
    let root = container.root();
    match root.seal.get() {
        Some(_) => Ok(Cow::Borrowed(root)),
        None => shaped(root).map(Cow::Owned),
    }
}

fn shaped<E: Wire>(root: &Node<E>) -> Result<Node<E>, ObjectError> {
    let mut shaping = Shaping { leaf: Vec::new(), above: Vec::new() };
    shaping.feed_root(root)?;
    shaping.finish()
}

fn stands<E: Wire>(root: &Node<E>) -> Result<Stands, ObjectError> {
    let Seal { hash, length } = seal(root)?;
    if !is_small(length) {
        return Ok(Stands::Node(DocumentId(hash)));
    }
    let parts = root.parts().cloned().collect();
    Ok(Stands::Inline(wire::inline_bytes(&Tree::<E>::Leaf(parts))?))
}

fn is_small(length: u64) -> bool {
    LEAF_BYTES.saturating_add(length) <= DOCUMENT_INLINE_BYTES_MAX as u64
}

fn leaf_length<E: Wire>(parts: &[E]) -> u64 {
    let length = |part: &E| part.key_bytes() + part.value().slot().encoded_bytes();
    parts.iter().map(length).fold(0, u64::saturating_add)
}

fn settle_parts<E: Part>(parts: &[E]) -> Result<(), ObjectError> {
    parts.iter().try_for_each(|part| part.value().settle())
}

/// Whether a leaf is cut as the format demands. What its parts hold is settled.
fn fits<E: Wire>(parts: &[E], is_last: bool) -> Result<bool, ObjectError> {
    for (at, part) in parts.iter().enumerate().skip(Cut::VALUES.least - 1) {
        if Cut::VALUES.ends_chunk(at + 1, wire::mark(part)?) {
            return Ok(at + 1 == parts.len());
        }
    }
    Ok(is_last)
}

/// Whether a settled node ends where the format cuts, so that something may follow it.
fn ends_in_cut<E: Wire>(node: &Node<E>) -> Result<bool, ObjectError> {
    let (count, mark) = match &node.tree {
        Tree::Leaf(parts) => match parts.last() {
            Some(last) if parts.len() >= Cut::VALUES.least => (parts.len(), wire::mark(last)?),
            _ => return Ok(false),
        },
        Tree::Index { branches, .. } => match branches.last().and_then(|b| b.node.seal.get()) {
            Some(seal) => (branches.len(), mark_of_hash(&seal.hash)),
            None => return Ok(false),
        },
    };
    Ok(Cut::VALUES.ends_chunk(count, mark))
}

/// Hashes a node that is cut as the format demands, all below it being sealed.
fn seal<E: Wire>(node: &Node<E>) -> Result<Seal, ObjectError> {
    if let Some(seal) = node.seal.get() {
        return Ok(*seal);
    }
    let bytes = wire::node_bytes(&node.tree)?;
    let hash = codec::record_hash(Kind::Document, &bytes);
    let length = match &node.tree {
        Tree::Leaf(parts) => leaf_length(parts),
        Tree::Index { branches, .. } => {
            // Lengths of what was read may be false: a sum never overflows.
            let lengths = branches.iter().filter_map(|b| b.node.seal.get()).map(|s| s.length);
            lengths.fold(0, u64::saturating_add)
        }
    };
    Ok(*node.seal.get_or_init(|| Seal { hash, length }))
}

/// Takes parts and nodes from left to right and cuts them as the format demands.
struct Shaping<E> {
    leaf: Vec<E>,
    /// `above[0]` collects leaves, `above[1]` the nodes of level 1, and so on.
    above: Vec<Vec<Branch<E>>>,
}

impl<E: Wire> Shaping<E> {
    fn is_between_chunks(&self, level: u8) -> bool {
        self.leaf.is_empty() && self.above.iter().take(level.into()).all(Vec::is_empty)
    }

    /// A root is never passed on whole: it may be ended by no cut, or be too high.
    fn feed_root(&mut self, root: &Node<E>) -> Result<(), ObjectError> {
        match &root.tree {
            Tree::Leaf(parts) => {
                settle_parts(parts)?;
                parts.iter().try_for_each(|part| self.push(part.clone()))
            }
            Tree::Index { branches, .. } => self.feed_all(branches, true),
        }
    }

    fn feed_all(&mut self, branches: &[Branch<E>], is_last: bool) -> Result<(), ObjectError> {
        let count = branches.len();
        for (at, branch) in branches.iter().enumerate() {
            self.feed(branch, is_last && at + 1 == count)?;
        }
        Ok(())
    }

    fn feed(&mut self, branch: &Branch<E>, is_last: bool) -> Result<(), ObjectError> {
        let level = branch.node.level();
        if branch.node.seal.get().is_some()
            && self.is_between_chunks(level)
            && (is_last || ends_in_cut(&branch.node)?)
        {
            return self.push_branch(level.into(), branch.clone());
        }
        match &branch.node.tree {
            Tree::Leaf(parts) => {
                settle_parts(parts)?;
                if self.is_between_chunks(0) && fits(parts, is_last)? {
                    seal(&branch.node)?;
                    return self.push_branch(0, branch.clone());
                }
                parts.iter().try_for_each(|part| self.push(part.clone()))
            }
            Tree::Index { branches, .. } => self.feed_all(branches, is_last),
        }
    }

    fn push(&mut self, part: E) -> Result<(), ObjectError> {
        let mark = if self.leaf.len() + 1 < Cut::VALUES.least { 1 } else { wire::mark(&part)? };
        self.leaf.push(part);
        let ends = Cut::VALUES.ends_chunk(self.leaf.len(), mark);
        if ends { self.close_leaf() } else { Ok(()) }
    }

    fn close_leaf(&mut self) -> Result<(), ObjectError> {
        let node = Node::new(Tree::Leaf(std::mem::take(&mut self.leaf)));
        seal(&node)?;
        self.push_branch(0, node.into_branch())
    }

    fn push_branch(&mut self, level: usize, branch: Branch<E>) -> Result<(), ObjectError> {
        while self.above.len() <= level {
            self.above.push(Vec::new());
        }
        let mark = mark_of_hash(&seal(&branch.node)?.hash);
        self.above[level].push(branch);
        let ends = Cut::VALUES.ends_chunk(self.above[level].len(), mark);
        if ends { self.close_index(level) } else { Ok(()) }
    }

    fn close_index(&mut self, level: usize) -> Result<(), ObjectError> {
        let branches = std::mem::take(&mut self.above[level]);
        let level_of_index = u8::try_from(level + 1).unwrap_or(u8::MAX);
        let node = Node::new(Tree::Index { level: level_of_index, branches });
        seal(&node)?;
        self.push_branch(level + 1, node.into_branch())
    }

    /// The root: never an index of a single node.
    fn finish(mut self) -> Result<Node<E>, ObjectError> {
        if !self.leaf.is_empty() {
            self.close_leaf()?;
        }
        let mut level = 0;
        while level < self.above.len() {
            let is_top = self.above.iter().skip(level + 1).all(Vec::is_empty);
            match self.above[level].len() {
                1 if is_top => break,
                0 => {}
                _ => self.close_index(level)?,
            }
            level += 1;
        }
        let Some(mut root) = self.above.get_mut(level).and_then(Vec::pop) else {
            let empty = Node::new(Tree::Leaf(Vec::new()));
            seal(&empty)?;
            return Ok(empty);
        };
        while let Tree::Index { branches, .. } = &root.node.tree
            && let [only] = branches.as_slice()
        {
            root = only.clone();
        }
        Ok(Arc::try_unwrap(root.node).unwrap_or_else(|shared| (*shared).clone()))
    }
}
