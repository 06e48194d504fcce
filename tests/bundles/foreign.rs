//! What was found elsewhere is shown and counts for nothing, unless its source is trusted.

use super::common::Bench;
use super::{export, newest, outcomes, sound, source};
use serde_json::Value;

/// Breaks the gate.
const BREAK: &str = "value.txt";

fn remove(bench: &Bench, path: &str) {
    std::fs::remove_file(bench.root().join(path)).unwrap();
}

/// A project whose first snapshot is good and whose second one is not, both on `main`.
fn good_then_bad() -> Bench {
    let bench = Bench::project();
    bench.ok(&["eval"]);
    bench.write("tests.txt", "bad a\nbad b\nok c\nok d\n");
    bench.ok(&["snapshot", "-m", "oops"]);
    bench
}

/// Another workspace that has taken in such a bundle and stands on what came; the word for its source.
fn receiver(file: &str, trusted: bool) -> (Bench, String, Value) {
    let bench = Bench::project();
    let mut arguments = vec!["import", file];
    if trusted {
        // By its name; the word and the digits do as well.
        arguments.extend(["--trust", "tester"]);
    }
    let first = bench.json(&["import", file, "--dry-run"]);
    let word = source(&first);
    let name = word.rsplit_once('-').unwrap().0.to_owned();
    if trusted {
        arguments[3] = &name;
    }
    let report = bench.json(&arguments);
    bench.ok(&["switch", &format!("main+{word}")]);
    (bench, word, report)
}

#[test]
fn guard_and_rollback_go_back_to_no_verdict_of_another_store() {
    let a = good_then_bad();
    let file = export(&a, "bundle", &["main"]);
    let good = a.json(&["show", "main~1"])["id"].clone();
    let (b, word, report) = receiver(&file, false);
    assert_eq!(report["trusted"], false);
    let foreign: Vec<_> =
        outcomes(&report).into_iter().filter(|line| line.ends_with("new (foreign)")).collect();
    assert_eq!(foreign.len(), 2, "an evaluation and its verdict: {report:#}");
    // Shown, with its source.
    let shown = b.json(&["show", "@-"]);
    assert_eq!(shown["verdict"]["word"], "unknown");
    assert_eq!(shown["foreign"][0]["word"], "good");
    assert_eq!(shown["foreign"][0]["source"], word.as_str());
    assert_eq!(shown["foreign_evaluations"][0][1]["passed"], 4);
    assert!(b.ok(&["show", "@-"]).contains(&format!("good in {word}")));
    assert!(b.ok(&["log"]).contains(&format!("(foreign: good in {word})")));
    // And nothing goes by it.
    b.complains(4, &["rollback", "--dry-run"]);
    remove(&b, BREAK);
    let guarded = b.json_exits(1, &["guard"]);
    assert_eq!(guarded["outcome"], "no good node", "{guarded:#}");
    assert!(!b.exists(BREAK));
    sound(&b);

    let (b, _, report) = receiver(&file, true);
    assert_eq!(report["trusted"], true);
    assert!(outcomes(&report).iter().all(|line| !line.contains("foreign")), "{report:#}");
    assert_eq!(b.json(&["rollback", "--dry-run"])["to"]["id"], good);
    remove(&b, BREAK);
    let guarded = b.json_exits(1, &["guard"]);
    assert_eq!((&guarded["outcome"], &guarded["went_back_to"]), (&"rolled back".into(), &good));
    assert!(b.exists(BREAK));
    sound(&b);
}

#[test]
fn the_memo_has_nothing_of_another_store() {
    let a = Bench::project();
    a.ok(&["eval"]);
    let file = export(&a, "bundle", &["main"]);
    let (b, ..) = receiver(&file, false);
    assert_eq!(b.json(&["eval", "@"])["evaluation"]["from_memo"], false);
    let (b, ..) = receiver(&file, true);
    assert_eq!(b.json(&["eval", "@"])["evaluation"]["from_memo"], true);
}

#[test]
fn what_is_taken_on_trust_goes_with_the_import() {
    let a = good_then_bad();
    let file = export(&a, "bundle", &["main"]);
    let b = Bench::project();
    let word = source(&b.json(&["import", &file, "--dry-run"]));
    b.ok(&["import", &file, "--trust", &word]);
    let good = a.json(&["show", "main~1"])["id"].as_str().unwrap().to_owned();
    assert_eq!(b.json(&["show", &good])["verdict"]["word"], "good");
    b.ok(&["undo"]);
    assert_eq!(b.json(&["show", &good])["verdict"]["word"], "unknown");
    b.ok(&["redo"]);
    assert_eq!(b.json(&["show", &good])["verdict"]["word"], "good");
    // First seen as foreign, then trusted: it is not foreign any more, until that is taken back.
    let b = Bench::project();
    b.ok(&["import", &file]);
    let foreign =
        |b: &Bench| b.json(&["show", &good])["foreign"].as_array().map_or(0, |found| found.len());
    assert_eq!(foreign(&b), 1);
    let report = b.json(&["import", &file, "--trust", &word[word.len() - 8..]]);
    assert_eq!(report["trusted"], true);
    assert_eq!(b.json(&["show", &good])["verdict"]["word"], "good");
    assert_eq!(foreign(&b), 0);
    b.ok(&["undo"]);
    assert_eq!(b.json(&["show", &good])["verdict"]["word"], "unknown");
    assert_eq!(foreign(&b), 1);
    b.ok(&["redo"]);
    assert_eq!(foreign(&b), 0);
    assert_eq!(newest(&b)["verb"], "redo");
    let report = b.json(&["import", &file, "--trust", &word]);
    assert!(report["operation"].is_null(), "{report:#}");
}

