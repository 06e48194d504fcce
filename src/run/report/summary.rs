//! What a report says, whatever tool wrote it.
//!
//! Knows nothing of the forms in which tools write.

use std::collections::BTreeMap;

use crate::base::limits::REPORT_BYTES_MAX;
use crate::object::evaluation::{TestCase, TestStatus};

/// What a report of tests says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportSummary {
    /// The tests, ordered by name, each once.
    pub tests: Vec<TestCase>,
    /// Why it is not the whole truth, such as a test program that broke off or counts that do not
    /// agree; empty for a report that adds up.
    pub faults: Vec<String>,
}

impl ReportSummary {
    /// How many tests ended so.
    pub fn count(&self, status: TestStatus) -> usize {
        self.tests.iter().filter(|test| test.status == status).count()
    }
}

/// Why a report cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// It is over the bound.
    #[error("could not read the report: it is larger than {REPORT_BYTES_MAX} bytes")]
    TooLarge,
    /// It has a document type, which could make a reader expand it without end.
    #[error("could not read the report: it has a document type, which is refused")]
    DocumentType,
    /// It is no XML or JSON of the expected form.
    #[error("could not read the report: {0}")]
    Malformed(String),
}

/// Tests by name; where a name comes twice the worse end counts.
#[derive(Default)]
pub(super) struct Cases(pub(super) BTreeMap<String, TestStatus>);

impl Cases {
    pub(super) fn add(&mut self, name: String, status: TestStatus) {
        let badness = |status: TestStatus| match status {
            TestStatus::Skipped => 0,
            TestStatus::Passed => 1,
            TestStatus::Failed => 2,
        };
        let known = self.0.entry(name).or_insert(status);
        if badness(status) > badness(*known) {
            *known = status;
        }
    }

    pub(super) fn into_tests(self) -> Vec<TestCase> {
        self.0.into_iter().map(|(name, status)| TestCase { name, status }).collect()
    }
}

/// A line without the sequences that colour it.
pub(super) fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line.trim_end_matches(['\r', '\n']);
    while let Some(at) = rest.find("\u{1b}[") {
        text.push_str(&rest[..at]);
        let sequence = &rest[at + 2..];
        let end = sequence.find(|c: char| c.is_ascii_alphabetic());
        rest = end.map_or("", |end| &sequence[end + 1..]);
    }
    text.push_str(rest);
    text
}
