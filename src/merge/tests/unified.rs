//! The unified diff: `git apply` must turn it back into the new text.

use std::fs;

use super::{Random, git};
use crate::merge::{LineTag, TextDiff, unified};

fn text(old: &str, new: &str) -> String {
    let diff = unified(old.as_bytes(), new.as_bytes(), 1);
    String::from_utf8(diff.to_text(b"a/f", b"b/f")).unwrap()
}

#[test]
fn hunks_in_text() {
    assert_eq!(text("a\nb\nc\n", "a\nb\nc\n"), "");
    assert_eq!(
        text("a\nb\nc\nd\ne\n", "a\nB\nc\nd\nE"),
        "--- a/f\n+++ b/f\n@@ -1,5 +1,5 @@\n a\n-b\n+B\n c\n d\n-e\n+E\n\
         \\ No newline at end of file\n"
    );
    assert_eq!(
        text("a\nb\nc\nd\ne\nf\n", "b\nc\nd\ne\nf\ng\n"),
        "--- a/f\n+++ b/f\n@@ -1,2 +1 @@\n-a\n b\n@@ -6 +5,2 @@\n f\n+g\n"
    );
    assert_eq!(text("", "a\n"), "--- a/f\n+++ b/f\n@@ -0,0 +1 @@\n+a\n");
}

#[test]
fn counts_and_kinds() {
    let TextDiff::Lines(lines) = unified(b"a\nb\nc\n", b"a\nx\ny\nc\n", 3) else {
        panic!("both are texts");
    };
    assert_eq!((lines.added, lines.removed, lines.hunks.len()), (2, 1, 1));
    let tags: Vec<_> = lines.hunks[0].lines.iter().map(|line| line.tag).collect();
    use LineTag::{Added, Context, Removed};
    assert_eq!(tags, [Context, Removed, Added, Added, Context]);
    assert_eq!(unified(b"a\0", b"b", 3), TextDiff::Binary);
    assert_eq!(unified(&vec![b'a'; 9 << 20], b"b", 3), TextDiff::TooLarge);
    assert_eq!(unified(b"\0", b"\0", 3), TextDiff::Lines(Default::default()));
    let name = TextDiff::Binary.to_text(b"a/\xff \"x\"", b"b/y");
    assert_eq!(name, b"Binary files \"a/\\377 \\\"x\\\"\" and b/y differ\n");
}

#[test]
fn git_applies_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(5);
    for case in 0..100 {
        let mut side = || -> Vec<u8> {
            let mut text: Vec<u8> = (0..random.below(30))
                .flat_map(|_| [vec![b'a' + random.below(4) as u8], b"\r\n".to_vec()].concat())
                .collect();
            text.truncate(text.len().saturating_sub(random.below(3)));
            text
        };
        // A file that comes or goes has other names in a patch.
        let (old, new) = ([b"x\n".to_vec(), side()].concat(), [side(), b"y\n".to_vec()].concat());
        let name = if case % 2 == 0 { "some file" } else { "gr\u{f6}\u{df}er" };
        let names = [format!("a/{name}"), format!("b/{name}")].map(String::into_bytes);
        let patch = unified(&old, &new, case % 4).to_text(&names[0], &names[1]);
        fs::write(folder.path().join(name), &old).unwrap();
        fs::write(folder.path().join("patch"), &patch).unwrap();
        let output = git(folder.path(), &["apply", "--unidiff-zero", "patch"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(fs::read(folder.path().join(name)).unwrap(), new, "case {case}");
    }
    let patch = unified(b"", b"made\n", 3).to_text(b"/dev/null", b"b/made");
    fs::write(folder.path().join("patch"), &patch).unwrap();
    assert!(git(folder.path(), &["apply", "patch"]).status.success());
    assert_eq!(fs::read(folder.path().join("made")).unwrap(), b"made\n");
}
