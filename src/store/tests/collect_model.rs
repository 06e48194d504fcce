//! Random histories and random choices of what is kept: nothing that lives is lost, and everything
//! else goes. What lives is reckoned here in the plainest way.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::collect::{collect, put_folder, put_state, stored};
use super::{branch, change, fresh, open};
use crate::base::id::{Hash, Kind, ObjectId, OperationId, SnapshotId, TreeId};
use crate::base::name::Label;
use crate::base::time::Timestamp;
use crate::object::evaluation::Evaluation;
use crate::object::experiment::{Approach, ApproachState, Experiment};
use crate::object::names::{self, NameKey, NameValue};
use crate::object::operation::Operation;
use crate::object::snapshot::{Origin, Snapshot, Tier};
use crate::object::tombstone::Tombstone;
use crate::object::traits::{Fetch, ObjectError};
use crate::store::{Keep, NameMove, Store, Writer, references};

/// One step of a history.
#[derive(Clone, Debug)]
enum Act {
    /// A branch moves to a new snapshot of one of some contents, perhaps merged with another branch.
    Commit { branch: u8, content: u8, with: Option<u8> },
    /// A branch goes.
    Remove { branch: u8 },
    /// A tree is measured and remembered; it is that of no snapshot, perhaps.
    Measure { content: u8 },
    /// An experiment has a branch as its base and another one as its candidate.
    Try { base: u8, candidate: u8 },
    /// Something is stored and never needed.
    Leave { content: u8 },
}

fn act() -> impl Strategy<Value = Act> {
    let (branch, content) = (0..3_u8, 0..6_u8);
    prop_oneof![
        6 => (branch.clone(), content.clone(), prop::option::of(branch.clone()))
            .prop_map(|(branch, content, with)| Act::Commit { branch, content, with }),
        1 => branch.clone().prop_map(|branch| Act::Remove { branch }),
        1 => content.clone().prop_map(|content| Act::Measure { content }),
        1 => (branch.clone(), branch).prop_map(|(base, candidate)| Act::Try { base, candidate }),
        1 => content.prop_map(|content| Act::Leave { content }),
    ]
}

/// What is kept, by chance: so many of the newest operations, and of the snapshots those with a one.
#[derive(Clone, Debug)]
struct Chosen {
    operations: usize,
    whole: Vec<bool>,
    object: Option<u8>,
}

fn chosen() -> impl Strategy<Value = Chosen> {
    let whole = prop::collection::vec(prop::bool::weighted(0.3), 24);
    (0..12_usize, whole, prop::option::weighted(0.2, 0..6_u8))
        .prop_map(|(operations, whole, object)| Chosen { operations, whole, object })
}

struct Story<'s> {
    store: &'s Store,
    snapshots: Vec<SnapshotId>,
    operations: Vec<OperationId>,
}

impl Story<'_> {
    fn at(&self, branch_name: &str) -> Option<SnapshotId> {
        let names = self.store.names().unwrap();
        match names::get(self.store, names, &branch(branch_name)).unwrap() {
            Some(NameValue::Branch(id)) => Some(id),
            _ => None,
        }
    }

    fn move_name(&mut self, writer: &Writer<'_>, key: NameKey, new: Option<NameValue>) {
        let names = self.store.names().unwrap();
        let expected = names::get(self.store, names, &key).unwrap();
        let mut change = change(vec![NameMove { key, expected, new }]);
        change.when = Timestamp(self.operations.len() as i64);
        self.operations.push(writer.commit(change).unwrap().operation);
    }

    fn act(&mut self, act: &Act) {
        let writer = self.store.writer().unwrap();
        let name = |number: &u8| format!("b{number}");
        match act {
            Act::Commit { branch: number, content, with } => {
                let with = with.as_ref().map(name);
                let parents = [Some(name(number)), with].into_iter().flatten();
                let parents: Vec<_> = parents.filter_map(|name| self.at(&name)).collect();
                let has_state = content % 2 == 0;
                let text = content.to_string();
                let snapshot = Snapshot {
                    parents,
                    tree: put_folder(&writer, &text),
                    state: has_state.then(|| put_state(&writer, &text)),
                    git_head: None,
                    branch: Label::new(name(number)).unwrap(),
                    origin: Origin::Manual,
                    tier: Tier::Checkpoint,
                    who: "test".to_owned(),
                    session: "s".to_owned(),
                    when: Timestamp(self.snapshots.len() as i64),
                    message: String::new(),
                };
                let id = snapshot.put(&writer).unwrap();
                self.snapshots.push(id);
                self.move_name(&writer, branch(&name(number)), Some(NameValue::Branch(id)));
            }
            Act::Remove { branch: number } => {
                self.move_name(&writer, branch(&name(number)), None);
            }
            Act::Measure { content } => {
                let tree = put_folder(&writer, &content.to_string());
                let id = evaluation(tree).put(&writer).unwrap();
                let key = NameKey::memo(tree, Hash([1; 32]), Hash([2; 32]));
                self.move_name(&writer, key, Some(NameValue::Evaluation(id)));
            }
            Act::Try { base, candidate } => {
                let Some(base) = self.at(&name(base)) else { return };
                let id = experiment(base, self.at(&name(candidate))).put(&writer).unwrap();
                let key = NameKey::Experiment("e1".to_owned());
                self.move_name(&writer, key, Some(NameValue::Experiment(id)));
            }
            Act::Leave { content } => {
                put_folder(&writer, &format!("left {content}"));
                writer.flush().unwrap();
            }
        }
    }

    fn keep(&self, chosen: &Chosen) -> Keep {
        let is_there = |id: ObjectId| self.store.contains(id).unwrap();
        let operations = self.operations.iter().rev().take(chosen.operations);
        let operations = operations.copied().filter(|id| is_there(id.object()));
        let whole = self.snapshots.iter().zip(&chosen.whole).filter(|(_, whole)| **whole);
        let left = chosen.object.map(|content| {
            let objects = crate::object::memory::MemoryObjects::new();
            put_folder(&objects, &format!("left {content}")).object()
        });
        let left = left.filter(|id| is_there(*id));
        // A snapshot is whole only where its record is still there.
        let whole = whole.map(|(id, _)| *id);
        let whole = whole.filter(|id| is_there(id.object())).collect();
        Keep { operations: operations.collect(), whole, objects: left.into_iter().collect() }
    }
}

