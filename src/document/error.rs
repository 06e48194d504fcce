//! Why a document could not be built, read or changed.

use super::parse::JsonError;
use super::patch::PatchError;
use crate::base::limits::{DOCUMENT_DEPTH_MAX, DOCUMENT_KEY_BYTES_MAX, DOCUMENT_READ_BYTES_MAX};
use crate::object::traits::ObjectError;

/// Why a document could not be built, read or changed.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// An object could not be had or stored.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// A text is no JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A patch could not be applied.
    #[error(transparent)]
    Patch(#[from] PatchError),
    /// A text is no JSON pointer.
    #[error("could not read `{pointer}` as a JSON pointer: {reason}")]
    BadPointer {
        /// What was given.
        pointer: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// A text is no pattern over JSON pointers.
    #[error("could not read `{pattern}` as a pattern of places: {reason}")]
    BadPattern {
        /// What was given.
        pattern: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// An edit does not fit the document.
    #[error("could not change `{pointer}`: {reason}")]
    Edit {
        /// Where.
        pointer: String,
        /// What does not fit.
        reason: &'static str,
    },
    /// A value is nested too deeply.
    #[error("could not store a value with more than {DOCUMENT_DEPTH_MAX} nested levels")]
    TooDeep,
    /// A key is too long.
    #[error("could not store a key with more than {DOCUMENT_KEY_BYTES_MAX} bytes")]
    LongKey,
    /// A document stands for more than is read as a whole.
    #[error("could not read a document of more than {DOCUMENT_READ_BYTES_MAX} bytes as a whole")]
    TooLarge,
}
