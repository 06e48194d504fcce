//! What is put into a session, and what the answer says.
//!
//! Values only. How a put is decided is in `plan`, how it is written in `session`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::id::{DocumentId, SnapshotId};
use crate::base::name::Label;
use crate::document::{Document, Edit, Json, Patch};

/// Why a state is saved.
///
/// **Format**: a `u32`, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PutKind {
    /// A step of the run. Skipped when nothing that counts has changed.
    ///
    /// **Durability**: survives this process when the call returns, and a power cut within
    /// `AUTOMATIC_SYNC_MS_MAX`.
    Automatic,
    /// Somebody asked for it. Never skipped.
    ///
    /// **Durability**: survives a power cut when the call returns.
    Manual,
    /// A point to come back to before something dangerous. Never skipped, durable as a manual one.
    Recovery,
}

impl PutKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Automatic, Self::Manual, Self::Recovery];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Manual => "manual",
            Self::Recovery => "recovery",
        }
    }
}

/// The new state, as a whole or by what changes.
#[derive(Clone, Debug)]
pub enum What {
    /// A whole value. It is compared with the last state in one pass.
    Value(Json),
    /// A document: what it shares with the last state is not looked at.
    Document(Document),
    /// Edits of the last state of the branch, or of `base`, which must be the last one then.
    Edits {
        /// What the edits were made for.
        base: Option<SnapshotId>,
        /// The edits, each applied to what the ones before it left.
        edits: Vec<Edit>,
    },
    /// An RFC 6902 patch of the last state of the branch, or of `base`, which must be the last one.
    Patch {
        /// What the patch was made for.
        base: Option<SnapshotId>,
        /// The patch.
        patch: Patch,
    },
}

/// One put.
#[derive(Clone, Debug)]
pub struct Put {
    /// The state.
    pub what: What,
    /// Why it is saved.
    pub kind: PutKind,
    /// The branch; none is `main`. A branch that is not there begins with this state.
    pub branch: Option<Label>,
    /// Why, in words.
    pub message: String,
    /// Tags of the state: with one it is not skipped.
    pub tags: Vec<Label>,
    /// What the last state of the branch must be; anything else is [`super::StateError::Moved`].
    pub expect: Option<SnapshotId>,
    /// The stored snapshot of the workspace that has this state: then its id is the state's, and it
    /// is not skipped.
    pub files: Option<SnapshotId>,
    /// Whether the answer says why it was saved or skipped ([`Answer::explain`]).
    pub explain: bool,
}

impl Put {
    /// A put of that kind on `main`, with nothing beside.
    pub fn new(kind: PutKind, what: What) -> Self {
        Self {
            what,
            kind,
            branch: None,
            message: String::new(),
            tags: Vec::new(),
            expect: None,
            files: None,
            explain: false,
        }
    }

    /// An automatic put of a whole value.
    pub fn automatic(value: Json) -> Self {
        Self::new(PutKind::Automatic, What::Value(value))
    }

    /// A manual put of a whole value.
    pub fn manual(value: Json) -> Self {
        Self::new(PutKind::Manual, What::Value(value))
    }

    /// A recovery point with a whole value.
    pub fn recovery(value: Json) -> Self {
        Self::new(PutKind::Recovery, What::Value(value))
    }

    /// The same on that branch.
    pub fn on(mut self, branch: Label) -> Self {
        self.branch = Some(branch);
        self
    }

    /// The same with that message.
    pub fn because(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }
}

/// How a state lies in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyKind {
    /// As a whole.
    Whole,
    /// As a patch against the state before.
    Patch,
    /// Equal to the state before.
    Same,
}

impl BodyKind {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Patch => "patch",
            Self::Same => "same",
        }
    }
}

/// What a put gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The branch.
    pub branch: Label,
    /// Saved, or skipped.
    pub outcome: Outcome,
    /// Operations of the patch that leads from the last state to this one; the entries of a first
    /// one; 0 where it was saved on the plain path, which does not compare.
    pub fields_changed: u64,
    /// How long the call took, by the clock that was handed in.
    pub duration: Duration,
    /// Why the quick path was left and the state saved as a whole, where that happened.
    pub fallback: Option<String>,
    /// Entries that others wrote to this session since this handle looked last.
    pub others: u64,
    /// Why it was saved or skipped, where [`Put::explain`] asked for that.
    pub explain: Vec<String>,
}

impl Answer {
    /// The id, if it was saved.
    pub fn id(&self) -> Option<SnapshotId> {
        match self.outcome {
            Outcome::Saved { id, .. } => Some(id),
            Outcome::Skipped { .. } => None,
        }
    }
}

/// Saved, or skipped.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is a state of the session now.
    Saved {
        /// Names the state, its circumstances and all before it.
        id: SnapshotId,
        /// Names the value.
        document: DocumentId,
        /// Its number among the session's entries, from 0.
        sequence: u64,
        /// How it lies in the journal.
        body: BodyKind,
        /// Bytes of the entry.
        bytes: u64,
    },
    /// Nothing was written.
    Skipped {
        /// Why.
        reason: SkipReason,
        /// The state that stands for it: the last saved one of the branch.
        last: SnapshotId,
    },
}

/// Why an automatic put was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SkipReason {
    /// It equals the last saved state.
    Same,
    /// It differs from it only in places that are ignored.
    OnlyIgnored,
}

impl SkipReason {
    /// The reason in words.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Same => "nothing changed since the last saved state",
            Self::OnlyIgnored => "only ignored places changed since the last saved state",
        }
    }
}
