//! From a JSON value to a document.

use super::container::{hold, put_root};
use super::error::DocumentError;
use super::json::Json;
use crate::base::id::DocumentId;
use crate::base::limits::{DOCUMENT_DEPTH_MAX, DOCUMENT_KEY_BYTES_MAX, DOCUMENT_STRING_BYTES_MAX};
use crate::object::document::{ListItem, MapEntry, Slot};
use crate::object::traits::Put;

/// Stores a value. Equal values have equal ids.
///
/// # Errors
/// As `Put::put`; [`DocumentError::TooDeep`] and [`DocumentError::LongKey`] beyond the bounds.
pub fn build(objects: &(impl Put + ?Sized), value: &Json) -> Result<DocumentId, DocumentError> {
    let slot = build_slot(objects, value, 0)?;
    Ok(put_root(objects, slot)?)
}

/// Stores a value that stands below `depth` maps and lists.
pub(super) fn build_slot(
    objects: &(impl Put + ?Sized),
    value: &Json,
    depth: usize,
) -> Result<Slot, DocumentError> {
    if depth >= DOCUMENT_DEPTH_MAX && matches!(value, Json::List(_) | Json::Map(_)) {
        return Err(DocumentError::TooDeep);
    }
    Ok(match value {
        Json::Null => Slot::Null,
        Json::Bool(value) => Slot::Bool(*value),
        Json::Number(number) => Slot::Number(number.as_str().to_owned()),
        Json::String(text) if text.len() <= DOCUMENT_STRING_BYTES_MAX => Slot::String(text.clone()),
        Json::String(text) => {
            let (blob, length) = objects.put_blob_from(&mut text.as_bytes())?;
            Slot::Text(blob, length)
        }
        Json::List(items) => {
            let item = |item| Ok(ListItem { value: build_slot(objects, item, depth + 1)? });
            let items: Result<Vec<_>, DocumentError> = items.iter().map(item).collect();
            hold(objects, items?)?
        }
        Json::Map(entries) => {
            let entry = |(key, value): (&String, &Json)| {
                check_key(key)?;
                Ok(MapEntry { key: key.clone(), value: build_slot(objects, value, depth + 1)? })
            };
            let entries: Result<Vec<_>, DocumentError> = entries.iter().map(entry).collect();
            hold(objects, entries?)?
        }
    })
}

pub(super) fn check_key(key: &str) -> Result<(), DocumentError> {
    if key.len() > DOCUMENT_KEY_BYTES_MAX { Err(DocumentError::LongKey) } else { Ok(()) }
}
