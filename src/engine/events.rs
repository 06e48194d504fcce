//! What happens while a verb works: for a surface that shows it live. Closed, so that a surface
//! must say what it does with each.

use std::sync::Mutex;

use super::report::{KeptCommit, ShownEvaluation, ShownVerdict};

/// Something happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// An experiment was opened.
    ExperimentOpened {
        /// Its id.
        experiment: String,
        /// How many approaches are run.
        approaches: usize,
        /// Their branches, in the order in which they begin.
        branches: Vec<String>,
    },
    /// A command of an approach began.
    ApproachStarted {
        /// The branch, such as `e7/map`.
        branch: String,
    },
    /// It ended and its files were captured.
    ApproachEnded {
        /// The branch.
        branch: String,
        /// How, in words.
        outcome: String,
        /// Files that differ from the base.
        changed_files: usize,
        /// How long it took, in milliseconds.
        duration_ms: u64,
        /// Whether what it left is evaluated now.
        is_evaluated: bool,
    },
    /// A commit that a command made in its view is in the user's repository.
    CommitKept {
        /// The branch.
        branch: String,
        /// Where.
        kept: KeptCommit,
    },
    /// A stage began.
    StageStarted {
        /// What is evaluated: a branch, or `base`.
        of: String,
        /// The stage.
        stage: String,
    },
    /// Tests of a stage have ended; said for some of them only, where there are many.
    StageProgress {
        /// What is evaluated.
        of: String,
        /// The stage.
        stage: String,
        /// Tests that have ended.
        done: usize,
        /// How many there are, where that can be said.
        total: Option<usize>,
    },
    /// A stage ended.
    StageEnded {
        /// What is evaluated.
        of: String,
        /// The stage.
        stage: String,
        /// How, in words.
        outcome: String,
        /// In milliseconds.
        duration_ms: u64,
    },
    /// An evaluation is there, from the memo or just made.
    Evaluated {
        /// What was evaluated.
        of: String,
        /// What was found.
        evaluation: ShownEvaluation,
        /// The verdict.
        verdict: ShownVerdict,
    },
    /// Something that should be said at once.
    Notice(String),
}

/// Where events go. Called from several threads.
pub type Watch<'a> = &'a (dyn Fn(Event) + Sync);

/// What happens while something is done, in order.
pub(super) fn gather(work: impl FnOnce(Watch<'_>)) -> Vec<Event> {
    let events = Mutex::new(Vec::new());
    work(&|event| {
        if let Ok(mut events) = events.lock() {
            events.push(event);
        }
    });
    events.into_inner().unwrap_or_default()
}
