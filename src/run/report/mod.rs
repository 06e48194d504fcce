//! What tools say about tests, compilers and measurements, read from their output.
//!
//! Guarantees that a report which does not add up says so instead of being believed: a test that
//! is not named is not taken for passed. Output is not trusted: sizes are bounded, document types
//! refused. Knows nothing of verdicts.

mod cargo;
mod counter;
mod errors;
mod failures;
mod junit;
mod metrics;
mod nextest;
mod program;
mod summary;

pub use cargo::cargo_text;
pub use counter::{Count, Counter};
pub use errors::compiler_errors;
pub use failures::failure_lines;
pub use junit::junit;
pub use metrics::{MetricSpec, hyperfine, metrics};
pub use summary::{ReportError, ReportSummary};

/// Which version of these readers named the tests of an evaluation.
///
/// It belongs to the environment of an evaluation: tests that an older version named otherwise
/// would count as tests that no longer run. It is raised whenever a reader names tests otherwise.
pub const READER_VERSION: u32 = 2;
