//! Lists by position: one item, and where two lists differ.
//!
//! Guarantees that what two lists share at their ends, or at equal positions, is passed over by
//! whole nodes. Does not look for the shortest script: an item that moved is two changes.

use super::diff::{Direction, Pending, Side, expand_higher};
use super::node::{Element, Node, load};
use super::walk::count;
use crate::base::id::Hash;
use crate::object::traits::{Fetch, ObjectError};

/// One item that differs. At least one side is there.
#[derive(Clone, Debug, PartialEq)]
pub struct ListChange<E> {
    /// Its position: in the list after where it is there after, else in the list before.
    pub at: u64,
    /// The item before.
    pub before: Option<E>,
    /// The item after.
    pub after: Option<E>,
}

/// The item at a position, from one way down.
///
/// # Errors
/// As `Fetch::fetch`.
pub fn get_at<E: Element>(
    objects: &(impl Fetch + ?Sized),
    root: Hash,
    position: u64,
) -> Result<Option<E>, ObjectError> {
    let (mut hash, mut level, mut left) = (root, None, position);
    loop {
        match load::<E>(objects, hash, level)? {
            Node::Leaf(elements) => {
                let at = usize::try_from(left).unwrap_or(usize::MAX);
                return Ok(elements.into_iter().nth(at));
            }
            Node::Index { level: above, children } => {
                let reaches = children.into_iter().find(|child| match left < child.count {
                    true => true,
                    false => {
                        left -= child.count;
                        false
                    }
                });
                let Some(child) = reaches else {
                    return Ok(None);
                };
                (hash, level) = (child.hash, Some(above - 1));
            }
        }
    }
}

/// Where two lists differ, in order: position by position where they are equally long; else what
/// lies between their equal beginnings and their equal ends, paired from its start.
///
/// # Errors
/// As `Fetch::fetch`.
pub fn diff_list<E: Element>(
    objects: &(impl Fetch + ?Sized),
    before: Hash,
    after: Hash,
) -> Result<Vec<ListChange<E>>, ObjectError> {
    if before == after {
        return Ok(Vec::new());
    }
    let counts = (count::<E>(objects, before)?, count::<E>(objects, after)?);
    if counts.0 == counts.1 {
        return diff_aligned(objects, before, after);
    }
    let mut old = Side::<E>::open(objects, before, Direction::Forward)?;
    let mut new = Side::<E>::open(objects, after, Direction::Forward)?;
    let least = counts.0.min(counts.1);
    let prefix = pass_shared(objects, &mut old, &mut new, least)?;
    let mut old_end = Side::<E>::open(objects, before, Direction::Backward)?;
    let mut new_end = Side::<E>::open(objects, after, Direction::Backward)?;
    let suffix = pass_shared(objects, &mut old_end, &mut new_end, least - prefix)?;
    let gone = take(objects, &mut old, counts.0 - prefix - suffix)?;
    let come = take(objects, &mut new, counts.1 - prefix - suffix)?;
    let (mut gone, mut come) = (gone.into_iter(), come.into_iter());
    let pairs = std::iter::from_fn(|| match (gone.next(), come.next()) {
        (None, None) => None,
        pair => Some(pair),
    });
    let change = |(at, (before, after))| ListChange { at, before, after };
    Ok((prefix..).zip(pairs).map(change).filter(|c| c.before != c.after).collect())
}

fn diff_aligned<E: Element>(
    objects: &(impl Fetch + ?Sized),
    before: Hash,
    after: Hash,
) -> Result<Vec<ListChange<E>>, ObjectError> {
    let mut old = Side::<E>::open(objects, before, Direction::Forward)?;
    let mut new = Side::<E>::open(objects, after, Direction::Forward)?;
    let (mut changes, mut at) = (Vec::new(), 0_u64);
    loop {
        let passed = pass_shared(objects, &mut old, &mut new, u64::MAX - at)?;
        at = at.saturating_add(passed);
        let (before, after) = (old.take(), new.take());
        if before.is_none() && after.is_none() {
            return Ok(changes);
        }
        changes.push(ListChange { at, before, after });
        at = at.saturating_add(1);
    }
}

/// Passes over what both sides have next, at most `limit` items, and says how many they were. Then
/// an item is next on both sides, or a side is at its end, or the limit is reached.
fn pass_shared<E: Element>(
    objects: &(impl Fetch + ?Sized),
    old: &mut Side<E>,
    new: &mut Side<E>,
    limit: u64,
) -> Result<u64, ObjectError> {
    let mut passed = 0_u64;
    while passed < limit {
        match (old.pending.last(), new.pending.last()) {
            (Some(Pending::Node(a)), Some(Pending::Node(b)))
                if a.hash == b.hash && a.count <= limit - passed =>
            {
                passed += a.count;
            }
            (Some(Pending::Node(_)), _) | (_, Some(Pending::Node(_))) => {
                expand_higher(objects, old, new)?;
                continue;
            }
            (Some(Pending::Element(a)), Some(Pending::Element(b))) if a == b => passed += 1,
            _ => break,
        }
        old.pending.pop();
        new.pending.pop();
    }
    Ok(passed)
}

/// The next `count` items of a side.
fn take<E: Element>(
    objects: &(impl Fetch + ?Sized),
    side: &mut Side<E>,
    count: u64,
) -> Result<Vec<E>, ObjectError> {
    let mut items = Vec::new();
    while (items.len() as u64) < count {
        side.open_down(objects)?;
        match side.take() {
            Some(item) => items.push(item),
            None => break,
        }
    }
    Ok(items)
}
