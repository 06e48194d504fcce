//! The catalogue against itself built from nothing, its questions, and (in `damage`) what can be
//! wrong with it.

mod counters;
mod damage;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::base::id::{
    BlobId, EvaluationId, Hash, NamesId, ObjectId, OperationId, SnapshotId, TreeId,
};
use crate::base::limits::{CATALOGUE_BATCH_MAX, CATALOGUE_STAGED_MAX};
use crate::base::name::Label;
use crate::base::time::Timestamp;
use crate::object::evaluation::{
    Evaluation, StageKind, StageOutcome, StageRecord, TestCase, TestStatus,
};
use crate::object::experiment::{Approach, ApproachState, Experiment};
use crate::object::memory::MemoryObjects;
use crate::object::names::{self, NameEdits, NameKey, NameValue, VerdictRecord, VerdictWord};
use crate::object::snapshot::{Origin, Snapshot, Tier};
use crate::object::tombstone::{Farewell, Tombstone};
use crate::object::traits::{Fetch, ObjectError};

const NOW: Timestamp = Timestamp(5_000_000_000);

/// A history in memory: objects, the present names, and all snapshots so far.
struct History {
    objects: MemoryObjects,
    names: NamesId,
    snapshots: Vec<SnapshotId>,
    operations: u8,
}

fn label(text: &str) -> Label {
    Label::new(text).unwrap()
}

impl History {
    fn new() -> Self {
        let objects = MemoryObjects::new();
        let names = names::empty(&objects).unwrap();
        Self { objects, names, snapshots: Vec::new(), operations: 0 }
    }

    fn head(&self) -> Option<(OperationId, NamesId)> {
        Some((OperationId(Hash([self.operations; 32])), self.names))
    }

    fn set(&mut self, key: NameKey, value: Option<NameValue>) {
        let edits = NameEdits::from([(key, value)]);
        self.names = names::edit(&self.objects, self.names, &edits).unwrap();
        self.operations = self.operations.wrapping_add(1);
    }

    fn snapshot(&mut self, parents: Vec<SnapshotId>, number: usize) -> SnapshotId {
        let snapshot = Snapshot {
            parents,
            tree: TreeId(Hash([number as u8; 32])),
            state: None,
            git_head: None,
            branch: label(["main", "fix"][number % 2]),
            origin: [Origin::Manual, Origin::Automatic, Origin::Merge][number % 3].clone(),
            tier: Tier::Checkpoint,
            who: "somebody".to_owned(),
            session: format!("s{}", number % 4),
            when: Timestamp(number as i64 * 10),
            message: format!("Change number {number}: {}", "größer ".repeat(number % 90)),
        };
        let id = snapshot.put(&self.objects).unwrap();
        self.snapshots.push(id);
        id
    }

    fn branch(&mut self, name: &str, snapshot: SnapshotId) {
        self.set(NameKey::Branch(label(name)), Some(NameValue::Branch(snapshot)));
    }

    fn verdict(&mut self, snapshot: SnapshotId, word: VerdictWord) {
        let record = VerdictRecord {
            word,
            trigger: None,
            reason: "for the test".to_owned(),
            base: None,
            evaluator: Hash([1; 32]),
            evaluation: EvaluationId(Hash([2; 32])),
            when: NOW,
        };
        self.set(NameKey::Verdict(snapshot), Some(NameValue::Verdict(record)));
    }

    fn experiment(&mut self, base: SnapshotId, candidates: &[SnapshotId]) {
        let approach = |candidate: &SnapshotId| Approach {
            name: "map".to_owned(),
            command: "true".to_owned(),
            branch: label("e1/map"),
            state: ApproachState::Waiting,
            duration_ms: 0,
            candidate: Some(*candidate),
            evaluation: None,
        };
        let experiment = Experiment {
            name: "e1".to_owned(),
            base,
            base_evaluation: None,
            evaluator: None,
            approaches: candidates.iter().map(approach).collect(),
            selection: None,
            session: String::new(),
            workspace: String::new(),
            when: NOW,
        };
        let id = experiment.put(&self.objects).unwrap();
        self.set(NameKey::Experiment("e1".to_owned()), Some(NameValue::Experiment(id)));
    }

