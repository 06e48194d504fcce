//! Floor 3: what follows from facts. Verdicts, rankings and analyses as pure functions.
//!
//! Guarantees that the same facts give the same answer, whatever the order in which they come and
//! whatever things are called. Reads no clock, no disk and no store; knows nothing of how facts are
//! found and nothing of how answers are shown.

pub mod analysis;
pub mod comparison;
pub mod limits;
pub mod rank;
pub mod retention;
pub mod suspicion;
mod text;
pub mod trigger;
pub mod verdict;

#[cfg(test)]
mod sample;
