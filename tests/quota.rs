//! The quota of a store: said at 80 %, hooks end at 95 %, nothing is written at 100 %; what is refused
//! has changed nothing, and what frees room is not refused.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::process::Stdio;

use common::{Bench, text};

/// Bytes of packs and journal.
fn used(bench: &Bench) -> u64 {
    let folders = ["packs", "journal"].map(|name| bench.root().join(".exp").join(name));
    let files = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
    files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

/// Sets the quota so that what is stored now is so many percent of it.
fn set_percent(bench: &Bench, percent: u64) {
    set_quota(bench, used(bench) * 100 / percent);
}

fn set_quota(bench: &Bench, bytes: u64) {
    let text = format!("quota = \"{bytes}B\"\n");
    fs::write(bench.root().join(".exp/config.toml"), text).unwrap();
}

/// Bytes that do not compress.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// The packs and what is half made, by name.
fn stored(bench: &Bench) -> BTreeMap<String, u64> {
    let files = ["packs", "heads", "tmp"].into_iter().flat_map(|folder| {
        let path = bench.root().join(".exp").join(folder);
        fs::read_dir(path).unwrap().map(move |file| {
            let file = file.unwrap();
            let name = format!("{folder}/{}", file.file_name().to_string_lossy());
            (name, file.metadata().unwrap().len())
        })
    });
    files.collect()
}

fn hook(bench: &Bench) -> (Option<i32>, String) {
    let mut command = bench.command(&["hook", "post"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"{\"tool_name\":\"Bash\"}").unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), text(&output.stderr))
}

#[test]
fn the_new_store_says_what_it_can_be_told() {
    let bench = Bench::project();
    let text = fs::read_to_string(bench.root().join(".exp/config.toml")).unwrap();
    assert!(text.contains("# quota =") && text.contains("[retention]"), "{text}");
}

#[test]
fn at_eighty_percent_it_is_said() {
    let bench = Bench::project();
    fs::write(bench.root().join("large"), noise(600_000)).unwrap();
    bench.ok(&["snapshot", "-m", "large"]);
    set_percent(&bench, 70);
    assert_eq!(text(&bench.run(&["status"]).stderr), "");
    set_percent(&bench, 85);
    let said = text(&bench.run(&["status"]).stderr);
    assert!(said.contains("85 % of its quota") && said.contains("exp gc"), "{said}");
    bench.write("value.txt", "9\n");
    let (code, said) = hook(&bench);
    assert_eq!((code, said.as_str()), (Some(0), ""));
    assert!(bench.ok(&["log"]).contains("Bash"));
}

#[test]
fn at_ninety_five_percent_hooks_record_nothing_and_say_so() {
    let bench = Bench::project();
    // Room enough for a snapshot, too little to be spent on what nobody asked for.
    fs::write(bench.root().join("large"), noise(600_000)).unwrap();
    bench.ok(&["snapshot", "-m", "large"]);
    set_percent(&bench, 96);
    bench.write("value.txt", "9\n");
    let before = bench.ok(&["log"]);
    let (code, said) = hook(&bench);
    assert_eq!(code, Some(0));
    assert!(said.contains("nothing was recorded") && said.contains("96 %"), "{said}");
    assert_eq!(bench.ok(&["log"]), before);
    bench.ok(&["snapshot", "-m", "asked for"]);
    assert!(bench.ok(&["log"]).contains("asked for"));
}

#[test]
fn at_a_hundred_percent_nothing_is_written_and_nothing_is_lost() {
    let bench = Bench::project();
    bench.ok(&["branch", "spare"]);
    bench.ok(&["tag", "first"]);
    set_percent(&bench, 100);
    let before = stored(&bench);
    bench.write("value.txt", "9\n");
    let states: &[&str] = &["state", "put", "value.txt"];
    for verb in [&["snapshot"][..], &["branch", "more"], &["rollback"], &["undo"], states] {
        let said = bench.complains(7, verb);
        assert!(said.contains("quota") && said.contains("exp gc"), "{verb:?}: {said}");
        assert_eq!(stored(&bench), before, "{verb:?}");
    }
    assert_eq!(bench.read("value.txt"), "9\n");
    assert!(bench.ok(&["status"]).contains("value.txt"));
    bench.ok(&["fsck"]);
    // What frees room goes on.
    bench.ok(&["branch", "--delete", "spare"]);
    bench.ok(&["tag", "--delete", "first"]);
    set_quota(&bench, 1 << 30);
    bench.ok(&["snapshot", "-m", "room again"]);
    bench.ok(&["undo"]);
}

