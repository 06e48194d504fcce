//! Evaluating trees: the stages of `exp.toml` in a fresh view, remembered by (tree, evaluator,
//! environment).
//!
//! **Invariant**: no result is recorded for a tree that was not the tree measured. A live view in
//! which the workspace moved meanwhile is thrown away and the tree is measured in a slot.

use std::sync::RwLock;
use std::time::Duration;

use super::config::{Config, Report, Stage};
use super::counting::Expected;
use super::events::{Event, Watch};
use super::finding::{Found, Judged};
use super::flight::Flights;
use super::report::{ShownEvaluation, ShownVerdict, outcome_text};
use super::take::Taken;
use super::view::{Backend, View, Written};
use super::{Engine, EngineError};
use crate::base::id::{Hash, SnapshotId, TreeId};
use crate::base::path::TreePath;
use crate::object::evaluation::{
    Evaluation, Metric, StageKind, StageOutcome, StageRecord, TestCase,
};
use crate::object::names::{self, NameKey, NameValue, VerdictRecord};
use crate::object::tree;
use crate::policy::limits::Limits;
use crate::policy::verdict::judge;
use crate::run::{Cancel, Command, Finished, KEEPER_LOST, Outcome, Program, Stdio, report};

/// How many lines say why a stage failed.
const EXCERPT_LINES: usize = 20;

/// Where trees are measured, with one evaluator.
pub(super) struct Bench<'a> {
    engine: &'a Engine,
    config: Config,
    taken: &'a Taken,
    cancel: &'a Cancel,
    watch: Watch<'a>,
    evaluator: Hash,
    environment: Hash,
    /// Take nothing from the memo.
    pub again: bool,
    pub backend: Option<Backend>,
    /// Metrics are measured alone: whoever measures holds it for writing, whoever builds or tests
    /// for reading.
    quiet: RwLock<()>,
    /// One of several equal trees is measured; the others wait for its result.
    flights: Flights,
    /// How many tests the base has, for those who watch.
    pub expected: Expected,
}

impl<'a> Bench<'a> {
    /// A bench that stands on the workspace as it was just captured.
    ///
    /// # Errors
    /// [`EngineError::NoStages`], [`EngineError::NoConfig`].
    pub fn new(
        engine: &'a Engine,
        config: Config,
        taken: &'a Taken,
        cancel: &'a Cancel,
        watch: Watch<'a>,
    ) -> Result<Self, EngineError> {
        if config.stages.is_empty() {
            return Err(engine.no_stages());
        }
        let evaluator = config.evaluator_digest();
        let environment = engine.environment_digest(&config);
        let quiet = RwLock::new(());
        let (again, backend) = (false, None);
        let bench = Self {
            engine,
            config,
            taken,
            cancel,
            watch,
            evaluator,
            environment,
            again,
            backend,
            quiet,
            flights: Flights::default(),
            expected: Expected::default(),
        };
        Ok(bench)
    }

    /// The evaluator's digest.
    pub fn evaluator(&self) -> Hash {
        self.evaluator
    }

    /// Runs something that disturbs measurements (an approach's command).
    pub fn noisy<R>(&self, work: impl FnOnce() -> R) -> R {
        let _guard = self.quiet.read();
        work()
    }

    fn key(&self, tree: TreeId) -> NameKey {
        NameKey::memo(tree, self.evaluator, self.environment)
    }

    /// What the memo has for a tree.
    pub fn remembered(&self, tree: TreeId) -> Result<Option<Found>, EngineError> {
        if self.again {
            return Ok(None);
        }
        let store = &self.engine.store;
        match names::get(store, store.names()?, &self.key(tree))? {
            Some(NameValue::Evaluation(id)) => {
                let evaluation = Evaluation::fetch(store, id)?;
                Ok(Some(Found { id, evaluation, from_memo: true }))
            }
            _ => Ok(None),
        }
    }

