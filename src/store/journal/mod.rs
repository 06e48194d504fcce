//! The journal: one append-only log for all streams of a store, so that many of them share one
//! write and one sync.
//!
//! A *stream* is a sequence of *frames* under one id; a frame is bytes with a digest, at a
//! *position*. Frames of all streams follow each other in *segments*: files in `journal/` of some
//! 4 MiB, the newest of which, the *active* one, is written at its end.
//!
//! **Durability**: an append is seen by every process, and survives the death of its own, when it
//! returns; it survives a power cut after [`Journal::sync`].
//!
//! **Invariant**: of each stream a prefix is shown, never a frame behind one that a crash took. A
//! frame that rotted on the disk is an error for that frame alone. What stands in a segment is
//! never written over: an end that a crash tore stays, and the next append begins a new segment.
//!
//! Knows nothing of what the payloads mean.

mod append;
mod check;
mod error;
mod frame;
mod hold;
mod index;
mod missing;
mod open;
mod retired;
mod roll;
mod scan;
mod segment;
mod sidecar;
mod statistics;
mod sync;
mod tail;
#[cfg(test)]
mod tests;

pub use append::Append;
pub use check::{JournalCheck, check};
pub use error::JournalError;
pub use frame::{Position, StreamId};
pub use missing::{Segments, missing};
pub use open::Journal;
pub use retired::Retired;
pub use segment::file_name;
pub use statistics::JournalStatistics;
