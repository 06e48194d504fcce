//! What agents and those who steer them use besides the main loop: experiments looked at, branches
//! compared, shells in branches, hooks, and `exp` inside of a view.
#![allow(clippy::unwrap_used, reason = "a helper of tests is a test")]

mod common;

use std::io::Write;
use std::process::Stdio;

use common::{Bench, text};

fn raced() -> Bench {
    let bench = Bench::project();
    bench.ok(&["try", "fast=echo 5 > value.txt", "wrong=sed -i 's/ok [abc]/bad x/' tests.txt"]);
    bench
}

#[test]
fn experiments_are_listed_shown_and_written_as_a_page() {
    let bench = raced();
    bench.ok(&["select"]);
    let list = bench.json(&["experiments"]);
    assert_eq!(list["experiments"][0]["experiment"], "e1");
    assert_eq!(list["experiments"][0]["selected"], "fast");
    let page = bench.outside("page.html");
    let shown = bench.json(&["experiment", "show", "e1", "--html", page.to_str().unwrap()]);
    assert_eq!(shown["table"]["winner"], "fast");
    assert_eq!(shown["commands"][0]["command"], "echo 5 > value.txt");
    let html = std::fs::read_to_string(page).unwrap();
    assert!(html.contains("<svg") && html.contains("echo 5 &gt; value.txt"), "{html}");
    assert!(!html.contains("http://") && !html.contains("<script"), "it fetches nothing");
    bench.exits(4, &["experiment", "show", "e9"]);
}

#[test]
fn two_candidates_are_compared() {
    let bench = raced();
    let compared = bench.json(&["compare", "fast", "wrong"]);
    assert_eq!(compared["a_tests"], serde_json::json!([4, 0]));
    assert_eq!(compared["only_b_fails"].as_array().unwrap().len(), 1, "{compared:#}");
    assert_eq!(compared["changes"].as_array().unwrap().len(), 2);
    let page = bench.ok(&["compare", "main", "fast"]);
    assert!(page.contains("10 → 5 points (-50.0 %)"), "{page}");
}

#[test]
fn a_shell_in_a_branch_records_what_it_changed() {
    let bench = Bench::project();
    bench.ok(&["branch", "idea"]);
    let mut command = bench.command(&["shell", "idea"]);
    let mut child = command.env("SHELL", "/bin/sh").stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"echo mine > mine.txt\nexit 3\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert!(!bench.exists("mine.txt"));
    assert!(bench.ok(&["diff", "main", "idea", "--names"]).contains("mine.txt"));
}

#[test]
fn in_a_view_the_branch_is_known_and_the_store_is_safe() {
    let bench = raced();
    let exp = env!("CARGO_BIN_EXE_exp");
    let script = format!(
        "{exp} status --json > status.json; {exp} diff --names > diff.txt; \
         {exp} snapshot -m inside; echo $? > code.txt"
    );
    bench.ok(&["exec", "e1/fast", "--", "sh", "-c", &script]);
    bench.ok(&["switch", "e1/fast"]);
    assert_eq!(bench.read("code.txt"), "0\n");
    assert_eq!(bench.json(&["show", "e1/fast~1"])["message"], "inside");
    let status: serde_json::Value = serde_json::from_str(&bench.read("status.json")).unwrap();
    assert_eq!(status["branch"], "e1/fast");
    assert_eq!(bench.read("diff.txt"), "added    diff.txt\nadded    status.json\n");
    assert_eq!(bench.json(&["fsck"])["problems"].as_array().unwrap().len(), 0);
}

/// Gives a hook its input.
fn hook(bench: &Bench, call: &str, input: &str) {
    let mut command = bench.command(&["hook", call]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn hooks_record_what_a_tool_changed_and_nothing_when_it_failed() {
    let bench = Bench::project();
    let input = |event: &str, response: &str| {
        format!(
            r#"{{"session_id":"agent","transcript_path":"/none","cwd":{:?},"permission_mode":
            "default","hook_event_name":"{event}","tool_name":"Bash","tool_input":{{"command":
            "make all","description":"Build"}},"tool_response":{response}}}"#,
            bench.root().to_str().unwrap()
        )
    };
    bench.write("mine.txt", "before the tool\n");
    hook(&bench, "pre", &input("PreToolUse", "{}"));
    bench.write("tests.txt", "ok a\n");
    bench.write("side-effect.txt", "the command says nothing of it\n");
    hook(&bench, "post", &input("PostToolUse", r#"{"stdout":"","interrupted":false}"#));
    let shown = bench.json(&["show"]);
    assert_eq!(shown["message"], "Bash make all");
    assert_eq!(shown["session"], "agent");
    assert_eq!(shown["changes"].as_array().unwrap().len(), 2);
    assert_eq!(bench.json(&["show", "@-"])["message"], "before Bash make all");
    bench.write("half.txt", "left by a tool that failed\n");
    hook(&bench, "post", &input("PostToolUse", r#"{"success":false}"#));
    assert_eq!(bench.json(&["show"])["message"], "Bash make all");
    let mut bench = bench;
    bench.as_session("agent", |bench| bench.ok(&["undo"]));
    assert_eq!(bench.read("tests.txt"), "ok a\nok b\nok c\nok d\n");
    assert!(!bench.exists("side-effect.txt") && bench.exists("mine.txt"));
    hook(&bench, "post", "this is no JSON at all {");
    assert!(bench.ok(&["hook", "install"]).contains("settings.local.json"));
}

#[test]
fn the_logs_of_an_approach_are_shown_and_followed_while_it_runs() {
    let bench = Bench::project();
    bench.ok(&["try", "loud=echo from the command; echo 5 > value.txt"]);
    let all = bench.ok(&["logs", "loud"]);
    assert!(all.contains("== approach") && all.contains("from the command"), "{all}");
    assert!(bench.ok(&["logs", "e1/loud", "test"]).contains("test a ... ok"));
    bench.exits(4, &["logs", "e1/loud", "nonsense"]);
    bench.exits(4, &["logs", "nothing"]);
    // It waits for a file outside of its view, which comes only once the follower has its line.
    let go = bench.outside("go");
    let slow = format!("slow=echo first; until test -e {}; do :; done; echo last", go.display());
    let mut race = bench.command(&["try", &slow, "--no-eval"]).spawn().unwrap();
    let started = || bench.run(&["logs", "e2/slow"]).stdout.starts_with(b"first");
    assert!((0..2_000).any(|_| started()), "it was never seen: {:?}", race.try_wait());
    let mut command = bench.command(&["logs", "e2/slow", "--follow"]);
    let follower = command.stdout(Stdio::piped()).spawn().unwrap();
    std::fs::write(go, "").unwrap();
    assert_eq!(text(&follower.wait_with_output().unwrap().stdout), "first\nlast\n");
    assert!(race.wait().unwrap().success());
}
