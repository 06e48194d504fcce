//! The race of one experiment: its approaches side by side, each in a view of its own, each result
//! captured and evaluated, each step of the record durable.
//!
//! **Invariant**: what a command left is captured however it ended, and never thrown away; the
//! record says how far each approach has come, so that another process can go on from there.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use super::evaluate::Bench;
use super::events::{Event, Watch};
use super::finding::{Found, Judged};
use super::report::{change_bytes, count, state_text};
use super::take::Safe;
use super::transact::{Act, moved};
use super::view::{Backend, View, WorkOn};
use super::{Engine, EngineError};
use crate::base::id::{ExperimentId, SnapshotId, TreeId};
use crate::base::limits::COMMIT_TRIES_MAX;
use crate::object::experiment::{Approach, ApproachState, Experiment};
use crate::object::names::{NameKey, NameValue};
use crate::object::snapshot::{Origin, Snapshot};
use crate::object::tree;
use crate::run::{Cancel, KEEPER_LOST, Outcome, Pool, Program};

/// How the approaches are run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Terms {
    /// How many at once; as many as there are processors if nothing is given.
    pub jobs: Option<usize>,
    /// When a command is stopped.
    pub timeout: Option<Duration>,
    /// Which view to use.
    pub backend: Option<Backend>,
    /// Start nothing more, and end what runs, when a command fails.
    pub stop_on_error: bool,
    /// Evaluate what a command left that failed, too.
    pub eval_failed: bool,
}

impl Terms {
    /// Whether what an approach left is evaluated. One that failed by its own word is evaluated
    /// only on request.
    fn evaluates(&self, state: &ApproachState) -> bool {
        match state {
            ApproachState::Finished { exit: 0 } => true,
            state => self.eval_failed && has_failed(state),
        }
    }
}

/// Whether a command did not do what it was asked to do; being interrupted is no failure.
fn has_failed(state: &ApproachState) -> bool {
    match state {
        ApproachState::Finished { exit } => *exit != 0,
        ApproachState::TimedOut
        | ApproachState::Killed { .. }
        | ApproachState::DidNotRun { .. } => true,
        ApproachState::Waiting | ApproachState::Interrupted => false,
    }
}

