//! Copying objects from packs into new ones.
//!
//! A block of which everything is wanted is copied as it is; of others what is wanted is gathered and
//! compressed anew. Everything is proved on the way: what is copied is what was put.
//!
//! **Durability**: the content of what was made is durable when [`Copying::finish`] returns; the
//! names are after [`Store::sync_packs`].

use std::sync::Arc;

use super::super::error::disk_error;
use super::super::open::Store;
use super::super::pack::block::{PackedBlock, RawBlock};
use super::super::pack::format::IndexEntry;
use super::super::pack::read::{OpenPack, Pack, cut, decompress};
use super::super::pack::set::check_hash;
use super::super::pack::write::PackWriter;
use crate::base::id::{Kind, ObjectId};
use crate::base::limits::{BLOCK_BYTES, PACK_BYTES_MAX};
use crate::object::traits::ObjectError;

/// New packs that are being written.
pub struct Copying<'s> {
    store: &'s Store,
    blobs: RawBlock,
    records: RawBlock,
    out: Option<PackWriter>,
    made: Vec<Pack>,
}

impl<'s> Copying<'s> {
    /// Writes nothing yet.
    pub fn new(store: &'s Store) -> Self {
        let (blobs, records) = (RawBlock::default(), RawBlock::default());
        Self { store, blobs, records, out: None, made: Vec::new() }
    }

    /// Copies the objects of a pack of which `is_wanted` says so; it is asked once for each. What
    /// was copied before must not be wanted again.
    ///
    /// # Errors
    /// The disk's; [`ObjectError::File`] and [`ObjectError::Damaged`] for a damaged pack.
    pub fn copy(
        &mut self,
        pack: &Pack,
        mut is_wanted: impl FnMut(ObjectId) -> bool,
    ) -> Result<(), ObjectError> {
        let open = pack.open()?;
        for (number, entries) in by_block(open)?.into_iter().enumerate() {
            let count = entries.len();
            let wanted: Vec<_> = entries.into_iter().filter(|entry| is_wanted(entry.id)).collect();
            if wanted.is_empty() {
                continue;
            }
            let (block, bytes) = open.compressed(number as u32)?;
            let content = decompress(&pack.path, &bytes, block.raw)?;
            for entry in &wanted {
                check_hash(entry.id, cut(&pack.path, &content, entry)?)?;
            }
            if wanted.len() == count && block.raw as usize >= BLOCK_BYTES / 2 {
                let objects = wanted.iter().map(|e| (e.id, e.offset, e.length)).collect();
                self.add_block(&PackedBlock { objects, raw: block.raw, compressed: bytes })?;
                continue;
            }
            for entry in wanted {
                let bytes = cut(&pack.path, &content, &entry)?.to_vec();
                self.add(entry.id, bytes)?;
            }
        }
        Ok(())
    }

    /// Adds one object.
    ///
    /// # Errors
    /// The disk's.
    pub fn add(&mut self, id: ObjectId, bytes: Vec<u8>) -> Result<(), ObjectError> {
        let filling = if id.kind == Kind::Blob { &mut self.blobs } else { &mut self.records };
        filling.push(id, Arc::new(bytes));
        if filling.bytes < BLOCK_BYTES {
            return Ok(());
        }
        let full = std::mem::take(filling);
        self.add_block(&full.compress()?)
    }

    /// Writes what is left and makes the content durable; returns the new packs, whose names are
    /// not durable yet. None where nothing was copied.
    ///
    /// # Errors
    /// The disk's; after one this process writes no more.
    pub fn finish(mut self) -> Result<Vec<Pack>, ObjectError> {
        for rest in [std::mem::take(&mut self.blobs), std::mem::take(&mut self.records)] {
            if !rest.objects.is_empty() {
                self.add_block(&rest.compress()?)?;
            }
        }
        self.close()?;
        Ok(self.made)
    }

    fn add_block(&mut self, block: &PackedBlock) -> Result<(), ObjectError> {
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

impl Store {
    /// Makes the names of packs durable, come or gone.
    pub(super) fn sync_packs(&self) -> Result<(), ObjectError> {
        let packs = self.packs.folder();
        let synced = self.disk.sync_dir(packs).map_err(|e| disk_error(packs, e));
        synced.inspect_err(|e| self.poison(e))
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
