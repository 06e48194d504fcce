//! Three-way merge of texts by line.
//!
//! The rule: the stretches that each side changed against the base are laid over each other.
//! Stretches that overlap or touch form one region. A region that one side alone changed is taken
//! from that side; one in which both sides read the same is taken once; any other is a conflict.
//! So changes to neighbouring lines conflict, as they do in git: a line more of distance is cheap,
//! a merge that is clean as text and wrong is not.
//!
//! Where every line of the base is distinct, the result is that of `git merge-file`, byte for byte
//! (with `--diff3` where there are conflicts); the tests compare. Where lines repeat, the two may
//! align a text differently and so draw regions differently.

use super::lines::{Numbers, Stretch, split, stretches};

/// What came of a merge of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextMerge {
    /// One text with the changes of both sides.
    Clean(Vec<u8>),
    /// Both sides changed the same lines differently.
    Conflicts {
        /// The text with all three versions between markers in those places.
        content: Vec<u8>,
        /// How many places, at least one.
        count: usize,
    },
}

/// Merges two texts that came from one. Lines are compared with their ends, so a changed end is a
/// changed line. The caller sees to the size with `text_kind`; time is bounded for any input.
pub fn merge_text(base: &[u8], ours: &[u8], theirs: &[u8]) -> TextMerge {
    if theirs == base || ours == theirs {
        return TextMerge::Clean(ours.to_vec());
    }
    if ours == base {
        return TextMerge::Clean(theirs.to_vec());
    }
    let (base, ours, theirs) = (split(base), split(ours), split(theirs));
    let mut numbers = Numbers::default();
    let base_numbers = numbers.of(&base);
    let ours_changes = stretches(&base_numbers, &numbers.of(&ours));
    let theirs_changes = stretches(&base_numbers, &numbers.of(&theirs));
    let mut merge = Merge {
        base: &base,
        ours: Version::new(&ours, &ours_changes),
        theirs: Version::new(&theirs, &theirs_changes),
        content: Vec::new(),
        conflicts: 0,
    };
    merge.run();
    match merge.conflicts {
        0 => TextMerge::Clean(merge.content),
        count => TextMerge::Conflicts { content: merge.content, count },
    }
}

/// One side, read from its start to its end.
struct Version<'a, 't> {
    lines: &'a [&'t [u8]],
    changes: &'a [Stretch],
    /// The place in the base up to which its changes were used, and the same place here.
    seen: (usize, usize),
}

impl<'a, 't> Version<'a, 't> {
    fn new(lines: &'a [&'t [u8]], changes: &'a [Stretch]) -> Self {
        Self { lines, changes, seen: (0, 0) }
    }

    /// Where the next change begins in the base.
    fn next_start(&self) -> Option<usize> {
        self.changes.first().map(|change| change.old.start)
    }

    /// Uses the next change when it begins at `end` or before; returns where it ends in the base.
    fn use_until(&mut self, end: usize) -> Option<usize> {
        let (first, rest) = self.changes.split_first()?;
        if first.old.start > end {
            return None;
        }
        self.changes = rest;
        self.seen = (first.old.end, first.new.end);
        Some(first.old.end)
    }

    /// The place here of a place in the base that lies after all changes used.
    fn place(&self, base: usize) -> usize {
        self.seen.1 + (base - self.seen.0)
    }
}

struct Merge<'a, 't> {
    base: &'a [&'t [u8]],
    ours: Version<'a, 't>,
    theirs: Version<'a, 't>,
    content: Vec<u8>,
    conflicts: usize,
}

impl Merge<'_, '_> {
    fn run(&mut self) {
        let mut at = 0;
        loop {
            let starts = [self.ours.next_start(), self.theirs.next_start()];
            let Some(start) = starts.into_iter().flatten().min() else {
                break;
            };
            self.content.extend(self.base[at..start].concat());
            at = self.region(start);
        }
        self.content.extend(self.base[at..].concat());
    }

    /// Settles the region that begins here in the base; returns where it ends.
    fn region(&mut self, start: usize) -> usize {
        let (ours_start, theirs_start) = (self.ours.place(start), self.theirs.place(start));
        let (mut end, mut ours_changed, mut theirs_changed) = (start, false, false);
        loop {
            if let Some(reached) = self.ours.use_until(end) {
                (end, ours_changed) = (end.max(reached), true);
            } else if let Some(reached) = self.theirs.use_until(end) {
                (end, theirs_changed) = (end.max(reached), true);
            } else {
                break;
            }
        }
        let ours_lines = &self.ours.lines[ours_start..self.ours.place(end)];
        let theirs_lines = &self.theirs.lines[theirs_start..self.theirs.place(end)];
        if !theirs_changed || ours_lines == theirs_lines {
            self.content.extend(ours_lines.concat());
        } else if !ours_changed {
            self.content.extend(theirs_lines.concat());
        } else {
            let line_end = self.marker_end(ours_start, theirs_start);
            self.conflicts += 1;
            let versions = [
                ("<<<<<<< ours", ours_lines),
                ("||||||| base", &self.base[start..end]),
                ("=======", theirs_lines),
            ];
            for (marker, lines) in versions {
                push_marker(&mut self.content, marker, line_end);
                push_whole_lines(&mut self.content, lines, line_end);
            }
            push_marker(&mut self.content, ">>>>>>> theirs", line_end);
        }
        end
    }

    /// Markers end as the lines around them do: with a carriage return where each side that has
    /// lines has it in the line before (the first line at the start).
    fn marker_end(&self, ours_start: usize, theirs_start: usize) -> &'static [u8] {
        let before = |lines: &[&[u8]], start: usize| {
            lines.get(start.saturating_sub(1)).map(|line| line.ends_with(b"\r\n"))
        };
        let ours = before(self.ours.lines, ours_start);
        let theirs = before(self.theirs.lines, theirs_start);
        let returns = ours.or(theirs) == Some(true) && theirs.or(ours) == Some(true);
        if returns { b"\r\n" } else { b"\n" }
    }
}

fn push_marker(content: &mut Vec<u8>, marker: &str, line_end: &[u8]) {
    content.extend_from_slice(marker.as_bytes());
    content.extend_from_slice(line_end);
}

/// Adds lines, and an end to the last one if it has none: a marker must stand in a line of its own.
fn push_whole_lines(content: &mut Vec<u8>, lines: &[&[u8]], line_end: &[u8]) {
    content.extend(lines.concat());
    if lines.last().is_some_and(|line| !line.ends_with(b"\n")) {
        content.extend_from_slice(line_end);
    }
}
