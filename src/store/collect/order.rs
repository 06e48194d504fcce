//! The order in which objects are written anew: versions of one path next to each other, the newest
//! first, and paths that are alike next to those. In one block they cost little more than what
//! differs.
//!
//! Blocks end between families. One family may make a block larger than others are, up to
//! `FAMILY_BLOCK_BYTES`, since a version is found in the one before it only within a block.
//!
//! Holds some 70 bytes an object, and the blocks that are being compressed. Reading goes back and
//! forth between packs as their versions lie; the cache of blocks bears that.

use std::sync::Arc;

use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};
use zstd::zstd_safe::CParameter;

use super::super::open::Store;
use super::super::pack::block::{PackedBlock, RawBlock, full_bytes};
use super::super::pack::format::IndexEntry;
use super::super::pack::read::Pack;
use crate::base::id::Kind;
use crate::base::limits::{BLOCK_BYTES, FAMILY_BLOCK_BYTES, REWRITE_LEVEL, REWRITE_WINDOW_LOG_MAX};
use crate::object::traits::ObjectError;

/// Where an object belongs among those that are written anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The rank of its family.
    pub rank: u32,
    /// The newer version first.
    pub turn: u32,
}

/// Objects that will be written in order.
#[derive(Default)]
pub struct Ordered {
    packs: Vec<Arc<Pack>>,
    items: Vec<Item>,
}

struct Item {
    place: Place,
    pack: u32,
    entry: IndexEntry,
}

impl Item {
    /// Content, and then the records of each kind.
    fn key(&self) -> (Kind, Place, u32, u32) {
        (self.entry.id.kind, self.place, self.pack, self.entry.offset)
    }
}

impl Ordered {
    /// Notes an object of the pack that was named last.
    pub fn add(&mut self, place: Place, entry: IndexEntry) {
        let pack = self.packs.len().saturating_sub(1) as u32;
        self.items.push(Item { place, pack, entry });
    }

    /// Names the pack in which what follows lies.
    pub fn begin(&mut self, pack: &Arc<Pack>) {
        self.packs.push(pack.clone());
    }

    /// Hands over all blocks, compressed.
    ///
    /// # Errors
    /// As `PackSet::read`; those of `take`.
    pub fn blocks(
        mut self,
        store: &Store,
        take: &mut dyn FnMut(&PackedBlock) -> Result<(), ObjectError>,
    ) -> Result<(), ObjectError> {
        self.items.sort_unstable_by_key(Item::key);
        let batch = rayon::current_num_threads().max(1);
        let mut full = Vec::with_capacity(batch);
        let mut block = RawBlock::default();
        let mut last: Option<(Kind, u32)> = None;
        for item in &self.items {
            let (kind, rank) = (item.entry.id.kind, item.place.rank);
            let is_next = last.is_some_and(|last| last != (kind, rank));
            let is_other = last.is_some_and(|last| last.0 != kind && last.0 == Kind::Blob);
            let is_full = block.bytes >= BLOCK_BYTES && is_next;
            let most = last.map_or(FAMILY_BLOCK_BYTES, |(kind, _)| most_bytes(kind));
            if is_full || is_other || block.bytes >= most {
                full.push(std::mem::take(&mut block));
                if full.len() >= batch {
                    compressed(&full)?.iter().try_for_each(&mut *take)?;
                    full.clear();
                }
            }
            let bytes = store.packs.read(&self.packs[item.pack as usize], &item.entry)?;
            block.push(item.entry.id, Arc::new(bytes));
            last = Some((kind, rank));
        }
        full.extend(Some(block).filter(|block| !block.objects.is_empty()));
        compressed(&full)?.iter().try_for_each(take)
    }
}

/// Bytes of the largest block of one family. Snapshots, operations and names are read a few at a time,
/// and are one family each.
fn most_bytes(kind: Kind) -> usize {
    match kind {
        Kind::Blob | Kind::Tree => FAMILY_BLOCK_BYTES,
        _ => 2 * full_bytes(kind),
    }
}

fn compressed(blocks: &[RawBlock]) -> Result<Vec<PackedBlock>, ObjectError> {
    blocks
        .par_iter()
        .with_max_len(1)
        .map(|block| compress(block).map_err(ObjectError::Content))
        .collect()
}

/// As `RawBlock::compress`, but harder, and with a window as large as the block.
fn compress(block: &RawBlock) -> std::io::Result<PackedBlock> {
    let mut raw = Vec::with_capacity(block.bytes);
    let mut objects = Vec::with_capacity(block.objects.len());
    for (id, content) in &block.objects {
        objects.push((*id, raw.len() as u32, content.len() as u32));
        raw.extend_from_slice(content);
    }
    let window = raw.len().next_power_of_two().ilog2().clamp(10, REWRITE_WINDOW_LOG_MAX);
    let mut compressor = zstd::bulk::Compressor::new(REWRITE_LEVEL)?;
    compressor.set_parameter(CParameter::WindowLog(window))?;
    // Versions of a large file lie far from each other.
    compressor.set_parameter(CParameter::EnableLongDistanceMatching(raw.len() > BLOCK_BYTES))?;
    let compressed = compressor.compress(&raw)?;
    Ok(PackedBlock { objects, raw: raw.len() as u32, compressed })
}
