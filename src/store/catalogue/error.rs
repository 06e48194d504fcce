//! Why the catalogue gave no answer, and what it has to say when it does.

use std::io;
use std::path::PathBuf;

use crate::object::traits::ObjectError;

/// Why the catalogue could not be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// Another process, or another part of this one, has it open: go without.
    #[error("could not open the catalogue `{path}`: it is in use")]
    Busy {
        /// Its folder.
        path: PathBuf,
    },
    /// It is damaged: set it aside and build it again.
    #[error("could not use the catalogue `{path}`: {reason}")]
    Damaged {
        /// Its folder.
        path: PathBuf,
        /// What was noticed.
        reason: String,
    },
    /// The disk refused: full, read-only, not permitted.
    #[error("could not write the catalogue `{path}`: {source}")]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What it is built from could not be read.
    #[error("could not bring the catalogue forward: {0}")]
    Object(#[from] ObjectError),
}

/// Something that the user should hear, though the catalogue works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A catalogue that could not be used was put there, and a new one begun.
    SetAside {
        /// Where it lies now; none when it could only be deleted.
        path: Option<PathBuf>,
        /// What was wrong with it.
        reason: String,
    },
}
