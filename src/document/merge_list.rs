//! Three-way merge of lists that both sides changed.
//!
//! Items with an identity field are merged one by one, wherever they stand. Other lists are merged
//! only where no order of the two changes gives another result; else the list is a conflict.

use std::collections::{HashMap, HashSet};

use super::container::hold;
use super::error::DocumentError;
use super::known::{Key, Known};
use super::merge::{Merging, Sides};
use super::pointer::Pointer;
use crate::object::document::{ListItem, Slot};
use crate::object::traits::Put;

impl<P: Put + ?Sized> Merging<'_, P> {
    /// The merged list; none where it is a conflict as a whole. A base that has no list is none.
    pub(super) fn merge_lists(
        &mut self,
        sides: &Sides<Option<Vec<Slot>>>,
        at: &Pointer,
    ) -> Result<Option<Slot>, DocumentError> {
        let Sides { base, ours: Some(ours), theirs: Some(theirs) } = sides else {
            return Ok(None);
        };
        let empty = Vec::new();
        if let Some(field) = self.keys.field(at) {
            let known = |items: &[Slot]| Known::of(self.objects, items, field);
            let known = (known(base.as_ref().unwrap_or(&empty))?, known(ours)?, known(theirs)?);
            if let (Some(base), Some(ours), Some(theirs)) = known {
                return self.merge_known(&Sides { base, ours, theirs }, at);
            }
        }
        let Some(base) = base else {
            return Ok(None);
        };
        let items = if base.len() == ours.len() && base.len() == theirs.len() {
            Some(self.merge_positions(&Sides { base, ours, theirs }, at)?)
        } else {
            merge_plain(base, ours, theirs)
        };
        items.map(|items| self.hold_list(items)).transpose()
    }

    fn hold_list(&self, items: Vec<Slot>) -> Result<Slot, DocumentError> {
        let items = items.into_iter().map(|value| ListItem { value }).collect();
        Ok(hold(self.objects, items)?)
    }

    /// Lists of one length: a position that only one side changed has its item, one that both
    /// changed is a conflict of that item. It is not looked into: nothing says that both sides
    /// mean the same item.
    fn merge_positions(
        &mut self,
        Sides { base, ours, theirs }: &Sides<&Vec<Slot>>,
        at: &Pointer,
    ) -> Result<Vec<Slot>, DocumentError> {
        let mut items = Vec::with_capacity(base.len());
        for (position, ((base, ours), theirs)) in base.iter().zip(*ours).zip(*theirs).enumerate() {
            let is_ours = ours == theirs || theirs == base;
            if !is_ours && ours != base {
                let some = |slot: &Slot| Some(slot.clone());
                let sides = Sides { base: some(base), ours: some(ours), theirs: some(theirs) };
                self.conflict(sides, &at.join(position.to_string()))?;
            }
            items.push(if is_ours { ours.clone() } else { theirs.clone() });
        }
        Ok(items)
    }

    fn merge_known(
        &mut self,
        sides: &Sides<Known>,
        at: &Pointer,
    ) -> Result<Option<Slot>, DocumentError> {
        let Some(order) = merged_order(sides) else {
            return Ok(None);
        };
        let Sides { base, ours, theirs } = sides;
        let mut items = Vec::with_capacity(order.len());
        for key in order {
            let position = ours.position(key).or_else(|| base.position(key));
            let position = position.or_else(|| theirs.position(key)).unwrap_or_default();
            let of = |side: &Known| side.item(key);
            let item = Sides { base: of(base), ours: of(ours), theirs: of(theirs) };
            items.extend(self.merge(item, &at.join(position.to_string()))?);
        }
        self.hold_list(items).map(Some)
    }
}

/// All items of both sides, those included that one side removed: whether they go is not decided by
/// their order. None where both sides put the items into different orders.
///
/// The side that changed the order leads, ours if none did. What only the other side added comes
/// after what it stood after there; at one place ours before theirs.
fn merged_order(Sides { base, ours, theirs }: &Sides<Known>) -> Option<Vec<&Key>> {
    let common: HashSet<&Key> = base
        .keys
        .iter()
        .filter(|key| ours.position(key).is_some() && theirs.position(key).is_some())
        .collect();
    let order = |side: &Known, other: &Known| {
        let keys = side.keys.iter().filter(|key| common.contains(key));
        keys.eq(other.keys.iter().filter(|key| common.contains(key)))
    };
    if order(theirs, base) || order(ours, theirs) {
        Some(led_by(ours, theirs, true))
    } else if order(ours, base) {
        Some(led_by(theirs, ours, false))
    } else {
        None
    }
}

/// The items of `lead` in their order, and those that only the other side has after the one that
/// they follow there: at once, or (`is_last`) after what only `lead` has there.
fn led_by<'k>(lead: &'k Known, other: &'k Known, is_last: bool) -> Vec<&'k Key> {
    let mut follow: HashMap<Option<&Key>, Vec<&'k Key>> = HashMap::new();
    let mut before = None;
    for key in &other.keys {
        if lead.position(key).is_some() {
            before = Some(key);
        } else {
            follow.entry(before).or_default().push(key);
        }
    }
    let mut order = Vec::with_capacity(lead.keys.len() + other.keys.len());
    let mut waiting = follow.remove(&None).unwrap_or_default();
    for key in &lead.keys {
        if !is_last || other.position(key).is_some() {
            order.append(&mut waiting);
        }
        order.push(key);
        if other.position(key).is_some() {
            waiting = follow.remove(&Some(key)).unwrap_or_default();
        }
    }
    order.append(&mut waiting);
    order
}

/// Lists without identity, of different lengths: what one side appended comes after what the other
/// changed at positions; or both changes, where an item that neither changed stands between them.
fn merge_plain(base: &[Slot], ours: &[Slot], theirs: &[Slot]) -> Option<Vec<Slot>> {
    let appended = |side: &[Slot]| side.starts_with(base).then(|| side[base.len()..].to_vec());
    for (longer, same) in [(ours, theirs), (theirs, ours)] {
        if let (Some(tail), true) = (appended(longer), same.len() == base.len()) {
            return Some([same, &tail].concat());
        }
    }
    let (ours, theirs) = (Hunk::between(base, ours), Hunk::between(base, theirs));
    let (first, second) =
        if ours.reach.0 < theirs.reach.0 { (ours, theirs) } else { (theirs, ours) };
    if first.reach.1 >= second.reach.0 {
        return None;
    }
    let middle = &base[first.old.1..second.old.0];
    Some([&base[..first.old.0], first.new, middle, second.new, &base[second.old.1..]].concat())
}

/// The one part of a list that a side changed.
struct Hunk<'a> {
    /// From where to where in the base.
    old: (usize, usize),
    /// What stands there instead.
    new: &'a [Slot],
    /// From where to where it might as well be, where one of several equal items was removed or added:
    /// equal beginnings and ends may overlap.
    reach: (usize, usize),
}

impl<'a> Hunk<'a> {
    fn between(base: &[Slot], side: &'a [Slot]) -> Self {
        let same = |(a, b): &(&Slot, &Slot)| a == b;
        let begin = base.iter().zip(side).take_while(same).count();
        let end = base.iter().rev().zip(side.iter().rev()).take_while(same).count();
        let shorter = base.len().min(side.len());
        let first = begin.min(shorter - end);
        let last = (base.len() - end).max(begin + base.len() - shorter);
        let end = end.min(shorter - begin);
        Self {
            old: (begin, base.len() - end),
            new: &side[begin..side.len() - end],
            reach: (first, last),
        }
    }
}
