//! Which trees layers and slots stand on, whoever holds them: what a collection must not let go of.
//!
//! Takes no lock: what is opened after the look stands on something newer.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::IsolateError;
use super::note::Note;

/// A layer or a slot as it lies there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Where it says whose view it is, if it is one.
    pub identity: PathBuf,
    /// What it shows and stands on; none when nothing is known of it.
    pub note: Option<Note>,
}

/// All layers and slots below the state folder of a store.
///
/// # Errors
/// The disk's.
pub fn standing(state: &Path) -> Result<Vec<Standing>, IsolateError> {
    let mut all = Vec::new();
    for folder in [state.join("views"), state.join("slots")] {
        let listed = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            listed => listed.map_err(|error| IsolateError::disk("list", &folder)(error))?,
        };
        for item in listed {
            let item = item.map_err(|error| IsolateError::disk("list", &folder)(error))?;
            let path = item.path();
            if path.is_dir() {
                let note = Note::read(&path.join("note"))?;
                all.push(Standing { identity: path.join("identity"), note });
            }
        }
    }
    Ok(all)
}
