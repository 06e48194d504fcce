//! Segments that were durable once and are not there any more.
//!
//! **What proves it**: a segment is durable, name included, before its successor is there and before its
//! index is kept; and the newest one is never let go of. So a crash leaves nothing of what is named here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::retired::{self, RetiredSet};
use super::segment::{file_name, list, numbered};
use super::sidecar;
use crate::store::error::StoreError;

/// The segments of a journal, by number.
#[derive(Clone, Debug)]
pub struct Segments {
    there: Vec<u32>,
    retired: RetiredSet,
}

impl Segments {
    /// Those in that folder, now.
    ///
    /// # Errors
    /// The disk's.
    pub fn read(folder: &Path) -> Result<Self, StoreError> {
        Ok(Self { there: list(folder)?, retired: retired::read(folder)? })
    }

    /// Whether a segment is neither there nor was let go of.
    pub fn lacks(&self, number: u32) -> bool {
        self.there.binary_search(&number).is_err() && !self.retired.contains(number)
    }

    /// Whether any was let go of.
    pub fn have_let_go(&self) -> bool {
        self.retired.last().is_some()
    }
}

/// The segments of which the journal itself proves that they were there: files, and a sentence on each.
///
/// # Errors
/// The disk's.
pub fn missing(folder: &Path) -> Result<Vec<(PathBuf, String)>, StoreError> {
    let segments = Segments::read(folder)?;
    let newest = segments.there.last().copied().unwrap_or(0);
    let mut found = BTreeMap::new();
    if let Some(last) = segments.retired.last().filter(|last| *last > newest) {
        let what =
            "it is not there, or a later one: those before it were let go of, never the newest";
        found.insert(last.saturating_add(1), what);
    }
    for number in
        numbered(folder, sidecar::file_name)?.into_iter().filter(|number| segments.lacks(*number))
    {
        found.insert(number, "it is not there, and its index is");
    }
    for number in (1..newest).filter(|number| segments.lacks(*number)) {
        found.insert(number, "it is not there");
    }
    let named = |(number, what): (u32, &str)| (folder.join(file_name(number)), what.to_owned());
    Ok(found.into_iter().map(named).collect())
}
