//! The engine against a plain model: random edits and verbs by two sessions. After each step
//! branches, tags, the position and the files are what maps in memory say.
//!
//! The model knows nothing of trees, packs or hashes: a snapshot is a number, with its parents and
//! a map of files.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod library;
#[path = "model/plain.rs"]
mod plain;

use std::collections::BTreeMap;

use expdag::base::id::OperationId;
use expdag::base::name::Label;
use expdag::engine::verb::{branch, gc, init, tag};
use expdag::engine::{Engine, EngineError, Surroundings};
use expdag::object::operation::{Operation, OperationKind};

use library::random::Random;
use library::{
    Bed, Files, Node, merge_in, new_branch, redo_one, roll_back, switch_to, take_snapshot, undo_one,
};
use plain::{Answer, Model, Step};

const SEEDS: u64 = 16;
const STEPS: usize = 120;
const SESSIONS: [&str; 2] = ["one", "two"];

/// The workspace, the model, and which id each of its numbers has.
struct Pair {
    bed: Bed,
    engines: Vec<Engine>,
    model: Model,
    ids: Vec<String>,
    /// The operation log, oldest first.
    log: Vec<(OperationId, Operation)>,
}

impl Pair {
    fn new() -> Self {
        let bed = Bed::empty();
        let start = Files::from([("exp.toml".to_owned(), library::plain("# none\n"))]);
        bed.make(&start);
        // By a third session, so that nobody tries to undo it.
        let around = Surroundings { session: "zero".to_owned(), ..bed.surroundings() };
        let first = init::run(around, &init::Options::default()).unwrap().snapshot.unwrap();
        let engines = SESSIONS.iter().map(|session| bed.open(session)).collect();
        let (model, ids, log) = (Model::new(start), vec![first], Vec::new());
        let mut pair = Self { bed, engines, model, ids, log };
        pair.read_log();
        pair
    }

    /// Takes a step with both, and compares.
    fn take(&mut self, session: usize, step: &Step) {
        if let Step::Edit(path, content) = step {
            self.model.edit(path, *content);
            self.bed.make(&self.model.files);
            return;
        }
        let expected = self.model.take(session, step);
        let before = self.log.len();
        let answered = self.ask(session, step);
        self.read_log();
        let added: Vec<_> = self.log[before..].iter().map(|(_, operation)| operation).collect();
        let by = SESSIONS[session];
        assert!(added.iter().all(|operation| operation.session == by), "{step:?}: {added:#?}");
        // What was not captured is captured first, whether or not the verb is refused then.
        let is_capture = |operation: &&&Operation| operation.kind == OperationKind::Capture;
        let done = added.iter().filter(|operation| !is_capture(operation)).count();
        match &answered {
            Ok(_) => assert!(done <= 1, "{step:?}: {added:#?}"),
            Err(_) => assert_eq!(done, 0, "{step:?}: it was refused, and did {added:#?}"),
        }
        match (&expected, &answered) {
            (Answer::Done { made }, Ok(ids)) => {
                assert_eq!(*made, ids.len(), "{step:?}: snapshots made");
                self.ids.extend(ids.iter().cloned());
            }
            (Answer::Refused(category), Err(error)) => {
                assert_eq!(*category, error.category(), "{step:?}: {error}");
            }
            _ => panic!("{step:?}: expected {expected:?}, got {answered:?}"),
        }
    }

    /// Reads on in the operation log: each entry follows the one before, and begins with the names
    /// that it left; no entry is ever another one.
    fn read_log(&mut self) {
        let store = self.engines[0].store();
        let mut next = store.current().unwrap().map(|current| current.operation);
        let known = self.log.last().map(|(id, _)| *id);
        let mut added = Vec::new();
        while let Some(id) = next.filter(|id| Some(*id) != known) {
            let operation = Operation::fetch(store, id).unwrap();
            next = operation.parents.first().copied();
            added.push((id, operation));
        }
        assert_eq!(next, known, "the log does not go on from where it was");
        for entry in added.into_iter().rev() {
            if let Some((_, before)) = self.log.last() {
                assert_eq!(entry.1.before, before.after, "names moved without an operation");
            }
            self.log.push(entry);
        }
        let last = self.log.last().map(|(_, operation)| operation.after);
        assert_eq!(last, Some(store.names().unwrap()));
    }

    /// Has the engine take a step; tells the ids of the snapshots that it made, in order.
    fn ask(&self, session: usize, step: &Step) -> Result<Vec<String>, EngineError> {
        let engine = &self.engines[session];
        let some = |id: Option<String>| id.into_iter().collect::<Vec<_>>();
        match step {
            Step::Edit(..) => Ok(Vec::new()),
            Step::Snapshot => {
                let report = take_snapshot(engine)?;
                Ok(some(report.snapshot.filter(|_| report.created)))
            }
            Step::Branch(name) => new_branch(engine, name).map(|_| Vec::new()),
            Step::Switch(name) => {
                switch_to(engine, &self.label(name)).map(|report| some(report.captured))
            }
            Step::Merge(name) => {
                let report = merge_in(engine, &self.label(name))?;
                let mut made = some(report.captured);
                made.extend((report.outcome == "merged").then_some(report.snapshot));
                Ok(made)
            }
            Step::Rollback(to) => {
                roll_back(engine, &self.ids[*to]).map(|report| some(report.captured))
            }
            Step::Undo => undo_one(engine).map(|report| some(report.captured)),
            Step::Redo => redo_one(engine).map(|report| some(report.captured)),
            Step::Tag(name) => {
                let note = note_of(name);
                let name = Label::new(name)?;
                let options = tag::Options::Create { name, what: None, note, dry_run: false };
                tag::run(engine, &options).map(|_| Vec::new())
            }
        }
    }

