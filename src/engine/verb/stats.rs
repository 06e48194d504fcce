//! `exp stats`: counts snapshots, verdicts, bytes. Asks the catalogue.

use std::time::Duration;

use serde::Serialize;

use crate::engine::held::Alone;
use crate::engine::{Engine, EngineError, catalogue};
use crate::session::state::SessionFacts;

/// What can be asked of `stats`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Also tell what each branch and session holds alone, which costs a walk over all of it.
    pub alone: bool,
}

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
    pub operations: u64,
    /// Packs on the disk.
    pub packs: usize,
    /// Their bytes.
    pub disk_bytes: u64,
    /// Bytes of all objects before compression.
    pub raw_bytes: u64,
    /// How many times smaller they are on disk; none where nothing is stored.
    pub ratio: Option<f64>,
    /// What packs and journal may take together, if that is limited.
    pub quota_bytes: Option<u64>,
    /// What each branch and session holds alone, where that was asked for.
    pub alone: Option<Alone>,
    /// Objects by kind.
    pub objects: Vec<(String, u64)>,
    /// The sessions' states.
    pub states: Vec<SessionStates>,
    /// Bytes of the journal in which they lie.
    pub journal_bytes: u64,
    /// What was said of the catalogue and of the store's settings, if anything.
    pub notices: Vec<String>,
}

/// What was measured of a session's puts, by all processes.
#[derive(Clone, Debug, Serialize)]
pub struct SessionStates {
    /// The session.
    pub name: String,
    /// Its entries.
    pub entries: u64,
    /// Puts.
    pub puts: u64,
    /// Puts that were saved.
    pub saved: u64,
    /// Puts that were skipped.
    pub skipped: u64,
    /// Skipped ones in a hundred puts.
    pub skip_percent: f64,
    /// Puts that failed.
    pub failed: u64,
    /// Measurements that were dropped, because the queue was full.
    pub dropped: u64,
    /// How long a put took, in microseconds.
    pub duration_us: Durations,
    /// Operations of the patches that were saved.
    pub fields_changed: u64,
    /// Bytes of the entries that were saved.
    pub bytes: u64,
}

/// Durations in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Durations {
    /// The mean.
    pub mean: u64,
    /// Half of them are at most this.
    pub p50: u64,
    /// 95 in a hundred.
    pub p95: u64,
    /// 99 in a hundred.
    pub p99: u64,
    /// The longest.
    pub max: u64,
}

/// Counts.
///
/// # Errors
/// The store's, and the catalogue's. While another process holds that, all is counted anew.
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    let (catalogue, mut notices) = catalogue::open(engine)?;
    notices.extend(engine.settings_problem());
    let counts = catalogue.statistics()?;
    let store = catalogue::stored(engine, &catalogue)?;
    let operations = catalogue::log_length(engine, &catalogue, &store)?;
    let pairs = |map: std::collections::BTreeMap<String, u64>| map.into_iter().collect();
    let objects = store.kinds.iter().map(|(kind, of)| (kind.word().to_owned(), of.objects));
    let verdicts =
        [("good", counts.good), ("bad", counts.bad), ("inconclusive", counts.inconclusive)];
    Ok(Report {
        states: states(engine)?,
        journal_bytes: store.journal.bytes,
        snapshots: counts.snapshots,
        sessions: pairs(counts.by_session),
        origins: pairs(counts.by_origin),
        verdicts: verdicts.map(|(word, count)| (word.to_owned(), count)).to_vec(),
        operations,
        packs: store.packs,
        disk_bytes: store.pack_bytes,
        raw_bytes: store.bytes(),
        ratio: (store.pack_bytes > 0).then(|| store.bytes() as f64 / store.pack_bytes as f64),
        quota_bytes: engine.settings().ok().and_then(|settings| settings.quota_bytes),
        alone: if options.alone { Some(engine.held_alone()?) } else { None },
        objects: objects.collect(),
        notices,
    })
}

/// The sessions with what was measured of them.
fn states(engine: &Engine) -> Result<Vec<SessionStates>, EngineError> {
    let Some(sessions) = engine.sessions_if_any()? else {
        return Ok(Vec::new());
    };
    let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    let one = |facts: SessionFacts| -> Result<SessionStates, EngineError> {
        let found = sessions.statistics(&facts.name);
        let duration = found.duration;
        Ok(SessionStates {
            name: facts.name,
            entries: facts.entries,
            puts: found.puts,
            saved: found.saved,
            skipped: found.skipped,
            skip_percent: 100.0 * found.skipped as f64 / found.puts.max(1) as f64,
            failed: found.failed,
            dropped: found.dropped,
            duration_us: Durations {
                mean: micros(duration.mean),
                p50: micros(duration.p50),
                p95: micros(duration.p95),
                p99: micros(duration.p99),
                max: micros(duration.max),
            },
            fields_changed: found.fields_changed,
            bytes: found.bytes,
        })
    };
    sessions.list()?.into_iter().map(one).collect()
}
