//! Sixteen processes of the real command on one workspace: whatever is acknowledged stays, whoever
//! is refused hears who was first, and the operation log is one chain.
//!
//! Two that move the same name are forced to meet, by a disk on which the one acts in the middle
//! of the other's commit.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]
#![allow(missing_docs)]

mod common;
mod library;
#[path = "many/meeting.rs"]
mod meeting;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use common::{Bench, text};
use expdag::base::disk::RealDisk;
use expdag::base::id::{Hash, SnapshotId};
use expdag::base::path::TreePath;
use expdag::object::operation::Operation;
use expdag::object::snapshot::Snapshot;
use expdag::object::traits::Fetch;
use expdag::object::tree;
use expdag::store::Store;
use library::random::Random;
use serde_json::Value;

const PROCESSES: usize = 16;
const ROUNDS: usize = 10;
/// A lock is waited for at most 5 s, and a verb takes few of them.
const LIMIT: Duration = Duration::from_secs(60);

const CONFIG: &str = "[[stage]]\nname = \"gate\"\nkind = \"gate\"\nrun = \"true\"\n";

/// What one of them was told.
#[derive(Default)]
struct Told {
    /// By name, as in the store: `branch/…`, `tag/…`, and the snapshot.
    names: BTreeMap<String, String>,
    /// Snapshots and what the own file held then.
    snapshots: Vec<(String, String)>,
    /// Operations that were acknowledged, by verb.
    done: BTreeMap<String, usize>,
    refused: usize,
}

struct Worker<'b> {
    bench: &'b Bench,
    number: usize,
    told: Told,
}

impl Worker<'_> {
    fn session(&self) -> String {
        format!("s{}", self.number)
    }

    /// Runs a verb: its report, or none where it was refused as it may be.
    fn ask(&mut self, words: &[&str]) -> Option<Value> {
        let mut all = vec!["--json"];
        all.extend(words);
        let mut command = self.bench.command(&all);
        command.env("EXP_SESSION", self.session());
        let begun = Instant::now();
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(begun.elapsed() < LIMIT, "{words:?} took {:?}", begun.elapsed());
        let said = text(&output.stderr) + &text(&output.stdout);
        match output.status.code() {
            Some(0) => Some(serde_json::from_slice(&output.stdout).unwrap()),
            // Who records the files follows who was quicker.
            Some(3) if words[0] != "snapshot" => {
                assert!(said.contains("was moved by") || said.contains("exists"), "{said}");
                self.told.refused += 1;
                None
            }
            Some(5) => {
                assert!(said.contains("is in use by"), "{words:?}: {said}");
                self.told.refused += 1;
                None
            }
            // Nothing of this session is left to undo.
            Some(4) if words == ["undo"] => None,
            code => panic!("{words:?} ended with {code:?}: {said}"),
        }
    }

    fn count(&mut self, verb: &str) {
        *self.told.done.entry(verb.to_owned()).or_default() += 1;
    }

    fn round(&mut self, round: usize, random: &mut Random) {
        let own = format!("{}-{round}", self.number);
        match random.below(8) {
            0..=2 => self.snapshot(&own),
            3 => {
                let name = format!("b-{own}");
                if let Some(report) = self.ask(&["branch", &name]) {
                    let id = report["done"].as_str().unwrap_or_default().to_owned();
                    self.told.names.insert(format!("branch/{name}"), id);
                    self.count("branch");
                }
            }
            4 => {
                let name = format!("t-{own}");
                if self.ask(&["tag", &name, "-m", &own]).is_some() {
                    self.told.names.insert(format!("tag/{name}"), own);
                    self.count("tag");
                }
            }
            5 => {
                let report = self.ask(&["eval"]);
                assert!(report.is_none_or(|r| r["verdict"]["word"] != "bad"), "`true` is not bad");
            }
            6 => {
                if let Some(report) = self.ask(&["undo"]) {
                    for name in report["names"].as_array().unwrap() {
                        self.told.names.remove(name.as_str().unwrap());
                    }
                    self.count("undo");
                }
            }
            _ => drop(self.ask(&["state", "put", "--set", &format!("/round={round}")])),
        }
    }

    fn snapshot(&mut self, own: &str) {
        self.bench.write(&format!("file-{}.txt", self.number), own);
        if let Some(report) = self.ask(&["snapshot", "-m", own]) {
            let id = report["snapshot"].as_str().unwrap().to_owned();
            self.told.snapshots.push((id, own.to_owned()));
            // Another one's snapshot may have had the file already.
            if report["created"] == true {
                self.count("snapshot");
            }
        }
    }
}

