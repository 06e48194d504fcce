//! Objects in memory: for tests, and for building what is perhaps never stored.
//!
//! Guarantees the same as the store, less durability. Checks each object that is put.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::sync::{Arc, RwLock};

use super::traits::{Fetch, ObjectError, Put};
use crate::base::codec;
use crate::base::id::{BlobId, ObjectId};

/// Objects in memory, shared between threads.
#[derive(Debug, Default)]
pub struct MemoryObjects {
    objects: RwLock<HashMap<ObjectId, Arc<Vec<u8>>>>,
}

impl MemoryObjects {
    /// None at first.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many objects there are.
    pub fn count(&self) -> usize {
        self.lock_read().len()
    }

    /// Takes all objects out, in the order of their ids.
    pub fn drain(&self) -> Vec<(ObjectId, Arc<Vec<u8>>)> {
        let mut map = self.objects.write().expect("no thread panics while it holds the lock");
        let mut all: Vec<_> = map.drain().collect();
        all.sort_by_key(|(id, _)| *id);
        all
    }

    fn lock_read(&self) -> std::sync::RwLockReadGuard<'_, HashMap<ObjectId, Arc<Vec<u8>>>> {
        self.objects.read().expect("no thread panics while it holds the lock")
    }
}

impl Fetch for MemoryObjects {
    fn fetch(&self, id: ObjectId) -> Result<Arc<Vec<u8>>, ObjectError> {
        self.lock_read().get(&id).cloned().ok_or(ObjectError::Missing { id })
    }

    fn contains(&self, id: ObjectId) -> Result<bool, ObjectError> {
        Ok(self.lock_read().contains_key(&id))
    }
}

impl Put for MemoryObjects {
    fn put(&self, id: ObjectId, bytes: Vec<u8>) -> Result<(), ObjectError> {
        debug_assert!(
            codec::object_hash(id.kind, &bytes).is_none_or(|hash| hash == id.hash),
            "{id}"
        );
        let mut map = self.objects.write().expect("no thread panics while it holds the lock");
        map.entry(id).or_insert_with(|| Arc::new(bytes));
        Ok(())
    }
}

/// Objects that are put in memory over a store that is only read: for plans and dry runs, which
/// must know an id but store nothing.
pub struct Scratch<'a, F: ?Sized> {
    under: &'a F,
    memory: MemoryObjects,
}

impl<'a, F: Fetch + ?Sized> Scratch<'a, F> {
    /// Puts nothing into `under`.
    pub fn over(under: &'a F) -> Self {
        Self { under, memory: MemoryObjects::new() }
    }
}

impl<F: Fetch + ?Sized> Fetch for Scratch<'_, F> {
    fn fetch(&self, id: ObjectId) -> Result<Arc<Vec<u8>>, ObjectError> {
        match self.memory.fetch(id) {
            Err(ObjectError::Missing { .. }) => self.under.fetch(id),
            found => found,
        }
    }

    fn contains(&self, id: ObjectId) -> Result<bool, ObjectError> {
        Ok(self.memory.contains(id)? || self.under.contains(id)?)
    }

    fn fetch_blob_to(&self, id: BlobId, into: &mut dyn Write) -> Result<u64, ObjectError> {
        match self.memory.fetch(id.object()) {
            Ok(content) => {
                into.write_all(&content).map_err(ObjectError::Content)?;
                Ok(content.len() as u64)
            }
            Err(_) => self.under.fetch_blob_to(id, into),
        }
    }
}

impl<F: Fetch + ?Sized> Put for Scratch<'_, F> {
    fn put(&self, id: ObjectId, bytes: Vec<u8>) -> Result<(), ObjectError> {
        self.memory.put(id, bytes)
    }

    /// Hashes the content and keeps none of it: a dry run over large files stays small. Such a
    /// blob cannot be fetched.
    fn put_blob_from(&self, reader: &mut dyn Read) -> Result<(BlobId, u64), ObjectError> {
        codec::BlobHasher::read(reader).map_err(ObjectError::Content)
    }
}
