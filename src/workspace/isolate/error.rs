//! What can go wrong with views.

use std::io;
use std::path::{Path, PathBuf};

use crate::object::traits::ObjectError;

/// Why a view could not be made or captured.
#[derive(Debug, thiserror::Error)]
pub enum IsolateError {
    /// The disk.
    #[error("could not {action} `{path}`: {source}")]
    Disk {
        /// What was tried, as words after "could not".
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process uses it.
    #[error("could not take `{path}`: another command uses it")]
    Busy {
        /// The layer or the folder of slots.
        path: PathBuf,
    },
    /// An object of the store.
    #[error(transparent)]
    Object(#[from] ObjectError),
}

impl IsolateError {
    /// Wraps what the system said about a path.
    pub(super) fn disk(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Disk { action, path, source }
    }
}
