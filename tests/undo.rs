//! Every verb that moves a name is taken back and done again: names and files are then equal to
//! what they were. What another session did in between stays, and where both moved the same name
//! the answer is a conflict that says who.

#![allow(clippy::unwrap_used, reason = "what is not as it must be ends the test")]

mod common;

use common::Bench;
use common::state::{State, array, word};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

type Prepare = fn(&Bench);

/// One verb: what must be there before, the verb itself, and what another session can do to the
/// very name that it moved.
struct Case {
    prepare: Prepare,
    verb: fn(&Bench),
    /// What another session does to the same name; it is named in the conflict.
    clash: fn(&Bench),
}

/// A file of each sort, so that modes and links must come back, too.
fn sorts(bench: &Bench) {
    bench.write("run.sh", "echo run\n");
    let path = bench.root().join("run.sh");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    if !bench.exists("link") {
        symlink("value.txt", bench.root().join("link")).unwrap();
    }
    bench.write("folder/inner/empty", "");
    bench.ok(&["snapshot", "-m", "a file of each sort"]);
}

/// A branch `idea` in which other sorts of files stand.
fn idea(bench: &Bench) {
    sorts(bench);
    bench.ok(&["branch", "idea"]);
    let change = "chmod -x run.sh; ln -sf tests.txt link; rm -r folder; mkdir -p new/a; \
                  echo 4 > value.txt; echo n > new/a/n; chmod +x new/a/n";
    bench.ok(&["exec", "idea", "--", "sh", "-c", change]);
}

fn snapshot_of_two(bench: &Bench) {
    bench.write("two.txt", "two\n");
    bench.ok(&["snapshot", "-m", "of two"]);
}

fn check(case: &Case) {
    taken_back_and_done_again(case);
    others_are_left_alone(case);
    same_name_is_a_conflict(case);
}

fn taken_back_and_done_again(case: &Case) {
    let bench = Bench::project();
    (case.prepare)(&bench);
    let before = State::of(&bench);
    (case.verb)(&bench);
    let after = State::of(&bench);
    assert_ne!(before.names, after.names, "the verb moved a name");
    bench.ok(&["undo"]);
    assert_eq!(State::of(&bench), before, "undone");
    bench.ok(&["redo"]);
    assert_eq!(State::of(&bench), after, "done again");
    bench.ok(&["undo"]);
    assert_eq!(State::of(&bench), before, "undone once more");
    assert_eq!(array(&bench.json(&["fsck"])["problems"]).len(), 0);
}

fn others_are_left_alone(case: &Case) {
    let mut bench = Bench::project();
    (case.prepare)(&bench);
    let before = State::of(&bench);
    (case.verb)(&bench);
    bench.as_session("two", |bench| {
        bench.ok(&["tag", "tag-of-two", "@"]);
        bench.ok(&["branch", "of-two", "--from", "@"]);
        bench.ok(&["exec", "of-two", "--", "sh", "-c", "echo two > two.txt"]);
    });
    let mine = |state: &State| {
        let mut state = state.clone();
        state.names.retain(|name, _| !name.contains("of-two"));
        state
    };
    let theirs = |state: &State| {
        let mut names = state.names.clone();
        names.retain(|name, _| name.contains("of-two"));
        names
    };
    let between = theirs(&State::of(&bench));
    assert_eq!(between.len(), 2);
    bench.ok(&["undo"]);
    let undone = State::of(&bench);
    assert_eq!(mine(&undone), before, "mine is taken back");
    assert_eq!(theirs(&undone), between, "the other session's stays");
}

fn same_name_is_a_conflict(case: &Case) {
    let mut bench = Bench::project();
    (case.prepare)(&bench);
    (case.verb)(&bench);
    bench.as_session("two", case.clash);
    let before = State::of(&bench);
    let error = bench.json_exits(3, &["undo"]);
    let message = word(&error["error"]["message"]);
    assert!(message.contains("session two"), "it says who: {message}");
    assert_eq!(State::of(&bench), before, "nothing was changed");
    let error = bench.json_exits(3, &["undo", "--dry-run"]);
    assert!(word(&error["error"]["message"]).contains("session two"));
}

#[test]
fn snapshot() {
    check(&Case {
        prepare: |bench| bench.write("new.txt", "new\n"),
        verb: |bench| drop(bench.ok(&["snapshot", "-m", "new", "--tag", "first"])),
        clash: snapshot_of_two,
    });
}