    fn evaluation(&mut self, number: u8) -> NameKey {
        let (tree, evaluator) = (TreeId(Hash([number; 32])), Hash([1; 32]));
        let environment = Hash([3; 32]);
        let test = |name: &str, status| TestCase { name: name.to_owned(), status };
        let stage = StageRecord {
            name: "test".to_owned(),
            kind: StageKind::Test,
            command: "true".to_owned(),
            outcome: StageOutcome::Failed { exit: 1 },
            duration_ms: 1,
            tests: vec![test("a", TestStatus::Passed), test("b", TestStatus::Failed)],
            metrics: Vec::new(),
            excerpt: Vec::new(),
        };
        let evaluation = Evaluation {
            tree,
            evaluator,
            environment,
            stages: vec![stage],
            new_files: Vec::new(),
            changed_files: Vec::new(),
            view: String::new(),
            machine: String::new(),
            when: NOW,
            duration_ms: 7,
        };
        let id = evaluation.put(&self.objects).unwrap();
        let key = NameKey::memo(tree, evaluator, environment);
        self.set(key.clone(), Some(NameValue::Evaluation(id)));
        key
    }

    /// One random step of a history.
    fn step(&mut self, (what, a, b): (u8, usize, usize)) {
        let number = self.snapshots.len() + 1;
        let branch = ["main", "fix", "e1/map", "x"][a % 4];
        let Some(old) = self.snapshots.get(b % self.snapshots.len().max(1)).copied() else {
            let first = self.snapshot(Vec::new(), number);
            return self.branch("main", first);
        };
        match what % 9 {
            0..=2 => {
                let other = self.snapshots[a % self.snapshots.len()];
                let parents = if what % 3 == 0 { vec![old, other] } else { vec![old] };
                let new = self.snapshot(parents, number);
                self.branch(branch, new);
            }
            3 => self.branch(branch, old),
            4 => self.set(NameKey::Branch(label(branch)), None),
            5 => {
                let tag = NameValue::Tag { snapshot: old, note: String::new() };
                self.set(NameKey::Tag(label(branch)), (a % 3 > 0).then_some(tag));
            }
            6 => {
                let words = [VerdictWord::Good, VerdictWord::Bad, VerdictWord::Inconclusive];
                self.verdict(old, words[a % 3]);
            }
            7 => self.experiment(old, &[self.snapshots[a % self.snapshots.len()]]),
            _ => drop(self.evaluation(b as u8)),
        }
    }
}

/// All that it holds, byte for byte.
fn content(catalogue: &Catalogue) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let read = |tables: tables::Tables<'_>| {
        let mut content = BTreeMap::new();
        for item in tables.db.iter() {
            let (key, value) = item.map_err(|error| tables.fault(error))?;
            assert!(key.len() + value.len() < 1_300 && value.len() < 1_024);
            content.insert(key.to_vec(), value.to_vec());
        }
        Ok(content)
    };
    catalogue.guarded(read).unwrap()
}

fn open(folder: &Path) -> Catalogue {
    let (catalogue, notices) = Catalogue::open(folder, NOW).unwrap();
    assert_eq!(notices, []);
    catalogue
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn step_by_step_is_the_same_as_from_nothing(
        steps in proptest::collection::vec((any::<u8>(), 0..40_usize, 0..40_usize), 1..60),
        pace in 1..5_usize,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut history = History::new();
        let catalogue = open(&folder.path().join("steps"));
        for part in steps.chunks(pace) {
            part.iter().for_each(|step| history.step(*step));
            catalogue.bring_forward(&history.objects, history.head()).unwrap();
        }
        let again = catalogue.bring_forward(&history.objects, history.head()).unwrap();
        prop_assert_eq!(again, Progress::default());
        let fresh = open(&folder.path().join("fresh"));
        prop_assert!(fresh.bring_forward(&history.objects, history.head()).unwrap().from_nothing);
        prop_assert_eq!(content(&catalogue), content(&fresh));
    }
}

