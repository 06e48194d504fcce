//! The verdict of an evaluation against its base (design.md §3).
//!
//! - **good**: every stage ran, every gate passed, no test fails or is missing that passed in the
//!   base, no metric is past its limit. Without a base every test has to pass.
//! - **bad**: a trigger fired.
//! - **inconclusive**: anything else, with the reason.
//!
//! Readings that the definition leaves open, all towards "inconclusive" rather than a wrong word:
//! - Tracked files that the stages changed: something else than the tree was measured, so that not
//!   even a trigger counts.
//! - A `setup` that did not pass: what fails after it may fail for that alone.
//! - A metric stage that failed has measured nothing; it did not "run" in the sense of `good`.
//! - A test stage that failed without reporting a test, where the base has tests, "did not run":
//!   all tests gone at once is a broken report far more often than a hundred regressions.
//! - A test that the base does not have and that fails is not good, whether the base's tests all
//!   passed or not. Neither is a test stage that passed in the base and fails now although no test
//!   fails (the harness broke). Else a report that leaves the failing test out
//!   would be the better one.
//! - A base of another evaluator or environment is no base to compare with, and that is said.
//!
//! **Invariant**: a failing test more never improves the word.

use super::comparison::{MetricChange, TestComparison, compare_metrics, compare_tests};
use super::limits::Limits;
use super::suspicion;
use super::trigger::{self, Trigger};
use crate::object::evaluation::{Evaluation, StageKind, StageOutcome, StageRecord};
use crate::object::names::VerdictWord;

/// What the policy says, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The word.
    pub word: VerdictWord,
    /// The rule that fired; there is one exactly when the word is `Bad`.
    pub trigger: Option<Trigger>,
    /// Why, in a sentence without a full stop.
    pub reason: String,
    /// Tests that passed in the base and fail now.
    pub newly_failing: Vec<String>,
    /// Tests that passed in the base and no longer run.
    pub vanished: Vec<String>,
    /// Tests that failed in the base and pass now.
    pub fixed: Vec<String>,
    /// What to look at before this is believed. Decides nothing.
    pub suspicions: Vec<String>,
    /// What to do about metrics past a limit of quality.
    pub suggestions: Vec<String>,
    /// Every metric that was measured.
    pub metric_changes: Vec<MetricChange>,
}

/// Judges an evaluation.
pub fn judge(evaluation: &Evaluation, base: Option<&Evaluation>, limits: &Limits) -> Verdict {
    let foreign = base.is_some_and(|base| !is_comparable(evaluation, base));
    let base = base.filter(|_| !foreign);
    let tests = compare_tests(evaluation, base);
    let metric_changes = compare_metrics(evaluation, base);
    let suggestions = trigger::quality(&metric_changes, limits);
    let unusable = unusable(evaluation);
    let trigger = match unusable {
        Some(_) => None,
        None => trigger::gate(evaluation)
            .or_else(|| trigger::failure_ratio(&tests, limits))
            .or_else(|| trigger::slowdown(&metric_changes, limits)),
    };
    let doubt = || {
        let foreign =
            foreign.then(|| "the base was measured by another evaluator or environment".to_owned());
        // What was skipped was skipped because of something else, which says more.
        let skipped = |stage: &&StageRecord| stage.outcome == StageOutcome::Skipped;
        let (left_out, others): (Vec<_>, Vec<_>) = evaluation.stages.iter().partition(skipped);
        unusable
            .or_else(|| others.into_iter().find_map(not_run))
            .or(foreign)
            .or_else(|| lost_tests(&tests, limits))
            .or_else(|| tests.doubts.first().cloned())
            .or_else(|| left_out.into_iter().find_map(not_run))
            .or_else(|| trigger::unproved_slowdown(&metric_changes, limits))
            .or_else(|| suggestions.first().cloned())
    };
    let (word, reason) = match &trigger {
        Some(trigger) => (VerdictWord::Bad, trigger.to_string()),
        None => match doubt() {
            Some(reason) => (VerdictWord::Inconclusive, reason),
            None => (VerdictWord::Good, good_reason(&tests, base.is_some())),
        },
    };
    let suspicions = suspicion::of_evaluation(&tests, &metric_changes, limits);
    let TestComparison { newly_failing, vanished, fixed, .. } = tests;
    Verdict {
        word,
        trigger,
        reason,
        newly_failing,
        vanished,
        fixed,
        suspicions,
        suggestions,
        metric_changes,
    }
}

fn is_comparable(evaluation: &Evaluation, base: &Evaluation) -> bool {
    evaluation.evaluator == base.evaluator && evaluation.environment == base.environment
}

/// Why not even a failure counts.
fn unusable(evaluation: &Evaluation) -> Option<String> {
    if let Some(first) = evaluation.changed_files.first() {
        let (name, more) = (String::from_utf8_lossy(&first.0), evaluation.changed_files.len() - 1);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        return Some(format!("the stages changed the tracked file `{name}`{more}"));
    }
    if evaluation.stages.is_empty() {
        return Some("there are no stages, so nothing was measured".to_owned());
    }
    let mut setups = evaluation.stages.iter().filter(|stage| stage.kind == StageKind::Setup);
    let failed = setups.find(|stage| stage.outcome != StageOutcome::Passed)?;
    Some(match failed.outcome {
        StageOutcome::Failed { exit } => format!("the setup `{}` exited with {exit}", failed.name),
        _ => not_run(failed).unwrap_or_default(),
    })
}

/// Why a stage counts as one that did not run.
fn not_run(stage: &StageRecord) -> Option<String> {
    let name = &stage.name;
    match &stage.outcome {
        StageOutcome::DidNotRun { reason } => Some(format!("`{name}` did not run: {reason}")),
        StageOutcome::TimedOut { limit_ms } => {
            let seconds = *limit_ms as f64 / 1e3;
            Some(format!("`{name}` was stopped at its time limit of {seconds} s"))
        }
        StageOutcome::Killed { signal } => Some(format!("signal {signal} ended `{name}`")),
        StageOutcome::Skipped => Some(format!("`{name}` was skipped")),
        StageOutcome::Failed { exit } if stage.kind == StageKind::Metric => {
            Some(format!("`{name}` exited with {exit}, so it measured nothing"))
        }
        StageOutcome::Failed { .. } | StageOutcome::Passed => None,
    }
}

fn lost_tests(tests: &TestComparison, limits: &Limits) -> Option<String> {
    (tests.lost() > 0).then(|| {
        let (failing, vanished) = (tests.newly_failing.len(), tests.vanished.len());
        trigger::losses(failing, vanished, tests.base_count, limits.failure_ratio)
    })
}

fn good_reason(tests: &TestComparison, has_base: bool) -> String {
    match (has_base, tests.fixed.len()) {
        (false, _) => "every stage passed".to_owned(),
        (true, 0) => "every stage ran and nothing got worse than in the base".to_owned(),
        (true, 1) => "nothing got worse than in the base, and 1 test is fixed".to_owned(),
        (true, fixed) => format!("nothing got worse than in the base, and {fixed} tests are fixed"),
    }
}

#[cfg(test)]
mod tests;
