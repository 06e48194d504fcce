//! Reports as self-contained HTML pages: one file, no script, nothing fetched.

mod escape;
mod experiment;

pub use experiment::experiment;
