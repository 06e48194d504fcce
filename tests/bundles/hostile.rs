//! Trees that no capture could have made, brought by a bundle: refused, or restored without harm.

use std::fs;
use std::time::{Duration, Instant};

use expdag::object::tree::{EntryKind, TreeEntry};

use super::common::Bench;
use super::made::Made;
use super::mutate::Mutator;
use super::{git, in_git, plain, sound};

/// Names that a file system, git or we ourselves would take for something else.
const HOSTILE: [&[u8]; 22] = [
    b".git",
    b".GIT",
    b".Git ",
    b".git.",
    b".git::$INDEX_ALLOCATION",
    b"git~1",
    b"GIT~2",
    b".git\\hooks",
    b"a\\.git",
    b".g\xe2\x80\x8cit",
    b".exp",
    b".EXP",
    b"exp~1",
    b".exp-tmp-0123456789abcdef",
    b".",
    b"..",
    b"",
    b"a/b",
    b"/etc",
    b"a\0b",
    b"../../outside",
    &[b'n'; 256],
];

/// Imports a bundle that must be refused, with a word for why.
fn refused(bench: &Bench, made: Made, tree: expdag::base::id::Hash, why: &str) {
    let file = bench.outside("hostile");
    made.write(tree, &file);
    let said = bench.complains(6, &["import", file.to_str().unwrap()]);
    assert!(said.contains(why), "{said}");
    assert!(!bench.run(&["show", "evil"]).status.success());
}

#[test]
fn a_name_that_no_capture_makes_is_refused_at_import() {
    let bench = in_git();
    for name in HOSTILE {
        for is_folder in [false, true] {
            let mut made = Made::default();
            let inner = made.leaf(b"post-commit", EntryKind::Executable, b"#!/bin/sh\n");
            let entry = match is_folder {
                true => made.folder(name, vec![inner]),
                false => made.file(name, b"x"),
            };
            let below = made.folder(b"sub", vec![entry]);
            let tree = made.tree(vec![below]);
            refused(&bench, made, tree, "a name in it");
        }
    }
    sound(&bench);
}

#[test]
fn what_no_restore_can_write_is_refused_at_import() {
    let bench = plain();
    let long = vec![b'a'; 5_000];
    for target in [&b"a\0b"[..], b"", &long] {
        let mut made = Made::default();
        let link = made.leaf(b"link", EntryKind::Symlink, target);
        let tree = made.tree(vec![link]);
        refused(&bench, made, tree, "target");
    }
    for length in [0, 2, 4, 1 << 60, u64::MAX] {
        let mut made = Made::default();
        let file = TreeEntry { length, ..made.file(b"file", b"abc") };
        let tree = made.tree(vec![file]);
        refused(&bench, made, tree, "another length");
        let mut made = Made::default();
        let file = made.file(b"file", b"abc");
        let folder = TreeEntry { length, ..made.folder(b"folder", vec![file]) };
        let tree = made.tree(vec![folder]);
        refused(&bench, made, tree, "another length");
    }
    for (levels, name) in [(256, &b"d"[..]), (3_000, b"d"), (30, &[b'd'; 200])] {
        let mut made = Made::default();
        let mut entry = made.file(b"file", b"abc");
        for _ in 0..levels {
            entry = made.folder(name, vec![entry]);
        }
        let tree = made.tree(vec![entry]);
        let why = if levels == 30 { "longer than" } else { "too deeply" };
        refused(&bench, made, tree, why);
    }
}

#[test]
fn few_bytes_that_stand_for_more_files_than_any_disk_holds_are_refused() {
    let bench = plain();
    let mut made = Made::default();
    let mut entries: Vec<TreeEntry> =
        (0..10).map(|at| made.file(format!("f{at}").as_bytes(), b"x")).collect();
    for _ in 0..12 {
        entries =
            (0..10).map(|at| made.folder(format!("d{at}").as_bytes(), entries.clone())).collect();
    }
    let tree = made.tree(entries);
    refused(&bench, made, tree, "more files than a workspace may have");
}

