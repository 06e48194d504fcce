//! A race that others look at and act on while it runs.
#![allow(clippy::unwrap_used, reason = "a helper of tests is a test")]

mod common;

use std::fs;
use std::process::Stdio;

use common::{Bench, text};

#[test]
fn a_selection_made_while_the_race_runs_is_kept() {
    let bench = Bench::project();
    bench
        .write("exp.toml", "[[stage]]\nname = \"build\"\nkind = \"gate\"\nrun = \"sh build.sh\"\n");
    let go = bench.outside("go");
    let slow = format!("slow=until test -e {}; do :; done; echo 4 > value.txt", go.display());
    let mut race = bench.command(&["try", "quick=echo 5 > value.txt", &slow, "--jobs", "2"]);
    let race = race.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let selected = || bench.run(&["select", "e1"]).status.success();
    assert!((0..2_000).any(|_| selected()), "`quick` never was good");
    fs::write(go, "").unwrap();
    let output = race.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let shown = bench.json(&["experiments"]);
    assert_eq!(shown["experiments"][0]["selected"], "quick", "{shown:#}");
    assert_eq!(shown["experiments"][0]["finished"], 2);
    let rows = bench.json(&["rank", "e1"]);
    let rows = rows["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row["verdict"]["word"] == "good"), "{rows:#?}");
}
