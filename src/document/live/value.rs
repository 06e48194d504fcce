//! A value in memory as a persistent tree: what is not changed is shared.
//!
//! A map or list is a tree of nodes, as it is stored, but its nodes may stand cut in another way
//! than the format demands until they are *settled* (see `settle`): an edit copies the nodes on its
//! way and hashes nothing. Knows nothing of pointers and edits.

use std::sync::{Arc, OnceLock};

use crate::base::codec::Bytes;
use crate::base::id::{BlobId, DocumentId, Hash};

/// A JSON value.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// The digits as given.
    Number(Arc<str>),
    /// At most `DOCUMENT_STRING_BYTES_MAX` bytes.
    String(Arc<str>),
    /// A longer one.
    Text(Arc<LongText>),
    Map(Arc<Container<Entry>>),
    List(Arc<Container<Item>>),
}

/// A string that is stored as a blob.
#[derive(Debug)]
pub(super) struct LongText {
    pub text: Box<str>,
    pub id: OnceLock<BlobId>,
}

/// A key of a map and its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub key: Arc<str>,
    pub value: Value,
}

/// An item of a list.
#[derive(Clone, Debug)]
pub(super) struct Item(pub Value);

/// What a map or a list is made of.
pub(super) trait Part: Clone + Send + Sync {
    /// None for the items of a list.
    fn key(&self) -> Option<&Arc<str>>;
    fn value(&self) -> &Value;
    fn value_mut(&mut self) -> &mut Value;
}

impl Part for Entry {
    fn key(&self) -> Option<&Arc<str>> {
        Some(&self.key)
    }

    fn value(&self) -> &Value {
        &self.value
    }

    fn value_mut(&mut self) -> &mut Value {
        &mut self.value
    }
}

impl Part for Item {
    fn key(&self) -> Option<&Arc<str>> {
        None
    }

    fn value(&self) -> &Value {
        &self.0
    }

    fn value_mut(&mut self) -> &mut Value {
        &mut self.0
    }
}

/// A map or a list.
#[derive(Debug)]
pub(super) struct Container<E> {
    given: Node<E>,
    pub settled: OnceLock<Settled<E>>,
}

/// A container in the one shape that its content gives it.
#[derive(Debug)]
pub(super) struct Settled<E> {
    /// Its root; none when the given one has that shape.
    pub root: Option<Box<Node<E>>>,
    /// How it stands in what holds it.
    pub stands: Stands,
}

/// How a map or list stands in its parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stands {
    /// Small: with its bytes.
    Inline(Bytes),
    /// By its id.
    Node(DocumentId),
}

/// A node of a container.
#[derive(Clone, Debug)]
pub(super) struct Node<E> {
    pub tree: Tree<E>,
    /// There when the node is cut as the format demands.
    pub seal: OnceLock<Seal>,
}

/// What an index above says of a settled node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seal {
    pub hash: Hash,
    /// Bytes of the encoded parts below.
    pub length: u64,
}

/// The content of a node.
#[derive(Clone, Debug)]
pub(super) enum Tree<E> {
    Leaf(Vec<E>),
    Index {
        /// 1 just above the leaves.
        level: u8,
        branches: Vec<Branch<E>>,
    },
}

/// A node below an index.
#[derive(Debug)]
pub(super) struct Branch<E> {
    /// The last key below; none in lists.
    pub last: Option<Arc<str>>,
    /// Parts below.
    pub count: u64,
    pub node: Arc<Node<E>>,
}

// Derived, it would ask for `E: Clone`, which an `Arc` does not need.
impl<E> Clone for Branch<E> {
    fn clone(&self) -> Self {
        Self { last: self.last.clone(), count: self.count, node: self.node.clone() }
    }
}

impl<E: Part> Container<E> {
    pub fn new(given: Node<E>) -> Self {
        Self { given, settled: OnceLock::new() }
    }

    /// One that is known to be in shape.
    pub fn settled(given: Node<E>, stands: Stands) -> Self {
        Self { given, settled: OnceLock::from(Settled { root: None, stands }) }
    }

    /// The root as it was given.
    pub fn given(&self) -> &Node<E> {
        &self.given
    }

    /// The root, in shape where that is known.
    pub fn root(&self) -> &Node<E> {
        match self.settled.get() {
            Some(Settled { root: Some(root), .. }) => root,
            _ => &self.given,
        }
    }

    /// The root to be changed; what was shared is copied first.
    pub fn root_mut(container: &mut Arc<Self>) -> &mut Node<E> {
        if Arc::get_mut(container).is_none() {
            *container = Arc::new(Self::new(container.root().clone()));
        }
        let own = Arc::get_mut(container).expect("it was copied if it was shared");
        if let Some(Settled { root: Some(root), .. }) = own.settled.take() {
            own.given = *root;
        }
        own.given.seal = OnceLock::new();
        &mut own.given
    }
}

impl<E: Part> Node<E> {
    pub fn new(tree: Tree<E>) -> Self {
        Self { tree, seal: OnceLock::new() }
    }

    pub fn sealed(tree: Tree<E>, seal: Seal) -> Self {
        Self { tree, seal: OnceLock::from(seal) }
    }

    /// Parts below.
    pub fn count(&self) -> u64 {
        match &self.tree {
            Tree::Leaf(parts) => parts.len() as u64,
            Tree::Index { branches, .. } => branches.iter().map(|branch| branch.count).sum(),
        }
    }

    pub fn level(&self) -> u8 {
        match &self.tree {
            Tree::Leaf(_) => 0,
            Tree::Index { level, .. } => *level,
        }
    }

    pub fn last_key(&self) -> Option<Arc<str>> {
        match &self.tree {
            Tree::Leaf(parts) => parts.last().and_then(Part::key).cloned(),
            Tree::Index { branches, .. } => branches.last().and_then(|branch| branch.last.clone()),
        }
    }

    /// This node as an index above names it.
    pub fn into_branch(self) -> Branch<E> {
        Branch { last: self.last_key(), count: self.count(), node: Arc::new(self) }
    }

    /// The parts in order.
    pub fn parts(&self) -> Parts<'_, E> {
        let mut parts = Parts { leaf: [].iter(), above: Vec::new() };
        parts.open(self);
        parts
    }
}

/// Parts in order, all of one node.
pub(super) struct Parts<'a, E> {
    leaf: std::slice::Iter<'a, E>,
    above: Vec<std::slice::Iter<'a, Branch<E>>>,
}

impl<'a, E> Parts<'a, E> {
    fn open(&mut self, mut node: &'a Node<E>) {
        loop {
            match &node.tree {
                Tree::Leaf(parts) => {
                    self.leaf = parts.iter();
                    return;
                }
                Tree::Index { branches, .. } => {
                    let mut branches = branches.iter();
                    let Some(first) = branches.next() else { return };
                    self.above.push(branches);
                    node = &first.node;
                }
            }
        }
    }
}

impl<'a, E> Iterator for Parts<'a, E> {
    type Item = &'a E;

    fn next(&mut self) -> Option<&'a E> {
        loop {
            if let Some(part) = self.leaf.next() {
                return Some(part);
            }
            let next = loop {
                match self.above.last_mut()?.next() {
                    Some(branch) => break branch,
                    None => drop(self.above.pop()),
                }
            };
            self.open(&next.node);
        }
    }
}
