//! Why the store refuses or fails, so told apart that the surface can choose an exit code.
//!
//! Knows nothing of exit codes or hints: those are the top floor's.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::base::id::OperationId;
use crate::object::names::NameKey;
use crate::object::operation::Operation;
use crate::object::traits::ObjectError;

/// Who holds a lock, as its file says. For people: a process that died leaves its text behind,
/// never its lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// The process.
    pub pid: Option<u32>,
    /// What it is doing, such as `merge`.
    pub verb: Option<String>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.verb, self.pid) {
            (Some(verb), Some(pid)) => write!(f, "`{verb}` (process {pid})"),
            (None, Some(pid)) => write!(f, "process {pid}"),
            _ => f.write_str("another process"),
        }
    }
}

/// Why the store refuses or fails.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process holds a lock that is needed.
    #[error("{what} is in use by {holder}")]
    Busy {
        /// What is locked.
        what: String,
        /// By whom.
        holder: Holder,
    },
    /// The folder is no store, or one whose making was cut short.
    #[error("`{path}` is no store")]
    NotAStore {
        /// The folder.
        path: PathBuf,
    },
    /// There is a store already.
    #[error("`{path}` is a store already")]
    IsAStore {
        /// The folder.
        path: PathBuf,
    },
    /// A newer program made it.
    #[error("`{path}` has format {found}; this program knows formats up to {known}")]
    NewerFormat {
        /// The folder.
        path: PathBuf,
        /// The number found.
        found: u64,
        /// The newest number known.
        known: u64,
    },
    /// A link stands where the store or a folder of it would be.
    #[error("`{path}` is a link, and exp follows none to a store")]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// A store is to be made in a folder that holds something else.
    #[error("no store can be made in `{path}`: `{}` is in it", name.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
        /// What is in it.
        name: std::ffi::OsString,
    },
    /// Another user owns it.
    #[error("`{path}` belongs to another user (uid {owner})")]
    ForeignOwner {
        /// The folder.
        path: PathBuf,
        /// Who owns it.
        owner: u32,
    },
    /// It can be read, but not written.
    #[error("`{path}` could not be written: {source}")]
    ReadOnly {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The disk or a quota is full.
    #[error("`{path}` could not be written, the disk is full: {source}")]
    Full {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of the store is not what it must be.
    #[error("`{path}` is damaged: {what}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The system failed otherwise.
    #[error("`{path}` could not be used: {source}")]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Several operations are current, and none of them follows from the others.
    #[error("the operations have diverged: {}", shown(heads))]
    Diverged {
        /// Which ones.
        heads: Vec<OperationId>,
    },
    /// An object could not be had or stored.
    #[error(transparent)]
    Objects(#[from] ObjectError),
}

fn shown(heads: &[OperationId]) -> String {
    heads.iter().map(OperationId::hex).collect::<Vec<_>>().join(", ")
}

impl StoreError {
    /// Names what the system said by its cause.
    pub fn from_io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if is_full(&source) {
            Self::Full { path, source }
        } else if is_read_only(&source) {
            Self::ReadOnly { path, source }
        } else {
            Self::Disk { path, source }
        }
    }

    /// Whether the store's own quota refused it, so that nothing was written.
    pub fn is_quota(&self) -> bool {
        matches!(self, Self::Objects(error) if error.is_quota())
    }

    /// Whether the disk or a quota is full.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Full { .. } => true,
            Self::Objects(error) => error.is_quota() || error.io().is_some_and(is_full),
            _ => false,
        }
    }

    /// Whether stored bytes were found to be wrong or missing.
    pub fn is_corruption(&self) -> bool {
        match self {
            Self::Corrupt { .. } => true,
            Self::Objects(ObjectError::Missing { .. }) => true,
            Self::Objects(error) => error.is_corruption(),
            _ => false,
        }
    }

    /// Whether another process is in the way, so that trying later helps.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }

    /// Whether writing is not allowed here.
    pub fn is_read_only(&self) -> bool {
        match self {
            Self::ReadOnly { .. } => true,
            Self::Objects(error) => error.io().is_some_and(is_read_only),
            _ => false,
        }
    }
}

/// Whether the system said that the disk or a quota is full.
pub fn is_full(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOSPC | Errno::DQUOT))
}

fn is_read_only(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::ROFS | Errno::ACCESS | Errno::PERM))
}

/// Why names were not moved. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A name is not where the plan saw it.
    #[error("`{}` was moved meanwhile{}", key.text(), mover(by.as_deref()))]
    Moved {
        /// The name.
        key: NameKey,
        /// The newest operation that moved it, where it was found.
        by: Option<Box<(OperationId, Operation)>>,
    },
    /// An object could not be had or stored.
    #[error(transparent)]
    Objects(#[from] ObjectError),
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn mover(by: Option<&(OperationId, Operation)>) -> String {
    by.map_or_else(String::new, |(id, operation)| {
        format!(
            " by `{}` (operation {}, session {})",
            operation.verb,
            id.short(),
            operation.session
        )
    })
}

impl CommitError {
    /// Whether the disk or a quota is full.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Moved { .. } => false,
            Self::Objects(error) => error.io().is_some_and(is_full),
            Self::Store(error) => error.is_full(),
        }
    }
}

/// An error of the disk while objects were read or written.
pub(super) fn disk_error(path: &Path, source: io::Error) -> ObjectError {
    ObjectError::Disk { path: path.to_owned(), source }
}

/// A file whose bytes are wrong.
pub(super) fn damaged(path: &Path, what: impl Into<String>) -> ObjectError {
    ObjectError::File { path: path.to_owned(), what: what.into() }
}
