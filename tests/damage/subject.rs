//! The store that is damaged: made by the real command, with something in it of every kind that a
//! store has, and copied for each case.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use expdag::base::disk::RealDisk;
use expdag::engine::verb::state::{Input, put};
use expdag::engine::{Engine, Surroundings};
use expdag::session::state::PutKind;
use expdag::store::Store;
use expdag::store::journal::{Journal, StreamId};

use super::common::Bench;
use super::common::state::array;
use super::library::{copy, in_memory, quick};
use super::random::Random;

/// States that one session has at least: so many that its index is kept.
const STATES: usize = 260;

/// A workspace that nobody changes, and what is known of it.
pub struct Subject {
    home: tempfile::TempDir,
    /// The store's folder below the workspace.
    pub store: &'static str,
    /// All snapshots, newest first.
    pub snapshots: Vec<String>,
    /// Some states of the session `one`, of every sort.
    pub states: Vec<String>,
}

impl Subject {
    /// In a plain folder.
    pub fn plain() -> Self {
        Self::made(&Bench::project(), ".exp")
    }

    /// In a git repository, whose folder has the store.
    pub fn in_git() -> Self {
        let bench = Bench::project();
        bench.ok(&["deinit", "--yes"]);
        let git = |words: &[&str]| {
            let mut command = std::process::Command::new("git");
            command.args(words).current_dir(bench.root()).env("HOME", bench.outside("home"));
            assert!(command.stdout(Stdio::null()).status().expect("git").success());
        };
        bench.write(".gitignore", "*.log\n");
        bench.write("kept.log", "tracked although it is ignored\n");
        git(&["init", "-q", "-b", "main"]);
        git(&["config", "user.email", "tester@example.org"]);
        git(&["config", "user.name", "tester"]);
        git(&["add", "-Af"]);
        git(&["commit", "-qm", "first"]);
        bench.ok(&["init"]);
        Self::made(&bench, ".git/exp")
    }

    fn made(bench: &Bench, store: &'static str) -> Self {
        fill(bench);
        let state = bench.outside("state");
        many_states(&bench.root(), &state);
        two_segments(&bench.root().join(store));
        // What follows stands in the second segment.
        bench.ok(&["state", "put", "--set", "/last=true", "--tag", "last"]);
        bench.ok(&["stats"]);
        let ids = |value: &serde_json::Value| -> Vec<String> {
            let of = |entry: &serde_json::Value| entry["id"].as_str().map(str::to_owned);
            array(value).iter().filter_map(of).collect()
        };
        let snapshots = ids(&bench.json(&["log", "--all", "-n", "1000"])["entries"]);
        let states = ids(&bench.json(&["state", "log", "-n", "1000"])["entries"]);
        let some = |(at, _): &(usize, &String)| *at < 4 || at % 61 == 0 || *at + 4 > states.len();
        let states = states.iter().enumerate().filter(some).map(|(_, id)| id.clone()).collect();
        let home = in_memory();
        copy(&bench.root(), &home.path().join("work"));
        Self { home, store, snapshots, states }
    }

    /// The workspace as it was made.
    pub fn root(&self) -> PathBuf {
        self.home.path().join("work")
    }

    /// The files of its store, below that, in order.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        list(&self.root().join(self.store), Path::new(""), &mut found);
        found
    }

    /// Whether the end of the journal is among some files.
    pub fn is_newest_segment(&self, files: &[PathBuf]) -> bool {
        let is_segment = |file: &PathBuf| file.extension().is_some_and(|end| end == "log");
        let all = self.files().into_iter().filter(|file| file.starts_with("journal"));
        all.filter(is_segment).max().is_some_and(|newest| files.contains(&newest))
    }

    /// A copy of its own for a case.
    pub fn copy(&self) -> Copy {
        let home = in_memory();
        copy(&self.root(), &home.path().join("work"));
        Copy { home, store: self.store }
    }
}

/// A copy of the workspace, to be damaged.
pub struct Copy {
    home: tempfile::TempDir,
    store: &'static str,
}

impl Copy {
    pub fn root(&self) -> PathBuf {
        self.home.path().join("work")
    }

