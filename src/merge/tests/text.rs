//! Merging texts: cases, laws, and `git merge-file` as the reference.

use std::fs;
use std::path::Path;

use super::{Random, git};
use crate::base::limits::TEXT_LINES_MAX;
use crate::merge::{TextMerge, merge_text};

/// What `git merge-file --diff3` makes of three texts: the text, and the number of conflicts.
fn reference(folder: &Path, texts: [&[u8]; 3]) -> (Vec<u8>, usize) {
    for (name, text) in ["base", "ours", "theirs"].into_iter().zip(texts) {
        fs::write(folder.join(name), text).unwrap();
    }
    let labels = ["-L", "ours", "-L", "base", "-L", "theirs", "ours", "base", "theirs"];
    let output = git(folder, &[&["merge-file", "-p", "--diff3"], &labels[..]].concat());
    let code = output.status.code().expect("git ended by itself");
    assert!((0..128).contains(&code), "{}", String::from_utf8_lossy(&output.stderr));
    (output.stdout, code as usize)
}

fn merged(texts: [&[u8]; 3]) -> (Vec<u8>, usize) {
    match merge_text(texts[0], texts[1], texts[2]) {
        TextMerge::Clean(text) => (text, 0),
        TextMerge::Conflicts { content, count } => (content, count),
    }
}

/// `a b c` is three lines; a `!` at the end means that the last line has no end.
fn lines(text: &str, end: &str) -> Vec<u8> {
    let (text, whole) = text.strip_suffix('!').map_or((text, true), |text| (text, false));
    let mut lines: String = text.split_whitespace().map(|line| format!("{line}{end}")).collect();
    if !whole {
        lines.truncate(lines.len() - end.len());
    }
    lines.into_bytes()
}

#[test]
fn cases_agree_with_git() {
    // Base, ours, theirs, conflicts.
    let cases = [
        ("a b c d e", "x b c d e", "a b c d y", 0),
        ("a b c", "x b c", "a b y", 0),
        ("a b", "x b", "a y", 1),
        ("a b c", "a c", "a b x c", 1),
        ("a b c", "a x b c", "a y b c", 1),
        ("a b c", "a x b c", "a x b c", 0),
        ("a b c", "a x b c", "a b y c", 0),
        ("a b c d", "x b c d", "x b c y", 0),
        ("", "a", "b", 1),
        ("a", "", "b", 1),
        ("a b c d e f", "a x y z f", "a b q d e f", 1),
        ("a b c d e", "a c d e", "a b c d", 0),
        ("a b c!", "a b c d", "x b c!", 0),
        ("a b c!", "x b c!", "a b c", 0),
        ("a b c!", "a b x!", "a b y!", 1),
        ("a b c", "a b c!", "a b c d", 1),
        ("a b c!", "a b c", "a b c d!", 1),
        ("a b c d e f g", "1 b 2 d 3 f g", "a b c d e f 4", 0),
        ("a b c d e f g", "1 b 2 d 3 f g", "5 b c d 6 f g", 2),
    ];
    let folder = tempfile::tempdir().unwrap();
    for end in ["\n", "\r\n"] {
        for (base, ours, theirs, conflicts) in cases {
            let [b, o, t] = [base, ours, theirs].map(|text| lines(text, end));
            let (text, count) = merged([&b, &o, &t]);
            assert_eq!(count, conflicts, "{base} / {ours} / {theirs}");
            let (expected, expected_count) = reference(folder.path(), [&b, &o, &t]);
            assert_eq!(count, expected_count, "{base} / {ours} / {theirs}");
            let [mut text, mut expected] =
                [text, expected].map(|text| String::from_utf8(text).unwrap());
            if base.is_empty() {
                // git ends markers by the base alone where that has no line; we look at both sides.
                (text, expected) = (text.replace('\r', ""), expected.replace('\r', ""));
            }
            assert_eq!(text, expected, "{base} / {ours} / {theirs}");
        }
    }
}

