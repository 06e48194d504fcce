//! What a law is: a function from a file to the places that break it.

use std::fmt;

use super::scan::Source;

/// One place that breaks a law.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The file.
    pub path: String,
    /// The line, the first being 1.
    pub line: usize,
    /// What is wrong there.
    pub fault: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.fault)
    }
}

/// A violation at a position of a file's code.
pub fn violation(source: &Source, at: usize, fault: impl Into<String>) -> Violation {
    Violation { path: source.path.clone(), line: source.line(at), fault: fault.into() }
}

/// A law about one file.
pub type Law = fn(&Source) -> Vec<Violation>;

/// Proves that a law finds that many places in a sample.
#[cfg(test)]
#[track_caller]
pub fn check(law: Law, path: &str, text: &str, count: usize) {
    let found = law(&Source::new(path, text));
    assert_eq!(found.len(), count, "{path}: {text}\n{found:?}");
}