    /// What is found for a tree: from the memo, from another thread that measures an equal one, else
    /// by running the stages. A complete result is remembered durably before this returns.
    pub fn evaluate(&self, of: &str, tree: TreeId) -> Result<Found, EngineError> {
        if let Some(found) = self.remembered(tree)? {
            return Ok(found);
        }
        self.flights.once(tree, || self.measure(of, tree))
    }

    fn measure(&self, of: &str, tree: TreeId) -> Result<Found, EngineError> {
        let mut backend = self.backend;
        let evaluation = loop {
            let mut view = self.engine.open_view(self.taken, tree, of, backend)?;
            let ran = self.run_stages(of, tree, &mut view);
            let stood_still = view.stood_still();
            // Also when it was interrupted: its layer would lie there until the next view.
            let closed = view.close();
            let evaluation = ran?;
            closed?;
            if stood_still? {
                break evaluation;
            }
            let notice = format!(
                "the workspace changed while {of} was measured; measuring again in a folder of its own"
            );
            (self.watch)(Event::Notice(notice));
            backend = Some(Backend::Copy);
        };
        let writer = self.engine.writer()?;
        let id = evaluation.put(&writer)?;
        if evaluation.is_complete() {
            let value = NameValue::Evaluation(id);
            self.engine.keep_finding(
                &writer,
                &self.key(tree),
                &value,
                &format!("evaluated {of}"),
            )?;
        } else {
            writer.flush()?;
        }
        Ok(Found { id, evaluation, from_memo: false })
    }

    /// The verdict on what was found, against a base.
    pub fn judge(&self, found: Found, base: Option<(SnapshotId, &Found)>) -> Judged {
        let limits = limits(&self.config);
        let verdict = judge(&found.evaluation, base.map(|(_, base)| &base.evaluation), &limits);
        let record = VerdictRecord {
            word: verdict.word,
            trigger: verdict.trigger.as_ref().map(|trigger| trigger.word().to_owned()),
            reason: verdict.reason.clone(),
            base: base.map(|(id, _)| id),
            evaluator: self.evaluator,
            evaluation: found.id,
            when: self.engine.surroundings.now(),
        };
        let Found { id, evaluation, from_memo } = found;
        Judged { id, evaluation, from_memo, record, verdict }
    }

    /// Says what was found.
    pub fn say(&self, of: &str, judged: &Judged) {
        let id = judged.id.hex();
        (self.watch)(Event::Evaluated {
            of: of.to_owned(),
            evaluation: ShownEvaluation::new(id, &judged.evaluation, judged.from_memo),
            verdict: ShownVerdict::from(&judged.record),
        });
    }

    fn run_stages(
        &self,
        of: &str,
        tree: TreeId,
        view: &mut View<'_>,
    ) -> Result<Evaluation, EngineError> {
        let when = self.engine.surroundings.now();
        let mut stages = Vec::new();
        let mut failed = false;
        for stage in &self.config.stages {
            let record = match failed {
                true => skipped(stage),
                false => self.run_stage(of, stage, view)?,
            };
            failed |= record.outcome != StageOutcome::Passed;
            stages.push(record);
        }
        let objects = crate::object::memory::Scratch::over(&self.engine.store);
        let after = view.capture(&objects)?;
        let (mut new_files, mut changed_files) = (Vec::new(), Vec::new());
        for change in tree::diff(&objects, tree, after)? {
            let list = if change.before.is_none() { &mut new_files } else { &mut changed_files };
            if !change.is_only_directory() {
                list.push(change.path.as_bytes().into());
            }
        }
        let spent = self.engine.surroundings.now().millis() - when.millis();
        Ok(Evaluation {
            tree,
            evaluator: self.evaluator,
            environment: self.environment,
            stages,
            new_files,
            changed_files,
            view: view.describe().to_owned(),
            machine: self.engine.surroundings.machine.clone(),
            when,
            duration_ms: u64::try_from(spent).unwrap_or(0),
        })
    }

