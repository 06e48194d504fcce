//! The patch from one value to the other.
//!
//! Maps key by key, lists as [`super::list`] has it. Where nothing is in common, or the kinds differ,
//! the value is replaced.

use std::collections::BTreeMap;

use super::keys::ListKeys;
use super::list;
use super::op::{Patch, PatchOp};
use crate::base::limits::PATCH_LIST_CELLS_MAX;
use crate::document::{Json, Pointer};

impl Patch {
    /// The operations that lead from `before` to `after`: applied to `before` they give exactly
    /// `after`, with each number as it is written there. Items of lists that `keys` knows are
    /// followed: those that stand elsewhere are moved, as few as can be. Other lists are compared
    /// between their equal beginnings and ends; where that is too much work, by position.
    pub fn between(before: &Json, after: &Json, keys: &ListKeys) -> Self {
        let mut ops = Vec::new();
        between_at(&Pointer::root(), (before, after), keys, &mut ops);
        Self(ops)
    }
}

/// As [`Patch::between`], for two values that stand at a place in a document.
pub(crate) fn between_at(
    at: &Pointer,
    (before, after): (&Json, &Json),
    keys: &ListKeys,
    ops: &mut Vec<PatchOp>,
) {
    let mut walk = Walk { root: at, keys, ops, cells_left: PATCH_LIST_CELLS_MAX };
    walk.compare((before, after), At::Root);
}

/// A place on the way down; a pointer is made of it only where something differs.
#[derive(Clone, Copy)]
pub(super) enum At<'a> {
    Root,
    Key(&'a At<'a>, &'a str),
    Position(&'a At<'a>, usize),
}

impl At<'_> {
    fn pointer(&self, root: &Pointer) -> Pointer {
        let mut parts = Vec::new();
        let mut at = self;
        loop {
            let (outer, part) = match at {
                At::Root => break,
                At::Key(outer, key) => (outer, (*key).to_owned()),
                At::Position(outer, position) => (outer, position.to_string()),
            };
            parts.push(part);
            at = outer;
        }
        Pointer::of(root.parts().iter().cloned().chain(parts.into_iter().rev()))
    }
}

/// Collects the operations.
pub(super) struct Walk<'a> {
    root: &'a Pointer,
    pub(super) keys: &'a ListKeys,
    ops: &'a mut Vec<PatchOp>,
    /// Pairs of items that may still be compared.
    pub(super) cells_left: u64,
}

impl Walk<'_> {
    pub(super) fn pointer(&self, at: At<'_>) -> Pointer {
        at.pointer(self.root)
    }

    pub(super) fn compare(&mut self, (before, after): (&Json, &Json), at: At<'_>) {
        match (before, after) {
            (Json::Map(old), Json::Map(new)) => self.maps((old, new), at),
            (Json::List(old), Json::List(new)) => list::compare(self, (old, new), at),
            _ if before == after => {}
            _ => self.replace(after, at),
        }
    }

    fn maps(&mut self, (old, new): (&BTreeMap<String, Json>, &BTreeMap<String, Json>), at: At<'_>) {
        let is_apart = !old.is_empty() && !old.keys().any(|key| new.contains_key(key));
        if is_apart {
            return self.replace_map(new, at);
        }
        for key in old.keys().filter(|key| !new.contains_key(*key)) {
            self.remove(At::Key(&at, key));
        }
        for (key, value) in new {
            match old.get(key) {
                Some(old) => self.compare((old, value), At::Key(&at, key)),
                None => self.add(value, At::Key(&at, key)),
            }
        }
    }

    fn replace_map(&mut self, new: &BTreeMap<String, Json>, at: At<'_>) {
        let path = self.pointer(at);
        self.ops.push(PatchOp::Replace { path, value: Json::Map(new.clone()) });
    }

    pub(super) fn replace_list(&mut self, new: &[Json], at: At<'_>) {
        let path = self.pointer(at);
        self.ops.push(PatchOp::Replace { path, value: Json::List(new.to_vec()) });
    }

    fn replace(&mut self, value: &Json, at: At<'_>) {
        let path = self.pointer(at);
        self.ops.push(PatchOp::Replace { path, value: value.clone() });
    }

    pub(super) fn add(&mut self, value: &Json, at: At<'_>) {
        let path = self.pointer(at);
        self.ops.push(PatchOp::Add { path, value: value.clone() });
    }

    pub(super) fn remove(&mut self, at: At<'_>) {
        let path = self.pointer(at);
        self.ops.push(PatchOp::Remove { path });
    }

    pub(super) fn shift(&mut self, (from, to): (At<'_>, At<'_>)) {
        let (from, path) = (self.pointer(from), self.pointer(to));
        self.ops.push(PatchOp::Move { from, path });
    }
}
