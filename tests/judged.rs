//! By which rules something is judged, and that nobody passes by changing them (trap 22).
#![allow(clippy::unwrap_used, reason = "a helper of tests is a test")]

mod common;

use common::{Bench, CONFIG};

#[test]
fn trap_22_guard_judges_by_the_rules_of_the_base() {
    let bench = Bench::project();
    bench.ok(&["eval"]);
    bench.write("tests.txt", "bad a\nbad b\nok c\nok d\n");
    let easier =
        CONFIG.replace("sh test.sh", "true").replace("report = \"cargo\"", "report = \"none\"");
    bench.write("exp.toml", &easier);
    let guarded = bench.json_exits(1, &["guard"]);
    assert_eq!(guarded["outcome"], "rolled back", "{guarded:#}");
    assert!(guarded["suspicions"].to_string().contains("exp.toml"), "{guarded:#}");
    assert_eq!(bench.read("exp.toml"), CONFIG);
}

#[test]
fn guard_compares_a_command_with_what_stood_just_before_it() {
    let bench = Bench::project();
    bench.ok(&["eval"]);
    bench.write("tests.txt", "ok a\nok b\nok c\nok d\nok e\n");
    let guarded = bench.json_exits(
        1,
        &["guard", "--", "sh", "-c", "sed -i 's/ok [ae]/bad &/;s/bad ok/bad/' tests.txt"],
    );
    assert_eq!(guarded["newly_failing"].as_array().unwrap().len(), 2, "{guarded:#}");
    assert_eq!(guarded["command"], "exit 0");
    assert_eq!(bench.read("tests.txt"), "ok a\nok b\nok c\nok d\nok e\n", "as before the command");
}

#[test]
fn a_candidate_is_merged_as_it_was_measured() {
    let bench = Bench::project();
    bench.ok(&["try", "fast=echo 5 > value.txt"]);
    bench.ok(&["select"]);
    bench.ok(&["exec", "e1/fast", "--", "sh", "-c", "echo 4000 > value.txt"]);
    bench.ok(&["merge", "--selected"]);
    assert_eq!(bench.read("value.txt"), "5\n");
}

#[test]
fn packs_stay_few() {
    let bench = Bench::project();
    for number in 0..40 {
        bench.write("value.txt", &format!("{number}\n"));
        bench.ok(&["snapshot"]);
    }
    let packs = bench.json(&["stats"])["packs"].as_u64().unwrap();
    assert!(packs <= 20, "{packs}");
    assert_eq!(bench.json(&["fsck"])["problems"].as_array().unwrap().len(), 0);
}

#[test]
fn a_skipped_stage_is_not_given_as_the_reason_when_tests_fail() {
    let bench = Bench::project();
    bench.ok(&["try", "wrong=sed -i 's/ok a/bad a/' tests.txt"]);
    let ranked = bench.json_exits(1, &["rank"]);
    let verdict = &ranked["rows"][0]["verdict"];
    assert_eq!(verdict["word"], "inconclusive");
    assert!(verdict["reason"].as_str().unwrap().contains("1 of 4 tests"), "{verdict:#}");
}
