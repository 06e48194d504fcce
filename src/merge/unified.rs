//! The difference of two texts as a value, for people and for `patch`.
//!
//! Guarantees that [`LineDiff::to_text`] is a unified diff (IEEE Std 1003.1-2024, `diff -u`) that
//! `git apply` turns back into the new text. Does not know colours, widths or pagers.

use super::lines::{Numbers, Stretch, TextKind, split, stretches, text_kind};

/// How two contents differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextDiff {
    /// Line by line; without hunks when they are equal.
    Lines(LineDiff),
    /// They differ, and one of them is binary.
    Binary,
    /// They differ, and one of them is too large to be compared by line.
    TooLarge,
}

/// The lines that differ, with some around them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineDiff {
    /// In order, apart from each other.
    pub hunks: Vec<Hunk>,
    /// Lines that came.
    pub added: usize,
    /// Lines that went.
    pub removed: usize,
}

/// One place that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk {
    /// Number of its first line in the old text, from 1.
    pub old_start: usize,
    /// How many lines of the old text it covers.
    pub old_lines: usize,
    /// Number of its first line in the new text, from 1.
    pub new_start: usize,
    /// How many lines of the new text it covers.
    pub new_lines: usize,
    /// The lines, those that went before those that came.
    pub lines: Vec<DiffLine>,
}

/// One line of a hunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffLine {
    /// What became of it.
    pub tag: LineTag,
    /// The line with its end; only the last one of a text may have none.
    pub content: Vec<u8>,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineTag {
    /// It stands in both.
    Context,
    /// It stands in the old text alone.
    Removed,
    /// It stands in the new text alone.
    Added,
}

/// Compares two contents, with `context` common lines around each change.
pub fn unified(old: &[u8], new: &[u8], context: usize) -> TextDiff {
    if old == new {
        return TextDiff::Lines(LineDiff::default());
    }
    match (text_kind(old), text_kind(new)) {
        (TextKind::Binary, _) | (_, TextKind::Binary) => return TextDiff::Binary,
        (TextKind::TooLarge, _) | (_, TextKind::TooLarge) => return TextDiff::TooLarge,
        (TextKind::Text, TextKind::Text) => {}
    }
    let (old, new) = (split(old), split(new));
    let mut numbers = Numbers::default();
    let changes = stretches(&numbers.of(&old), &numbers.of(&new));
    let near = |a: &Stretch, b: &Stretch| b.old.start - a.old.end <= 2 * context;
    let hunks = changes.chunk_by(near).map(|group| hunk(&old, &new, group, context)).collect();
    TextDiff::Lines(LineDiff {
        hunks,
        added: changes.iter().map(|change| change.new.len()).sum(),
        removed: changes.iter().map(|change| change.old.len()).sum(),
    })
}

fn hunk(old: &[&[u8]], new: &[&[u8]], group: &[Stretch], context: usize) -> Hunk {
    let (first, last) = (&group[0], &group[group.len() - 1]);
    let before = first.old.start.min(context);
    let after = (old.len() - last.old.end).min(context);
    let (old_start, old_end) = (first.old.start - before, last.old.end + after);
    let (new_start, new_end) = (first.new.start - before, last.new.end + after);
    let mut lines = Vec::new();
    let mut push = |tag, from: &[&[u8]]| {
        lines.extend(from.iter().map(|line| DiffLine { tag, content: line.to_vec() }));
    };
    let mut at = old_start;
    for change in group {
        push(LineTag::Context, &old[at..change.old.start]);
        push(LineTag::Removed, &old[change.old.clone()]);
        push(LineTag::Added, &new[change.new.clone()]);
        at = change.old.end;
    }
    push(LineTag::Context, &old[at..old_end]);
    Hunk {
        old_start: old_start + 1,
        old_lines: old_end - old_start,
        new_start: new_start + 1,
        new_lines: new_end - new_start,
        lines,
    }
}

impl TextDiff {
    /// As plain text under these names (such as `a/x` and `b/x`, or `/dev/null` for a file that
    /// comes or goes). Empty when nothing differs.
    pub fn to_text(&self, name_old: &[u8], name_new: &[u8]) -> Vec<u8> {
        match self {
            Self::Lines(lines) => lines.to_text(name_old, name_new),
            Self::Binary | Self::TooLarge => {
                let what: &[u8] = if *self == Self::Binary { b"Binary" } else { b"Large" };
                let (old, new) = (quoted(name_old), quoted(name_new));
                [what, b" files ", &old, b" and ", &new, b" differ\n"].concat()
            }
        }
    }
}

impl LineDiff {
    /// As [`TextDiff::to_text`].
    pub fn to_text(&self, name_old: &[u8], name_new: &[u8]) -> Vec<u8> {
        let mut text = Vec::new();
        if self.hunks.is_empty() {
            return text;
        }
        for (marker, name) in [(b"--- ", name_old), (b"+++ ", name_new)] {
            text.extend_from_slice(marker);
            text.extend(quoted(name));
            // A tab ends the name, or a space in it would end it for `patch`.
            text.extend_from_slice(if name.contains(&b' ') { b"\t\n" } else { b"\n" });
        }
        for hunk in &self.hunks {
            hunk.push_text(&mut text);
        }
        text
    }
}

impl Hunk {
    fn push_text(&self, text: &mut Vec<u8>) {
        // A side without lines is named by the line before it.
        let place = |start: usize, count: usize| match count {
            0 => format!("{},0", start - 1),
            1 => format!("{start}"),
            _ => format!("{start},{count}"),
        };
        let old = place(self.old_start, self.old_lines);
        let new = place(self.new_start, self.new_lines);
        text.extend_from_slice(format!("@@ -{old} +{new} @@\n").as_bytes());
        for line in &self.lines {
            text.push(match line.tag {
                LineTag::Context => b' ',
                LineTag::Removed => b'-',
                LineTag::Added => b'+',
            });
            text.extend_from_slice(&line.content);
            if !line.content.ends_with(b"\n") {
                text.extend_from_slice(b"\n\\ No newline at end of file\n");
            }
        }
    }
}

/// A name as git writes it: in quotes with escapes where it has bytes that would confuse.
pub(super) fn quoted(name: &[u8]) -> Vec<u8> {
    let plain = |byte: &u8| (b' '..0x7f).contains(byte) && !matches!(byte, b'"' | b'\\');
    if name.iter().all(plain) {
        return name.to_vec();
    }
    let mut text = vec![b'"'];
    for byte in name {
        match byte {
            b'"' | b'\\' => text.extend([b'\\', *byte]),
            byte if plain(byte) => text.push(*byte),
            byte => text.extend(format!("\\{byte:03o}").into_bytes()),
        }
    }
    text.push(b'"');
    text
}