#[test]
fn branch_create() {
    check(&Case {
        prepare: sorts,
        verb: |bench| drop(bench.ok(&["branch", "mine"])),
        clash: |bench| drop(bench.ok(&["exec", "mine", "--", "touch", "two"])),
    });
}

#[test]
fn branch_delete() {
    check(&Case {
        prepare: idea,
        verb: |bench| drop(bench.ok(&["branch", "--delete", "idea"])),
        clash: |bench| drop(bench.ok(&["branch", "idea"])),
    });
}

#[test]
fn branch_rename() {
    check(&Case {
        prepare: idea,
        verb: |bench| drop(bench.ok(&["branch", "--rename", "idea", "plan"])),
        clash: |bench| drop(bench.ok(&["branch", "idea"])),
    });
}

#[test]
fn branch_rename_of_the_own_branch() {
    check(&Case {
        prepare: |bench| {
            sorts(bench);
            bench.ok(&["branch", "base"]);
        },
        verb: |bench| drop(bench.ok(&["branch", "--rename", "main", "trunk"])),
        clash: snapshot_of_two,
    });
}

#[test]
fn switch() {
    check(&Case {
        prepare: idea,
        verb: |bench| drop(bench.ok(&["switch", "idea"])),
        clash: snapshot_of_two,
    });
}

#[test]
fn exec() {
    check(&Case {
        prepare: idea,
        verb: |bench| drop(bench.ok(&["exec", "idea", "--", "touch", "mine"])),
        clash: |bench| drop(bench.ok(&["exec", "idea", "--", "touch", "two"])),
    });
}

#[test]
fn exec_in_a_copy() {
    check(&Case {
        prepare: idea,
        verb: |bench| {
            bench.ok(&["exec", "idea", "--backend", "copy", "--", "sh", "-c", "ln -s x mine"]);
        },
        clash: |bench| drop(bench.ok(&["branch", "--delete", "idea"])),
    });
}

#[test]
fn r#try() {
    check(&Case {
        prepare: sorts,
        verb: |bench| drop(bench.ok(&["try", "a=echo 5 > value.txt", "b=echo 20 > value.txt"])),
        clash: |bench| drop(bench.ok(&["exec", "e1/a", "--", "touch", "two"])),
    });
}

fn tried(bench: &Bench) {
    sorts(bench);
    bench.ok(&["try", "a=echo 5 > value.txt; rm link; chmod -x run.sh", "b=echo 20 > value.txt"]);
}

#[test]
fn select() {
    check(&Case {
        prepare: tried,
        verb: |bench| drop(bench.ok(&["select"])),
        clash: |bench| drop(bench.ok(&["select", "e1", "--approach", "b"])),
    });
}

#[test]
fn merge_that_is_a_fast_forward() {
    check(&Case {
        prepare: idea,
        verb: |bench| assert_eq!(bench.json(&["merge", "idea"])["outcome"], "fast-forward"),
        clash: snapshot_of_two,
    });
}

#[test]
fn merge_of_two_sides() {
    check(&Case {
        prepare: |bench| {
            idea(bench);
            bench.write("tests.txt", "ok a\nok b\nok c\nok d\nok e\n");
            bench.ok(&["snapshot", "-m", "one more test"]);
        },
        verb: |bench| assert_eq!(bench.json(&["merge", "idea"])["outcome"], "merged"),
        clash: snapshot_of_two,
    });
}

#[test]
fn merge_of_the_selection() {
    check(&Case {
        prepare: |bench| {
            tried(bench);
            bench.ok(&["select"]);
        },
        verb: |bench| drop(bench.ok(&["merge", "--selected"])),
        clash: snapshot_of_two,
    });
}

#[test]
fn rollback() {
    check(&Case {
        prepare: |bench| {
            bench.ok(&["tag", "start"]);
            sorts(bench);
        },
        verb: |bench| drop(bench.ok(&["rollback", "--to", "start"])),
        clash: snapshot_of_two,
    });
}

fn regressed(bench: &Bench) {
    sorts(bench);
    bench.ok(&["eval"]);
    bench.write("tests.txt", "bad a\nbad b\nok c\nok d\n");
    fs::remove_file(bench.root().join("link")).unwrap();
    bench.ok(&["snapshot", "-m", "worse"]);
}

#[test]
fn guard_that_rolled_back() {
    check(&Case {
        prepare: regressed,
        verb: |bench| drop(bench.exits(1, &["guard"])),
        clash: snapshot_of_two,
    });
}

