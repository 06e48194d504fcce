//! Bad input: one clear message with what to do, the documented exit code, nothing changed; and a
//! dry run of every verb that writes nothing.

mod common;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use common::Bench;
use common::state::{Files, State, array, files, word};
use expdag::base::fault::{Failure, RecordingDisk};
use expdag::engine::verb::{branch, snapshot, switch};
use expdag::engine::{Category, Engine, Surroundings};
use serde_json::Value;

/// Runs a command that must be refused: as text and as JSON, with that exit code, a message that
/// contains those words, one that says what to do, and nothing changed by either.
fn refused(bench: &Bench, code: i32, arguments: &[&str], words: &[&str]) -> Value {
    let before = everything(bench);
    let text = bench.complains(code, arguments);
    for part in words {
        assert!(text.contains(part), "exp {arguments:?} does not say `{part}`:\n{text}");
    }
    assert!(text.starts_with("error: "), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    let error = bench.json_exits(code, arguments);
    assert_eq!(error["error"]["code"], code, "{error:#}");
    assert!(error["error"]["category"].is_string() && error["version"] == 1, "{error:#}");
    let said = format!("{}{}", error["error"]["message"], error["error"]["hint"]);
    assert!(said.len() > 10 && !said.contains("error:"), "{error:#}");
    assert_eq!(everything(bench), before, "exp {arguments:?} changed something");
    error["error"].clone()
}

/// All files of the workspace and all of its store but what are only caches and locks.
fn everything(bench: &Bench) -> (Files, Files) {
    let mut store = files(&bench.root().join(".exp"));
    store.retain(|name, _| {
        let name = String::from_utf8_lossy(name).into_owned();
        let is_lock = name.starts_with("locks") || name == "catalogue/lock";
        let is_cache = name.starts_with("stat/") && name.ends_with("/cache");
        !is_lock && !is_cache && !name.starts_with("catalogue/sled")
    });
    (files(&bench.root()), store)
}

/// A workspace with a branch, a tag and an experiment.
fn furnished() -> Bench {
    let bench = Bench::project();
    bench.ok(&["try", "a=echo 5 > value.txt", "b=echo 20 > value.txt"]);
    bench.ok(&["branch", "idea"]);
    bench.ok(&["exec", "idea", "--", "sh", "-c", "echo n > new.txt"]);
    bench.ok(&["tag", "first"]);
    bench
}

#[test]
fn not_a_workspace() {
    let bench = Bench::empty();
    let verbs: [&[&str]; 22] = [
        &["status"],
        &["snapshot"],
        &["log"],
        &["show"],
        &["diff"],
        &["branch"],
        &["switch", "a"],
        &["try", "a=true"],
        &["eval"],
        &["rank"],
        &["select"],
        &["merge", "a"],
        &["rollback"],
        &["guard"],
        &["undo"],
        &["redo"],
        &["op", "log"],
        &["tag"],
        &["fsck"],
        &["stats"],
        &["deinit"],
        &["deinit", "--yes"],
    ];
    for verb in verbs {
        let text = bench.complains(4, verb);
        assert!(text.contains("not in a workspace") && text.contains("exp init"), "{text}");
        assert_eq!(bench.json_exits(4, verb)["error"]["category"], "not-found");
    }
    bench.exits(125, &["exec", "a", "--", "true"]);
    assert!(files(&bench.root()).is_empty() && !bench.exists(".exp"));
}

#[test]
fn folders_that_are_never_a_workspace() {
    let bench = Bench::empty();
    let text = bench.complains(2, &["init", "/"]);
    assert!(text.contains('/'), "{text}");
    let home = bench.outside("home");
    bench.complains(2, &["init", home.to_str().unwrap()]);
    assert_eq!(files(&home).len(), 0);
    let text = bench.complains(4, &["-C", "nowhere", "status"]);
    assert!(text.contains("nowhere"), "{text}");
    bench.exits(4, &["init", "nowhere"]);
}

#[test]
fn names_that_are_unknown() {
    let bench = furnished();
    let cases: [(&[&str], &[&str]); 17] = [
        (&["show", "nope"], &["no snapshot, branch or tag `nope`", "exp log --all"]),
        (&["show", "mian"], &["did you mean main?"]),
        (&["show", "main~99"], &["main~99"]),
        (&["show", "@~x"], &["@~x"]),
        (&["show", "deadbeef99"], &["deadbeef99"]),
        (&["log", "nope"], &["`nope`"]),
        (&["diff", "nope"], &["`nope`"]),
        (&["switch", "nope"], &["no branch `nope`"]),
        (&["branch", "new", "--from", "nope"], &["`nope`"]),
        (&["branch", "--delete", "nope"], &["no branch `nope`"]),
        (&["branch", "--rename", "nope", "new"], &["no branch `nope`"]),
        (&["tag", "new", "nope"], &["`nope`"]),
        (&["tag", "--delete", "nope"], &["no tag `nope`"]),
        (&["merge", "nope"], &["`nope`"]),
        (&["rollback", "--to", "nope"], &["`nope`"]),
        (&["undo", "0123456789"], &["no operation `0123456789`", "exp op log"]),
        (&["snapshot", "--state", "nope.json"], &["nope.json"]),
    ];
    for (arguments, words) in cases {
        refused(&bench, 4, arguments, words);
    }
    refused(&bench, 4, &["rank", "e99"], &["no experiment `e99`"]);
    refused(&bench, 4, &["select", "e99"], &["no experiment `e99`"]);
    refused(&bench, 4, &["select", "--approach", "nope"], &["no approach `nope`"]);
    refused(&bench, 4, &["merge", "--selected"], &["no selection", "exp select"]);
    refused(&bench, 4, &["show", "--state"], &["no state document", "--state FILE"]);
    refused(&bench, 4, &["redo"], &["no undo to take back"]);
    refused(&bench, 125, &["exec", "nope", "--", "true"], &["no branch `nope`"]);
}

#[test]
fn names_that_are_malformed() {
    let bench = furnished();
    let long = "x".repeat(201);
    let bad =
        ["", "a b", "../x", "/x", "x/", "a//b", "@", "a~1", "-", ".x", "x.lock", "a\tb", &long];
    for name in bad {
        if !name.starts_with('-') {
            let new = format!("{name}/");
            refused(&bench, 2, &["branch", "--rename", "idea", &new], &["is no name"]);
        }
        for verb in ["branch", "tag"] {
            refused(&bench, 2, &[verb, "--", name], &["is no name"]);
        }
    }
    refused(&bench, 2, &["snapshot", "--tag", "a b"], &["is no name"]);
    for approach in ["nocommand", "=true", "a/b=true", "a=", "a b=true", "a=  "] {
        refused(&bench, 2, &["try", approach], &[]);
    }
}

#[test]
fn names_that_are_taken() {
    let bench = furnished();
    bench.write("new.txt", "new\n");
    refused(&bench, 3, &["branch", "idea"], &["branch `idea` exists", "another name"]);
    refused(&bench, 3, &["branch", "--rename", "idea", "main"], &["branch `main` exists"]);
    refused(&bench, 3, &["tag", "first"], &["tag `first` exists"]);
    refused(&bench, 3, &["snapshot", "--tag", "first"], &["tag `first` exists"]);
    refused(&bench, 3, &["init"], &["a workspace already", "exp status"]);
    // A name means one thing: a tag that hides behind a branch could not be reached.
    refused(&bench, 3, &["branch", "first"], &["tag `first` exists"]);
    refused(&bench, 3, &["branch", "--rename", "idea", "first"], &["tag `first` exists"]);
    refused(&bench, 3, &["tag", "idea"], &["branch `idea` exists"]);
    refused(&bench, 3, &["snapshot", "--tag", "idea"], &["branch `idea` exists"]);
    refused(&bench, 2, &["try", "a=true", "b=true", "a=false"], &["`a` is given twice"]);
}

#[test]
fn names_that_are_ambiguous() {
    let mut bench = furnished();
    bench.ok(&["tag", "b", "first"]);
    // A whole name comes before the short name of an experiment's branch.
    let first = bench.json(&["show", "first"])["id"].clone();
    assert_eq!(bench.json(&["show", "b"])["id"], first);
    for name in ["x/same", "y/same"] {
        bench.ok(&["branch", name]);
    }
    bench.as_session("two", |bench| {
        let words = ["`same` is ambiguous", "x/same", "y/same", "the whole name"];
        refused(bench, 2, &["show", "same"], &words);
        refused(bench, 2, &["switch", "same"], &words);
        refused(bench, 2, &["branch", "--delete", "same"], &words);
    });
    refused(&bench, 4, &["show", "abc"], &["`abc`"]);
}

#[test]
fn a_command_line_that_cannot_be_read() {
    let bench = furnished();
    let cases: [&[&str]; 13] = [
        &["frobnicate"],
        &[],
        &["exec"],
        &["exec", "idea", "--"],
        &["switch"],
        &["switch", "a", "b"],
        &["log", "-n", "x"],
        &["branch", "--from", "@"],
        &["merge"],
        &["merge", "idea", "--selected"],
        &["try"],
        &["status", "--frobnicate"],
        &["eval", "--backend", "zfs"],
    ];
    for arguments in cases {
        let before = everything(&bench);
        let said = bench.complains(2, arguments);
        assert!(said.contains("Usage") || said.contains("--help"), "{arguments:?}: {said}");
        let error = bench.json_exits(2, arguments);
        assert_eq!(error["error"]["code"], 2, "{arguments:?}");
        assert_eq!(error["error"]["category"], "usage");
        let message = word(&error["error"]["message"]);
        assert!(message.len() > 10 && !message.contains('\n'), "{message:?}");
        assert_eq!(everything(&bench), before);
    }
    // After `--` it is the command's.
    let said = bench.complains(2, &["frobnicate", "--", "--json"]);
    assert!(said.contains("frobnicate"), "{said}");
    assert!(bench.ok(&["--json", "--help"]).contains("Usage"));
    refused(&bench, 2, &["try", "a=true", "--jobs", "0"], &["--jobs 0", "at least 1"]);
    for time in ["5parsecs", "0s", "10", "-1s", ""] {
        let flag = format!("--timeout={time}");
        refused(&bench, 2, &["try", "a=true", &flag], &["is no time", "90s"]);
        refused(&bench, 2, &["guard", &flag, "--", "true"], &["is no time"]);
    }
    bench.write("bad.json", "{\"a\": ");
    refused(&bench, 2, &["snapshot", "--state", "bad.json"], &["no JSON", "line"]);
    bench.write("good.json", "{\"a\": 1}");
    bench.ok(&["snapshot", "--state", "good.json"]);
    refused(&bench, 2, &["show", "--pointer", "a"], &["JSON pointer", "/"]);
    refused(&bench, 4, &["show", "--pointer", "/b"], &["`/b`", "--state"]);
}

#[test]
fn a_configuration_that_is_wrong() {
    let bench = furnished();
    bench.ok(&["select"]);
    let stage = "[[stage]]\nname = \"s\"\nkind = \"gate\"\nrun = \"true\"\n";
    let cases = [
        (format!("{stage}tiemout = \"20s\"\n"), "tiemout"),
        (format!("frobnicate = 1\n{stage}"), "frobnicate"),
        (format!("{stage}timeout = \"20 parsecs\"\n"), "20 parsecs"),
        (format!("{stage}timeout = 20\n"), "line 5"),
        (format!("{stage}{stage}"), "`s`"),
        ("[[stage]]\nname = \"s\"\nkind = \"guess\"\nrun = \"true\"\n".to_owned(), "guess"),
        ("[[stage]]\nname = \"s\"\nkind = \"gate\"\n".to_owned(), "run"),
        ("[[stage]\n".to_owned(), "line 1"),
    ];
    for (text, part) in cases {
        bench.write("exp.toml", &text);
        for verb in [&["eval"] as &[&str], &["guard"], &["try", "c=true"]] {
            let before = State::of(&bench).files;
            let said = bench.complains(2, verb);
            assert!(said.contains("exp.toml") && said.contains(part), "{verb:?}: {said}");
            assert_eq!(bench.json_exits(2, verb)["error"]["category"], "usage");
            assert_eq!(State::of(&bench).files, before);
        }
    }
    // Work can be saved and left all the same.
    bench.ok(&["snapshot"]);
    bench.ok(&["switch", "idea"]);
    bench.ok(&["undo"]);
    bench.write("exp.toml", "");
    let said = bench.complains(2, &["eval"]);
    assert!(said.contains("names no stage") && said.contains("[[stage]]"), "{said}");
}

#[test]
fn a_command_that_does_not_exist() {
    let bench = furnished();
    for backend in ["overlay", "copy"] {
        let overlay = bench.json(&["doctor"])["checks"]
            .as_array()
            .unwrap()
            .iter()
            .any(|check| check["what"] == "overlay" && check["well"] == true);
        if backend == "overlay" && !overlay {
            continue;
        }
        let exec = ["exec", "idea", "--backend", backend, "--"];
        let run = |words: &[&'static str]| [&exec as &[&str], words].concat();
        let said = bench.complains(127, &run(&["frobnicate-it"]));
        assert!(said.contains("did not run") && said.contains("frobnicate-it"), "{said}");
        let said = bench.complains(126, &run(&["./value.txt"]));
        assert!(said.contains("did not run"), "{said}");
        bench.exits(3, &run(&["sh", "-c", "exit 3"]));
    }
    refused(&bench, 125, &["exec", "main", "--", "true"], &["workspace is on", "exp snapshot"]);
    let said = bench.complains(2, &["guard", "--", "frobnicate-it"]);
    assert!(said.contains("did not run") && said.contains("frobnicate-it"), "{said}");
}

#[test]
fn a_store_of_a_newer_version() {
    let bench = furnished();
    let format = bench.root().join(".exp/format");
    let text = fs::read_to_string(&format).unwrap();
    fs::write(&format, text.replace('1', "999")).unwrap();
    for verb in [&["status"] as &[&str], &["snapshot"], &["log"], &["undo"], &["fsck"]] {
        let error = bench.json_exits(2, verb);
        let said = format!("{}", error["error"]);
        assert!(said.contains("999") && said.contains("newer"), "{verb:?}: {said}");
    }
    fs::write(&format, "something else\n").unwrap();
    assert_eq!(bench.json_exits(6, &["status"])["error"]["category"], "corrupt");
    fs::write(&format, text).unwrap();
    bench.ok(&["status"]);
}

/// Gives a folder and all below it to somebody.
fn give_to(path: &Path, user: u32) {
    std::os::unix::fs::lchown(path, Some(user), Some(user)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).unwrap() {
            give_to(&entry.unwrap().path(), user);
        }
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn a_store_of_another_user() {
    let bench = furnished();
    if is_root() {
        give_to(&bench.root().join(".exp"), 4321);
        for verb in [&["status"] as &[&str], &["snapshot"], &["log"], &["undo"]] {
            let error = bench.json_exits(2, verb);
            let said = format!("{}", error["error"]);
            assert!(said.contains("4321") && said.contains("another user"), "{said}");
        }
    } else {
        // Only the owner is looked at, and `/` is not ours.
        let disk = Arc::new(expdag::base::disk::RealDisk);
        let opened = expdag::store::Store::open(Path::new("/"), disk);
        let error = expdag::engine::EngineError::from(opened.expect_err("it is root's"));
        assert_eq!(error.category(), Category::Usage);
        assert!(error.to_string().contains("another user"), "{error}");
    }
}

/// Runs as an ordinary user, so that permissions hold for it.
fn as_anybody(command: &mut Command) -> &mut Command {
    if is_root() { command.uid(4321).gid(4321) } else { command }
}

fn set_writable(path: &Path, writable: bool) {
    let meta = fs::symlink_metadata(path).unwrap();
    if meta.is_symlink() {
        return;
    }
    let bits = if writable { 0o700 } else { 0o500 };
    fs::set_permissions(path, fs::Permissions::from_mode(bits)).unwrap();
    if meta.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            set_writable(&entry.unwrap().path(), writable);
        }
    }
}

#[test]
fn a_store_that_can_only_be_read() {
    let bench = furnished();
    let top = bench.root().parent().unwrap().to_owned();
    if is_root() {
        give_to(&top, 4321);
    }
    bench.write("new.txt", "new\n");
    let store = bench.root().join(".exp");
    let before = everything(&bench);
    set_writable(&store, false);
    let run = |arguments: &[&str]| as_anybody(&mut bench.command(arguments)).output().unwrap();
    let reads: [&[&str]; 7] = [
        &["status"],
        &["log", "--all"],
        &["show"],
        &["diff"],
        &["branch"],
        &["tag"],
        &["op", "log"],
    ];
    for verb in reads {
        let output = run(verb);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{verb:?}: {said}");
    }
    let writes: [&[&str]; 6] = [
        &["snapshot"],
        &["tag", "new"],
        &["branch", "new"],
        &["switch", "idea"],
        &["undo"],
        &["merge", "idea"],
    ];
    for verb in writes {
        let output = run(&[&["--json"], verb].concat());
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("could not be written"), "{verb:?}: {said}");
        assert_eq!(output.status.code(), Some(2), "{verb:?}: {said}");
        let error: Value = serde_json::from_str(&said).unwrap();
        assert!(error["error"]["hint"].is_string(), "{said}");
    }
    set_writable(&store, true);
    assert_eq!(everything(&bench).0, before.0);
}

