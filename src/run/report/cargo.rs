//! The text that `cargo test` and `cargo nextest run` print, standard output and error in one.
//!
//! Names are qualified by the target, so that they mean the same in every run: the hash of a test
//! program is left off, and so are the line numbers of documentation tests, which an edit above
//! would change (several of one item are counted instead).

use std::collections::BTreeMap;

use super::nextest;
use super::summary::{Cases, ReportSummary, plain};
use crate::object::evaluation::TestStatus;

/// Reads the whole text of one or several test programs.
pub fn cargo_text(text: &str) -> ReportSummary {
    let mut reader = Reader::default();
    for line in text.lines() {
        reader.line(&plain(line));
    }
    reader.finish()
}

/// Reads one line after the other.
#[derive(Default)]
pub(super) struct Reader {
    cases: Cases,
    faults: Vec<String>,
    nextest: nextest::Reader,
    targets: BTreeMap<String, usize>,
    target: String,
    program: Option<Program>,
    /// Tests announced by all programs, and ended in those that are closed.
    announced: usize,
    ended: usize,
}

/// One test program, from `running` to `test result:`.
struct Program {
    announced: usize,
    tests: Vec<(String, Option<u64>, TestStatus)>,
    /// A test whose end has not been seen: its own output may stand between.
    open: Option<String>,
    /// Past `failures:` the output of tests is repeated and means nothing.
    is_over: bool,
}

impl Reader {
    /// Takes a line, whichever of the two tools wrote it.
    pub(super) fn line(&mut self, line: &str) {
        if !self.nextest.line(line) {
            self.line_of_cargo(line);
        }
    }

    /// How many tests have ended, and how many were announced.
    pub(super) fn progress(&self) -> (usize, usize) {
        let running = self.program.as_ref().map_or(0, |program| program.tests.len());
        let (ended, announced) = self.nextest.progress();
        (ended + self.ended + running, announced + self.announced)
    }

    fn line_of_cargo(&mut self, line: &str) {
        if let Some(target) = target_of(line) {
            self.close_program(None);
            self.start_target(target);
        } else if let Some(announced) = announced_in(line) {
            // Inside a program such a line is a test's own output (or a test of test programs).
            if self.program.is_none() {
                self.announced += announced;
                self.program =
                    Some(Program { announced, tests: Vec::new(), open: None, is_over: false });
            }
        } else if line.starts_with("test result: ") {
            self.close_program(Some(line));
        } else if let Some(program) = &mut self.program {
            program.line(line);
        }
    }

    fn start_target(&mut self, target: String) {
        let count = self.targets.entry(target.clone()).or_insert(0);
        *count += 1;
        // Packages of one workspace may have targets of the same name.
        self.target = if *count > 1 { format!("{target}#{count}") } else { target };
    }

    fn close_program(&mut self, result: Option<&str>) {
        let Some(program) = self.program.take() else { return };
        self.ended += program.tests.len();
        let target = self.target.clone();
        match result.map(counts_of) {
            None => self.faults.push(format!(
                "{target}: the test program broke off after {} of {} tests",
                program.tests.len(),
                program.announced
            )),
            Some(counts) => {
                let count = |wanted| program.tests.iter().filter(|test| test.2 == wanted).count();
                let seen = [TestStatus::Passed, TestStatus::Failed, TestStatus::Skipped].map(count);
                if counts != Some(seen) {
                    let [passed, failed, skipped] = seen;
                    self.faults.push(format!(
                        "{target}: {passed} passed, {failed} failed, {skipped} ignored were seen, \
                         but its result does not say so"
                    ));
                }
            }
        }
        let mut tests = program.tests;
        // A test that was open when the program broke off is the one that broke it.
        tests.extend(program.open.map(|name| (name, None, TestStatus::Failed)));
        tests.sort();
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        for (name, line, status) in tests {
            let count = known.entry(name.clone()).or_insert(0);
            *count += 1;
            let number =
                if line.is_some() && *count > 1 { format!("#{count}") } else { String::new() };
            let prefix = if target.is_empty() { String::new() } else { format!("{target}::") };
            self.cases.add(format!("{prefix}{name}{number}"), status);
        }
    }