#[test]
fn guard_with_a_command() {
    check(&Case {
        prepare: sorts,
        verb: |bench| {
            let change =
                "echo 9 > value.txt; rm link; chmod -x run.sh; mkdir made; echo m > made/m";
            bench.ok(&["guard", "--", "sh", "-c", change]);
        },
        clash: snapshot_of_two,
    });
}

#[test]
fn guard_with_a_command_that_rolled_back_is_two_steps() {
    let bench = Bench::project();
    sorts(&bench);
    bench.ok(&["eval"]);
    let before = State::of(&bench);
    bench.exits(1, &["guard", "--", "sh", "-c", "echo bad a > tests.txt; rm link"]);
    assert_eq!(State::of(&bench), before, "gone back");
    bench.ok(&["undo"]);
    assert_eq!(bench.read("tests.txt"), "bad a\n");
    bench.ok(&["undo"]);
    assert_eq!(State::of(&bench), before, "the command itself is taken back");
    bench.ok(&["redo"]);
    assert_eq!(bench.read("tests.txt"), "bad a\n");
    bench.ok(&["redo"]);
    assert_eq!(State::of(&bench), before);
}

#[test]
fn tag_create() {
    check(&Case {
        prepare: sorts,
        verb: |bench| drop(bench.ok(&["tag", "mine", "-m", "a note"])),
        clash: |bench| drop(bench.ok(&["tag", "--delete", "mine"])),
    });
}

#[test]
fn tag_delete() {
    check(&Case {
        prepare: |bench| {
            bench.ok(&["tag", "mine", "-m", "a note"]);
            sorts(bench);
        },
        verb: |bench| drop(bench.ok(&["tag", "--delete", "mine"])),
        clash: |bench| drop(bench.ok(&["tag", "mine"])),
    });
}

#[test]
fn init_is_not_taken_back() {
    let bench = Bench::project();
    let before = State::of(&bench);
    let error = bench.json_exits(2, &["undo"]);
    assert!(word(&error["error"]["message"]).contains("exp deinit"), "{error:#}");
    assert_eq!(State::of(&bench), before);
}

#[test]
fn there_is_nothing_to_take_back_in_another_session() {
    let mut bench = Bench::project();
    bench.ok(&["tag", "mine"]);
    let error = bench.as_session("two", |bench| bench.json_exits(4, &["undo"]));
    assert!(word(&error["error"]["message"]).contains("two"), "{error:#}");
    let error = bench.json_exits(4, &["redo"]);
    assert_eq!(error["error"]["category"], "not-found");
}

#[test]
fn repeated_undo_goes_one_further_and_redo_comes_back() {
    let bench = Bench::project();
    let mut states = vec![State::of(&bench)];
    let mut step = |arguments: &[&str]| {
        bench.ok(arguments);
        states.push(State::of(&bench));
    };
    step(&["branch", "idea"]);
    step(&["exec", "idea", "--", "sh", "-c", "echo 1 > value.txt; chmod +x build.sh"]);
    step(&["tag", "v1", "idea"]);
    step(&["switch", "idea"]);
    step(&["rollback", "--to", "@-"]);
    step(&["switch", "main"]);
    step(&["merge", "v1"]);
    step(&["branch", "--delete", "idea"]);
    for state in states.iter().rev().skip(1) {
        bench.ok(&["undo"]);
        assert_eq!(&State::of(&bench), state);
    }
    for state in states.iter().skip(1) {
        bench.ok(&["redo"]);
        assert_eq!(&State::of(&bench), state);
    }
}

/// The snapshot of un-captured work is named in the report, and holds the work.
#[test]
fn uncaptured_work_is_captured_first_and_found_by_its_id() {
    let bench = Bench::project();
    idea(&bench);
    bench.ok(&["switch", "idea"]);
    bench.write("precious.txt", "an hour's work\n");
    bench.write("value.txt", "77\n");
    let undone = bench.json(&["undo"]);
    assert!(!bench.exists("precious.txt"));
    assert_eq!(bench.read("value.txt"), "10\n");
    let id = word(&undone["captured"]);
    let diff = bench.ok(&["diff", &format!("{id}~1"), &id]);
    assert!(diff.contains("an hour's work") && diff.contains("+77"), "{diff}");
    bench.ok(&["redo"]);
    bench.ok(&["rollback", "--to", &id]);
    assert_eq!(bench.read("precious.txt"), "an hour's work\n");
    assert_eq!(bench.read("value.txt"), "77\n");
}

