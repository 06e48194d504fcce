//! Why the journal refuses or fails.

use std::path::PathBuf;

use super::frame::{Position, StreamId};
use crate::base::limits::JOURNAL_PAYLOAD_BYTES_MAX;
use crate::object::traits::ObjectError;
use crate::store::error::StoreError;

/// Why the journal refuses or fails.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The stream's last frame is not the one that was expected. Nothing was appended.
    #[error("the stream was appended to meanwhile")]
    Moved {
        /// Which stream.
        stream: StreamId,
        /// Its last frame.
        last: Option<Position>,
    },
    /// What stands at a place is not the frame that must stand there.
    #[error("`{path}` is damaged at byte {offset}: {what}")]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// The payload is over the bound. Nothing was appended.
    #[error("{bytes} bytes are more than the {JOURNAL_PAYLOAD_BYTES_MAX} of one journal entry")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// The store refused or failed: busy, full, read-only, poisoned, the disk.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl JournalError {
    /// Whether stored bytes were found to be wrong.
    pub fn is_corruption(&self) -> bool {
        match self {
            Self::Damaged { .. } => true,
            Self::Store(error) => error.is_corruption(),
            _ => false,
        }
    }
}

impl From<ObjectError> for JournalError {
    fn from(error: ObjectError) -> Self {
        Self::Store(error.into())
    }
}
