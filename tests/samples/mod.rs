//! One sample of each stored record, with every field set and every variant used. The golden bytes
//! and the fuzz bodies stand on them.

#![allow(dead_code, reason = "each test program uses its own part")]

use std::sync::Arc;

use expdag::base::codec::Bytes;
use expdag::base::id::{
    DocumentId, EvaluationId, ExperimentId, Hash, Kind, NamesId, ObjectId, OperationId, SnapshotId,
    TreeId,
};
use expdag::base::name::Label;
use expdag::base::time::Timestamp;
use expdag::document::{Json, build};
use expdag::object::evaluation::{
    Better, Evaluation, Metric, StageKind, StageOutcome, StageRecord, TestCase, TestStatus,
};
use expdag::object::experiment::{Approach, ApproachState, Experiment, Selection};
use expdag::object::memory::MemoryObjects;
use expdag::object::names::{
    self, ForeignKey, ForeignValue, NameEdits, NameKey, NameValue, Position, VerdictRecord,
    VerdictWord,
};
use expdag::object::operation::{Operation, OperationKind};
use expdag::object::snapshot::{GitHead, Origin, Snapshot, Tier};
use expdag::object::tombstone::{Farewell, Tombstone};
use expdag::object::traits::Fetch;
use expdag::object::tree::{self, EntryKind, TreeEntry};

/// A record that is stored.
pub struct Sample {
    /// Its name, also that of its golden file.
    pub name: String,
    /// Its id.
    pub id: ObjectId,
    /// Its bytes.
    pub bytes: Arc<Vec<u8>>,
}

/// A hash that shows where it stands in the bytes.
fn hash(byte: u8) -> Hash {
    Hash([byte; 32])
}

fn label(text: &str) -> Label {
    Label::new(text).expect("a good label")
}

/// Collects samples and the objects that they name.
#[derive(Default)]
struct Collecting {
    objects: MemoryObjects,
    samples: Vec<Sample>,
}

impl Collecting {
    fn add(&mut self, name: &str, id: ObjectId) {
        let bytes = self.objects.fetch(id).expect("it was just put");
        self.samples.push(Sample { name: name.to_owned(), id, bytes });
    }
}

/// All samples, and the objects that they name as far as there are any.
pub fn samples() -> (MemoryObjects, Vec<Sample>) {
    let mut all = Collecting::default();
    trees(&mut all);
    documents(&mut all);
    snapshots(&mut all);
    evaluations(&mut all);
    experiments(&mut all);
    operations(&mut all);
    all_names(&mut all);
    tombstones(&mut all);
    (all.objects, all.samples)
}

fn tombstones(all: &mut Collecting) {
    for (name, why) in [("retention", Farewell::Retention), ("forgotten", Farewell::Forgotten)] {
        let of = ObjectId { kind: Kind::Tree, hash: hash(why as u8) };
        let (who, when) = ("ann".to_owned(), Timestamp(1_700_000_000_000_000_000));
        let tombstone = Tombstone { kind: of.kind as u8, why, who, when };
        tombstone.put(&all.objects, of).expect("in memory");
        all.add(&format!("tombstone-{name}"), Tombstone::place(of));
    }
}

fn trees(all: &mut Collecting) {
    let entry = |name: &[u8], kind, number: u8| TreeEntry {
        name: name.into(),
        kind,
        hash: hash(number),
        length: u64::from(number) << 32 | 7,
    };
    let leaf = vec![
        entry(b"a.rs", EntryKind::File, 1),
        entry(b"run\xff", EntryKind::Executable, 2),
        entry("link-\u{e4}".as_bytes(), EntryKind::Symlink, 3),
        entry(b"src", EntryKind::Directory, 4),
    ];
    let leaf = tree::build(&all.objects, leaf).expect("good names");
    all.add("tree-leaf", TreeId(leaf.hash).object());
    let empty = tree::empty(&all.objects).expect("in memory");
    all.add("tree-empty", empty.object());
    let many = (0..200_u8).map(|n| entry(format!("file-{n:03}").as_bytes(), EntryKind::File, n));
    let many = tree::build(&all.objects, many.collect()).expect("good names");
    all.add("tree-index", TreeId(many.hash).object());
}

fn documents(all: &mut Collecting) {
    let long = "x".repeat(1_025);
    let large: Vec<String> = (0..60).map(|n| format!("\"item {n}\"")).collect();
    let large = format!("[{}]", large.join(","));
    let entries: Vec<String> = (0..60).map(|n| format!("\"key {n:02}\":{n}")).collect();
    let every = format!(
        r#"{{"":null,"bool":true,"inline":{{"list":[1,"two",false]}},"long":"{long}","node":{large},"number":-1.50e+3,"string":"ä\u0000"}}"#
    );
    for (name, text) in [
        ("document-null", "null".to_owned()),
        ("document-bool", "true".to_owned()),
        ("document-number", "-0.0".to_owned()),
        ("document-string", "\"ä\"".to_owned()),
        ("document-text", format!("\"{long}\"")),
        ("document-map", every),
        ("document-map-empty", "{}".to_owned()),
        ("document-map-index", format!("{{{}}}", entries.join(","))),
        ("document-list", "[null,true,1,\"a\",[],{}]".to_owned()),
        ("document-list-index", large),
    ] {
        let value = Json::parse(text.as_bytes()).expect("good JSON");
        let id: DocumentId = build(&all.objects, &value).expect("in memory");
        all.add(name, id.object());
    }
}