#[test]
fn uncaptured_work_survives_the_undo_of_each_verb_that_moves_files() {
    let verbs: [(Prepare, &[&str], i32); 4] = [
        (idea, &["merge", "idea"], 0),
        (idea, &["rollback", "--to", "@-"], 0),
        (regressed, &["guard"], 1),
        (sorts, &["guard", "--", "sh", "-c", "echo 8 > value.txt"], 0),
    ];
    for (prepare, verb, exit) in verbs {
        let bench = Bench::project();
        prepare(&bench);
        let before = State::of(&bench).files;
        bench.exits(exit, verb);
        bench.write("precious.txt", "an hour's work\n");
        let undone = bench.json(&["undo"]);
        assert_eq!(State::of(&bench).files, before, "{verb:?}");
        let shown = bench.json(&["show", &word(&undone["captured"])]);
        assert_eq!(shown["message"], "before undo", "{verb:?}");
        let diff = bench.ok(&["diff", "@", &word(&undone["captured"])]);
        assert!(diff.contains("an hour's work"), "{verb:?}: {diff}");
    }
}

#[test]
fn a_dry_run_names_the_files_and_changes_nothing() {
    let bench = Bench::project();
    idea(&bench);
    bench.ok(&["switch", "idea"]);
    let before = State::of(&bench);
    let planned = bench.json(&["undo", "--dry-run"]);
    assert_eq!(State::of(&bench), before);
    assert_eq!(planned["verb"], "undo");
    assert_eq!(planned["operation_verb"], "switch");
    assert_eq!(planned["changes"], bench.json(&["undo"])["changes"]);
    assert!(array(&planned["changes"]).len() > 4, "{planned:#}");
}

#[test]
fn a_switch_to_where_one_is_is_no_operation() {
    let bench = Bench::project();
    bench.ok(&["tag", "mine"]);
    bench.write("new.txt", "new\n");
    let operations = bench.json(&["op", "log"]);
    bench.ok(&["switch", "main"]);
    assert_eq!(bench.json(&["op", "log"]), operations);
    assert_eq!(bench.json(&["undo"])["operation_verb"], "tag");
}

#[test]
fn what_an_evaluation_found_cannot_be_undone() {
    let bench = Bench::project();
    bench.ok(&["eval"]);
    let id = word(&bench.json(&["op", "log"])["operations"][0]["id"]);
    let error = bench.json_exits(2, &["undo", &id]);
    assert!(word(&error["error"]["message"]).contains("facts stay"), "{error:#}");
}

/// An undo that only takes a record back leaves the files as they are, and what was never
/// recorded stays un-captured.
#[test]
fn undo_of_a_snapshot_leaves_the_files() {
    let bench = Bench::project();
    bench.write("new.txt", "new\n");
    bench.ok(&["snapshot"]);
    bench.write("new.txt", "newer\n");
    let undone = bench.json(&["undo"]);
    assert_eq!(undone["captured"], serde_json::Value::Null);
    assert_eq!(bench.read("new.txt"), "newer\n");
    let changes = array(&bench.json(&["status"])["changes"]);
    assert_eq!(changes.len(), 1, "{changes:?}");
}

#[test]
fn what_an_evaluation_found_stays() {
    let bench = Bench::project();
    idea(&bench);
    let merged = word(&bench.json(&["merge", "idea"])["snapshot"]);
    let before = bench.json(&["show", &merged]);
    assert_eq!(before["verdict"]["word"], "good");
    bench.ok(&["undo"]);
    let after = bench.json(&["show", &merged]);
    assert_eq!(after["verdict"], before["verdict"]);
    assert_eq!(after["evaluation"], before["evaluation"]);
    regressed(&bench);
    let bad = word(&bench.json(&["log"])["entries"][0]["id"]);
    bench.exits(1, &["guard"]);
    bench.ok(&["undo"]);
    assert_eq!(bench.json(&["show", &bad])["verdict"]["word"], "bad");
}

/// A certain operation can be taken back although newer ones, of this session and of others,
/// moved other names.
#[test]
fn an_older_operation_is_taken_back_by_its_id() {
    let mut bench = Bench::project();
    bench.ok(&["tag", "first"]);
    let first = word(&bench.json(&["op", "log"])["operations"][0]["id"]);
    bench.ok(&["branch", "idea"]);
    bench.as_session("two", |bench| drop(bench.ok(&["tag", "second"])));
    let mut expected = State::of(&bench);
    expected.names.remove("tag first");
    bench.as_session("two", |bench| drop(bench.ok(&["undo", &first[..12]])));
    assert_eq!(State::of(&bench), expected);
    let error = bench.json_exits(3, &["undo", &first]);
    assert!(word(&error["error"]["message"]).contains("session two"), "{error:#}");
}