    fn finish(mut self) -> ReportSummary {
        self.close_program(None);
        self.nextest.finish(&mut self.cases, &mut self.faults);
        ReportSummary { tests: self.cases.into_tests(), faults: self.faults }
    }
}

impl Program {
    fn line(&mut self, line: &str) {
        if line == "failures:" || line == "successes:" {
            self.is_over = true;
        }
        if self.is_over {
            return;
        }
        let begun = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... "));
        if let Some((name, end)) = begun {
            match status_of(end) {
                Some(status) => self.add(name, status),
                None => self.open = Some(name.to_owned()),
            }
        } else if let Some(name) = line.strip_prefix("test ").and_then(|l| l.strip_suffix(" ...")) {
            self.open = Some(name.to_owned());
        } else if let Some(name) = self.open.take() {
            // With output between, the end stands alone or after the output's last line.
            match ["ok", "FAILED", "ignored"].into_iter().find(|word| line.ends_with(word)) {
                Some(word) => self.add(&name, status_of(word).unwrap_or(TestStatus::Failed)),
                None => self.open = Some(name),
            }
        }
    }

    fn add(&mut self, name: &str, status: TestStatus) {
        let kinds = [" - should panic", " - compile fail", " - compile"];
        let name = kinds.iter().find_map(|kind| name.strip_suffix(kind)).unwrap_or(name);
        let (name, line) = without_line(name);
        self.tests.push((name, line, status));
        self.open = None;
    }
}

/// `src/lib.rs - f (line 6)` without its line.
fn without_line(name: &str) -> (String, Option<u64>) {
    let split = name.strip_suffix(')').and_then(|name| name.rsplit_once(" (line "));
    match split.and_then(|(name, line)| Some((name, line.parse().ok()?))) {
        Some((name, line)) => (name.to_owned(), Some(line)),
        None => (name.to_owned(), None),
    }
}

fn status_of(end: &str) -> Option<TestStatus> {
    let word = end.split([' ', ',', '(', '<']).next().unwrap_or(end);
    match word {
        "ok" | "bench:" => Some(TestStatus::Passed),
        "FAILED" => Some(TestStatus::Failed),
        "ignored" => Some(TestStatus::Skipped),
        _ => None,
    }
}

/// `running 3 tests`.
fn announced_in(line: &str) -> Option<usize> {
    let (count, rest) = line.strip_prefix("running ")?.split_once(' ')?;
    matches!(rest, "test" | "tests").then(|| count.parse().ok())?
}

/// `Running unittests src/lib.rs (target/debug/deps/demo-0123456789abcdef)`, `Doc-tests demo`.
fn target_of(line: &str) -> Option<String> {
    let line = line.trim_start();
    if let Some(name) = line.strip_prefix("Doc-tests ") {
        return Some(format!("doc {}", name.trim()));
    }
    let (source, program) = line.strip_prefix("Running ")?.strip_suffix(')')?.rsplit_once(" (")?;
    let source = source.strip_prefix("unittests ").unwrap_or(source);
    let file = program.rsplit(['/', '\\']).next()?;
    let stem = file.strip_suffix(".exe").unwrap_or(file);
    let stem = stem.rsplit_once('-').map_or(stem, |(stem, _)| stem);
    let source_stem = source.rsplit('/').next()?.strip_suffix(".rs")?;
    Some(if source_stem == stem { source.to_owned() } else { format!("{stem}:{source}") })
}

