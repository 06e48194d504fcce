//! Printing: text with colour where there is a terminal, one JSON value where it is asked for.
//!
//! Guarantees that a reader which goes away (`exp log | head`) ends nothing with an error, and that no
//! other failure to write is lost: `failure` has it, and the process ends with a code for it.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::{Value, json};

use crate::base::visible::{visible, visible_json};
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

/// Stands for the escape character of our own colours until they are printed. What is printed may
/// hold text of others, whose escape characters are written out: so ours must be told from theirs, by
/// what nobody can know before the process runs. Made of characters that stand for nothing.
fn mark() -> &'static str {
    static MARK: OnceLock<String> = OnceLock::new();
    MARK.get_or_init(|| {
        let number = RandomState::new().hash_one(std::process::id());
        let of = |at: u32| char::from_u32(0xfdd0 + (number >> (5 * at)) as u32 % 32);
        (0..8).filter_map(of).collect()
    })
}

/// Text in a style. Only what [`rendered`] makes of it is for a terminal.
pub fn paint(style: Style, text: impl std::fmt::Display) -> String {
    let (before, after) = (style.render().to_string(), style.render_reset().to_string());
    let marked = |escapes: String| escapes.replace('\u{1b}', mark());
    format!("{}{text}{}", marked(before), marked(after))
}

/// Painted text for a terminal: nothing in it is obeyed but our own colours.
pub fn rendered(text: &str) -> String {
    visible(text).replace(mark(), "\u{1b}")
}

/// The columns of the terminal on standard output; without one nothing has to be made to fit.
pub fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stdout());
    match size.map(|size| size.ws_col) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(columns) => columns.into(),
    }
}

/// The first error of writing to standard output, less a reader that went away.
static FAILED: OnceLock<io::Error> = OnceLock::new();

/// Why standard output could not be written, if it could not.
pub fn failure() -> Option<&'static io::Error> {
    FAILED.get()
}

/// Remembers what became of writing to standard output.
pub fn wrote(written: io::Result<()>) {
    if let Err(error) = written
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        let _ = FAILED.set(error);
    }
}

/// Prints text to standard output. What a terminal would obey besides our colours is written out: names,
/// messages and results may come from another store, and from whoever made it.
pub fn print(text: &str) {
    let mut out = anstream::stdout().lock();
    wrote(out.write_all(rendered(text).as_bytes()).and_then(|()| out.flush()));
}

/// Prints bytes as they are; on a terminal as [`print`] does.
pub fn print_bytes(bytes: &[u8]) {
    if io::stdout().is_terminal() {
        return print(&String::from_utf8_lossy(bytes));
    }
    let mut out = io::stdout().lock();
    wrote(out.write_all(bytes).and_then(|()| out.flush()));
}

/// Prints JSON text. On a terminal what it would obey is written as JSON writes it: the value is the
/// same.
pub fn print_json_text(text: &str) {
    let text = if io::stdout().is_terminal() { visible_json(text) } else { text.into() };
    let mut out = io::stdout().lock();
    wrote(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// Prints text to standard error, as [`print`] does.
pub fn print_error(text: &str) {
    let mut out = anstream::stderr().lock();
    let _ = out.write_all(rendered(text).as_bytes()).and_then(|()| out.flush());
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
    print_json_text(&format!("{value:#}\n"));
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
    print_json_text(&format!("{}\n", Json::Map(fields).pretty()));
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
    print_json_text(&format!("{:#}\n", json!({ "version": JSON_VERSION, "error": body })));
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
        print_json_text(&format!("{:#}\n", json!({ "version": JSON_VERSION, "error": body })));
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
    fn a_terminal_obeys_nothing_but_our_own_colours() {
        let good = paint(GOOD, "good \u{1b}[31mred");
        assert_eq!(rendered(&format!("{good}\n\ta")), "\u{1b}[32mgood \\x1b[31mred\u{1b}[0m\n\ta");
        assert_eq!(rendered("a\u{1b}[2Jb\u{9b}2J"), r"a\x1b[2Jb\u{9b}2J");
        // The mark cannot be guessed: characters like those that it is made of are shown as they are.
        assert_eq!(rendered("\u{fdd0}[31m"), "\u{fdd0}[31m");
    }
}