    fn run_stage(
        &self,
        of: &str,
        stage: &Stage,
        view: &mut View<'_>,
    ) -> Result<StageRecord, EngineError> {
        let (name, of_text) = (stage.name.clone(), of.to_owned());
        (self.watch)(Event::StageStarted { of: of_text, stage: name });
        let before = report_path(stage).and_then(|path| view.written(&path));
        let (finished, samples) = match stage.kind {
            StageKind::Metric => {
                let _alone = self.quiet.write();
                self.run_samples(stage, view)?
            }
            _ => {
                let _together = self.quiet.read();
                let command = self.command(stage, view);
                let counting = self.expected.counting(of, stage);
                (counting.run(view, command, self.cancel, self.watch)?, Vec::new())
            }
        };
        let record = self.record(stage, view, &finished, samples, before)?;
        (self.watch)(Event::StageEnded {
            of: of.to_owned(),
            stage: stage.name.clone(),
            outcome: outcome_text(&record.outcome),
            duration_ms: record.duration_ms,
        });
        Ok(record)
    }

    fn command(&self, stage: &Stage, view: &View<'_>) -> Command {
        let mut command = view.command(Program::Shell(stage.run.clone()));
        if stage.kind == StageKind::Metric {
            command.stdio = Stdio::Separate;
        }
        command.limit = Some(Duration::from_millis(stage.timeout_ms));
        command
    }

    /// Runs a metric stage as often as it has samples, and reads what it measured: the numbers
    /// that it prints, or without such the time that it took.
    fn run_samples(
        &self,
        stage: &Stage,
        view: &mut View<'_>,
    ) -> Result<(Finished, Vec<Metric>), EngineError> {
        let mut metrics: Vec<Metric> = Vec::new();
        for at in 1_u32.. {
            let finished = view.run(self.command(stage, view), &stage.name, self.cancel)?;
            if !finished.outcome.is_success() {
                return Ok((finished, Vec::new()));
            }
            for metric in sample(stage, &finished) {
                match metrics.iter_mut().find(|known| known.name == metric.name) {
                    Some(known) => known.samples.extend(metric.samples),
                    None => metrics.push(metric),
                }
            }
            if at >= stage.metric.as_ref().map_or(1, |plan| plan.samples) {
                return Ok((finished, metrics));
            }
        }
        unreachable!("the loop ends at the last sample")
    }

    fn record(
        &self,
        stage: &Stage,
        view: &View<'_>,
        finished: &Finished,
        metrics: Vec<Metric>,
        before: Option<Written>,
    ) -> Result<StageRecord, EngineError> {
        let mut outcome = self.outcome(stage, finished)?;
        let output = String::from_utf8_lossy(&finished.tail).into_owned();
        let mut tests = Vec::new();
        if stage.kind == StageKind::Test {
            match read_report(stage, view, before) {
                Ok(found) => tests = found,
                Err(reason) if outcome == StageOutcome::Passed => {
                    outcome = StageOutcome::DidNotRun { reason };
                }
                Err(_) => {}
            }
        }
        if stage.kind == StageKind::Metric && metrics.is_empty() && outcome == StageOutcome::Passed
        {
            let reason = "it printed no number that was asked for".to_owned();
            outcome = StageOutcome::DidNotRun { reason };
        }
        let excerpt = if outcome == StageOutcome::Passed { Vec::new() } else { excerpt(&output) };
        Ok(StageRecord {
            name: stage.name.clone(),
            kind: stage.kind,
            command: stage.run.clone(),
            outcome,
            duration_ms: u64::try_from(finished.duration.as_millis()).unwrap_or(u64::MAX),
            tests,
            metrics,
            excerpt,
        })
    }