    pub fn store(&self) -> PathBuf {
        self.root().join(self.store)
    }

    pub fn surroundings(&self, session: &str) -> Surroundings {
        let mut around = Surroundings::plain(self.root(), self.home.path().join("state"), session);
        around.who = "tester".to_owned();
        // Without waiting for the disk.
        around.disk = quick(&self.root());
        around
    }

    /// Every file of the store with its content, less what may change when it is looked at.
    pub fn bytes(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        list(&self.store(), Path::new(""), &mut files);
        files.retain(|path| !path.starts_with("catalogue"));
        let read = |path: PathBuf| {
            let content = fs::read(self.store().join(&path)).expect("it was listed");
            (path, content)
        };
        files.into_iter().map(read).collect()
    }
}

fn fill(bench: &Bench) {
    let mut random = Random(7);
    let mut large = vec![0; 1_300_000];
    large.iter_mut().for_each(|byte| *byte = random.below(256) as u8);
    fs::write(bench.root().join("large.bin"), &large).expect("a file");
    for number in 0..120 {
        bench.write(&format!("many/file-{number}.txt"), &format!("{number} {}\n", random.0));
    }
    bench.write("deep/er/run.sh", "echo\n");
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(bench.root().join("deep/er/run.sh"), mode).expect("a mode");
    std::os::unix::fs::symlink("deep/er/run.sh", bench.root().join("link")).expect("a link");
    bench.ok(&["snapshot", "-m", "much", "--tag", "much"]);
    bench.ok(&["eval"]);
    bench.ok(&["branch", "side"]);
    bench.ok(&["try", "a=echo 9 > value.txt", "b=echo 11 > value.txt; echo x > new.txt"]);
    bench.ok(&["rank"]);
    bench.ok(&["select"]);
    bench.ok(&["merge", "--selected"]);
    large[600_000] ^= 1;
    fs::write(bench.root().join("large.bin"), &large).expect("a file");
    bench.write("many/file-7.txt", "seven\n");
    let state = format!("{{\"n\":0,\"list\":[1,2,3],\"long\":\"{}\"}}", "word ".repeat(300));
    fs::write(bench.outside("state.json"), state).expect("a file");
    let state = bench.outside("state.json");
    let state = state.to_str().expect("a plain name");
    bench.ok(&["state", "put", state, "--files", "--tag", "with-files", "-m", "both"]);
    bench.ok(&["state", "branch", "aside"]);
    bench.ok(&["state", "put", "--set", "/n=-1", "--branch", "aside"]);
    bench.write("undone.txt", "undone\n");
    bench.ok(&["snapshot", "-m", "undone"]);
    bench.ok(&["undo"]);
    bench.ok(&["tag", "v1", "-m", "a note"]);
}

/// So many states that the index of their session is kept.
fn many_states(root: &Path, state: &Path) {
    let around = Surroundings::plain(root.to_owned(), state.to_owned(), "one");
    let engine = Engine::open(around).expect("a workspace");
    for n in 1..STATES {
        let text = format!("{{\"n\":{n},\"list\":[1,2,{n}]}}").into_bytes();
        let options = put::Options {
            input: Input::Value { name: "a test".to_owned(), text },
            kind: PutKind::Automatic,
            branch: None,
            message: String::new(),
            tags: Vec::new(),
            expect: None,
            files: false,
            explain: false,
        };
        put::run(&engine, &options).expect("a state");
    }
}

/// Fills the first segment of the journal, in a stream of its own.
fn two_segments(store: &Path) {
    let store = Store::open(store, Arc::new(RealDisk)).expect("a store");
    let journal = Journal::open(&store).expect("a journal");
    let stream = StreamId::of_name("filler");
    let mut last = None;
    while journal.statistics().expect("it can be read").segments < 2 {
        last = Some(journal.append(stream, last, &[b'f'; 1 << 20]).expect("a frame"));
    }
    journal.sync().expect("a disk");
}

fn list(folder: &Path, below: &Path, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder.join(below)).expect("a folder");
    let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    for name in names {
        let path = below.join(name);
        match folder.join(&path).is_dir() {
            true => list(folder, &path, found),
            false => found.push(path),
        }
    }
}
