//! Compaction: many small packs become one, so that their number grows with the logarithm of what
//! is stored, and looking something up stays quick.
//!
//! Packs are of a class by size, each class 16 times the one before. When a class has
//! `PACKS_PER_CLASS_MAX`, its packs are written as one (or several below `PACK_BYTES_MAX`); where
//! that fills the next class, with the packs of that one.
//!
//! **Durability**: the new pack is durable, name and content, before the first old one goes. A
//! crash leaves objects twice, never none. Readers that meet a pack that is gone list the folder
//! again; who has it open reads on. A commit shares the sync of the names with it: one sync more.
//!
//! It is bounded: one run writes `COMPACT_BYTES_MAX` anew at most, since it is part of a commit that
//! somebody waits for. It is never needed: with however many packs the answers are the same.
//!
//! A damaged pack is never compacted: what could still be saved from it would be lost.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::super::error::{StoreError, disk_error};
use super::super::lock::{Lock, Sharing};
use super::super::open::Store;
use super::super::pack::read::Pack;
use super::copy::Copying;
use super::order::Place;
use crate::base::limits::{
    COMPACT_BYTES_MAX, PACK_CLASS_BYTES, PACK_SETTLED_BYTES, PACKS_PER_CLASS_MAX,
};

/// Packs of one class are at most this many times as large as each other.
const CLASS_RATIO: u64 = 16;

/// The class of a pack by its size; none for those that are left alone.
fn class(bytes: u64) -> Option<u32> {
    if bytes >= PACK_SETTLED_BYTES {
        return None;
    }
    let mut class = 0;
    let mut limit = PACK_CLASS_BYTES;
    while bytes > limit {
        limit *= CLASS_RATIO;
        class += 1;
    }
    Some(class)
}

/// Packs that were written as one. They go with [`Merged::finish`], once the name of the new pack is
/// durable; before that nothing is lost by dropping it.
pub(in super::super) struct Merged<'s> {
    store: &'s Store,
    gone: Vec<Arc<Pack>>,
    /// Held until the old packs are gone.
    _lock: Lock,
}

impl Merged<'_> {
    /// Removes the old packs; returns how many were brought together. `packs/` must have been synced.
    ///
    /// # Errors
    /// The disk's.
    pub fn finish(self) -> Result<usize, StoreError> {
        for pack in &self.gone {
            self.store.disk.remove_file(&pack.path).map_err(|e| disk_error(&pack.path, e))?;
        }
        self.store.packs.rescan()?;
        Ok(self.gone.len())
    }
}

impl Store {
    /// Brings small packs together where there are many of a size; returns how many went. Does
    /// nothing while another process does it. For the most part it finds nothing to do, and then
    /// costs a listing of the folder.
    ///
    /// # Errors
    /// The disk's; [`StoreError::Busy`] during a collection. A damaged pack is left where it is,
    /// and is an error.
    pub fn compact(&self) -> Result<usize, StoreError> {
        self.refuse_poisoned()?;
        let _writer = self.writer()?;
        let Some(merged) = self.merge_crowded()? else { return Ok(0) };
        self.sync_packs()?;
        merged.finish()
    }

    /// Writes packs that are to be brought together as one, its content durable, not its name. The
    /// caller holds the lock of writers, and has named what it wrote itself.
    ///
    /// # Errors
    /// As [`Store::compact`].
    pub(in super::super) fn merge_crowded(&self) -> Result<Option<Merged<'_>>, StoreError> {
        if crowded(&self.packs.packs()?, COMPACT_BYTES_MAX).is_none() {
            return Ok(None);
        }
        let lock = match self.lock_file("compact").lock(Sharing::Exclusive, 1) {
            Err(StoreError::Busy { .. }) => return Ok(None),
            lock => lock?,
        };
        let Some(mut gone) = crowded(&self.packs.rescan()?, COMPACT_BYTES_MAX) else {
            return Ok(None);
        };
        // Opened and proved before anything is written: what is damaged stays as it is.
        let mut written = HashSet::new();
        let mut copying = Copying::new(self);
        // Oldest first, so that what was put together stays together.
        for pack in gone.iter().rev() {
            copying.copy(pack, |id| written.insert(id).then(Place::default))?;
        }
        let made = copying.finish()?;
        gone.retain(|pack| made.iter().all(|made| made.name != pack.name));
        Ok(Some(Merged { store: self, gone, _lock: lock }))
    }
}

