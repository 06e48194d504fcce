//! Why a session refuses or fails.

use crate::base::codec::CodecError;
use crate::base::id::SnapshotId;
use crate::base::limits::STATE_BRANCHES_MAX;
use crate::base::name::Label;
use crate::base::time::Timestamp;
use crate::document::DocumentError;
use crate::object::traits::ObjectError;
use crate::store::StoreError;

/// Why a session refuses or fails.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// No such session.
    #[error("there is no session `{name}`")]
    UnknownSession {
        /// What was asked for.
        name: String,
        /// Names near it.
        near: Vec<String>,
    },
    /// A text that cannot name a session.
    #[error("`{name}` cannot name a session: {reason}")]
    BadName {
        /// What was given.
        name: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// No such state.
    #[error("session `{session}` has no state {wanted}")]
    UnknownState {
        /// The session.
        session: String,
        /// What was asked for, in words.
        wanted: String,
    },
    /// No such branch.
    #[error("session `{session}` has no branch `{branch}`")]
    UnknownBranch {
        /// The session.
        session: String,
        /// What was asked for.
        branch: Label,
        /// Branches near it.
        near: Vec<String>,
    },
    /// There is a branch of that name already.
    #[error("session `{session}` has a branch `{branch}` already")]
    BranchExists {
        /// The session.
        session: String,
        /// The branch.
        branch: Label,
    },
    /// It has as many branches as a session may have.
    #[error("session `{session}` has {STATE_BRANCHES_MAX} branches; no more are begun")]
    TooManyBranches {
        /// The session.
        session: String,
    },
    /// A group has a session of another opening.
    #[error("session `{session}` was not opened here: a group is of one opening of one store")]
    Elsewhere {
        /// The session.
        session: String,
    },
    /// Several ids begin so.
    #[error("several states begin with {prefix}")]
    Ambiguous {
        /// What was given.
        prefix: String,
        /// Some of them.
        found: Vec<SnapshotId>,
    },
    /// The branch is not where the caller saw it.
    #[error("branch `{branch}` of session `{session}` was moved by process {process}")]
    Moved {
        /// The session.
        session: String,
        /// The branch.
        branch: Label,
        /// Where it is now.
        found: Option<SnapshotId>,
        /// Who wrote the entry that moved it.
        who: String,
        /// The process that did.
        process: u32,
        /// When.
        when: Timestamp,
    },
    /// Others were quicker each time.
    #[error("session `{session}` is written to by others all the time")]
    Busy {
        /// The session.
        session: String,
    },
    /// An entry cannot be read, or is not what it must be.
    #[error("entry {sequence} of session `{session}` is damaged: {what}")]
    Damaged {
        /// The session.
        session: String,
        /// The number of the entry.
        sequence: u64,
        /// What is wrong.
        what: String,
    },
    /// Nothing goes by that name among the entries that can be read, and one cannot.
    #[error("{error}, as far as can be read: entry {sequence} is damaged")]
    Uncertain {
        /// The number of the entry.
        sequence: u64,
        /// What would be said without it.
        error: Box<StateError>,
    },
    /// The snapshot that was given as the files of a state does not have that state.
    #[error("snapshot {id} does not hold this state")]
    OtherFiles {
        /// The snapshot.
        id: SnapshotId,
    },
    /// A text is longer than is kept.
    #[error("{what} has more than {max} bytes")]
    TooLong {
        /// Which one.
        what: &'static str,
        /// The bound.
        max: usize,
    },
    /// The sessions were closed.
    #[error("the sessions of this store are closed")]
    Closed,
    /// An interval runs already.
    #[error("session `{session}` is saved at an interval already")]
    IntervalRuns {
        /// The session.
        session: String,
    },
    /// The value cannot be read, built or changed.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// What was saved before could not be made durable.
    #[error("earlier states could not be made durable: {what}")]
    Unsynced {
        /// What the journal said.
        what: String,
    },
    /// Nothing of several puts could be written.
    #[error("several states could not be written together: {what}")]
    Together {
        /// What the journal said.
        what: String,
    },
    /// An entry cannot be encoded.
    #[error("the entry could not be encoded: {0}")]
    Encode(#[from] CodecError),
    /// An object could not be had.
    #[error(transparent)]
    Objects(#[from] ObjectError),
    /// The store refuses or fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal refuses or fails.
    #[error(transparent)]
    Journal(#[from] crate::store::journal::JournalError),
    /// A thread could not be started.
    #[error("a thread could not be started: {0}")]
    Thread(#[source] std::io::Error),
}

impl StateError {
    /// Whether what is stored is wrong or gone; a lock that is taken or a disk that fails is neither.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            Self::Damaged { .. }
            | Self::Uncertain { .. }
            | Self::Objects(ObjectError::Missing { .. }) => true,
            Self::Objects(error) => error.is_corruption(),
            _ => false,
        }
    }
}
