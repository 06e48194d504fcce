//! What can be asked of a race on the command line: approaches from a file, stopping at the first
//! error, measuring on request what failed.
#![allow(clippy::unwrap_used, reason = "a helper of tests is a test")]

mod common;

use std::io::Write;
use std::process::Stdio;

use common::{Bench, text};

const IDEAS: &str = "
[[approach]]
name = 'five'
command = '''
echo 5 > value.txt
echo done'''

[[approach]]
name = 'slow'
command = 'echo 3 > value.txt; while :; do :; done'
timeout = '300ms'
";

fn row(rows: &serde_json::Value, name: &str) -> serde_json::Value {
    let rows = rows["rows"].as_array().unwrap();
    rows.iter().find(|row| row["approach"] == name).unwrap().clone()
}

#[test]
fn approaches_come_from_a_file_and_from_the_line() {
    let bench = Bench::project();
    bench.write("below/ideas.toml", IDEAS);
    let folder = bench.root().join("below");
    let arguments = ["--json", "try", "--file", "ideas.toml", "six=echo 6 > value.txt"];
    let output = bench.command_in(&folder, &arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<_> =
        report["approaches"].as_array().unwrap().iter().map(|a| &a["name"]).collect();
    assert_eq!(names, ["five", "slow", "six"]);
    assert_eq!(report["ranking"]["winner"], "five");
    assert_eq!(row(&report["ranking"], "slow")["state"], "timed out");
    let shown = bench.json(&["experiment", "show", "e1"]);
    assert_eq!(shown["commands"][0]["command"], "echo 5 > value.txt\necho done");
}

#[test]
fn a_file_of_approaches_may_come_on_standard_input_and_say_where_all_start() {
    let bench = Bench::project();
    bench.ok(&["tag", "first"]);
    bench.write("value.txt", "20\n");
    bench.ok(&["snapshot"]);
    let mut command = bench.command(&["--json", "try", "--file", "-", "--no-eval"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let ideas = "from = 'first'\n[[approach]]\nname = 'seen'\ncommand = 'cp value.txt seen.txt'\n";
    child.stdin.take().unwrap().write_all(ideas.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(bench.ok(&["diff", "first", "e1/seen"]).contains("+10"));
}

#[test]
fn a_file_of_approaches_with_a_fault_is_refused_with_its_place() {
    let bench = Bench::project();
    let refused = |content: &str, more: &[&str]| {
        bench.write("ideas.toml", content);
        let arguments = [&["try", "--file", "ideas.toml"], more].concat();
        bench.complains(2, &arguments)
    };
    let said = refused(&IDEAS.replace("timeout =", "tiemout ="), &[]);
    assert!(said.contains("could not read ideas.toml: line 11, column 1: `tiemout`"), "{said}");
    assert!(said.contains("did you mean `timeout`?"), "{said}");
    let said = refused(&IDEAS.replace("slow", "five"), &[]);
    assert!(said.contains("line 9, column 8: an approach `five` stands above"), "{said}");
    let said = refused(IDEAS, &["slow=true"]);
    assert!(said.contains("`slow` is given twice"), "{said}");
    bench.complains(2, &["try", "--resume", "e1", "--file", "ideas.toml"]);
    bench.complains(4, &["try", "--file", "nothing.toml"]);
    std::fs::write(bench.root().join("ideas.toml"), b"\xff").unwrap();
    assert!(bench.complains(2, &["try", "--file", "ideas.toml"]).contains("not UTF-8"));
    bench.exits(4, &["rank"]);
}

#[test]
fn a_race_stops_at_the_first_error_when_asked_and_goes_on_with_the_others() {
    let bench = Bench::project();
    let (alive, go) = (bench.outside("alive"), bench.outside("go"));
    let bad =
        format!("bad=until test -e {}; do :; done; echo 1 > bad.txt; exit 3", alive.display());
    let stuck = format!(
        "stuck=echo 4 > value.txt; until test -e {}; do touch {}; done; echo 5 > value.txt",
        go.display(),
        alive.display()
    );
    let later = "later=echo 6 > value.txt";
    let race = ["try", &bad, &stuck, later, "--jobs", "2", "--stop-on-error"];
    let report = bench.json_exits(1, &race);
    assert_eq!((&report["stopped_by"], &report["interrupted"]), (&"bad".into(), &false.into()));
    let state = |report: &serde_json::Value, at: usize| report["approaches"][at]["state"].clone();
    let states = [0, 1, 2].map(|at| state(&report, at));
    assert_eq!(states, ["exit 3", "interrupted", "waiting"]);
    std::fs::remove_file(&alive).unwrap();
    assert!(!alive.exists(), "nothing of it runs any more");
    assert!(bench.ok(&["diff", "main", "e1/stuck"]).contains("+4"), "its work is kept");
    assert!(bench.ok(&["diff", "main", "e1/bad", "--names"]).contains("bad.txt"));
    std::fs::write(go, "").unwrap();
    let resumed = bench.json(&["try", "--resume", "e1", "--stop-on-error"]);
    let states = [0, 1, 2].map(|at| state(&resumed, at));
    assert_eq!(states, ["exit 3", "done", "done"], "one that failed is not started again");
    assert_eq!(resumed["ranking"]["winner"], "stuck");
    assert_eq!(resumed["stopped_by"], serde_json::Value::Null);
    let page = bench.exits(1, &["try", "no=exit 4", "--stop-on-error"]);
    assert!(page.contains("stopped, because no failed (exit 4)"), "{page}");
}

#[test]
fn a_race_goes_on_past_an_error_unless_asked() {
    let bench = Bench::project();
    for arguments in [&["--keep-going"][..], &[]] {
        let race = [&["try", "bad=exit 3", "late=echo 6 > value.txt", "--jobs", "1"], arguments];
        let report = bench.json(&race.concat());
        assert_eq!(report["approaches"][1]["state"], "done");
        assert_eq!(report["ranking"]["winner"], "late");
    }
    // That nothing can be chosen is said by those who are asked.
    bench.ok(&["try", "bad=exit 3"]);
    bench.exits(1, &["rank"]);
    bench.exits(1, &["select"]);
    bench.exits(2, &["try", "a=true", "--keep-going", "--stop-on-error"]);
}

#[test]
fn what_a_failed_command_left_is_evaluated_on_request_and_ranked() {
    let bench = Bench::project();
    let race = ["try", "good=echo 6 > value.txt", "odd=echo 5 > value.txt; exit 3", "same=exit 4"];
    let table = bench.json(&race)["ranking"].clone();
    assert_eq!(table["winner"], "good");
    assert_eq!(row(&table, "odd")["verdict"]["word"], "unknown");
    assert_eq!(bench.json(&["eval", "e1/odd"])["experiment"], "e1");
    let table = bench.json(&["rank", "e1"]);
    let odd = row(&table, "odd");
    assert_eq!((&odd["state"], &odd["verdict"]["word"]), (&"exit 3".into(), &"good".into()));
    assert_eq!(table["winner"], "odd", "it is a candidate like any other");
    let page = bench.ok(&["rank", "e1"]);
    assert!(page.contains("its command failed (exit 3)"), "but it is said: {page}");
    // By its id, and what changed nothing by its branch.
    assert_eq!(bench.json(&["eval", odd["candidate"].as_str().unwrap()])["experiment"], "e1");
    assert_eq!(bench.json(&["eval", "same"])["experiment"], "e1");
    assert_eq!(row(&bench.json(&["rank", "e1"]), "same")["verdict"]["word"], "good");
    assert_eq!(bench.json(&["eval"])["experiment"], serde_json::Value::Null);
    let at_once = bench.json(&["try", "odd=echo 5 > value.txt; exit 3", "--eval-failed"]);
    assert_eq!(at_once["ranking"]["winner"], "odd");
    bench.ok(&["select"]);
    bench.ok(&["merge", "--selected"]);
    assert_eq!(bench.read("value.txt"), "5\n");
}

#[test]
fn a_race_that_evaluated_nothing_takes_what_is_found_later() {
    let bench = Bench::project();
    bench.ok(&["try", "five=echo 5 > value.txt", "six=echo 6 > value.txt", "--no-eval"]);
    assert_eq!(bench.json(&["eval", "e1/six"])["experiment"], "e1");
    let table = bench.json(&["rank", "e1"]);
    assert_eq!(table["winner"], "six");
    assert_eq!(row(&table, "six")["metrics"][0]["ratio"], 0.6, "compared with the base");
    assert_eq!(bench.json(&["try", "--resume", "e1"])["ranking"]["winner"], "five");
    bench.ok(&["try", "seven=echo 7 > value.txt", "--no-eval"]);
    let resumed = bench.json(&["try", "--resume", "e2"]);
    assert_eq!(row(&resumed["ranking"], "seven")["metrics"][0]["ratio"], 0.7);
    // Other stages measure something else.
    let config = bench.read("exp.toml");
    bench.write("exp.toml", &config.replace("cat value.txt", "expr 1 + $(cat value.txt)"));
    let output = bench.run(&["eval", "e1/six"]);
    let said = text(&output.stderr);
    assert!(said.contains("e1 was measured with other stages"), "{said}");
    assert_eq!(row(&bench.json(&["rank", "e1"]), "six")["metrics"][0]["value"], 6.0);
}

#[test]
fn the_table_says_what_became_of_each_approach_and_what_was_measured() {
    let bench = Bench::project();
    let race = [
        "try",
        "five=echo 5 > value.txt",
        "same=true",
        "broken=echo 1 > x.txt; exit 7",
        "gone=no-such-program",
        "worse=sed -i s/ok/bad/ tests.txt",
    ];
    bench.ok(&race);
    let page = bench.ok(&["rank"]);
    let lines: Vec<_> = page.lines().map(|l| l.split_whitespace().collect::<Vec<_>>()).collect();
    let line = |name: &str| lines.iter().find(|l| l.get(1) == Some(&name)).unwrap().join(" ");
    assert!(line("five").starts_with("1. five good 0/4 5 points (-50 %) 1 5 B "), "{page}");
    assert!(line("same").starts_with("2. same good 0/4 10 points (±0 %) 0 0 B "), "{page}");
    assert!(line("broken").starts_with("- broken exit 7 - - 1 2 B "), "{page}");
    assert!(line("gone").starts_with("- gone did not run - - - - "), "{page}");
    assert!(line("worse").starts_with("- worse bad 4/4"), "{page}");
    assert!(lines.iter().any(|line| line.join(" ") == "(base) 0/4 10 points"), "{page}");
    assert!(page.contains("it changes nothing"), "{page}");
    assert!(page.contains("`exp eval e1/broken` does it"), "{page}");
    assert!(page.ends_with("Best: five, of 2 that can be chosen\n"), "{page}");
    let twins = ["try", "a=echo 5 > value.txt", "b=echo 5 > value.txt; echo more > more.txt"];
    bench.ok(&twins);
    let page = bench.ok(&["rank"]);
    assert!(page.contains("Best: a, tied with b:"), "{page}");
    bench.ok(&["try", "none=exit 1"]);
    assert!(bench.exits(1, &["rank"]).ends_with("Nothing is feasible.\n"));
    let page = bench.ok(&["compare", "main", "e1/broken"]);
    assert!(page.contains("e1/broken not evaluated"), "{page}");
}

#[test]
fn a_race_is_undone_whole_after_something_was_evaluated_on_request() {
    let bench = Bench::project();
    bench.ok(&["try", "odd=echo 5 > value.txt; exit 3"]);
    bench.ok(&["eval", "e1/odd"]);
    bench.ok(&["undo"]);
    bench.exits(4, &["rank", "e1"]);
    bench.ok(&["redo"]);
    assert_eq!(bench.json(&["rank", "e1"])["winner"], "odd");
}

#[test]
fn a_race_that_somebody_measures_and_selects_from_meanwhile_goes_on() {
    let bench = Bench::project();
    let go = bench.outside("go");
    let slow =
        format!("slow=until test -e {}; do sleep 0.02; done; echo 6 > value.txt", go.display());
    let mut race = bench.command(&["try", "odd=echo 5 > value.txt; exit 3", &slow, "--jobs", "2"]);
    let mut race = race.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let has_ended = || {
        let listed = bench.run(&["experiments", "--json"]);
        let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap_or_default();
        listed["experiments"][0]["finished"] == 1
    };
    assert!((0..2_000).any(|_| has_ended()), "it never came so far: {:?}", race.try_wait());
    bench.ok(&["eval", "e1/odd"]);
    assert_eq!(bench.json(&["select", "e1"])["selected"], "odd");
    std::fs::write(go, "").unwrap();
    assert_eq!(race.wait().unwrap().code(), Some(0));
    let table = bench.json(&["rank", "e1"]);
    assert_eq!((&table["winner"], &table["selected"]), (&"odd".into(), &"odd".into()));
    assert_eq!(row(&table, "slow")["verdict"]["word"], "good");
}
