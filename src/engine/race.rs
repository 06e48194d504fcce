//! The race of one experiment: its approaches side by side, each in a view of its own, each result
//! captured and evaluated, each step of the record durable.
//!
//! **Invariant**: what a command left is captured however it ended, and never thrown away; the
//! record says how far each approach has come, so that another process can go on from there.

use std::sync::Mutex;
use std::time::Duration;

use super::evaluate::{Bench, Found};
use super::events::{Event, Watch};
use super::report::{change_bytes, count, state_text};
use super::take::Safe;
use super::transact::{Act, moved};
use super::view::{Backend, View, WorkOn};
use super::{Engine, EngineError};
use crate::base::id::{ExperimentId, SnapshotId, TreeId};
use crate::object::experiment::{Approach, ApproachState, Experiment};
use crate::object::names::{NameKey, NameValue};
use crate::object::snapshot::{Origin, Snapshot};
use crate::object::tree;
use crate::run::{Cancel, Outcome, Pool, Program};

/// How the approaches are run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Terms {
    /// How many at once; as many as there are processors if nothing is given.
    pub jobs: Option<usize>,
    /// When a command is stopped.
    pub timeout: Option<Duration>,
    /// Which view to use.
    pub backend: Option<Backend>,
}

/// The approaches that have not ended by themselves, and where results are evaluated those that
/// did well and were not.
pub(super) fn unfinished(record: &Experiment, evaluates: bool) -> Vec<usize> {
    let is_open = |approach: &Approach| match approach.state {
        ApproachState::Waiting | ApproachState::Interrupted => true,
        ApproachState::Finished { exit: 0 } => evaluates && approach.evaluation.is_none(),
        _ => false,
    };
    let numbered = record.approaches.iter().enumerate();
    numbered.filter(|(_, approach)| is_open(approach)).map(|(number, _)| number).collect()
}

/// The record of the experiment as it is stored.
pub(super) struct Open {
    pub record: Experiment,
    pub id: ExperimentId,
}

/// All that the approaches of one experiment share.
pub(super) struct Race<'a> {
    pub engine: &'a Engine,
    pub terms: Terms,
    pub safe: &'a Safe,
    pub bench: Option<&'a Bench<'a>>,
    pub base: (SnapshotId, TreeId),
    pub base_found: Option<&'a Found>,
    pub open: Mutex<Open>,
    pub cancel: &'a Cancel,
    pub watch: Watch<'a>,
}

