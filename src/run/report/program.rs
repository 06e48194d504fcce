//! What one test program of `libtest` prints, from `running` to its `test result:`.
//!
//! Guarantees that what a test itself prints is not taken for the program's own lines as long as
//! the two can be told apart: a test that starts another test program has that program's lines
//! between its own. They are told apart by the counts that each program announces; where the
//! counts do not agree the result says so.

use crate::object::evaluation::TestStatus;

/// A test of a program: its name, the line of a documentation test, how it ended.
pub(super) type Test = (String, Option<u64>, TestStatus);

/// A program that has not printed its result, with the programs that its tests started.
#[derive(Default)]
pub(super) struct Program {
    /// The outermost program first, each inner one was started by a test of the one before.
    levels: Vec<Level>,
}

/// What a line did to a program.
pub(super) enum Step {
    /// The program goes on.
    On,
    /// The program printed its result.
    Over(Ended),
}

/// What a program printed in all.
pub(super) struct Ended {
    /// Tests that ended, and the one that was open when the program broke off.
    pub tests: Vec<Test>,
    /// Why that is not the whole truth.
    pub fault: Option<String>,
}

#[derive(Default)]
struct Level {
    announced: usize,
    tests: Vec<Test>,
    /// A test whose end has not been seen: its own output may stand between.
    open: Option<String>,
    /// Past `failures:` the output of tests is repeated and means nothing.
    is_over: bool,
    /// Whether lines of signs were printed, one sign a test, without names.
    is_quiet: bool,
}

impl Program {
    /// A program that announced so many tests.
    pub(super) fn new(announced: usize) -> Self {
        Self { levels: vec![Level { announced, ..Level::default() }] }
    }

    /// How many tests have ended.
    pub(super) fn ended(&self) -> usize {
        self.levels[0].tests.len()
    }

    /// Takes the next line.
    pub(super) fn line(&mut self, line: &str) -> Step {
        if line.starts_with("test result: ") {
            return self.result(line);
        }
        let inner = self.levels.len() - 1;
        if self.levels[inner].is_over {
            // The section ends with the result; what looks like a program is a repeated output.
            return Step::On;
        }
        let begun = match line.split_once(" ... ") {
            // A test that is not captured begins a line, and its own output goes on in it.
            Some((before, after)) if before.starts_with("test ") => announced_in(after),
            _ => None,
        };
        match announced_in(line).or(begun) {
            Some(announced) => {
                if begun.is_some() {
                    self.levels[inner].line(line);
                }
                self.levels.push(Level { announced, ..Level::default() });
            }
            None => self.levels[inner].line(line),
        }
        Step::On
    }

    /// A result ends the innermost program that announced as many tests as it counts.
    fn result(&mut self, line: &str) -> Step {
        let counts = counts_of(line);
        let sum = counts.map(|counts| counts.iter().sum::<usize>());
        let at = self.levels.iter().rposition(|level| Some(level.announced) == sum).unwrap_or(0);
        self.levels.truncate(at + 1);
        if at > 0 {
            self.levels.pop();
            return Step::On;
        }
        Step::Over(self.levels.remove(0).end(counts))
    }

    /// Ends a program whose result was never printed.
    pub(super) fn broken_off(mut self) -> Ended {
        let level = self.levels.remove(0);
        let fault = format!(
            "the test program broke off after {} of {} tests",
            level.tests.len(),
            level.announced
        );
        let mut tests = level.tests;
        // The test that was open when the program broke off is the one that broke it.
        tests.extend(level.open.map(|name| (name, None, TestStatus::Failed)));
        Ended { tests, fault: Some(fault) }
    }
}

