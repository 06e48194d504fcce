//! What went wrong in other tools of this kind, and must not here: each test names the trap by its
//! number.

#![allow(clippy::unwrap_used, reason = "what is not as it must be ends the test")]

mod common;

#[path = "traps/measuring.rs"]
mod measuring;
#[path = "traps/tools.rs"]
mod tools;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use common::state::{Files, State, array, files, word};
use common::{Bench, text};
use serde_json::Value;

/// The backends that work here: `copy` does everywhere.
fn backends(bench: &Bench) -> Vec<&'static str> {
    let checks = array(&bench.json(&["doctor"])["checks"]);
    let overlay = checks.iter().any(|c| c["what"] == "overlay" && c["well"] == true);
    if overlay { vec!["overlay", "copy"] } else { vec!["copy"] }
}

trait Any {
    fn json_exits_any(&self, arguments: &[&str]) -> Value;
}

impl Any for Bench {
    /// The JSON of a command that may say yes or no.
    fn json_exits_any(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["--json"], arguments].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"))
    }
}

/// 1: ignored files survive every verb that changes files; so do secrets, which are never
/// captured, and untracked files come back.
#[test]
fn trap_01_ignored_files_survive() {
    let bench = Bench::project();
    bench.write(".gitignore", "node_modules/\n*.log\n");
    bench.ok(&["snapshot", "-m", "ignore"]);
    bench.ok(&["branch", "idea"]);
    bench.ok(&["exec", "idea", "--", "sh", "-c", "echo 5 > value.txt; mkdir d; echo d > d/d"]);
    bench.ok(&["tag", "start"]);
    let precious = [".env", "node_modules/a/index.js", "run.log", "deep/er/x.log"];
    for path in precious {
        bench.write(path, path);
    }
    bench.write("untracked.txt", "not recorded yet\n");
    let survive = |after: &str| {
        for path in precious {
            assert_eq!(bench.read(path), path, "after {after}");
        }
    };
    bench.ok(&["switch", "idea"]);
    survive("switch");
    assert!(!bench.exists("untracked.txt"));
    bench.ok(&["undo"]);
    survive("undo");
    assert_eq!(bench.read("untracked.txt"), "not recorded yet\n");
    bench.ok(&["rollback", "--to", "start"]);
    survive("rollback");
    bench.ok(&["undo"]);
    bench.ok(&["merge", "idea"]);
    survive("merge");
    assert_eq!(bench.read("untracked.txt"), "not recorded yet\n");
    bench.ok(&["eval"]);
    bench.write("value.txt", "not a number\n");
    fs::remove_file(bench.root().join("build.sh")).unwrap();
    bench.exits(1, &["guard"]);
    survive("guard");
}

/// 1: a file that is ignored here and recorded there is never overwritten: it was not stored.
#[test]
fn trap_01_an_ignored_file_is_not_overwritten() {
    let bench = Bench::project();
    bench.ok(&["branch", "idea"]);
    bench.ok(&["exec", "idea", "--", "sh", "-c", "echo theirs > local.txt"]);
    bench.write(".gitignore", "local.txt\n");
    bench.write("local.txt", "mine, nowhere else\n");
    for verb in [&["switch", "idea"] as &[&str], &["merge", "idea", "--no-eval"]] {
        let said = bench.complains(3, verb);
        assert!(said.contains("local.txt") && said.contains("in the way"), "{verb:?}: {said}");
        assert_eq!(bench.read("local.txt"), "mine, nowhere else\n", "{verb:?}");
    }
}

/// 2: edits that were not captured take part in a merge, or make it a conflict; they are never
/// overwritten.
#[test]
fn trap_02_a_merge_knows_edits_that_were_not_captured() {
    let bench = Bench::project();
    bench.ok(&["branch", "idea"]);
    bench.ok(&["exec", "idea", "--", "sh", "-c", "echo 5 > value.txt"]);
    bench.write("notes.txt", "mine\n");
    let merged = bench.json(&["merge", "idea"]);
    assert!(merged["captured"].is_string(), "{merged:#}");
    assert_eq!((bench.read("value.txt"), bench.read("notes.txt")), ("5\n".into(), "mine\n".into()));
    bench.ok(&["exec", "idea", "--", "sh", "-c", "echo 4 > value.txt"]);
    bench.write("value.txt", "6\n");
    let said = bench.json_exits(3, &["merge", "idea"]);
    assert_eq!(said["outcome"], "conflicts", "{said:#}");
    assert_eq!(bench.read("value.txt"), "6\n");
}

