//! The lines that `cargo nextest run` prints for each test, and its summary.
//!
//! A test that is tried again counts by its last try, as nextest counts it: one that passed at the
//! second try has passed.

use std::collections::BTreeMap;

use super::summary::Cases;
use crate::object::evaluation::TestStatus;

/// Where the word of a test's end stands at the right: nextest aligns them, so that a line of a
/// test's own output, which is indented, is told apart.
const WORD_COLUMNS: usize = 12;

/// Collects lines; passes on those that are not its own.
#[derive(Default)]
pub(super) struct Reader {
    /// Of runs that have ended: a command may start nextest several times.
    ended: Cases,
    faults: Vec<String>,
    count: usize,
    run: Run,
    announced: usize,
}

/// One run, from `Starting` to its summary.
#[derive(Default)]
struct Run {
    /// The end of the last try.
    tests: BTreeMap<String, TestStatus>,
    counts: Option<(usize, usize)>,
}

impl Reader {
    /// How many tests have ended, and how many were announced.
    pub(super) fn progress(&self) -> (usize, usize) {
        (self.count + self.run.tests.len(), self.announced)
    }

    /// Whether a run has begun.
    pub(super) fn has_run(&self) -> bool {
        self.announced > 0
    }

    /// Takes a line of its own, or says that it is none.
    pub(super) fn line(&mut self, line: &str) -> bool {
        if let Some((status, name)) = test_in(line) {
            // Below its summary nextest repeats what failed.
            if self.run.counts.is_none() {
                self.run.tests.insert(name, status);
            }
            return true;
        }
        if let Some(announced) = announced_in(line) {
            self.close_run();
            self.announced += announced;
            return true;
        }
        if let Some(counts) = counts_in(line) {
            self.run.counts = Some(counts);
            return true;
        }
        false
    }

    fn close_run(&mut self) {
        let run = std::mem::take(&mut self.run);
        let count = |wanted| run.tests.values().filter(|status| **status == wanted).count();
        let seen = (count(TestStatus::Passed), count(TestStatus::Failed));
        match run.counts {
            None if run.tests.is_empty() => {}
            Some(counts) if counts == seen => {}
            None => {
                self.faults.push("the run of the tests broke off before its summary".to_owned());
            }
            Some(_) => self.faults.push(format!(
                "{} passed, {} failed were seen, but the summary does not say so",
                seen.0, seen.1
            )),
        }
        self.count += run.tests.len();
        for (name, status) in run.tests {
            self.ended.add(name, status);
        }
    }

    /// Adds what was collected, and what does not add up.
    pub(super) fn finish(mut self, cases: &mut Cases, faults: &mut Vec<String>) {
        self.close_run();
        faults.extend(self.faults);
        for (name, ends) in self.ended.0 {
            for status in ends {
                cases.add(name.clone(), status);
            }
        }
    }
}

/// `        PASS [   0.005s] (1/5) demo inner::p`, `  TRY 2 PASS [   0.004s] …`; older versions
/// leave the count off.
fn test_in(line: &str) -> Option<(TestStatus, String)> {
    let (before, rest) = line.split_once(" [")?;
    let word = before.trim_start();
    if before.len() != word.len() && before.len() != WORD_COLUMNS {
        return None;
    }
    let tried = word.strip_prefix("TRY ").and_then(|rest| rest.split_once(' '));
    let status = match tried {
        Some((number, "PASS" | "LEAK")) if number.parse::<u32>().is_ok() => TestStatus::Passed,
        // The words for other ends are many: `FAIL`, `TMT`, `SEGV`, `ABRT`, `SIG 64`.
        Some((number, _)) if number.parse::<u32>().is_ok() => TestStatus::Failed,
        _ => match word {
            "PASS" | "LEAK" => TestStatus::Passed,
            "FAIL" | "TIMEOUT" | "ABORT" | "LEAK-FAIL" | "XFAIL" => TestStatus::Failed,
            "SKIP" => TestStatus::Skipped,
            flaky if flaky.starts_with("FLAKY ") => TestStatus::Passed,
            signal if signal.starts_with("SIG") => TestStatus::Failed,
            _ => return None,
        },
    };
    let (seconds, name) = rest.split_once("] ")?;
    let seconds = seconds.trim();
    if !(status == TestStatus::Skipped && seconds.is_empty()) {
        seconds.strip_suffix('s')?.parse::<f64>().ok()?;
    }
    let name = name.trim_start();
    let counted = name.strip_prefix('(').and_then(|rest| rest.split_once(") "));
    let (binary, test) = counted.map_or(name, |(_, name)| name).trim().split_once(' ')?;
    Some((status, format!("{binary}::{test}")))
}

