//! Counts what is fetched and put: for tests that say what a walk or an edit may cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::memory::MemoryObjects;
use super::traits::{Fetch, ObjectError, Put};
use crate::base::id::ObjectId;

/// Objects in memory, and how often they were asked for.
#[derive(Default)]
pub(crate) struct Counting {
    under: MemoryObjects,
    fetched: AtomicUsize,
    put_bytes: AtomicUsize,
}

impl Counting {
    pub(crate) fn reset(&self) {
        self.fetched.store(0, Ordering::Relaxed);
        self.put_bytes.store(0, Ordering::Relaxed);
    }

    /// Objects fetched since the last reset.
    pub(crate) fn fetched(&self) -> usize {
        self.fetched.load(Ordering::Relaxed)
    }

    /// Bytes of objects that were put and not there before, since the last reset.
    pub(crate) fn new_bytes(&self) -> usize {
        self.put_bytes.load(Ordering::Relaxed)
    }
}

impl Fetch for Counting {
    fn fetch(&self, id: ObjectId) -> Result<Arc<Vec<u8>>, ObjectError> {
        self.fetched.fetch_add(1, Ordering::Relaxed);
        self.under.fetch(id)
    }

    fn contains(&self, id: ObjectId) -> Result<bool, ObjectError> {
        self.under.contains(id)
    }
}

impl Put for Counting {
    fn put(&self, id: ObjectId, bytes: Vec<u8>) -> Result<(), ObjectError> {
        if !self.under.contains(id)? {
            self.put_bytes.fetch_add(bytes.len(), Ordering::Relaxed);
        }
        self.under.put(id, bytes)
    }
}
