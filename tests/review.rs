//! Ways to lose or misreport work that a review of the verbs found: each once, through the command.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::fs;
use std::process::Command;
use std::sync::Arc;

use common::Bench;
use expdag::base::disk::RealDisk;
use expdag::base::name::Label;
use expdag::base::time::Timestamp;
use expdag::object::names::{self, NameKey, NameValue, Position};
use expdag::object::operation::OperationKind;
use expdag::store::{Change, NameMove, Store};

/// A workspace in a git repository, and a second working tree of it that is a workspace, too.
fn two_worktrees() -> (Bench, std::path::PathBuf) {
    let bench = Bench::empty();
    bench.write("a.txt", "one\n");
    let other = bench.outside("other");
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=tester", "-c", "user.email=tester@example.org"]);
        command.args(arguments).current_dir(bench.root()).env("HOME", bench.outside("home"));
        let output = command.output().expect("git can be started");
        assert!(output.status.success(), "git {arguments:?}: {}", common::text(&output.stderr));
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "first"]);
    git(&["worktree", "add", "-q", &other.display().to_string()]);
    bench.ok(&["init"]);
    let made = bench.command_in(&other, &["init"]).output().expect("exp can be started");
    assert!(made.status.success(), "{}", common::text(&made.stderr));
    (bench, other)
}

#[test]
fn a_branch_has_at_most_one_workspace_on_it() {
    let (bench, other) = two_worktrees();
    let there = |arguments: &[&str]| bench.command_in(&other, arguments).output().unwrap();
    for refused in [&["switch", "main"][..], &["exec", "main", "--", "sh", "-c", "echo x > x"]] {
        let output = there(refused);
        let said = common::text(&output.stderr);
        assert_eq!(
            output.status.code(),
            Some(if refused[0] == "exec" { 125 } else { 3 }),
            "{said}"
        );
        assert!(said.contains("workspace `main` is on it"), "{refused:?}: {said}");
    }
    bench.write("a.txt", "two\n");
    bench.ok(&["snapshot", "-m", "here"]);
    assert_eq!(bench.json(&["show", "main"])["message"], "here");
}