    /// What the engine calls a branch of the model: with ids for numbers.
    fn label(&self, name: &str) -> String {
        let part = |(at, part): (usize, &str)| match at % 2 {
            0 => part.to_owned(),
            _ => self.ids[part.parse::<usize>().unwrap()][..12].to_owned(),
        };
        name.split('#').enumerate().map(part).collect()
    }

    /// Names and files of both.
    fn compare(&self, after: &str) {
        let leaves = |files: Files| -> Files {
            files.into_iter().filter(|(_, node)| *node != Node::Folder).collect()
        };
        assert_eq!(leaves(self.bed.files()), self.model.files, "{after}: files");
        let id = |number: &usize| self.ids[*number].clone();
        for engine in &self.engines {
            let position = engine.standing().unwrap().position;
            let at = (position.branch.to_string(), position.snapshot.hex());
            let (branch, snapshot) = &self.model.names.position;
            assert_eq!(at, (self.label(branch), id(snapshot)), "{after}: position");
            let listed = branch::run(engine, &branch::Options::List).unwrap().branches;
            let found: BTreeMap<_, _> =
                listed.into_iter().map(|branch| (branch.name, branch.head.id)).collect();
            let right = |names: &BTreeMap<String, usize>| -> BTreeMap<String, String> {
                names.iter().map(|(name, number)| (self.label(name), id(number))).collect()
            };
            assert_eq!(found, right(&self.model.names.branches), "{after}: branches");
            let listed = tag::run(engine, &tag::Options::List).unwrap().tags;
            let found: BTreeMap<_, _> =
                listed.into_iter().map(|tag| (tag.name, (tag.snapshot, tag.note))).collect();
            let right = right(&self.model.names.tags).into_iter();
            let noted = right.map(|(name, id)| (name.clone(), (id, note_of(&name)))).collect();
            assert_eq!(found, noted, "{after}: tags");
        }
    }
}

/// What is said with a tag.
fn note_of(tag: &str) -> String {
    format!("why there is {tag}")
}

fn random_step(random: &mut Random, model: &Model) -> Step {
    const PATHS: [&str; 5] = ["a", "b", "d/x", "d/y", "run"];
    let name = |random: &mut Random| format!("b{}", random.below(4));
    let known = |random: &mut Random| {
        let branches: Vec<_> = model.names.branches.keys().cloned().collect();
        branches.get(random.below(branches.len() + 1)).cloned().unwrap_or("absent".to_owned())
    };
    match random.below(24) {
        0..=8 => {
            let content = random.below(4).checked_sub(1);
            Step::Edit(PATHS[random.below(PATHS.len())], content)
        }
        9..=11 => Step::Snapshot,
        12 => Step::Branch(name(random)),
        13..=16 => Step::Switch(known(random)),
        17..=19 => Step::Merge(known(random)),
        20 => Step::Rollback(random.below(model.snapshots.len())),
        21..=22 => Step::Undo,
        _ => [Step::Redo, Step::Tag(format!("t{}", random.below(9)))][random.below(2)].clone(),
    }
}

#[test]
fn engine_and_model_agree_after_each_step() {
    let (mut done, mut conflicts, mut refused, mut collected, mut aside) = (0, 0, 0, 0, 0);
    for seed in 0..SEEDS {
        let (mut pair, mut random) = (Pair::new(), Random(seed));
        let mut taken = Vec::new();
        for _ in 0..STEPS {
            let session = random.below(SESSIONS.len());
            let step = random_step(&mut random, &pair.model);
            if pair.model.is_ambiguous(&step) {
                continue;
            }
            taken.push(format!("{}: {step:?}", SESSIONS[session]));
            let told = std::panic::AssertUnwindSafe(|| {
                pair.take(session, &step);
                pair.compare(&format!("{step:?}"));
            });
            if let Err(panic) = std::panic::catch_unwind(told) {
                println!("seed {seed}:\n{}", taken.join("\n"));
                std::panic::resume_unwind(panic);
            }
            done += 1;
            if random.below(12) == 0 {
                gc::run(&pair.engines[session], &gc::Options::default()).unwrap();
                pair.read_log();
                pair.compare("gc");
                collected += 1;
            }
        }
        conflicts += pair.model.conflicts;
        refused += pair.model.refused;
        aside += pair.model.aside;
        assert!(pair.engines[0].store().check(&|_| ()).unwrap().is_sound(), "seed {seed}");
    }
    println!(
        "{done} steps, {conflicts} merges with conflicts, {refused} undos refused, {collected} gc, \
         {aside} branches begun beside one"
    );
    assert!(done > 1000 && conflicts > 5 && refused > 5, "{done} {conflicts} {refused}");
    assert!(aside > 0, "{aside}");
}

/// It moved the names and left the files where they were.
#[test]
fn a_fast_forward_to_a_branch_that_was_recorded_by_hand_is_undone_with_its_files() {
    let mut pair = Pair::new();
    let name = || "b0".to_owned();
    let steps = [
        Step::Branch(name()),
        Step::Switch(name()),
        Step::Edit("a", Some(1)),
        Step::Snapshot,
        Step::Switch("main".to_owned()),
        Step::Merge(name()),
        Step::Undo,
        Step::Redo,
        Step::Rollback(0),
        Step::Rollback(1),
        Step::Undo,
    ];
    for step in &steps {
        pair.take(0, step);
        pair.compare(&format!("{step:?}"));
    }
}