/// Passed, failed and ignored of a `test result:` line.
fn counts_of(line: &str) -> Option<[usize; 3]> {
    let (_, counts) = line.split_once(". ")?;
    let mut found = [None; 3];
    for part in counts.split("; ") {
        let (number, word) = part.split_once(' ')?;
        let at = match word {
            "passed" => 0,
            "failed" => 1,
            "ignored" => 2,
            // Benches count as passed in the lines that are seen.
            _ => continue,
        };
        found[at] = Some(number.parse().ok()?);
    }
    Some([found[0]?, found[1]?, found[2]?])
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "   Compiling demo v0.1.0 (/w)\n     Running unittests src/lib.rs (target/debug/deps/demo-8348ca7a80742723)\n\n\
        running 4 tests\ntest inner::later ... ignored, slow\ntest inner::bad ... FAILED\n\
        test inner::p - should panic ... ok\ntest top ... ok\n\nfailures:\n\n---- inner::bad stdout ----\n\
        test fake ... ok\n\nfailures:\n    inner::bad\n\n\
        test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.08s\n\n\
        error: test failed, to rerun pass `--lib`\n     Running tests/a.rs (/t/debug/deps/a-e2f4edd464de6364)\n\n\
        running 1 test\ntest one ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n\n\
        \u{20}  Doc-tests demo\n\nrunning 3 tests\ntest src/lib.rs - f (line 60) ... FAILED\n\
        test src/lib.rs - f (line 9) - compile ... ok\ntest src/lib.rs - (line 1) ... ok\n\nfailures:\n\n\
        test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.11s\n";

    fn named(summary: &ReportSummary) -> Vec<(&str, TestStatus)> {
        summary.tests.iter().map(|test| (test.name.as_str(), test.status)).collect()
    }

    #[test]
    fn names_are_qualified_and_stable() {
        use TestStatus::{Failed, Passed, Skipped};
        let summary = cargo_text(TEXT);
        assert_eq!(
            named(&summary),
            [
                ("demo:src/lib.rs::inner::bad", Failed),
                ("demo:src/lib.rs::inner::later", Skipped),
                ("demo:src/lib.rs::inner::p", Passed),
                ("demo:src/lib.rs::top", Passed),
                ("doc demo::src/lib.rs -", Passed),
                ("doc demo::src/lib.rs - f", Passed),
                ("doc demo::src/lib.rs - f#2", Failed),
                ("tests/a.rs::one", Passed),
            ]
        );
        assert_eq!(summary.faults, [""; 0]);
        let moved = TEXT.replace("8348ca7a80742723", "00").replace("line 60", "line 70");
        assert_eq!(cargo_text(&moved), summary);
        let coloured = TEXT.replace("... ok", "... \u{1b}[32mok\u{1b}(B\u{1b}[m");
        assert_eq!(cargo_text(&coloured.replace("\u{1b}(B", "")), summary);
    }

    #[test]
    fn a_program_that_broke_off_is_not_believed() {
        let text = "     Running tests/a.rs (t/a-1)\n\nrunning 2 tests\ntest one ... ok\ntest two ... \
                    memory allocation failed\nerror: test failed (signal: 6, SIGABRT)\n";
        let summary = cargo_text(text);
        assert_eq!(summary.faults.len(), 1);
        assert!(named(&summary).contains(&("tests/a.rs::two", TestStatus::Failed)));
    }

    #[test]
    fn output_between_a_test_and_its_end_is_tolerated() {
        let text = "running 2 tests\ntest one ... hello\nworld\nok\ntest two ... xok\n\n\
                    test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";
        let summary = cargo_text(text);
        assert_eq!(summary.count(TestStatus::Passed), 1);
        // What cannot be told is not taken for passed, and the counts say that something is off.
        assert_eq!(named(&summary)[1], ("two", TestStatus::Failed));
        assert_eq!(summary.faults.len(), 1);
    }

    #[test]
    fn targets_of_the_same_name_stay_apart() {
        let one = "     Running tests/a.rs (t/a-1)\nrunning 1 test\ntest x ... ok\n\
                   test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured\n";
        let summary = cargo_text(&one.repeat(2));
        assert_eq!(summary.tests.len(), 2);
    }
}