/// What is on a branch, newest first, by messages.
fn messages(bench: &Bench, branch: &str) -> Vec<String> {
    let log = bench.json(&["log", branch]);
    let rows = log["entries"].as_array().expect("entries");
    rows.iter().map(|row| row["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_undo_does_not_lead_onto_a_branch_that_another_workspace_has_taken() {
    let (bench, other) = two_worktrees();
    bench.ok(&["branch", "idea"]);
    bench.ok(&["switch", "idea"]);
    let mut there = bench.command_in(&other, &["switch", "main"]);
    let output = there.env("EXP_SESSION", "two").output().unwrap();
    assert!(output.status.success(), "{}", common::text(&output.stderr));
    let said = bench.complains(3, &["undo"]);
    assert!(said.contains("workspace `worktree-other` is on it"), "{said}");
    assert_eq!(bench.json(&["status"])["branch"], "idea");
}

#[test]
fn two_workspaces_on_one_branch_lose_nothing_of_each_other() {
    for verb in [
        &["snapshot", "-m", "there"][..],
        &["hook", "post"],
        &["rollback", "--to", "first", "--across-head"],
    ] {
        let (bench, other) = two_worktrees();
        bench.ok(&["tag", "first"]);
        put_on_main(&bench, "worktree-other");
        bench.write("a.txt", "here\n");
        bench.ok(&["snapshot", "-m", "here"]);
        let there = |arguments: &[&str]| bench.command_in(&other, arguments).output().unwrap();
        fs::write(other.join("a.txt"), "there\n").unwrap();
        let output = there(verb);
        assert!(output.status.success(), "{verb:?}: {}", common::text(&output.stderr));
        assert_eq!(messages(&bench, "main"), ["here", "first snapshot"], "{verb:?}");
        let status: serde_json::Value =
            serde_json::from_slice(&there(&["--json", "status"]).stdout).unwrap();
        let branch = status["branch"].as_str().unwrap();
        assert!(branch.starts_with("main-"), "{verb:?}: {branch}");
        // It goes on there, and whoever wants both merges.
        fs::write(other.join("b.txt"), "more\n").unwrap();
        assert!(there(&["snapshot", "-m", "more"]).status.success());
        assert_eq!(messages(&bench, branch)[0], "more", "{verb:?}");
        assert_eq!(messages(&bench, "main"), ["here", "first snapshot"], "{verb:?}");
    }
}

#[test]
fn an_undo_takes_back_what_was_done_here_not_in_another_workspace_of_the_session() {
    let (bench, other) = two_worktrees();
    let there = |arguments: &[&str]| {
        let output = bench.command_in(&other, arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", common::text(&output.stderr));
    };
    bench.write("a.txt", "here\n");
    bench.ok(&["rollback", "--to", "@"]);
    bench.ok(&["branch", "idea"]);
    fs::write(other.join("a.txt"), "there\n").unwrap();
    there(&["snapshot", "-m", "there"]);
    there(&["tag", "there"]);
    // One after the other, each in its own place.
    assert_eq!(bench.json(&["undo"])["operation_verb"], "branch");
    there(&["undo"]);
    assert_eq!(bench.json(&["undo"])["operation_verb"], "rollback");
    assert_eq!(bench.read("a.txt"), "here\n");
    assert_eq!(bench.json(&["redo"])["operation_verb"], "rollback");
    assert_eq!(fs::read_to_string(other.join("a.txt")).unwrap(), "there\n");
    let last = bench.json(&["op", "log"])["operations"][0]["summary"].to_string();
    assert!(last.contains("redo of `rollback`"), "{last}");
    bench.complains(4, &["show", "there"]);
}

/// Puts another workspace of the store onto `main` where that stands, as two switches at the same
/// moment may.
fn put_on_main(bench: &Bench, workspace: &str) {
    let store = Store::open(&bench.root().join(".git/exp"), Arc::new(RealDisk)).unwrap();
    let names = store.names().unwrap();
    let get = |key: &NameKey| names::get(&store, names, key).unwrap().unwrap();
    let key = NameKey::Position(workspace.to_owned());
    let main = NameKey::Branch(Label::new("main").unwrap());
    let (NameValue::Position(before), NameValue::Branch(head)) = (get(&key), get(&main)) else {
        panic!("a position and a branch")
    };
    let branch = Label::new("main").unwrap();
    let after = Position { branch, snapshot: head, ..before.clone() };
    let value = |position| Some(NameValue::Position(position));
    let change = Change {
        moves: vec![NameMove { key, expected: value(before), new: value(after) }],
        kind: OperationKind::Verb,
        verb: "switch".to_owned(),
        summary: String::new(),
        who: "tester".to_owned(),
        session: "two".to_owned(),
        workspace: Some(workspace.to_owned()),
        when: Timestamp(0),
    };
    store.writer().unwrap().commit(change).unwrap();
}

#[test]
fn logs_of_labels_that_look_alike_are_kept_apart() {
    let bench = Bench::project();
    bench.json(&["try", "a.b=echo dot; echo 1 > value.txt", "a_b=echo line; echo 2 > value.txt"]);
    let mut logs = Vec::new();
    for folder in fs::read_dir(bench.root().join(".exp/runs")).unwrap() {
        let log = folder.unwrap().path().join("approach.log");
        logs.extend(fs::read_to_string(log).ok());
    }
    logs.sort();
    assert_eq!(logs, ["dot\n", "line\n"]);
}

#[test]
fn evaluations_at_the_same_time_read_their_own_output() {
    // Each one waits in its test stage until the other has printed its own results.
    let bench = Bench::project();
    let meeting = bench.outside("meeting");
    fs::create_dir(&meeting).unwrap();
    let script = bench.read("test.sh").replace("[ $failed -eq 0 ]\n", "status=$failed\n");
    let wait = format!(
        "touch {0}/$(cat value.txt)\nwhile [ $(ls {0} | wc -l) -lt 2 ]; do :; done\n[ $status -eq 0 ]\n",
        meeting.display()
    );
    let alone = script.clone() + "[ $status -eq 0 ]\n";
    bench.write("test.sh", &alone);
    bench.ok(&["eval"]);
    bench.write("test.sh", &(alone.clone() + "# the same for both\n"));
    bench.ok(&["eval"]);
    for (name, tests) in
        [("1", "ok a\nok b\nok c\nok d\nok e\n"), ("2", "ok a\nok b\nok c\nok d\n")]
    {
        bench.ok(&["branch", name]);
        let change = format!(
            "printf '{}' > tests.txt; echo {name} > value.txt; cat > test.sh",
            tests.replace('\n', "\\n")
        );
        let mut command = bench.command(&["exec", name, "--", "sh", "-c", &change]);
        command.stdin(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        use std::io::Write;
        child.stdin.take().unwrap().write_all((script.clone() + &wait).as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }
    let start = |name: &str| {
        let mut command = bench.command(&["--json", "eval", name]);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        command.spawn().unwrap()
    };
    let both = [start("1"), start("2")].map(|child| child.wait_with_output().unwrap());
    for (output, tests) in both.iter().zip([5, 4]) {
        let said = common::text(&output.stdout);
        let report: serde_json::Value =
            serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"));
        let found = &report["evaluation"];
        assert_eq!(found["passed"], tests, "{report:#} {}", common::text(&output.stderr));
    }
}

#[test]
fn a_slot_shows_nothing_that_another_run_left() {
    let bench = Bench::project();
    bench.write(".gitignore", "left\n");
    bench.write("build.sh", "test ! -e left && test ! -e .git && touch left && mkdir .git\n");
    let found = bench.json(&["eval", "--backend", "copy", "--again"]);
    assert_eq!(found["verdict"]["word"], "good", "{found:#}");
    let found = bench.json(&["eval", "--backend", "copy", "--again"]);
    assert_eq!(found["verdict"]["word"], "good", "{found:#}");
}

#[test]
fn equal_candidates_are_all_evaluated() {
    let bench = Bench::project();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let approaches: Vec<String> = names.iter().map(|n| format!("{n}=echo 5 > value.txt")).collect();
    let mut arguments = vec!["try", "--jobs", "8"];
    arguments.extend(approaches.iter().map(String::as_str));
    bench.json(&arguments);
    for row in bench.json(&["rank"])["rows"].as_array().unwrap() {
        assert_eq!(row["verdict"]["word"], "good", "{row:#}");
    }
}

#[test]
fn what_a_command_left_is_kept_when_its_branch_has_moved() {
    let bench = Bench::project();
    bench.ok(&["branch", "idea"]);
    // The branch moves while the command runs, which waits for that.
    let [ready, go] = ["ready", "go"].map(|name| bench.outside(name).display().to_string());
    let wait = format!("echo work > work.txt; touch {ready}; while ! test -e {go}; do :; done");
    let slow = bench.command(&["exec", "idea", "--", "sh", "-c", &wait]).spawn().unwrap();
    while !bench.outside("ready").exists() {
        std::thread::yield_now();
    }
    bench.ok(&["exec", "idea", "--", "sh", "-c", "echo other > other.txt"]);
    fs::write(&go, "").unwrap();
    let output = slow.wait_with_output().unwrap();
    assert!(!output.status.success());
    let branches = bench.json(&["branch"]);
    let name = |branch: &serde_json::Value| branch["name"].as_str().unwrap().to_owned();
    let all: Vec<String> = branches["branches"].as_array().unwrap().iter().map(name).collect();
    let aside =
        all.iter().find(|name| name.starts_with("idea-")).unwrap_or_else(|| panic!("{all:?}"));
    bench.ok(&["switch", aside]);
    assert_eq!(bench.read("work.txt"), "work\n");
    assert!(!bench.exists("other.txt"));
}

#[test]
fn a_merge_is_not_published_unmeasured_because_the_configuration_is_wrong() {
    let bench = Bench::project();
    bench.ok(&["branch", "idea"]);
    bench.ok(&["exec", "idea", "--", "sh", "-c", "rm value.txt"]);
    bench.write("exp.toml", "[[stage]\n");
    let output = bench.run(&["merge", "idea"]);
    assert!(!output.status.success());
    assert!(bench.exists("value.txt"), "nothing was merged");
    bench.ok(&["merge", "idea", "--no-eval"]);
}

#[test]
fn a_branch_with_the_name_of_an_experiment_is_stepped_over() {
    let bench = Bench::project();
    bench.ok(&["branch", "e1/map"]);
    assert_eq!(bench.json(&["try", "map=echo 5 > value.txt"])["experiment"], "e2");
}

#[test]
fn an_init_cut_short_before_its_registration_is_finished() {
    let bench = Bench::project();
    bench.write("later.txt", "later\n");
    bench.ok(&["snapshot"]);
    fs::remove_dir_all(bench.root().join(".exp/stat/main")).unwrap();
    bench.exits(4, &["status"]);
    bench.ok(&["init"]);
    assert_eq!(bench.json(&["log"])["entries"].as_array().unwrap().len(), 2);
}

#[test]
fn the_report_of_one_stage_is_not_taken_for_that_of_another() {
    let bench = Bench::empty();
    let xml = r#"<testsuite tests="1" failures="0"><testcase name="t" classname="c"/></testsuite>"#;
    bench.write("good.xml", xml);
    for (file, writes) in [("one.sh", "cp good.xml out.xml\n"), ("two.sh", "true\n")] {
        bench.write(file, writes);
    }
    let stage = |name: &str| {
        format!(
            "[[stage]]\nname = \"{name}\"\nkind = \"test\"\nrun = \"sh {name}.sh\"\nreport = \"junit:out.xml\"\n"
        )
    };
    bench.write("exp.toml", &(stage("one") + &stage("two")));
    bench.ok(&["init"]);
    for backend in ["copy", "overlay"] {
        let output = bench.run(&["--json", "eval", "--again", "--backend", backend]);
        if backend == "overlay" && common::text(&output.stderr).contains("does not work here") {
            continue;
        }
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let stages = &report["evaluation"]["stages"];
        assert_eq!(stages[0]["outcome"], "passed", "{report:#}");
        assert_ne!(stages[1]["outcome"], "passed", "{backend}: {report:#}");
    }
}

/// Counting writes to the catalogue, which a measured tree must not: that is said, and is no bug.
#[test]
fn what_is_measured_cannot_count_the_store() {
    let bench = Bench::project();
    let exp = env!("CARGO_BIN_EXE_exp");
    bench.write(
        "exp.toml",
        &format!(
            "[[stage]]\nname = \"s\"\nkind = \"gate\"\nrun = \"\"\"{exp} stats\ntest $? = 5\"\"\"\n"
        ),
    );
    assert_eq!(bench.json(&["eval"])["verdict"]["word"], "good");
}

#[test]
fn a_name_means_what_it_means_before_unrecorded_work_is_captured() {
    let bench = Bench::project();
    for value in ["2\n", "3\n"] {
        bench.write("value.txt", value);
        bench.ok(&["snapshot", "-m", value.trim()]);
    }
    for (to, value) in [("@", "3\n"), ("main", "3\n"), ("@-", "2\n")] {
        bench.write("value.txt", "oops\n");
        let plan = bench.json(&["rollback", "--to", to, "--dry-run"]);
        let done = bench.json(&["rollback", "--to", to]);
        assert_eq!(bench.read("value.txt"), value, "{to}");
        assert_eq!(plan["to"]["id"], done["to"]["id"], "{to}: {plan:#}");
        assert!(done["captured"].is_string(), "{done:#}");
    }
    bench.write("value.txt", "oops\n");
    let at = bench.json(&["show", "@"])["id"].clone();
    let found = bench.json_exits(0, &["eval", "@"]);
    assert_eq!(found["snapshot"], at, "{found:#}");
}
