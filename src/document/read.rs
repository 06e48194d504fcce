//! From a document to a JSON value: all of it, or one place in it.

use std::collections::{BTreeMap, HashSet};

use super::build::build;
use super::container::{Held, Hold, Opened, open, open_slot, unstored};
use super::error::DocumentError;
use super::json::{Json, Number};
use super::pointer::{Pointer, position};
use crate::base::id::{BlobId, DocumentId, Kind};
use crate::base::limits::{DOCUMENT_DEPTH_MAX, DOCUMENT_READ_BYTES_MAX};
use crate::object::document::{ListItem, MapEntry, Slot, references};
use crate::object::memory::MemoryObjects;
use crate::object::sequence::{self, Elements};
use crate::object::traits::{Fetch, ObjectError, fetch_record};

/// Reads a whole document.
///
/// # Errors
/// As `Fetch::fetch`; [`DocumentError::TooLarge`] when it stands for more than
/// `DOCUMENT_READ_BYTES_MAX`, which shared nodes can do in few bytes.
pub fn read(objects: &(impl Fetch + ?Sized), id: DocumentId) -> Result<Json, DocumentError> {
    Reading::new(objects).opened(open(objects, id)?, 0)
}

/// Reads what stands at a place; none where there is nothing. Costs the way down and what is there.
///
/// # Errors
/// As [`read`].
pub fn get(
    objects: &(impl Fetch + ?Sized),
    id: DocumentId,
    pointer: &Pointer,
) -> Result<Option<Json>, DocumentError> {
    let mut at = open(objects, id)?;
    for part in pointer.parts() {
        match child(objects, &at, part)? {
            Some(slot) => at = open_slot(objects, slot)?,
            None => return Ok(None),
        }
    }
    Reading::new(objects).opened(at, pointer.parts().len()).map(Some)
}

/// The value at one key or position of a map or list.
pub(super) fn child(
    objects: &(impl Fetch + ?Sized),
    at: &Opened,
    part: &str,
) -> Result<Option<Slot>, ObjectError> {
    match at {
        Opened::Scalar(_) => Ok(None),
        Opened::Map(map) => entry(objects, map, part),
        Opened::List(list) => match position(part) {
            Some(position) => item(objects, list, position),
            None => Ok(None),
        },
    }
}

pub(super) fn entry(
    objects: &(impl Fetch + ?Sized),
    map: &Hold<MapEntry>,
    key: &str,
) -> Result<Option<Slot>, ObjectError> {
    let found = match map {
        Hold::Inline(entries) => entries.iter().find(|entry| entry.key == key).cloned(),
        Hold::Node(root) => sequence::get(objects, *root, key.as_bytes())?,
    };
    Ok(found.map(|entry| entry.value))
}

pub(super) fn item(
    objects: &(impl Fetch + ?Sized),
    list: &Hold<ListItem>,
    position: u64,
) -> Result<Option<Slot>, ObjectError> {
    let found = match list {
        Hold::Inline(items) => usize::try_from(position).ok().and_then(|at| items.get(at)).cloned(),
        Hold::Node(root) => sequence::get_at(objects, *root, position)?,
    };
    Ok(found.map(|item| item.value))
}

/// Reads values and counts what they take.
pub(super) struct Reading<'a, F: ?Sized> {
    objects: &'a F,
    bytes_left: u64,
}

impl<'a, F: Fetch + ?Sized> Reading<'a, F> {
    pub(super) fn new(objects: &'a F) -> Self {
        Self::within(objects, DOCUMENT_READ_BYTES_MAX)
    }

    /// Reads at most so many bytes in all.
    pub(super) fn within(objects: &'a F, bytes_left: u64) -> Self {
        Self { objects, bytes_left }
    }

    /// Reads a value that stands below `depth` maps and lists.
    pub(super) fn slot(&mut self, slot: Slot, depth: usize) -> Result<Json, DocumentError> {
        let opened = open_slot(self.objects, slot)?;
        self.opened(opened, depth)
    }

