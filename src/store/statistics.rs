//! How much a store holds, from the indexes of its packs and of its journal.
//!
//! An object that lies in several packs counts once: for the first of them, the largest being first.
//! So what was counted for a pack stays right as long as that pack and those before it are there, and
//! whoever remembers it pays only for the small packs that came and went.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::journal::{Journal, JournalStatistics};
use super::open::Store;
use super::pack::read::{OpenPack, Pack};
use crate::base::id::{Hash, Kind, ObjectId, OperationId};
use crate::object::traits::ObjectError;

/// How much there is of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The sum of [`operation_part`] over all stored operations: another one for another set of them.
    pub operations: u64,
    /// The journal.
    pub journal: JournalStatistics,
}

impl StoreStatistics {
    /// Objects of all kinds.
    pub fn objects(&self) -> u64 {
        self.kinds.values().fold(0, |sum, kind| kind.objects.saturating_add(sum))
    }

    /// Bytes of the content of all objects.
    pub fn bytes(&self) -> u64 {
        self.kinds.values().fold(0, |sum, kind| kind.bytes.saturating_add(sum))
    }
}

/// What one pack adds to those that are larger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackCount {
    name: Hash,
    bytes: u64,
    /// In the order of [`Kind::ALL`].
    kinds: Vec<KindStatistics>,
    operations: u64,
}

/// What an operation adds to [`StoreStatistics::operations`].
pub fn operation_part(id: OperationId) -> u64 {
    let (first, _) = id.0.0.split_first_chunk().expect("a hash has more than eight bytes");
    u64::from_le_bytes(*first)
}

impl Store {
    /// How much it holds. Costs reading the index of each pack and of each segment of the journal.
    ///
    /// # Errors
    /// The disk's; `ObjectError::File` for a damaged index.
    pub fn statistics(&self) -> Result<StoreStatistics, StoreError> {
        Ok(self.statistics_from(&[])?.0)
    }

    /// The same, from what was counted before, and what to remember for the next time. Costs what
    /// differs in the packs, and the journal.
    ///
    /// # Errors
    /// As [`Store::statistics`]; an index that need not be read is not looked at.
    pub fn statistics_from(
        &self,
        known: &[PackCount],
    ) -> Result<(StoreStatistics, Vec<PackCount>), StoreError> {
        let packs = self.packs.rescan()?;
        let mut packs: Vec<&Pack> = packs.iter().map(|pack| &**pack).collect();
        packs.sort_by_key(|pack| (Reverse(pack.bytes), pack.name));
        let is_same = |(known, pack): &(&PackCount, &&Pack)| {
            (known.name, known.bytes) == (pack.name, pack.bytes)
        };
        let same = known.iter().zip(&packs).take_while(is_same).count();
        let mut counts = known[..same].to_vec();
        counts.extend(count(&packs[..same], &packs[same..])?);
        let journal = Journal::of(self).statistics()?;
        let mut statistics = StoreStatistics { packs: packs.len(), journal, ..Default::default() };
        for count in &counts {
            statistics.pack_bytes = statistics.pack_bytes.saturating_add(count.bytes);
            statistics.operations = statistics.operations.wrapping_add(count.operations);
            for (kind, found) in Kind::ALL.into_iter().zip(&count.kinds) {
                if found.objects > 0 {
                    let sum = statistics.kinds.entry(kind).or_default();
                    // What was remembered may be anything.
                    sum.objects = sum.objects.saturating_add(found.objects);
                    sum.bytes = sum.bytes.saturating_add(found.bytes);
                }
            }
        }
        Ok((statistics, counts))
    }

    /// How many packs there are, and their bytes on disk. Reads none of them.
    ///
    /// # Errors
    /// The disk's.
    pub fn pack_totals(&self) -> Result<(usize, u64), StoreError> {
        let packs = self.packs.rescan()?;
        Ok((packs.len(), packs.iter().map(|pack| pack.bytes).sum()))
    }
}

fn open<'p>(packs: &[&'p Pack]) -> Result<Vec<&'p OpenPack>, ObjectError> {
    packs.iter().map(|pack| pack.open()).collect()
}

/// Counts what each of the new packs adds to the old ones and to the new ones before it.
fn count(old: &[&Pack], new: &[&Pack]) -> Result<Vec<PackCount>, ObjectError> {
    let nothing = |pack: &&Pack| PackCount {
        name: pack.name,
        bytes: pack.bytes,
        kinds: vec![KindStatistics::default(); Kind::ALL.len()],
        operations: 0,
    };
    let mut counts: Vec<PackCount> = new.iter().map(nothing).collect();
    if new.is_empty() {
        return Ok(counts);
    }
    let (old, new) = (open(old)?, open(new)?);
    let parts: Vec<(Kind, u8)> =
        Kind::ALL.iter().flat_map(|kind| (0..PARTS).map(|part| (*kind, part))).collect();
    let count = |(kind, part): &(Kind, u8)| {
        Ok::<_, ObjectError>((*kind, count_part(&old, &new, *kind, *part)?))
    };
    let counted: Result<Vec<_>, ObjectError> = parts.par_iter().map(count).collect();
    for (kind, found) in counted? {
        for (count, (found, operations)) in counts.iter_mut().zip(found) {
            let sum = &mut count.kinds[kind as usize];
            sum.objects += found.objects;
            sum.bytes += found.bytes;
            count.operations = count.operations.wrapping_add(operations);
        }
    }
    Ok(counts)
}

/// Parts of the hashes of a kind that are counted side by side, by their first four bits.
const PARTS: u8 = 16;

/// Counts the objects of one kind whose hashes begin so, for each of the new packs those that it adds,
/// with the sum of the operations among them. All indexes are sorted: the new ones are gone through
/// side by side, and what they have is looked up in the old ones.
fn count_part(
    old: &[&OpenPack],
    new: &[&OpenPack],
    kind: Kind,
    part: u8,
) -> Result<Vec<(KindStatistics, u64)>, ObjectError> {
    let mut next = BinaryHeap::new();
    for (number, pack) in new.iter().enumerate() {
        let at = pack.position(kind, &[part << 4])?;
        push(&mut next, (pack, number, at), (kind, part))?;
    }
    let mut found = vec![(KindStatistics::default(), 0_u64); new.len()];
    let mut last = None;
    while let Some(Reverse((hash, number, length, at))) = next.pop() {
        if last != Some(hash) {
            last = Some(hash);
            if !is_in(old, ObjectId { kind, hash })? {
                let (sum, operations) = &mut found[number];
                sum.objects += 1;
                sum.bytes += u64::from(length);
                if kind == Kind::Operation {
                    *operations = operations.wrapping_add(operation_part(OperationId(hash)));
                }
            }
        }
        push(&mut next, (new[number], number, at + 1), (kind, part))?;
    }
    Ok(found)
}

fn is_in(packs: &[&OpenPack], id: ObjectId) -> Result<bool, ObjectError> {
    for pack in packs {
        if pack.lookup(id)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// An object with the number of its pack, its length, and its place in that pack.
type Next = Reverse<(Hash, usize, u32, usize)>;

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
        next.push(Reverse((entry.id.hash, number, entry.length, at)));
    }
    Ok(())
}
