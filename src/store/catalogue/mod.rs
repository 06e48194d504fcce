//! Quick answers about the whole DAG: children, searches, statistics. The one door to sled.
//!
//! **Invariant**: nothing in it is a truth. Its content is a function of the names at one
//! operation (the head that it remembers) and of the objects that they reach: brought forward step
//! by step or built from nothing, it is the same. So whatever is wrong with it, it is set aside,
//! built again, and that is said.
//!
//! **Durability**: each step is one atomic batch that ends with the head it leads to, flushed before
//! it is reported. A large one first takes the head away and gives it last. A crash leaves the old state, the new
//! one, or one without a head, which is built again.
//!
//! How sled is held: opened on a thread of its own, watched by a clock; every later use runs on a
//! thread of that name, too, so that a panic is a result; iterators end at their first error; what
//! is counted is counted by hand. The folder is locked by a file of ours, because sled's refusal
//! of a second process cannot be told from other failures. Knows nothing of packs and heads.
//!
//! While another process holds it, one that cannot wait builds a catalogue of its own (`own`), which goes
//! with it.
//!
//! It writes past `base::disk`: what a crash leaves of it is not worth keeping.

mod counter;
mod error;
mod forward;
mod hold;
mod open;
mod own;
mod query;
mod record;
mod remember;
mod tables;

#[cfg(test)]
mod tests;

pub use counter::CatalogueStatistics;
pub use error::{CatalogueError, Notice};
pub use forward::Progress;
pub use hold::CATALOGUE_THREAD;
pub use open::Catalogue;
pub use query::{CatalogueEntry, Query, VerdictIs};
pub use record::EvaluationCounts;
