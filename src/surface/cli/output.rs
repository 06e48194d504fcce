//! Printing: text with colour where there is a terminal, one JSON value where it is asked for.
//!
//! Guarantees that a reader which goes away (`exp log | head`) ends nothing with an error.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::{Value, json};

use crate::document::Json;
use crate::engine::EngineError;

use super::exit;

/// The version of the JSON that is printed. It changes when a field goes or changes its meaning;
/// new fields may come at any time.
pub const JSON_VERSION: u32 = 1;

/// Good things.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Bad things.
pub const BAD: Style = AnsiColor::Red.on_default();
/// Things that need a look.
pub const WARN: Style = AnsiColor::Yellow.on_default();
/// Names and ids.
pub const NAME: Style = AnsiColor::Cyan.on_default();
/// What matters most.
pub const STRONG: Style = Style::new().bold();
/// What matters least.
pub const FAINT: Style = Style::new().dimmed();

/// Text in a style; `anstream` removes the style where there is no terminal.
pub fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// The columns of the terminal on standard output; without one nothing has to be made to fit.
pub fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stdout());
    match size.map(|size| size.ws_col) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(columns) => columns.into(),
    }
}

/// Prints text to standard output.
pub fn print(text: &str) {
    let text = for_terminal(text, io::stdout().is_terminal());
    let mut out = anstream::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// The text without what a terminal would obey besides colours: names, messages and results may come
/// from another store, and from whoever made it. Elsewhere it stays as it is, byte for byte.
fn for_terminal(text: &str, is_terminal: bool) -> Cow<'_, str> {
    let obeyed = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
    if !is_terminal || !text.contains(obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for (at, letter) in text.char_indices() {
        let is_colour = || {
            let style = text[at..].strip_prefix("\u{1b}[")?;
            let rest = style.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
            Some(rest.starts_with('m'))
        };
        if !obeyed(letter) || is_colour() == Some(true) {
            shown.push(letter);
        }
    }
    Cow::Owned(shown)
}

/// Prints bytes as they are.
pub fn print_bytes(bytes: &[u8]) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

/// Prints text to standard error.
pub fn print_error(text: &str) {
    let text = for_terminal(text, io::stderr().is_terminal());
    let mut out = anstream::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints a report as one JSON object: its fields, with `version` and `verb`.
pub fn print_json(verb: &str, report: &impl Serialize) {
    let mut value = match serde_json::to_value(report) {
        Ok(Value::Object(object)) => Value::Object(object),
        Ok(other) => json!({ "value": other }),
        Err(error) => json!({ "error": { "message": error.to_string() } }),
    };
    if let Value::Object(object) = &mut value {
        object.insert("version".to_owned(), json!(JSON_VERSION));
        object.insert("verb".to_owned(), json!(verb));
    }
    print(&format!("{value:#}\n"));
}

/// The same with one value more, which is printed as it is: the numbers of a report become floats
/// where they are large or long.
pub fn print_with_value(verb: &str, report: &impl Serialize, key: &str, value: &Json) {
    let text = serde_json::to_vec(report).unwrap_or_default();
    let mut fields = match Json::parse(&text) {
        Ok(Json::Map(fields)) => fields,
        _ => Default::default(),
    };
    fields.insert("version".to_owned(), Json::from(i64::from(JSON_VERSION)));
    fields.insert("verb".to_owned(), Json::from(verb));
    fields.insert(key.to_owned(), value.clone());
    print(&format!("{}\n", Json::Map(fields).pretty()));
}

/// Prints as JSON that the command line could not be read, from clap's text, and gives the exit
/// code.
pub fn print_misuse(text: &str) -> u8 {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let (message, rest) = text.split_once("\n\n").unwrap_or((text, ""));
    let lines: Vec<_> = message.lines().map(str::trim).collect();
    let usage = rest.lines().find(|line| line.starts_with("Usage:"));
    let hint = usage.unwrap_or("see `exp help`");
    let body = json!({
        "code": exit::USAGE, "category": "usage", "message": lines.join(" "), "hint": hint,
    });
    print(&format!("{:#}\n", json!({ "version": JSON_VERSION, "error": body })));
    exit::USAGE
}

/// Prints an error, as text or as JSON, with the code that the process will exit with, and gives
/// that.
pub fn print_failure(error: &EngineError, code: u8, as_json: bool) -> u8 {
    let hint = exit::hint(error);
    if as_json {
        let word = exit::word(error);
        let body =
            json!({ "code": code, "category": word, "message": error.to_string(), "hint": hint });
        print(&format!("{:#}\n", json!({ "version": JSON_VERSION, "error": body })));
        return code;
    }
    print_error(&format!("{} {error}\n", paint(BAD.bold(), "error:")));
    if let Some(hint) = hint {
        print_error(&format!("{}  {hint}\n", paint(FAINT, "hint:")));
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_nothing_but_colours() {
        let coloured = paint(GOOD, "good");
        assert_eq!(for_terminal(&format!("{coloured}\n\ta"), true), format!("{coloured}\n\ta"));
        for (hostile, shown) in [
            ("a\u{1b}]0;title\u{7}b", "a]0;titleb"),
            ("a\u{1b}[2Jb", "a[2Jb"),
            ("a\u{1b}[31", "a[31"),
            ("a\rb\u{8}c\u{9b}2J", "abc2J"),
        ] {
            assert_eq!(for_terminal(hostile, true), shown);
            assert_eq!(for_terminal(hostile, false), hostile);
        }
    }
}
