//! The lines of an output that say why tests failed.
//!
//! For people: what a panic said comes first and whole, then what follows the last one. Frames of a
//! backtrace are left out, since they are many and say the least. Nothing is decided by these lines.

use super::summary::plain;

/// Characters of one line that are kept.
const LINE_CHARS_MAX: usize = 300;

/// Lines of one panic that are kept: its place, its message, both sides of an assertion.
const PANIC_LINES_MAX: usize = 8;

/// At most `max` lines that say why: the panics, each once, and the end of the output after them.
pub fn failure_lines(text: &str, max: usize) -> Vec<String> {
    let lines = without_backtraces(text);
    let mut panics: Vec<&[String]> = Vec::new();
    let mut rest = 0;
    while let Some(from) = lines[rest..].iter().position(|line| is_panic(line)) {
        let from = rest + from;
        rest = from + 1 + message_lines(&lines[from + 1..]);
        // Runners repeat what failed at their end.
        if !panics.contains(&&lines[from..rest]) {
            panics.push(&lines[from..rest]);
        }
    }
    let is_said = |line: &&String| !line.trim().is_empty();
    let bounded = |line: &String| line.chars().take(LINE_CHARS_MAX).collect();
    let mut shown: Vec<String> =
        panics.concat().iter().filter(is_said).take(max).map(bounded).collect();
    let after: Vec<&String> = lines[rest..].iter().filter(is_said).collect();
    let from = after.len().saturating_sub(max - shown.len());
    shown.extend(after[from..].iter().copied().map(bounded));
    shown
}

/// `thread 'tests::one' (4711) panicked at src/lib.rs:12:49:`.
fn is_panic(line: &str) -> bool {
    line.trim_start().starts_with("thread '") && line.contains(" panicked at ")
}

/// How many lines belong to the panic above them.
fn message_lines(after: &[String]) -> usize {
    let mut count = 0;
    for (at, line) in after.iter().take(PANIC_LINES_MAX - 1).enumerate() {
        // Some assertions leave a line free between what failed and how the sides differ.
        if line.trim().is_empty() && at != 1 || is_panic(line) || is_section(line) {
            break;
        }
        if !line.trim().is_empty() {
            count = at + 1;
        }
    }
    count
}

/// What a runner prints between the outputs of two tests, and after the last.
fn is_section(line: &str) -> bool {
    let line = line.trim_start();
    let heads =
        ["---- ", "────", "failures:", "test ", "error: ", "FAIL ", "Cancelling ", "Summary "];
    heads.iter().any(|head| line.starts_with(head))
}

/// The lines without frames of backtraces and hints about them. A text may begin in the midst of one.
fn without_backtraces(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut is_inside = text.lines().next().is_some_and(is_place);
    for line in text.lines().map(plain) {
        let said = line.trim();
        if said == "stack backtrace:" {
            is_inside = true;
        } else if is_inside && (is_frame(&line) || is_place(&line)) || is_hint(said) {
            // One line of many that say nothing.
        } else {
            is_inside = false;
            lines.push(line);
        }
    }
    lines
}

/// `   4: tiny::tests::doubles`.
fn is_frame(line: &str) -> bool {
    let number = line.trim_start().split_once(": ").map(|(number, _)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// `             at ./src/lib.rs:12:49`.
fn is_place(line: &str) -> bool {
    let Some(place) = line.trim_start().strip_prefix("at ") else { return false };
    let mut parts = place.trim_end().rsplitn(3, ':');
    line.starts_with("      ")
        && (0..2).all(|_| parts.next().is_some_and(|part| part.parse::<u32>().is_ok()))
}

fn is_hint(line: &str) -> bool {
    line.starts_with("note: ") && line.contains("RUST_BACKTRACE")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `cargo test` printed for a crate of three tests, with `RUST_BACKTRACE=1`.
    const WITH_BACKTRACE: &str = include_str!("failures/with_backtrace.txt");
    /// The same without.
    const WITHOUT: &str = include_str!("failures/without_backtrace.txt");

    #[test]
    fn the_first_lines_are_the_assertions() {
        for text in [WITH_BACKTRACE, WITHOUT] {
            let mut lines = failure_lines(text, 20);
            for line in &mut lines {
                // Thread numbers differ from run to run.
                if let Some((before, after)) = line.split_once(" (") {
                    let after = after.split_once(") panicked").map(|(_, after)| after);
                    if let Some(after) = after {
                        *line = format!("{before} panicked{after}");
                    }
                }
            }
            assert_eq!(
                lines[..6],
                [
                    "thread 'tests::doubles' panicked at src/lib.rs:12:49:",
                    "assertion `left == right` failed: doubles wrong",
                    "  left: 128",
                    " right: 127",
                    "thread 'tests::unwraps' panicked at src/lib.rs:14:39:",
                    "called `Result::unwrap()` on an `Err` value: ParseIntError { kind: InvalidDigit }",
                ]
            );
            assert_eq!(lines.last().unwrap(), "error: test failed, to rerun pass `--lib`");
            let all = lines.join("\n");
            assert!(!all.contains("BACKTRACE") && !all.contains("rust_begin_unwind"), "{all}");
            assert!(!all.contains("about to double") && !all.contains(" at /rustc/"), "{all}");
        }
    }

    #[test]
    fn a_text_that_begins_inside_a_backtrace_is_read() {
        let at = WITH_BACKTRACE.find("             at ").unwrap();
        let lines = failure_lines(&WITH_BACKTRACE[at..], 20);
        assert!(lines[0].starts_with("thread 'tests::unwraps'"), "{lines:?}");
        assert!(!lines.iter().any(|line| is_place(line)), "{lines:?}");
    }

    #[test]
    fn without_a_panic_the_end_is_shown_and_numbers_are_no_frames() {
        let text = "one\n\n   1: two\n      at a.js:1:2\nthree\n";
        assert_eq!(failure_lines(text, 20), ["one", "   1: two", "      at a.js:1:2", "three"]);
        assert_eq!(failure_lines(text, 1), ["three"]);
        assert!(failure_lines("", 3).is_empty());
    }

    #[test]
    fn a_repeated_panic_is_said_once_and_a_differing_message_is_kept() {
        let one = "    thread 'a' panicked at t.rs:1:1:\n    assertion failed: `(left == right)`\n\n    \
                   Diff < left / right > :\n    <1\n    >2\n\n\n  Cancelling due to test failure\n";
        let lines = failure_lines(&one.repeat(2), 20);
        assert_eq!(lines[2..5], ["    Diff < left / right > :", "    <1", "    >2"]);
        assert_eq!(lines.iter().filter(|line| is_panic(line)).count(), 1, "{lines:?}");
        let long = format!("{}\n", "x".repeat(999)).repeat(50);
        let lines = failure_lines(&format!("thread 'a' panicked at t.rs:1:1:\n{long}"), 20);
        assert_eq!(lines.len(), 20);
        assert!(lines.iter().all(|line| line.len() <= LINE_CHARS_MAX));
    }
}