fn work(bench: &Bench) -> Vec<Told> {
    let barrier = Barrier::new(PROCESSES);
    std::thread::scope(|scope| {
        let one = |number| {
            let barrier = &barrier;
            scope.spawn(move || {
                let mut random = Random(number as u64);
                let mut worker = Worker { bench, number, told: Told::default() };
                barrier.wait();
                (0..ROUNDS).for_each(|round| worker.round(round, &mut random));
                worker.told
            })
        };
        let all: Vec<_> = (0..PROCESSES).map(one).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// The operations from the newest to the first, along their only parents.
fn chain(store: &Store) -> Vec<Operation> {
    let mut next = store.current().unwrap().map(|current| current.operation);
    let mut found = Vec::new();
    while let Some(id) = next {
        let operation = Operation::fetch(store, id).unwrap();
        assert!(operation.parents.len() <= 1, "two heads were joined");
        next = operation.parents.first().copied();
        if let Some(next) = next {
            let before = Operation::fetch(store, next).unwrap();
            assert_eq!(before.after, operation.before, "a change of the names is nobody's");
        }
        found.push(operation);
    }
    found
}

#[test]
fn what_sixteen_processes_were_told_is_there() {
    let bench = Bench::empty();
    bench.write("exp.toml", CONFIG);
    bench.ok(&["init"]);
    let told = work(&bench);
    bench.ok(&["fsck"]);
    let store = Store::open(&bench.root().join(".exp"), Arc::new(RealDisk)).unwrap();
    let list = |verb: &str, field: &str| -> BTreeSet<String> {
        let report = bench.json(&[verb]);
        let all = report[field].as_array().unwrap().iter();
        all.map(|entry| format!("{verb}/{}", entry["name"].as_str().unwrap())).collect()
    };
    let found: BTreeSet<String> = &list("branch", "branches") | &list("tag", "tags");
    let expected: BTreeSet<String> =
        told.iter().flat_map(|told| told.names.keys().cloned()).collect();
    let missing: Vec<_> = expected.difference(&found).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let more: Vec<_> = found.difference(&expected).filter(|name| *name != "branch/main").collect();
    assert!(more.is_empty(), "undone, or never made: {more:?}");
    let operations = chain(&store);
    for (number, told) in told.iter().enumerate() {
        let session = format!("s{number}");
        for (id, content) in &told.snapshots {
            let id = SnapshotId(Hash::from_hex(id).unwrap());
            let snapshot = Snapshot::fetch(&store, id).unwrap();
            let path = TreePath::new(format!("file-{number}.txt").as_bytes()).unwrap();
            let entry = tree::lookup(&store, snapshot.tree, &path).unwrap().expect("its file");
            let blob = store.fetch(entry.blob().unwrap().object()).unwrap();
            assert_eq!(text(&blob), *content, "{session}");
        }
        for verb in ["snapshot", "branch", "tag", "undo"] {
            let is_one = |op: &&Operation| op.session == session && op.verb == verb;
            let logged = operations.iter().filter(is_one).count();
            let acknowledged = told.done.get(verb).copied().unwrap_or(0);
            assert_eq!(logged, acknowledged, "{verb} of {session}");
        }
    }
    let count = |of: fn(&Told) -> usize| told.iter().map(of).sum::<usize>();
    let done = count(|told| told.done.values().sum());
    println!("{done} operations, {} refused", count(|told| told.refused));
    assert!(done > 2 * PROCESSES, "{done} were done");
    let left: Vec<_> = std::fs::read_dir(bench.root().join(".exp/intents")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    // The next one finds no lock.
    bench.ok(&["snapshot", "-m", "after all"]);
}
