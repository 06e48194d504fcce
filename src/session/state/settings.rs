//! How a store's sessions behave.

use crate::base::limits::{STATE_CACHE_BYTES, STATE_CACHE_DOCUMENTS};
use crate::document::{ListKeys, PointerPattern};

/// How a store's sessions behave. All of it may change between two openings: no stored byte
/// depends on it.
#[derive(Clone, Debug)]
pub struct StateSettings {
    /// Whether states are saved by what changed, and automatic puts without a change that counts
    /// are skipped. Off: each put is saved as a whole.
    pub quick: bool,
    /// Places whose change alone does not count, with all below them.
    pub ignore: Vec<PointerPattern>,
    /// Whether the ids of states that are rebuilt from patches are compared. Those of states that
    /// lie there as a whole always are.
    pub verify: bool,
    /// By which field the items of lists are known when states are compared and merged.
    pub list_keys: ListKeys,
    /// Rebuilt documents that are kept in memory, and how many bytes they may stand for.
    pub cache: (usize, usize),
}

impl Default for StateSettings {
    fn default() -> Self {
        Self {
            quick: true,
            ignore: Vec::new(),
            verify: true,
            list_keys: ListKeys::default(),
            cache: (STATE_CACHE_DOCUMENTS, STATE_CACHE_BYTES),
        }
    }
}
