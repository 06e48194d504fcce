//! One node of a sequence: a leaf of elements, or an index of the nodes below.
//!
//! **Invariant**: a loaded node keeps the order of its keys, is not empty unless it is the root of
//! an empty sequence, and has a bounded level.

use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::base::codec::Bytes;
use crate::base::id::{Hash, Kind, ObjectId};
use crate::base::limits::CHUNK_LEVELS_MAX;
use crate::object::chunk::Cut;
use crate::object::traits::{Fetch, ObjectError, fetch_record};

/// What a sequence can be made of.
pub trait Element: Clone + Debug + PartialEq + Serialize + DeserializeOwned {
    /// The kind of object that a node is.
    const KIND: Kind;
    /// Whether the elements have keys, which then ascend.
    const KEYED: bool;
    /// How finely the sequence is cut.
    const CUT: Cut;
    /// The record in which a node is stored.
    type Record: Serialize + DeserializeOwned;
    /// Where it stands in the order; empty for the items of a list.
    fn key(&self) -> &[u8];
    /// The number that decides whether it ends a chunk.
    fn mark(&self) -> u64;
    /// Bytes of content that it stands for, for sums.
    fn length(&self) -> u64;
    /// The rule of its format that it breaks, if any.
    fn fault(&self) -> Option<&'static str>;
    /// The record of a node.
    fn wrap(node: Node<Self>) -> Self::Record;
    /// The node in a record, unless it holds something else.
    fn unwrap(record: Self::Record) -> Option<Node<Self>>;
}

/// A node of a sequence.
///
/// **Format**: variant 0 or 1 as `u32`, then the fields in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Node<E> {
    /// Elements in order.
    Leaf(Vec<E>),
    /// Nodes of the level below, in order.
    Index {
        /// 1 just above the leaves.
        level: u8,
        /// The nodes.
        children: Vec<Child>,
    },
}

/// A node as the index above it names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Child {
    /// The key of the last element below; empty in lists.
    pub last_key: Bytes,
    /// The node.
    pub hash: Hash,
    /// Elements below.
    pub count: u64,
    /// Bytes of content that the elements below stand for.
    pub length: u64,
}

impl<E: Element> Node<E> {
    /// 0 for a leaf.
    pub fn level(&self) -> u8 {
        match self {
            Self::Leaf(_) => 0,
            Self::Index { level, .. } => *level,
        }
    }

    fn fault(&self, is_root: bool) -> Option<&'static str> {
        match self {
            Self::Leaf(elements) => leaf_fault(elements, is_root),
            Self::Index { level, children } => index_fault::<E>(*level, children, is_root),
        }
    }
}

fn leaf_fault<E: Element>(elements: &[E], is_root: bool) -> Option<&'static str> {
    if elements.is_empty() && !is_root {
        return Some("a leaf below an index is empty");
    }
    if elements.len() > E::CUT.most {
        return Some("a leaf has too many elements");
    }
    if E::KEYED && !elements.is_sorted_by(|a, b| a.key() < b.key()) {
        return Some("the keys of a leaf do not ascend");
    }
    elements.iter().find_map(Element::fault)
}

fn index_fault<E: Element>(level: u8, children: &[Child], is_root: bool) -> Option<&'static str> {
    if level == 0 || usize::from(level) > CHUNK_LEVELS_MAX {
        return Some("the level of an index is out of bounds");
    }
    if children.is_empty() || children.len() > E::CUT.most {
        return Some("the number of children of an index is out of bounds");
    }
    if is_root && children.len() == 1 {
        return Some("a root is an index of a single node");
    }
    let mut counts = children.iter().map(|child| child.count);
    if counts.clone().any(|count| count == 0) || counts.try_fold(0_u64, u64::checked_add).is_none()
    {
        return Some("the counts of an index are out of bounds");
    }
    if E::KEYED && !children.is_sorted_by(|a, b| a.last_key < b.last_key) {
        return Some("the keys of an index do not ascend");
    }
    None
}

/// Fetches a node and checks its rules. `level` is what the index above says; none for a root.
///
/// # Errors
/// As `Fetch::fetch`; [`ObjectError::Rule`] for a rule that is broken.
pub fn load<E: Element>(
    objects: &(impl Fetch + ?Sized),
    hash: Hash,
    level: Option<u8>,
) -> Result<Node<E>, ObjectError> {
    let id = ObjectId { kind: E::KIND, hash };
    let record: E::Record = fetch_record(objects, id)?;
    let rule = |rule| ObjectError::Rule { id, rule };
    let node = E::unwrap(record).ok_or_else(|| rule("it holds another kind of value"))?;
    if level.is_some_and(|level| level != node.level()) {
        return Err(rule("it is not of the level that the index above says"));
    }
    match node.fault(level.is_none()) {
        None => Ok(node),
        Some(fault) => Err(rule(fault)),
    }
}