fn snapshots(all: &mut Collecting) {
    let approach =
        Origin::Approach { experiment: "e7".into(), approach: "map".into(), exit: Some(-1) };
    let full = Snapshot {
        parents: vec![SnapshotId(hash(1)), SnapshotId(hash(2))],
        tree: TreeId(hash(3)),
        state: Some(DocumentId(hash(4))),
        git_head: Some(GitHead {
            reference: Some("refs/heads/main".into()),
            commit: Some("ab".repeat(20)),
        }),
        branch: label("e7/map"),
        origin: approach,
        tier: Tier::Milestone,
        who: "ada".into(),
        session: "s1".into(),
        when: Timestamp(1_700_000_000_123_456_789),
        message: "größer".into(),
    };
    let bare = Snapshot {
        parents: vec![],
        state: None,
        git_head: None,
        origin: Origin::Initial,
        tier: Tier::Checkpoint,
        when: Timestamp(-1),
        message: String::new(),
        ..full.clone()
    };
    let detached = GitHead { reference: None, commit: None };
    let of = |origin| Snapshot { origin, git_head: Some(detached.clone()), ..bare.clone() };
    for (name, snapshot) in [
        ("snapshot-full", full),
        ("snapshot-initial", bare.clone()),
        ("snapshot-manual", of(Origin::Manual)),
        ("snapshot-automatic", of(Origin::Automatic)),
        ("snapshot-command", of(Origin::Command { exit: None })),
        ("snapshot-merge", of(Origin::Merge)),
    ] {
        let id = snapshot.put(&all.objects).expect("in memory");
        all.add(name, id.object());
    }
}

fn evaluations(all: &mut Collecting) {
    let stage = |name: &str, kind, outcome| StageRecord {
        name: name.into(),
        kind,
        command: "cargo test".into(),
        outcome,
        duration_ms: 1_234,
        tests: vec![],
        metrics: vec![],
        excerpt: vec!["error[E0308]".into()],
    };
    let test = |name: &str, status| TestCase { name: name.into(), status };
    let metric = |name: &str, better| Metric {
        name: name.into(),
        unit: "s".into(),
        better,
        samples: vec!["1.5".into(), "1.25".into()],
    };
    let tests = StageRecord {
        tests: vec![
            test("a", TestStatus::Passed),
            test("b", TestStatus::Failed),
            test("c", TestStatus::Skipped),
        ],
        ..stage("test", StageKind::Test, StageOutcome::Failed { exit: 101 })
    };
    let metrics = StageRecord {
        metrics: vec![metric("time", Better::Lower), metric("score", Better::Higher)],
        ..stage("bench", StageKind::Metric, StageOutcome::TimedOut { limit_ms: 60_000 })
    };
    let missing = StageOutcome::DidNotRun { reason: "no such command".into() };
    let evaluation = Evaluation {
        tree: TreeId(hash(1)),
        evaluator: hash(2),
        environment: hash(3),
        stages: vec![
            stage("setup", StageKind::Setup, StageOutcome::Passed),
            stage("build", StageKind::Gate, StageOutcome::Killed { signal: 9 }),
            tests,
            metrics,
            stage("lint", StageKind::Gate, missing),
            stage("doc", StageKind::Gate, StageOutcome::Skipped),
        ],
        new_files: vec![Bytes(b"Cargo.lock".to_vec())],
        changed_files: vec![Bytes(b"\xff".to_vec())],
        view: "overlay, live".into(),
        machine: "host".into(),
        when: Timestamp(5),
        duration_ms: 99,
    };
    let id = evaluation.put(&all.objects).expect("in memory");
    all.add("evaluation", id.object());
}

