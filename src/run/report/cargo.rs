//! The text that `cargo test` and `cargo nextest run` print, standard output and error in one.
//!
//! Names are qualified by the target, so that they mean the same in every run: the hash of a test
//! program is left off, and so are the line numbers of documentation tests, which an edit above
//! would change. Several documentation tests of one item are counted in the order of their lines,
//! whichever programs they run in. Packages of one workspace may have targets and tests of the
//! same names: these are several tests of one name (see [`super::summary::Cases`]), so that the
//! names do not depend on the order in which the programs run.

use std::collections::BTreeMap;

use super::nextest;
use super::program::{Ended, Program, Step, Test, announced_in};
use super::summary::{Cases, ReportSummary, plain};

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
    /// Tests of documentation by target: they are counted when all programs have ended.
    documentation: BTreeMap<String, Vec<Test>>,
    target: String,
    program: Option<Program>,
    /// Tests announced by all programs, and ended in those that are closed.
    announced: usize,
    ended: usize,
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
        let running = self.program.as_ref().map_or(0, Program::ended);
        let (ended, announced) = self.nextest.progress();
        (ended + self.ended + running, announced + self.announced)
    }

    fn line_of_cargo(&mut self, line: &str) {
        if let Some(target) = target_of(line) {
            self.break_off();
            self.target = target;
        } else if let Some(program) = &mut self.program {
            if let Step::Over(ended) = program.line(line) {
                self.program = None;
                self.close(ended);
            }
        } else if let Some(announced) = announced_in(line) {
            self.announced += announced;
            self.program = Some(Program::new(announced));
        }
    }

    fn break_off(&mut self) {
        if let Some(program) = self.program.take() {
            self.close(program.broken_off());
        }
    }

    fn close(&mut self, ended: Ended) {
        self.ended += ended.tests.len();
        // A program without a target is one that nextest shows uncaptured, and counts itself.
        let is_counted = !(self.target.is_empty() && self.nextest.has_run());
        let fault = ended.fault.filter(|_| is_counted);
        self.faults.extend(fault.map(|fault| format!("{}: {fault}", self.target)));
        for (name, line, status) in ended.tests {
            if line.is_some() {
                let target = self.documentation.entry(self.target.clone()).or_default();
                target.push((name, line, status));
            } else if is_counted {
                self.cases.add(qualified(&self.target, &name), status);
            }
        }
    }

    fn finish(mut self) -> ReportSummary {
        self.break_off();
        for (target, mut tests) in std::mem::take(&mut self.documentation) {
            tests.sort();
            let mut known: BTreeMap<String, usize> = BTreeMap::new();
            for (name, _, status) in tests {
                let count = known.entry(name.clone()).or_insert(0);
                *count += 1;
                let number = if *count > 1 { format!("#{count}") } else { String::new() };
                self.cases.add(qualified(&target, &format!("{name}{number}")), status);
            }
        }
        self.nextest.finish(&mut self.cases, &mut self.faults);
        ReportSummary { tests: self.cases.into_tests(), faults: self.faults }
    }
}

fn qualified(target: &str, name: &str) -> String {
    if target.is_empty() { name.to_owned() } else { format!("{target}::{name}") }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::evaluation::TestStatus;

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
    fn targets_of_one_name_do_not_depend_on_their_order() {
        let program = |test: &str| {
            format!(
                "     Running tests/it.rs (t/it-1)\nrunning 2 tests\ntest works ... ok\n\
                 test {test} ... ok\ntest result: ok. 2 passed; 0 failed; 0 ignored; 0 measured\n"
            )
        };
        let (bee, cee) = (program("bee"), program("cee"));
        let names = |text: &str| -> Vec<String> {
            cargo_text(text).tests.into_iter().map(|test| test.name).collect()
        };
        let wanted =
            ["tests/it.rs::bee", "tests/it.rs::cee", "tests/it.rs::works", "tests/it.rs::works#2"];
        assert_eq!(names(&format!("{bee}{cee}")), wanted);
        assert_eq!(names(&format!("{cee}{bee}")), wanted);
    }

    #[test]
    fn documentation_tests_of_several_programs_are_counted_together() {
        let program = |line: usize, end: &str| {
            format!(
                "running 1 test\ntest src/lib.rs - f (line {line}) ... {end}\n\
                 test result: x. {}; 0 ignored; 0 measured\n",
                if end == "ok" { "1 passed; 0 failed" } else { "0 passed; 1 failed" }
            )
        };
        let text = |first: &str| {
            format!("   Doc-tests demo\n{}{}", program(5, "FAILED"), program(1, first))
        };
        let good = cargo_text(&text("ok"));
        let (first, second) = ("doc demo::src/lib.rs - f", "doc demo::src/lib.rs - f#2");
        use TestStatus::{Failed, Passed};
        assert_eq!(named(&good), [(first, Passed), (second, Failed)]);
        let bad = cargo_text(&text("FAILED"));
        assert_eq!(named(&bad), [(first, Failed), (second, Failed)]);
        assert_eq!(bad.faults, [""; 0]);
    }
}
