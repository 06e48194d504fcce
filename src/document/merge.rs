//! Three-way merge of documents: maps key by key, lists as [`super::merge_list`] has it, everything
//! else as a whole.
//!
//! A conflict is a result, never an error. Costs what differs.

use std::collections::BTreeMap;

use super::container::{Hold, Opened, change_map, open_slot, put_root, root_slot};
use super::diff::diff_maps;
use super::error::DocumentError;
use super::json::Json;
use super::patch::ListKeys;
use super::pointer::Pointer;
use super::read::Reading;
use crate::base::id::DocumentId;
use crate::base::limits::DOCUMENT_DEPTH_MAX;
use crate::object::document::{MapEntry, Slot};
use crate::object::traits::Put;

/// What a merge gave.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentMerge {
    /// The merged document; none when there are conflicts.
    pub document: Option<DocumentId>,
    /// The places that both sides changed differently, in order.
    pub conflicts: Vec<DocumentConflict>,
}

/// A place that both sides changed differently.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentConflict {
    /// Where. An item of a list is named by its position in ours, or in the base where we removed it.
    pub pointer: Pointer,
    /// What stood there in the base.
    pub base: Option<Json>,
    /// What we left there.
    pub ours: Option<Json>,
    /// What they left there.
    pub theirs: Option<Json>,
}

/// Brings together what two sides made of one base. The conflict of a place that one side removed and
/// the other changed has none for the side that removed it.
///
/// Lists that both changed: items that `keys` knows are merged one by one. Their order is that of
/// the side that changed it; different orders are a conflict of the list. What a side added comes
/// after what it follows there, at one place ours before theirs. Lists without identity are merged
/// where all have one length (a position that both changed is a conflict), where one side appended
/// and the other kept the length, or where an unchanged item stands between the two changes.
/// Everything else, such as two appends, is a conflict of the list.
///
/// # Errors
/// As [`super::read()`] and `Put::put`.
pub fn merge(
    objects: &(impl Put + ?Sized),
    base: DocumentId,
    ours: DocumentId,
    theirs: DocumentId,
    keys: &ListKeys,
) -> Result<DocumentMerge, DocumentError> {
    let reading = Reading::new(objects);
    let mut merging = Merging { objects, keys, reading, conflicts: Vec::new() };
    let sides = Sides {
        base: Some(root_slot(objects, base)?),
        ours: Some(root_slot(objects, ours)?),
        theirs: Some(root_slot(objects, theirs)?),
    };
    let merged = merging.merge(sides, &Pointer::root())?;
    let conflicts = merging.conflicts;
    let document = match merged {
        Some(slot) if conflicts.is_empty() => Some(put_root(objects, slot)?),
        _ => None,
    };
    Ok(DocumentMerge { document, conflicts })
}

/// What stands at one place on each side.
#[derive(Clone)]
pub(super) struct Sides<T> {
    pub(super) base: T,
    pub(super) ours: T,
    pub(super) theirs: T,
}

pub(super) struct Merging<'a, P: ?Sized> {
    pub(super) objects: &'a P,
    pub(super) keys: &'a ListKeys,
    /// One budget for all that is shown.
    reading: Reading<'a, P>,
    conflicts: Vec<DocumentConflict>,
}

impl<P: Put + ?Sized> Merging<'_, P> {
    pub(super) fn merge(
        &mut self,
        sides: Sides<Option<Slot>>,
        at: &Pointer,
    ) -> Result<Option<Slot>, DocumentError> {
        if at.parts().len() > DOCUMENT_DEPTH_MAX {
            return Err(DocumentError::TooDeep);
        }
        if sides.ours == sides.theirs || sides.base == sides.theirs {
            return Ok(sides.ours);
        }
        if sides.base == sides.ours {
            return Ok(sides.theirs);
        }
        if let Some(maps) = self.maps(&sides)? {
            return self.merge_maps(maps, at).map(Some);
        }
        if let Some(lists) = self.lists(&sides)?
            && let Some(merged) = self.merge_lists(&lists, at)?
        {
            return Ok(Some(merged));
        }
        let ours = sides.ours.clone();
        self.conflict(sides, at)?;
        Ok(ours)
    }

    pub(super) fn conflict(
        &mut self,
        Sides { base, ours, theirs }: Sides<Option<Slot>>,
        at: &Pointer,
    ) -> Result<(), DocumentError> {
        let depth = at.parts().len();
        let mut shown =
            |slot: Option<Slot>| slot.map(|slot| self.reading.slot(slot, depth)).transpose();
        let (base, ours, theirs) = (shown(base)?, shown(ours)?, shown(theirs)?);
        self.conflicts.push(DocumentConflict { pointer: at.clone(), base, ours, theirs });
        Ok(())
    }

    /// The lists, where both sides have one and the base has one or nothing.
    fn lists(
        &mut self,
        Sides { base, ours, theirs }: &Sides<Option<Slot>>,
    ) -> Result<Option<Sides<Option<Vec<Slot>>>>, DocumentError> {
        let (ours, theirs) = (self.list(ours)?, self.list(theirs)?);
        if ours.is_none() || theirs.is_none() {
            return Ok(None);
        }
        let items = self.list(base)?;
        let fits = base.is_none() || items.is_some();
        Ok(fits.then_some(Sides { base: items, ours, theirs }))
    }

    fn list(&mut self, slot: &Option<Slot>) -> Result<Option<Vec<Slot>>, DocumentError> {
        match slot {
            Some(slot) if slot.is_container() => match open_slot(self.objects, slot.clone())? {
                Opened::List(list) => self.reading.items(list).map(Some),
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// The three maps, where both sides have one. A base that has none counts as an empty one: both
    /// sides added what they have.
    fn maps(
        &self,
        sides: &Sides<Option<Slot>>,
    ) -> Result<Option<Sides<Hold<MapEntry>>>, DocumentError> {
        let map = |slot: &Option<Slot>| match slot {
            Some(slot) if slot.is_container() => match open_slot(self.objects, slot.clone())? {
                Opened::Map(map) => Ok(Some(map)),
                _ => Ok::<_, DocumentError>(None),
            },
            _ => Ok(None),
        };
        let (Some(ours), Some(theirs)) = (map(&sides.ours)?, map(&sides.theirs)?) else {
            return Ok(None);
        };
        let base = match &sides.base {
            None => Some(Hold::Inline(Vec::new())),
            base => map(base)?,
        };
        Ok(base.map(|base| Sides { base, ours, theirs }))
    }

    fn merge_maps(
        &mut self,
        Sides { base, ours, theirs }: Sides<Hold<MapEntry>>,
        at: &Pointer,
    ) -> Result<Slot, DocumentError> {
        let value = |entry: Option<MapEntry>| entry.map(|entry| entry.value);
        let our_changes = diff_maps(self.objects, base.clone(), ours.clone())?;
        let mut our_values: BTreeMap<Vec<u8>, Option<Slot>> = our_changes
            .into_iter()
            .map(|change| (change.key().to_vec(), value(change.after)))
            .collect();
        let mut edits = BTreeMap::new();
        for change in diff_maps(self.objects, base, theirs)? {
            let key = String::from_utf8_lossy(change.key()).into_owned();
            let merged = match our_values.remove(change.key()) {
                None => value(change.after),
                Some(ours) => {
                    let (base, theirs) = (value(change.before), value(change.after));
                    self.merge(Sides { base, ours, theirs }, &at.join(key.clone()))?
                }
            };
            edits.insert(key, merged);
        }
        Ok(change_map(self.objects, ours, edits)?)
    }
}
