//! An entry of the operation log: the names before and after a verb, and who did it.

use serde::{Deserialize, Serialize};

use super::traits::{Fetch, ObjectError, Put, fetch_record, put_record};
use crate::base::id::{Kind, NamesId, OperationId};
use crate::base::time::Timestamp;

/// What sort of entry it is; `undo` passes over all but the first.
///
/// **Format**: the variant as a `u32` in this order, then its fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationKind {
    /// Somebody's verb.
    Verb,
    /// A capture that a verb took before it changed files.
    Capture,
    /// Results of an evaluation.
    Evaluation,
    /// The inverse of another operation.
    Undo {
        /// Which one.
        of: OperationId,
    },
    /// Another operation once more, after its undo.
    Redo {
        /// The undo that is taken back.
        of: OperationId,
    },
    /// Names brought together after two heads had come from an import.
    Reconcile,
}

/// An entry of the operation log.
///
/// **Format**: the fields in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// What was current before: one, none for the first, two after an import.
    pub parents: Vec<OperationId>,
    /// All names before.
    pub before: NamesId,
    /// All names after.
    pub after: NamesId,
    /// What sort of entry it is.
    pub kind: OperationKind,
    /// The verb, such as `merge`.
    pub verb: String,
    /// What it did, in a line.
    pub summary: String,
    /// The user.
    pub who: String,
    /// The session.
    pub session: String,
    /// The workspace, where one was concerned.
    pub workspace: Option<String>,
    /// When.
    pub when: Timestamp,
}

impl Operation {
    /// Stores it.
    ///
    /// # Errors
    /// As `Put::put`.
    pub fn put(&self, objects: &(impl Put + ?Sized)) -> Result<OperationId, ObjectError> {
        put_record(objects, Kind::Operation, self)
    }

    /// Fetches one.
    ///
    /// # Errors
    /// As `Fetch::fetch`.
    pub fn fetch(objects: &(impl Fetch + ?Sized), id: OperationId) -> Result<Self, ObjectError> {
        fetch_record(objects, id.object())
    }
}
