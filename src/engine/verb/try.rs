//! `exp try`: opens an experiment: several approaches from one base, each in a branch and a view
//! of its own, in parallel; each result is captured and evaluated.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use serde::Serialize;

use crate::base::id::{SnapshotId, TreeId};
use crate::base::limits::APPROACHES_MAX;
use crate::base::name::Label;
use crate::engine::evaluate::Bench;
use crate::engine::events::{Event, Watch};
use crate::engine::finding::Found;
use crate::engine::race::{Open, Race, Terms, unfinished};
use crate::engine::report::{KeptCommit, ShownEvaluation, ShownVerdict, count, state_text};
use crate::engine::take::Safe;
use crate::engine::transact::{Act, branch_move, moved};
use crate::engine::view::Backend;
use crate::engine::{Engine, EngineError};
use crate::object::experiment::{Approach, ApproachState, Experiment};
use crate::object::names::{self, NameKey, NameValue};
use crate::object::snapshot::Snapshot;
use crate::run::Cancel;
use crate::store::Sharing;

/// What can be asked of `try`.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Names and shell commands.
    pub approaches: Vec<(String, String)>,
    /// An experiment to go on with: what has not ended, or was not evaluated, is run again.
    pub resume: Option<String>,
    /// Where all start; the workspace's files, captured first, if nothing is given.
    pub from: Option<String>,
    /// How many at once; as many as there are processors if nothing is given.
    pub jobs: Option<usize>,
    /// When a command is stopped.
    pub timeout: Option<Duration>,
    /// When the command of a certain approach is stopped, by name. It is no part of the record: who
    /// resumes gives a limit again.
    pub limits: BTreeMap<String, Duration>,
    /// Only run the commands.
    pub no_eval: bool,
    /// When a command fails, start nothing more and end what runs, as an interrupt does.
    pub stop_on_error: bool,
    /// Evaluate what a command left that failed, too.
    pub eval_failed: bool,
    /// Which view to use.
    pub backend: Option<Backend>,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The experiment's id, such as `e7`; in a dry run the one that it would get.
    pub experiment: String,
    /// The snapshot that all started from.
    pub base: String,
    /// What was found for the base.
    pub base_evaluation: Option<ShownEvaluation>,
    /// The verdict on the base.
    pub base_verdict: ShownVerdict,
    /// The snapshot that saved un-captured work first, if there was any.
    pub captured: Option<String>,
    /// The approaches, in the order in which they were given.
    pub approaches: Vec<ShownApproach>,
    /// Whether somebody interrupted it.
    pub interrupted: bool,
    /// The approach whose failure ended the race, where that was asked for.
    pub stopped_by: Option<String>,
    /// How many approaches an experiment went on with; none for a new experiment.
    pub resumed: Option<usize>,
}

/// One approach.
#[derive(Clone, Debug, Serialize)]
pub struct ShownApproach {
    /// Its name.
    pub name: String,
    /// Its branch.
    pub branch: String,
    /// Its command.
    pub command: String,
    /// How the command ended, in words.
    pub state: String,
    /// In milliseconds.
    pub duration_ms: u64,
    /// The snapshot that it left.
    pub candidate: Option<String>,
    /// Commits of git's that its command made just now and that are kept.
    pub git_commits: Vec<KeptCommit>,
}

/// Opens an experiment and runs it.
///
/// # Errors
/// [`EngineError::Refused`] for names given twice or too many; those of a view and a capture. What
/// becomes of an approach is a result.
pub fn run(
    engine: &Engine,
    options: &Options,
    cancel: &Cancel,
    watch: Watch<'_>,
) -> Result<Report, EngineError> {
    engine.refuse_in_view()?;
    check(options)?;
    if options.dry_run {
        return dry_run(engine, options);
    }
    let _lock = engine.lock("try", Sharing::Shared)?;
    // Before a capture moves the branch, and `@` with it.
    let from = options.from.as_ref().map(|from| engine.resolve(from)).transpose()?;
    let safe = make_safe(engine, options)?;
    let name = options.resume.as_deref();
    let resumed = name.map(|name| engine.experiment(Some(name))).transpose()?;
    // A failure that ends the race is no wish of whoever called.
    let (outer, cancel) = (cancel, &cancel.inner());
    let base = match (&resumed, from) {
        (Some((record, _)), _) => record.base,
        (None, Some(from)) => from.id,
        (None, None) => safe.standing.position.snapshot,
    };
    let base_tree = Snapshot::fetch(&engine.store, base)?.tree;
    let config = engine.config_of_base(Some(base_tree))?;
    let bench = match options.no_eval {
        true => None,
        false => {
            let mut bench = Bench::new(engine, config, &safe.taken, cancel, watch)?;
            bench.backend = options.backend;
            Some(bench)
        }
    };
    let base_found = evaluate_base(engine, bench.as_ref(), base, base_tree, watch)?;
    let found = base_found.as_ref().map(|(found, _)| found);
    let open = match resumed {
        Some((record, id)) => Open { record: with_base(record, found, bench.as_ref()), id },
        None => open(engine, options, base, found, bench.as_ref())?,
    };
    let numbers = unfinished(&open.record, &terms(options), bench.is_some());
    let stopped_by = OnceLock::new();
    let race = Race {
        engine,
        terms: terms(options),
        limits: &options.limits,
        safe: &safe,
        bench: bench.as_ref(),
        base: (base, base_tree),
        base_found: found,
        open: open.into(),
        cancel,
        stopped_by: &stopped_by,
        watch,
    };
    let resumed = name.map(|_| numbers.len());
    let (record, kept) = run_and_note(race, numbers)?;
    Ok(Report {
        resumed,
        experiment: record.name.clone(),
        base: base.hex(),
        base_evaluation: found.map(shown_found),
        base_verdict: base_found.as_ref().map_or_else(ShownVerdict::unknown, |b| b.1.clone()),
        captured: safe.captured.map(|id| id.hex()),
        approaches: record.approaches.iter().map(|one| shown_with(one, &kept)).collect(),
        interrupted: outer.is_cancelled(),
        stopped_by: stopped_by.into_inner(),
    })
}

