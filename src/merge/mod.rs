//! Trees and texts brought together: three-way merge by path and by line, and the difference of
//! two texts.
//!
//! Guarantees that a conflict is a value, never an error and never a guess: where both sides
//! changed the same thing differently, both are kept apart and named. All work is bounded by the
//! size of what changed. Knows nothing of branches, snapshots or the disk, and does not render:
//! colours and labels are for the surface.

mod folder;
mod leaf;
mod lines;
mod patch;
mod rename;
mod text;
mod tree;
mod unified;

#[cfg(test)]
mod tests;

pub use leaf::{Conflict, ConflictKind, Side};
pub use lines::{TextKind, text_kind};
pub use patch::{PatchSide, file_patch};
pub use text::{TextMerge, merge_text};
pub use tree::{MergeError, TreeMerge, merge_trees};
pub use unified::{DiffLine, Hunk, LineDiff, LineTag, TextDiff, unified};
