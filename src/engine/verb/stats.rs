//! `exp stats`: counts snapshots, verdicts, bytes. Asks the catalogue.

use serde::Serialize;

use crate::engine::{Engine, EngineError, catalogue};

/// What can be asked of `stats`: nothing yet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {}

/// The counts.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Snapshots that names or their ancestors reach.
    pub snapshots: u64,
    /// Snapshots by session.
    pub sessions: Vec<(String, u64)>,
    /// Snapshots by how they came to be.
    pub origins: Vec<(String, u64)>,
    /// Verdicts by word.
    pub verdicts: Vec<(String, u64)>,
    /// Operations in the log.
    pub operations: usize,
    /// Packs on the disk.
    pub packs: usize,
    /// Their bytes.
    pub disk_bytes: u64,
    /// Bytes of all objects before compression.
    pub raw_bytes: u64,
    /// Objects by kind.
    pub objects: Vec<(String, u64)>,
    /// What was said of the catalogue, if anything.
    pub notices: Vec<String>,
}

/// Counts.
///
/// # Errors
/// The store's, and the catalogue's when another process holds it.
pub fn run(engine: &Engine, _options: &Options) -> Result<Report, EngineError> {
    let (catalogue, notices) = catalogue::open(engine)?;
    let counts = catalogue.statistics()?;
    let store = engine.store.statistics()?;
    let pairs = |map: std::collections::BTreeMap<String, u64>| map.into_iter().collect();
    let objects = store.kinds.iter().map(|(kind, of)| (kind.word().to_owned(), of.objects));
    let verdicts =
        [("good", counts.good), ("bad", counts.bad), ("inconclusive", counts.inconclusive)];
    Ok(Report {
        snapshots: counts.snapshots,
        sessions: pairs(counts.by_session),
        origins: pairs(counts.by_origin),
        verdicts: verdicts.map(|(word, count)| (word.to_owned(), count)).to_vec(),
        operations: engine.operations()?.count(),
        packs: store.packs,
        disk_bytes: store.pack_bytes,
        raw_bytes: store.bytes(),
        objects: objects.collect(),
        notices,
    })
}
