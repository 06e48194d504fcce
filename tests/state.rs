//! The states of an agent, from outside: what `exp state` and `exp audit` promise, through the
//! program itself.

#![allow(clippy::unwrap_used, reason = "what is not as it must be ends the test")]

mod common;

#[path = "state/bad.rs"]
mod bad;
#[path = "state/files.rs"]
mod files;
#[path = "state/killed.rs"]
mod killed;
#[path = "state/story.rs"]
mod story;
#[path = "state/together.rs"]
mod together;
#[path = "state/watching.rs"]
mod watching;

use std::io::Write;
use std::process::{Output, Stdio};

use common::Bench;
use serde_json::Value;

/// A workspace with one file, in which no state was put yet.
fn workspace() -> Bench {
    let bench = Bench::empty();
    bench.write("notes.txt", "one\n");
    bench.ok(&["init"]);
    bench
}

/// Puts a value given as text; the answer.
fn put(bench: &Bench, value: &str, flags: &[&str]) -> Value {
    let output = put_raw(bench, value, &[flags, &["--json"]].concat());
    let text = common::text(&output.stdout);
    assert!(output.status.success(), "{text}{}", common::text(&output.stderr));
    serde_json::from_str(&text).unwrap()
}

/// Puts a value from standard input; whatever comes of it.
fn put_raw(bench: &Bench, value: &str, flags: &[&str]) -> Output {
    let mut command = bench.command(&[&["state", "put", "-"], flags].concat());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(value.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// The id in an answer, as it is shown to people.
fn short(answer: &Value) -> String {
    answer["id"].as_str().unwrap()[..12].to_owned()
}

/// A state as text in one line.
fn compact(bench: &Bench, arguments: &[&str]) -> String {
    let text = bench.ok(&[&["state", "get"], arguments].concat());
    text.split_whitespace().collect()
}
