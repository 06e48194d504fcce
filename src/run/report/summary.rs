//! What a report says, whatever tool wrote it.
//!
//! Knows nothing of the forms in which tools write.

use std::collections::BTreeMap;

use crate::base::limits::REPORT_BYTES_MAX;
use crate::object::evaluation::{TestCase, TestStatus};

/// Which version of the readers of reports named the tests of an evaluation.
///
/// It belongs to the environment of an evaluation: tests that an older version named otherwise
/// would count as tests that no longer run. It is raised whenever a reader names tests otherwise.
pub const READER_VERSION: u32 = 2;

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

/// Tests by name. Several tests may have one name: parametrised tests in some reports, tests of
/// several packages.
///
/// They are numbered by how they ended, the failed ones first, and not by their order: tests run
/// in parallel are reported in any order. So two reports of them differ only where the number of
/// those that failed, or ran at all, differs. That one of them failed where another was mended
/// cannot be told.
#[derive(Default)]
pub(super) struct Cases(pub(super) BTreeMap<String, Vec<TestStatus>>);

impl Cases {
    pub(super) fn add(&mut self, name: String, status: TestStatus) {
        self.0.entry(name).or_default().push(status);
    }

    pub(super) fn into_tests(self) -> Vec<TestCase> {
        let badness = |status: &TestStatus| match status {
            TestStatus::Failed => 0,
            TestStatus::Passed => 1,
            TestStatus::Skipped => 2,
        };
        let mut tests = BTreeMap::new();
        for (name, ends) in &self.0 {
            let mut ends = ends.clone();
            ends.sort_by_key(badness);
            let mut number = 1;
            for (at, status) in ends.into_iter().enumerate() {
                let mut numbered = name.clone();
                // A test may really be called so.
                while at > 0 && (numbered == *name || self.0.contains_key(&numbered)) {
                    number += 1;
                    numbered = format!("{name}#{number}");
                }
                tests.insert(numbered, status);
            }
        }
        tests.into_iter().map(|(name, status)| TestCase { name, status }).collect()
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
