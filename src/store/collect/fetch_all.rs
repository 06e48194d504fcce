//! Fetching many records at once, for walks over all of a store.
//!
//! Reads them in the order in which they lie, so that each block is read once, and side by side.
//!
//! Knows nothing of what they are fetched for.

use std::cmp::Reverse;
use std::sync::Arc;

use rayon::iter::ParallelIterator;
use rayon::slice::ParallelSlice;

use super::super::open::Store;
use super::follow;
use crate::base::id::{Kind, ObjectId};
use crate::base::limits::{MARK_BATCH, MARK_BATCH_ALONE_MAX};
use crate::base::time::Timestamp;
use crate::object::operation::Operation;
use crate::object::snapshot::Snapshot;
use crate::object::traits::{Fetch, ObjectError};

/// The bytes of an object, or why there are none.
pub type Found = Result<Arc<Vec<u8>>, ObjectError>;

/// The bytes of objects, in their order.
///
/// # Errors
/// The disk's, where nothing can be looked up.
pub fn fetch_all(store: &Store, ids: &[ObjectId]) -> Result<Vec<Found>, ObjectError> {
    if ids.len() <= MARK_BATCH_ALONE_MAX {
        return Ok(ids.iter().map(|id| store.fetch(*id)).collect());
    }
    let place = |(at, id): (usize, &ObjectId)| {
        let found = store.packs.locate(*id)?;
        Ok((found.map(|(pack, entry)| (pack.name, entry.block, entry.offset)), at))
    };
    let places: Result<Vec<_>, ObjectError> = ids.iter().enumerate().map(place).collect();
    let mut places = places?;
    places.sort_unstable();
    let share = places.len().div_ceil(4 * rayon::current_num_threads().max(1));
    let read = |part: &[(_, usize)]| -> Vec<_> {
        part.iter().map(|(_, at)| (*at, store.fetch(ids[*at]))).collect()
    };
    let mut found: Vec<_> = places.par_chunks(share.max(1)).flat_map_iter(read).collect();
    found.sort_unstable_by_key(|(at, _)| *at);
    Ok(found.into_iter().map(|(_, bytes)| bytes).collect())
}

/// Operations or snapshots, the newest first; what cannot be had comes last.
///
/// # Errors
/// The disk's; `ObjectError::Damaged`.
pub fn newest_first(store: &Store, ids: &[ObjectId]) -> Result<Vec<ObjectId>, ObjectError> {
    let mut timed = Vec::with_capacity(ids.len());
    for batch in ids.chunks(MARK_BATCH) {
        for (id, bytes) in batch.iter().zip(fetch_all(store, batch)?) {
            let when = match (id.kind, bytes) {
                (Kind::Operation, Ok(bytes)) => follow::decode::<Operation>(*id, &bytes)?.when,
                (_, Ok(bytes)) => follow::decode::<Snapshot>(*id, &bytes)?.when,
                (_, Err(_)) => Timestamp(i64::MIN),
            };
            timed.push((Reverse(when), *id));
        }
    }
    timed.sort_unstable();
    Ok(timed.into_iter().map(|(_, id)| id).collect())
}
