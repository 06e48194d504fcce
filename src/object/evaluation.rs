//! What the stages of an evaluator found for one tree.
//!
//! Facts only: whether they are good or bad is for `policy` to say. Numbers with fractions are
//! decimal text, because records hold no floats.

use serde::{Deserialize, Serialize};

use super::traits::{Fetch, ObjectError, Put, fetch_record, put_record};
use crate::base::codec::Bytes;
use crate::base::id::{EvaluationId, Hash, Kind, TreeId};
use crate::base::time::Timestamp;

/// What a stage is for.
///
/// **Format**: a `u32`, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StageKind {
    /// Prepares the view (installs what the lock files name).
    Setup,
    /// Must pass: compiling, linting.
    Gate,
    /// Runs tests and reports them one by one.
    Test,
    /// Measures numbers.
    Metric,
}

/// How a stage ended.
///
/// **Format**: the variant as a `u32` in this order, then its fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StageOutcome {
    /// It ran and exited with 0.
    Passed,
    /// It ran and exited with another code.
    Failed {
        /// The code.
        exit: i32,
    },
    /// It did not run at all, which says nothing about the tree.
    DidNotRun {
        /// Why: no such command, no report.
        reason: String,
    },
    /// It was stopped at its time limit.
    TimedOut {
        /// The limit in milliseconds.
        limit_ms: u64,
    },
    /// A signal ended it.
    Killed {
        /// The signal's number.
        signal: i32,
    },
    /// It was left out because an earlier one failed.
    Skipped,
}

/// How one test ended.
///
/// **Format**: a `u32`, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TestStatus {
    /// It passed.
    Passed,
    /// It failed or could not finish.
    Failed,
    /// It was not run on purpose.
    Skipped,
}

/// One test.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TestCase {
    /// Its full name.
    pub name: String,
    /// How it ended.
    pub status: TestStatus,
}

/// Which direction of a metric is better.
///
/// **Format**: a `u32`, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Better {
    /// Less is better: times, sizes.
    Lower,
    /// More is better: throughput, scores.
    Higher,
}

/// One metric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// Its unit, such as `s`; may be empty.
    pub unit: String,
    /// Which direction is better.
    pub better: Better,
    /// The values measured, as decimal text, in the order in which they were measured.
    pub samples: Vec<String>,
}

impl Metric {
    /// The samples as numbers; a text that is no finite number is left out.
    pub fn values(&self) -> Vec<f64> {
        let numbers = self.samples.iter().filter_map(|text| text.parse::<f64>().ok());
        numbers.filter(|number| number.is_finite()).collect()
    }

    /// The middle sample (mean of the two middle ones for an even number); none without samples.
    pub fn median(&self) -> Option<f64> {
        let mut values = self.values();
        values.sort_by(f64::total_cmp);
        match values.len() {
            0 => None,
            n if n % 2 == 1 => Some(values[n / 2]),
            n => Some(f64::midpoint(values[n / 2 - 1], values[n / 2])),
        }
    }
}

/// What one stage found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageRecord {
    /// The stage's name in `exp.toml`.
    pub name: String,
    /// What it is for.
    pub kind: StageKind,
    /// The command as it was run.
    pub command: String,
    /// How it ended.
    pub outcome: StageOutcome,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The tests, ordered by name; empty unless it is a test stage with a report.
    pub tests: Vec<TestCase>,
    /// The metrics.
    pub metrics: Vec<Metric>,
    /// Lines that say why it failed: compiler errors, the end of the output.
    pub excerpt: Vec<String>,
}

/// What was found for one tree.
///
/// **Format**: the fields in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The tree that was measured, not one that was meant to be.
    pub tree: TreeId,
    /// Digest of the evaluator: stages, commands, limits.
    pub evaluator: Hash,
    /// Digest of the environment: tool chains, named variables.
    pub environment: Hash,
    /// One record a stage, in order.
    pub stages: Vec<StageRecord>,
    /// Untracked files that the stages left, such as a first `Cargo.lock`.
    pub new_files: Vec<Bytes>,
    /// Tracked files that the stages changed, which makes the evaluation inconclusive.
    pub changed_files: Vec<Bytes>,
    /// How the view was made, such as `overlay, live`.
    pub view: String,
    /// The machine's name.
    pub machine: String,
    /// When it began.
    pub when: Timestamp,
    /// How long it took in all, in milliseconds.
    pub duration_ms: u64,
}

impl Evaluation {
    /// Stores it.
    ///
    /// # Errors
    /// As `Put::put`.
    pub fn put(&self, objects: &(impl Put + ?Sized)) -> Result<EvaluationId, ObjectError> {
        put_record(objects, Kind::Evaluation, self)
    }

    /// Fetches one.
    ///
    /// # Errors
    /// As `Fetch::fetch`.
    pub fn fetch(objects: &(impl Fetch + ?Sized), id: EvaluationId) -> Result<Self, ObjectError> {
        fetch_record(objects, id.object())
    }

    /// All tests of all stages.
    pub fn tests(&self) -> impl Iterator<Item = &TestCase> {
        self.stages.iter().flat_map(|stage| &stage.tests)
    }

    /// How many tests ended so.
    pub fn count(&self, status: TestStatus) -> usize {
        self.tests().filter(|test| test.status == status).count()
    }

    /// The metric of that name.
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.stages.iter().flat_map(|stage| &stage.metrics).find(|metric| metric.name == name)
    }

    /// Whether every stage ran to its end, passed or failed: only then may it be remembered.
    pub fn is_complete(&self) -> bool {
        let ran = |outcome: &StageOutcome| {
            use StageOutcome::{Failed, Passed, Skipped};
            matches!(outcome, Passed | Failed { .. } | Skipped)
        };
        self.changed_files.is_empty() && self.stages.iter().all(|stage| ran(&stage.outcome))
    }
}
