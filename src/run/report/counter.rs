//! How many tests have ended so far, counted while they run.
//!
//! Reads the same lines as [`super::cargo_text`], with the same reader, so that both say the same in
//! the end. What is not understood counts nothing.

use super::cargo::Reader;
use super::summary::plain;

/// A line of a test tool is shorter; a longer one is a test's own output.
const LINE_BYTES_MAX: usize = 16 << 10;

/// How often a run is told of at most, as a share of its tests.
const STEPS: usize = 250;

/// How far a run of tests has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Tests that have ended.
    pub done: usize,
    /// How many there will be, where that can be said.
    pub total: Option<usize>,
}

/// Counts tests from output that comes piece by piece.
#[derive(Default)]
pub struct Counter {
    reader: Reader,
    /// The line that has not ended.
    line: Vec<u8>,
    is_too_long: bool,
    expected: Option<usize>,
    told: Count,
}

impl Counter {
    /// A counter that may know how many tests there were the last time: cargo announces those of
    /// one program after the other.
    pub fn expecting(expected: Option<usize>) -> Self {
        Self { expected, ..Self::default() }
    }

    /// Takes what was written next, and says how far it has come when that is worth saying: not
    /// for each of ten thousand tests.
    pub fn take(&mut self, piece: &[u8]) -> Option<Count> {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            if self.line.len() + part.len() > LINE_BYTES_MAX {
                self.line.clear();
                self.is_too_long = true;
            } else if !self.is_too_long {
                self.line.extend_from_slice(part);
            }
            if part.ends_with(b"\n") {
                if !std::mem::take(&mut self.is_too_long) {
                    self.reader.line(&plain(&String::from_utf8_lossy(&self.line)));
                }
                self.line.clear();
            }
        }
        let count = self.count();
        let is_over = count.total == Some(count.done);
        let step = (count.total.unwrap_or(count.done) / STEPS).max(1);
        let is_due = is_over || count.done >= self.told.done + step;
        if count == self.told || !(is_due || count.total != self.told.total) {
            return None;
        }
        self.told = count;
        Some(count)
    }

    fn count(&self) -> Count {
        let (done, announced) = self.reader.progress();
        // Without a test there is no run yet, whatever is expected.
        let total = (announced > 0).then(|| announced.max(self.expected.unwrap_or(0)).max(done));
        Count { done, total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "   Compiling x\n     Running unittests src/lib.rs (target/debug/deps/x-01)\n\nrunning 2 tests\n\
        test a ... ok\ntest b ... own output\nok\n\ntest result: ok. 2 passed; 0 failed; 0 ignored; 0 measured\n\n\
        \u{20}    Running tests/t.rs (target/debug/deps/t-02)\n\nrunning 1 test\ntest c ... FAILED\n\n\
        failures:\n\ntest d ... ok\n\ntest result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured\n";

    fn counts(text: &str, expected: Option<usize>, size: usize) -> Vec<(usize, Option<usize>)> {
        let mut counter = Counter::expecting(expected);
        let told = text.as_bytes().chunks(size).filter_map(|piece| counter.take(piece));
        told.map(|count| (count.done, count.total)).collect()
    }

    #[test]
    fn tests_are_counted_as_they_end_however_the_output_is_cut() {
        let wanted = [(0, Some(2)), (1, Some(2)), (2, Some(2)), (2, Some(3)), (3, Some(3))];
        for size in [1, 7] {
            assert_eq!(counts(TEXT, None, size), wanted, "{size}");
        }
        assert_eq!(counts(TEXT, None, 10_000), [(3, Some(3))]);
        let wanted = [(0, Some(3)), (1, Some(3)), (2, Some(3)), (3, Some(3))];
        assert_eq!(counts(TEXT, Some(3), 1), wanted);
        // Of fewer tests than expected it never says that it is done.
        assert_eq!(counts(TEXT, Some(9), 1).last(), Some(&(3, Some(9))));
        assert_eq!(counts("running late\ntest a ... ok\n", Some(9), 3), []);
    }

    #[test]
    fn nextest_says_how_many_there_will_be() {
        let text = "    Starting 3 tests across 2 binaries (1 test skipped)\n\
            \u{20}       PASS [   0.005s] (1/3) demo top\n        FAIL [   0.148s] (2/3) demo bad\n";
        assert_eq!(counts(text, None, 5), [(0, Some(3)), (1, Some(3)), (2, Some(3))]);
    }

    #[test]
    fn many_tests_are_not_told_one_by_one_and_long_lines_cost_nothing() {
        let mut text = "running 100000 tests\n".to_owned();
        text.push_str(&"x".repeat(1 << 20));
        text.push('\n');
        for at in 0..100_000 {
            text.push_str(&format!("test t{at} ... ok\n"));
        }
        let told = counts(&text, None, 20);
        assert!(told.len() <= STEPS + 2, "{}", told.len());
        assert_eq!(told.last(), Some(&(100_000, Some(100_000))));
    }
}