/// What is to be brought together: the packs of the smallest class that has too many, as far as they
/// have so many bytes together; and those of the class that the outcome falls into, where that has
/// too many with it.
fn crowded(packs: &[Arc<Pack>], bytes_max: u64) -> Option<Vec<Arc<Pack>>> {
    let classes = packs.iter().filter_map(|pack| class(pack.bytes)).collect::<BTreeSet<_>>();
    let of = |wanted: u32| packs.iter().filter(move |pack| class(pack.bytes) == Some(wanted));
    let too_many = classes.iter().filter(|class| of(**class).count() >= PACKS_PER_CLASS_MAX);
    let mut bounded = too_many.map(|class| within(of(*class).cloned().collect(), bytes_max));
    let mut group = bounded.find(|group| group.len() > 1)?;
    let mut taken = class(group.first()?.bytes);
    while let Some(next) = class(bytes_of(&group)).filter(|next| Some(*next) != taken) {
        let more: Vec<_> = of(next).cloned().collect();
        let bytes = bytes_of(&group) + bytes_of(&more);
        if more.len() + 1 < PACKS_PER_CLASS_MAX || bytes > bytes_max {
            break;
        }
        let names: HashSet<_> = group.iter().chain(&more).map(|pack| pack.name).collect();
        group = packs.iter().filter(|pack| names.contains(&pack.name)).cloned().collect();
        taken = Some(next);
    }
    Some(group)
}

/// The smallest of some packs, in the order in which they were, that are not too large together.
fn within(mut group: Vec<Arc<Pack>>, bytes_max: u64) -> Vec<Arc<Pack>> {
    let mut sizes: Vec<_> = group.iter().map(|pack| (pack.bytes, pack.name)).collect();
    sizes.sort_unstable();
    let mut left = bytes_max;
    let mut taken = HashSet::new();
    for (bytes, name) in sizes {
        let Some(rest) = left.checked_sub(bytes) else { break };
        left = rest;
        taken.insert(name);
    }
    group.retain(|pack| taken.contains(&pack.name));
    group
}

fn bytes_of(group: &[Arc<Pack>]) -> u64 {
    group.iter().map(|pack| pack.bytes).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_grow_by_sixteen_and_end() {
        assert_eq!(class(1), Some(0));
        assert_eq!(class(PACK_CLASS_BYTES), Some(0));
        assert_eq!(class(PACK_CLASS_BYTES + 1), Some(1));
        assert_eq!(class(PACK_SETTLED_BYTES - 1), Some(3));
        assert_eq!(class(PACK_SETTLED_BYTES), None);
    }

    #[test]
    fn a_run_takes_the_smallest_packs_and_no_more_than_its_bound() {
        let pack = |at: u8, bytes: u64| {
            let name = crate::base::id::Hash([at; 32]);
            Arc::new(Pack::new(std::path::PathBuf::from(at.to_string()), name, bytes))
        };
        let size = 20 << 20;
        let large: Vec<_> = (0..PACKS_PER_CLASS_MAX as u8).map(|at| pack(at, size)).collect();
        assert_eq!(crowded(&large, u64::MAX).unwrap().len(), PACKS_PER_CLASS_MAX);
        assert_eq!(crowded(&large, COMPACT_BYTES_MAX).unwrap().len(), 3);
        assert!(crowded(&large, size).is_none(), "one pack alone is not compacted");
        let mixed = [large, vec![pack(100, 17 << 20), pack(101, 18 << 20)]].concat();
        let group = crowded(&mixed, 60 << 20).unwrap();
        let sizes: Vec<_> = group.iter().map(|pack| pack.bytes >> 20).collect();
        assert_eq!(sizes, [20, 17, 18]);
        assert!(bytes_of(&crowded(&mixed, 50 << 20).unwrap()) <= 50 << 20);
    }

    #[test]
    fn a_class_that_the_outcome_fills_goes_along() {
        let pack = |at: u8, bytes: u64| {
            let name = crate::base::id::Hash([at; 32]);
            Arc::new(Pack::new(std::path::PathBuf::from(at.to_string()), name, bytes))
        };
        let (small, more) = (PACKS_PER_CLASS_MAX as u8, PACKS_PER_CLASS_MAX as u8 - 1);
        let mut packs: Vec<_> = (0..small).map(|at| pack(at, PACK_CLASS_BYTES)).collect();
        let next = |at| pack(100 + at, 2 * PACK_CLASS_BYTES);
        packs.extend((1..more).map(next));
        assert_eq!(crowded(&packs, u64::MAX).unwrap().len(), small as usize);
        packs.push(next(0));
        assert_eq!(crowded(&packs, u64::MAX).unwrap().len(), (small + more) as usize);
        let bytes_max = bytes_of(&packs) - 1;
        assert_eq!(crowded(&packs, bytes_max).unwrap().len(), small as usize);
    }
}
