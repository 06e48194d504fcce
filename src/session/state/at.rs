//! Which state is asked for, and what is known of one.
//!
//! Values only.

use super::put::{BodyKind, PutKind};
use crate::base::id::{DocumentId, SnapshotId};
use crate::base::name::Label;
use crate::base::time::Timestamp;
use crate::document::Document;

/// Which state is asked for. A branch of none is `main`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// The newest one of a branch.
    Latest {
        /// The branch.
        branch: Option<Label>,
    },
    /// That many steps before the newest one of a branch; 0 is the newest.
    Back {
        /// The branch.
        branch: Option<Label>,
        /// How many steps.
        steps: u64,
    },
    /// What the newest one of a branch was at a moment.
    Time {
        /// The branch.
        branch: Option<Label>,
        /// The moment.
        time: Timestamp,
    },
    /// The newest one of a branch that is not marked invalid and can be rebuilt with the right id.
    Valid {
        /// The branch.
        branch: Option<Label>,
    },
    /// The one with that id.
    Id(SnapshotId),
    /// The one whose id begins with these hexadecimal digits.
    Prefix(String),
    /// The newest one that has that tag.
    Tag(Label),
}

impl At {
    /// The newest state of `main`.
    pub fn latest() -> Self {
        Self::Latest { branch: None }
    }

    /// That many steps before the newest state of `main`.
    pub fn back(steps: u64) -> Self {
        Self::Back { branch: None, steps }
    }

    /// The newest state of a branch.
    pub fn branch(branch: Label) -> Self {
        Self::Latest { branch: Some(branch) }
    }
}

impl From<SnapshotId> for At {
    fn from(id: SnapshotId) -> Self {
        Self::Id(id)
    }
}

/// A state that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its id.
    pub id: SnapshotId,
    /// The value.
    pub document: Document,
    /// What is known of it.
    pub meta: StateMeta,
}

/// What is known of a state without rebuilding it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateMeta {
    /// The session.
    pub session: String,
    /// Its number among the session's entries, from 0.
    pub sequence: u64,
    /// Names the state.
    pub id: SnapshotId,
    /// Names the value.
    pub document: DocumentId,
    /// Why it was saved.
    pub kind: PutKind,
    /// The branch on which it was saved.
    pub branch: Label,
    /// The states before: none for a first one, two for a merge.
    pub parents: Vec<SnapshotId>,
    /// When it was saved.
    pub when: Timestamp,
    /// By whom.
    pub who: String,
    /// By which process.
    pub process: u32,
    /// Why, in words.
    pub message: String,
    /// The tags that it has now.
    pub tags: Vec<Label>,
    /// Whether it was marked as valid or invalid, and how last.
    pub valid: Option<bool>,
    /// Whether it has files: then its id is that of a stored snapshot.
    pub has_files: bool,
    /// How it lies in the journal.
    pub body: BodyKind,
    /// Bytes of its entry.
    pub stored_bytes: u64,
    /// Bytes of the whole value as compact JSON.
    pub bytes: u64,
    /// Operations of the patch that leads to it from the state before.
    pub fields_changed: u64,
}

/// One entry of a session's log: a state, or what was done with states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Its number among the session's entries, from 0.
    pub sequence: u64,
    /// When.
    pub when: Timestamp,
    /// By whom.
    pub who: String,
    /// By which process.
    pub process: u32,
    /// What.
    pub event: LogEvent,
}

/// What an entry of the log did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogEvent {
    /// A state was saved.
    Put(Box<StateMeta>),
    /// A branch went to a state: back, or for the first time.
    Move {
        /// The branch.
        branch: Label,
        /// Where it was; none for a new one.
        from: Option<SnapshotId>,
        /// Where it is.
        to: SnapshotId,
        /// Why, in words.
        message: String,
    },
    /// A state was given a tag, or lost it.
    Tag {
        /// The tag.
        tag: Label,
        /// The state.
        state: SnapshotId,
        /// Whether it has it now.
        is_set: bool,
    },
    /// A state was marked.
    Mark {
        /// The state.
        state: SnapshotId,
        /// As valid, or as invalid.
        is_valid: bool,
        /// Why, in words.
        why: String,
    },
    /// It was about a state that retention let go of.
    LetGo {
        /// What it did.
        what: &'static str,
    },
    /// The entry cannot be read.
    Damaged {
        /// What is wrong.
        what: String,
    },
}

/// A branch of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Its name.
    pub name: Label,
    /// Its newest state.
    pub head: SnapshotId,
    /// That state's number.
    pub sequence: u64,
    /// When that state was saved.
    pub when: Timestamp,
}

/// A session of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionFacts {
    /// Its name.
    pub name: String,
    /// How many entries it has.
    pub entries: u64,
    /// When the first one was written.
    pub first: Timestamp,
    /// When the newest one was written.
    pub last: Timestamp,
    /// Who wrote the newest one.
    pub who: String,
}
