//! The main job from beginning to end through the command itself, each verb once.

mod common;

use common::Bench;

#[test]
fn approaches_are_tried_ranked_selected_and_merged() {
    let bench = Bench::project();
    let tried = bench.json(&[
        "try",
        "fast=echo 5 > value.txt",
        "slow=echo 20 > value.txt",
        "broken=rm value.txt",
        "wrong=sed -i 's/ok [ab]/bad &/; s/bad ok/bad/' tests.txt",
        "--jobs",
        "2",
    ]);
    assert_eq!(tried["experiment"], "e1");
    assert_eq!(tried["base_verdict"]["word"], "good");
    let ranked = bench.json(&["rank"]);
    let verdict = |name: &str| {
        let rows = ranked["rows"].as_array().unwrap();
        let row = rows.iter().find(|row| row["approach"] == name).unwrap();
        row["verdict"]["word"].as_str().unwrap().to_owned()
    };
    assert_eq!(ranked["winner"], "fast", "{ranked:#}");
    assert_eq!(
        ["fast", "broken", "wrong"].map(verdict),
        ["good", "bad", "bad"].map(str::to_owned),
        "{ranked:#}"
    );
    assert_eq!(bench.json(&["select"])["selected"], "fast");
    assert_eq!(bench.read("value.txt"), "10\n", "nothing is merged yet");
    let merged = bench.json(&["merge", "--selected"]);
    assert_eq!(merged["outcome"], "fast-forward");
    assert_eq!(merged["verdict"]["word"], "good");
    assert_eq!(bench.read("value.txt"), "5\n");
    bench.ok(&["undo"]);
    assert_eq!(bench.read("value.txt"), "10\n");
    bench.ok(&["redo"]);
    assert_eq!(bench.read("value.txt"), "5\n");
}

#[test]
fn guard_goes_back_to_the_last_good_snapshot() {
    let bench = Bench::project();
    bench.json(&["eval"]);
    bench.write("tests.txt", "bad a\nbad b\nok c\nok d\n");
    let guarded = bench.json_exits(1, &["guard"]);
    assert_eq!(guarded["outcome"], "rolled back");
    assert_eq!(guarded["newly_failing"].as_array().unwrap().len(), 2);
    assert_eq!(bench.read("tests.txt"), "ok a\nok b\nok c\nok d\n");
    bench.ok(&["undo"]);
    assert_eq!(bench.read("tests.txt"), "bad a\nbad b\nok c\nok d\n", "the bad node is kept");
}

/// Hooks and snapshots put steps between what works and what does not: it is broken all the same.
#[test]
fn guard_compares_with_the_last_good_snapshot_not_with_a_broken_one() {
    let bench = Bench::project();
    bench.json(&["eval"]);
    bench.write("tests.txt", "bad a\nbad b\nok c\nok d\n");
    bench.ok(&["snapshot", "-m", "oops"]);
    bench.write("notes.txt", "something else\n");
    bench.ok(&["snapshot", "-m", "and on"]);
    bench.write("more.txt", "and on\n");
    let guarded = bench.json_exits(1, &["guard"]);
    assert_eq!(guarded["outcome"], "rolled back", "{guarded:#}");
    assert_eq!(guarded["newly_failing"].as_array().unwrap().len(), 2);
    assert_eq!(bench.read("tests.txt"), "ok a\nok b\nok c\nok d\n");
    bench.ok(&["undo"]);
    assert!(bench.exists("more.txt"), "nothing is lost");
}

#[test]
fn every_other_verb_does_its_work() {
    let bench = Bench::project();
    assert_eq!(bench.json(&["status"])["branch"], "main");
    bench.write("new.txt", "new\n");
    assert!(bench.ok(&["diff"]).contains("+new"));
    let snapshot = bench.json(&["snapshot", "-m", "a new file"]);
    let id = snapshot["snapshot"].as_str().unwrap().to_owned();
    assert_eq!(bench.json(&["show", &id[..12]])["message"], "a new file");
    bench.ok(&["tag", "first", "@-"]);
    bench.ok(&["branch", "idea", "--from", "first"]);
    bench.exits(125, &["exec", "nowhere", "--", "true"]);
    bench.exits(7, &["exec", "idea", "--", "sh", "-c", "echo more > more.txt; exit 7"]);
    assert!(!bench.exists("more.txt"), "it ran in a view");
    let log = bench.json(&["log", "--all"]);
    assert_eq!(log["entries"].as_array().unwrap().len(), 3);
    bench.ok(&["switch", "idea"]);
    assert!(bench.exists("more.txt") && !bench.exists("new.txt"));
    bench.ok(&["merge", "main"]);
    assert!(bench.exists("more.txt") && bench.exists("new.txt"));
    bench.ok(&["rollback", "--to", "first"]);
    assert!(!bench.exists("more.txt") && !bench.exists("new.txt"));
    assert!(bench.ok(&["guide"]).contains("exp try"));
    assert!(bench.ok(&["completions", "bash"]).contains("exp"));
}