fn evaluation(tree: TreeId) -> Evaluation {
    Evaluation {
        tree,
        evaluator: Hash([1; 32]),
        environment: Hash([2; 32]),
        stages: Vec::new(),
        new_files: Vec::new(),
        changed_files: Vec::new(),
        view: String::new(),
        machine: String::new(),
        when: Timestamp(1),
        duration_ms: 1,
    }
}

fn experiment(base: SnapshotId, candidate: Option<SnapshotId>) -> Experiment {
    let approach = Approach {
        name: "a".to_owned(),
        command: "true".to_owned(),
        branch: Label::new("e1/a").unwrap(),
        state: ApproachState::Waiting,
        duration_ms: 0,
        candidate,
        evaluation: None,
    };
    Experiment {
        name: "e1".to_owned(),
        base,
        base_evaluation: None,
        evaluator: None,
        approaches: vec![approach],
        selection: None,
        session: "s".to_owned(),
        workspace: "w".to_owned(),
        when: Timestamp(1),
    }
}

/// What lives, and what is referred to by what lives without being kept by that.
#[derive(Default)]
struct Model {
    live: BTreeSet<ObjectId>,
    referred: BTreeSet<ObjectId>,
}

impl Model {
    fn of(store: &Store, keep: &Keep) -> Self {
        let mut model = Self::default();
        let current = store.current().unwrap().map(|current| current.operation);
        let operations = keep.operations.iter().copied().chain(current);
        operations.for_each(|id| model.visit(store, keep, id.object()));
        keep.whole.iter().for_each(|id| model.visit(store, keep, id.object()));
        keep.objects.iter().for_each(|id| model.visit(store, keep, *id));
        model
    }

    fn visit(&mut self, store: &Store, keep: &Keep, id: ObjectId) {
        if !self.live.insert(id) {
            return;
        }
        let below = match references(store, id) {
            Err(ObjectError::Gone { .. }) => {
                self.live.remove(&id);
                self.referred.insert(id);
                return;
            }
            below => below.unwrap(),
        };
        for reference in below {
            let to = reference.id;
            let is_content = matches!(to.kind, Kind::Tree | Kind::Document);
            let is_kept = match id.kind {
                Kind::Snapshot if is_content => keep.whole.contains(&SnapshotId(id.hash)),
                Kind::Operation if to.kind == Kind::Operation => false,
                _ => !reference.is_weak,
            };
            if is_kept {
                self.visit(store, keep, to);
            } else {
                self.referred.insert(to);
            }
        }
    }

    /// What is stored after a collection of what was stored before it.
    fn remaining(&self, before: &BTreeSet<ObjectId>) -> BTreeSet<ObjectId> {
        let has = |id: &ObjectId| before.contains(id) || before.contains(&Tombstone::place(*id));
        let live = before.iter().filter(|id| self.live.contains(id)).copied();
        let gone = self.referred.iter().filter(|id| !self.live.contains(id) && has(id));
        live.chain(gone.map(|id| Tombstone::place(*id))).collect()
    }
}

fn check(store: &Store, story: &Story<'_>, chosen: &Chosen) -> Result<(), TestCaseError> {
    let keep = story.keep(chosen);
    let model = Model::of(store, &keep);
    let before = stored(store);
    let done = collect(store, keep.clone());
    prop_assert_eq!((done.postponed, done.damaged.len()), (0, 0));
    let (after, remaining) = (stored(store), model.remaining(&before));
    let lost: Vec<_> = remaining.difference(&after).collect();
    let left: Vec<_> = after.difference(&remaining).collect();
    prop_assert!(lost.is_empty() && left.is_empty(), "lost {:?}, left {:?}", lost, left);
    let again = open(store.root());
    for id in after.iter().filter(|id| id.kind != Kind::Recipe) {
        prop_assert!(again.fetch(*id).is_ok());
    }
    let report = again.check(&|_| ()).unwrap();
    prop_assert!(report.is_sound(), "{:?}", report.problems);
    prop_assert_eq!(Operation::fetch(&again, *story.operations.last().unwrap()).is_ok(), true);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn nothing_that_lives_is_lost_and_everything_else_goes(
        rounds in prop::collection::vec((prop::collection::vec(act(), 1..9), chosen()), 1..4),
    ) {
        let (_folder, store) = fresh();
        let mut story = Story { store: &store, snapshots: Vec::new(), operations: Vec::new() };
        story.act(&Act::Commit { branch: 0, content: 0, with: None });
        for (acts, chosen) in &rounds {
            acts.iter().for_each(|act| story.act(act));
            check(&store, &story, chosen)?;
        }
    }
}
