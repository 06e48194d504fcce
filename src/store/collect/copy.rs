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
use super::super::pack::block::{PackedBlock, RawBlock, full_bytes};
use super::super::pack::format::IndexEntry;
use super::super::pack::read::{OpenPack, Pack, cut, decompress};
use super::super::pack::set::check_hash;
use super::super::pack::write::PackWriter;
use super::order::{Ordered, Place};
use crate::base::id::{Kind, ObjectId};
use crate::base::limits::PACK_BYTES_MAX;
use crate::object::traits::ObjectError;

/// New packs that are being written.
pub struct Copying<'s> {
    store: &'s Store,
    /// What waits for its place in the order; none where things stay in the order they had.
    ordered: Option<Ordered>,
    is_thorough: bool,
    blobs: RawBlock,
    records: RawBlock,
    out: Option<PackWriter>,
    made: Vec<Pack>,
}

impl<'s> Copying<'s> {
    /// Writes nothing yet.
    pub fn new(store: &'s Store) -> Self {
        let (blobs, records) = (RawBlock::default(), RawBlock::default());
        let (ordered, is_thorough) = (None, false);
        Self { store, ordered, is_thorough, blobs, records, out: None, made: Vec::new() }
    }

    /// Writes objects in the order of their places. Large blocks of which everything is wanted
    /// are copied as they are, unless `is_thorough`.
    pub fn in_order(store: &'s Store, is_thorough: bool) -> Self {
        Self { ordered: Some(Ordered::default()), is_thorough, ..Self::new(store) }
    }

    /// Copies the objects of a pack for which `wanted` gives a place; it is asked once for each. What
    /// was copied before must not be wanted again.
    ///
    /// # Errors
    /// The disk's; [`ObjectError::File`] and [`ObjectError::Damaged`] for a damaged pack.
    pub fn copy(
        &mut self,
        pack: &Arc<Pack>,
        mut wanted: impl FnMut(ObjectId) -> Option<Place>,
    ) -> Result<(), ObjectError> {
        let open = pack.open()?;
        self.ordered.iter_mut().for_each(|ordered| ordered.begin(pack));
        for (number, entries) in by_block(open)?.into_iter().enumerate() {
            let count = entries.len();
            let place = |entry: IndexEntry| wanted(entry.id).map(|place| (place, entry));
            let wanted: Vec<_> = entries.into_iter().filter_map(place).collect();
            if wanted.is_empty() {
                continue;
            }
            let (block, bytes) = open.compressed(number as u32)?;
            let content = decompress(&pack.path, &bytes, block.raw)?;
            for (_, entry) in &wanted {
                check_hash(entry.id, cut(&pack.path, &content, entry)?)?;
            }
            let is_large = block.raw as usize >= full_bytes(wanted[0].1.id.kind) / 2;
            if wanted.len() == count && is_large && !self.is_thorough {
                let objects = wanted.iter().map(|(_, e)| (e.id, e.offset, e.length)).collect();
                self.add_block(&PackedBlock { objects, raw: block.raw, compressed: bytes })?;
                continue;
            }
            for (place, entry) in wanted {
                match &mut self.ordered {
                    Some(ordered) => ordered.add(place, entry),
                    None => self.add(entry.id, cut(&pack.path, &content, &entry)?.to_vec())?,
                }
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
        if !filling.is_full() {
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
        if let Some(ordered) = self.ordered.take() {
            ordered.blocks(self.store, &mut |block| self.add_block(block))?;
        }
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
