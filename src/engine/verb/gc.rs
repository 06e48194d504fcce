//! `exp gc`: lets go of what nothing needs any more, and of the files of snapshots that retention does
//! not keep. A snapshot itself always stays in the graph; what it was measured as, too.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::base::time::Timestamp;
use crate::engine::retention::Kept;
use crate::engine::view::is_written;
use crate::engine::{Engine, EngineError};
use crate::policy::retention::{Decision, RetentionLimits};
use crate::store::{CollectPlan, Collected, Level, PlanNumbers, Usage};

/// What can be asked of `gc`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Only tell what it would do.
    pub dry_run: bool,
    /// Write every pack anew, so that versions of one file come together.
    pub repack: bool,
}

/// How many snapshots were decided how.
#[derive(Clone, Debug, Serialize)]
pub struct Decided {
    /// Why they stay or go.
    pub why: &'static str,
    /// How many.
    pub snapshots: usize,
}

/// What the packs hold.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Holding {
    /// Packs.
    pub packs: usize,
    /// Their bytes on disk.
    pub bytes: u64,
    /// Objects, each once.
    pub objects: u64,
}

/// What was decided, and what was done about it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Snapshots that keep their files, by reason.
    pub kept: Vec<Decided>,
    /// Snapshots that lose their files, or have lost them before, by reason.
    pub let_go: Vec<Decided>,
    /// Operations that stay in the log.
    pub operations_kept: usize,
    /// Operations that go from it.
    pub operations_let_go: usize,
    /// Objects that nothing needs.
    pub objects_going: u64,
    /// Bytes of their content, before compression.
    pub bytes_going: u64,
    /// Bytes on disk that become free, estimated.
    pub bytes_freed: u64,
    /// States of sessions that go, with the segments of the journal in which nothing else is needed.
    pub states_let_go: u64,
    /// Bytes of those segments.
    pub journal_bytes_freed: u64,
    /// Folders of logs of what is no branch any more.
    pub logs: usize,
    /// Before.
    pub before: Holding,
    /// After; none where nothing was done.
    pub after: Option<Holding>,
    /// Packs that could not go yet, because somebody was writing all the while.
    pub postponed: usize,
    /// What is damaged and was left as it is, a sentence each.
    pub damaged: Vec<String>,
    /// Whether a pack cannot say what it has, so that nothing goes.
    pub held_up: bool,
    /// What was damaged and is gone, a sentence each: all that is kept lies whole elsewhere.
    pub cleared: Vec<String>,
    /// What is used of the quota nevertheless, where that is worth saying.
    pub still_used: Option<StillUsed>,
    /// Where the limits are written.
    pub settings: PathBuf,
}

/// How full a store is that nothing more goes from, and what keeps the rest.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct StillUsed {
    /// Percent of the quota.
    pub percent: u64,
    /// Bytes of packs and journal.
    pub bytes: u64,
    /// What they may take.
    pub quota_bytes: u64,
    /// The setting of that name.
    pub operations: usize,
    /// The setting of that name.
    pub operations_least: usize,
}

/// Plans, and unless only that is wanted, collects.
///
/// # Errors
/// [`EngineError::Config`] for settings that are not understood; the store's: busy while another
/// collection runs, and damage in a record that stays, because nobody knows what it needs.
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    engine.refuse_in_every_view("and the store is that of the workspace outside")?;
    let settings = engine.settings()?;
    let now = engine.surroundings.now();
    let kept = engine.kept(settings, now)?;
    let Kept { keep, decisions, operations_gone } = kept;
    let operations_kept = keep.operations.len();
    let plan = engine.store.plan_collection(keep)?;
    let plan = if options.repack { plan.rewriting_all() } else { plan };
    let logs = old_logs(engine, settings.retention.age_ms, now)?;
    let mut report = planned(&plan.numbers, &decisions);
    report.operations_kept = operations_kept;
    report.operations_let_go = operations_gone;
    report.logs = logs.len();
    let states = engine.let_go_of_states(settings, now, options.dry_run)?;
    (report.states_let_go, report.journal_bytes_freed) = (states.states, states.bytes);
    report.settings = engine.store.layout().config();
    if !options.dry_run {
        let done = collect(engine, plan, &logs, now)?;
        report.before = holding(&done.before);
        report.after = Some(holding(&done.after));
        report.postponed = done.postponed;
        report.damaged = done.damaged.iter().map(damage).collect();
        report.cleared = done.cleared.iter().map(damage).collect();
        report.held_up = done.is_held_up;
    }
    report.still_used = still_used(engine, &report, &settings.retention)?;
    Ok(report)
}

