//! The real command on a damaged store: what a user would see.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::common::bare;
use super::subject::Copy;

/// Far more than any of them takes.
const LIMIT: Duration = Duration::from_secs(60);

/// Reading ones, then writing ones.
const VERBS: [&[&str]; 14] = [
    &["fsck"],
    &["log", "--all"],
    &["show", "@"],
    &["status"],
    &["diff"],
    &["state", "get"],
    &["op", "log"],
    &["stats"],
    &["snapshot", "-m", "more"],
    &["branch", "more"],
    &["state", "put", "--set", "/more=1"],
    &["undo"],
    &["rollback", "--to", "main"],
    &["fsck"],
];

/// Runs all verbs where this file was damaged; what is wrong with how they end.
pub fn faults_of_commands(copy: &Copy, file: &Path) -> Vec<String> {
    std::fs::write(copy.root().join("more.txt"), "more\n").expect("a file");
    VERBS.iter().filter_map(|words| fault_of(copy, file, words)).collect()
}

fn fault_of(copy: &Copy, file: &Path, words: &[&str]) -> Option<String> {
    let home = copy.root().parent().expect("a parent").to_owned();
    let mut command = Command::new(env!("CARGO_BIN_EXE_exp"));
    command.args(words).current_dir(copy.root());
    bare(&mut command);
    command.env("HOME", home.join("home")).env("XDG_STATE_HOME", home.join("state"));
    command.env("EXP_SESSION", "one").env("USER", "tester");
    let said = home.join("said");
    let (out, err) = (Stdio::null(), std::fs::File::create(&said).expect("a file"));
    let mut child =
        command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().expect("it can be started");
    let begun = Instant::now();
    let status = loop {
        match child.try_wait().expect("it is ours") {
            Some(status) => break status,
            None if begun.elapsed() > LIMIT => {
                let _ = child.kill();
                let _ = child.wait();
                return Some(format!("{words:?} does not end"));
            }
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    // Done; nothing there, where a damage took a name; corrupt; or the answer of a verb whose
    // damage was in what it did not need.
    match status.code() {
        Some(0 | 3 | 4 | 6) => None,
        // Settings that are not understood refuse to write, like any mistake in them.
        Some(2) if file == Path::new("config.toml") => None,
        code => {
            let said = std::fs::read_to_string(said).unwrap_or_default();
            Some(format!("{words:?} ends with {code:?}: {said:.400}"))
        }
    }
}