fn experiments(all: &mut Collecting) {
    let approach = |number: u8, state| Approach {
        name: format!("a{number}"),
        command: "./agent.sh".into(),
        branch: label(&format!("e7/a{number}")),
        state,
        duration_ms: 10,
        candidate: (number > 0).then_some(SnapshotId(hash(number))),
        evaluation: (number > 1).then_some(EvaluationId(hash(number))),
    };
    let experiment = Experiment {
        name: "e7".into(),
        base: SnapshotId(hash(0x10)),
        base_evaluation: Some(EvaluationId(hash(0x11))),
        evaluator: Some(hash(0x12)),
        approaches: vec![
            approach(0, ApproachState::Waiting),
            approach(1, ApproachState::Finished { exit: 3 }),
            approach(2, ApproachState::TimedOut),
            approach(3, ApproachState::Killed { signal: 15 }),
            approach(4, ApproachState::DidNotRun { reason: "no shell".into() }),
            approach(5, ApproachState::Interrupted),
        ],
        selection: Some(Selection {
            approach: "a1".into(),
            candidate: SnapshotId(hash(1)),
            reason: "fewest failures".into(),
            ranking: vec!["a1".into(), "a2".into()],
            when: Timestamp(6),
            merged: Some(SnapshotId(hash(0x13))),
        }),
        session: "s1".into(),
        workspace: "w1".into(),
        when: Timestamp(5),
    };
    let bare = Experiment {
        base_evaluation: None,
        evaluator: None,
        approaches: vec![],
        selection: None,
        ..experiment.clone()
    };
    for (name, experiment) in [("experiment", experiment), ("experiment-bare", bare)] {
        let id = experiment.put(&all.objects).expect("in memory");
        all.add(name, id.object());
    }
}

fn operations(all: &mut Collecting) {
    let of = OperationId(hash(9));
    for (name, kind) in [
        ("operation-verb", OperationKind::Verb),
        ("operation-capture", OperationKind::Capture),
        ("operation-evaluation", OperationKind::Evaluation),
        ("operation-undo", OperationKind::Undo { of }),
        ("operation-redo", OperationKind::Redo { of }),
        ("operation-reconcile", OperationKind::Reconcile),
    ] {
        let is_verb = kind == OperationKind::Verb;
        let operation = Operation {
            parents: vec![OperationId(hash(1)), OperationId(hash(2))],
            before: NamesId(hash(3)),
            after: NamesId(hash(4)),
            kind,
            verb: "merge".into(),
            summary: "merge e7/map into main".into(),
            who: "ada".into(),
            session: "s1".into(),
            workspace: is_verb.then(|| "w1".into()),
            when: Timestamp(5),
        };
        let id = operation.put(&all.objects).expect("in memory");
        all.add(name, id.object());
    }
}

fn all_names(all: &mut Collecting) {
    let verdict = |word, trigger: Option<&str>, base| VerdictRecord {
        word,
        trigger: trigger.map(Into::into),
        reason: "it does not compile".into(),
        base,
        evaluator: hash(5),
        evaluation: EvaluationId(hash(6)),
        when: Timestamp(7),
    };
    let position = Position {
        branch: label("main"),
        snapshot: SnapshotId(hash(1)),
        git_head: Some(GitHead { reference: None, commit: Some("cd".repeat(20)) }),
        path: Bytes(b"/w/\xff".to_vec()),
    };
    let memo = NameKey::memo(TreeId(hash(1)), hash(2), hash(3));
    let base = Some(SnapshotId(hash(4)));
    let of = |number| NameKey::Verdict(SnapshotId(hash(number)));
    let edits = NameEdits::from([
        (NameKey::Branch(label("e7/map")), Some(NameValue::Branch(SnapshotId(hash(1))))),
        (
            NameKey::Tag(label("v1")),
            Some(NameValue::Tag { snapshot: SnapshotId(hash(2)), note: "first".into() }),
        ),
        (NameKey::Position("w1".into()), Some(NameValue::Position(position))),
        (NameKey::Experiment("e7".into()), Some(NameValue::Experiment(ExperimentId(hash(3))))),
        (memo, Some(NameValue::Evaluation(EvaluationId(hash(4))))),
        (of(1), Some(NameValue::Verdict(verdict(VerdictWord::Good, None, None)))),
        (of(2), Some(NameValue::Verdict(verdict(VerdictWord::Bad, Some("compile"), base)))),
        (of(3), Some(NameValue::Verdict(verdict(VerdictWord::Inconclusive, None, base)))),
    ]);
    let empty = names::empty(&all.objects).expect("in memory");
    all.add("names-empty", empty.object());
    let id = names::edit(&all.objects, empty, &edits).expect("in memory");
    all.add("names", id.object());
    let foreign = |of, value| {
        let key = NameKey::Foreign { source: label("ann-laptop-3f2a9c1b"), of };
        (key, Some(NameValue::Foreign { store: hash(8), value }))
    };
    let verdict = verdict(VerdictWord::Good, None, None);
    let edits = NameEdits::from([
        foreign(
            ForeignKey::Experiment("e7".into()),
            ForeignValue::Experiment(ExperimentId(hash(3))),
        ),
        foreign(ForeignKey::Evaluation(hash(2)), ForeignValue::Evaluation(EvaluationId(hash(4)))),
        foreign(ForeignKey::Verdict(SnapshotId(hash(1))), ForeignValue::Verdict(verdict)),
    ]);
    let id = names::edit(&all.objects, empty, &edits).expect("in memory");
    all.add("names-foreign", id.object());
}
