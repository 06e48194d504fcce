//! How much a store holds, from the indexes of its packs and of its journal.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use rayon::prelude::*;

use super::error::StoreError;
use super::journal::{Journal, JournalStatistics};
use super::open::Store;
use super::pack::read::OpenPack;
use crate::base::id::{Hash, Kind};
use crate::object::traits::ObjectError;

/// How much there is of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindStatistics {
    /// Objects, each once however often it is stored.
    pub objects: u64,
    /// Bytes of their content, before compression.
    pub bytes: u64,
}

/// How much a store holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreStatistics {
    /// Packs.
    pub packs: usize,
    /// Bytes of all packs on disk.
    pub pack_bytes: u64,
    /// Objects by kind. The pieces of large files count as blobs, their recipes as such.
    pub kinds: BTreeMap<Kind, KindStatistics>,
    /// The journal.
    pub journal: JournalStatistics,
}

impl StoreStatistics {
    /// Objects of all kinds.
    pub fn objects(&self) -> u64 {
        self.kinds.values().map(|kind| kind.objects).sum()
    }

    /// Bytes of the content of all objects.
    pub fn bytes(&self) -> u64 {
        self.kinds.values().map(|kind| kind.bytes).sum()
    }
}

impl Store {
    /// How much it holds. Costs reading the index of each pack and of each segment of the journal.
    ///
    /// # Errors
    /// The disk's; `ObjectError::File` for a damaged index.
    pub fn statistics(&self) -> Result<StoreStatistics, StoreError> {
        let packs = self.packs.rescan()?;
        let journal = Journal::of(self).statistics()?;
        let mut statistics = StoreStatistics { packs: packs.len(), journal, ..Default::default() };
        statistics.pack_bytes = packs.iter().map(|pack| pack.bytes).sum();
        let open: Vec<&OpenPack> =
            packs.iter().map(|pack| pack.open()).collect::<Result<_, _>>()?;
        let parts: Vec<(Kind, u8)> =
            Kind::ALL.iter().flat_map(|kind| (0..PARTS).map(|part| (*kind, part))).collect();
        let count = |(kind, part): &(Kind, u8)| Ok((*kind, count_part(&open, *kind, *part)?));
        let counted: Result<Vec<_>, ObjectError> = parts.par_iter().map(count).collect();
        for (kind, found) in counted?.into_iter().filter(|(_, found)| found.objects > 0) {
            let sum = statistics.kinds.entry(kind).or_default();
            sum.objects += found.objects;
            sum.bytes += found.bytes;
        }
        Ok(statistics)
    }
}

/// Parts of the hashes of a kind that are counted side by side, by their first four bits.
const PARTS: u8 = 16;

/// Counts the objects of one kind whose hashes begin so. All indexes are sorted: they are gone
/// through side by side, so that an object that lies in several counts once.
fn count_part(packs: &[&OpenPack], kind: Kind, part: u8) -> Result<KindStatistics, ObjectError> {
    let mut next = BinaryHeap::new();
    for (number, pack) in packs.iter().enumerate() {
        let at = pack.position(kind, &[part << 4])?;
        push(&mut next, (pack, number, at), (kind, part))?;
    }
    let mut found = KindStatistics::default();
    let mut last = None;
    while let Some(Reverse((hash, length, number, at))) = next.pop() {
        if last != Some(hash) {
            found.objects += 1;
            found.bytes += u64::from(length);
            last = Some(hash);
        }
        push(&mut next, (packs[number], number, at + 1), (kind, part))?;
    }
    Ok(found)
}

/// An object with its length, the number of its pack and its place in that.
type Next = Reverse<(Hash, u32, usize, usize)>;

/// Adds the object at a place of a pack where it belongs to the part.
fn push(
    next: &mut BinaryHeap<Next>,
    (pack, number, at): (&OpenPack, usize, usize),
    (kind, part): (Kind, u8),
) -> Result<(), ObjectError> {
    if at >= pack.count() {
        return Ok(());
    }
    let entry = pack.entry(at)?;
    if entry.id.kind == kind && entry.id.hash.0[0] >> 4 == part {
        next.push(Reverse((entry.id.hash, entry.length, number, at)));
    }
    Ok(())
}
