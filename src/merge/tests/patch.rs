//! Patches of generated changes, applied by git: the same bytes and modes come out.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use proptest::prelude::*;

use crate::merge::{PatchSide, file_patch};

/// What stands at a path: a mode of git's, and the bytes.
type Thing = (&'static str, Vec<u8>);

fn put(place: &Path, thing: Option<&Thing>) {
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder).unwrap();
    }
    let _ = fs::remove_file(place);
    match thing {
        None => {}
        Some(("120000", target)) => symlink(std::ffi::OsStr::from_bytes(target), place).unwrap(),
        Some((mode, content)) => {
            fs::write(place, content).unwrap();
            let bits = if *mode == "100755" { 0o755 } else { 0o644 };
            fs::set_permissions(place, fs::Permissions::from_mode(bits)).unwrap();
        }
    }
}

fn found(place: &Path) -> Option<Thing> {
    let metadata = fs::symlink_metadata(place).ok()?;
    if metadata.is_symlink() {
        return Some(("120000", fs::read_link(place).unwrap().as_os_str().as_bytes().to_vec()));
    }
    let mode = if metadata.permissions().mode() & 0o100 == 0 { "100644" } else { "100755" };
    Some((mode, fs::read(place).unwrap()))
}

/// Applies the patch of all changes at once, and in reverse, and compares what stands there.
fn check(changes: &[(&[u8], Option<Thing>, Option<Thing>)]) {
    let folder = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str], input: &[u8]| {
        let mut command = Command::new("git");
        command.args(arguments).current_dir(folder.path()).env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), input).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(input));
    };
    git(&["init", "-q"], b"");
    let mut patch = Vec::new();
    for (path, old, new) in changes {
        put(&folder.path().join(std::ffi::OsStr::from_bytes(path)), old.as_ref());
        let side = |thing: &'_ Option<Thing>| thing.clone();
        let (old, new) = (side(old), side(new));
        let of = |thing: &'static str, content| PatchSide { mode: thing, content };
        let (a, b) =
            (old.as_ref().map(|o| of(o.0, &o.1[..])), new.as_ref().map(|n| of(n.0, &n.1[..])));
        if old != new {
            patch.extend(file_patch(path, a, b, 3));
        }
    }
    if patch.is_empty() {
        return;
    }
    for (arguments, is_new) in [(&["apply"][..], true), (&["apply", "-R"], false)] {
        git(arguments, &patch);
        for (path, old, new) in changes {
            let place = folder.path().join(std::ffi::OsStr::from_bytes(path));
            let wanted = if is_new { new } else { old };
            // Backwards git makes a file of a link that became a file, of its own patches, too.
            let is_link = |thing: &Option<Thing>| thing.as_ref().map(|t| t.0 == "120000");
            if !is_new && is_link(old).zip(is_link(new)).is_some_and(|(old, new)| old != new) {
                continue;
            }
            let shown = String::from_utf8_lossy(path);
            let found = found(&place);
            if is_new {
                assert_eq!(found.as_ref(), wanted.as_ref(), "{shown:?}");
            }
            // Nor does it bring the mode of an empty file back.
            let content = |thing: Option<&Thing>| thing.map(|thing| thing.1.clone());
            assert_eq!(content(found.as_ref()), content(wanted.as_ref()), "{shown:?}");
        }
    }
}

fn file(content: &[u8]) -> Option<Thing> {
    Some(("100644", content.to_vec()))
}

#[test]
fn every_kind_of_change_is_applied_to_the_byte() {
    let link = |target: &[u8]| Some(("120000", target.to_vec()));
    let script = |content: &[u8]| Some(("100755", content.to_vec()));
    let long = b"line\n".repeat(500_000);
    check(&[
        (b"latin", file(b"caf\xe9\nx\n"), file(b"caf\xe9\ny\n")),
        (b"escape", file(b"a\n"), file(b"\x1b[31ma\x08\n")),
        (b"windows", file(b"a\r\nb\r\n"), file(b"a\r\nc\r\n")),
        (b"open end", file(b"a\nb"), file(b"a\nc")),
        (b"closed", file(b"a"), file(b"a\n")),
        (b"binary", file(b"\0\x01\x02"), file(&(0..=255).collect::<Vec<u8>>())),
        (b"utf16", file(b"a\0b\0"), file(b"a\0c\0\n\0")),
        (b"to text", file(b"\0"), file(b"text\n")),
        (b"gone binary", file(b"\0\0"), None),
        (b"new binary", None, file(&b"\0abc".repeat(100))),
        (b"new empty", None, file(b"")),
        (b"gone empty", file(b""), None),
        (b"emptied", file(b"a\n"), file(b"")),
        (b"filled", file(b""), file(b"a\n")),
        (b"mode", file(b"a\n"), script(b"a\n")),
        (b"mode and all", script(b"a\n"), file(b"b\n")),
        (b"new script", None, script(b"#!/bin/sh\n")),
        (b"link", link(b"a"), link(b"b/c")),
        (b"new link", None, link(b"../x")),
        (b"to link", file(b"a\n"), link(b"a")),
        (b"from link", link(b"\xff"), script(b"a\n")),
        (b"many lines", file(&long), file(&[&long[..], b"end\n"].concat())),
        (b"sub/with space", file(b"a\n"), file(b"b\n")),
        (b"tab\there", file(b"a\n"), file(b"b\n")),
        (b"new\nline", None, file(b"b\n")),
        (b"quote\"d\\", file(b"a\n"), None),
        (b"\xff\xfe", file(b"a\n"), file(b"b\n")),
        ("größe".as_bytes(), file(b"\0"), file(b"\0\0")),
        (b" lead", None, file(b"\0b")),
        (b"trail ", file(b"a\n"), script(b"a\n")),
    ]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn generated_changes_are_applied_to_the_byte(
        things in prop::collection::vec((thing(), thing()), 1..6)
    ) {
        let names: [&[u8]; 5] = [b"a", b"b c", b"d/e", b"f\tg", b"\xe9"];
        let changes: Vec<_> =
            names.iter().zip(things).map(|(name, (old, new))| (*name, old, new)).collect();
        check(&changes);
    }
}

fn thing() -> impl Strategy<Value = Option<Thing>> {
    let line = prop_oneof![
        4 => "[ab]{0,3}\n".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..6),
        1 => Just(b"\r\n".to_vec()),
    ];
    let content = prop::collection::vec(line, 0..12).prop_map(|lines| lines.concat());
    prop_oneof![
        1 => Just(None),
        4 => content.clone().prop_map(|content| Some(("100644", content))),
        1 => content.prop_map(|content| Some(("100755", content))),
        1 => "[a-z./]{1,8}".prop_map(|target| Some(("120000", target.into_bytes()))),
    ]
}
