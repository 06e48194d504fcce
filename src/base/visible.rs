//! Text of others made visible: what a terminal would obey, or a reader could not see, is written out.
//!
//! Guarantees that the result holds no control character, none that turns the direction of writing,
//! and none that shows nothing. For people only: what is read by programs stays as it is.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character is written out. Joiners (`U+200C`, `U+200D`) stay: scripts and emoji need them.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            // Direction: marks, embeddings, overrides, isolates.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Ends of lines and paragraphs.
            | '\u{2028}' | '\u{2029}'
            // Blanks without width, and marks of annotations.
            | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            // Tags: a whole text that nobody sees, but a program that reads it.
            | '\u{e0000}'..='\u{e007f}')
}

/// Text of several lines: ends of lines and tabs stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    written_out(text, |letter| matches!(letter, '\n' | '\t'))
}

/// Text for a part of a line, such as a name: ends of lines and tabs are written out, too.
pub fn visible_in_line(text: &str) -> Cow<'_, str> {
    written_out(text, |_| false)
}

fn written_out(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_written_out = |letter: char| is_hidden(letter) && !stays(letter);
    if !text.contains(is_written_out) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if !is_written_out(letter) {
            shown.push(letter);
        } else if letter == '\r' && stays('\n') && letters.peek() == Some(&'\n') {
            // The end of a line as Windows has it.
        } else {
            // A String takes whatever is written.
            let _ = match letter {
                '\n' => write!(shown, "\\n"),
                '\t' => write!(shown, "\\t"),
                '\r' => write!(shown, "\\r"),
                '\0'..='\u{7f}' => write!(shown, "\\x{:02x}", letter as u32),
                _ => write!(shown, "\\u{{{:x}}}", letter as u32),
            };
        }
    }
    Cow::Owned(shown)
}

/// JSON text with the same characters written as JSON writes them: equal to what it was. Those below
/// a blank stand in no JSON string as they are.
pub fn visible_json(text: &str) -> Cow<'_, str> {
    let is_written_out =
        |letter: char| is_hidden(letter) && !letter.is_ascii_control() || letter == '\u{7f}';
    if !text.contains(is_written_out) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if !is_written_out(letter) {
            shown.push(letter);
            continue;
        }
        for unit in letter.encode_utf16(&mut [0; 2]) {
            let _ = write!(shown, "\\u{unit:04x}");
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_and_what_nobody_sees_is_written_out() {
        for (text, shown) in [
            ("a\u{1b}]0;title\u{7}b", r"a\x1b]0;title\x07b"),
            ("\u{1b}[31mred\u{9b}0m", r"\x1b[31mred\u{9b}0m"),
            ("a\rb\u{8}c\u{7f}\0", r"a\rb\x08c\x7f\x00"),
            ("\u{202e}cba\u{2066}\u{200f}", r"\u{202e}cba\u{2066}\u{200f}"),
            ("a\u{200b}b\u{feff}\u{e0041}", r"a\u{200b}b\u{feff}\u{e0041}"),
            ("line\r\nline\n\tend", "line\nline\n\tend"),
            ("größer 日本語 👩\u{200d}💻", "größer 日本語 👩\u{200d}💻"),
        ] {
            assert_eq!(visible(text), shown, "{text:?}");
        }
        assert_eq!(visible_in_line("a\n\tb\r\nc"), r"a\n\tb\r\nc");
    }

    #[test]
    fn json_stays_the_same_value() {
        let value = "\u{1b}\u{9b}\u{202e}\u{7f}\u{e0041}é\n";
        let text = serde_json::to_string_pretty(&vec![value]).unwrap();
        let shown = visible_json(&text);
        assert!(!shown.chars().any(|letter| is_hidden(letter) && letter != '\n'), "{shown}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&shown).unwrap(), [value]);
    }
}
