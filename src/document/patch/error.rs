//! Why a patch could not be read or applied.

use crate::document::JsonError;

/// Why a patch could not be read or applied. Operations are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The text is no JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The value is no list.
    #[error("could not read the patch: it is no list of operations")]
    NoList,
    /// An operation is none of RFC 6902, or can fit no document.
    #[error("could not read operation {number} of the patch: {reason}")]
    Operation {
        /// Which, from 1.
        number: usize,
        /// The rule that it breaks.
        reason: String,
    },
    /// An operation does not fit the document.
    #[error("could not apply operation {number} of the patch (`{name}` at `{pointer}`): {reason}")]
    Apply {
        /// Which, from 1.
        number: usize,
        /// Its word.
        name: &'static str,
        /// Where it does not fit.
        pointer: String,
        /// What does not fit.
        reason: &'static str,
    },
}