/// The approaches that have not ended by themselves, and where results are evaluated those that
/// shall be and were not.
pub(super) fn unfinished(record: &Experiment, terms: &Terms, evaluates: bool) -> Vec<usize> {
    let is_open = |approach: &Approach| match &approach.state {
        ApproachState::Waiting | ApproachState::Interrupted => true,
        state => {
            let has_left = approach.candidate.is_some() && approach.evaluation.is_none();
            evaluates && has_left && terms.evaluates(state)
        }
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
    /// Limits of certain approaches, by name.
    pub limits: &'a BTreeMap<String, Duration>,
    pub safe: &'a Safe,
    pub bench: Option<&'a Bench<'a>>,
    pub base: (SnapshotId, TreeId),
    pub base_found: Option<&'a Found>,
    pub open: Mutex<Open>,
    /// Of this race alone: what asks all to stop asks it, too.
    pub cancel: &'a Cancel,
    /// The approach whose failure ended the race.
    pub stopped_by: &'a OnceLock<String>,
    pub watch: Watch<'a>,
}

impl Race<'_> {
    /// Runs all approaches and gives the record as it is then. One that was interrupted ends
    /// nothing else; another error is given once all that runs has ended.
    pub fn run(self, numbers: Vec<usize>) -> Result<Experiment, EngineError> {
        (self.watch)(opened(&self.lock().record, &numbers));
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
        let (state, candidate) = match &approach.state {
            ApproachState::Waiting | ApproachState::Interrupted => {
                self.run_and_capture(number, &approach)?
            }
            ended => (ended.clone(), approach.candidate),
        };
        if self.terms.stop_on_error && has_failed(&state) {
            let _ = self.stopped_by.set(approach.name.clone());
            self.cancel.cancel();
        }
        let (Some(bench), Some(candidate)) = (self.bench, candidate) else {
            return Ok(());
        };
        // Judged already where an equal tree was measured before.
        let is_open = self.record(number).evaluation.is_none() && self.terms.evaluates(&state);
        if !is_open || self.cancel.is_cancelled() {
            return Ok(());
        }
        let tree = Snapshot::fetch(&self.engine.store, candidate)?.tree;
        let found = bench.evaluate(approach.branch.as_str(), tree)?;
        let judged = self.judge(bench, &approach, found);
        self.update(number, Some((candidate, &judged)), &|approach| {
            approach.evaluation = Some(judged.id);
        })
    }

    /// Runs one approach and captures what it left. Where an equal tree was measured before it is
    /// judged with that, in the same step.
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
            is_evaluated: self.bench.is_some() && self.terms.evaluates(&state),
        });
        let judged = match self.bench.filter(|_| self.terms.evaluates(&state)) {
            Some(bench) => {
                let found = bench.remembered(tree)?;
                found.map(|found| self.judge(bench, approach, found))
            }
            None => None,
        };
        self.update(number, candidate.zip(judged.as_ref()), &|approach| {
            approach.state = state.clone();
            approach.duration_ms = duration_ms;
            approach.candidate = candidate;
            approach.evaluation = judged.as_ref().map(|judged| judged.id);
        })?;
        Ok((state, candidate))
    }

    fn judge(&self, bench: &Bench<'_>, approach: &Approach, found: Found) -> Judged {
        let judged = bench.judge(found, self.base_found.map(|base| (self.base.0, base)));
        bench.say(approach.branch.as_str(), &judged);
        judged
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
        command.limit = self.limits.get(&approach.name).copied().or(self.terms.timeout);
        let finished = view.run(command, "approach", self.cancel)?;
        let state = match finished.outcome {
            Outcome::Exited(exit) => ApproachState::Finished { exit },
            Outcome::Signalled(signal) => ApproachState::Killed { signal },
            Outcome::TimedOut => ApproachState::TimedOut,
            Outcome::Cancelled => ApproachState::Interrupted,
            Outcome::DidNotStart { reason, .. } => ApproachState::DidNotRun { reason },
        };
        view.keep_commits(self.watch);
        let label = &approach.branch;
        if finished.is_keeper_lost {
            (self.watch)(Event::Notice(format!("{label} was killed: {KEEPER_LOST}")));
        }
        if !view.stood_still()? {
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
        let writer = engine.writer()?;
        let kept = engine.keep_work(&writer, view, "try", |ended| {
            let (parents, branch) = (vec![ended.parent], &approach.branch);
            let mut snapshot = engine.new_snapshot(parents, ended.tree, branch, origin, message);
            snapshot.state = Snapshot::fetch(&writer, ended.parent)?.state;
            let size = change_bytes(&tree::diff(&writer, ended.parent_tree, ended.tree)?);
            let summary = format!("captured {branch} ({} changed)", count(size, "byte"));
            Ok((snapshot.put(&writer)?, Act::capture("try", summary)))
        })?;
        kept.events.into_iter().for_each(self.watch);
        for left_out in &kept.left_out {
            (self.watch)(Event::Notice(format!("{}: {left_out}", approach.branch)));
        }
        let is_result =
            kept.snapshot != self.base.0 || matches!(state, ApproachState::Finished { .. });
        Ok((is_result.then_some(kept.snapshot), kept.tree))
    }

    /// Changes the record of the experiment, and hangs a verdict on its candidate, in one durable
    /// step. Somebody else may change the record while the race runs, by `exp eval` or `exp select`:
    /// the change is made on what stands there.
    fn update(
        &self,
        number: usize,
        verdict: Option<(SnapshotId, &Judged)>,
        change: &dyn Fn(&mut Approach),
    ) -> Result<(), EngineError> {
        let mut open = self.lock();
        for attempt in 1.. {
            match self.try_update(&open, number, verdict, change) {
                Err(EngineError::Moved { .. }) if attempt < COMMIT_TRIES_MAX => {
                    let (record, id) = self.engine.experiment(Some(&open.record.name))?;
                    *open = Open { record, id };
                }
                updated => {
                    *open = updated?;
                    return Ok(());
                }
            }
        }
        unreachable!("the loop ends at the last try")
    }

    fn try_update(
        &self,
        open: &Open,
        number: usize,
        verdict: Option<(SnapshotId, &Judged)>,
        change: &dyn Fn(&mut Approach),
    ) -> Result<Open, EngineError> {
        let engine = self.engine;
        let mut record = open.record.clone();
        change(&mut record.approaches[number]);
        let writer = engine.writer()?;
        // A collection may have let go of them: they had no name.
        let found = self.base_found.map(|found| &found.evaluation).into_iter();
        let judged = verdict.map(|(_, judged)| &judged.evaluation);
        found.chain(judged).try_for_each(|e| e.put(&writer).map(drop))?;
        let id = record.put(&writer)?;
        let key = NameKey::Experiment(record.name.clone());
        let value = |id| Some(NameValue::Experiment(id));
        let mut moves = vec![moved(key, value(open.id), value(id))];
        // The base has a verdict of its own, as the base.
        if let Some((candidate, judged)) = verdict.filter(|(id, _)| *id != self.base.0) {
            moves.extend(engine.finding_moves(engine.store.names()?, candidate, judged)?);
        }
        let summary = format!("{} of {}", record.approaches[number].name, record.name);
        engine.commit(&writer, moves, Act::capture("try", summary))?;
        Ok(Open { record, id })
    }
}

fn opened(record: &Experiment, numbers: &[usize]) -> Event {
    let branch = |number: &usize| record.approaches[*number].branch.to_string();
    Event::ExperimentOpened {
        experiment: record.name.clone(),
        approaches: numbers.len(),
        branches: numbers.iter().map(branch).collect(),
    }
}

fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
