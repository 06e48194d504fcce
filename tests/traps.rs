//! What went wrong in other tools of this kind, and must not here: each test names the trap by its
//! number.

mod common;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::state::{Files, State, array, files, word};
use common::{Bench, CONFIG, text};
use serde_json::Value;

/// The backends that work here: `copy` does everywhere.
fn backends(bench: &Bench) -> Vec<&'static str> {
    let checks = array(&bench.json(&["doctor"])["checks"]);
    let overlay = checks.iter().any(|c| c["what"] == "overlay" && c["well"] == true);
    if overlay { vec!["overlay", "copy"] } else { vec!["copy"] }
}

fn rows(bench: &Bench) -> Vec<Value> {
    array(&bench.json_exits_any(&["rank"])["rows"])
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

fn row<'a>(rows: &'a [Value], approach: &str) -> &'a Value {
    rows.iter().find(|row| row["approach"] == approach).expect("a row")
}

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

/// 17: a stage whose command does not exist did not run; that is no failed test and nobody's fault.
#[test]
fn trap_17_did_not_run_is_not_failed() {
    let bench = Bench::project();
    let config = CONFIG.replace("sh test.sh", "frobnicate-the-tests");
    bench.write("exp.toml", &config);
    let found = bench.json_exits_any(&["eval"]);
    assert_eq!(found["verdict"]["word"], "inconclusive", "{found:#}");
    assert_eq!(found["evaluation"]["failed"], 0);
    let stages = array(&found["evaluation"]["stages"]);
    let test = stages.iter().find(|stage| stage["name"] == "test").unwrap();
    assert!(word(&test["outcome"]).contains("did not run"), "{test:#}");
    // It is not remembered either: once it is installed, the same tree is measured.
    assert_ne!(bench.json_exits_any(&["eval"])["from_memo"], true);
}

/// 18: the same test failing in every candidate and not in the base makes the test suspect.
#[test]
fn trap_18_the_same_failure_everywhere_accuses_the_test() {
    let bench = Bench::project();
    let change = "sed -i 's/ok a/bad a/' tests.txt; echo";
    bench.ok(&["try", &format!("x={change} 5 > value.txt"), &format!("y={change} 6 > value.txt")]);
    let said = bench.json_exits_any(&["rank"]).to_string();
    assert!(said.contains("every candidate") || said.contains("everywhere"), "{said}");
}

/// 22: a candidate that edits the tests or the evaluator to pass is shown for it, and `exp.toml`
/// is read from the base.
#[test]
fn trap_22_edits_of_the_tests_are_shown() {
    let bench = Bench::project();
    bench.write("tests/a.txt", "a test\n");
    bench.ok(&["snapshot"]);
    let evil =
        "printf '[[stage]]\\nname = \"build\"\\nkind = \"gate\"\\nrun = \"true\"\\n' > exp.toml";
    bench.ok(&[
        "try",
        "honest=echo 9 > value.txt",
        "cheat=rm tests/a.txt; echo 8 > value.txt",
        &format!("evil={evil}; rm value.txt"),
    ]);
    let rows = rows(&bench);
    assert_eq!(row(&rows, "honest")["warnings"], Value::Array(Vec::new()));
    assert!(row(&rows, "cheat")["warnings"].to_string().contains("tests/a.txt"));
    assert!(row(&rows, "evil")["warnings"].to_string().contains("exp.toml"));
    assert_eq!(row(&rows, "evil")["verdict"]["word"], "bad", "measured by the base's stages");
}

/// 24: a merge that is clean as text and does not build is refused, and nothing is changed.
#[test]
fn trap_24_a_clean_merge_that_does_not_build_is_refused() {
    let bench = Bench::project();
    bench.write("build.sh", "test -f value.txt && ! { test -f a.txt && test -f b.txt; }\n");
    bench.ok(&["snapshot"]);
    bench.ok(&["branch", "idea"]);
    bench.ok(&["exec", "idea", "--", "sh", "-c", "echo a > a.txt"]);
    assert_eq!(bench.json(&["eval", "idea"])["verdict"]["word"], "good");
    bench.write("b.txt", "b\n");
    bench.ok(&["snapshot"]);
    assert_eq!(bench.json(&["eval"])["verdict"]["word"], "good");
    let before = State::of(&bench);
    let merged = bench.json_exits(1, &["merge", "idea"]);
    assert_eq!(merged["outcome"], "refused", "{merged:#}");
    assert!(word(&merged["verdict"]["reason"]).contains("build"), "{merged:#}");
    assert_eq!(State::of(&bench), before);
}

