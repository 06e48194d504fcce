//! Traps of measuring, and of running other people's commands.

use std::fs;

use serde_json::Value;

use super::common::state::{State, array, files, word};
use super::common::{Bench, CONFIG};
use super::{Any, backends};

pub fn rows(bench: &Bench) -> Vec<Value> {
    array(&bench.json_exits_any(&["rank"])["rows"])
}

pub fn row<'a>(rows: &'a [Value], approach: &str) -> &'a Value {
    rows.iter().find(|row| row["approach"] == approach).expect("a row")
}

/// 17: a stage whose command does not exist did not run; that is no failed test and nobody's fault.
#[test]
fn trap_17_did_not_run_is_not_failed() {
    let bench = Bench::project();
    let config = CONFIG.replace("sh test.sh", "frobnicate-the-tests");
    bench.write("exp.toml", &config);
    let found = bench.json_exits_any(&["eval"]);
    assert_eq!(found["verdict"]["word"], "inconclusive", "{found:#}");
    assert_eq!(found["evaluation"]["failed"], 0);
    let stages = array(&found["evaluation"]["stages"]);
    let test = stages.iter().find(|stage| stage["name"] == "test").unwrap();
    assert!(word(&test["outcome"]).contains("did not run"), "{test:#}");
    // It is not remembered either: once it is installed, the same tree is measured.
    assert_ne!(bench.json_exits_any(&["eval"])["from_memo"], true);
}

/// 18: the same test failing in every candidate and not in the base makes the test suspect.
#[test]
fn trap_18_the_same_failure_everywhere_accuses_the_test() {
    let bench = Bench::project();
    let change = "sed -i 's/ok a/bad a/' tests.txt; echo";
    bench.ok(&["try", &format!("x={change} 5 > value.txt"), &format!("y={change} 6 > value.txt")]);
    let said = bench.json_exits_any(&["rank"]).to_string();
    assert!(said.contains("every candidate") || said.contains("everywhere"), "{said}");
}

/// 22: a candidate that edits the tests or the evaluator to pass is shown for it, and `exp.toml`
/// is read from the base.
#[test]
fn trap_22_edits_of_the_tests_are_shown() {
    let bench = Bench::project();
    bench.write("tests/a.txt", "a test\n");
    bench.ok(&["snapshot"]);
    let evil =
        "printf '[[stage]]\\nname = \"build\"\\nkind = \"gate\"\\nrun = \"true\"\\n' > exp.toml";
    bench.ok(&[
        "try",
        "honest=echo 9 > value.txt",
        "cheat=rm tests/a.txt; echo 8 > value.txt",
        &format!("evil={evil}; rm value.txt"),
    ]);
    let rows = rows(&bench);
    assert_eq!(row(&rows, "honest")["warnings"], Value::Array(Vec::new()));
    assert!(row(&rows, "cheat")["warnings"].to_string().contains("tests/a.txt"));
    assert!(row(&rows, "evil")["warnings"].to_string().contains("exp.toml"));
    assert_eq!(row(&rows, "evil")["verdict"]["word"], "bad", "measured by the base's stages");
}

/// 24: a merge that is clean as text and does not build is refused, and nothing is changed.
#[test]
fn trap_24_a_clean_merge_that_does_not_build_is_refused() {
    let bench = Bench::project();
    bench.write("build.sh", "test -f value.txt && ! { test -f a.txt && test -f b.txt; }\n");
    bench.ok(&["snapshot"]);
    bench.ok(&["branch", "idea"]);
    bench.ok(&["exec", "idea", "--", "sh", "-c", "echo a > a.txt"]);
    assert_eq!(bench.json(&["eval", "idea"])["verdict"]["word"], "good");
    bench.write("b.txt", "b\n");
    bench.ok(&["snapshot"]);
    assert_eq!(bench.json(&["eval"])["verdict"]["word"], "good");
    let before = State::of(&bench);
    let merged = bench.json_exits(1, &["merge", "idea"]);
    assert_eq!(merged["outcome"], "refused", "{merged:#}");
    assert!(word(&merged["verdict"]["reason"]).contains("build"), "{merged:#}");
    assert_eq!(State::of(&bench), before);
}

/// 25: two candidates with the same files are measured once, and the table says so.
#[test]
fn trap_25_the_same_files_are_measured_once() {
    let bench = Bench::project();
    let count = bench.outside("count");
    let build = format!("echo x >> '{}'; test -f value.txt\n", count.display());
    bench.write("build.sh", &build);
    bench.ok(&["try", "a=echo 5 > value.txt", "b=echo 5 > value.txt", "--jobs", "1"]);
    let rows = rows(&bench);
    assert_eq!(row(&rows, "b")["identical_to"].to_string(), "[\"a\"]", "{rows:#?}");
    assert_eq!(fs::read_to_string(&count).unwrap().lines().count(), 2, "the base and one more");
}

/// 26: what an approach leaves running ends with it, an open pipe keeps nobody waiting, and a
/// flood of output is neither held in memory nor lost.
#[test]
fn trap_26_nothing_outlives_an_approach() {
    let bench = Bench::project();
    let pid = bench.outside("pid");
    for backend in backends(&bench) {
        let daemon = format!(
            "(trap '' TERM HUP; echo > '{0}'; exec sleep 600) & echo 5 > value.txt; \
             while ! test -s '{0}'; do :; done; yes flood | head -c 3000000",
            pid.display()
        );
        let tried = bench.json(&["try", &format!("a={daemon}"), "--backend", backend, "--no-eval"]);
        assert_eq!(tried["approaches"][0]["state"], "done", "{tried:#}");
        let logs = files(&bench.root().join(".exp/runs"));
        let longest = logs.values().map(|(_, log)| log.len()).max().unwrap_or(0);
        assert!(longest >= 3_000_000, "{backend}: the whole log is kept, {longest} bytes of it");
        let _ = fs::remove_file(&pid);
    }
}

/// 27: a branch can run: warm folders and kept files are there, on every backend.
#[test]
fn trap_27_a_fresh_branch_has_its_warm_and_kept_files() {
    let bench = Bench::project();
    bench.write(".gitignore", "node_modules/\n.env\nother/\n");
    let config = format!("[workspace]\nwarm = [\"node_modules\"]\nkeep = [\".env\"]\n{CONFIG}");
    bench.write("exp.toml", &config);
    bench.write("node_modules/a/index.js", "warm\n");
    bench.write(".env", "KEY=1\n");
    bench.write("other/x", "ignored\n");
    bench.ok(&["snapshot"]);
    for backend in backends(&bench) {
        bench.ok(&["branch", backend]);
        let look = "cat node_modules/a/index.js .env && test ! -e other && \
                    echo changed > node_modules/a/index.js && echo b > b";
        bench.ok(&["exec", backend, "--backend", backend, "--", "sh", "-c", look]);
        assert_eq!(bench.read("node_modules/a/index.js"), "warm\n", "{backend}");
        let names = bench.ok(&["diff", "main", backend, "--names"]);
        assert_eq!(names.trim(), "added    b", "{backend}");
    }
}