fn shown_found(found: &Found) -> ShownEvaluation {
    ShownEvaluation::new(found.id.hex(), &found.evaluation, found.from_memo)
}

/// Captures the files first. Many views are worth a watch from the start.
fn make_safe(engine: &Engine, options: &Options) -> Result<Safe, EngineError> {
    let writer = engine.writer()?;
    match options.approaches.len() {
        1 => engine.make_safe(&writer, "try"),
        _ => engine.make_safe_for_views(&writer, "try"),
    }
}

fn terms(options: &Options) -> Terms {
    Terms {
        jobs: options.jobs,
        timeout: options.timeout,
        backend: options.backend,
        stop_on_error: options.stop_on_error,
        eval_failed: options.eval_failed,
    }
}

fn check(options: &Options) -> Result<(), EngineError> {
    let refuse = |what: String, why: &str| Err(EngineError::Refused { what, why: why.to_owned() });
    if options.resume.is_some() {
        return Ok(());
    }
    if options.approaches.is_empty() {
        return refuse("no approach was given".to_owned(), "give at least one NAME=COMMAND");
    }
    if options.approaches.len() > APPROACHES_MAX {
        return refuse("too many approaches".to_owned(), "at most 1,000 in one experiment");
    }
    let mut names = std::collections::BTreeSet::new();
    for (name, command) in &options.approaches {
        Label::new(name.as_str())?;
        if name.contains('/') {
            return refuse(format!("`{name}` cannot name an approach"), "it has a `/`");
        }
        if !names.insert(name) {
            return refuse(format!("the name `{name}` is given twice"), "each needs its own");
        }
        if command.trim().is_empty() {
            return refuse(format!("approach `{name}` has no command"), "write NAME=COMMAND");
        }
    }
    Ok(())
}

fn dry_run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    let (name, base, approaches, resumed) = match &options.resume {
        Some(name) => {
            let (record, _) = engine.experiment(Some(name))?;
            let numbers = unfinished(&record, &terms(options), !options.no_eval);
            let left: Vec<_> = numbers.iter().map(|at| record.approaches[*at].clone()).collect();
            (record.name, record.base, left, Some(numbers.len()))
        }
        None => {
            let base = engine.resolve(options.from.as_deref().unwrap_or("@"))?.id;
            let name = next_name(engine)?;
            let approaches = approaches(&name, options)?;
            (name, base, approaches, None)
        }
    };
    Ok(Report {
        resumed,
        base: base.hex(),
        base_evaluation: None,
        base_verdict: ShownVerdict::unknown(),
        captured: None,
        approaches: approaches.iter().map(shown).collect(),
        interrupted: false,
        stopped_by: None,
        experiment: name,
    })
}

/// The base is measured first: a bad one is said before anything else is spent.
fn evaluate_base(
    engine: &Engine,
    bench: Option<&Bench<'_>>,
    base: SnapshotId,
    tree: TreeId,
    watch: Watch<'_>,
) -> Result<Option<(Found, ShownVerdict)>, EngineError> {
    let Some(bench) = bench else {
        return Ok(None);
    };
    let found = bench.evaluate("base", tree)?;
    bench.expected.learn(&found.evaluation);
    let judged = bench.judge(found.clone(), None);
    bench.say("base", &judged);
    let known = engine.verdict(engine.store.names()?, base)?;
    if known.is_none_or(|known| known.evaluator != bench.evaluator()) {
        engine.keep_verdict(base, &judged)?;
    }
    let verdict = ShownVerdict::from(&judged.record);
    if verdict.word != "good" {
        let notice = format!("the base itself is {}: {}", verdict.word, verdict.reason);
        watch(Event::Notice(notice));
    }
    Ok(Some((found, verdict)))
}

