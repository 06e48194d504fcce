//! Floor 1: the objects of the DAG as values, and the narrow traits by which they are fetched and
//! put.
//!
//! Guarantees that equal values have equal ids, whatever edits led there. Knows nothing of packs,
//! files on disk, sled or git: a value never holds the store that it came from.

pub mod chunk;
#[cfg(test)]
pub(crate) mod counting;
pub mod document;
pub mod evaluation;
pub mod experiment;
pub mod memory;
pub mod names;
pub mod operation;
pub mod sequence;
pub mod snapshot;
pub mod tombstone;
pub mod traits;
pub mod tree;