#[test]
fn a_newer_verdict_of_the_same_source_takes_the_place_of_the_older_one() {
    let a = Bench::project();
    a.ok(&["eval"]);
    let older = export(&a, "older", &["main"]);
    a.ok(&["eval", "--again"]);
    let newer = export(&a, "newer", &["main"]);
    let b = Bench::project();
    b.ok(&["import", &older]);
    let report = b.json(&["import", &newer]);
    let lines = outcomes(&report);
    assert!(lines.iter().any(|line| line.contains("verdict") && line.contains("moved forward")));
    let report = b.json(&["import", &older]);
    assert!(outcomes(&report).iter().all(|line| line.contains("there already")), "{report:#}");
    assert!(report["operation"].is_null());
}

/// An experiment with two approaches, of which `fast` is the best.
fn with_experiment(value: &str) -> Bench {
    let bench = Bench::project();
    bench.ok(&["try", &format!("fast=echo {value} > value.txt"), "slow=echo 20 > value.txt"]);
    bench
}

#[test]
fn nothing_is_chosen_from_an_experiment_of_another_store() {
    let a = with_experiment("5");
    let file = export(&a, "e1", &["e1", "main"]);
    let (b, word, report) = receiver(&file, false);
    assert!(outcomes(&report).contains(&"experiment e1: new (foreign)".to_owned()), "{report:#}");
    let ranked = b.json(&["rank", "e1"]);
    assert_eq!(ranked["foreign"], word.as_str());
    assert_eq!(ranked["rows"][0]["approach"], "fast");
    assert!(b.ok(&["rank", "e1"]).contains(&format!("found in {word}")));
    assert_eq!(b.json(&["rank", &format!("{word}/e1")])["foreign"], word.as_str());
    assert!(b.ok(&["experiments"]).contains(&format!("foreign: {word}")));
    b.ok(&["experiment", "show", "e1"]);
    for arguments in
        [&["select", "e1"][..], &["merge", "--selected", "e1"], &["try", "--resume", "e1"]]
    {
        let said = b.complains(2, arguments);
        assert!(said.contains("--trust"), "{arguments:?}: {said}");
    }
    // The last experiment is never one of another store.
    b.complains(4, &["select"]);
    sound(&b);

    let listed = |b: &Bench| b.json(&["experiments"])["experiments"].as_array().unwrap().len();
    assert_eq!(listed(&b), 1);
    b.ok(&["import", &file, "--trust", &word]);
    assert_eq!(listed(&b), 1, "not once more as foreign");

    let (b, ..) = receiver(&file, true);
    assert_eq!(b.json(&["select", "e1"])["selected"], "fast");
    b.ok(&["merge", "--selected", "e1"]);
    assert_eq!(b.read("value.txt"), "5\n");
    sound(&b);
}

#[test]
fn two_experiments_of_one_name_stand_side_by_side() {
    let (a, b) = (with_experiment("5"), with_experiment("6"));
    let file = export(&a, "e1", &["e1"]);
    let report = b.json(&["import", &file]);
    let word = source(&report);
    let lines = outcomes(&report);
    assert!(lines.contains(&format!("branch e1/fast: kept beside as e1+{word}/fast")), "{lines:?}");
    assert!(lines.contains(&"experiment e1: new (foreign)".to_owned()), "{lines:?}");
    let own = b.json(&["rank", "e1"]);
    assert!(own["foreign"].is_null());
    assert_eq!(own["rows"][0]["branch"], "e1/fast");
    let theirs = b.json(&["rank", &format!("{word}/e1")]);
    assert_eq!(theirs["rows"][0]["branch"], format!("e1+{word}/fast"));
    assert_eq!(b.json(&["select"])["branch"], "e1/fast");
    b.ok(&["undo"]);
    b.ok(&["undo"]);
    let report = b.json(&["import", &file, "--trust", &word]);
    let lines = outcomes(&report);
    assert!(lines.contains(&format!("experiment e1: kept beside as e1+{word}")), "{lines:?}");
    let name = format!("e1+{word}");
    assert_eq!(b.json(&["select", &name])["branch"], format!("{name}/fast"));
    assert_eq!(b.json(&["rank", "e1"])["rows"][0]["branch"], "e1/fast");
    let report = b.json(&["import", &file, "--trust", &word]);
    let again = outcomes(&report);
    assert!(again.iter().any(|line| line.contains("experiment")), "{again:?}");
    sound(&b);
}

#[test]
fn foreign_findings_do_not_travel_on() {
    let a = good_then_bad();
    let (b, ..) = receiver(&export(&a, "first", &[]), false);
    let on = b.json(&["export", "-o", &super::to(&b, "on"), "@"]);
    assert_eq!((on["verdicts"].as_u64(), on["evaluations"].as_u64()), (Some(0), Some(0)));
}