/// 25: two candidates with the same files are measured once, and the table says so.
#[test]
fn trap_25_the_same_files_are_measured_once() {
    let bench = Bench::project();
    let count = bench.outside("count");
    let build = format!("echo x >> '{}'; test -f value.txt\n", count.display());
    bench.write("build.sh", &build);
    bench.ok(&["try", "a=echo 5 > value.txt", "b=echo 5 > value.txt", "--jobs", "1"]);
    let rows = rows(&bench);
    assert_eq!(row(&rows, "b")["identical_to"].to_string(), "[\"a\"]", "{rows:#?}");
    assert_eq!(fs::read_to_string(&count).unwrap().lines().count(), 2, "the base and one more");
}

/// 26: what an approach leaves running ends with it, an open pipe keeps nobody waiting, and a
/// flood of output is neither held in memory nor lost.
#[test]
fn trap_26_nothing_outlives_an_approach() {
    let bench = Bench::project();
    let pid = bench.outside("pid");
    for backend in backends(&bench) {
        let daemon = format!(
            "(trap '' TERM HUP; echo > '{0}'; exec sleep 600) & echo 5 > value.txt; \
             while ! test -s '{0}'; do :; done; yes flood | head -c 3000000",
            pid.display()
        );
        let tried = bench.json(&["try", &format!("a={daemon}"), "--backend", backend, "--no-eval"]);
        assert_eq!(tried["approaches"][0]["state"], "done", "{tried:#}");
        let logs = files(&bench.root().join(".exp/runs"));
        let longest = logs.values().map(|(_, log)| log.len()).max().unwrap_or(0);
        assert!(longest >= 3_000_000, "{backend}: the whole log is kept, {longest} bytes of it");
        let _ = fs::remove_file(&pid);
    }
}

/// 27: a branch can run: warm folders and kept files are there, on every backend.
#[test]
fn trap_27_a_fresh_branch_has_its_warm_and_kept_files() {
    let bench = Bench::project();
    bench.write(".gitignore", "node_modules/\n.env\nother/\n");
    let config = format!("[workspace]\nwarm = [\"node_modules\"]\nkeep = [\".env\"]\n{CONFIG}");
    bench.write("exp.toml", &config);
    bench.write("node_modules/a/index.js", "warm\n");
    bench.write(".env", "KEY=1\n");
    bench.write("other/x", "ignored\n");
    bench.ok(&["snapshot"]);
    for backend in backends(&bench) {
        bench.ok(&["branch", backend]);
        let look = "cat node_modules/a/index.js .env && test ! -e other && \
                    echo changed > node_modules/a/index.js && echo b > b";
        bench.ok(&["exec", backend, "--backend", backend, "--", "sh", "-c", look]);
        assert_eq!(bench.read("node_modules/a/index.js"), "warm\n", "{backend}");
        let names = bench.ok(&["diff", "main", backend, "--names"]);
        assert_eq!(names.trim(), "added    b", "{backend}");
    }
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
        // A copy has no git folder of its own yet, so git refuses there.
        let exit = if backend == "copy" { 128 } else { 0 };
        bench.exits(exit, &["exec", &branch, "--backend", backend, "--", "sh", "-c", clean]);
        let stash = "echo more > more.txt && git -c user.name=t -c user.email=t@t stash -aq";
        bench.exits(exit, &["exec", &branch, "--backend", backend, "--", "sh", "-c", stash]);
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
    let said = bench.complains(3, &["guard"]);
    assert!(said.contains("HEAD has moved") && said.contains("--across-head"), "{said}");
    assert_eq!(files(&bench.root()), before);
    bench.exits(1, &["guard", "--across-head"]);
    assert_eq!(bench.read("build.sh"), "test -f value.txt\n");
}
