//! Files and state together: recorded under one id, brought back by one step.

use super::common::Bench;
use super::common::state::word;
use super::{compact, put, put_raw, short, workspace};

/// The newest state of this session, and the file, as they are now.
fn both(bench: &Bench) -> (String, String) {
    (compact(bench, &[]), bench.read("notes.txt"))
}

/// A workspace with files and state recorded together, and both changed since; the id.
fn recorded(bench: &Bench, flags: &[&str]) -> String {
    let answer = put(bench, r#"{"n":1}"#, &[&["--files", "-m", "together"], flags].concat());
    assert_eq!(answer["files"]["snapshot"], answer["id"]);
    bench.write("notes.txt", "two\n");
    put(bench, r#"{"n":2}"#, &[]);
    word(&answer["id"])
}

const FIRST: (&str, &str) = (r#"{"n":1}"#, "one\n");
const SECOND: (&str, &str) = (r#"{"n":2}"#, "two\n");

fn assert_both(bench: &Bench, wanted: (&str, &str), when: &str) {
    assert_eq!(both(bench), (wanted.0.to_owned(), wanted.1.to_owned()), "{when}");
}

#[test]
fn one_rollback_brings_both_back_and_undo_brings_both_forward() {
    let bench = workspace();
    let id = recorded(&bench, &[]);
    for known in [&id[..12], &id] {
        assert_eq!(compact(&bench, &[known]), r#"{"n":1}"#);
        assert_eq!(bench.json(&["show", known])["id"], id.as_str());
    }
    let page = bench.ok(&["rollback", "--to", &id]);
    assert!(page.contains("The state of session one went with the files"), "{page}");
    assert_both(&bench, FIRST, "after rollback");
    let log = bench.json(&["state", "log"]);
    assert_eq!(log["entries"][0]["what"], "recovery");
    assert_eq!(log["entries"][0]["why"], "restored with the files by `exp rollback`");
    let page = bench.ok(&["undo"]);
    assert!(page.contains("went with the files"), "{page}");
    assert_both(&bench, SECOND, "after undo");
    bench.ok(&["redo"]);
    assert_both(&bench, FIRST, "after redo");
    bench.ok(&["audit", "--session", "one"]);
    bench.ok(&["fsck"]);
}

/// The same where only the state has changed: there is nothing to capture but that.
#[test]
fn the_state_alone_goes_back_and_forward_with_files_that_stay() {
    let bench = workspace();
    let id = recorded(&bench, &[]);
    bench.write("notes.txt", "one\n");
    bench.ok(&["rollback", "--to", &id]);
    assert_both(&bench, FIRST, "after rollback");
    bench.ok(&["undo"]);
    assert_both(&bench, (SECOND.0, "one\n"), "after undo");
}

#[test]
fn switch_takes_the_state_of_the_other_branch_along() {
    let bench = workspace();
    let id = recorded(&bench, &[]);
    bench.ok(&["branch", "idea", "--from", &id]);
    bench.ok(&["switch", "idea"]);
    assert_both(&bench, FIRST, "on idea");
    let page = bench.ok(&["switch", "main"]);
    assert!(page.contains("went with the files"), "{page}");
    assert_both(&bench, SECOND, "on main again");
}

#[test]
fn guard_brings_both_back() {
    let bench = workspace();
    let gate = "[[stage]]\nname = \"gate\"\nkind = \"gate\"\nrun = \"! grep -q bad notes.txt\"\n";
    bench.write("exp.toml", gate);
    put(&bench, r#"{"n":1}"#, &["--files"]);
    bench.ok(&["eval"]);
    bench.write("notes.txt", "bad\n");
    put(&bench, r#"{"n":2}"#, &[]);
    let page = bench.exits(1, &["guard"]);
    assert!(page.contains("went with the files"), "{page}");
    assert_both(&bench, FIRST, "after guard");
    bench.ok(&["undo"]);
    assert_both(&bench, (SECOND.0, "bad\n"), "after undo");
}

#[test]
fn a_rollback_of_the_state_takes_the_files_along_where_that_is_asked_for() {
    let bench = workspace();
    let id = recorded(&bench, &["--tag", "good"]);
    let said = bench.complains(4, &["state", "rollback", "--back", "0", "--files"]);
    assert!(said.contains("no files with state") && said.contains("exp state log"), "{said}");
    assert_both(&bench, SECOND, "refused");
    let page = bench.ok(&["state", "rollback", "good", "--files"]);
    assert!(page.contains("Back to files and state") && page.contains("exp undo"), "{page}");
    assert_both(&bench, FIRST, "after rollback");
    assert_eq!(bench.json(&["log", "-n", "1"])["entries"][0]["id"], id.as_str());
    bench.ok(&["undo"]);
    assert_both(&bench, SECOND, "after undo");
}

#[test]
fn a_snapshot_with_a_state_is_a_state_of_the_session() {
    let bench = workspace();
    bench.write("state.json", r#"{"n":1}"#);
    let page = bench.ok(&["snapshot", "--state", "state.json", "-m", "kept"]);
    assert!(page.contains("put into session one"), "{page}");
    let id = word(&bench.json(&["log", "-n", "1"])["entries"][0]["id"]);
    assert_eq!(compact(&bench, &[&id[..12]]), r#"{"n":1}"#);
    let state = bench.json(&["state", "get"]);
    assert_eq!(
        (&state["state"]["has_files"], &state["state"]["message"]),
        (&true.into(), &"kept".into())
    );
    // The same again is nothing new, and a state put meanwhile makes it new.
    assert!(bench.ok(&["snapshot", "--state", "state.json"]).contains("Nothing has changed"));
    put(&bench, r#"{"n":2}"#, &[]);
    assert!(bench.ok(&["snapshot", "--state", "state.json"]).contains("Recorded"));
    assert_eq!(compact(&bench, &[]), r#"{"n":1}"#);
    // What is recorded later knows what the session knew then.
    put(&bench, r#"{"n":3}"#, &[]);
    bench.write("notes.txt", "two\n");
    bench.ok(&["snapshot"]);
    let shown: String = bench.ok(&["show", "--state"]).split_whitespace().collect();
    assert_eq!(shown, r#"{"n":3}"#);
}

/// A person in another session goes back: the agent's session follows.
#[test]
fn the_session_of_the_state_follows_whoever_goes_back() {
    let mut bench = workspace();
    let id = recorded(&bench, &[]);
    bench.as_session("person", |bench| {
        bench.ok(&["rollback", "--to", &id]);
    });
    assert_both(&bench, FIRST, "after rollback by another");
    bench.as_session("person", |bench| bench.ok(&["undo"]));
    assert_both(&bench, SECOND, "after undo by another");
    assert_eq!(bench.json(&["state", "sessions"])["sessions"].as_array().unwrap().len(), 1);
}

#[test]
fn an_unexpected_state_records_no_files() {
    let bench = workspace();
    let first = put(&bench, r#"{"n":1}"#, &[]);
    put(&bench, r#"{"n":2}"#, &[]);
    let before = bench.json(&["log"]);
    let output = put_raw(&bench, r#"{"n":3}"#, &["--files", "--expect", &short(&first)]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(bench.json(&["log"]), before);
    let shown = bench.ok(&["show", &short(&first)]);
    assert!(shown.contains("exp state get") && shown.contains("--session one"), "{shown}");
    let merged = bench.ok(&["state", "put", "--set", "/x=1", "--files", "-m", "by edits"]);
    assert!(merged.contains("with 2 files"), "{merged}");
    assert_eq!(compact(&bench, &[]), r#"{"n":2,"x":1}"#);
}

/// What the session learned since is not lost by a merge of files, nor by taking that back.
#[test]
fn a_merge_of_files_leaves_the_state_alone() {
    let bench = workspace();
    put(&bench, r#"{"n":1}"#, &["--files"]);
    bench.ok(&["branch", "idea"]);
    bench.ok(&["exec", "idea", "--", "sh", "-c", "echo idea > idea.txt"]);
    put(&bench, r#"{"n":2}"#, &[]);
    bench.ok(&["merge", "idea", "--no-eval"]);
    assert_eq!(compact(&bench, &[]), r#"{"n":2}"#);
    assert!(bench.exists("idea.txt"));
    bench.ok(&["undo"]);
    assert_eq!(compact(&bench, &[]), r#"{"n":2}"#);
    assert!(!bench.exists("idea.txt"));
}

/// What is said to bring a branch forward again does: another one than `main` has to be named.
#[test]
fn a_branch_goes_forward_again_as_its_rollback_says() {
    let bench = workspace();
    put(&bench, r#"{"main":1}"#, &[]);
    let answer = put(&bench, r#"{"n":1}"#, &["--branch", "idea", "--files"]);
    let id = word(&answer["id"]);
    for flags in [&[][..], &["--files"]] {
        put(&bench, r#"{"n":2}"#, &["--branch", "idea"]);
        bench.write("notes.txt", "two\n");
        let page = bench.ok(&[&["state", "rollback", "--branch", "idea", &id][..], flags].concat());
        assert_eq!(compact(&bench, &["--branch", "idea"]), r#"{"n":1}"#);
        let (_, says) = page.split_once("`exp state rollback ").unwrap();
        let forward: Vec<&str> = says.split('`').next().unwrap().split(' ').collect();
        assert_eq!(page.contains("`exp undo` brings the files forward"), !flags.is_empty());
        bench.ok(&[&["state", "rollback"][..], &forward].concat());
        assert_eq!(compact(&bench, &["--branch", "idea"]), r#"{"n":2}"#);
        assert_eq!(compact(&bench, &[]), r#"{"main":1}"#);
    }
}