impl Race<'_> {
    /// Runs all approaches and gives the record as it is then. One that was interrupted ends
    /// nothing else; another error is given once all that runs has ended.
    pub fn run(self, numbers: Vec<usize>) -> Result<Experiment, EngineError> {
        let experiment = self.lock().record.name.clone();
        (self.watch)(Event::ExperimentOpened { experiment, approaches: numbers.len() });
        let pool = Pool::new(self.terms.jobs.unwrap_or_else(default_jobs))?;
        let outcomes = pool.run(numbers, self.cancel, |number| self.approach(number));
        for outcome in outcomes.into_iter().flatten() {
            match outcome {
                Ok(()) | Err(EngineError::Interrupted) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.open.into_inner().expect("no thread panics while it holds the lock").record)
    }

    /// Runs one approach unless it has ended before, captures what it left and evaluates it.
    fn approach(&self, number: usize) -> Result<(), EngineError> {
        let approach = self.record(number);
        let (state, candidate) = match approach.state {
            ApproachState::Finished { .. } => (approach.state.clone(), approach.candidate),
            _ => self.run_and_capture(number, &approach)?,
        };
        let (Some(bench), Some(candidate)) = (self.bench, candidate) else {
            return Ok(());
        };
        // One that failed by its own word is evaluated only on request.
        if state != (ApproachState::Finished { exit: 0 }) || self.cancel.is_cancelled() {
            return Ok(());
        }
        let branch = approach.branch.as_str();
        let tree = Snapshot::fetch(&self.engine.store, candidate)?.tree;
        let found = bench.evaluate(branch, tree)?;
        let judged = bench.judge(found, self.base_found.map(|base| (self.base.0, base)));
        bench.say(branch, &judged);
        if candidate != self.base.0 {
            self.engine.keep_verdict(candidate, &judged)?;
        }
        self.update(number, |approach| approach.evaluation = Some(judged.id))
    }

    fn run_and_capture(
        &self,
        number: usize,
        approach: &Approach,
    ) -> Result<(ApproachState, Option<SnapshotId>), EngineError> {
        let branch = approach.branch.to_string();
        (self.watch)(Event::ApproachStarted { branch: branch.clone() });
        // One that was interrupted before left its branch at what it had done until then.
        let names = self.engine.store.names()?;
        let head = self.engine.branch_head(names, &approach.branch)?.unwrap_or(self.base.0);
        let (view, state, duration_ms) = match self.bench {
            Some(bench) => bench.noisy(|| self.run_command(approach, head))?,
            None => self.run_command(approach, head)?,
        };
        // Closed only when what it left is on the branch: until then it is the only copy.
        let (candidate, tree) = self.capture(approach, view, &state)?;
        let changes = tree::diff(&self.engine.store, self.base.1, tree)?;
        (self.watch)(Event::ApproachEnded {
            branch,
            outcome: state_text(&state),
            changed_files: changes.iter().filter(|change| !change.is_only_directory()).count(),
            duration_ms,
        });
        self.update(number, |approach| {
            approach.state = state.clone();
            approach.duration_ms = duration_ms;
            approach.candidate = candidate;
        })?;
        Ok((state, candidate))
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
        head: SnapshotId,
    ) -> Result<(View<'_>, ApproachState, u64), EngineError> {
        let on = WorkOn {
            branch: approach.branch.clone(),
            base: self.base.0,
            head,
            approach: Some((self.lock().record.name.clone(), approach.name.clone())),
            keeps: true,
            message: approach.command.clone(),
        };
        let backend = self.terms.backend;
        let mut view = self.engine.open_work(&self.safe.taken, self.base.1, &on, backend)?;
        let mut command = view.command(Program::Shell(approach.command.clone()));
        command.limit = self.terms.timeout;
        let finished = view.run(command, "approach", self.cancel)?;
        let state = match finished.outcome {
            Outcome::Exited(exit) => ApproachState::Finished { exit },
            Outcome::Signalled(signal) => ApproachState::Killed { signal },
            Outcome::TimedOut => ApproachState::TimedOut,
            Outcome::Cancelled => ApproachState::Interrupted,
            Outcome::DidNotStart { reason, .. } => ApproachState::DidNotRun { reason },
        };
        let label = &approach.branch;
        if view.is_live() && !self.engine.is_still(&self.safe.taken)? {
            let notice = format!(
                "the workspace was changed while {label} ran, which may have seen both; what it \
                 wrote is recorded over the base as that was"
            );
            (self.watch)(Event::Notice(notice));
        }
        let duration = u64::try_from(finished.duration.as_millis()).unwrap_or(u64::MAX);
        Ok((view, state, duration))
    }

    /// Moves the approach's branch to a snapshot of what it left, however it ended: it may be an
    /// hour's work. One that changed nothing is where it began, or where it recorded last itself.
    fn capture(
        &self,
        approach: &Approach,
        view: View<'_>,
        state: &ApproachState,
    ) -> Result<(Option<SnapshotId>, TreeId), EngineError> {
        let engine = self.engine;
        let experiment = self.lock().record.name.clone();
        let exit = match state {
            ApproachState::Finished { exit } => Some(*exit),
            _ => None,
        };
        let origin = Origin::Approach { experiment, approach: approach.name.clone(), exit };
        let message = approach.command.clone();
        let writer = engine.store.writer()?;
        let kept = engine.keep_work(&writer, view, "try", |ended| {
            let (parents, branch) = (vec![ended.parent], &approach.branch);
            let snapshot = engine.new_snapshot(parents, ended.tree, branch, origin, message);
            let size = change_bytes(&tree::diff(&writer, ended.parent_tree, ended.tree)?);
            let summary = format!("captured {branch} ({} changed)", count(size, "byte"));
            Ok((snapshot.put(&writer)?, Act::capture("try", summary)))
        })?;
        let is_result =
            kept.snapshot != self.base.0 || matches!(state, ApproachState::Finished { .. });
        Ok((is_result.then_some(kept.snapshot), kept.tree))
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

fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
