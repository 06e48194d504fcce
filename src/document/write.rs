//! The writer of JSON text: keys in the order in which they are stored, escapes only where the RFC
//! demands them.

use super::json::Json;

impl Json {
    /// Without white space.
    pub fn compact(&self) -> String {
        let mut text = String::new();
        write(self, None, &mut text);
        text
    }

    /// Indented by two spaces, for people. Without a line end.
    pub fn pretty(&self) -> String {
        let mut text = String::new();
        write(self, Some(0), &mut text);
        text
    }
}

/// `indent` is the level of the line that the value begins in; none when compact.
fn write(value: &Json, indent: Option<usize>, into: &mut String) {
    match value {
        Json::Null => into.push_str("null"),
        Json::Bool(true) => into.push_str("true"),
        Json::Bool(false) => into.push_str("false"),
        Json::Number(number) => into.push_str(number.as_str()),
        Json::String(text) => write_string(text, into),
        Json::List(items) => {
            let items = items.iter().map(|item| (None, item));
            write_elements(('[', ']'), items, indent, into);
        }
        Json::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| (Some(key.as_str()), value));
            write_elements(('{', '}'), entries, indent, into);
        }
    }
}

fn write_elements<'a>(
    (open, close): (char, char),
    elements: impl ExactSizeIterator<Item = (Option<&'a str>, &'a Json)>,
    indent: Option<usize>,
    into: &mut String,
) {
    let inner = indent.map(|level| level + 1);
    let is_empty = elements.len() == 0;
    into.push(open);
    for (at, (key, value)) in elements.enumerate() {
        if at > 0 {
            into.push(',');
        }
        new_line(inner, into);
        if let Some(key) = key {
            write_string(key, into);
            into.push_str(if indent.is_some() { ": " } else { ":" });
        }
        write(value, inner, into);
    }
    if !is_empty {
        new_line(indent, into);
    }
    into.push(close);
}

fn new_line(indent: Option<usize>, into: &mut String) {
    if let Some(level) = indent {
        into.push('\n');
        into.extend(std::iter::repeat_n("  ", level));
    }
}

fn write_string(text: &str, into: &mut String) {
    into.push('"');
    for character in text.chars() {
        match character {
            '"' => into.push_str("\\\""),
            '\\' => into.push_str("\\\\"),
            '\u{8}' => into.push_str("\\b"),
            '\u{c}' => into.push_str("\\f"),
            '\n' => into.push_str("\\n"),
            '\r' => into.push_str("\\r"),
            '\t' => into.push_str("\\t"),
            '\0'..='\u{1f}' => {
                into.push_str("\\u00");
                let digit = |n: u32| char::from_digit(n, 16).unwrap_or('0');
                into.push(digit(u32::from(character) >> 4));
                into.push(digit(u32::from(character) & 15));
            }
            _ => into.push(character),
        }
    }
    into.push('"');
}
