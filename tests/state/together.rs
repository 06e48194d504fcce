//! Processes that share a session, and a trail that somebody changed.

use std::process::Stdio;

use serde_json::json;

use super::common::state::{array, files};
use super::common::{Bench, text};
use super::{put, workspace};

/// Two processes of one name at the same time, several times: nothing is lost.
#[test]
fn two_processes_of_one_name_lose_nothing() {
    let bench = workspace();
    const EACH: usize = 8;
    let work = |name: &str| {
        for n in 0..EACH {
            let set = format!("/{name}={n}");
            let mut command = bench.command(&["state", "put", "--set", &set]);
            let output = command.stdin(Stdio::null()).output().unwrap();
            assert!(output.status.success(), "{}", text(&output.stderr));
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| work("a"));
        scope.spawn(|| work("b"));
    });
    let trail = bench.json(&["audit", "--session", "one"]);
    assert_eq!((&trail["verified"], &trail["fault"]), (&json!(2 * EACH), &json!(null)));
    let processes: std::collections::BTreeSet<_> =
        array(&trail["entries"]).iter().map(|entry| entry["process"].to_string()).collect();
    assert_eq!(processes.len(), 2 * EACH);
    // Each change was made to what the other had left.
    let value = bench.json(&["state", "get"])["value"].clone();
    assert_eq!(value, json!({"a": EACH - 1, "b": EACH - 1}));
}

/// The same with files: each change is made to what the other had left, under the id of a snapshot.
#[test]
fn two_processes_that_record_files_lose_nothing() {
    let bench = workspace();
    const EACH: usize = 4;
    let work = |name: &str| {
        for n in 0..EACH {
            let set = format!("/{name}={n}");
            let output = bench.run(&["state", "put", "--set", &set, "--files"]);
            assert!(output.status.success(), "{}", text(&output.stderr));
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| work("a"));
        scope.spawn(|| work("b"));
    });
    let trail = bench.json(&["audit", "--session", "one"]);
    assert_eq!(trail["fault"], json!(null));
    for entry in array(&trail["entries"]) {
        assert_eq!(bench.json(&["show", entry["id"].as_str().unwrap()])["id"], entry["id"]);
    }
    bench.ok(&["fsck"]);
}

