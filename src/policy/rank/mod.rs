//! Which candidate is best, and why.
//!
//! Guarantees a total preorder that depends on facts alone: neither on the order in which
//! candidates come nor on what they are called. Every row says what put it where it is. Ties are
//! shown as ties: they share a place and stand in the order of the smaller change, then of age.

mod explain;
mod levels;
mod order;

pub use order::{Candidate, ChangeSize, Order, Ranking, Row, rank};

#[cfg(test)]
mod tests;
