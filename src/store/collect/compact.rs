//! Compaction: many small packs become one, so that their number grows with the logarithm of what
//! is stored, and looking something up stays quick.
//!
//! Packs are of a class by size, each class 16 times the one before. When a class has
//! `PACKS_PER_CLASS_MAX`, its packs are written as one (or several below `PACK_BYTES_MAX`).
//!
//! **Durability**: the new pack is durable, name and content, before the first old one goes. A
//! crash leaves objects twice, never none. Readers that meet a pack that is gone list the folder
//! again; who has it open reads on.
//!
//! It is bounded: one run writes `COMPACT_BYTES_MAX` anew at most, since it follows a commit that
//! somebody waits for. It is never needed: with however many packs the answers are the same.
//!
//! A damaged pack is never compacted: what could still be saved from it would be lost.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::error::{StoreError, disk_error};
use super::super::lock::Sharing;
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
        let packs = self.packs.packs()?;
        if crowded(&packs, COMPACT_BYTES_MAX).is_none() {
            return Ok(0);
        }
        let _lock = match self.lock_file("compact").lock(Sharing::Exclusive, 1) {
            Err(StoreError::Busy { .. }) => return Ok(0),
            lock => lock?,
        };
        let _writer = self.writer()?;
        let (mut gone, mut left) = (0, COMPACT_BYTES_MAX);
        // Each round leaves fewer packs, and a class may fill the next one.
        while let Some(group) = crowded(&self.packs.rescan()?, left) {
            left -= bytes_of(&group);
            gone += self.merge_packs(&group)?;
        }
        Ok(gone)
    }

    fn merge_packs(&self, group: &[Arc<Pack>]) -> Result<usize, StoreError> {
        // Opened and proved before anything is written: what is damaged stays as it is.
        let mut written = HashSet::new();
        let mut copying = Copying::new(self);
        // Oldest first, so that what was put together stays together.
        for pack in group.iter().rev() {
            copying.copy(pack, |id| written.insert(id).then(Place::default))?;
        }
        let made = copying.finish()?;
        self.sync_packs()?;
        for pack in group.iter().filter(|pack| made.iter().all(|made| made.name != pack.name)) {
            self.disk.remove_file(&pack.path).map_err(|e| disk_error(&pack.path, e))?;
        }
        self.packs.rescan()?;
        Ok(group.len())
    }
}

/// The packs of the smallest class that has too many, the smallest first, as far as they have so
/// many bytes together.
fn crowded(packs: &[Arc<Pack>], bytes_max: u64) -> Option<Vec<Arc<Pack>>> {
    let classes = packs.iter().filter_map(|pack| class(pack.bytes)).collect::<HashSet<_>>();
    let mut classes: Vec<_> = classes.into_iter().collect();
    classes.sort_unstable();
    let of = |wanted: u32| -> Vec<Arc<Pack>> {
        packs.iter().filter(|pack| class(pack.bytes) == Some(wanted)).cloned().collect()
    };
    let too_many = classes.into_iter().map(of).filter(|group| group.len() >= PACKS_PER_CLASS_MAX);
    let mut bounded = too_many.map(|group| within(group, bytes_max));
    bounded.find(|group| group.len() > 1)
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
}
