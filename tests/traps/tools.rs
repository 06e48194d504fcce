//! Traps that need the tools around: make, cargo, git; and the first minutes of a workspace.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::common::state::{array, files, word};
use super::common::{Bench, CONFIG};
use super::measuring::{row, rows};
use super::{Any, backends};

fn git(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"]);
    command.args(arguments).current_dir(folder).env("GIT_CONFIG_NOSYSTEM", "1");
    let output = command.env("HOME", "/nonexistent").stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
    output
}

/// A project in a git repository, with one commit.
fn in_git() -> Bench {
    let bench = Bench::empty();
    let gate = "[[stage]]\nname = \"build\"\nkind = \"gate\"\nrun = \"sh build.sh\"\n";
    bench.write("exp.toml", gate);
    bench.write("build.sh", "test -f value.txt\n");
    bench.write("value.txt", "10\n");
    git(&bench.root(), &["init", "-q"]);
    git(&bench.root(), &["add", "-A"]);
    git(&bench.root(), &["commit", "-qm", "first"]);
    bench.ok(&["init"]);
    bench
}

/// Edits a file as a person does, some time after the last build: not within one tick of the
/// clock that stamps files.
fn edit(bench: &Bench, path: &str, content: &str) {
    bench.write(path, content);
    let file = fs::File::options().write(true).open(bench.root().join(path)).unwrap();
    file.set_modified(std::time::SystemTime::now()).unwrap();
}

fn tool(bench: &Bench, program: &str, arguments: &[&str]) -> i32 {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(bench.root());
    command.env("CARGO_TERM_COLOR", "never").env_remove("CARGO_TARGET_DIR");
    command.env_remove("RUSTFLAGS").env_remove("MAKEFLAGS");
    command.output().unwrap().status.code().unwrap()
}

/// 31: after going back, the build tool builds what stands there: with an old time it would go on
/// with the bad binary, or call a file that does not compile good.
#[test]
fn trap_31_make_builds_what_was_restored() {
    let bench = Bench::empty();
    bench.write(".gitignore", "out\n");
    bench.write("Makefile", "out: in.txt\n\tgrep -q good in.txt\n\tcp in.txt out\n");
    bench.write("in.txt", "good one\n");
    bench.ok(&["init"]);
    bench.ok(&["branch", "bad"]);
    bench.ok(&["exec", "bad", "--", "sh", "-c", "echo wrong > in.txt"]);
    bench.ok(&["tag", "start"]);
    assert_eq!(tool(&bench, "make", &[]), 0);
    edit(&bench, "in.txt", "good two\n");
    assert_eq!((tool(&bench, "make", &[]), bench.read("out")), (0, "good two\n".to_owned()));
    bench.ok(&["rollback", "--to", "start"]);
    assert_eq!((tool(&bench, "make", &[]), bench.read("out")), (0, "good one\n".to_owned()));
    bench.ok(&["switch", "bad"]);
    assert_ne!(tool(&bench, "make", &[]), 0, "what does not build is not called good");
    bench.ok(&["undo"]);
    bench.ok(&["undo"]);
    assert_eq!((tool(&bench, "make", &[]), bench.read("out")), (0, "good two\n".to_owned()));
    bench.ok(&["rollback", "--to", "start"]);
    bench.ok(&["merge", "bad", "--no-eval"]);
    assert_ne!(tool(&bench, "make", &[]), 0, "nor after a merge");
}

