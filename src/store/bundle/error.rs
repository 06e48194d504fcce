//! Why a bundle is refused, or could not be written.

use std::io;

use super::super::error::StoreError;
use super::format::BUNDLE_VERSION;
use crate::base::id::{ObjectId, SnapshotId};
use crate::object::traits::ObjectError;

/// Why a bundle is refused, or could not be written. Nothing of it is visible then.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It begins like no bundle.
    #[error("it is no bundle")]
    NotABundle,
    /// A newer program wrote it.
    #[error("it is a bundle of version {found}; this program reads version {BUNDLE_VERSION}")]
    Version {
        /// The number found.
        found: u64,
    },
    /// Its bytes are not what was written, or what was written breaks a rule.
    #[error("the bundle is damaged: {what}")]
    Damaged {
        /// What is wrong.
        what: String,
    },
    /// It was made for a store that has this snapshot already.
    #[error("it builds on snapshot {} (`{name}`), which is not here", snapshot.short())]
    Prerequisite {
        /// Which one.
        snapshot: SnapshotId,
        /// What it was called where the bundle was made.
        name: String,
    },
    /// It needs an object that is neither in it nor here.
    #[error("{wanted_by} needs {id}, which is neither in the bundle nor here")]
    Incomplete {
        /// What is missing.
        id: ObjectId,
        /// What needs it.
        wanted_by: String,
    },
    /// It needs an object that is not in it, because its maker took it for granted, and that was let go
    /// here by retention.
    #[error("{wanted_by} needs {id}, which is not in the bundle and was let go here")]
    LetGo {
        /// What was let go.
        id: ObjectId,
        /// What needs it.
        wanted_by: String,
    },
    /// It could not be read.
    #[error("the bundle could not be read: {0}")]
    Read(#[source] io::Error),
    /// It could not be written.
    #[error("the bundle could not be written: {0}")]
    Write(#[source] io::Error),
    /// Somebody interrupted it.
    #[error("interrupted")]
    Interrupted,
    /// An object could not be had or stored.
    #[error(transparent)]
    Objects(#[from] ObjectError),
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BundleError {
    /// What is wrong with the bytes.
    pub(super) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into() }
    }

    /// An error of the reader: the end of the file is damage, all else the system's.
    pub(super) fn from_read(source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::UnexpectedEof => Self::damaged("it ends too early (cut short?)"),
            _ => Self::Read(source),
        }
    }
}
