//! A line of several styles, cut or broken to a width that is counted in columns.

use anstyle::Style;
use unicode_width::UnicodeWidthChar;

use crate::base::visible::visible_in_line;
use crate::surface::cli::output::paint;

/// Pieces of text, each in its style.
#[derive(Clone, Debug, Default)]
pub struct Line(Vec<(Style, String)>);

/// Columns of a character. What a terminal would obey instead of show has none.
fn columns_of(letter: char) -> Option<usize> {
    letter.width().filter(|_| !letter.is_control())
}

/// Columns that a text takes.
pub fn width(text: &str) -> usize {
    text.chars().filter_map(columns_of).sum()
}

impl Line {
    /// Adds a piece. Control characters are written out: they would move the cursor.
    pub fn add(&mut self, style: Style, text: impl AsRef<str>) -> &mut Self {
        self.0.push((style, visible_in_line(text.as_ref()).into_owned()));
        self
    }

    /// Adds a piece that takes at least so many columns.
    pub fn add_padded(&mut self, style: Style, text: &str, columns: usize) -> &mut Self {
        self.add(style, text);
        let missing = columns.saturating_sub(width(text));
        self.add(Style::new(), " ".repeat(missing))
    }

    /// Adds another line to its end.
    pub fn append(&mut self, other: Self) -> &mut Self {
        self.0.extend(other.0);
        self
    }

    /// Columns that it takes.
    pub fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| width(text)).sum()
    }

    /// The line, cut to so many columns; a cut is shown.
    pub fn cut(mut self, columns: usize) -> Self {
        if self.width() <= columns {
            return self;
        }
        let mut left = columns.saturating_sub(1);
        let mut pieces = Vec::new();
        'pieces: for (style, text) in self.0 {
            let mut kept = String::new();
            for letter in text.chars() {
                let needed = columns_of(letter).unwrap_or(0);
                if needed > left {
                    pieces.push((style, kept));
                    break 'pieces;
                }
                left -= needed;
                kept.push(letter);
            }
            pieces.push((style, kept));
        }
        if columns > 0 {
            pieces.push((Style::new(), "…".to_owned()));
        }
        self.0 = pieces;
        self
    }

    /// The text with its styles.
    pub fn painted(&self) -> String {
        let pieces = self.0.iter().filter(|(_, text)| !text.is_empty());
        pieces.map(|(style, text)| paint(*style, text)).collect()
    }

    /// The text alone.
    pub fn plain(&self) -> String {
        self.0.iter().map(|(_, text)| text.as_str()).collect()
    }
}

/// A sentence that begins so many columns from the left, broken between words into lines of at most
/// so many columns; the later ones stand two columns further in.
pub fn wrapped(sentence: &Line, indent: usize, columns: usize) -> String {
    let mut page = " ".repeat(indent);
    let mut at = indent;
    let mut is_first = true;
    for (style, text) in &sentence.0 {
        for word in text.split_inclusive(' ') {
            let needed = width(word.trim_end());
            if needed > 0 && at.saturating_add(needed) > columns && !is_first {
                while page.ends_with(' ') {
                    page.pop();
                }
                page.push('\n');
                page.push_str(&" ".repeat(indent + 2));
                at = indent + 2;
            }
            page.push_str(&paint(*style, word));
            at += width(word);
            is_first = false;
        }
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surface::cli::output::{NAME, rendered};

    #[test]
    fn sentences_are_broken_between_words() {
        let mut line = Line::default();
        line.add(Style::new(), "name:").add(Style::new(), " one two three four");
        assert_eq!(wrapped(&line, 2, 80), "  name: one two three four\n");
        assert_eq!(wrapped(&line, 2, 16), "  name: one two\n    three four\n");
        assert_eq!(wrapped(&line, 0, 1), "name:\n  one\n  two\n  three\n  four\n");
    }

    #[test]
    fn a_line_is_never_wider_than_asked() {
        let mut line = Line::default();
        line.add(NAME, "e1/日本語").add(Style::new(), " \u{1b}[2Jrun\nning");
        assert_eq!(line.plain(), r"e1/日本語 \x1b[2Jrun\nning", "nothing in it is obeyed");
        assert_eq!(line.width(), 26);
        let cut = |columns| line.clone().cut(columns).plain();
        assert_eq!(cut(26), r"e1/日本語 \x1b[2Jrun\nning");
        assert_eq!(cut(25), r"e1/日本語 \x1b[2Jrun\nni…");
        // A wide letter that has no room is not halved.
        assert_eq!(cut(7), "e1/日…");
        assert_eq!(cut(6), "e1/日…");
        assert_eq!((cut(1), cut(0)), ("…".to_owned(), String::new()));
        for columns in 0..30 {
            assert!(line.clone().cut(columns).width() <= columns);
        }
        assert!(rendered(&line.painted()).contains("\u{1b}[36m"));
    }
}