/// 31, with cargo: the tests run what was restored.
#[test]
fn trap_31_cargo_builds_what_was_restored() {
    let bench = Bench::empty();
    bench.write("Cargo.toml", "[package]\nname = \"t\"\nversion = \"0.1.0\"\nedition = \"2021\"\n");
    let source = |body: &str| {
        format!(
            "pub fn two() -> u8 {{ {body} }}\n#[test]\nfn is_two() {{ assert_eq!(two(), 2) }}\n"
        )
    };
    bench.write(".gitignore", "target\n");
    bench.write("src/lib.rs", &source("2"));
    let test = ["test", "-q", "--offline", "--lib"];
    bench.ok(&["init"]);
    assert_eq!(tool(&bench, "cargo", &test), 0);
    bench.ok(&["snapshot", "-m", "good", "--tag", "good"]);
    edit(&bench, "src/lib.rs", &source("3"));
    assert_eq!(tool(&bench, "cargo", &test), 101);
    bench.ok(&["snapshot", "-m", "wrong", "--tag", "wrong"]);
    bench.ok(&["rollback", "--to", "good"]);
    assert_eq!(tool(&bench, "cargo", &test), 0, "the good source is built anew");
    bench.ok(&["undo"]);
    assert_eq!(tool(&bench, "cargo", &test), 101);
    edit(&bench, "src/lib.rs", &source("does not compile"));
    bench.ok(&["snapshot", "-m", "broken", "--tag", "broken"]);
    bench.ok(&["rollback", "--to", "good"]);
    assert_eq!(tool(&bench, "cargo", &["build", "-q", "--offline"]), 0);
    bench.ok(&["rollback", "--to", "broken"]);
    assert_eq!(tool(&bench, "cargo", &["build", "-q", "--offline"]), 101);
}

/// 32: no cleaning command of git reaches the store, in the workspace or inside a view.
#[test]
fn trap_32_git_clean_and_stash_lose_no_store() {
    let bench = in_git();
    bench.write("untracked.txt", "u\n");
    bench.ok(&["snapshot", "--tag", "kept"]);
    git(&bench.root(), &["clean", "-fdxq"]);
    assert!(!bench.exists("untracked.txt"));
    bench.ok(&["rollback", "--to", "kept"]);
    assert!(bench.exists("untracked.txt"));
    git(&bench.root(), &["-c", "core.editor=true", "stash", "-a"]);
    assert_eq!(array(&bench.json(&["fsck"])["problems"]).len(), 0);
    bench.ok(&["rollback", "--to", "kept"]);
    for backend in backends(&bench) {
        let branch = format!("clean-{backend}");
        bench.ok(&["branch", &branch]);
        let clean = "echo more > more.txt && git clean -fdxq && test ! -e more.txt";
        bench.ok(&["exec", &branch, "--backend", backend, "--", "sh", "-c", clean]);
        let stash = "echo more > more.txt && git -c user.name=t -c user.email=t@t stash -aq";
        bench.ok(&["exec", &branch, "--backend", backend, "--", "sh", "-c", stash]);
        assert!(bench.exists("untracked.txt"), "the workspace is not the view");
        assert_eq!(array(&bench.json(&["fsck"])["problems"]).len(), 0, "{backend}");
        bench.ok(&["show", "kept"]);
    }
}

/// 34: what a command started in the view writes after its branch ended reaches nothing: it is
/// not there any more.
#[test]
fn trap_34_a_daemon_does_not_write_on() {
    let bench = Bench::project();
    bench.ok(&["branch", "idea"]);
    let before = files(&bench.root());
    for backend in backends(&bench) {
        let pipe = bench.outside(&format!("pipe-{backend}"));
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        // The daemon holds the pipe open for reading as long as it lives.
        let daemon = format!(
            "(trap '' TERM HUP INT; exec 9<>'{0}'; read x <&9; echo late > late.txt) \
             >/dev/null 2>&1 </dev/null & exit 0",
            pipe.display()
        );
        bench.ok(&["exec", "idea", "--backend", backend, "--", "sh", "-c", &daemon]);
        use std::os::unix::fs::OpenOptionsExt;
        let mut options = fs::OpenOptions::new();
        let opened = options.write(true).custom_flags(libc::O_NONBLOCK).open(&pipe);
        let error = opened.expect_err("nobody reads any more");
        assert_eq!(error.raw_os_error(), Some(libc::ENXIO), "{backend}");
        assert_eq!(files(&bench.root()), before, "{backend}");
    }
}

