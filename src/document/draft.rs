//! A document that is being changed: opened where edits go, and untouched everywhere else.
//!
//! Guarantees that what is closed again has the shape that its content gives it. Knows nothing of
//! pointers.

use std::collections::BTreeMap;

use super::container::{Hold, Opened, hold, hold_root, open_slot};
use super::read::{entry, item};
use crate::object::document::{ListItem, MapEntry, Slot};
use crate::object::sequence::{self, Splice};
use crate::object::traits::{Fetch, ObjectError, Put};

/// A value that is being changed.
pub(super) enum Draft {
    /// As it stands, not opened.
    Still(Slot),
    Map(MapDraft),
    List(ListDraft),
}

impl Draft {
    /// Opens it by one level, unless it is opened or a scalar.
    pub(super) fn open(&mut self, objects: &(impl Fetch + ?Sized)) -> Result<(), ObjectError> {
        let Self::Still(slot) = self else {
            return Ok(());
        };
        match open_slot(objects, std::mem::replace(slot, Slot::Null))? {
            Opened::Scalar(scalar) => *slot = scalar,
            Opened::Map(base) => *self = Self::Map(MapDraft { base, changed: BTreeMap::new() }),
            Opened::List(base) => *self = Self::List(ListDraft::of(objects, base)?),
        }
        Ok(())
    }

    /// Stores what changed. At most as deep as documents are.
    pub(super) fn close(self, objects: &(impl Put + ?Sized)) -> Result<Slot, ObjectError> {
        match self {
            Self::Still(slot) => Ok(slot),
            Self::Map(map) => map.close(objects),
            Self::List(list) => list.close(objects),
        }
    }
}

/// A map that is being changed.
pub(super) struct MapDraft {
    base: Hold<MapEntry>,
    /// The keys that were looked at, set or (none) removed.
    changed: BTreeMap<String, Option<Draft>>,
}

impl MapDraft {
    /// The value of a key, to be changed in place; none where there is none.
    pub(super) fn child(
        &mut self,
        objects: &(impl Fetch + ?Sized),
        key: &str,
    ) -> Result<Option<&mut Draft>, ObjectError> {
        if !self.changed.contains_key(key) {
            let found = entry(objects, &self.base, key)?.map(Draft::Still);
            self.changed.insert(key.to_owned(), found);
        }
        Ok(self.changed.get_mut(key).and_then(Option::as_mut))
    }

    pub(super) fn set(&mut self, key: &str, value: Option<Slot>) {
        self.changed.insert(key.to_owned(), value.map(Draft::Still));
    }

    fn close(self, objects: &(impl Put + ?Sized)) -> Result<Slot, ObjectError> {
        let mut edits = BTreeMap::new();
        for (key, draft) in self.changed {
            let value = draft.map(|draft| draft.close(objects)).transpose()?;
            edits.insert(key, value);
        }
        change_map(objects, self.base, edits)
    }
}

/// Sets and removes keys of a map that was not opened as a draft.
pub(super) fn change_map(
    objects: &(impl Put + ?Sized),
    base: Hold<MapEntry>,
    edits: BTreeMap<String, Option<Slot>>,
) -> Result<Slot, ObjectError> {
    let named = |key: String, value: Option<Slot>| {
        let value = value.map(|value| MapEntry { key: key.clone(), value });
        (key, value)
    };
    let edits = edits.into_iter().map(|(key, value)| named(key, value));
    match base {
        Hold::Node(root) => {
            let edits = edits.map(|(key, entry)| (key.into_bytes(), entry)).collect();
            let root = sequence::edit(objects, root, edits)?;
            hold_root::<MapEntry>(objects, root)
        }
        Hold::Inline(entries) => {
            let old = entries.into_iter().map(|entry| (entry.key.clone(), Some(entry)));
            let mut all: BTreeMap<String, Option<MapEntry>> = old.collect();
            all.extend(edits);
            hold(objects, all.into_values().flatten().collect())
        }
    }
}

/// A list that is being changed.
pub(super) struct ListDraft {
    base: Hold<ListItem>,
    /// Items before any change.
    old_count: u64,
    /// The list as it is now, from left to right. The runs of old items ascend.
    pieces: Vec<Piece>,
}

enum Piece {
    /// Old items from a position on.
    Old {
        at: u64,
        count: u64,
    },
    New(Draft),
}

impl Piece {
    fn count(&self) -> u64 {
        match self {
            Self::Old { count, .. } => *count,
            Self::New(_) => 1,
        }
    }
}

