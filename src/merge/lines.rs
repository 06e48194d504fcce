//! Texts as lines, and the stretches in which two texts differ.
//!
//! Guarantees that joining the lines gives the text again: a line keeps its end, and the last one
//! may have none. The difference is that of Myers (E. W. Myers, "An O(ND) Difference Algorithm and
//! Its Variations", 1986) with the library's bound on the search, so it may be longer than the
//! shortest one, and never takes quadratic time. It depends on the texts alone, on no clock.

use std::collections::HashMap;
use std::ops::Range;

use similar::{Algorithm, DiffTag, capture_diff_slices};

use crate::base::limits::{BINARY_LOOK_BYTES, TEXT_BYTES_MAX, TEXT_LINES_MAX};

/// Whether content can be treated line by line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    /// It can.
    Text,
    /// There is a NUL near its start.
    Binary,
    /// It has more than `TEXT_BYTES_MAX` bytes or `TEXT_LINES_MAX` lines.
    TooLarge,
}

/// Looks at content: cheap, and the same answer wherever it is asked.
pub fn text_kind(content: &[u8]) -> TextKind {
    if content[..content.len().min(BINARY_LOOK_BYTES)].contains(&0) {
        return TextKind::Binary;
    }
    let too_long = content.len() as u64 > TEXT_BYTES_MAX
        || content.iter().filter(|byte| **byte == b'\n').nth(TEXT_LINES_MAX).is_some();
    if too_long { TextKind::TooLarge } else { TextKind::Text }
}

/// The lines of a text, ends included.
pub(super) fn split(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').collect()
}

/// Numbers for lines: equal lines, equal numbers. Comparing numbers is what keeps the search quick
/// on long lines.
#[derive(Default)]
pub(super) struct Numbers<'t> {
    known: HashMap<&'t [u8], u32>,
}

impl<'t> Numbers<'t> {
    /// The numbers of some lines.
    pub(super) fn of(&mut self, lines: &[&'t [u8]]) -> Vec<u32> {
        let mut number = |line: &&'t [u8]| {
            let next = self.known.len() as u32;
            *self.known.entry(*line).or_insert(next)
        };
        lines.iter().map(&mut number).collect()
    }
}

/// A stretch that differs: these lines of the old text became those of the new one. One of the
/// ranges may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) old: Range<usize>,
    pub(super) new: Range<usize>,
}

/// The stretches that differ, in order; at least one common line lies between two of them.
pub(super) fn stretches(old: &[u32], new: &[u32]) -> Vec<Stretch> {
    let mut found: Vec<Stretch> = Vec::new();
    for operation in capture_diff_slices(Algorithm::Myers, old, new) {
        let (tag, old, new) = operation.as_tag_tuple();
        if tag == DiffTag::Equal {
            continue;
        }
        match found.last_mut() {
            Some(last) if last.old.end == old.start && last.new.end == new.start => {
                (last.old.end, last.new.end) = (old.end, new.end);
            }
            _ => found.push(Stretch { old, new }),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_ends() {
        for text in ["", "a", "a\n", "a\r\nb", "\n\n", "a\n\nb\n"] {
            assert_eq!(split(text.as_bytes()).concat(), text.as_bytes());
        }
        assert_eq!(split(b"a\r\nb"), [b"a\r\n".as_slice(), b"b"]);
    }

    #[test]
    fn kinds_of_content() {
        assert_eq!(text_kind(b""), TextKind::Text);
        assert_eq!(text_kind(b"a\0b"), TextKind::Binary);
        let mut late = vec![b'a'; BINARY_LOOK_BYTES];
        late.push(0);
        assert_eq!(text_kind(&late), TextKind::Text);
        assert_eq!(text_kind(&vec![b'a'; TEXT_BYTES_MAX as usize + 1]), TextKind::TooLarge);
        assert_eq!(text_kind(&vec![b'\n'; TEXT_LINES_MAX]), TextKind::Text);
        assert_eq!(text_kind(&vec![b'\n'; TEXT_LINES_MAX + 1]), TextKind::TooLarge);
    }

    #[test]
    fn stretches_never_touch() {
        let found = stretches(&[1, 2, 3, 4, 5], &[1, 9, 3, 4, 5, 6]);
        assert_eq!(found, [Stretch { old: 1..2, new: 1..2 }, Stretch { old: 5..5, new: 5..6 }]);
    }
}
