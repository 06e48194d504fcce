//! Looking into and changing the nodes of one map or list: costs the way to the place.
//!
//! Guarantees that keys ascend and that counts and last keys of an index are those of what is
//! below. Leaves how nodes are cut to `settle`; only bounds their size.

use std::sync::{Arc, OnceLock};

use super::value::{Branch, Entry, Node, Part, Tree, Value};
use crate::base::limits::LIVE_NODE_PARTS_MAX;
use crate::object::chunk::{self, Cut};

/// Where a part is looked for.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    /// The part with this key.
    Key(&'a str),
    /// The part at this position.
    At(u64),
}

impl<E: Part> Node<E> {
    /// A node over parts in order.
    pub fn of(parts: Vec<E>) -> Self {
        let mut level = 0;
        let mut nodes = leaves(parts);
        while nodes.len() > 1 {
            level += 1;
            let mut rest = nodes.into_iter().map(Node::into_branch).peekable();
            nodes = Vec::new();
            while rest.peek().is_some() {
                let branches = rest.by_ref().take(Cut::VALUES.least).collect();
                nodes.push(Self::new(Tree::Index { level, branches }));
            }
        }
        nodes.pop().unwrap_or_else(|| Self::new(Tree::Leaf(Vec::new())))
    }

    /// The value at a place.
    pub fn find(&self, place: Place<'_>) -> Option<&Value> {
        let (mut node, mut place) = (self, place);
        loop {
            match &node.tree {
                Tree::Leaf(parts) => return found(parts, place).map(|at| parts[at].value()),
                Tree::Index { branches, .. } => {
                    let (at, rest) = branch_of(branches, place)?;
                    (node, place) = (&branches[at].node, rest);
                }
            }
        }
    }

    /// The value at a place, to be changed. The caller has seen that it is there.
    pub fn find_mut(&mut self, place: Place<'_>) -> Option<&mut Value> {
        self.seal = OnceLock::new();
        match &mut self.tree {
            Tree::Leaf(parts) => {
                let at = found(parts, place)?;
                Some(parts[at].value_mut())
            }
            Tree::Index { branches, .. } => {
                let (at, rest) = branch_of(branches, place)?;
                Arc::make_mut(&mut branches[at].node).find_mut(rest)
            }
        }
    }

    /// Puts a part before the one at a position, or where its key belongs. The caller has seen that
    /// the position is at most the end, and that the key is not there.
    pub fn insert(&mut self, place: Place<'_>, part: E) {
        if let Some(right) = self.insert_below(place, part) {
            let level = self.level() + 1;
            let left = std::mem::replace(self, Self::new(Tree::Leaf(Vec::new())));
            let branches = vec![left.into_branch(), right.into_branch()];
            *self = Self::new(Tree::Index { level, branches });
        }
    }

    /// The same; the right half of a node that grew too large.
    fn insert_below(&mut self, place: Place<'_>, part: E) -> Option<Self> {
        self.seal = OnceLock::new();
        match &mut self.tree {
            Tree::Leaf(parts) => {
                let at = match place {
                    Place::Key(key) => parts.partition_point(|p| is_before(p, key)),
                    Place::At(at) => usize::try_from(at).unwrap_or(usize::MAX).min(parts.len()),
                };
                parts.insert(at, part);
                let right = split(parts)?;
                Some(Self::new(Tree::Leaf(right)))
            }
            Tree::Index { level, branches } => {
                let last = branches.len().checked_sub(1)?;
                let (at, rest) = branch_of(branches, place).unwrap_or(match place {
                    Place::At(_) => (last, Place::At(u64::MAX)),
                    key @ Place::Key(_) => (last, key),
                });
                let right = Arc::make_mut(&mut branches[at].node).insert_below(rest, part);
                let refreshed = Branch {
                    last: branches[at].node.last_key(),
                    count: branches[at].node.count(),
                    node: branches[at].node.clone(),
                };
                branches[at] = refreshed;
                if let Some(right) = right {
                    branches.insert(at + 1, right.into_branch());
                }
                let level = *level;
                let right = split(branches)?;
                Some(Self::new(Tree::Index { level, branches: right }))
            }
        }
    }

