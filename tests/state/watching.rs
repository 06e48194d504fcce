//! A file that is watched: put when it changed, until Ctrl-C, `--stop` or a kill.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStderr, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::common::state::array;
use super::common::{Bench, text};
use super::{compact, put, workspace};

/// A watcher in another process, and what it tells.
struct Watcher {
    child: Child,
    said: Lines<BufReader<ChildStderr>>,
}

impl Watcher {
    fn start(bench: &Bench, flags: &[&str]) -> Self {
        let arguments = [&["--json", "state", "watch", "live.json"], flags].concat();
        let mut command = bench.command(&arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut watcher = Self { child, said };
        watcher.until("Watching");
        watcher
    }

    /// Waits until it says something with that in it.
    fn until(&mut self, part: &str) -> String {
        loop {
            let line = self.said.next().expect("the watcher goes on").unwrap();
            if line.contains(part) {
                return line;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end and gives its summary; none when it was killed.
    fn end(mut self) -> Option<Value> {
        let mut out = String::new();
        std::io::Read::read_to_string(&mut self.child.stdout.take().unwrap(), &mut out).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.code().is_none_or(|code| code == 0), "{status} {out}");
        serde_json::from_str(&out).ok()
    }
}

/// Replaces the file as careful programs do: written beside it and renamed.
fn replace(bench: &Bench, value: &str) {
    bench.write("live.tmp", value);
    std::fs::rename(bench.root().join("live.tmp"), bench.root().join("live.json")).unwrap();
}

#[test]
fn what_changes_is_put_and_ctrl_c_puts_what_stands_there_last() {
    let bench = workspace();
    replace(&bench, r#"{"n":1}"#);
    let mut watcher = Watcher::start(&bench, &["--every", "100ms"]);
    watcher.until("saved");
    replace(&bench, r#"{"n":2}"#);
    watcher.until("saved");
    // Half written: said, passed over, tried again.
    replace(&bench, r#"{"n":"#);
    let said = watcher.until("not put");
    assert!(said.contains("live.json") && said.contains("line 1"), "{said}");
    replace(&bench, r#"{"n":3}"#);
    watcher.until("saved");
    replace(&bench, r#"{"n":4}"#);
    watcher.signal(Signal::INT);
    let summary = watcher.end().expect("a summary");
    assert_eq!((&summary["session"], &summary["passed"]), (&json!("one"), &json!(1)));
    assert_eq!(summary["newest"], bench.json(&["state", "get"])["state"]["id"]);
    assert_eq!(compact(&bench, &[]), r#"{"n":4}"#);
    let log = bench.json(&["state", "log"]);
    assert!(array(&log["entries"]).iter().all(|entry| entry["what"] == "automatic"), "{log:#}");
}

/// In an interval that does not end there is one state: the first, at once.
#[test]
fn at_most_one_state_an_interval() {
    let bench = workspace();
    replace(&bench, r#"{"n":1}"#);
    let mut watcher = Watcher::start(&bench, &["--every", "1h"]);
    watcher.until("saved");
    for n in 2..6 {
        replace(&bench, &format!("{{\"n\":{n}}}"));
    }
    assert!(bench.ok(&["state", "watch", "--stop"]).contains("Ended the watch of session one"));
    let summary = watcher.end().expect("a summary");
    assert_eq!((&summary["puts"], &summary["saved"]), (&json!(2), &json!(2)));
    assert_eq!(compact(&bench, &[]), r#"{"n":5}"#);
    bench.complains(4, &["state", "watch", "--stop"]);
}

#[test]
fn a_session_is_watched_once_and_a_killed_watch_leaves_it_sound() {
    let mut bench = workspace();
    replace(&bench, r#"{"n":1}"#);
    let mut watcher = Watcher::start(&bench, &["--every", "100ms"]);
    watcher.until("saved");
    let said = bench.complains(5, &["state", "watch", "live.json"]);
    assert!(said.contains("`state watch` (process"), "{said}");
    assert!(said.contains("exp state watch --stop"), "{said}");
    // Another session has a watch of its own, and others may put meanwhile.
    bench.as_session("two", |bench| {
        let mut other = Watcher::start(bench, &[]);
        other.until("saved");
        bench.ok(&["state", "watch", "--stop"]);
        other.end().expect("a summary");
    });
    put(&bench, r#"{"n":7}"#, &[]);
    replace(&bench, r#"{"n":2}"#);
    let said = [watcher.until("saved"), watcher.until("1 entry by another process since")];
    assert!(said[0].contains("session one"), "{said:?}");
    watcher.signal(Signal::KILL);
    assert_eq!(watcher.end(), None);
    assert_eq!(compact(&bench, &[]), r#"{"n":2}"#);
    bench.ok(&["audit", "--session", "one"]);
    // The name of the dead one is no reason to wait or to end anybody.
    bench.complains(4, &["state", "watch", "--stop"]);
    let mut watcher = Watcher::start(&bench, &[]);
    watcher.until("skipped");
    watcher.signal(Signal::TERM);
    assert!(watcher.end().is_some());
}

/// The interval of `exp.toml` counts where none is given, and a file that goes is waited for.
#[test]
fn the_interval_is_configured_and_a_file_may_go_for_a_while() {
    let bench = workspace();
    bench.write("exp.toml", "[state]\ninterval = \"100ms\"\n");
    replace(&bench, r#"{"n":1}"#);
    let mut watcher = Watcher::start(&bench, &[]);
    watcher.until("saved");
    std::fs::remove_file(bench.root().join("live.json")).unwrap();
    watcher.until("not put");
    replace(&bench, r#"{"n":2}"#);
    watcher.until("saved");
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    replace(&bench, &deep);
    watcher.until("not put");
    replace(&bench, &format!("{{\"{}\":1}}", "k".repeat(70_000)));
    watcher.until("65536 bytes");
    watcher.signal(Signal::INT);
    assert_eq!(watcher.end().expect("a summary")["saved"], 2);
    let page = text(&bench.run(&["state", "log"]).stdout);
    assert!(page.contains("watched live.json"), "{page}");
}