/// A line of snapshots on two branches, one of them evaluated and tagged.
fn line(length: usize) -> History {
    let mut history = History::new();
    for number in 0..length {
        let parents = history.snapshots.last().copied().into_iter().collect();
        history.snapshot(parents, number);
    }
    let snapshots = history.snapshots.clone();
    history.branch("main", snapshots[length - 1]);
    history.verdict(snapshots[3], VerdictWord::Good);
    history.verdict(snapshots[4], VerdictWord::Bad);
    let tag = NameValue::Tag { snapshot: snapshots[2], note: String::new() };
    history.set(NameKey::Tag(label("v1")), Some(tag));
    history
}

#[test]
fn questions_and_answers() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = line(12);
    let evaluation = history.evaluation(9);
    let ids = history.snapshots.clone();
    let side = history.snapshot(vec![ids[3]], 40);
    history.branch("side", side);
    let catalogue = open(folder.path());
    let progress = catalogue.bring_forward(&history.objects, history.head()).unwrap();
    assert_eq!((progress.added, progress.removed), (13, 0));

    let mut children = vec![ids[4], side];
    children.sort_unstable();
    assert_eq!(catalogue.children(ids[3]).unwrap(), children);
    assert_eq!(catalogue.children(side).unwrap(), []);

    let find = |query: Query| -> Vec<SnapshotId> {
        catalogue.find(&query).unwrap().into_iter().map(|entry| entry.snapshot).collect()
    };
    let all = Query::default();
    assert_eq!(find(Query { limit: 2, ..all.clone() }), [side, ids[11]]);
    let session = Some("s1".to_owned());
    assert_eq!(find(Query { session, ..all.clone() }), [ids[9], ids[5], ids[1]]);
    assert_eq!(find(Query { tag: Some(label("v1")), ..all.clone() }), [ids[2]]);
    assert_eq!(find(Query { tag: Some(label("v2")), ..all.clone() }), []);
    let branch = Some(label("fix"));
    let (since, until) = (Some(Timestamp(30)), Some(Timestamp(90)));
    let query = Query { branch, since, until, ..all.clone() };
    assert_eq!(find(query), [ids[9], ids[7], ids[5], ids[3]]);
    let verdict = Some(VerdictIs::Word(VerdictWord::Bad));
    assert_eq!(find(Query { verdict, ..all.clone() }), [ids[4]]);
    let verdict = Some(VerdictIs::Unknown);
    assert_eq!(find(Query { verdict, ..all.clone() }).len(), 11);
    let text = Some("NUMBER 7: Gr".to_owned());
    assert_eq!(find(Query { text, ..all.clone() }), [ids[7]]);
    let (since, until) = (Some(Timestamp(90)), Some(Timestamp(30)));
    assert_eq!(find(Query { since, until, ..all }), []);

    let statistics = catalogue.statistics().unwrap();
    assert_eq!((statistics.snapshots, statistics.evaluations), (13, 1));
    assert_eq!((statistics.good, statistics.bad, statistics.inconclusive), (1, 1, 0));
    assert_eq!(statistics.by_session["s0"], 4);
    assert_eq!(statistics.by_origin["merge"], 4);
    assert_eq!(statistics.oldest, Some(Timestamp(0)));
    assert_eq!(statistics.newest, Some(Timestamp(400)));
    let counts = catalogue.evaluation(&evaluation).unwrap().unwrap();
    assert_eq!((counts.passed, counts.failed, counts.is_complete), (1, 1, true));
}