/// The deepest tree that a capture makes comes, and every verb goes on working.
#[test]
fn the_deepest_tree_comes_and_goes() {
    let bench = plain();
    let mut made = Made::default();
    let mut entry = made.file(b"file", b"abc");
    for _ in 0..255 {
        entry = made.folder(b"d", vec![entry]);
    }
    let tree = made.tree(vec![entry]);
    let file = bench.outside("deep");
    made.write(tree, &file);
    bench.ok(&["import", file.to_str().unwrap()]);
    bench.ok(&["switch", "evil"]);
    bench.ok(&["status"]);
    bench.ok(&["switch", "main"]);
    sound(&bench);
}

/// The body: one hostile tree, brought to every verb that writes files. Whether it was taken in.
fn body(bench: &Bench, mutator: &mut Mutator) -> bool {
    let mut made = Made::default();
    let entries = hostile_entries(&mut made, mutator, 3);
    let tree = made.tree(entries);
    let file = bench.outside("hostile");
    made.write(tree, &file);
    let run = |arguments: &[&str]| {
        let code = bench.run(arguments).status.code();
        // Clear ends only: never "a bug", never a signal.
        assert!(code.is_some_and(|code| code <= 8 || code >= 125), "{arguments:?}: {code:?}");
        code == Some(0)
    };
    let is_taken = run(&["import", file.to_str().unwrap()]);
    if is_taken {
        run(&["exec", "evil", "--", "true"]);
        run(&["diff", "main", "evil"]);
        run(&["merge", "evil", "--dry-run"]);
        run(&["switch", "evil"]);
        run(&["rollback", "--to", "evil~0"]);
        assert!(run(&["switch", "main"]), "the way back");
        assert!(run(&["branch", "--delete", "evil"]), "away with it");
    }
    let hooks = fs::read_dir(bench.root().join(".git/hooks")).unwrap().count();
    assert_eq!(hooks, 0, "nothing is written into git's folder");
    assert!(!bench.root().parent().unwrap().join("outside").exists());
    assert!(run(&["status"]), "the workspace still works");
    is_taken
}

fn hostile_entries(made: &mut Made, mutator: &mut Mutator, depth: usize) -> Vec<TreeEntry> {
    let mut entries: Vec<TreeEntry> = Vec::new();
    for _ in 0..=mutator.below(3) {
        let plain = format!("n{}", mutator.below(4));
        let name: Vec<u8> = match mutator.below(6) {
            0 => HOSTILE[mutator.below(HOSTILE.len())].to_vec(),
            1 => mutator.mutate(plain.as_bytes(), 0),
            _ => plain.into_bytes(),
        };
        let mut entry = match mutator.below(4) {
            0 | 1 if depth > 0 => {
                let below = hostile_entries(made, mutator, depth - 1);
                made.folder(&name, below)
            }
            2 => {
                let targets: [&[u8]; 6] = [b"n1", b"/etc", b"../..", b".git", b"", b"x\0y"];
                made.leaf(&name, EntryKind::Symlink, targets[mutator.below(6)])
            }
            3 => made.leaf(&name, EntryKind::Executable, b"#!/bin/sh\nexit 1\n"),
            _ => made.file(&name, b"content\n"),
        };
        if mutator.below(12) == 0 {
            entry.length = [0, 1, u64::MAX][mutator.below(3)];
        }
        entries.push(entry);
    }
    if mutator.below(16) != 0 {
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        entries.dedup_by(|a, b| a.name == b.name);
    }
    entries
}

#[test]
fn hostile_trees_do_no_harm_whatever_verb_meets_them() {
    let bench = in_git();
    let hooks = bench.root().join(".git/hooks");
    let _ = fs::remove_dir_all(&hooks);
    fs::create_dir(&hooks).unwrap();
    git(&bench, &["status"]);
    let mut mutator = Mutator::of("hostile trees");
    let seconds = std::env::var("EXP_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let until = Instant::now() + Duration::from_secs(seconds.unwrap_or(0));
    let (mut trees, mut taken) = (0, 0);
    while trees < 40 || Instant::now() < until {
        trees += 1;
        taken += usize::from(body(&bench, &mut mutator));
    }
    println!("{trees} hostile trees, {taken} taken in");
    assert!(taken > 0 && taken < trees, "{taken} of {trees}");
    sound(&bench);
}
