//! A snapshot: one node of the DAG.
//!
//! One id names files, state and circumstances together. Evaluations and verdicts hang on it by
//! name, so that they can come later. Knows nothing of how files become a tree.

use serde::{Deserialize, Serialize};

use super::traits::{Fetch, ObjectError, Put, fetch_record, put_record};
use crate::base::id::{DocumentId, Kind, SnapshotId, TreeId};
use crate::base::name::Label;
use crate::base::time::Timestamp;

/// How a snapshot came to be.
///
/// **Format**: the variant as a `u32` in this order, then its fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// The first one of a workspace.
    Initial,
    /// Somebody asked for it.
    Manual,
    /// Taken before something else changed the files, so that nothing is lost.
    Automatic,
    /// Left by an approach.
    Approach {
        /// The experiment, such as `e7`.
        experiment: String,
        /// The approach's name in it.
        approach: String,
        /// The exit code of its command; none when it was ended before.
        exit: Option<i32>,
    },
    /// Left by a command that was run on a branch.
    Command {
        /// Its exit code; none when it was ended before.
        exit: Option<i32>,
    },
    /// Two branches brought together.
    Merge,
}

/// How long a snapshot is meant to live (design.md §10).
///
/// **Format**: a `u32`, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tier {
    /// L2: of its session.
    Checkpoint,
    /// L3: for good.
    Milestone,
}

/// Where git's `HEAD` stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitHead {
    /// The branch, such as `refs/heads/main`; none when detached.
    pub reference: Option<String>,
    /// The commit in hexadecimal; none before the first one.
    pub commit: Option<String>,
}

/// A node of the DAG.
///
/// **Format**: the fields in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// What it came from: none for a first one, two for a merge (the branch merged into first).
    pub parents: Vec<SnapshotId>,
    /// The files.
    pub tree: TreeId,
    /// What the agent knew, if it said so.
    pub state: Option<DocumentId>,
    /// Where git stood, in a git repository.
    pub git_head: Option<GitHead>,
    /// The branch on which it was made.
    pub branch: Label,
    /// How it came to be.
    pub origin: Origin,
    /// How long it is meant to live.
    pub tier: Tier,
    /// The user.
    pub who: String,
    /// The session.
    pub session: String,
    /// When it was made.
    pub when: Timestamp,
    /// Why.
    pub message: String,
}

impl Snapshot {
    /// Stores it.
    ///
    /// # Errors
    /// As `Put::put`.
    pub fn put(&self, objects: &(impl Put + ?Sized)) -> Result<SnapshotId, ObjectError> {
        put_record(objects, Kind::Snapshot, self)
    }

    /// Fetches one.
    ///
    /// # Errors
    /// As `Fetch::fetch`.
    pub fn fetch(objects: &(impl Fetch + ?Sized), id: SnapshotId) -> Result<Self, ObjectError> {
        fetch_record(objects, id.object())
    }
}
