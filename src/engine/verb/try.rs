//! `exp try`: opens an experiment: several approaches from one base, each in a branch and a view
//! of its own, in parallel; each result is captured and evaluated.

use std::sync::Mutex;
use std::time::Duration;

use serde::Serialize;

use super::rank;
use crate::base::id::{ExperimentId, SnapshotId, TreeId};
use crate::base::limits::APPROACHES_MAX;
use crate::base::name::Label;
use crate::engine::evaluate::{Bench, Found};
use crate::engine::events::{Event, Watch};
use crate::engine::report::{ShownEvaluation, ShownVerdict, change_bytes, count};
use crate::engine::take::Safe;
use crate::engine::transact::{Act, branch_move, moved};
use crate::engine::view::Backend;
use crate::engine::{Engine, EngineError};
use crate::object::experiment::{Approach, ApproachState, Experiment};
use crate::object::names::{self, NameKey, NameValue};
use crate::object::snapshot::{Origin, Snapshot};
use crate::object::tree;
use crate::run::{Cancel, Outcome, Pool, Program};
use crate::store::Sharing;

/// What can be asked of `try`.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Names and shell commands.
    pub approaches: Vec<(String, String)>,
    /// Where all start; the workspace's files, captured first, if nothing is given.
    pub from: Option<String>,
    /// How many at once; as many as there are processors if nothing is given.
    pub jobs: Option<usize>,
    /// When a command is stopped.
    pub timeout: Option<Duration>,
    /// Only run the commands.
    pub no_eval: bool,
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
    let writer = engine.store.writer()?;
    let safe = engine.make_safe(&writer, "try")?;
    drop(writer);
    let base = match &options.from {
        Some(from) => engine.resolve(from)?.id,
        None => safe.standing.position.snapshot,
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
    let open = open(engine, options, base, found, bench.as_ref())?;
    let race = Race {
        engine,
        options,
        safe: &safe,
        bench: bench.as_ref(),
        base: (base, base_tree),
        base_found: found,
        open: Mutex::new(open),
        cancel,
        watch,
    };
    let record = race.run()?;
    let shown_found =
        |found: &Found| ShownEvaluation::new(found.id.hex(), &found.evaluation, found.from_memo);
    Ok(Report {
        experiment: record.name.clone(),
        base: base.hex(),
        base_evaluation: found.map(shown_found),
        base_verdict: base_found.as_ref().map_or_else(ShownVerdict::unknown, |b| b.1.clone()),
        captured: safe.captured.map(|id| id.hex()),
        approaches: record.approaches.iter().map(shown).collect(),
        interrupted: cancel.is_cancelled(),
    })
}

fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn check(options: &Options) -> Result<(), EngineError> {
    let refuse = |what: String, why: &str| Err(EngineError::Refused { what, why: why.to_owned() });
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
    let base = engine.resolve(options.from.as_deref().unwrap_or("@"))?.id;
    let name = next_name(engine)?;
    Ok(Report {
        base: base.hex(),
        base_evaluation: None,
        base_verdict: ShownVerdict::unknown(),
        captured: None,
        approaches: approaches(&name, options)?.iter().map(shown).collect(),
        interrupted: false,
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

/// The record of the experiment as it is stored.
struct Open {
    record: Experiment,
    id: ExperimentId,
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
        let writer = engine.store.writer()?;
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

fn shown(approach: &Approach) -> ShownApproach {
    ShownApproach {
        name: approach.name.clone(),
        branch: approach.branch.to_string(),
        command: approach.command.clone(),
        state: rank::state_text(&approach.state),
        duration_ms: approach.duration_ms,
        candidate: approach.candidate.map(|id| id.hex()),
    }
}

/// All that the approaches of one experiment share.
struct Race<'a> {
    engine: &'a Engine,
    options: &'a Options,
    safe: &'a Safe,
    bench: Option<&'a Bench<'a>>,
    base: (SnapshotId, TreeId),
    base_found: Option<&'a Found>,
    open: Mutex<Open>,
    cancel: &'a Cancel,
    watch: Watch<'a>,
}

impl Race<'_> {
    /// Runs all approaches and gives the record as it is then. One that was interrupted ends
    /// nothing else; another error is given once all that runs has ended.
    fn run(self) -> Result<Experiment, EngineError> {
        let (experiment, count) = {
            let open = self.lock();
            (open.record.name.clone(), open.record.approaches.len())
        };
        (self.watch)(Event::ExperimentOpened { experiment, approaches: count });
        let pool = Pool::new(self.options.jobs.unwrap_or_else(default_jobs))?;
        let numbers: Vec<usize> = (0..count).collect();
        let outcomes = pool.run(numbers, self.cancel, |number| self.approach(number));
        for outcome in outcomes.into_iter().flatten() {
            match outcome {
                Ok(()) | Err(EngineError::Interrupted) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.open.into_inner().expect("no thread panics while it holds the lock").record)
    }

    /// Runs one approach, captures what it left and evaluates it.
    fn approach(&self, number: usize) -> Result<(), EngineError> {
        let approach = self.record(number);
        let branch = approach.branch.to_string();
        (self.watch)(Event::ApproachStarted { branch: branch.clone() });
        let (tree, state, duration_ms) = match self.bench {
            Some(bench) => bench.noisy(|| self.run_command(&approach))?,
            None => self.run_command(&approach)?,
        };
        let candidate = self.capture(&approach, tree, &state)?;
        let changes = tree::diff(&self.engine.store, self.base.1, tree)?;
        (self.watch)(Event::ApproachEnded {
            branch: branch.clone(),
            outcome: rank::state_text(&state),
            changed_files: changes.iter().filter(|change| !change.is_only_directory()).count(),
            duration_ms,
        });
        let finished = matches!(state, ApproachState::Finished { exit: 0 });
        self.update(number, |approach| {
            approach.state = state.clone();
            approach.duration_ms = duration_ms;
            approach.candidate = candidate;
        })?;
        let (Some(bench), Some(candidate)) = (self.bench, candidate) else {
            return Ok(());
        };
        // One that failed by its own word is evaluated only on request.
        if !finished || self.cancel.is_cancelled() {
            return Ok(());
        }
        let found = bench.evaluate(&branch, tree)?;
        let judged = bench.judge(found, self.base_found.map(|base| (self.base.0, base)));
        bench.say(&branch, &judged);
        if candidate != self.base.0 {
            self.engine.keep_verdict(candidate, &judged)?;
        }
        self.update(number, |approach| approach.evaluation = Some(judged.id))
    }

    fn record(&self, number: usize) -> Approach {
        self.lock().record.approaches[number].clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().expect("no thread panics while it holds the lock")
    }

    fn run_command(
        &self,
        approach: &Approach,
    ) -> Result<(TreeId, ApproachState, u64), EngineError> {
        let label = approach.branch.as_str();
        let backend = self.options.backend;
        let mut view = self.engine.open_view(&self.safe.taken, self.base.1, label, backend)?;
        let mut command = view.command(Program::Shell(approach.command.clone()));
        command.limit = self.options.timeout;
        let finished = view.run(command, "approach", self.cancel)?;
        let state = match finished.outcome {
            Outcome::Exited(exit) => ApproachState::Finished { exit },
            Outcome::Signalled(signal) => ApproachState::Killed { signal },
            Outcome::TimedOut => ApproachState::TimedOut,
            Outcome::Cancelled => ApproachState::Interrupted,
            Outcome::DidNotStart { reason, .. } => ApproachState::DidNotRun { reason },
        };
        // What stands there is captured however the command ended: it may be an hour's work.
        let writer = self.engine.store.writer()?;
        let tree = view.capture(&writer)?;
        writer.flush()?;
        let live = view.is_live();
        view.close()?;
        if live && !self.engine.is_still(&self.safe.taken)? {
            let notice = format!(
                "the workspace was changed while {label} ran, which may have seen both; what it \
                 wrote is recorded over the base as that was"
            );
            (self.watch)(Event::Notice(notice));
        }
        let duration = u64::try_from(finished.duration.as_millis()).unwrap_or(u64::MAX);
        Ok((tree, state, duration))
    }

    /// Moves the approach's branch to a snapshot of what it left. One that changed nothing is
    /// where it began.
    fn capture(
        &self,
        approach: &Approach,
        tree: TreeId,
        state: &ApproachState,
    ) -> Result<Option<SnapshotId>, EngineError> {
        let engine = self.engine;
        if tree == self.base.1 {
            let ended = matches!(state, ApproachState::Finished { .. });
            return Ok(ended.then_some(self.base.0));
        }
        let exit = match state {
            ApproachState::Finished { exit } => Some(*exit),
            _ => None,
        };
        let experiment = self.lock().record.name.clone();
        let origin = Origin::Approach { experiment, approach: approach.name.clone(), exit };
        let parents = vec![self.base.0];
        let message = approach.command.clone();
        let writer = engine.store.writer()?;
        let snapshot = engine.new_snapshot(parents, tree, &approach.branch, origin, message);
        let id = snapshot.put(&writer)?;
        let size = change_bytes(&tree::diff(&writer, self.base.1, tree)?);
        let summary = format!("captured {} ({} changed)", approach.branch, count(size, "byte"));
        let act = Act::capture("try", summary);
        engine.publish_work(&writer, &approach.branch, self.base.0, id, act)?;
        Ok(Some(id))
    }

    /// Changes the record of the experiment and stores it durably.
    fn update(&self, number: usize, change: impl FnOnce(&mut Approach)) -> Result<(), EngineError> {
        let mut open = self.lock();
        let mut record = open.record.clone();
        change(&mut record.approaches[number]);
        let writer = self.engine.store.writer()?;
        let id = record.put(&writer)?;
        let key = NameKey::Experiment(record.name.clone());
        let value = |id| Some(NameValue::Experiment(id));
        let moves = vec![moved(key, value(open.id), value(id))];
        let summary = format!("{} of {}", record.approaches[number].name, record.name);
        self.engine.commit(&writer, moves, Act::capture("try", summary))?;
        *open = Open { record, id };
        Ok(())
    }
}
