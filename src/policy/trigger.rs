//! The rules that make a verdict bad (design.md §9), each a function of facts.
//!
//! "Did not run", a time limit and a signal fire nothing: they say nothing about the files. A limit
//! on quality fires nothing either; it suggests.

use std::fmt;

use super::comparison::{MetricChange, TestComparison};
use super::limits::Limits;
use super::text::{number, percent};
use crate::object::evaluation::{Better, Evaluation, StageKind, StageOutcome};

/// Samples on each side below which a metric proves nothing. Of two equal sets of five one lies wholly
/// above the other once in 252 times by chance; of three, once in 20.
///
/// The rule of evidence (paired blocks, intervals, planned looks: design.md §7) will replace this
/// number and the test for overlap; until then both err towards "inconclusive".
pub const SAMPLES_MIN: usize = 5;

/// Which rule fired.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// A gate ran and failed: most often, it does not compile.
    Gate {
        /// The stage.
        stage: String,
        /// The exit code.
        exit: i32,
    },
    /// Too many tests were lost.
    FailureRatio {
        /// Newly failing tests.
        newly_failing: usize,
        /// Vanished tests.
        vanished: usize,
        /// Tests of the base.
        base: usize,
        /// The limit, as a share.
        limit: f64,
    },
    /// A guarded metric got worse.
    Slowdown {
        /// The metric.
        metric: String,
        /// How much worse, as a share.
        worsening: f64,
        /// The limit, as a share.
        limit: f64,
    },
}

impl Trigger {
    /// The word for it in records, flags and columns.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Gate { .. } => "gate",
            Self::FailureRatio { .. } => "failures",
            Self::Slowdown { .. } => "slowdown",
        }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gate { stage, exit } => {
                write!(f, "the gate `{stage}` failed with exit code {exit}")
            }
            Self::FailureRatio { newly_failing, vanished, base, limit } => {
                write!(f, "{}", losses(*newly_failing, *vanished, *base, *limit))
            }
            Self::Slowdown { metric, worsening, limit } => write!(
                f,
                "`{metric}` is {} worse than in the base (limit {})",
                percent(*worsening),
                percent(*limit)
            ),
        }
    }
}

/// Such as "2 of 40 tests newly fail (5 %, limit 30 %)".
pub fn losses(newly_failing: usize, vanished: usize, base: usize, limit: f64) -> String {
    let what = match (newly_failing, vanished) {
        (_, 0) => format!("{newly_failing} of {base} tests newly fail"),
        (0, _) => format!("{vanished} of {base} tests no longer run"),
        _ => format!("of {base} tests {newly_failing} newly fail and {vanished} no longer run"),
    };
    let share = (newly_failing + vanished) as f64 / base.max(1) as f64;
    format!("{what} ({}, limit {})", percent(share), percent(limit))
}

/// The first gate that ran and failed.
pub fn gate(evaluation: &Evaluation) -> Option<Trigger> {
    let mut gates = evaluation.stages.iter().filter(|stage| stage.kind == StageKind::Gate);
    gates.find_map(|stage| match stage.outcome {
        StageOutcome::Failed { exit } => Some(Trigger::Gate { stage: stage.name.clone(), exit }),
        _ => None,
    })
}

/// Whether more tests were lost than the limit allows.
pub fn failure_ratio(tests: &TestComparison, limits: &Limits) -> Option<Trigger> {
    (tests.failure_ratio() > limits.failure_ratio).then_some(Trigger::FailureRatio {
        newly_failing: tests.newly_failing.len(),
        vanished: tests.vanished.len(),
        base: tests.base_count,
        limit: limits.failure_ratio,
    })
}

/// The guarded metric that is past the limit by most, if it is proved. By medians, and only where
/// both sides have enough samples that do not overlap.
pub fn slowdown(changes: &[MetricChange], limits: &Limits) -> Option<Trigger> {
    let proved = past_slowdown(changes, limits).filter(|(change, _)| is_proof(change));
    let worst = proved.max_by(|a, b| a.1.total_cmp(&b.1));
    worst.map(|(change, worsening)| Trigger::Slowdown {
        metric: change.name.clone(),
        worsening,
        limit: limits.slowdown,
    })
}

/// A guarded metric whose median is past the limit although that is not proved, as a sentence.
pub fn unproved_slowdown(changes: &[MetricChange], limits: &Limits) -> Option<String> {
    let mut unproved = past_slowdown(changes, limits).filter(|(change, _)| !is_proof(change));
    unproved.next().map(|(change, worsening)| {
        let why = match change.samples {
            samples if samples < SAMPLES_MIN => format!("{samples} of {SAMPLES_MIN} samples"),
            _ => "the samples overlap".to_owned(),
        };
        let (name, worse) = (&change.name, percent(worsening));
        format!("`{name}` seems {worse} worse than in the base, which is not proved ({why})")
    })
}

fn past_slowdown<'a>(
    changes: &'a [MetricChange],
    limits: &'a Limits,
) -> impl Iterator<Item = (&'a MetricChange, f64)> {
    let guarded = changes.iter().filter(|change| limits.guarded.contains(&change.name));
    let measured = guarded.filter_map(|change| Some((change, change.worsening()?)));
    measured.filter(|(_, worsening)| *worsening > limits.slowdown)
}

fn is_proof(change: &MetricChange) -> bool {
    change.samples >= SAMPLES_MIN && change.apart
}

/// Each metric past its own bound, as a sentence that suggests what to do.
pub fn quality(changes: &[MetricChange], limits: &Limits) -> Vec<String> {
    let bounded = changes.iter().filter_map(|c| limits.quality.get(&c.name).map(|b| (c, *b)));
    let past = bounded.filter(|(change, bound)| match change.better {
        Better::Lower => change.value > *bound,
        Better::Higher => change.value < *bound,
    });
    past.map(|(change, bound)| {
        let (name, value, bound) = (&change.name, number(change.value), number(bound));
        format!("`{name}` is {value}, past its limit {bound}: go back, or improve it")
    })
    .collect()
}
