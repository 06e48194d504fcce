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

/// What the workspace has is stored again, and then the damaged pack goes: nothing is lost of it.
#[test]
fn a_torn_block_of_what_the_workspace_has_is_mended() {
    let bench = Bench::project();
    let content = |number: usize| format!("{number} {}\n", "of many lines".repeat(number));
    for number in 0..40 {
        bench.write(&format!("folder/{number}.txt"), &content(number));
    }
    bench.ok(&["snapshot", "-m", "many files"]);
    let packs = || -> Vec<_> {
        let packs = fs::read_dir(bench.root().join(".exp/packs")).unwrap();
        packs.map(|entry| entry.unwrap().path()).collect()
    };
    let length = |path: &std::path::PathBuf| fs::metadata(path).unwrap().len();
    let pack = packs().into_iter().max_by_key(length).unwrap();
    let mut bytes = fs::read(&pack).unwrap();
    // In its first block, which is one of contents.
    bytes[100] ^= 1;
    fs::write(&pack, &bytes).unwrap();
    let page = bench.exits(6, &["fsck"]);
    assert!(page.contains("block 0") && page.contains("exp snapshot --reread"), "{page}");

    // Neither what has not changed nor what is recorded now brings it back by itself.
    let (before, newest) = (packs().len(), bench.json(&["show", "@"])["id"].clone());
    let would = bench.ok(&["snapshot", "--reread", "--dry-run"]);
    assert!(would.contains("Nothing has changed"), "{would}");
    assert_eq!(packs().len(), before);
    let report = bench.json(&["snapshot", "--reread"]);
    assert_eq!(
        (report["created"].as_bool(), report["read_files"].as_u64()),
        (Some(false), Some(45))
    );
    assert!(report["stored_again"].as_u64().unwrap() >= 40, "{report:#}");
    assert_eq!(bench.json(&["show", "@"])["id"], newest, "nothing new is recorded");
    assert!(
        bench
            .ok(&["snapshot", "--reread"])
            .contains("Read 45 files again: the store has all of it.")
    );

    fs::remove_dir_all(bench.root().join("folder")).unwrap();
    bench.ok(&["rollback", "--to", "@"]);
    assert_eq!(bench.read("folder/39.txt"), content(39));
    bench.exits(6, &["fsck"]);
    let page = bench.ok(&["gc"]);
    assert!(page.contains("cleared:") && page.contains("whole elsewhere"), "{page}");
    assert!(!pack.exists());
    assert!(bench.ok(&["fsck"]).contains("All is well."));
    fs::remove_dir_all(bench.root().join("folder")).unwrap();
    bench.ok(&["rollback", "--to", "@"]);
    assert_eq!(bench.read("folder/7.txt"), content(7));
}

/// A pack that cannot say what it has: nothing goes until it is away, and that is said.
#[test]
fn a_torn_index_holds_a_collection_up() {
    let bench = with_history();
    bench.ok(&["branch", "-d", "idea"]);
    let packs = bench.root().join(".exp/packs");
    let listed = || fs::read_dir(&packs).unwrap().count();
    // A copy of what is elsewhere, of which the end is lost.
    let pack = fs::read_dir(&packs).unwrap().next().unwrap().unwrap().path();
    let bytes = fs::read(&pack).unwrap();
    bench.ok(&["gc", "--repack"]);
    fs::write(&pack, &bytes[..bytes.len() - 10]).unwrap();
    let before = listed();
    for words in [&["gc", "--dry-run"][..], &["gc"], &["gc", "--repack"]] {
        let page = bench.ok(words);
        assert!(page.contains("holds everything up"), "{words:?}: {page}");
        assert_eq!(bench.json(words)["held_up"], true, "{words:?}");
    }
    assert_eq!(listed(), before);
    fs::rename(&pack, bench.root().join("aside")).unwrap();
    assert!(bench.ok(&["fsck"]).contains("All is well."));
    assert_eq!(bench.json(&["gc"])["held_up"], false);
}

/// What only an older snapshot has is nowhere else: its pack stays, and that is said.
#[test]
fn a_torn_block_of_what_is_nowhere_else_is_kept() {
    let bench = Bench::project();
    bench.write("value.txt", &"what was\n".repeat(100));
    bench.ok(&["snapshot", "-m", "then", "--tag", "then"]);
    let packs = fs::read_dir(bench.root().join(".exp/packs")).unwrap();
    let packs: Vec<_> = packs.map(|entry| entry.unwrap().path()).collect();
    bench.write("value.txt", "what is\n");
    bench.ok(&["snapshot", "-m", "now"]);
    for pack in &packs {
        let mut bytes = fs::read(pack).unwrap();
        bytes[20] ^= 1;
        fs::write(pack, &bytes).unwrap();
    }
    bench.ok(&["snapshot", "--reread"]);
    let page = bench.ok(&["gc"]);
    assert!(page.contains("left as it is") && page.contains("exp snapshot --reread"), "{page}");
    let stays = packs.iter().filter(|pack| pack.exists()).count();
    assert!(stays >= 1, "the one that has it is still there");
    bench.exits(6, &["fsck"]);
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
