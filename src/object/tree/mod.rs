//! Directories as Merkle trees.
//!
//! Guarantees that entries are sorted by the bytes of their names and that a name never leads out.
//! No modification times: the same files are the same tree whenever they were written. Empty
//! directories are kept. Knows nothing of the disk.

mod diff;
mod edit;
mod entry;
mod extent;
mod read;
#[cfg(test)]
mod tests;

pub use diff::{TreeChange, diff};
pub use edit::{Leaf, edit};
pub use entry::{EntryKind, TreeEntry, build, empty};
pub use extent::{Extent, Extents};
pub use read::{Walked, entries, entry, lookup, totals, verify, walk};