fn surroundings(bench: &Bench) -> Surroundings {
    Surroundings::plain(bench.root(), bench.outside("state").join("exp"), &bench.session)
}

/// Each change that a verb makes fails for want of room in turn; the answer is always "full", and
/// the next command finds all as it was.
#[test]
fn a_disk_that_is_full() {
    type Act = fn(&Engine) -> Result<(), expdag::engine::EngineError>;
    let acts: [(&str, Act); 3] = [
        ("snapshot", |engine| snapshot::run(engine, &snapshot::Options::default()).map(drop)),
        ("branch", |engine| {
            let name = expdag::base::name::Label::new("made")?;
            let options = branch::Options::Create { name, from: None, dry_run: false };
            branch::run(engine, &options).map(drop)
        }),
        ("switch", |engine| {
            let options = switch::Options { branch: "idea".to_owned(), dry_run: false };
            switch::run(engine, &options).map(drop)
        }),
    ];
    for (name, act) in acts {
        let bench = furnished();
        bench.write("new-here.txt", "new\n");
        let before = State::of(&bench);
        let mut failed = 0;
        for at in 0..200 {
            let failure = Failure { at, errno: libc::ENOSPC, is_lasting: true };
            let disk = Arc::new(RecordingDisk::failing(&bench.root(), failure));
            let mut world = surroundings(&bench);
            world.disk = disk;
            let result = Engine::open(world).and_then(|engine| act(&engine));
            if let Err(error) = &result {
                assert_eq!(error.category(), Category::Full, "{name}, change {at}: {error}");
                failed += 1;
            }
            let after = State::of(&bench);
            if after.names != before.names {
                assert!(failed > 2, "{name} writes");
                break;
            }
            assert_eq!(after.files, before.files, "{name}, change {at}");
            assert!(at < 199, "{name} never came to its end");
        }
        assert_eq!(array(&bench.json(&["fsck"])["problems"]).len(), 0);
    }
}

