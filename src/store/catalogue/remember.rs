//! What others counted and want to find again. It is theirs to know whether it still holds.
//!
//! Goes with the catalogue, and whenever that is built from nothing; whoever does not find it counts
//! anew. Not flushed of its own: it is written whole or not at all, and nothing depends on it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sled::Batch;

use super::error::CatalogueError;
use super::open::Catalogue;
use super::record::{from_bytes, to_bytes};
use super::tables::{REMEMBERED, key};

impl Catalogue {
    /// What was last remembered under that word, in its order; nothing if nothing was.
    ///
    /// # Errors
    /// [`CatalogueError::Damaged`]; the disk's.
    pub fn remembered<T: Serialize + DeserializeOwned + Send>(
        &self,
        word: &str,
    ) -> Result<Vec<T>, CatalogueError> {
        self.guarded(|tables| {
            let mut values = Vec::new();
            for item in tables.db.scan_prefix(key(REMEMBERED, &[word.as_bytes(), &[0]])) {
                let (_, bytes) = item.map_err(|error| tables.fault(error))?;
                values.push(from_bytes(&bytes).map_err(|error| tables.damaged(error))?);
            }
            Ok(values)
        })
    }

    /// Remembers these under a word, in the place of what was.
    ///
    /// # Errors
    /// [`CatalogueError::Damaged`]; the disk's.
    pub fn remember<T: Serialize + Sync>(
        &self,
        word: &str,
        values: &[T],
    ) -> Result<(), CatalogueError> {
        self.guarded(|tables| {
            let mut batch = Batch::default();
            let prefix = key(REMEMBERED, &[word.as_bytes(), &[0]]);
            for item in tables.db.scan_prefix(&prefix).keys() {
                batch.remove(item.map_err(|error| tables.fault(error))?);
            }
            for (number, value) in (0_u32..).zip(values) {
                batch.insert([&prefix, &number.to_be_bytes()[..]].concat(), to_bytes(value));
            }
            tables.db.apply_batch(batch).map_err(|error| tables.fault(error))
        })
    }
}