impl ListDraft {
    fn of(objects: &(impl Fetch + ?Sized), base: Hold<ListItem>) -> Result<Self, ObjectError> {
        let old_count = match &base {
            Hold::Inline(items) => items.len() as u64,
            Hold::Node(root) => sequence::count::<ListItem>(objects, *root)?,
        };
        Ok(Self { base, old_count, pieces: vec![Piece::Old { at: 0, count: old_count }] })
    }

    pub(super) fn count(&self) -> u64 {
        self.pieces.iter().map(Piece::count).sum()
    }

    /// Cuts the pieces at a position; the piece that begins there, or the number of pieces.
    fn cut(&mut self, position: u64) -> usize {
        let mut begin = 0;
        for index in 0..self.pieces.len() {
            let inside = position.saturating_sub(begin);
            if inside == 0 {
                return index;
            }
            match &mut self.pieces[index] {
                Piece::Old { at, count } if inside < *count => {
                    let rest = Piece::Old { at: *at + inside, count: *count - inside };
                    *count = inside;
                    self.pieces.insert(index + 1, rest);
                    return index + 1;
                }
                piece => begin += piece.count(),
            }
        }
        self.pieces.len()
    }

    /// The item at a position that is in the list, to be changed in place.
    pub(super) fn child(
        &mut self,
        objects: &(impl Fetch + ?Sized),
        position: u64,
    ) -> Result<Option<&mut Draft>, ObjectError> {
        if position >= self.count() {
            return Ok(None);
        }
        self.cut(position + 1);
        let index = self.cut(position);
        if let Piece::Old { at, .. } = self.pieces[index] {
            let Some(slot) = item(objects, &self.base, at)? else {
                return Ok(None);
            };
            self.pieces[index] = Piece::New(Draft::Still(slot));
        }
        match &mut self.pieces[index] {
            Piece::New(draft) => Ok(Some(draft)),
            Piece::Old { .. } => Ok(None),
        }
    }

    /// Inserts before a position, at most at the end. The caller sees to it.
    pub(super) fn insert(&mut self, position: u64, value: Slot) {
        let index = self.cut(position);
        self.pieces.insert(index, Piece::New(Draft::Still(value)));
    }

    /// Removes the item at a position that is in the list. The caller sees to it.
    pub(super) fn remove(&mut self, position: u64) {
        self.cut(position + 1);
        let index = self.cut(position);
        self.pieces.remove(index);
    }

    pub(super) fn set(&mut self, position: u64, value: Slot) {
        self.remove(position);
        self.insert(position, value);
    }

    fn close(self, objects: &(impl Put + ?Sized)) -> Result<Slot, ObjectError> {
        let mut splices: Vec<Splice<ListItem>> = Vec::new();
        let (mut at, mut insert) = (0, Vec::new());
        for piece in self.pieces {
            match piece {
                Piece::New(draft) => insert.push(ListItem { value: draft.close(objects)? }),
                Piece::Old { at: begin, count } => {
                    push_splice(&mut splices, (at, begin), &mut insert);
                    at = begin + count;
                }
            }
        }
        push_splice(&mut splices, (at, self.old_count), &mut insert);
        match self.base {
            Hold::Node(root) => {
                let root = sequence::splice(objects, root, splices)?;
                hold_root::<ListItem>(objects, root)
            }
            Hold::Inline(items) => hold(objects, spliced(items, splices)),
        }
    }
}

/// Old items between two positions go, and what was collected comes in their place.
fn push_splice(
    splices: &mut Vec<Splice<ListItem>>,
    (from, to): (u64, u64),
    insert: &mut Vec<ListItem>,
) {
    if from < to || !insert.is_empty() {
        let insert = std::mem::take(insert);
        splices.push(Splice { at: from, remove: to.saturating_sub(from), insert });
    }
}

fn spliced(items: Vec<ListItem>, splices: Vec<Splice<ListItem>>) -> Vec<ListItem> {
    let mut all = Vec::new();
    let (mut old, mut at) = (items.into_iter(), 0);
    for splice in splices {
        let kept = usize::try_from(splice.at - at).unwrap_or(usize::MAX);
        all.extend(old.by_ref().take(kept));
        all.extend(splice.insert);
        let removed = usize::try_from(splice.remove).unwrap_or(usize::MAX);
        old.by_ref().take(removed).for_each(drop);
        at = splice.at + splice.remove;
    }
    all.extend(old);
    all
}
