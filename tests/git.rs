//! Views of workspaces in git repositories of every form: git works in the view, and nothing that
//! it does there reaches the user's repository (trap 33) or the store (trap 32).
#![allow(clippy::unwrap_used, reason = "a helper of tests is a test")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Bench, text};

/// Git with an identity and nothing of the machine's configuration.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(folder).args(arguments);
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    for (name, value) in [("NAME", "tester"), ("EMAIL", "tester@example.org")] {
        command.env(format!("GIT_AUTHOR_{name}"), value);
        command.env(format!("GIT_COMMITTER_{name}"), value);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn repository(folder: &Path) {
    fs::create_dir_all(folder.join("sub")).unwrap();
    fs::write(folder.join("a.txt"), "a\n").unwrap();
    fs::write(folder.join("sub/b.txt"), "b\n").unwrap();
    git(folder, &["init", "-q", "-b", "main"]);
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-qm", "first"]);
}

/// Each form of a workspace in git: its name, its folder, and the git folder whose references must
/// not move.
fn forms(bench: &Bench) -> Vec<(&'static str, PathBuf)> {
    let outside = |name: &str| bench.outside(name);
    let plain = outside("plain");
    repository(&plain);
    let main = outside("main-tree");
    repository(&main);
    git(&main, &["worktree", "add", "-q", "-b", "side", "../linked"]);
    let inner = outside("inner");
    repository(&inner);
    let outer = outside("outer");
    repository(&outer);
    let url = inner.to_str().unwrap();
    git(&outer, &["-c", "protocol.file.allow=always", "submodule", "add", "-q", url, "module"]);
    git(&outer, &["commit", "-qm", "module"]);
    let folder = outside("folder");
    repository(&folder);
    let separate = outside("separate");
    fs::create_dir(&separate).unwrap();
    let elsewhere = format!("--separate-git-dir={}", outside("elsewhere").display());
    git(&separate, &["init", "-q", "-b", "main", &elsewhere]);
    fs::write(separate.join("a.txt"), "a\n").unwrap();
    git(&separate, &["add", "-A"]);
    git(&separate, &["commit", "-qm", "first"]);
    vec![
        ("plain", plain),
        ("linked worktree", outside("linked")),
        ("submodule", outer.join("module")),
        ("subfolder", folder.join("sub")),
        ("separate git folder", separate),
    ]
}

#[test]
fn trap_33_a_commit_in_a_view_moves_nothing_outside() {
    let bench = Bench::empty();
    for (form, folder) in forms(&bench) {
        let run = |code: i32, arguments: &[&str]| {
            let mut command = bench.command_in(&folder, arguments);
            for (name, value) in [("NAME", "agent"), ("EMAIL", "agent@example.org")] {
                command.env(format!("GIT_AUTHOR_{name}"), value);
                command.env(format!("GIT_COMMITTER_{name}"), value);
            }
            let output = command.output().unwrap();
            let (out, err) = (text(&output.stdout), text(&output.stderr));
            assert_eq!(output.status.code(), Some(code), "{form}: {arguments:?}\n{out}\n{err}");
            out
        };
        run(0, &["init"]);
        run(0, &["branch", "idea"]);
        let before = git(&folder, &["for-each-ref"]) + &git(&folder, &["rev-parse", "HEAD"]);
        let script = "echo new > new.txt && git add -A && git commit -qm inside \
                      && git log --oneline | wc -l && git clean -fdxq && git status --short";
        let shown = run(0, &["exec", "idea", "--", "sh", "-c", script]);
        assert!(shown.trim_start().starts_with(|c: char| c >= '2'), "{form}: {shown}");
        let after = git(&folder, &["for-each-ref"]) + &git(&folder, &["rev-parse", "HEAD"]);
        assert_eq!(before, after, "{form}: the user's references");
        assert!(!folder.join("new.txt").exists(), "{form}: it was written in the view");
        let diff = run(0, &["diff", "main", "idea", "--names"]);
        let diff = if diff.is_empty() { run(0, &["diff", "@", "idea", "--names"]) } else { diff };
        assert!(diff.contains("new.txt"), "{form}: {diff:?}");
        run(0, &["fsck"]);
        run(0, &["status"]);
    }
}

#[test]
fn trap_32_cleaning_commands_reach_no_store() {
    let bench = Bench::empty();
    let folder = bench.outside("plain");
    repository(&folder);
    let run = |arguments: &[&str]| {
        let output = bench.command_in(&folder, arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    run(&["init"]);
    fs::write(folder.join("a.txt"), "changed\n").unwrap();
    run(&["snapshot", "-m", "kept"]);
    git(&folder, &["clean", "-fdxq"]);
    git(&folder, &["stash", "-aq"]);
    let log = run(&["log"]);
    assert!(log.contains("kept"), "{log}");
    run(&["fsck"]);
    run(&["rollback", "--to", "@"]);
}
