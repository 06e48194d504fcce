//! By what the items of a stored list are known.

use std::collections::HashMap;

use super::container::{Opened, open_slot};
use super::error::DocumentError;
use super::read::entry;
use crate::base::id::BlobId;
use crate::object::document::Slot;
use crate::object::traits::Fetch;

/// What one item is known by: the value of its identity field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    String(String),
    Number(String),
    Bool(bool),
    /// A long string.
    Text(BlobId),
}

/// A list whose items are known by a field.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// By what each item is known.
    pub(super) keys: Vec<Key>,
    /// The items.
    pub(super) items: Vec<Slot>,
    at: HashMap<Key, usize>,
}

impl Known {
    /// None unless each item is a map that has the field, with a scalar that no other item has.
    pub(super) fn of(
        objects: &(impl Fetch + ?Sized),
        items: &[Slot],
        field: &str,
    ) -> Result<Option<Self>, DocumentError> {
        let mut known = Self { items: items.to_vec(), ..Self::default() };
        for (position, item) in items.iter().enumerate() {
            let Some(key) = key(objects, item, field)? else {
                return Ok(None);
            };
            if known.at.insert(key.clone(), position).is_some() {
                return Ok(None);
            }
            known.keys.push(key);
        }
        Ok(Some(known))
    }

    /// Where an item stands.
    pub(super) fn position(&self, key: &Key) -> Option<usize> {
        self.at.get(key).copied()
    }

    /// An item.
    pub(super) fn item(&self, key: &Key) -> Option<Slot> {
        self.position(key).map(|at| self.items[at].clone())
    }
}

fn key(
    objects: &(impl Fetch + ?Sized),
    item: &Slot,
    field: &str,
) -> Result<Option<Key>, DocumentError> {
    if !item.is_container() {
        return Ok(None);
    }
    let Opened::Map(map) = open_slot(objects, item.clone())? else {
        return Ok(None);
    };
    Ok(match entry(objects, &map, field)? {
        Some(Slot::String(text)) => Some(Key::String(text)),
        Some(Slot::Number(text)) => Some(Key::Number(text)),
        Some(Slot::Bool(value)) => Some(Key::Bool(value)),
        Some(Slot::Text(blob, _)) => Some(Key::Text(blob)),
        Some(Slot::Null | Slot::Inline(_) | Slot::Node(_)) | None => None,
    })
}