/// 5: every restore can itself be taken back, twice over.
#[test]
fn trap_05_a_restore_can_be_undone() {
    let bench = Bench::project();
    bench.ok(&["tag", "start"]);
    bench.write("value.txt", "1\n");
    bench.write("only-here.txt", "never captured\n");
    let before = State::of(&bench).files;
    bench.ok(&["rollback", "--to", "start"]);
    assert!(!bench.exists("only-here.txt"));
    bench.ok(&["undo"]);
    assert_eq!(State::of(&bench).files, before);
    bench.ok(&["redo"]);
    bench.ok(&["undo"]);
    assert_eq!(State::of(&bench).files, before);
}

/// 7: modes, links (also dangling, and out of the tree), empty files and folders' names, names
/// that are not UTF-8 and very long ones, through switch and back.
#[test]
fn trap_07_every_sort_of_file_survives() {
    let bench = Bench::project();
    let root = bench.root();
    let outside = bench.outside("outside.txt");
    fs::write(&outside, "not ours\n").unwrap();
    bench.ok(&["branch", "plain"]);
    bench.write("tool", "#!/bin/sh\n");
    fs::set_permissions(root.join("tool"), fs::Permissions::from_mode(0o755)).unwrap();
    bench.write("empty", "");
    bench.write(&"n".repeat(255), "long name\n");
    bench.write(&format!("{0}/{0}/{0}/deep", "d".repeat(200)), "long path\n");
    fs::write(root.join(OsStr::from_bytes(b"caf\xe9 \xff\n.txt")), "latin\n").unwrap();
    symlink("value.txt", root.join("link")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    symlink(&outside, root.join("out")).unwrap();
    symlink("..", root.join("up")).unwrap();
    bench.ok(&["snapshot"]);
    let before = files(&root);
    bench.ok(&["switch", "plain"]);
    assert!(!bench.exists("tool") && root.join("up").symlink_metadata().is_err());
    bench.ok(&["switch", "main"]);
    assert_eq!(files(&root), before);
    assert_eq!(fs::read_to_string(&outside).unwrap(), "not ours\n");
    for backend in backends(&bench) {
        let same = "test -x tool && test -L out && test -L dangling && test -f empty && \
                    test \"$(cat link)\" = 10 && echo changed > tool";
        bench.ok(&["branch", backend]);
        bench.ok(&["exec", backend, "--backend", backend, "--", "sh", "-c", same]);
        bench.ok(&["switch", backend]);
        let mut expected: Files = before.clone();
        expected.insert(b"tool".to_vec(), (0o755, b"changed\n".to_vec()));
        assert_eq!(files(&root), expected, "{backend}");
        bench.ok(&["switch", "main"]);
    }
}

/// 11: a switch that is killed at some moment leaves what the next command puts right: the files
/// are those of one side or the other, never of both.
#[test]
fn trap_11_a_killed_switch_is_put_right() {
    let bench = Bench::project();
    for number in 0..400 {
        bench.write(&format!("d{}/f{number}.txt", number % 20), &format!("here {number}\n"));
    }
    bench.ok(&["snapshot"]);
    bench.ok(&["branch", "idea"]);
    let change = "for f in d*/f*.txt; do echo there > $f; done; rm -r d7; mkdir n; echo n > n/n";
    bench.ok(&["exec", "idea", "--", "sh", "-c", change]);
    let here = State::of(&bench);
    bench.ok(&["switch", "idea"]);
    let there = State::of(&bench);
    bench.ok(&["switch", "main"]);
    let intents = || {
        let listed = fs::read_dir(bench.root().join(".exp/intents")).unwrap();
        let whole = |path: &std::path::PathBuf| path.extension() != Some(OsStr::new("tmp"));
        listed.map(|entry| entry.unwrap().path()).filter(whole).count()
    };
    let mut cut_short = 0;
    for round in 0..12 {
        let mut command = bench.command(&["switch", "idea"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Wait for the moment at which the intent is written, then some changes more.
        while child.try_wait().unwrap().is_none() && intents() == 0 {}
        let path = bench.root().join(format!("d{round}/f{round}.txt"));
        let old = fs::read(&path).ok();
        while round % 3 > 0 && child.try_wait().unwrap().is_none() && fs::read(&path).ok() == old {}
        let _ = child.kill();
        let ended = child.wait().unwrap();
        let began = intents() > 0;
        cut_short += usize::from(ended.signal() == Some(9) && began);
        let now = State::of(&bench);
        assert!(now == here || now == there, "round {round}: a mixture of both sides");
        assert_eq!(intents(), 0, "round {round}");
        assert_eq!(array(&bench.json(&["status"])["changes"]).len(), 0, "round {round}");
        bench.ok(&["switch", "main"]);
        assert_eq!(State::of(&bench), here);
    }
    assert!(cut_short > 0, "no switch was cut short");
    assert_eq!(array(&bench.json(&["fsck"])["problems"]).len(), 0);
}

/// 12: eight at once: each verb is done, or says that somebody is at it; no name is lost.
#[test]
fn trap_12_eight_at_once_lose_no_name() {
    let bench = Bench::project();
    let verbs = |number: usize| -> Vec<Vec<String>> {
        let own =
            |words: &[&str]| words.iter().map(|w| w.replace('#', &number.to_string())).collect();
        vec![
            own(&["tag", "tag-#"]),
            own(&["branch", "branch-#"]),
            own(&["exec", "branch-#", "--", "sh", "-c", "echo # > made-#.txt"]),
            own(&["snapshot", "-m", "of #", "--tag", "snap-#"]),
        ]
    };
    let done: Vec<Vec<(String, i32, String)>> = std::thread::scope(|scope| {
        let agent = |number: usize| {
            let bench = &bench;
            scope.spawn(move || {
                let mut said = Vec::new();
                for verb in verbs(number) {
                    let words: Vec<_> = verb.iter().map(String::as_str).collect();
                    let mut command = bench.command(&words);
                    let output = command.env("EXP_SESSION", format!("s{number}")).output().unwrap();
                    let code = output.status.code().unwrap();
                    said.push((verb.join(" "), code, text(&output.stderr)));
                }
                said
            })
        };
        let agents: Vec<_> = (0..8).map(agent).collect();
        agents.into_iter().map(|agent| agent.join().unwrap()).collect()
    });
    let state = State::of(&bench);
    for (number, said) in done.iter().enumerate() {
        for (verb, code, error) in said {
            let clear = match code {
                0 => true,
                // `exec` gives 125 for whatever is its own.
                3 => error.contains("was moved by"),
                5 | 125 => error.contains("in use by") || error.contains("was moved by"),
                _ => false,
            };
            assert!(clear, "{verb}: {code} {error}");
        }
        let there = |name: String| state.names.contains_key(&name);
        assert!(said[0].1 != 0 || there(format!("tag tag-{number}")), "{said:?}");
        assert!(said[1].1 != 0 || there(format!("branch branch-{number}")), "{said:?}");
        assert!(said[3].1 != 0 || there(format!("tag snap-{number}")), "{said:?}");
        if said[2].1 == 0 {
            let diff = bench.ok(&["diff", "main~1", &format!("branch-{number}"), "--names"]);
            assert!(diff.contains(&format!("made-{number}.txt")), "{diff}");
        }
    }
    assert!(done.iter().flatten().filter(|(_, code, _)| *code == 0).count() >= 16, "{done:?}");
    let summary = |op: &Value| word(&op["summary"]);
    let log = array(&bench.json(&["op", "log", "-n", "1000"])["operations"]);
    let tags = log.iter().filter(|op| summary(op).contains("as tag-")).count();
    assert_eq!(tags, done.iter().filter(|said| said[0].1 == 0).count());
    assert_eq!(array(&bench.json(&["fsck"])["problems"]).len(), 0);
}
