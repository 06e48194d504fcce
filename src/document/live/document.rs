//! A JSON value in memory that is changed step by step, and knows its id.
//!
//! Guarantees that equal values have equal ids, whatever edits led there, and that of several edits
//! either all are applied or none. Knows nothing of where objects lie.

use std::fmt;

use super::value::Value;
use super::{difference, stored};
use crate::base::id::DocumentId;
use crate::document::{DocumentError, Edit, Json, ListKeys, Patch, Pointer};
use crate::object::traits::{Fetch, Put};

/// A JSON value in memory, as a persistent tree.
///
/// A clone costs one counter and shares everything: keep one for each state that may be needed
/// again. An edit copies the nodes on its way and hashes nothing; [`Document::id`] and
/// [`Document::store`] hash what was not hashed yet.
#[derive(Clone)]
pub struct Document {
    value: Value,
}

impl Default for Document {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json().compact())
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other)
    }
}

impl Document {
    /// An empty map.
    pub fn new() -> Self {
        Self { value: Value::map(Vec::new()) }
    }

    /// The document of a value.
    ///
    /// # Errors
    /// [`DocumentError::TooDeep`] and [`DocumentError::LongKey`] beyond the bounds.
    pub fn of(value: &Json) -> Result<Self, DocumentError> {
        Ok(Self { value: Value::of(value, 0)? })
    }

    /// Reads a stored document as a whole.
    ///
    /// # Errors
    /// As `Fetch::fetch`; [`DocumentError::TooLarge`].
    pub fn open(objects: &(impl Fetch + ?Sized), id: DocumentId) -> Result<Self, DocumentError> {
        Ok(Self { value: stored::load(objects, id)? })
    }

    /// The id that it has when it is stored. Hashes what was changed since the last time.
    ///
    /// # Errors
    /// When a value cannot be encoded.
    pub fn id(&self) -> Result<DocumentId, DocumentError> {
        Ok(stored::id(&self.value)?)
    }

    /// Stores the nodes that are not stored yet.
    ///
    /// # Errors
    /// As `Put::put`.
    pub fn store(&self, objects: &(impl Put + ?Sized)) -> Result<DocumentId, DocumentError> {
        Ok(stored::save(objects, &self.value)?)
    }

    /// Applies edits, each to what the ones before it left: all or none. Costs the way to each.
    ///
    /// # Errors
    /// [`DocumentError::Edit`] where there is nothing to change; the bounds as in [`Document::of`].
    pub fn edit(&mut self, edits: &[Edit]) -> Result<(), DocumentError> {
        let mut value = self.value.clone();
        edits.iter().try_for_each(|edit| value.edit(edit))?;
        self.value = value;
        Ok(())
    }

    /// Applies the operations of a patch, one after the other: all or none.
    ///
    /// # Errors
    /// [`DocumentError::Patch`] with the operation that does not fit; the bounds as in
    /// [`Document::of`].
    pub fn apply(&mut self, patch: &Patch) -> Result<(), DocumentError> {
        let mut value = self.value.clone();
        value.patch(patch)?;
        self.value = value;
        Ok(())
    }

    /// The operations that lead from this document to another: applied to this one they give
    /// exactly that one. Costs what the two do not share.
    pub fn patch_to(&self, after: &Self, keys: &ListKeys) -> Patch {
        difference::between(&self.value, &after.value, keys)
    }

    /// The document of another value, compared in one pass: what is equal is shared.
    ///
    /// # Errors
    /// As [`Document::of`].
    pub fn replaced(&self, value: &Json) -> Result<Self, DocumentError> {
        let value = self.value.replaced(value, 0)?;
        Ok(Self { value: value.unwrap_or_else(|| self.value.clone()) })
    }

    /// What stands at a place; none where there is nothing.
    pub fn get(&self, pointer: &Pointer) -> Option<Json> {
        self.value.at(pointer.parts()).map(Value::to_json)
    }

    /// The whole value.
    pub fn to_json(&self) -> Json {
        self.value.to_json()
    }

    /// Whether it stands for the same value. Costs what is not shared.
    pub fn is_same(&self, other: &Self) -> bool {
        self.value.is_same(&other.value)
    }
}
