//! Git's ignore rules: a file of patterns, and whether they keep a path out.
//!
//! Guarantees git's own answers (gitignore(5); held by a test beside `git check-ignore`), for names and
//! patterns of any bytes: braces mean nothing, a class may name kinds of characters, `**` means folders
//! only where it stands alone between slashes. Does not know where files of rules come from, nor that
//! nothing below an ignored folder can come back: that is the walk's.

use super::wildcard::{self, Slash};

/// A file of rules.
#[derive(Debug, Default)]
pub(super) struct Patterns(Vec<Pattern>);

/// What a file of rules says of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It is ignored.
    Ignored,
    /// It is not, whatever was said before (`!pattern`).
    Included,
}

#[derive(Debug)]
struct Pattern {
    /// Without `!`, and without the slash at either end.
    glob: Vec<u8>,
    says: Said,
    only_folders: bool,
    shape: Shape,
}

/// How a pattern is compared.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// With the name alone, byte by byte.
    Name,
    /// With the end of the name: `*.log`.
    NameEnd,
    /// With the name alone, as a glob.
    NameGlob,
    /// With the whole path from the folder of the rules on, of which so many bytes are no glob.
    Path(usize),
}

impl Patterns {
    /// Reads a file of rules.
    pub(super) fn parse(content: &[u8]) -> Self {
        let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
        Self(content.split(|byte| *byte == b'\n').filter_map(Pattern::parse).collect())
    }

    /// Whether there is no pattern.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the last pattern that fits says of a path, which counts from the folder of the rules on.
    pub(super) fn ask(&self, path: &[u8], is_folder: bool) -> Option<Said> {
        let slash = path.iter().rposition(|byte| *byte == b'/');
        let name = slash.map_or(path, |at| &path[at + 1..]);
        let fits = |pattern: &&Pattern| pattern.fits(path, name, is_folder);
        self.0.iter().rev().find(fits).map(|pattern| pattern.says)
    }
}

impl Pattern {
    /// One line; none for a comment or an empty one.
    fn parse(line: &[u8]) -> Option<Self> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.first() == Some(&b'#') {
            return None;
        }
        let line = without_blanks(line);
        let (says, line) = match line.strip_prefix(b"!") {
            Some(rest) => (Said::Included, rest),
            None => (Said::Ignored, line),
        };
        let (only_folders, line) = match line.strip_suffix(b"/") {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        if line.is_empty() {
            return None;
        }
        let is_path = line.contains(&b'/');
        let glob = if is_path { line.strip_prefix(b"/").unwrap_or(line) } else { line };
        let plain = glob.iter().position(|byte| wildcard::is_special(*byte)).unwrap_or(glob.len());
        let rest_is_plain = || !glob[1..].iter().any(|byte| wildcard::is_special(*byte));
        let shape = match () {
            () if is_path => Shape::Path(plain),
            () if plain == glob.len() => Shape::Name,
            () if glob[0] == b'*' && rest_is_plain() => Shape::NameEnd,
            () => Shape::NameGlob,
        };
        Some(Self { glob: glob.to_vec(), says, only_folders, shape })
    }

    fn fits(&self, path: &[u8], name: &[u8], is_folder: bool) -> bool {
        if self.only_folders && !is_folder {
            return false;
        }
        match self.shape {
            Shape::Name => self.glob == name,
            Shape::NameEnd => name.ends_with(&self.glob[1..]),
            Shape::NameGlob => wildcard::fits(&self.glob, name, Slash::Plain),
            Shape::Path(plain) => {
                let Some(rest) = path.strip_prefix(&self.glob[..plain]) else { return false };
                let glob = &self.glob[plain..];
                if glob.is_empty() {
                    rest.is_empty()
                } else {
                    wildcard::fits(glob, rest, Slash::Apart)
                }
            }
        }
    }
}

/// A line without the blanks at its end; one after a `\` stays.
fn without_blanks(line: &[u8]) -> &[u8] {
    let mut end = 0;
    let mut at = 0;
    while at < line.len() {
        match line[at] {
            b' ' => at += 1,
            b'\\' => {
                at = (at + 2).min(line.len());
                end = at;
            }
            _ => {
                at += 1;
                end = at;
            }
        }
    }
    &line[..end]
}