/// What is used then, or would be, from where on it is said.
fn still_used(
    engine: &Engine,
    report: &Report,
    limits: &RetentionLimits,
) -> Result<Option<StillUsed>, EngineError> {
    let found = engine.store.usage()?;
    let going = match report.after {
        None => report.bytes_freed.saturating_add(report.journal_bytes_freed),
        Some(_) => 0,
    };
    let usage = Usage { bytes: found.bytes.saturating_sub(going), ..found };
    let said = (usage.quota, usage.percent(), usage.level() >= Level::Said);
    let (Some(quota_bytes), Some(percent), true) = said else { return Ok(None) };
    let RetentionLimits { operations, operations_least, .. } = *limits;
    let bytes = usage.bytes;
    Ok(Some(StillUsed { percent, bytes, quota_bytes, operations, operations_least }))
}

fn planned(numbers: &PlanNumbers, decisions: &BTreeMap<Decision, usize>) -> Report {
    let (mut kept, mut let_go) = (Vec::new(), Vec::new());
    for (decision, snapshots) in decisions {
        let list = if decision.is_kept() { &mut kept } else { &mut let_go };
        list.push(Decided { why: decision.word(), snapshots: *snapshots });
    }
    Report {
        kept,
        let_go,
        operations_kept: 0,
        operations_let_go: 0,
        objects_going: numbers.going,
        bytes_going: numbers.going_bytes,
        bytes_freed: numbers.freed_bytes,
        states_let_go: 0,
        journal_bytes_freed: 0,
        logs: 0,
        before: Holding {
            packs: numbers.packs,
            bytes: numbers.pack_bytes,
            objects: numbers.live + numbers.going,
        },
        after: None,
        postponed: 0,
        damaged: numbers.damaged.iter().map(damage).collect(),
        held_up: numbers.is_held_up,
        cleared: Vec::new(),
        still_used: None,
        settings: PathBuf::new(),
    }
}

fn collect(
    engine: &Engine,
    plan: CollectPlan,
    logs: &[PathBuf],
    now: Timestamp,
) -> Result<Collected, EngineError> {
    let done = engine.store.collect(plan, &engine.surroundings.who, now)?;
    for folder in logs {
        // Logs are for people, and nothing needs them: what cannot be removed stays.
        let _ = std::fs::remove_dir_all(folder);
    }
    Ok(done)
}

fn holding(of: &crate::store::Holding) -> Holding {
    Holding { packs: of.packs, bytes: of.pack_bytes, objects: of.objects }
}

fn damage((path, what): &(PathBuf, String)) -> String {
    let path = format!("`{}`", path.display());
    if what.starts_with(&path) { what.clone() } else { format!("{path}: {what}") }
}

/// Folders of logs that are older than snapshots may be, of what is no branch any more, and that
/// nobody writes.
fn old_logs(
    engine: &Engine,
    age_ms: Option<u64>,
    now: Timestamp,
) -> Result<Vec<PathBuf>, EngineError> {
    let Some(age_ms) = age_ms.and_then(|age| i64::try_from(age).ok()) else {
        return Ok(Vec::new());
    };
    let branches: Vec<String> = engine
        .branches(engine.store.names()?)?
        .into_iter()
        .map(|(label, _)| label.as_str().replace('/', "%"))
        .collect();
    let listed = std::fs::read_dir(engine.store.layout().runs()).into_iter().flatten().flatten();
    let folders = listed.filter(|entry| {
        let name = entry.file_name();
        !branches.iter().any(|branch| name.to_str() == Some(branch.as_str()))
    });
    let is_old = |folder: &Path| {
        let logs = std::fs::read_dir(folder).into_iter().flatten().flatten();
        logs.into_iter().all(|log| {
            let changed = log.metadata().and_then(|facts| facts.modified());
            let young =
                changed.is_ok_and(|at| now.millis() - Timestamp::from(at).millis() <= age_ms);
            !young && File::open(log.path()).is_ok_and(|log| !is_written(&log))
        })
    };
    Ok(folders.map(|entry| entry.path()).filter(|folder| is_old(folder)).collect())
}