/// A verb that holds the workspace until it is told to go on.
struct Holder {
    child: std::process::Child,
    gate: std::path::PathBuf,
}

impl Holder {
    fn guard(bench: &Bench) -> Self {
        let gate = bench.outside("gate");
        let there = bench.outside("there");
        for pipe in [&gate, &there] {
            let made = Command::new("mkfifo").arg(pipe).status().unwrap();
            assert!(made.success());
        }
        let script = format!("echo > '{}'; read x < '{}'", there.display(), gate.display());
        let mut command = bench.command(&["guard", "--", "sh", "-c", &script]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Opening waits until the command has begun.
        let mut line = String::new();
        fs::File::open(there).unwrap().read_to_string(&mut line).unwrap();
        Self { child, gate }
    }

    fn go_on(mut self) {
        let mut gate = fs::OpenOptions::new().write(true).open(&self.gate).unwrap();
        gate.write_all(b"go\n").unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn two_commands_at_once() {
    let bench = furnished();
    let before = State::of(&bench);
    let holder = Holder::guard(&bench);
    let busy: [&[&str]; 6] = [
        &["switch", "idea"],
        &["snapshot"],
        &["rollback", "--to", "first"],
        &["merge", "idea"],
        &["guard"],
        &["try", "c=true"],
    ];
    for verb in busy {
        let error = bench.json_exits(5, verb);
        assert_eq!(error["error"]["category"], "busy", "{error:#}");
        let said = format!("{}", error["error"]);
        assert!(said.contains("`guard`") && said.contains("wait"), "{verb:?}: {said}");
    }
    bench.exits(125, &["exec", "idea", "--", "true"]);
    // Names alone need no files.
    bench.ok(&["tag", "meanwhile"]);
    bench.ok(&["status"]);
    bench.ok(&["log"]);
    bench.ok(&["tag", "--delete", "meanwhile"]);
    holder.go_on();
    assert_eq!(State::of(&bench), before);
    bench.ok(&["switch", "idea"]);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let bench = furnished();
    for verb in [&["log", "--all"] as &[&str], &["--json", "op", "log"], &["guide"], &["--help"]] {
        let mut command = bench.command(verb);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{verb:?}: {said}");
        assert_eq!(said, "", "{verb:?}");
    }
}

#[test]
fn a_dry_run_writes_nothing() {
    let bench = furnished();
    bench.ok(&["select"]);
    bench.ok(&["eval"]);
    bench.ok(&["tag", "second"]);
    bench.write("tests.txt", "bad a\nok b\nok c\nok d\n");
    bench.write("deep/new.txt", "new\n");
    bench.write("state.json", "{\"plan\": 1}\n");
    let outside = files(&bench.outside("state"));
    let before = everything(&bench);
    let verbs: [(&[&str], &str); 20] = [
        (&["snapshot"], "Would record 3 changed files"),
        (&["snapshot", "--state", "state.json", "--tag", "t"], "Would record"),
        (&["branch", "new"], "Would"),
        (&["branch", "--delete", "idea"], "Would"),
        (&["branch", "--rename", "idea", "plan"], "Would"),
        (&["switch", "idea"], "Would switch"),
        (&["try", "c=true"], "Would"),
        (&["eval"], "Would"),
        (&["eval", "idea"], "Would"),
        (&["select"], "Would"),
        (&["select", "--approach", "b"], "Would"),
        (&["merge", "idea"], "Would"),
        (&["merge", "--selected"], "Would"),
        (&["rollback"], "Would go back"),
        (&["rollback", "--to", "first"], "Would go back"),
        (&["guard"], "Would evaluate"),
        (&["undo"], "Would take back"),
        (&["tag", "new"], "Would"),
        (&["tag", "--delete", "first"], "Would"),
        (&["deinit"], "Would be lost"),
    ];
    for (verb, says) in verbs {
        let dry = [verb, &["--dry-run"]].concat();
        let page = bench.ok(&dry);
        assert!(page.contains(says), "{verb:?}: {page}");
        bench.json(&dry);
        assert_eq!(everything(&bench), before, "{verb:?} wrote something");
    }
    bench.ok(&["deinit", "--yes", "--dry-run"]);
    assert_eq!(everything(&bench), before);
    assert_eq!(files(&bench.outside("state")), outside);
    bench.ok(&["undo"]);
    let before = everything(&bench);
    assert!(bench.ok(&["redo", "--dry-run"]).contains("Would do again"));
    assert_eq!(everything(&bench), before);
}

#[test]
fn a_dry_run_of_init_writes_nothing() {
    let bench = Bench::empty();
    bench.write("Makefile", "test:\n\ttrue\n");
    let before = files(&bench.root());
    let page = bench.ok(&["init", "--dry-run"]);
    assert!(page.contains("Would capture 1 file"), "{page}");
    assert_eq!(files(&bench.root()), before);
    assert!(!bench.exists(".exp"));
}
