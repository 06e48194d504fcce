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
pub use summary::{READER_VERSION, ReportError, ReportSummary};
