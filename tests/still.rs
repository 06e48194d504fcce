//! Somebody writes to the workspace while a view stands on it: what was measured then is not
//! recorded as a measurement of the tree (trap 37), also when the write was taken back since.
#![allow(clippy::unwrap_used, reason = "a helper of tests is a test")]

mod common;

use std::fs;
use std::process::Stdio;

use common::{Bench, CONFIG, text};

/// A workspace whose gate says that it has begun and then waits to be let go.
fn waiting() -> Bench {
    let bench = Bench::project();
    let (ready, go) = (bench.outside("ready"), bench.outside("go"));
    let wait = format!("touch {}; until test -e {}; do :; done", ready.display(), go.display());
    bench.write("build.sh", &format!("test -f value.txt\n{wait}\n"));
    bench.write(".gitignore", "*.log\n/target\n");
    bench.write("exp.toml", &format!("[workspace]\nwarm = [\"target\"]\n{CONFIG}"));
    bench.write("target/built", "by the workspace\n");
    bench
}

/// Runs `exp eval` and `meddle` in the middle of it. Gives what was said, and the view in which
/// the result that counts was measured.
fn measured_while(bench: &Bench, meddle: impl FnOnce(&Bench)) -> (String, String) {
    let mut eval = bench.command(&["eval", "--again"]);
    let eval = eval.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let ready = bench.outside("ready");
    let mut tries = 0..100_000_000;
    assert!(tries.any(|_| ready.exists()), "it never began");
    meddle(bench);
    fs::write(bench.outside("go"), "").unwrap();
    let output = eval.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let shown = bench.json(&["show"]);
    let view = shown["evaluation"]["view"].as_str().unwrap_or_default().to_owned();
    (text(&output.stderr), view)
}

fn has_overlay(bench: &Bench) -> bool {
    let doctor = bench.json(&["doctor"]);
    let checks = doctor["checks"].as_array().unwrap();
    checks.iter().any(|check| check["what"] == "overlay" && check["well"] == true)
}

#[test]
fn a_write_that_was_taken_back_is_seen() {
    let bench = waiting();
    let (said, view) = measured_while(&bench, |bench| {
        bench.write("value.txt", "999\n");
        bench.write("value.txt", "10\n");
    });
    if has_overlay(&bench) {
        assert!(said.contains("workspace changed while"), "{said}");
    }
    assert_eq!(view, "copy", "measured again, apart");
}

#[test]
fn a_write_to_a_warm_folder_is_seen() {
    let bench = waiting();
    let (said, view) =
        measured_while(&bench, |bench| bench.write("target/built", "by somebody else\n"));
    if has_overlay(&bench) {
        assert!(said.contains("workspace changed while"), "{said}");
    }
    assert_eq!(view, "copy");
}

/// A pattern that leaves out files and lets folders in: a new folder counts, and so does what is in it.
#[test]
fn a_new_folder_is_seen_where_only_some_files_count() {
    let bench = waiting();
    bench.write(".gitignore", "*\n!*/\n!*.rs\n!*.sh\n!*.txt\n!exp.toml\n!.gitignore\n/target\n");
    bench.write("src/main.rs", "fn main() {}\n");
    let (said, view) = measured_while(&bench, |bench| {
        bench.write("new/x.rs", "by somebody else\n");
        fs::remove_dir_all(bench.root().join("new")).unwrap();
    });
    if has_overlay(&bench) {
        assert!(said.contains("workspace changed while"), "{said}");
    }
    assert_eq!(view, "copy");
}

/// An hour's work is not lost because its user checked out a branch that ignores it.
#[test]
fn what_an_approach_wrote_is_captured_by_the_rules_under_which_it_began() {
    let bench = Bench::project();
    bench.write(".gitignore", "*.log\n");
    bench.ok(&["snapshot"]);
    let (ready, go) = (bench.outside("ready"), bench.outside("go"));
    let wait = format!(
        "slow=echo 5 > value.txt; echo work > gen.txt; echo x > a.log; touch {}; until test -e {}; do :; done",
        ready.display(),
        go.display()
    );
    let mut race = bench.command(&["try", &wait]);
    let race = race.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut tries = 0..100_000_000;
    assert!(tries.any(|_| ready.exists()), "it never began");
    bench.write(".gitignore", "gen*\n");
    fs::write(go, "").unwrap();
    let output = race.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let names = bench.ok(&["diff", "e1/slow~1", "e1/slow", "--names"]);
    assert!(names.contains("gen.txt") && !names.contains("a.log"), "{names}");
}

#[test]
fn what_no_view_shows_may_be_written() {
    let bench = waiting();
    let (said, view) = measured_while(&bench, |bench| bench.write("notes.log", "ignored\n"));
    assert!(!said.contains("workspace changed while"), "{said}");
    assert_eq!(view == "copy", !has_overlay(&bench), "{view}");
}

#[test]
fn an_approach_below_which_somebody_wrote_is_told_and_kept() {
    let bench = Bench::project();
    let (ready, go) = (bench.outside("ready"), bench.outside("go"));
    let wait = format!(
        "slow=echo 5 > value.txt; touch {}; until test -e {}; do :; done",
        ready.display(),
        go.display()
    );
    let mut race = bench.command(&["try", "quick=true", &wait, "--jobs", "1"]);
    let race = race.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut tries = 0..100_000_000;
    assert!(tries.any(|_| ready.exists()), "it never began");
    bench.write("tests.txt", "bad a\n");
    bench.write("tests.txt", "ok a\nok b\nok c\nok d\n");
    fs::write(go, "").unwrap();
    let output = race.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    if has_overlay(&bench) {
        let said = text(&output.stderr);
        assert!(said.contains("was changed while e1/slow ran"), "{said}");
    }
    assert_eq!(bench.json(&["rank", "e1"])["winner"], "slow");
}
