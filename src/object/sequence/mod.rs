//! Sequences as Merkle trees: what trees, names, maps and lists are made of.
//!
//! Guarantees one shape for one sequence: the root's hash is a function of the elements alone.
//! Knows nothing of what the elements mean.

mod build;
mod diff;
mod edit;
mod node;
mod position;
mod shape;
#[cfg(test)]
mod tests;
mod walk;

pub use build::{Builder, Root, build};
pub use diff::{Change, diff};
pub use edit::edit;
pub use node::{Child, Element, Node, load};
pub use position::{ListChange, diff_list, get_at};
pub use shape::verify;
pub use walk::{Elements, count, get};