    /// Takes away the part at a place. The caller has seen that it is there.
    pub fn remove(&mut self, place: Place<'_>) -> Option<E> {
        let removed = self.remove_below(place);
        loop {
            let only = match &mut self.tree {
                Tree::Index { branches, .. } if branches.len() < 2 => branches.pop(),
                _ => return removed,
            };
            *self = match only {
                Some(branch) => (*branch.node).clone(),
                None => Self::new(Tree::Leaf(Vec::new())),
            };
        }
    }

    fn remove_below(&mut self, place: Place<'_>) -> Option<E> {
        self.seal = OnceLock::new();
        match &mut self.tree {
            Tree::Leaf(parts) => found(parts, place).map(|at| parts.remove(at)),
            Tree::Index { branches, .. } => {
                let (at, rest) = branch_of(branches, place)?;
                let below = Arc::make_mut(&mut branches[at].node);
                let removed = below.remove_below(rest);
                if below.count() == 0 {
                    branches.remove(at);
                } else {
                    let (last, count) = (below.last_key(), below.count());
                    (branches[at].last, branches[at].count) = (last, count);
                }
                removed
            }
        }
    }
}

impl Node<Entry> {
    /// Sets a key, new or not.
    pub fn set(&mut self, key: &str, value: Value) {
        match self.find(Place::Key(key)) {
            Some(_) => {
                if let Some(place) = self.find_mut(Place::Key(key)) {
                    *place = value;
                }
            }
            None => self.insert(Place::Key(key), Entry { key: key.into(), value }),
        }
    }
}

fn is_before<E: Part>(part: &E, key: &str) -> bool {
    part.key().is_some_and(|own| **own < *key)
}

fn found<E: Part>(parts: &[E], place: Place<'_>) -> Option<usize> {
    match place {
        Place::Key(key) => {
            parts.binary_search_by(|part| part.key().map_or("", |key| key).cmp(key)).ok()
        }
        Place::At(at) => usize::try_from(at).ok().filter(|at| *at < parts.len()),
    }
}

/// The branch that has a place, and the place in it; none beyond the end.
fn branch_of<'a, E>(branches: &[Branch<E>], place: Place<'a>) -> Option<(usize, Place<'a>)> {
    match place {
        Place::Key(key) => {
            let before = |branch: &Branch<E>| branch.last.as_deref().is_some_and(|last| last < key);
            let at = branches.partition_point(before);
            (at < branches.len()).then_some((at, place))
        }
        Place::At(mut rest) => {
            for (at, branch) in branches.iter().enumerate() {
                if rest < branch.count {
                    return Some((at, Place::At(rest)));
                }
                rest -= branch.count;
            }
            None
        }
    }
}

fn split<T>(parts: &mut Vec<T>) -> Option<Vec<T>> {
    (parts.len() > LIVE_NODE_PARTS_MAX).then(|| parts.split_off(parts.len() / 2))
}

/// Leaves over parts: those of a map cut as the format demands, which asks for the keys alone.
fn leaves<E: Part>(parts: Vec<E>) -> Vec<Node<E>> {
    let mut nodes = Vec::new();
    let mut leaf = Vec::new();
    for part in parts {
        let mark = match part.key() {
            _ if leaf.len() + 1 < Cut::VALUES.least => 1,
            Some(key) => chunk::mark(key.as_bytes()),
            None => u64::from(leaf.len() + 1 < 2 * Cut::VALUES.least),
        };
        leaf.push(part);
        if Cut::VALUES.ends_chunk(leaf.len(), mark) {
            nodes.push(Node::new(Tree::Leaf(std::mem::take(&mut leaf))));
        }
    }
    if !leaf.is_empty() {
        nodes.push(Node::new(Tree::Leaf(leaf)));
    }
    nodes
}