impl Level {
    fn line(&mut self, line: &str) {
        if line == "failures:" || line == "successes:" {
            self.is_over = true;
            return;
        }
        self.is_quiet |= is_quiet(line);
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

    fn end(self, counts: Option<[usize; 4]>) -> Ended {
        let count = |wanted| self.tests.iter().filter(|test| test.2 == wanted).count();
        let seen = [TestStatus::Passed, TestStatus::Failed, TestStatus::Skipped].map(count);
        // A benchmark that was measured has passed.
        let said =
            counts.map(|[passed, failed, ignored, measured]| [passed + measured, failed, ignored]);
        let [passed, failed, skipped] = seen;
        let fault = if said == Some(seen) {
            None
        } else if self.is_quiet && self.tests.is_empty() {
            Some(
                "it printed no names of tests, only a sign for each; leave `--quiet` (`-q`) out \
                 of the command"
                    .to_owned(),
            )
        } else {
            Some(format!(
                "{passed} passed, {failed} failed, {skipped} ignored were seen, but its result \
                 does not say so"
            ))
        };
        let mut tests = self.tests;
        tests.extend(self.open.map(|name| (name, None, TestStatus::Failed)));
        Ended { tests, fault }
    }
}

/// `..F.i` with, at the end of a row, ` 88/120`.
fn is_quiet(line: &str) -> bool {
    let signs = line.split(' ').next().unwrap_or(line);
    !signs.is_empty() && signs.bytes().all(|byte| matches!(byte, b'.' | b'F' | b'i'))
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
pub(super) fn announced_in(line: &str) -> Option<usize> {
    let (count, rest) = line.strip_prefix("running ")?.split_once(' ')?;
    matches!(rest, "test" | "tests").then(|| count.parse().ok())?
}

/// Passed, failed, ignored and measured of a `test result:` line.
fn counts_of(line: &str) -> Option<[usize; 4]> {
    let (_, counts) = line.split_once(". ")?;
    let mut found = [None; 4];
    for part in counts.split("; ") {
        let (number, word) = part.split_once(' ')?;
        let words = ["passed", "failed", "ignored", "measured"];
        if let Some(at) = words.iter().position(|known| *known == word) {
            found[at] = Some(number.parse().ok()?);
        }
    }
    Some([found[0]?, found[1]?, found[2]?, found[3].unwrap_or(0)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use TestStatus::{Failed, Passed};

    fn read(text: &str) -> Ended {
        let mut lines = text.lines();
        let mut program = Program::new(announced_in(lines.next().unwrap()).unwrap());
        for line in lines {
            if let Step::Over(ended) = program.line(line) {
                return ended;
            }
        }
        program.broken_off()
    }

    fn result(passed: usize, failed: usize) -> String {
        format!(
            "test result: x. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out"
        )
    }

    fn named(ended: &Ended) -> Vec<(&str, TestStatus)> {
        ended.tests.iter().map(|(name, _, status)| (name.as_str(), *status)).collect()
    }

    #[test]
    fn the_lines_of_a_program_that_a_test_started_are_not_its_own() {
        for inner in [1, 3] {
            let begun = format!("running {inner} tests\n");
            let tests = "test fake ... FAILED\n".repeat(inner);
            let text = format!(
                "running 3 tests\ntest one ... ok\n{begun}{tests}\nfailures:\n\ntest x ... ok\n\n\
                 {}\ntest two ... FAILED\ntest three ... ok\n\nfailures:\n    two\n\n{}\n",
                result(0, inner),
                result(2, 1)
            );
            let ended = read(&text);
            assert_eq!(named(&ended), [("one", Passed), ("two", Failed), ("three", Passed)]);
            assert_eq!(ended.fault, None);
        }
        let uncaptured = format!(
            "running 1 test\ntest one ... running 1 test\ntest in ... FAILED\n{}\nok\n\n{}\n",
            result(0, 1),
            result(1, 0)
        );
        let ended = read(&uncaptured);
        assert_eq!((named(&ended), ended.fault.as_deref()), (vec![("one", Passed)], None));
    }

    #[test]
    fn an_inner_program_that_never_ends_leaves_a_doubt_or_the_truth() {
        let text = format!(
            "running 2 tests\ntest one ... ok\nrunning 7 tests\ntest two ... ok\n{}\n",
            result(2, 0)
        );
        let ended = read(&text);
        // The second line belonged to either, so the counts do not agree.
        assert_eq!(named(&ended), [("one", Passed)]);
        assert!(ended.fault.is_some());
        let same = format!("running 1 test\nrunning 1 test\ntest one ... ok\n{}\n", result(1, 0));
        assert!(read(&same).fault.is_some());
    }

    #[test]
    fn signs_without_names_are_said() {
        let text = format!("running 3 tests\n.F. 3/3\n\nfailures:\n    two\n\n{}\n", result(2, 1));
        assert!(read(&text).fault.unwrap().contains("--quiet"));
        let none = format!("running 0 tests\n\n{}\n", result(0, 0));
        assert_eq!(read(&none).fault, None);
    }

    #[test]
    fn measured_benchmarks_have_passed() {
        let text = "running 1 test\ntest b ... bench:  12 ns/iter (+/- 1)\n\ntest result: ok. 0 passed; \
                    0 failed; 0 ignored; 1 measured; 0 filtered out\n";
        let ended = read(text);
        assert_eq!((named(&ended), ended.fault.as_deref()), (vec![("b", Passed)], None));
    }
}
