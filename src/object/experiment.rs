//! The record of an experiment: one question, its approaches, its candidates, its selection.
//!
//! A value that is stored anew at each step; the name `experiment/e7` says which state is current.

use serde::{Deserialize, Serialize};

use super::traits::{Fetch, ObjectError, Put, fetch_record, put_record};
use crate::base::id::{EvaluationId, ExperimentId, Hash, Kind, SnapshotId};
use crate::base::name::Label;
use crate::base::time::Timestamp;

/// How far an approach has come.
///
/// **Format**: the variant as a `u32` in this order, then its fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApproachState {
    /// It has not begun.
    Waiting,
    /// Its command ended by itself.
    Finished {
        /// The exit code.
        exit: i32,
    },
    /// Its command was stopped at the time limit.
    TimedOut,
    /// A signal ended its command.
    Killed {
        /// The signal's number.
        signal: i32,
    },
    /// Its command could not be started.
    DidNotRun {
        /// Why.
        reason: String,
    },
    /// Somebody interrupted it.
    Interrupted,
}

/// One approach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approach {
    /// Its name within the experiment.
    pub name: String,
    /// The shell command that changes the files.
    pub command: String,
    /// Its branch, such as `e7/map`.
    pub branch: Label,
    /// How far it has come.
    pub state: ApproachState,
    /// How long the command took, in milliseconds.
    pub duration_ms: u64,
    /// What it left.
    pub candidate: Option<SnapshotId>,
    /// What was found for the candidate.
    pub evaluation: Option<EvaluationId>,
}

/// Which approach was selected, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// The approach.
    pub approach: String,
    /// Its candidate.
    pub candidate: SnapshotId,
    /// Why it leads, in a sentence.
    pub reason: String,
    /// All feasible approaches, best first.
    pub ranking: Vec<String>,
    /// When.
    pub when: Timestamp,
    /// The snapshot in which it came to the branch it was merged into.
    pub merged: Option<SnapshotId>,
}

/// One question.
///
/// **Format**: the fields in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Experiment {
    /// Its id, such as `e7`.
    pub name: String,
    /// What all approaches start from.
    pub base: SnapshotId,
    /// What was found for the base.
    pub base_evaluation: Option<EvaluationId>,
    /// Digest of the evaluator; none without evaluation.
    pub evaluator: Option<Hash>,
    /// The approaches in the order in which they were given.
    pub approaches: Vec<Approach>,
    /// The winner, once selected.
    pub selection: Option<Selection>,
    /// The session that asked.
    pub session: String,
    /// The workspace in which it was asked.
    pub workspace: String,
    /// When.
    pub when: Timestamp,
}

impl Experiment {
    /// Stores this state of it.
    ///
    /// # Errors
    /// As `Put::put`.
    pub fn put(&self, objects: &(impl Put + ?Sized)) -> Result<ExperimentId, ObjectError> {
        put_record(objects, Kind::Experiment, self)
    }

    /// Fetches one state.
    ///
    /// # Errors
    /// As `Fetch::fetch`.
    pub fn fetch(objects: &(impl Fetch + ?Sized), id: ExperimentId) -> Result<Self, ObjectError> {
        fetch_record(objects, id.object())
    }
}
