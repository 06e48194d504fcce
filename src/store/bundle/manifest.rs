//! The manifest: what a bundle says of itself before its objects.
//!
//! **Format**: the fields in this order, encoded as those of a record, without a header.

use serde::{Deserialize, Serialize};

use super::error::BundleError;
use crate::base::id::{Hash, SnapshotId};
use crate::base::name::Label;
use crate::base::time::Timestamp;
use crate::object::names::{NameEntry, NameKey};
use crate::object::sequence::Element;

/// The version of the manifest in JSON lines; that of a binary bundle stands in its header.
pub const MANIFEST_VERSION: u64 = 1;

/// Digits of a store's id in the word for it.
const SOURCE_DIGITS: usize = 8;

/// Digits of a store's id from which on they name it.
const SOURCE_DIGITS_MIN: usize = 8;

/// The store that a bundle comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The id of the store, which it was given with its first bundle.
    pub store: Hash,
    /// Its name for people: a label of one part.
    pub name: Label,
}

impl Source {
    /// One word for it, which two stores of one name do not share: `ann-laptop-3f2a9c1b`.
    pub fn word(&self) -> String {
        format!("{}-{}", self.name, &self.store.hex()[..SOURCE_DIGITS])
    }

    /// Whether a text names it: its word, its name, or eight digits of its id and more.
    pub fn is_named(&self, text: &str) -> bool {
        let is_id = text.len() >= SOURCE_DIGITS_MIN && self.store.hex().starts_with(text);
        text == self.word() || text == self.name.as_str() || is_id
    }
}

/// A snapshot that whoever receives the bundle must have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prerequisite {
    /// Which one.
    pub snapshot: SnapshotId,
    /// What it was called where the bundle was made.
    pub name: String,
}

/// What a bundle says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Where it comes from.
    pub source: Source,
    /// The user who made it.
    pub who: String,
    /// When.
    pub when: Timestamp,
    /// The names that it brings, ascending: branches, tags, experiments, evaluations, verdicts.
    pub names: Vec<NameEntry>,
    /// What is left out and must be there.
    pub prerequisites: Vec<Prerequisite>,
    /// Number of the objects that follow.
    pub objects: u64,
    /// Bytes of their content.
    pub bytes: u64,
}

impl Manifest {
    /// Refuses what no exporter writes.
    ///
    /// # Errors
    /// [`BundleError::Damaged`].
    pub(super) fn check(&self) -> Result<(), BundleError> {
        if self.source.name.as_str().contains('/') {
            return Err(BundleError::damaged("the name of its source has several parts"));
        }
        if !self.names.windows(2).all(|pair| pair[0].key < pair[1].key) {
            return Err(BundleError::damaged("its names are out of order"));
        }
        for entry in &self.names {
            let travels = !matches!(
                NameKey::parse(&entry.key),
                None | Some(NameKey::Position(_) | NameKey::Foreign { .. })
            );
            let is_plain = match NameKey::parse(&entry.key) {
                // It becomes a part of labels, and is shown.
                Some(NameKey::Experiment(name)) => Label::new(name).is_ok(),
                _ => true,
            };
            let fault = entry
                .fault()
                .or((!travels).then_some("such a name does not travel"))
                .or((!is_plain).then_some("no experiment is called so"));
            if let Some(fault) = fault {
                return Err(BundleError::damaged(format!("`{}`: {fault}", entry.key)));
            }
        }
        Ok(())
    }
}
