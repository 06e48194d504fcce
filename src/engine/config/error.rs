//! What is wrong with an `exp.toml`: where, what, and what was probably meant.

use std::ops::Range;

/// One fault of an `exp.toml`, or of a file of approaches.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("could not read {file}: {}{message}{}", place(*.line, *.column), meant(.hint))]
pub struct ConfigError {
    /// The file, as somebody named it.
    pub file: String,
    /// The line, the first being 1; 0 where the file could not be read at all.
    pub line: usize,
    /// The column in characters, the first being 1; 0 as for the line.
    pub column: usize,
    /// The key or word that is wrong, where it is one.
    pub key: Option<String>,
    /// What is wrong.
    pub message: String,
    /// A known key or word that is near.
    pub hint: Option<String>,
}

impl ConfigError {
    /// The same fault, of another file.
    pub(in crate::engine) fn in_file(self, file: &str) -> Self {
        Self { file: file.to_owned(), ..self }
    }

    /// A file that cannot be read.
    pub(in crate::engine) fn unreadable(file: &str, reason: String) -> Self {
        let (file, message) = (file.to_owned(), reason);
        Self { file, line: 0, column: 0, key: None, message, hint: None }
    }

    /// A fault at a place of the text.
    pub(super) fn at(text: &str, place: Range<usize>, key: &str, message: String) -> Self {
        let (line, column) = line_and_column(text, place.start);
        Self { file: own_file(), line, column, key: Some(key.to_owned()), message, hint: None }
    }

    /// What the parser says, with a hint where it names what it would have taken.
    pub(super) fn of_parser(text: &str, error: &toml::de::Error) -> Self {
        let place = error.span().unwrap_or(0..0);
        let (line, column) = line_and_column(text, place.start);
        // The first line names the fault; what follows repeats the place.
        let message = error.message().lines().next().unwrap_or_default().to_owned();
        let unknown =
            message.starts_with("unknown field") || message.starts_with("unknown variant");
        let words: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        match words.split_first() {
            Some((key, known)) if unknown => Self {
                file: own_file(),
                line,
                column,
                key: Some((*key).to_owned()),
                hint: nearest(key, known).map(str::to_owned),
                message: format!("`{key}` is not known here (known: {})", known.join(", ")),
            },
            _ => {
                let key = key_before(text, place.start);
                Self { file: own_file(), line, column, key, message, hint: None }
            }
        }
    }
}

fn own_file() -> String {
    "exp.toml".to_owned()
}

fn place(line: usize, column: usize) -> String {
    if line == 0 { String::new() } else { format!("line {line}, column {column}: ") }
}

fn meant(hint: &Option<String>) -> String {
    hint.as_ref().map_or_else(String::new, |hint| format!("; did you mean `{hint}`?"))
}

fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// The key whose value begins there.
fn key_before(text: &str, at: usize) -> Option<String> {
    let line = text.get(..at)?.rsplit('\n').next()?;
    let key = line.split_once('=')?.0.trim();
    (!key.is_empty()).then(|| key.to_owned())
}

/// The known word that is nearest, if it is near enough to have been meant.
fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let distances = known.iter().map(|known| (distance(word, known), *known));
    let (distance, known) = distances.min()?;
    (distance <= word.chars().count().div_ceil(3)).then_some(known)
}

/// Letters to insert, remove or replace, neighbours that changed places counting once (optimal
/// string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let differs = usize::from(a[i - 1] != b[j - 1]);
            let mut least = (rows[i - 1][j] + 1).min(row[j - 1] + 1);
            least = least.min(rows[i - 1][j - 1] + differs);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let known = ["name", "kind", "timeout", "report"];
        for (word, near) in
            [("timout", "timeout"), ("tiemout", "timeout"), ("nmae", "name"), ("reports", "report")]
        {
            assert_eq!(nearest(word, &known), Some(near), "{word}");
        }
        assert_eq!(nearest("colour", &known), None);
        assert_eq!(nearest("x", &known), None);
    }
}