/// `    Starting 3 tests across 2 binaries (1 test skipped)`.
fn announced_in(line: &str) -> Option<usize> {
    let (count, rest) = line.trim_start().strip_prefix("Starting ")?.split_once(' ')?;
    let is_it = rest.starts_with("tests across") || rest.starts_with("test across");
    is_it.then(|| count.parse().ok())?
}

/// `     Summary [   0.150s] 5 tests run: 4 passed, 1 failed, 1 skipped`.
fn counts_in(line: &str) -> Option<(usize, usize)> {
    let rest = line.trim_start().strip_prefix("Summary [")?;
    let (_, counts) = rest.split_once(": ")?;
    let mut found = (0, 0);
    for part in counts.split(", ") {
        let (number, word) = part.split_once(' ')?;
        let number: usize = number.parse().ok()?;
        if word.starts_with("passed") {
            found.0 = number;
        } else if word.starts_with("failed") || word.starts_with("timed out") {
            found.1 += number;
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::super::cargo_text;
    use crate::object::evaluation::TestStatus;

    const TEXT: &str = "    Starting 3 tests across 2 binaries (1 test skipped)\n\
        \u{20}       PASS [   0.005s] (1/3) demo top\n        FAIL [   0.148s] (2/3) demo inner::bad\n\
        \u{20}   running 1 test\n    test inner::bad ... FAILED\n\n\
        \u{20}       PASS [   0.005s] (3/3) demo::a one\n────────────\n\
        \u{20}    Summary [   0.150s] 3 tests run: 2 passed, 1 failed, 1 skipped\n\
        \u{20}       FAIL [   0.148s] (2/3) demo inner::bad\nerror: test run failed\n";

    #[test]
    fn lines_are_read_once_and_counted() {
        let summary = cargo_text(TEXT);
        let names: Vec<_> = summary.tests.iter().map(|test| test.name.as_str()).collect();
        assert_eq!(names, ["demo::a::one", "demo::inner::bad", "demo::top"]);
        assert_eq!(summary.count(TestStatus::Failed), 1);
        assert_eq!(summary.faults, [""; 0]);
        let broken = cargo_text(&TEXT.replace("2 passed", "3 passed"));
        assert_eq!(broken.faults.len(), 1);
        // Two runs of one command: a test of both is there twice.
        let twice = cargo_text(&TEXT.repeat(2));
        assert_eq!((twice.tests.len(), twice.faults.len()), (6, 0));
    }

    /// `cargo nextest run --retries 2`, cargo-nextest 0.9.143, for three tests of which one passes
    /// at its second try and one never.
    const RETRIED: &str = include_str!("nextest/retries.txt");

    #[test]
    fn the_last_try_counts() {
        let summary = cargo_text(RETRIED);
        let ends: Vec<_> =
            summary.tests.iter().map(|test| (test.name.as_str(), test.status)).collect();
        use TestStatus::{Failed, Passed};
        let wanted = [
            ("demo::it::fails_always", Failed),
            ("demo::it::passes", Passed),
            ("demo::it::passes_at_second_try", Passed),
        ];
        assert_eq!(ends, wanted);
        assert_eq!(summary.faults, [""; 0]);
    }
}
