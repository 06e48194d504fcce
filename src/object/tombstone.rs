//! A tombstone: an object was let go on purpose. It tells that apart from an object that was lost.
//!
//! Where the object is stored as well (it came again later), the object counts.

use serde::{Deserialize, Serialize};

use super::traits::{Fetch, ObjectError, Put};
use crate::base::codec;
use crate::base::id::{Kind, ObjectId};
use crate::base::time::Timestamp;

/// Why an object was let go.
///
/// **Format**: a `u32`, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Farewell {
    /// Retention: it was older, or one more, than what is kept.
    Retention,
    /// Somebody asked that its content be forgotten.
    Forgotten,
}

/// What stands in the place of an object that was let go.
///
/// **Format**: the fields in this order; stored with the kind [`Kind::Tombstone`] under the hash of
/// the object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// The number of the object's kind.
    pub kind: u8,
    /// Why it was let go.
    pub why: Farewell,
    /// The user who did it.
    pub who: String,
    /// When.
    pub when: Timestamp,
}

impl Tombstone {
    /// Where the tombstone of an object is stored.
    pub fn place(id: ObjectId) -> ObjectId {
        ObjectId { kind: Kind::Tombstone, ..id }
    }

    /// Stores it for an object.
    ///
    /// # Errors
    /// As `Put::put`.
    pub fn put(&self, objects: &(impl Put + ?Sized), of: ObjectId) -> Result<(), ObjectError> {
        let encode = |source| ObjectError::Encode { kind: Kind::Tombstone, source };
        let bytes = codec::encode(Kind::Tombstone, self).map_err(encode)?;
        objects.put(Self::place(of), bytes)
    }

    /// The tombstone of an object, if it has one.
    ///
    /// # Errors
    /// As `Fetch::fetch`.
    pub fn of(objects: &(impl Fetch + ?Sized), id: ObjectId) -> Result<Option<Self>, ObjectError> {
        match objects.fetch(Self::place(id)) {
            Ok(bytes) => Self::decode(id, &bytes).map(Some),
            Err(ObjectError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the bytes of a tombstone that stands in that place, strictly, and tells of what it is.
    ///
    /// # Errors
    /// [`ObjectError::Damaged`]; [`ObjectError::Rule`] when it stands for no kind of object.
    pub fn read(place: ObjectId, bytes: &[u8]) -> Result<(ObjectId, Self), ObjectError> {
        let found: Self = codec::decode(Kind::Tombstone, bytes)
            .map_err(|source| ObjectError::Damaged { id: place, source })?;
        let rule = "it stands for an object of no kind";
        let kind = Kind::from_number(found.kind).ok_or(ObjectError::Rule { id: place, rule })?;
        Ok((ObjectId { kind, ..place }, found))
    }

    /// Reads the bytes of the tombstone of an object, strictly.
    ///
    /// # Errors
    /// [`ObjectError::Damaged`]; [`ObjectError::Rule`] when it stands for another kind.
    pub fn decode(of: ObjectId, bytes: &[u8]) -> Result<Self, ObjectError> {
        let id = Self::place(of);
        let found: Self = codec::decode(Kind::Tombstone, bytes)
            .map_err(|source| ObjectError::Damaged { id, source })?;
        if found.kind != of.kind as u8 {
            return Err(ObjectError::Rule { id, rule: "it stands for an object of another kind" });
        }
        Ok(found)
    }

    /// The end of a sentence that begins with the object.
    pub fn sentence(&self) -> String {
        match self.why {
            Farewell::Retention => "was let go by retention".to_owned(),
            Farewell::Forgotten => format!("was forgotten by {}", self.who),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::codec::blob_id;
    use crate::object::memory::MemoryObjects;

    #[test]
    fn it_is_found_for_its_object_alone() {
        let objects = MemoryObjects::new();
        let (gone, other) = (blob_id(b"secret").object(), blob_id(b"other").object());
        let tombstone = Tombstone {
            kind: Kind::Blob as u8,
            why: Farewell::Forgotten,
            who: "ann".to_owned(),
            when: Timestamp(1_700_000_000_000_000_000),
        };
        tombstone.put(&objects, gone).unwrap();
        assert_eq!(Tombstone::of(&objects, gone).unwrap(), Some(tombstone.clone()));
        assert_eq!(Tombstone::of(&objects, other).unwrap(), None);
        assert_eq!(tombstone.sentence(), "was forgotten by ann");
        let tree = ObjectId { kind: Kind::Tree, ..gone };
        assert!(matches!(Tombstone::of(&objects, tree), Err(ObjectError::Rule { .. })));
    }
}