#[test]
fn the_store_is_checked_and_explained() {
    let bench = Bench::project();
    assert_eq!(bench.json(&["fsck"])["problems"].as_array().unwrap().len(), 0);
    assert_eq!(bench.json(&["stats"])["snapshots"], 1);
    assert!(bench.ok(&["doctor"]).contains("overlay"));
    assert_eq!(bench.json(&["op", "log"])["operations"][0]["verb"], "init");
    assert!(bench.ok(&["deinit"]).contains("Would be lost"));
    bench.ok(&["deinit", "--yes"]);
    bench.exits(4, &["status"]);
}

#[test]
fn undoing_a_fast_forward_brings_the_files_back_although_their_snapshot_was_made_by_hand() {
    let bench = Bench::project();
    bench.ok(&["branch", "idea"]);
    bench.ok(&["switch", "idea"]);
    bench.write("value.txt", "3\n");
    bench.ok(&["snapshot", "-m", "by hand"]);
    bench.ok(&["switch", "main"]);
    bench.ok(&["merge", "idea", "--no-eval"]);
    assert_eq!(bench.read("value.txt"), "3\n");
    bench.ok(&["undo"]);
    assert_eq!(bench.read("value.txt"), "10\n");
    bench.ok(&["redo"]);
    assert_eq!(bench.read("value.txt"), "3\n");
}

/// A test that always failed is no regression, and what is good beside it is a base like any other.
#[test]
fn guard_takes_the_snapshot_before_where_that_has_a_good_verdict() {
    let bench = Bench::project();
    let stage =
        "[[stage]]\nname = \"test\"\nkind = \"test\"\nrun = \"sh test.sh\"\nreport = \"cargo\"\n";
    bench.write("exp.toml", stage);
    bench.write("tests.txt", "bad a\nok b\nok c\nok d\n");
    bench.ok(&["snapshot"]);
    for step in ["one\n", "two\n"] {
        bench.write("notes.txt", step);
        let output = bench.run(&["guard"]);
        let said = common::text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(!said.contains("not good itself"), "{said}");
    }
}

/// What the agent knew is merged as the files are: place by place, lists by identity.
#[test]
fn states_are_merged_with_the_files_and_conflicts_change_nothing() {
    let bench = Bench::project();
    let know = |value: &str| {
        bench.write("state.json", value);
        bench.ok(&["snapshot", "--state", "state.json"]);
        std::fs::remove_file(bench.root().join("state.json")).unwrap();
    };
    bench.write(".gitignore", "state.json\n");
    know(r#"{"plan":["a"],"tasks":[{"id":1,"done":false},{"id":2,"done":false}],"n":1}"#);
    bench.ok(&["branch", "idea"]);
    bench.ok(&["switch", "idea"]);
    bench.write("idea.txt", "one\n");
    know(r#"{"plan":["a"],"tasks":[{"id":1,"done":true},{"id":2,"done":false},{"id":3}],"n":1}"#);
    bench.ok(&["switch", "main"]);
    bench.write("main.txt", "two\n");
    know(r#"{"plan":["a","b"],"tasks":[{"id":2,"done":true},{"id":1,"done":false}],"n":2}"#);
    let would = bench.json(&["merge", "idea", "--no-eval", "--dry-run"]);
    assert_eq!(would["outcome"], "merged", "{would:#}");
    let merged = bench.json(&["merge", "idea", "--no-eval"]);
    assert_eq!(merged["outcome"], "merged", "{merged:#}");
    assert!(bench.exists("idea.txt") && bench.exists("main.txt"));
    // Ours reordered, so it leads; what theirs added comes behind what it stood behind there.
    let state = bench.ok(&["show", "--pointer", ""]);
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    assert_eq!(
        state,
        serde_json::json!({
            "n": 2,
            "plan": ["a", "b"],
            "tasks": [{"id": 2, "done": true}, {"id": 3}, {"id": 1, "done": true}],
        })
    );
    let known: serde_json::Value = serde_json::from_str(&bench.ok(&["state", "get"])).unwrap();
    assert_eq!(known, state, "the session follows the merge");
    let changes = bench.json(&["diff", "idea", "@", "--state"]);
    let moved = serde_json::json!({
        "pointer": "/tasks/2", "from": "/tasks/0", "before": null, "after": null
    });
    assert!(changes["state"].as_array().unwrap().contains(&moved), "{changes:#}");
    assert!(bench.ok(&["diff", "idea", "@", "--state"]).contains("/tasks/2 (from /tasks/0)"));
    bench.ok(&["switch", "idea"]);
    know(r#"{"plan":["z"],"n":1}"#);
    bench.ok(&["switch", "main"]);
    know(r#"{"plan":["y"],"n":2}"#);
    let before = bench.json(&["status"])["snapshot"].clone();
    let said = bench.exits(3, &["merge", "idea", "--no-eval"]);
    assert!(said.contains("state at `/plan"), "{said}");
    assert!(said.contains("--state ours"), "{said}");
    assert_eq!(bench.json(&["status"])["snapshot"], before);
    bench.ok(&["merge", "idea", "--no-eval", "--state", "theirs"]);
    assert_eq!(bench.ok(&["show", "--pointer", "/plan/0"]).trim(), "\"z\"");
}
