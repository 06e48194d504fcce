//! Reports as self-contained HTML pages: one file, no script, nothing fetched.

mod bars;
mod escape;
mod experiment;
mod graph;
mod shape;

pub use experiment::experiment;
