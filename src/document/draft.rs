//! Setting and removing keys of a stored map: costs the way to each.
//!
//! Guarantees that the result has the shape that its content gives it. Knows nothing of pointers.

use std::collections::BTreeMap;

use super::container::{Hold, hold, hold_root};
use crate::object::document::{MapEntry, Slot};
use crate::object::sequence;
use crate::object::traits::{ObjectError, Put};

/// Sets and removes keys of a map that is stored.
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
