//! The lines that `cargo nextest run` prints for each test, and its summary.

use super::summary::Cases;
use crate::object::evaluation::TestStatus;

/// Collects lines; passes on those that are not its own.
#[derive(Default)]
pub(super) struct Reader {
    cases: Cases,
    counts: Option<(usize, usize)>,
    announced: usize,
}

impl Reader {
    /// How many tests have ended, and how many were announced.
    pub(super) fn progress(&self) -> (usize, usize) {
        (self.cases.0.len(), self.announced)
    }

    /// Takes a line of its own, or says that it is none.
    pub(super) fn line(&mut self, line: &str) -> bool {
        if let Some((status, name)) = test_in(line) {
            self.cases.add(name, status);
            return true;
        }
        if let Some(announced) = announced_in(line) {
            self.announced = announced;
            return true;
        }
        if let Some(counts) = counts_in(line) {
            self.counts = Some(counts);
            return true;
        }
        false
    }

    /// Adds what was collected, and what does not add up.
    pub(super) fn finish(self, cases: &mut Cases, faults: &mut Vec<String>) {
        let count = |wanted| self.cases.0.values().filter(|status| **status == wanted).count();
        let seen = (count(TestStatus::Passed), count(TestStatus::Failed));
        match self.counts {
            None if self.cases.0.is_empty() => {}
            Some(counts) if counts == seen => {}
            None => faults.push("the run of the tests broke off before its summary".to_owned()),
            Some(_) => faults.push(format!(
                "{} passed, {} failed were seen, but the summary does not say so",
                seen.0, seen.1
            )),
        }
        for (name, status) in self.cases.0 {
            cases.add(name, status);
        }
    }
}

/// `        PASS [   0.005s] (1/5) demo inner::p`; older versions leave the count off.
fn test_in(line: &str) -> Option<(TestStatus, String)> {
    let (word, rest) = line.strip_prefix(' ')?.trim_start().split_once(" [")?;
    let status = match word {
        "PASS" | "LEAK" => TestStatus::Passed,
        "FAIL" | "TIMEOUT" | "ABORT" | "LEAK-FAIL" | "XFAIL" => TestStatus::Failed,
        "SKIP" => TestStatus::Skipped,
        signal if signal.starts_with("SIG") => TestStatus::Failed,
        _ => return None,
    };
    let (seconds, name) = rest.split_once("] ")?;
    seconds.trim().strip_suffix('s')?.parse::<f64>().ok()?;
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
    }
}
