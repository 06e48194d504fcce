//! What `exp fsck` says to do about damage, done.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::fs;

use common::Bench;

fn with_history() -> Bench {
    let bench = Bench::project();
    bench.ok(&["branch", "idea"]);
    for number in 0..3 {
        bench.write("value.txt", &format!("{number}\n"));
        bench.ok(&["snapshot", "-m", &format!("number {number}")]);
    }
    bench.ok(&["undo"]);
    bench
}

/// The heads gone: the file that it names brings everything back.
#[test]
fn lost_heads_come_back_by_the_file_that_fsck_names() {
    let bench = with_history();
    let all = || [["log", "--all"], ["op", "log"]].map(|verb| bench.ok(&verb));
    let before = all();
    let heads = bench.root().join(".exp/heads");
    for head in fs::read_dir(&heads).unwrap() {
        fs::remove_file(head.unwrap().path()).unwrap();
    }
    let page = bench.exits(6, &["fsck"]);
    assert!(!page.contains("of no use"), "{page}");
    let (_, rest) = page.split_once("touch '").unwrap();
    let (path, _) = rest.split_once('\'').unwrap();
    fs::write(path, "").unwrap();
    assert!(bench.ok(&["fsck"]).contains("All is well."));
    assert_eq!(all(), before);
    bench.ok(&["redo"]);
    bench.ok(&["snapshot", "-m", "goes on"]);
}

#[test]
fn damage_has_a_next_step() {
    let bench = with_history();
    let packs = fs::read_dir(bench.root().join(".exp/packs")).unwrap();
    let pack = packs.map(|entry| entry.unwrap().path()).max().unwrap();
    let sound = fs::read(&pack).unwrap();
    let mut bytes = sound.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&pack, &bytes).unwrap();
    let page = bench.exits(6, &["fsck"]);
    assert!(page.contains("exp export -o FILE") && page.contains("backup"), "{page}");
    assert!(!page.contains("touch"), "{page}");
    fs::write(&pack, &sound).unwrap();
    let page = bench.ok(&["fsck"]);
    assert!(!page.contains("backup"), "{page}");
}

#[test]
fn a_damaged_format_can_be_written_anew() {
    let bench = with_history();
    let format = bench.root().join(".exp/format");
    fs::write(&format, "ex\0 store\n").unwrap();
    let said = bench.complains(6, &["fsck"]);
    assert!(said.contains("`exp store 1`") && !said.contains("exp fsck"), "{said}");
    fs::write(&format, "exp store 1\n").unwrap();
    bench.ok(&["fsck"]);
}