#[test]
fn a_snapshot_that_does_not_fit_leaves_nothing_half_written() {
    let bench = Bench::project();
    let before = (stored(&bench), bench.ok(&["log"]));
    set_quota(&bench, used(&bench) + (2 << 20));
    for number in 0..5 {
        fs::write(bench.root().join(format!("part-{number}")), noise(900_000 + number)).unwrap();
    }
    let said = bench.complains(7, &["snapshot", "-m", "too large"]);
    assert!(said.contains("quota"), "{said}");
    assert_eq!((stored(&bench), bench.ok(&["log"])), before);
    bench.ok(&["fsck"]);
    for number in 1..5 {
        fs::remove_file(bench.root().join(format!("part-{number}"))).unwrap();
    }
    bench.ok(&["snapshot", "-m", "one part fits"]);
}

#[test]
fn settings_that_are_not_understood_refuse_to_write_and_not_to_read() {
    let bench = Bench::project();
    fs::write(bench.root().join(".exp/config.toml"), "quotta = \"1GiB\"\n").unwrap();
    let said = bench.complains(2, &["snapshot"]);
    assert!(said.contains("line 1, column 1") && said.contains("did you mean `quota`?"), "{said}");
    bench.ok(&["log"]);
    say_what_is_wrong(&bench, "did you mean `quota`?");
}

/// Those that tell how things stand tell of settings that are not understood.
fn say_what_is_wrong(bench: &Bench, reason: &str) {
    for verb in ["status", "stats", "doctor"] {
        let said = text(&bench.run(&[verb]).stdout);
        assert!(said.contains(reason) && said.contains(".exp/config.toml"), "{verb}: {said}");
    }
    let checks = bench.json(&["doctor"])["checks"].as_array().unwrap().clone();
    let settings = checks.iter().find(|check| check["what"] == "settings").unwrap();
    assert_eq!(settings["well"], false);
}

#[test]
fn settings_that_cannot_be_read_refuse_to_write_and_not_to_read() {
    let bench = Bench::project();
    let path = bench.root().join(".exp/config.toml");
    let harms: [(&str, &dyn Fn()); 2] = [
        ("it is not UTF-8", &|| fs::write(&path, b"quota = \"1GiB\" # \xff\n").unwrap()),
        ("a folder", &|| fs::create_dir(&path).unwrap()),
    ];
    for (reason, harm) in harms {
        fs::remove_file(&path).unwrap();
        harm();
        let before = stored(&bench);
        bench.write("value.txt", reason);
        for verb in [&["snapshot"][..], &["branch", "more"], &["state", "put", "value.txt"]] {
            let said = bench.complains(2, verb);
            assert!(said.contains(reason) && said.contains(".exp/config.toml"), "{said}");
        }
        assert_eq!(stored(&bench), before);
        bench.ok(&["log"]);
        say_what_is_wrong(&bench, reason);
    }
    // One that is gone says nothing.
    fs::remove_dir(&path).unwrap();
    bench.ok(&["snapshot"]);
    assert!(bench.ok(&["doctor"]).contains("no quota"));
}

#[test]
fn what_a_branch_holds_alone_is_what_removing_it_frees() {
    let mut bench = Bench::project();
    bench.ok(&["branch", "side"]);
    bench.ok(&["switch", "side"]);
    fs::write(bench.root().join("large"), noise(50_000)).unwrap();
    bench.as_session("two", |bench| bench.ok(&["snapshot", "-m", "large"]));
    let report = bench.json(&["stats", "--alone"]);
    let of = |list: &str, name: &str| {
        let all = report["alone"][list].as_array().unwrap().clone();
        let found = all.into_iter().find(|one| one["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {report:#}"))
    };
    assert_eq!(of("branches", "side")["bytes"].as_u64().unwrap() / 10_000, 5);
    assert!(of("branches", "side")["stored_bytes"].as_u64().unwrap() >= 50_000);
    // Everything on `main` is in the history of `side`.
    assert_eq!(of("branches", "main")["objects"], 0);
    assert_eq!(of("sessions", "two")["bytes"].as_u64().unwrap() / 10_000, 5);
    assert!(report["ratio"].as_f64().unwrap() > 0.1 && report["quota_bytes"].is_null());
    let page = bench.ok(&["stats", "--alone"]);
    assert!(page.contains("alone on disk") && page.contains("side"), "{page}");
    // With a tag in its place the branch holds nothing alone.
    bench.ok(&["tag", "kept"]);
    let report = bench.json(&["stats", "--alone"]);
    assert!(report["alone"]["branches"].as_array().unwrap().iter().all(|one| one["objects"] == 0));
}
