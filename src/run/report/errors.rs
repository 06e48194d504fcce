//! The lines of an output that say why something did not compile.
//!
//! For people and for the analysis of a bad node; nothing is decided by them.

use super::summary::plain;
use crate::base::limits::ERROR_LINES_MAX;

/// Characters of one line that are kept.
const LINE_CHARS_MAX: usize = 300;

/// Lines between an error of rustc and its place.
const PLACE_LINES_MAX: usize = 3;

/// The first errors of rustc, gcc, clang, tsc, go and Python in a text, each once, with file and
/// line where the tool says them.
pub fn compiler_errors(text: &str) -> Vec<String> {
    let lines: Vec<String> = text.lines().map(plain).collect();
    let mut errors: Vec<String> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if errors.len() == ERROR_LINES_MAX {
            break;
        }
        let after = &lines[at + 1..lines.len().min(at + 1 + PLACE_LINES_MAX)];
        let found = rust_error(line, after)
            .or_else(|| python_error(line, &lines[..at]))
            .or_else(|| placed_error(line));
        if let Some(error) = found {
            let error: String = error.chars().take(LINE_CHARS_MAX).collect();
            if !errors.contains(&error) {
                errors.push(error);
            }
        }
    }
    errors
}

/// `error[E0308]: mismatched types`, and ` --> src/lib.rs:7:14` below it.
fn rust_error(line: &str, after: &[String]) -> Option<String> {
    let has_code = line.starts_with("error[");
    if !has_code && !line.starts_with("error: ") {
        return None;
    }
    let place = after.iter().find_map(|line| line.trim_start().strip_prefix("--> "));
    match place {
        Some(place) => Some(format!("{line} ({})", place.trim())),
        // Without a place and a code it is cargo's summary, which says nothing new.
        None => has_code.then(|| line.to_owned()),
    }
}

/// `SyntaxError: invalid syntax`, and `File "x.py", line 3` above it.
fn python_error(line: &str, before: &[String]) -> Option<String> {
    let (kind, _) = line.trim_start_matches("E ").trim_start().split_once(": ")?;
    let kinds =
        ["SyntaxError", "IndentationError", "TabError", "ModuleNotFoundError", "ImportError"];
    if !kinds.contains(&kind) {
        return None;
    }
    let line = line.trim_start_matches("E ").trim_start();
    let place = before.iter().rev().take(8).find_map(|line| {
        let line = line.trim_start_matches("E ").trim_start();
        let (file, rest) = line.strip_prefix("File \"")?.split_once("\", line ")?;
        let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Some(format!("{file}:{number}"))
    });
    Some(place.map_or_else(|| line.to_owned(), |place| format!("{line} ({place})")))
}

/// `a.c:3:5: error: ...`, `a.ts(3,5): error TS1: ...`, `a.ts:3:5 - error TS1: ...`,
/// `./a.go:3:5: undefined: x`.
fn placed_error(line: &str) -> Option<String> {
    let marks = [": error: ", ": fatal error: ", ": error TS", " - error TS"];
    let place = marks.iter().find_map(|mark| line.find(mark)).map(|at| &line[..at]);
    if let Some(place) = place {
        let has_line = place.contains(|c: char| c.is_ascii_digit());
        return (has_line && place.contains([':', '('])).then(|| line.trim().to_owned());
    }
    let (file, rest) = line.split_once(".go:")?;
    let (number, _) = rest.split_once(": ")?;
    let is_place = !file.contains(' ')
        && !number.is_empty()
        && number.chars().all(|c| c.is_ascii_digit() || c == ':');
    is_place.then(|| line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_compiler_is_understood() {
        let text = "   Compiling x\nerror[E0308]: mismatched types\n --> src/lib.rs:7:14\n  |\n\
            error: cannot find macro `x` in this scope\n   --> src/a.rs:1:1\n\
            error: could not compile `x` (lib) due to 2 previous errors\nwarning: unused\n\
            main.c:3:5: error: expected ';'\nmain.c:4:1: warning: x\nsrc/a.ts(3,5): error TS2322: no\n\
            src/b.ts:3:5 - error TS1005: ';' expected.\n./m.go:3:5: undefined: y\n\
            \u{20} File \"x.py\", line 3\n    def (\n        ^\nSyntaxError: invalid syntax\n";
        let wanted = [
            "error[E0308]: mismatched types (src/lib.rs:7:14)",
            "error: cannot find macro `x` in this scope (src/a.rs:1:1)",
            "main.c:3:5: error: expected ';'",
            "src/a.ts(3,5): error TS2322: no",
            "src/b.ts:3:5 - error TS1005: ';' expected.",
            "./m.go:3:5: undefined: y",
            "SyntaxError: invalid syntax (x.py:3)",
        ];
        assert_eq!(compiler_errors(text), wanted);
        assert_eq!(compiler_errors(&text.repeat(2)), wanted);
    }

    #[test]
    fn their_number_and_length_are_bounded() {
        let many: String =
            (0..200).map(|at| format!("a.c:{at}:1: error: {}\n", "x".repeat(999))).collect();
        let errors = compiler_errors(&many);
        assert_eq!(errors.len(), ERROR_LINES_MAX);
        assert!(errors.iter().all(|error| error.len() == LINE_CHARS_MAX));
    }
}
