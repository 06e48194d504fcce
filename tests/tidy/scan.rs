//! Reads Rust source as text: what is code, which lines are tests, where functions end.
//!
//! Guarantees that comments, strings and characters never look like code, and that positions and
//! lines in [`Source::code`] are those of the file. Does not parse: it knows words and brackets.

use std::ops::Range;

use super::blank::blank;

/// A file of the repository, seen as code.
pub struct Source {
    /// Path from the repository's root, parts joined by `/`.
    pub path: String,
    /// The file as it is.
    pub text: String,
    /// The same length and lines, with comments, strings and characters blanked.
    pub code: String,
    /// Parts of the code that only exist in tests.
    pub test_parts: Vec<Range<usize>>,
}

impl Source {
    /// Scans a file. A file that is nothing but tests has to be marked by [`Source::all_tests`].
    pub fn new(path: &str, text: &str) -> Self {
        let code = blank(text);
        let test_parts = test_parts(&code);
        Self { path: path.to_owned(), text: text.to_owned(), code, test_parts }
    }

    /// Marks the whole file as tests.
    pub fn all_tests(mut self) -> Self {
        self.test_parts = Vec::from([Range { start: 0, end: self.code.len() }]);
        self
    }

    /// Whether the file is nothing but tests.
    pub fn is_all_tests(&self) -> bool {
        self.test_parts.first().is_some_and(|part| part.len() == self.code.len())
    }

    /// Whether the code there exists only in tests.
    pub fn is_test(&self, at: usize) -> bool {
        self.test_parts.iter().any(|part| part.contains(&at))
    }

    /// The line of a position, the first being 1.
    pub fn line(&self, at: usize) -> usize {
        1 + self.code.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count()
    }

    /// Where a phrase of code stands, with no letter of a longer word before or after it.
    pub fn find(&self, phrase: &str) -> Vec<usize> {
        find(&self.code, phrase)
    }

    /// The top-level folder under `src/`, for a file in one.
    pub fn room(&self) -> Option<&str> {
        self.path.strip_prefix("src/")?.split_once('/').map(|(room, _)| room)
    }

    /// Modules that only tests have and that are files of their own: paths without `.rs`.
    pub fn test_modules(&self) -> Vec<String> {
        let folder = match self.path.rsplit_once('/') {
            Some((folder, "mod.rs" | "lib.rs" | "main.rs")) => folder.to_owned(),
            _ => self.path.trim_end_matches(".rs").to_owned(),
        };
        let outer = self.test_parts.iter().map(|part| &self.code[part.clone()]);
        let declared = outer.filter_map(|item| {
            let item = item.strip_suffix(';')?;
            let name = item.rsplit_once("mod ")?.1.trim();
            Some(format!("{folder}/{name}"))
        });
        declared.collect()
    }

    /// Each function with a body: its name, the line of its `fn`, and how many lines it has.
    pub fn functions(&self) -> Vec<(String, usize, usize)> {
        let mut found = Vec::new();
        for at in self.find("fn") {
            let name = word_at(&self.code, skip_space(&self.code, at + 2));
            if name.is_empty() {
                continue;
            }
            let Some(end) = item_end(&self.code, at) else { continue };
            if self.code.as_bytes()[end - 1] == b'}' {
                let (first, last) = (self.line(at), self.line(end - 1));
                found.push((name.to_owned(), first, last + 1 - first));
            }
        }
        found
    }
}

/// Whether a character can stand inside a word.
pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// The word that begins there; empty when none does.
pub fn word_at(code: &str, at: usize) -> &str {
    let rest = &code[at..];
    let length = rest.bytes().take_while(|byte| is_word(*byte)).count();
    &rest[..length]
}

/// The next position that is no white space.
pub fn skip_space(code: &str, at: usize) -> usize {
    at + code[at..].bytes().take_while(u8::is_ascii_whitespace).count()
}

/// Where a phrase stands in code, as a whole word on both sides.
pub fn find(code: &str, phrase: &str) -> Vec<usize> {
    let bytes = code.as_bytes();
    let begins = phrase.as_bytes().first().is_some_and(|byte| is_word(*byte));
    let ends = phrase.as_bytes().last().is_some_and(|byte| is_word(*byte));
    let whole = |at: usize| {
        let before = at.checked_sub(1).map(|at| bytes[at]);
        let after = bytes.get(at + phrase.len()).copied();
        !(begins && before.is_some_and(is_word) || ends && after.is_some_and(is_word))
    };
    code.match_indices(phrase).map(|(at, _)| at).filter(|at| whole(*at)).collect()
}

/// The position after the bracket that closes the one at `open`.
pub fn close_of(code: &str, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The position after the item that begins there: after its `;`, or after its braces.
pub fn item_end(code: &str, start: usize) -> Option<usize> {
    let mut at = start;
    while at < code.len() {
        match code.as_bytes()[at] {
            b';' => return Some(at + 1),
            b'{' => return item_end_after_braces(code, start, at),
            b'(' | b'[' => at = close_of(code, at)?,
            _ => at += 1,
        }
    }
    None
}

/// A group in braces ends an item, except in `use a::{b, c};`.
fn item_end_after_braces(code: &str, start: usize, open: usize) -> Option<usize> {
    let end = close_of(code, open)?;
    if find(&code[start..open], "use").is_empty() {
        return Some(end);
    }
    code[end..].find(';').map(|more| end + more + 1)
}

fn test_parts(code: &str) -> Vec<Range<usize>> {
    let mut parts: Vec<Range<usize>> = Vec::new();
    for mark in ["#[cfg(test)]", "#[cfg(all(test", "#[cfg(any(test"] {
        for (start, _) in code.match_indices(mark) {
            let Some(mut at) = close_of(code, start + 1) else { continue };
            at = skip_space(code, at);
            while code[at..].starts_with("#[") {
                let Some(end) = close_of(code, at + 1) else { break };
                at = skip_space(code, end);
            }
            if let Some(end) = item_end(code, at) {
                parts.push(start..end);
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_functions_are_found() {
        let text = "fn a() {\n b;\n}\n#[cfg(test)]\nmod tests {\n fn c() {}\n}\nfn d([u8; 4]);\n";
        let source = Source::new("src/base/x.rs", text);
        assert!(source.is_test(text.find("c()").expect("it is there")));
        assert!(!source.is_test(text.find("d(").expect("it is there")));
        assert_eq!(source.functions(), [("a".to_owned(), 1, 3), ("c".to_owned(), 6, 1)]);
        let declares = Source::new("src/base/mod.rs", "#[cfg(test)]\nmod far;\nmod near;\n");
        assert_eq!(declares.test_modules(), ["src/base/far"]);
        let inner = Source::new("src/base/x.rs", "#[cfg(test)]\n#[path = \"y\"]\nmod tests;");
        assert_eq!(inner.test_modules(), ["src/base/x/tests"]);
        let used = Source::new("src/base/x.rs", "#[cfg(test)]\nuse a::{b, c};\nfn d() {}");
        assert!(!used.is_test(used.code.find("fn").expect("it is there")));
    }
}