/// 40: what the stages write into a tree (the first `cargo test` writes `Cargo.lock`) is no change
/// of the candidate, and does not reach the workspace.
#[test]
fn trap_40_what_stages_write_is_not_the_candidates() {
    for backend in backends(&Bench::project()) {
        let bench = Bench::project();
        bench.write("build.sh", "echo locked > made.lock; test -f value.txt\n");
        bench.ok(&["try", "a=echo 5 > value.txt", "--backend", backend]);
        let rows = rows(&bench);
        assert_eq!(row(&rows, "a")["changed_files"], 1, "{rows:#?}");
        assert_eq!(row(&rows, "a")["verdict"]["word"], "good");
        bench.ok(&["eval"]);
        assert!(!bench.exists("made.lock"), "{backend}");
    }
}

/// 40: a truncated pack is an error, never a signal.
#[test]
fn trap_40_a_truncated_pack_is_an_error() {
    let bench = Bench::project();
    let packs = bench.root().join(".exp/packs");
    for entry in fs::read_dir(&packs).unwrap() {
        let file = fs::OpenOptions::new().write(true).open(entry.unwrap().path()).unwrap();
        let length = file.metadata().unwrap().len();
        file.set_len(length / 2).unwrap();
    }
    for verb in [&["status"] as &[&str], &["log"], &["snapshot"], &["switch", "main"]] {
        let error = bench.json_exits(6, verb);
        assert_eq!(error["error"]["category"], "corrupt", "{verb:?}");
        assert!(word(&error["error"]["hint"]).contains("exp fsck"), "{error:#}");
    }
    assert!(bench.exists("value.txt"));
}

/// 41: guard right after init: the base is measured first, so that there is a good node to go back
/// to; where there is none nothing is touched, and it says so.
#[test]
fn trap_41_guard_right_after_init() {
    let bench = Bench::project();
    assert_eq!(bench.json(&["guard"])["outcome"], "good");
    let bench = Bench::project();
    bench.write("tests.txt", "bad a\nok b\nbad c\nok d\n");
    let guarded = bench.json_exits(1, &["guard"]);
    assert_eq!(guarded["outcome"], "rolled back", "{guarded:#}");
    assert_eq!(bench.read("tests.txt"), "ok a\nok b\nok c\nok d\n");
    let bench = Bench::empty();
    bench.write("exp.toml", CONFIG);
    bench.write("build.sh", "exit 1\n");
    bench.write("test.sh", "exit 1\n");
    bench.ok(&["init"]);
    bench.write("new.txt", "new\n");
    let before = files(&bench.root());
    let guarded = bench.json_exits_any(&["guard"]);
    assert_ne!(guarded["outcome"], "rolled back", "{guarded:#}");
    assert_eq!(files(&bench.root()), before);
    let said = bench.complains(4, &["rollback"]);
    assert!(said.contains("good") && said.contains("exp eval"), "{said}");
}

/// 41: `git checkout` between two guards is no edit to be taken back.
#[test]
fn trap_41_git_checkout_is_not_rolled_back() {
    let bench = in_git();
    bench.ok(&["eval"]);
    git(&bench.root(), &["checkout", "-qb", "other"]);
    bench.write("build.sh", "exit 1\n");
    git(&bench.root(), &["commit", "-qam", "other"]);
    let before = files(&bench.root());
    let said = bench.exits(1, &["guard"]);
    assert!(said.contains("is bad") && said.contains("--across-head"), "{said}");
    assert!(said.contains("Nothing was changed: ") && said.contains("HEAD"), "{said}");
    assert_eq!(files(&bench.root()), before);
    bench.exits(1, &["guard", "--across-head"]);
    assert_eq!(bench.read("build.sh"), "test -f value.txt\n");
}
