//! Packs: the immutable files in which all objects lie, and the set of those of one store.
//!
//! Guarantees that what is read from a pack is what was written, or an error that names the file; and
//! that a name in `packs/` always stands for a whole file.
//!
//! Knows nothing of which objects are needed, of commits, or of locks between processes.

pub mod block;
pub mod cache;
pub mod format;
pub mod index;
pub mod read;
pub mod set;
pub mod write;
