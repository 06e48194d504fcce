//! The difference of two documents, for people: visits only what differs.

use std::collections::HashSet;

use super::container::{Hold, Opened, open_slot, root_slot};
use super::error::DocumentError;
use super::json::Json;
use super::known::Known;
use super::patch::{ListKeys, staying};
use super::pointer::Pointer;
use super::read::Reading;
use crate::base::id::DocumentId;
use crate::base::limits::DOCUMENT_DEPTH_MAX;
use crate::object::document::{ListItem, MapEntry, Slot};
use crate::object::memory::Scratch;
use crate::object::sequence::{self, Change};
use crate::object::traits::{Fetch, ObjectError};

/// One place that differs. At least one side is there, unless an item only moved.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentChange {
    /// Where. An item of a list is named by its position after, or before where it is gone.
    pub pointer: Pointer,
    /// For an item that moved within its list: where it stood before. What changed in it are
    /// changes of their own.
    pub from: Option<Pointer>,
    /// What stood there before.
    pub before: Option<Json>,
    /// What stands there after.
    pub after: Option<Json>,
}

/// The deepest places that differ, maps by key, lists by position. Lists of unequal length are
/// compared between their equal beginnings and ends; what moved is two changes.
///
/// # Errors
/// As [`super::read()`].
pub fn diff(
    objects: &(impl Fetch + ?Sized),
    before: DocumentId,
    after: DocumentId,
) -> Result<Vec<DocumentChange>, DocumentError> {
    diff_by(objects, before, after, &ListKeys::by_position())
}

/// As [`diff`], but items of lists that `keys` knows are followed: of such a list first what is gone,
/// then, in the order after, what is new, what moved (as few as can be) and what changed inside.
/// A list that differs is read as a whole.
///
/// # Errors
/// As [`super::read()`].
pub fn diff_by(
    objects: &(impl Fetch + ?Sized),
    before: DocumentId,
    after: DocumentId,
    keys: &ListKeys,
) -> Result<Vec<DocumentChange>, DocumentError> {
    if before == after {
        return Ok(Vec::new());
    }
    let mut walk = Walk { objects, keys, reading: Reading::new(objects), changes: Vec::new() };
    let sides = (Some(root_slot(objects, before)?), Some(root_slot(objects, after)?));
    walk.compare(sides, &Pointer::root())?;
    Ok(walk.changes)
}

struct Walk<'a, F: ?Sized> {
    objects: &'a F,
    keys: &'a ListKeys,
    /// One budget for all that is shown.
    reading: Reading<'a, F>,
    changes: Vec<DocumentChange>,
}

impl<F: Fetch + ?Sized> Walk<'_, F> {
    fn compare(
        &mut self,
        (before, after): (Option<Slot>, Option<Slot>),
        at: &Pointer,
    ) -> Result<(), DocumentError> {
        if before == after {
            return Ok(());
        }
        let depth = at.parts().len();
        if depth > DOCUMENT_DEPTH_MAX {
            return Err(DocumentError::TooDeep);
        }
        if let (Some(old), Some(new)) = (&before, &after)
            && old.is_container()
            && new.is_container()
        {
            let opened =
                (open_slot(self.objects, old.clone())?, open_slot(self.objects, new.clone())?);
            match opened {
                (Opened::Map(old), Opened::Map(new)) => return self.maps(old, new, at),
                (Opened::List(old), Opened::List(new)) => return self.lists(old, new, at),
                _ => {}
            }
        }
        let before = before.map(|slot| self.reading.slot(slot, depth)).transpose()?;
        let after = after.map(|slot| self.reading.slot(slot, depth)).transpose()?;
        self.changes.push(DocumentChange { pointer: at.clone(), from: None, before, after });
        Ok(())
    }

    fn maps(
        &mut self,
        old: Hold<MapEntry>,
        new: Hold<MapEntry>,
        at: &Pointer,
    ) -> Result<(), DocumentError> {
        for change in diff_maps(self.objects, old, new)? {
            let key = String::from_utf8_lossy(change.key()).into_owned();
            let sides = (change.before.map(|e| e.value), change.after.map(|e| e.value));
            self.compare(sides, &at.join(key))?;
        }
        Ok(())
    }

    fn lists(
        &mut self,
        old: Hold<ListItem>,
        new: Hold<ListItem>,
        at: &Pointer,
    ) -> Result<(), DocumentError> {
        if let Some(field) = self.keys.field(at) {
            let (old, new) = (self.known(&old, field)?, self.known(&new, field)?);
            if let (Some(old), Some(new)) = (old, new) {
                return self.known_lists(&old, &new, at);
            }
        }
        let scratch = Scratch::over(self.objects);
        let (old, new) = (old.root(&scratch)?, new.root(&scratch)?);
        for change in sequence::diff_list::<ListItem>(&scratch, old, new)? {
            let sides = (change.before.map(|e| e.value), change.after.map(|e| e.value));
            self.compare(sides, &at.join(change.at.to_string()))?;
        }
        Ok(())
    }

    fn known(
        &mut self,
        list: &Hold<ListItem>,
        field: &str,
    ) -> Result<Option<Known>, DocumentError> {
        let items = self.reading.items(list.clone())?;
        Known::of(self.objects, &items, field)
    }

    fn known_lists(&mut self, old: &Known, new: &Known, at: &Pointer) -> Result<(), DocumentError> {
        let place = |position: usize| at.join(position.to_string());
        let kept: Vec<_> = old.keys.iter().filter_map(|key| new.position(key)).collect();
        let staying: HashSet<usize> = staying(&kept).into_iter().map(|at| kept[at]).collect();
        for (position, (key, item)) in old.keys.iter().zip(&old.items).enumerate() {
            if new.position(key).is_none() {
                self.compare((Some(item.clone()), None), &place(position))?;
            }
        }
        for (position, (key, item)) in new.keys.iter().zip(&new.items).enumerate() {
            let pointer = place(position);
            if let Some(from) = old.position(key).filter(|_| !staying.contains(&position)) {
                let (pointer, from) = (pointer.clone(), Some(place(from)));
                self.changes.push(DocumentChange { pointer, from, before: None, after: None });
            }
            self.compare((old.item(key), Some(item.clone())), &pointer)?;
        }
        Ok(())
    }
}

/// The keys of two maps whose values differ.
pub(super) fn diff_maps(
    objects: &(impl Fetch + ?Sized),
    old: Hold<MapEntry>,
    new: Hold<MapEntry>,
) -> Result<Vec<Change<MapEntry>>, ObjectError> {
    let scratch = Scratch::over(objects);
    let (old, new) = (old.root(&scratch)?, new.root(&scratch)?);
    sequence::diff(&scratch, old, new)
}