#[test]
fn markers_hold_all_three_versions() {
    let TextMerge::Conflicts { content, count } = merge_text(b"k\na\n", b"k\nx", b"k\ny\n") else {
        panic!("both changed a line");
    };
    assert_eq!(count, 1);
    let expected = "k\n<<<<<<< ours\nx\n||||||| base\na\n=======\ny\n>>>>>>> theirs\n";
    assert_eq!(String::from_utf8_lossy(&content), expected);
}

/// A text of distinct lines with some removed, replaced or added; both sides draw from the same
/// names for a place, so that they sometimes do the same.
fn variant(base: &[String], random: &mut Random) -> Vec<u8> {
    let mut text = String::new();
    for (at, line) in base.iter().enumerate() {
        match random.below(9) {
            0 => {}
            1 => text.push_str(&format!("new {at} {}\n", random.below(2))),
            2 => text.push_str(&format!("more {at} {}\n{line}", random.below(2))),
            _ => text.push_str(line),
        }
    }
    if random.below(6) == 0 {
        text.truncate(text.trim_end_matches('\n').len());
    }
    text.into_bytes()
}

#[test]
fn texts_of_distinct_lines_agree_with_git_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(1);
    let (mut clean, mut conflicting) = (0, 0);
    for case in 0..150 {
        let base: Vec<_> = (0..random.below(12)).map(|at| format!("line {at}\n")).collect();
        let (ours, theirs) = (variant(&base, &mut random), variant(&base, &mut random));
        let texts = [base.concat().into_bytes(), ours, theirs];
        let texts = [&texts[0][..], &texts[1], &texts[2]];
        let (expected, expected_count) = reference(folder.path(), texts);
        let (text, count) = merged(texts);
        assert_eq!(count, expected_count, "case {case}: {texts:?}");
        assert_eq!(
            String::from_utf8_lossy(&text),
            String::from_utf8_lossy(&expected),
            "case {case}"
        );
        if count == 0 { clean += 1 } else { conflicting += 1 }
    }
    assert!(clean > 30 && conflicting > 30, "{clean} clean, {conflicting} with conflicts");
}

fn repeating(random: &mut Random) -> Vec<u8> {
    (0..random.below(10)).flat_map(|_| [b'a' + random.below(3) as u8, b'\n']).collect()
}

#[test]
fn texts_of_repeating_lines_mostly_agree_with_git() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(2);
    let mut other = 0;
    for _ in 0..120 {
        let texts = [(); 3].map(|()| repeating(&mut random));
        let texts = [&texts[0][..], &texts[1], &texts[2]];
        let (_, expected) = reference(folder.path(), texts);
        let (_, count) = merged(texts);
        other += usize::from((count == 0) != (expected == 0));
    }
    // The alignment of repeated lines is a choice; more than a few other answers is a fault.
    assert!(other <= 8, "{other} of 120 are clean here and not there, or the other way round");
}

#[test]
fn laws_of_merging() {
    let mut random = Random(3);
    for _ in 0..2_000 {
        let [base, x, y] = [(); 3].map(|()| repeating(&mut random));
        assert_eq!(merge_text(&base, &x, &base), TextMerge::Clean(x.clone()));
        assert_eq!(merge_text(&base, &base, &x), TextMerge::Clean(x.clone()));
        assert_eq!(merge_text(&base, &x, &x), TextMerge::Clean(x.clone()));
        match (merge_text(&base, &x, &y), merge_text(&base, &y, &x)) {
            (TextMerge::Clean(one), TextMerge::Clean(other)) => assert_eq!(one, other),
            (
                TextMerge::Conflicts { count: one, .. },
                TextMerge::Conflicts { count: other, .. },
            ) => assert_eq!(one, other),
            (one, other) => panic!("{one:?} one way, {other:?} the other"),
        }
    }
}

#[test]
fn long_texts_that_differ_everywhere_are_merged_in_bounded_time() {
    // Few distinct lines without order: the search for a shortest difference would be quadratic.
    let mut random = Random(4);
    let mut text = || -> Vec<u8> {
        (0..TEXT_LINES_MAX / 12).flat_map(|_| [b'a' + random.below(20) as u8, b'\n']).collect()
    };
    let (base, ours, theirs) = (text(), text(), text());
    assert!(matches!(merge_text(&base, &ours, &theirs), TextMerge::Conflicts { .. }));
}
