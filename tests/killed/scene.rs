//! The workspace in which a verb is killed, made once for each verb and copied; and what can be
//! seen of it afterwards.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use expdag::base::disk::RealDisk;
use expdag::object::operation::Operation;
use expdag::store::Store;

use super::common::state::{Files, State, files};
use super::common::{Bench, bare, text};
use super::library::copy;

/// A verb that is killed.
#[derive(Debug)]
pub struct Verb {
    pub name: &'static str,
    words: &'static [&'static str],
    /// What it reads.
    input: &'static str,
    /// What is edited before.
    edits: bool,
}

const fn verb(name: &'static str, words: &'static [&'static str], edits: bool) -> Verb {
    Verb { name, words, input: "", edits }
}

const HOOK: &str = r#"{"session_id":"one","hook_event_name":"PostToolUse","tool_name":"Bash",
    "tool_input":{"command":"true"},"tool_response":{"stdout":""}}"#;

pub const VERBS: [Verb; 15] = [
    verb("snapshot", &["snapshot", "-m", "killed"], true),
    verb("branch", &["branch", "new"], true),
    verb("switch", &["switch", "side"], true),
    verb("merge", &["merge", "side", "--no-eval"], false),
    verb("rollback", &["rollback", "--to", "first"], true),
    verb("undo", &["undo"], false),
    verb("try", &["try", "a=echo 9 > value.txt", "b=echo 8 > value.txt"], true),
    Verb { input: HOOK, ..verb("hook", &["hook", "post"], true) },
    Verb { input: r#"{"n":2}"#, ..verb("state put", &["state", "put", "-"], false) },
    Verb {
        input: r#"{"n":2}"#,
        ..verb("state put --files", &["state", "put", "-", "--files"], true)
    },
    verb("tag", &["tag", "new"], false),
    verb("gc", &["gc", "--repack"], false),
    verb("forget", &["forget", "side/file-3.txt", "--yes"], false),
    verb("export", &["export", "side", "-o", EXPORTED], false),
    verb("import", &["import", BUNDLE], false),
];

/// A bundle that an export is to make.
const EXPORTED: &str = "../side.xpb";
/// A bundle with a branch that is not there.
const BUNDLE: &str = "../gone.xpb";

/// What can be seen of a workspace.
pub struct Found {
    /// The operations, newest first.
    pub log: Vec<String>,
    pub names: State,
    pub files: Files,
    pub state: String,
}

pub struct Scene {
    home: tempfile::TempDir,
}

thread_local! {
    static MADE: RefCell<Option<Bench>> = const { RefCell::new(None) };
}

/// A workspace on `main` beside a branch `side`, with a switch to take back, states and much to
/// restore.
fn made() -> Bench {
    let bench = Bench::project();
    bench.ok(&["tag", "first"]);
    bench.ok(&["branch", "side"]);
    bench.ok(&["switch", "side"]);
    for number in 0..12 {
        bench.write(&format!("side/file-{number}.txt"), &format!("side {number}\n"));
    }
    bench.write("tests.txt", "ok a\nok b\n");
    bench.ok(&["snapshot", "-m", "side"]);
    bench.ok(&["switch", "main"]);
    bench.write("main/deep/file.txt", "main\n");
    bench.write("value.txt", "7\n");
    bench.ok(&["snapshot", "-m", "main"]);
    bench.ok(&["state", "put", "--set", "/n=1"]);
    bench.ok(&["branch", "third", "--from", "side"]);
    bench.ok(&["switch", "third"]);
    bench.ok(&["switch", "main"]);
    bench.ok(&["branch", "gone", "--from", "side"]);
    bench.ok(&["export", "gone", "-o", BUNDLE]);
    bench.ok(&["branch", "--delete", "gone"]);
    // The step that `undo` takes back is the last one of the files.
    bench.ok(&["switch", "third"]);
    bench.ok(&["switch", "main"]);
    bench
}

impl Scene {
    /// A copy of its own for a verb.
    pub fn new(verb: &Verb) -> Self {
        let home = super::library::in_memory();
        MADE.with_borrow_mut(|bench| {
            let bench = bench.get_or_insert_with(made);
            copy(&bench.root(), &home.path().join("work"));
            std::fs::copy(bench.root().join(BUNDLE), home.path().join("gone.xpb")).unwrap();
        });
        for name in ["home", "state"] {
            std::fs::create_dir(home.path().join(name)).unwrap();
        }
        let scene = Self { home };
        if verb.edits {
            std::fs::write(scene.root().join("edited.txt"), "edited\n").unwrap();
            std::fs::write(scene.root().join("value.txt"), "6\n").unwrap();
        }
        scene
    }

    pub fn root(&self) -> PathBuf {
        self.home.path().join("work")
    }

    fn store(&self) -> PathBuf {
        self.root().join(".exp")
    }

    /// Gives a command its folder and its environment.
    pub fn dress<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.current_dir(self.root());
        bare(command);
        command.env("HOME", self.home.path().join("home"));
        command.env("XDG_STATE_HOME", self.home.path().join("state"));
        command.env("EXP_SESSION", "one").env("USER", "tester")
    }

    /// A file in which the verb finds what it reads.
    pub fn input(&self, verb: &Verb) -> Stdio {
        let path = self.home.path().join("input");
        std::fs::write(&path, verb.input).unwrap();
        std::fs::File::open(path).unwrap().into()
    }

    /// The program and its words.
    pub fn words(verb: &Verb) -> Vec<&'static str> {
        let mut words = vec![env!("CARGO_BIN_EXE_exp")];
        words.extend(verb.words);
        words
    }

    /// Runs the verb to its end.
    pub fn run(&self, verb: &Verb) -> Output {
        let words = Self::words(verb);
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).stdin(self.input(verb));
        self.dress(&mut command).output().unwrap()
    }

    /// Runs another one; its code, and what it said where it failed.
    pub fn exp(&self, words: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_exp"));
        command.args(words).stdin(Stdio::null());
        let output = self.dress(&mut command).output().unwrap();
        let code = output.status.code();
        let said = match code {
            Some(0) => String::new(),
            _ => text(&output.stderr) + &text(&output.stdout),
        };
        (code, said)
    }

    /// Looks at all of it. Nothing is captured by that.
    pub fn look(&self) -> Found {
        let store = Store::open(&self.store(), Arc::new(RealDisk)).unwrap();
        let mut next = store.current().unwrap().map(|current| current.operation);
        let mut log = Vec::new();
        while let Some(id) = next {
            log.push(id.hex());
            next = Operation::fetch(&store, id).unwrap().parents.first().copied();
        }
        let bench = Bench::at(self.home.path());
        let names = State::of(&bench);
        let state = text(&bench.run(&["state", "get"]).stdout);
        Found { log, names, files: files(&self.root()), state }
    }

    /// Whether a bundle was made.
    pub fn is_exported(&self) -> bool {
        self.root().join(EXPORTED).exists()
    }

    /// What must work afterwards, whatever was done, with its exit code: one that writes, some that
    /// need the workspace alone, one that proves all. A bundle that has its name is whole.
    pub fn verbs_after(&self) -> Vec<(Vec<&'static str>, i32)> {
        let taken_in = self.is_exported().then(|| (vec!["import", EXPORTED], 0));
        let verbs = [
            (vec!["snapshot", "-m", "after"], 0),
            (vec!["rollback", "--to", "first"], 0),
            (vec!["undo"], 0),
            (vec!["state", "put", "--set", "/after=true"], 0),
            (vec!["stats"], 0),
            (vec!["try", "c=echo 5 > value.txt"], 0),
            (vec!["audit"], 0),
            (vec!["fsck"], 0),
        ];
        taken_in.into_iter().chain(verbs).collect()
    }

    /// What nobody needs any more after those.
    pub fn left(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for folder in ["tmp", "intents"] {
            let entries = std::fs::read_dir(self.store().join(folder)).unwrap();
            found.extend(entries.map(|entry| entry.unwrap().path()));
        }
        half_made(&self.root(), &mut found);
        half_made(&self.home.path().join("state"), &mut found);
        found
    }
}

/// Files that a restore writes beside their place.
fn half_made(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        if name.is_some_and(|name| name.starts_with(".exp-tmp-") || name.ends_with(".tmp")) {
            found.push(path);
        } else if path.is_dir() {
            half_made(&path, found);
        }
    }
}

/// How often each of some system calls was made, by the lines of a trace.
pub fn count_calls(trace: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for line in trace.lines() {
        let call = line.split_whitespace().nth(1).and_then(|rest| rest.split_once('('));
        if let Some((name, _)) = call.filter(|(name, _)| !name.starts_with('<')) {
            *found.entry(name.to_owned()).or_default() += 1;
        }
    }
    found
}
