//! A JSON value in memory that is changed step by step, and knows its id.
//!
//! Guarantees that equal values have equal ids, whatever edits led there, and that of several edits
//! either all are applied or none. Knows nothing of where objects lie.

use std::sync::Arc;

use crate::base::id::DocumentId;
use crate::document::pointer::position;
use crate::document::{DocumentError, Edit, Json, Pointer, build, read};
use crate::object::memory::MemoryObjects;
use crate::object::traits::{Fetch, Put};

/// A JSON value in memory. A clone shares everything with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    value: Arc<Json>,
}

impl Default for Document {
    fn default() -> Self {
        Self::new()
    }
}

impl Document {
    /// An empty map.
    pub fn new() -> Self {
        Self { value: Arc::new(Json::Map(std::collections::BTreeMap::new())) }
    }

    /// The document of a value.
    ///
    /// # Errors
    /// [`DocumentError::TooDeep`] and [`DocumentError::LongKey`] beyond the bounds.
    pub fn of(value: &Json) -> Result<Self, DocumentError> {
        build(&MemoryObjects::new(), value)?;
        Ok(Self { value: Arc::new(value.clone()) })
    }

    /// Reads a stored document as a whole.
    ///
    /// # Errors
    /// As `Fetch::fetch`; [`DocumentError::TooLarge`].
    pub fn open(objects: &(impl Fetch + ?Sized), id: DocumentId) -> Result<Self, DocumentError> {
        Ok(Self { value: Arc::new(read(objects, id)?) })
    }

    /// The id that it has when it is stored.
    ///
    /// # Errors
    /// When a value cannot be encoded.
    pub fn id(&self) -> Result<DocumentId, DocumentError> {
        build(&MemoryObjects::new(), &self.value)
    }

    /// Stores what is not stored yet.
    ///
    /// # Errors
    /// As `Put::put`.
    pub fn store(&self, objects: &(impl Put + ?Sized)) -> Result<DocumentId, DocumentError> {
        build(objects, &self.value)
    }

    /// Applies edits, each to what the ones before it left: all or none.
    ///
    /// # Errors
    /// [`DocumentError::Edit`] where there is nothing to change.
    pub fn edit(&mut self, edits: &[Edit]) -> Result<(), DocumentError> {
        let objects = MemoryObjects::new();
        let id = build(&objects, &self.value)?;
        let id = crate::document::change(&objects, id, edits)?;
        self.value = Arc::new(read(&objects, id)?);
        Ok(())
    }

    /// The document of another value; what is equal is shared.
    ///
    /// # Errors
    /// As [`Document::of`].
    pub fn replaced(&self, value: &Json) -> Result<Self, DocumentError> {
        Self::of(value)
    }

    /// What stands at a place.
    pub fn get(&self, pointer: &Pointer) -> Option<Json> {
        let mut at = &*self.value;
        for part in pointer.parts() {
            at = match at {
                Json::Map(entries) => entries.get(part)?,
                Json::List(items) => items.get(usize::try_from(position(part)?).ok()?)?,
                _ => return None,
            };
        }
        Some(at.clone())
    }

    /// The whole value.
    pub fn to_json(&self) -> Json {
        (*self.value).clone()
    }

    /// Whether it stands for the same value.
    pub fn is_same(&self, other: &Self) -> bool {
        self.value == other.value
    }
}