fn next_name(engine: &Engine) -> Result<String, EngineError> {
    let names = engine.store.names()?;
    let number = |name: &str| name.strip_prefix('e').and_then(|digits| digits.parse::<u64>().ok());
    // By the names alone. Branches count, too: a person may have made one that is in the way.
    let experiments = names::list(&engine.store, names, "experiment/")?;
    let branches = names::list(&engine.store, names, "branch/e")?;
    let taken = experiments.iter().chain(&branches).filter_map(|entry| entry.key.split('/').nth(1));
    Ok(format!("e{}", taken.filter_map(number).max().unwrap_or(0).saturating_add(1)))
}

fn approaches(experiment: &str, options: &Options) -> Result<Vec<Approach>, EngineError> {
    let approach = |(name, command): &(String, String)| -> Result<Approach, EngineError> {
        Ok(Approach {
            name: name.clone(),
            command: command.clone(),
            branch: Label::new(format!("{experiment}/{name}"))?,
            state: ApproachState::Waiting,
            duration_ms: 0,
            candidate: None,
            evaluation: None,
        })
    };
    options.approaches.iter().map(approach).collect()
}

/// Opens the record and creates the branches, under the next free name: another session may take
/// one at the same moment.
fn open(
    engine: &Engine,
    options: &Options,
    base: SnapshotId,
    base_found: Option<&Found>,
    bench: Option<&Bench<'_>>,
) -> Result<Open, EngineError> {
    for _ in 0..crate::base::limits::COMMIT_TRIES_MAX {
        let name = next_name(engine)?;
        let record = Experiment {
            base,
            base_evaluation: base_found.map(|found| found.id),
            evaluator: bench.map(Bench::evaluator),
            approaches: approaches(&name, options)?,
            selection: None,
            session: engine.surroundings.session.clone(),
            workspace: engine.workspace().to_owned(),
            when: engine.surroundings.now(),
            name,
        };
        let writer = engine.writer()?;
        // A collection may have let go of it: it had no name.
        base_found.map(|found| found.evaluation.put(&writer)).transpose()?;
        let id = record.put(&writer)?;
        let key = NameKey::Experiment(record.name.clone());
        let mut moves = vec![moved(key, None, Some(NameValue::Experiment(id)))];
        for approach in &record.approaches {
            moves.push(branch_move(&approach.branch, None, Some(base)));
        }
        let summary =
            format!("{} with {}", record.name, count(record.approaches.len(), "approach"));
        match engine.commit(&writer, moves, Act::verb("try", summary)) {
            Ok(_) => return Ok(Open { record, id }),
            Err(EngineError::Moved { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let by = "other sessions, again and again".to_owned();
    Err(EngineError::Moved { name: "the next experiment".to_owned(), by })
}

/// The record of a race that evaluated nothing until now, with what all are compared with.
fn with_base(
    mut record: Experiment,
    base_found: Option<&Found>,
    bench: Option<&Bench<'_>>,
) -> Experiment {
    if record.base_evaluation.is_none() {
        record.base_evaluation = base_found.map(|found| found.id);
        record.evaluator = bench.map(Bench::evaluator);
    }
    record
}

fn shown(approach: &Approach) -> ShownApproach {
    ShownApproach {
        name: approach.name.clone(),
        branch: approach.branch.to_string(),
        command: approach.command.clone(),
        state: state_text(&approach.state),
        duration_ms: approach.duration_ms,
        candidate: approach.candidate.map(|id| id.hex()),
        git_commits: Vec::new(),
    }
}

/// Runs the race, and notes which commits were kept and of which branch: the record does not.
fn run_and_note(
    race: Race<'_>,
    numbers: Vec<usize>,
) -> Result<(Experiment, Vec<(String, KeptCommit)>), EngineError> {
    let kept = Mutex::new(Vec::new());
    let watch = race.watch;
    let note = |event: Event| {
        if let (Event::CommitKept { branch, kept: commit }, Ok(mut kept)) = (&event, kept.lock()) {
            kept.push((branch.clone(), commit.clone()));
        }
        watch(event);
    };
    let record = Race { watch: &note, ..race }.run(numbers)?;
    Ok((record, kept.into_inner().unwrap_or_default()))
}

fn shown_with(approach: &Approach, kept: &[(String, KeptCommit)]) -> ShownApproach {
    let own = kept.iter().filter(|(branch, _)| branch == approach.branch.as_str());
    ShownApproach {
        git_commits: own.map(|(_, commit)| commit.clone()).collect(),
        ..shown(approach)
    }
}
