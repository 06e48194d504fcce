//! How much a store holds, from the indexes of its packs and of its journal.

use std::collections::{BTreeMap, HashSet};

use super::error::StoreError;
use super::journal::{Journal, JournalStatistics};
use super::open::Store;
use crate::base::id::{Kind, ObjectId};

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
        let mut seen: HashSet<ObjectId> = HashSet::new();
        for pack in packs.iter() {
            statistics.pack_bytes += pack.bytes;
            let open = pack.open()?;
            for at in 0..open.count() {
                let entry = open.entry(at)?;
                if seen.insert(entry.id) {
                    let kind = statistics.kinds.entry(entry.id.kind).or_default();
                    kind.objects += 1;
                    kind.bytes += u64::from(entry.length);
                }
            }
        }
        Ok(statistics)
    }
}
