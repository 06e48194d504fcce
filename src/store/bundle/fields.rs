//! Records of a bundle one by one: decoded strictly, and as fields that a person can read.
//!
//! The fields say the same as the bytes do and count for nothing by themselves: whoever reads a
//! bundle makes them anew and compares.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::super::blob::Recipe;
use super::error::BundleError;
use crate::base::codec;
use crate::base::id::{Hash, ID_BYTES, Kind, ObjectId};
use crate::base::limits::BUNDLE_FIELDS_BYTES_MAX;
use crate::object::document::DocumentNode;
use crate::object::evaluation::Evaluation;
use crate::object::experiment::Experiment;
use crate::object::names::NameEntry;
use crate::object::operation::Operation;
use crate::object::sequence::Node;
use crate::object::snapshot::Snapshot;
use crate::object::tombstone::Tombstone;
use crate::object::tree::TreeEntry;

/// Fields whose bytes are names and paths, hence mostly text.
const TEXTS: [&str; 4] = ["name", "path", "new_files", "changed_files"];

/// Refuses an object whose bytes are no record of its kind, or of a kind that does not travel.
///
/// # Errors
/// [`BundleError::Damaged`].
pub fn check(id: ObjectId, bytes: &[u8]) -> Result<(), BundleError> {
    let wrong = |what: String| BundleError::damaged(format!("{id}: {what}"));
    match id.kind {
        Kind::Blob => Ok(()),
        Kind::Operation | Kind::Names => Err(wrong("it does not travel".to_owned())),
        _ => value(id.kind, bytes).map(|_| ()).map_err(|e| wrong(e.to_string())),
    }
}

/// The fields of a record; none for content, for what cannot be read, and for what is so large that
/// nobody reads it.
pub fn readable(id: ObjectId, bytes: &[u8]) -> Option<Value> {
    if id.kind == Kind::Blob || bytes.len() > BUNDLE_FIELDS_BYTES_MAX {
        return None;
    }
    Some(shown(value(id.kind, bytes).ok()?, false))
}

fn value(kind: Kind, bytes: &[u8]) -> Result<Value, codec::CodecError> {
    match kind {
        Kind::Tree => of::<Node<TreeEntry>>(kind, bytes),
        Kind::Document => of::<DocumentNode>(kind, bytes),
        Kind::Snapshot => of::<Snapshot>(kind, bytes),
        Kind::Evaluation => of::<Evaluation>(kind, bytes),
        Kind::Operation => of::<Operation>(kind, bytes),
        Kind::Names => of::<Node<NameEntry>>(kind, bytes),
        Kind::Experiment => of::<Experiment>(kind, bytes),
        Kind::Recipe => of::<Recipe>(kind, bytes),
        Kind::Tombstone => of::<Tombstone>(kind, bytes),
        Kind::Blob => Ok(Value::Null),
    }
}

fn of<T: Serialize + DeserializeOwned>(
    kind: Kind,
    bytes: &[u8],
) -> Result<Value, codec::CodecError> {
    let record: T = codec::decode(kind, bytes)?;
    serde_json::to_value(&record).map_err(|e| codec::CodecError::Fields(e.to_string()))
}

/// The same with ids as digits and names as text.
fn shown(value: Value, is_text: bool) -> Value {
    match value {
        Value::Array(items) => match bytes_of(&items) {
            Some(bytes) if !bytes.is_empty() => Value::String(text_of(&bytes, is_text)),
            _ => Value::Array(items.into_iter().map(|item| shown(item, is_text)).collect()),
        },
        Value::Object(fields) => {
            let field = |(key, value): (String, Value)| {
                let is_text = TEXTS.contains(&key.as_str());
                (key, shown(value, is_text))
            };
            Value::Object(fields.into_iter().map(field).collect::<Map<_, _>>())
        }
        other => other,
    }
}

/// A list of numbers is bytes: no record has a list of any other ones.
fn bytes_of(items: &[Value]) -> Option<Vec<u8>> {
    items.iter().map(|item| item.as_u64().and_then(|n| u8::try_from(n).ok())).collect()
}

fn text_of(bytes: &[u8], is_text: bool) -> String {
    match <[u8; ID_BYTES]>::try_from(bytes) {
        Ok(hash) if !is_text => Hash(hash).hex(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}
