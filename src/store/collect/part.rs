//! What lies there in part: directories and documents that were let go, and are still stored because
//! the pack that they lie in stays, while something below them went.
//!
//! **Invariant**: what has no tombstone has everything below it. So only what has one is looked into,
//! and from there what has one again. An object that came back has its tombstone for a while, too,
//! and has everything.
//!
//! Knows nothing of which objects are needed.

use std::collections::HashSet;

use super::super::blob::RawObjects;
use super::super::error::StoreError;
use super::super::open::Store;
use super::follow;
use super::survey::listed;
use crate::base::id::{Kind, ObjectId, SnapshotId};
use crate::object::snapshot::Snapshot;
use crate::object::tombstone::{Farewell, Tombstone};
use crate::object::traits::{Fetch, ObjectError};

impl Store {
    /// Whether a directory or a document lies there in part: it was let go, and something below it is gone.
    /// Looks into the packs only where it has a tombstone.
    ///
    /// # Errors
    /// The disk's; as `Fetch::fetch`, but not for what is missing.
    pub fn is_in_part(&self, id: ObjectId) -> Result<bool, StoreError> {
        if !self.holds(Tombstone::place(id))? {
            return Ok(false);
        }
        Ok(Parts::of(self)?.is_in_part(self, id)?)
    }
}

impl Store {
    /// That a snapshot was let go of though its record lies on in a pack: a snapshot that it came from is
    /// gone. Then no name may lead to it again. Costs one look where it was not let go.
    ///
    /// # Errors
    /// The disk's; as `Fetch::fetch`, but not for what is missing.
    pub fn is_cut_off(&self, snapshot: SnapshotId) -> Result<Option<Tombstone>, StoreError> {
        let (mut pending, mut seen) = (vec![snapshot], HashSet::new());
        while let Some(id) = pending.pop() {
            // What has no tombstone has everything below it.
            if !seen.insert(id) || !self.holds(Tombstone::place(id.object()))? {
                continue;
            }
            match Snapshot::fetch(self, id) {
                Ok(found) => pending.extend(found.parents),
                Err(ObjectError::Missing { .. } | ObjectError::Gone { .. }) => {
                    return Ok(Tombstone::of(self, snapshot.object())?);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }
}

/// Which objects have a tombstone, and what was found out about them.
#[derive(Debug, Default)]
pub struct Parts {
    tombstones: HashSet<ObjectId>,
    whole: HashSet<ObjectId>,
}

impl Parts {
    /// Lists the tombstones of this moment.
    ///
    /// # Errors
    /// The disk's.
    pub fn of(store: &Store) -> Result<Self, StoreError> {
        let mut parts = Self::default();
        for pack in store.packs.rescan()?.iter() {
            parts.tombstones.extend(listed(pack, Kind::Tombstone)?);
        }
        Ok(parts)
    }

    /// Whether a directory or a document that is stored lacks something below it that was let go.
    ///
    /// # Errors
    /// As `Fetch::fetch`, but not for what is missing.
    pub fn is_in_part(&mut self, store: &Store, id: ObjectId) -> Result<bool, ObjectError> {
        let mut seen = HashSet::from([id]);
        let mut pending = vec![id];
        while let Some(id) = pending.pop() {
            if !self.may_be(id) || self.whole.contains(&id) {
                continue;
            }
            if is_forgotten(store, id)? {
                continue;
            }
            let found = match follow::references(store, id) {
                Err(ObjectError::Missing { .. } | ObjectError::Gone { .. }) => return Ok(true),
                found => found?,
            };
            for reference in found.into_iter().filter(|found| !found.is_weak) {
                if !is_there(store, reference.id)? {
                    return Ok(true);
                }
                if seen.insert(reference.id) {
                    pending.push(reference.id);
                }
            }
        }
        self.whole.extend(seen);
        Ok(false)
    }

    fn may_be(&self, id: ObjectId) -> bool {
        // A large blob has its tombstone in the place of its recipe.
        let looks = matches!(id.kind, Kind::Tree | Kind::Document | Kind::Blob | Kind::Recipe);
        looks && self.tombstones.contains(&Tombstone::place(id))
    }
}

/// Whether it is stored, or was forgotten: that is no want of what is around it.
fn is_there(store: &Store, id: ObjectId) -> Result<bool, ObjectError> {
    let is_stored = if id.kind == Kind::Recipe { store.holds(id) } else { store.contains(id) };
    Ok(is_stored? || is_forgotten(store, id)?)
}

fn is_forgotten(store: &Store, id: ObjectId) -> Result<bool, ObjectError> {
    // A large blob has its tombstone in the place of its recipe.
    let kind = if id.kind == Kind::Recipe { Kind::Blob } else { id.kind };
    let found = Tombstone::of(store, ObjectId { kind, ..id })?;
    Ok(found.is_some_and(|found| found.why == Farewell::Forgotten))
}
