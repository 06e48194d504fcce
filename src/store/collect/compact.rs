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
//! A damaged pack is never compacted: what could still be saved from it would be lost.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::error::{StoreError, disk_error};
use super::super::lock::Sharing;
use super::super::open::Store;
use super::super::pack::block::{PackedBlock, RawBlock, gather};
use super::super::pack::format::IndexEntry;
use super::super::pack::read::{OpenPack, Pack, cut, decompress};
use super::super::pack::set::check_hash;
use super::super::pack::write::PackWriter;
use crate::base::id::{Kind, ObjectId};
use crate::base::limits::{
    BLOCK_BYTES, PACK_BYTES_MAX, PACK_CLASS_BYTES, PACK_SETTLED_BYTES, PACKS_PER_CLASS_MAX,
};
use crate::object::traits::ObjectError;

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
        if crowded(&packs).is_none() {
            return Ok(0);
        }
        let _lock = match self.lock_file("compact").lock(Sharing::Exclusive, 1) {
            Err(StoreError::Busy { .. }) => return Ok(0),
            lock => lock?,
        };
        let _writer = self.writer()?;
        let mut gone = 0;
        // Each round leaves fewer packs, and a class may fill the next one.
        while let Some(group) = crowded(&self.packs.rescan()?) {
            gone += self.merge_packs(&group)?;
        }
        Ok(gone)
    }

    fn merge_packs(&self, group: &[Arc<Pack>]) -> Result<usize, StoreError> {
        // Opened and proved before anything is written: what is damaged stays as it is.
        let made = Merging::new(self).all(group)?;
        let write = |e: ObjectError| {
            self.poison(&e);
            e
        };
        let packs = self.packs.folder();
        self.disk.sync_dir(packs).map_err(|e| write(disk_error(packs, e)))?;
        for pack in group.iter().filter(|pack| made.iter().all(|made| made.name != pack.name)) {
            self.disk.remove_file(&pack.path).map_err(|e| disk_error(&pack.path, e))?;
        }
        self.packs.rescan()?;
        Ok(group.len())
    }
}

/// The packs of the smallest class that has too many.
fn crowded(packs: &[Arc<Pack>]) -> Option<Vec<Arc<Pack>>> {
    let classes = packs.iter().filter_map(|pack| class(pack.bytes)).collect::<HashSet<_>>();
    let mut classes: Vec<_> = classes.into_iter().collect();
    classes.sort_unstable();
    let of = |wanted: u32| -> Vec<Arc<Pack>> {
        packs.iter().filter(|pack| class(pack.bytes) == Some(wanted)).cloned().collect()
    };
    classes.into_iter().map(of).find(|group| group.len() >= PACKS_PER_CLASS_MAX)
}

/// Writes the objects of some packs into new ones, each once.
struct Merging<'s> {
    store: &'s Store,
    written: HashSet<ObjectId>,
    out: Option<PackWriter>,
    made: Vec<Pack>,
}

impl<'s> Merging<'s> {
    fn new(store: &'s Store) -> Self {
        Self { store, written: HashSet::new(), out: None, made: Vec::new() }
    }

    fn all(mut self, group: &[Arc<Pack>]) -> Result<Vec<Pack>, ObjectError> {
        let (mut blobs, mut records) = (Vec::new(), Vec::new());
        // Oldest first, so that what was put together stays together.
        for pack in group.iter().rev() {
            let open = pack.open()?;
            for (number, entries) in by_block(open)?.into_iter().enumerate() {
                let (block, bytes) = open.compressed(number as u32)?;
                let content = decompress(&pack.path, &bytes, block.raw)?;
                for entry in &entries {
                    check_hash(entry.id, cut(&pack.path, &content, entry)?)?;
                }
                let is_large = block.raw as usize >= BLOCK_BYTES / 2;
                if is_large && entries.iter().all(|entry| !self.written.contains(&entry.id)) {
                    self.written.extend(entries.iter().map(|entry| entry.id));
                    let objects = entries.iter().map(|e| (e.id, e.offset, e.length)).collect();
                    self.add(&PackedBlock { objects, raw: block.raw, compressed: bytes })?;
                    continue;
                }
                for entry in entries {
                    if self.written.insert(entry.id) {
                        let bytes = Arc::new(cut(&pack.path, &content, &entry)?.to_vec());
                        let is_blob = entry.id.kind == Kind::Blob;
                        let list = if is_blob { &mut blobs } else { &mut records };
                        list.push((entry.id, bytes));
                    }
                }
            }
            self.write_full(&mut blobs)?;
            self.write_full(&mut records)?;
        }
        let mut rest = Vec::new();
        gather(blobs.into_iter(), &mut rest);
        gather(records.into_iter(), &mut rest);
        rest.iter().try_for_each(|block| self.add(&block.compress()?))?;
        self.close()?;
        Ok(self.made)
    }

    /// Writes what fills blocks and keeps the rest for the next pack.
    fn write_full(&mut self, list: &mut Vec<(ObjectId, Arc<Vec<u8>>)>) -> Result<(), ObjectError> {
        let mut blocks: Vec<RawBlock> = Vec::new();
        gather(std::mem::take(list).into_iter(), &mut blocks);
        if let Some(last) = blocks.pop_if(|block| block.bytes < BLOCK_BYTES) {
            *list = last.objects;
        }
        blocks.iter().try_for_each(|block| self.add(&block.compress()?))
    }

    fn add(&mut self, block: &PackedBlock) -> Result<(), ObjectError> {
        let out = match &mut self.out {
            Some(out) => out,
            none => {
                none.insert(PackWriter::create(self.store.disk.clone(), &self.store.layout.tmp())?)
            }
        };
        out.add(block)?;
        if out.bytes() >= PACK_BYTES_MAX { self.close() } else { Ok(()) }
    }

    fn close(&mut self) -> Result<(), ObjectError> {
        if let Some(out) = self.out.take() {
            self.made.push(out.finish(self.store.packs.folder())?);
        }
        Ok(())
    }
}

fn by_block(open: &OpenPack) -> Result<Vec<Vec<IndexEntry>>, ObjectError> {
    let mut blocks: Vec<Vec<IndexEntry>> = vec![Vec::new(); open.blocks().len()];
    for at in 0..open.count() {
        let entry = open.entry(at)?;
        if let Some(block) = blocks.get_mut(entry.block as usize) {
            block.push(entry);
        }
    }
    blocks.iter_mut().for_each(|block| block.sort_by_key(|entry| entry.offset));
    Ok(blocks)
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
}
