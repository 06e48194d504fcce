//! Stores that cannot be used as they are: of a newer version, of another user, read-only, on a full
//! disk, in use.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use expdag::base::fault::{Failure, RecordingDisk};
use expdag::engine::verb::{branch, snapshot, switch};
use expdag::engine::{Category, Engine, Surroundings};
use serde_json::Value;

use super::common::Bench;
use super::common::state::{State, array};
use super::{everything, furnished};

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
