//! What is there after a kill: every state whose answer was given.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::common::Bench;
use super::common::state::array;
use super::{compact, put, workspace};

/// Starts a put of a state that comes from a pipe, kills it with its answer, and gives the answer.
fn killed_with_its_answer(bench: &Bench, value: &str, kind: &str) -> String {
    let mut command: Command = bench.command(&["state", "put", "-", "--kind", kind]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(value.as_bytes()).unwrap();
    let mut answer = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut answer).unwrap();
    let _ = child.kill();
    child.wait().unwrap();
    answer
}

#[test]
fn a_state_is_there_when_its_process_is_killed_with_the_answer() {
    let bench = workspace();
    put(&bench, r#"{"n":0}"#, &[]);
    for (n, kind) in [(1, "automatic"), (2, "manual"), (3, "recovery")] {
        let value = format!("{{\"n\":{n}}}");
        let answer = killed_with_its_answer(&bench, &value, kind);
        assert!(answer.starts_with("saved "), "{kind}: {answer}");
        assert_eq!(compact(&bench, &[]), value, "{kind}");
        assert_eq!(bench.json(&["state", "get"])["state"]["kind"], kind);
    }
    bench.ok(&["audit", "--session", "one"]);
}

/// Killed at any moment: the session is as before or as after, and whole.
#[test]
fn a_put_that_is_killed_midway_is_whole_or_not_there() {
    let bench = workspace();
    put(&bench, r#"{"n":0}"#, &[]);
    let long = "x".repeat(200_000);
    let mut states = 1;
    for n in 1..12_u64 {
        let value = format!("{{\"n\":{n},\"long\":\"{long}{n}\"}}");
        let mut command = bench.command(&["state", "put", "-", "--kind", "recovery"]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(value.as_bytes()).unwrap();
        // Later each time, so that it dies in another place.
        for _ in 0..n * 40 {
            std::thread::yield_now();
        }
        let _ = child.kill();
        child.wait().unwrap();
        let log = bench.json(&["state", "log", "-n", "100"]);
        let there = array(&log["entries"]).len();
        assert!(there == states || there == states + 1, "{there} after {states}");
        states = there;
        let state = bench.json(&["state", "get"]);
        let value = state["value"]["n"].as_u64().unwrap();
        assert!(value == n || there < n as usize + 1, "{value} of {n}");
        bench.ok(&["audit", "--session", "one"]);
    }
}