    fn opened(&mut self, opened: Opened, depth: usize) -> Result<Json, DocumentError> {
        if depth >= DOCUMENT_DEPTH_MAX && !matches!(opened, Opened::Scalar(_)) {
            return Err(DocumentError::TooDeep);
        }
        match opened {
            Opened::Scalar(slot) => self.scalar(slot),
            Opened::Map(map) => {
                let mut entries = BTreeMap::new();
                self.each(map, |reading, entry: MapEntry| {
                    let value = reading.slot(entry.value, depth + 1)?;
                    entries.insert(entry.key, value);
                    Ok(())
                })?;
                Ok(Json::Map(entries))
            }
            Opened::List(list) => {
                let mut items = Vec::new();
                self.each(list, |reading, item: ListItem| {
                    items.push(reading.slot(item.value, depth + 1)?);
                    Ok(())
                })?;
                Ok(Json::List(items))
            }
        }
    }

    /// The items of a list, none of them read.
    pub(super) fn items(&mut self, list: Hold<ListItem>) -> Result<Vec<Slot>, DocumentError> {
        let mut items = Vec::new();
        self.each(list, |_, item: ListItem| {
            items.push(item.value);
            Ok(())
        })?;
        Ok(items)
    }

    fn each<E: Held>(
        &mut self,
        hold: Hold<E>,
        mut visit: impl FnMut(&mut Self, E) -> Result<(), DocumentError>,
    ) -> Result<(), DocumentError> {
        let objects = self.objects;
        let mut visit = |element: E| {
            self.spend(element.length())?;
            visit(self, element)
        };
        match hold {
            Hold::Inline(elements) => elements.into_iter().try_for_each(visit),
            Hold::Node(root) => {
                Elements::new(objects, root).try_for_each(|element| visit(element?))
            }
        }
    }

    fn scalar(&mut self, slot: Slot) -> Result<Json, DocumentError> {
        let fault = |rule| ObjectError::Rule { id: unstored(), rule };
        Ok(match slot {
            Slot::Null => Json::Null,
            Slot::Bool(value) => Json::Bool(value),
            Slot::Number(text) => {
                Json::Number(Number::new(text).ok_or_else(|| fault("a number is no JSON number"))?)
            }
            Slot::String(text) => Json::String(text),
            Slot::Text(blob, length) => Json::String(self.text(blob, length)?),
            Slot::Inline(_) | Slot::Node(_) => {
                return Err(fault("a map or list is no scalar").into());
            }
        })
    }

    fn text(&mut self, blob: BlobId, length: u64) -> Result<String, DocumentError> {
        self.spend(length)?;
        let rule = |rule| ObjectError::Rule { id: blob.object(), rule };
        let mut content = Vec::new();
        let fetched = self.objects.fetch_blob_to(blob, &mut content)?;
        if fetched != length {
            return Err(rule("a string has not the length that its document says").into());
        }
        Ok(String::from_utf8(content).map_err(|_| rule("a string is not UTF-8"))?)
    }

    fn spend(&mut self, bytes: u64) -> Result<(), DocumentError> {
        self.bytes_left = self.bytes_left.checked_sub(bytes).ok_or(DocumentError::TooLarge)?;
        Ok(())
    }
}

/// What a document takes in the store, each object counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Nodes.
    pub nodes: u64,
    /// Bytes of their records.
    pub node_bytes: u64,
    /// Long strings.
    pub texts: u64,
}

/// Counts the objects of a document.
///
/// # Errors
/// As `Fetch::fetch`.
pub fn totals(objects: &(impl Fetch + ?Sized), id: DocumentId) -> Result<Totals, ObjectError> {
    let mut totals = Totals::default();
    let mut seen = HashSet::from([id.object()]);
    let mut pending = vec![id];
    while let Some(id) = pending.pop() {
        totals.nodes += 1;
        totals.node_bytes += objects.fetch(id.object())?.len() as u64;
        for below in references(id, &fetch_record(objects, id.object())?)? {
            if !seen.insert(below) {
                continue;
            }
            match below.kind {
                Kind::Document => pending.push(DocumentId(below.hash)),
                _ => totals.texts += 1,
            }
        }
    }
    Ok(totals)
}

/// Proves that a document has the one shape that its value gives it, by building it again.
///
/// # Errors
/// As [`read`]; [`ObjectError::Rule`] when the shape is another one.
pub fn verify(objects: &(impl Fetch + ?Sized), id: DocumentId) -> Result<(), DocumentError> {
    if build(&MemoryObjects::new(), &read(objects, id)?)? == id {
        return Ok(());
    }
    let rule = "it is not stored in the one shape that its value has";
    Err(ObjectError::Rule { id: id.object(), rule }.into())
}
