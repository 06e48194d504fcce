//! `exp` inside of a view: what is recorded there belongs to the view's branch, and the workspace
//! outside never notices.
#![allow(clippy::unwrap_used, reason = "a helper of tests is a test")]

mod common;

use std::process::Output;

use common::{Bench, text};
use serde_json::Value;

const EXP: &str = env!("CARGO_BIN_EXE_exp");

/// A workspace with the branch `idea`, and the backend in which its views are opened.
fn bench() -> Bench {
    let bench = Bench::project();
    bench.ok(&["branch", "idea"]);
    bench
}

/// Runs a script in a view of a branch, on one of the backends. `exp` is a command in it.
fn script(bench: &Bench, backend: &str, branch: &str, lines: &str) -> Output {
    let script = format!("set -eu\nexp() {{ {EXP} \"$@\"; }}\n{lines}");
    bench.run(&["exec", branch, "--backend", backend, "--", "sh", "-c", &script])
}

/// The same; it must succeed.
fn inside(bench: &Bench, backend: &str, branch: &str, lines: &str) -> String {
    let output = script(bench, backend, branch, lines);
    assert!(
        output.status.success(),
        "{backend}: {lines}\n{}\n{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// The messages of a branch, newest first.
fn messages(bench: &Bench, branch: &str) -> Vec<String> {
    let log = bench.json(&["log", branch]);
    let message = |entry: &Value| entry["message"].as_str().unwrap().to_owned();
    log["entries"].as_array().unwrap().iter().map(message).collect()
}

/// Nothing of a view stays behind, and the workspace is as it was.
fn is_untouched(bench: &Bench) {
    assert_eq!(bench.read("value.txt"), "10\n");
    let status = bench.json(&["status"]);
    assert_eq!(status["branch"], "main");
    assert_eq!(status["changes"], serde_json::json!([]));
    assert_eq!(bench.json(&["fsck"])["problems"].as_array().unwrap().len(), 0);
}

#[test]
fn a_snapshot_inside_moves_the_views_branch_and_the_rest_follows_it() {
    for backend in ["overlay", "copy"] {
        let bench = bench();
        inside(
            &bench,
            backend,
            "idea",
            "echo 8 > value.txt; exp snapshot -m first; echo 7 > value.txt; exp snapshot -m second
             echo 6 > value.txt",
        );
        let all = messages(&bench, "idea");
        assert_eq!(all[1..], ["second", "first", "first snapshot"], "{backend}");
        assert!(bench.ok(&["diff", "main", "idea"]).contains("+6"));
        inside(&bench, backend, "idea", "echo 5 > value.txt; exp snapshot -m last");
        assert_eq!(messages(&bench, "idea")[0], "last", "{backend}: nothing is recorded twice");
        is_untouched(&bench);
    }
}