/// Sessions side by side do not see each other.
#[test]
fn sessions_are_apart() {
    let mut bench = workspace();
    put(&bench, r#"{"n":1}"#, &["--tag", "x"]);
    bench.as_session("two", |bench| {
        assert!(bench.complains(4, &["state", "get"]).contains("there are: one"));
        put(bench, r#"{"n":2}"#, &["--tag", "x"]);
        assert_eq!(bench.json(&["state", "get", "x"])["value"]["n"], 2);
        bench.ok(&["state", "rollback", "x"]);
    });
    assert_eq!(bench.json(&["state", "get", "x"])["value"]["n"], 1);
    assert_eq!(array(&bench.json(&["state", "log"])["entries"]).len(), 1);
    let page = bench.ok(&["audit"]);
    assert!(page.contains("one") && page.contains("two") && page.contains("operation"), "{page}");
}

/// The file with the entries of the store's sessions.
fn segment(bench: &Bench) -> std::path::PathBuf {
    let journal = bench.root().join(".exp/journal");
    let all = files(&journal);
    let (name, _) = all.iter().max_by_key(|(_, (_, content))| content.len()).unwrap();
    journal.join(std::str::from_utf8(name).unwrap())
}

#[test]
fn a_byte_that_was_changed_shows() {
    let bench = workspace();
    for n in 0..5 {
        put(&bench, &format!("{{\"n\":{n},\"who\":\"agent\"}}"), &["-m", &format!("step {n}")]);
    }
    let page = bench.ok(&["audit", "--session", "one", "-n", "2"]);
    assert!(page.contains("Sound: 5 entries of session one verified"), "{page}");
    assert!(page.contains("step 4") && !page.contains("step 1"), "{page}");
    assert!(page.contains("Newest digest: ") && page.contains("--expect"), "{page}");
    let path = segment(&bench);
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(6).position(|part| part == b"step 2").unwrap();
    bytes[at + 5] = b'9';
    std::fs::write(&path, bytes).unwrap();
    let page = bench.exits(6, &["audit", "--session", "one"]);
    assert!(page.contains("Not sound: entry 2 of session one:"), "{page}");
    assert!(!page.contains("Newest digest"), "{page}");
    let fault = &bench.json_exits(6, &["audit", "--session", "one"])["fault"];
    assert_eq!(fault["sequence"], 2);
    assert!(bench.exits(6, &["audit"]).contains("not sound"));
    // The others are there all the same.
    assert_eq!(bench.json(&["state", "get"])["value"]["n"], 4);
}

#[test]
fn an_end_that_was_cut_off_shows_to_who_kept_the_digest() {
    let bench = workspace();
    put(&bench, r#"{"n":1}"#, &[]);
    let path = segment(&bench);
    let before = std::fs::read(&path).unwrap();
    put(&bench, r#"{"n":2}"#, &[]);
    let trail = bench.json(&["audit", "--session", "one"]);
    let newest = trail["newest"].as_str().unwrap();
    bench.ok(&["audit", "--session", "one", "--expect", newest]);
    std::fs::write(&path, before).unwrap();
    // Nothing inside can show that.
    bench.ok(&["audit", "--session", "one"]);
    let page = bench.exits(6, &["audit", "--session", "one", "--expect", newest]);
    assert!(page.contains("Not sound"), "{page}");
}

/// The newest state of a session is there or said to be damaged: never is an older one shown for it.
#[test]
fn a_newest_state_that_rotted_is_said_and_a_whole_one_can_follow_it() {
    let mut bench = workspace();
    put(&bench, r#"{"n":1}"#, &["--files"]);
    put(&bench, r#"{"n":2,"who":"the newest"}"#, &[]);
    bench.as_session("two", |bench| {
        put(bench, r#"{"n":1}"#, &[]);
        put(bench, r#"{"n":2}"#, &[]);
    });
    let path = segment(&bench);
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(10).position(|part| part == b"the newest").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let said = bench.complains(6, &["state", "get"]);
    assert!(said.contains("entry 1 of session `one` is damaged"), "{said}");
    assert!(bench.exits(6, &["audit", "--session", "one"]).contains("Not sound: entry 1"));
    bench.complains(6, &["state", "put", "--set", "/n=3"]);
    // Nor is the older one recorded with the files.
    bench.write("more.txt", "1\n");
    let taken = bench.json(&["snapshot", "-m", "after the rot"]);
    assert!(taken["state"].is_null(), "{taken:#}");
    assert!(taken["state_problem"].as_str().unwrap().contains("damaged"), "{taken:#}");
    bench.write("more.txt", "2\n");
    let page = bench.ok(&["snapshot", "-m", "once more"]);
    assert!(page.contains("newest state was not recorded: "), "{page}");
    for flags in [&["--files"][..], &[]] {
        let answer = put(&bench, r#"{"n":3}"#, flags);
        assert_eq!(answer["saved"], true, "{answer:#}");
        assert_eq!(answer["fallback"].is_string(), flags.len() == 1, "{answer:#}");
        assert_eq!(bench.json(&["state", "get"])["value"]["n"], 3);
    }
}

/// Who looks at all sessions is told of one that cannot even be named.
#[test]
fn a_session_whose_only_state_rotted_is_not_passed_over_by_the_audit() {
    let mut bench = workspace();
    put(&bench, r#"{"only":"state of one"}"#, &[]);
    bench.as_session("two", |bench| {
        put(bench, r#"{"n":1}"#, &[]);
        put(bench, r#"{"n":2}"#, &[]);
    });
    let path = segment(&bench);
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(12).position(|part| part == b"state of one").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let page = bench.exits(6, &["audit"]);
    assert!(page.contains("Not sound: 1 session of which nothing can be read."), "{page}");
    assert!(page.contains("two"), "{page}");
    assert_eq!(bench.json_exits(6, &["audit"])["unreadable"], 1);
}
