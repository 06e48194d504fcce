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
