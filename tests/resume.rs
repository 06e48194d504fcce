//! Ctrl-C in the middle of a race: what is finished is kept, nothing is left running, and the race
//! goes on from there when asked.
#![allow(clippy::unwrap_used, reason = "a helper of tests is a test")]

mod common;

use std::process::{Command, Stdio};

use common::Bench;

#[test]
fn an_interrupted_race_keeps_what_is_finished_and_goes_on_when_asked() {
    let bench = Bench::project();
    let go = bench.outside("go");
    let alive = bench.outside("alive");
    let stuck = format!(
        "stuck=echo 3 > value.txt; echo first; until test -e {}; do touch {}; done; echo 4 > value.txt",
        go.display(),
        alive.display()
    );
    let mut race = bench.command(&["try", "quick=echo 5 > value.txt", &stuck, "--jobs", "2"]);
    let mut race = race.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // `quick` is not measured yet: its metric is measured alone, and waits for `stuck`.
    let reached = || {
        let listed = bench.run(&["experiments", "--json"]);
        let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap_or_default();
        listed["experiments"][0]["finished"] == 1
            && bench.run(&["logs", "e1/stuck"]).stdout.starts_with(b"first")
    };
    assert!((0..2_000).any(|_| reached()), "it never came so far: {:?}", race.try_wait());
    let interrupted = Command::new("kill").args(["-INT", &race.id().to_string()]).status();
    assert!(interrupted.unwrap().success());
    assert_eq!(race.wait().unwrap().code(), Some(130));
    std::fs::remove_file(&alive).unwrap();
    assert!(!alive.exists(), "nothing of it runs any more");
    let rows = bench.json_exits(1, &["rank", "e1"]);
    let state = |name: &str| {
        let rows = rows["rows"].as_array().unwrap();
        rows.iter().find(|row| row["approach"] == name).unwrap()["state"].clone()
    };
    assert_eq!((state("quick"), state("stuck")), ("done".into(), "interrupted".into()));
    assert!(bench.ok(&["diff", "main", "e1/quick"]).contains("+5"), "its work is kept");
    assert_eq!(bench.read("value.txt"), "10\n", "the workspace was never touched");
    std::fs::write(go, "").unwrap();
    let resumed = bench.json(&["try", "--resume", "e1"]);
    assert_eq!(resumed["experiment"], "e1");
    assert_eq!(resumed["ranking"]["winner"], "stuck", "{resumed:#}");
    assert!(!alive.exists(), "it was run again from the start, and found the way open");
    assert_eq!(bench.json(&["fsck"])["problems"].as_array().unwrap().len(), 0);
    bench.exits(4, &["try", "--resume", "e9"]);
    bench.exits(2, &["try", "--resume", "e1", "more=true"]);
}

/// One approach at a time: `second` waits for `first`, which waits for the file `go`.
fn race_of_two(bench: &Bench) -> std::process::Child {
    let (go, there) = (bench.outside("go"), bench.outside("there"));
    let first =
        format!("first=touch {}; until test -e {}; do :; done", there.display(), go.display());
    let words = ["try", &first, "second=echo seen; echo 5 > value.txt", "--jobs", "1", "--no-eval"];
    let mut race = bench.command(&words);
    let mut race = race.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    while !there.exists() {
        assert_eq!(race.try_wait().unwrap(), None, "it ended too early");
        std::thread::yield_now();
    }
    race
}

#[test]
fn a_log_that_is_followed_is_waited_for_as_long_as_the_race_runs() {
    let bench = Bench::project();
    let mut race = race_of_two(&bench);
    let said = bench.complains(4, &["logs", "e1/second"]);
    assert!(said.contains("has not begun") && said.contains("--follow"), "{said}");
    let mut follow = bench.command(&["logs", "e1/second", "--follow"]);
    let follow = follow.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::fs::write(bench.outside("go"), "").unwrap();
    let followed = follow.wait_with_output().unwrap();
    assert!(race.wait().unwrap().success());
    assert_eq!(common::text(&followed.stdout), "seen\n", "{}", common::text(&followed.stderr));
}

#[test]
fn a_log_is_not_waited_for_when_no_race_runs() {
    let bench = Bench::project();
    let race = race_of_two(&bench);
    assert!(
        Command::new("kill").args(["-INT", &race.id().to_string()]).status().unwrap().success()
    );
    let ended = race.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130));
    let page = common::text(&ended.stdout);
    assert!(page.lines().last().unwrap().contains("`exp try --resume e1` goes on"), "{page}");
    let would = bench.ok(&["try", "--resume", "e1", "--dry-run", "--no-eval"]);
    assert!(would.contains("run again: touch") && would.contains("run: echo seen"), "{would}");
    let said = bench.complains(4, &["logs", "e1/second", "--follow"]);
    assert!(said.contains("has not begun") && said.contains("exp try --resume e1"), "{said}");
    assert!(!said.contains("did you mean"), "{said}");
    let said = bench.complains(4, &["logs", "main"]);
    assert!(!said.contains("did you mean"), "the same name is no hint: {said}");
}

#[test]
fn a_race_that_evaluates_nothing_says_what_is_next() {
    let bench = Bench::project();
    let page = bench.ok(&["try", "a=echo 5 > value.txt", "--no-eval"]);
    let next = page.lines().last().unwrap();
    assert!(next.contains("Next: `exp try --resume e1` evaluates"), "{page}");
    let would = bench.ok(&["try", "--resume", "e1", "--dry-run"]);
    assert!(would.starts_with("Would go on with experiment e1 "), "{would}");
    assert!(would.contains("evaluate: echo 5"), "{would}");
    let resumed = bench.json(&["try", "--resume", "e1"]);
    assert_eq!(resumed["ranking"]["winner"], "a", "as it says: {resumed:#}");
    let would = bench.ok(&["try", "--resume", "e1", "--dry-run"]);
    assert_eq!(would, "Nothing is left to do in experiment e1.\n");
    assert!(bench.ok(&["try", "--resume", "e1"]).contains("nothing was left to do in e1"));
}
