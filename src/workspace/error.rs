//! What can go wrong between a tree and the user's folder.

use std::io;
use std::path::{Path, PathBuf};

use crate::base::path::TreePath;
use crate::object::traits::ObjectError;

/// Why a workspace could not be read or recorded.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// The system refused.
    #[error("could not {action} `{path}`: {source}")]
    Disk {
        /// What was tried, such as `read`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Objects could not be fetched or put.
    #[error(transparent)]
    Objects(#[from] ObjectError),
    /// An intent is no intent, or a newer one.
    #[error("could not read the intent `{path}`: {what}")]
    Intent {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

impl WorkspaceError {
    pub(super) fn disk(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(io::Error) -> WorkspaceError {
        let path = path.to_owned();
        move |source| Self::Disk { action, path, source }
    }
}

/// Why a restore stopped. Before the first change unless it says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// What stands there is not what the plan was made for. Found before anything was changed, or
    /// (when it changed during the restore) after some paths were: then the intent takes them back.
    #[error("could not replace `{}`: it is not what was captured", path.display())]
    Changed {
        /// Where.
        path: TreePath,
    },
    /// A folder cannot be written to.
    #[error("could not write in the folder `{path}`: it is read-only")]
    ReadOnly {
        /// The folder.
        path: PathBuf,
    },
    /// The system refused; some paths may be changed already.
    #[error("could not {action} `{path}`: {source}")]
    Disk {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Objects could not be fetched.
    #[error(transparent)]
    Objects(#[from] ObjectError),
}

impl RestoreError {
    pub(super) fn disk(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(io::Error) -> RestoreError {
        let path = path.to_owned();
        move |source| Self::Disk { action, path, source }
    }
}

impl From<WorkspaceError> for RestoreError {
    fn from(error: WorkspaceError) -> Self {
        match error {
            WorkspaceError::Disk { action, path, source } => Self::Disk { action, path, source },
            WorkspaceError::Objects(error) => Self::Objects(error),
            WorkspaceError::Intent { path, what } => {
                Self::Disk { action: "read", path, source: io::Error::other(what) }
            }
        }
    }
}