    fn outcome(&self, stage: &Stage, finished: &Finished) -> Result<StageOutcome, EngineError> {
        if finished.is_keeper_lost {
            // Says nothing about what was measured.
            return Ok(StageOutcome::DidNotRun { reason: KEEPER_LOST.to_owned() });
        }
        Ok(match &finished.outcome {
            Outcome::Exited(0) => StageOutcome::Passed,
            Outcome::Exited(exit) => StageOutcome::Failed { exit: *exit },
            Outcome::Signalled(signal) => StageOutcome::Killed { signal: *signal },
            Outcome::TimedOut => StageOutcome::TimedOut { limit_ms: stage.timeout_ms },
            Outcome::DidNotStart { reason, .. } => {
                StageOutcome::DidNotRun { reason: reason.clone() }
            }
            Outcome::Cancelled => return Err(EngineError::Interrupted),
        })
    }
}

/// The limits that a configuration sets.
pub(super) fn limits(config: &Config) -> Limits {
    config.limits.clone()
}

fn skipped(stage: &Stage) -> StageRecord {
    StageRecord {
        name: stage.name.clone(),
        kind: stage.kind,
        command: stage.run.clone(),
        outcome: StageOutcome::Skipped,
        duration_ms: 0,
        tests: Vec::new(),
        metrics: Vec::new(),
        excerpt: Vec::new(),
    }
}

/// What one run of a metric stage measured: the time that it took, or the number that it printed.
fn sample(stage: &Stage, finished: &Finished) -> Vec<Metric> {
    let Some(plan) = &stage.metric else {
        return Vec::new();
    };
    let metric = |value: String| Metric {
        name: plan.name.clone(),
        unit: plan.unit.clone(),
        better: plan.better,
        samples: vec![value],
    };
    if stage.report == Report::Time {
        return vec![metric(format!("{:.6}", finished.duration.as_secs_f64()))];
    }
    let printed = String::from_utf8_lossy(&finished.stdout);
    let last = printed.lines().rev().map(str::trim).find(|line| !line.is_empty());
    let number = last.filter(|last| last.parse::<f64>().is_ok_and(f64::is_finite));
    number.map(|number| metric(number.to_owned())).into_iter().collect()
}

/// The file in which a stage reports its tests.
fn report_path(stage: &Stage) -> Option<TreePath> {
    match &stage.report {
        Report::Junit(path) => TreePath::new(path.as_bytes()).ok(),
        _ => None,
    }
}

/// The tests that a stage reported, or why there is no report.
fn read_report(
    stage: &Stage,
    view: &View<'_>,
    before: Option<Written>,
) -> Result<Vec<TestCase>, String> {
    let tests = match &stage.report {
        Report::None | Report::Time | Report::Number => return Ok(Vec::new()),
        Report::Cargo => {
            let log = view.last_log().map_err(|error| error.to_string())?;
            believed(report::cargo_text(&log))?
        }
        Report::Junit(path) => {
            let path = TreePath::new(path.as_bytes()).map_err(|error| error.to_string())?;
            let bytes = view
                .read_new(&path, before)
                .ok_or_else(|| format!("there is no report `{}`", path.display()))?
                .map_err(|error| {
                    format!("its report `{}` cannot be read: {error}", path.display())
                })?;
            believed(report::junit(&bytes).map_err(|error| error.to_string())?)?
        }
    };
    if tests.is_empty() { Err("no test was run".to_owned()) } else { Ok(tests) }
}

/// The tests of a report that adds up. One that does not must not be taken for the whole truth.
fn believed(summary: report::ReportSummary) -> Result<Vec<TestCase>, String> {
    match summary.faults.first() {
        None => Ok(summary.tests),
        Some(fault) => Err(format!("its report does not add up: {fault}")),
    }
}

/// The lines that say why: the compiler's errors, else what failed and the end of the output.
fn excerpt(output: &str) -> Vec<String> {
    let errors = report::compiler_errors(output);
    if !errors.is_empty() {
        return errors.into_iter().take(EXCERPT_LINES).collect();
    }
    report::failure_lines(output, EXCERPT_LINES)
}