#[test]
fn what_no_name_leads_to_goes() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = line(8);
    let ids = history.snapshots.clone();
    let catalogue = open(folder.path());
    catalogue.bring_forward(&history.objects, history.head()).unwrap();
    // The tag on 2 holds what the branch let go.
    history.branch("main", ids[0]);
    let progress = catalogue.bring_forward(&history.objects, history.head()).unwrap();
    assert_eq!((progress.added, progress.removed), (0, 5));
    assert_eq!(catalogue.statistics().unwrap().snapshots, 3);
    history.experiment(ids[5], &[ids[7]]);
    let progress = catalogue.bring_forward(&history.objects, history.head()).unwrap();
    assert_eq!((progress.added, progress.removed), (5, 0));
    catalogue.bring_forward(&history.objects, None).unwrap();
    assert_eq!(catalogue.statistics().unwrap(), CatalogueStatistics::default());
}

#[test]
fn names_that_were_collected_are_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = open(folder.path());
    let old = line(300);
    catalogue.bring_forward(&old.objects, old.head()).unwrap();
    let mut new = line(5);
    new.branch("other", new.snapshots[1]);
    let progress = catalogue.bring_forward(&new.objects, new.head()).unwrap();
    assert!(progress.from_nothing);
    assert_eq!(catalogue.statistics().unwrap().snapshots, 5);
}

/// Objects of which one was let go, and says so.
struct LetGo<'a>(&'a MemoryObjects, ObjectId);

impl Fetch for LetGo<'_> {
    fn fetch(&self, id: ObjectId) -> Result<Arc<Vec<u8>>, ObjectError> {
        let (why, who) = (Farewell::Retention, "ann".to_owned());
        let tombstone = Tombstone { kind: id.kind as u8, why, who, when: NOW };
        if id == self.1 { Err(ObjectError::Gone { id, tombstone }) } else { self.0.fetch(id) }
    }

    fn contains(&self, id: ObjectId) -> Result<bool, ObjectError> {
        Ok(id != self.1 && self.0.contains(id)?)
    }

    fn fetch_blob_to(&self, id: BlobId, into: &mut dyn Write) -> Result<u64, ObjectError> {
        self.0.fetch_blob_to(id, into)
    }
}

#[test]
fn names_that_were_let_go_are_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = open(folder.path());
    let mut history = line(5);
    catalogue.bring_forward(&history.objects, history.head()).unwrap();
    let seen = history.names.object();
    history.branch("other", history.snapshots[1]);
    let progress = catalogue.bring_forward(&LetGo(&history.objects, seen), history.head());
    assert!(progress.unwrap().from_nothing);
    assert_eq!(catalogue.statistics().unwrap().snapshots, 5);
}

#[test]
fn one_at_a_time_and_what_was_flushed_stays() {
    let folder = tempfile::tempdir().unwrap();
    let history = line(20);
    let catalogue = open(folder.path());
    catalogue.bring_forward(&history.objects, history.head()).unwrap();
    let busy = Catalogue::open(folder.path(), NOW);
    assert!(matches!(busy, Err(CatalogueError::Busy { .. })), "{busy:?}");
    let before = content(&catalogue);
    drop(catalogue);
    let catalogue = open(folder.path());
    assert_eq!(content(&catalogue), before);
    let (catalogue, progress) = catalogue.rebuild(&history.objects, history.head()).unwrap();
    assert!(progress.from_nothing);
    assert_eq!(content(&catalogue), before);
    drop(catalogue);
    assert_eq!(content(&open(folder.path())), before);
}

#[test]
fn a_large_step_is_written_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    // The first is too large for a batch, the second is written before all of it is known.
    for (name, length) in [("one", CATALOGUE_BATCH_MAX / 4), ("two", CATALOGUE_STAGED_MAX / 2)] {
        let history = line(length);
        let catalogue = open(&folder.path().join(name));
        let progress = catalogue.bring_forward(&history.objects, history.head()).unwrap();
        assert_eq!(progress.added, length);
        let again = catalogue.bring_forward(&history.objects, history.head()).unwrap();
        assert_eq!(again, Progress::default());
        let found = catalogue.statistics().unwrap();
        assert_eq!((found.snapshots, found.good, found.bad), (length as u64, 1, 1));
    }
}
