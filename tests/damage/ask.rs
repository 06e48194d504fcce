//! Asks a workspace all that can be asked of it, through the library: what each verb answers, as
//! JSON, or why it refuses; every object; what `fsck` says.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use expdag::base::disk::RealDisk;
use expdag::base::id::{Kind, ObjectId};
use expdag::base::name::Label;
use expdag::engine::verb::{
    audit, branch, compare, diff, experiment, experiments, fsck, log, logs, op_log, rank, show,
    state, stats, status, tag,
};
use expdag::engine::{Category, Engine, EngineError, Surroundings};
use expdag::object::traits::Fetch;
use expdag::run::Cancel;
use expdag::store::Store;
use serde::Serialize;
use serde_json::Value;

use super::subject::Subject;

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Said(String),
    Refused(Category, String),
}

/// By question.
pub type Answers = BTreeMap<String, Answer>;

/// Every object by its id: its bytes, or why they cannot be had.
pub type Objects = BTreeMap<ObjectId, Result<Vec<u8>, String>>;

const KINDS: [Kind; 8] = [
    Kind::Blob,
    Kind::Tree,
    Kind::Document,
    Kind::Snapshot,
    Kind::Evaluation,
    Kind::Operation,
    Kind::Names,
    Kind::Experiment,
];

/// Asks everything but `fsck` and the catalogue.
pub fn ask(subject: &Subject, around: &Surroundings) -> Answers {
    let mut asked = Asked { root: around.folder.display().to_string(), answers: Answers::new() };
    let engine = match Engine::open_to_look(around.clone()) {
        Ok(engine) => engine,
        Err(error) => {
            asked.note::<()>("open", Err(error));
            return asked.answers;
        }
    };
    names(&mut asked, &engine);
    snapshots(&mut asked, &engine, subject);
    states(&mut asked, &engine, subject);
    asked.answers
}

struct Asked {
    root: String,
    answers: Answers,
}

impl Asked {
    fn note<T: Serialize>(&mut self, question: &str, answer: Result<T, EngineError>) {
        let answer = match answer {
            Ok(report) => {
                let text = serde_json::to_string(&report).expect("a report is JSON");
                Answer::Said(text.replace(&self.root, "ROOT"))
            }
            Err(error) => Answer::Refused(error.category(), chain(&error)),
        };
        self.answers.insert(question.to_owned(), answer);
    }
}

/// An error with all that it comes from, as the command prints it.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

fn names(asked: &mut Asked, engine: &Engine) {
    asked.note("branch", branch::run(engine, &branch::Options::List));
    asked.note("tag", tag::run(engine, &tag::Options::List));
    asked.note("status", status::run(engine, &status::Options {}));
    asked.note("op log", op_log::run(engine, &op_log::Options { limit: 1000, mine: false }));
    asked.note("experiments", experiments::run(engine, &experiments::Options { limit: 100 }));
    asked.note("experiment", experiment::run(engine, &experiment::Options { experiment: None }));
    asked.note("rank", rank::run(engine, &rank::Options { experiment: None }));
    for of in ["e1/a", "e1/b"] {
        let found = logs::run(engine, &logs::Options { of: of.to_owned(), stage: None });
        asked.note(&format!("logs {of}"), found);
    }
}

fn snapshots(asked: &mut Asked, engine: &Engine, subject: &Subject) {
    let from = Vec::new();
    asked.note("log", log::run(engine, &log::Options { from, all: true, limit: 1000 }));
    for id in &subject.snapshots {
        let options = show::Options { what: id.clone(), state: false, pointer: None };
        asked.note(&format!("show {id}"), show::run(engine, &options));
    }
    for pair in subject.snapshots.windows(2) {
        let [a, b] = [pair[0].clone(), pair[1].clone()];
        let options = diff::Options {
            from: Some(a.clone()),
            to: Some(b.clone()),
            context: 3,
            as_patch: false,
            names_only: false,
            state: true,
        };
        asked.note(&format!("diff {a} {b}"), diff::run(engine, &options));
    }
    let (a, b) = ("e1/a".to_owned(), "e1/b".to_owned());
    asked.note("compare", compare::run(engine, &compare::Options { a, b }));
}

fn states(asked: &mut Asked, engine: &Engine, subject: &Subject) {
    let get = |which| {
        state::get::run(
            engine,
            &state::get::Options { which, pointer: None, check: None },
            &Cancel::new(),
        )
    };
    asked.note("state get", get(state::Which::default()));
    for what in subject.states.iter().map(String::as_str).chain(["last", "with-files", "aside"]) {
        asked.note(&format!("state get {what}"), get(state::Which::named(what)));
    }
    let branch = Label::new("aside").ok();
    asked.note(
        "state log",
        state::log::run(engine, &state::log::Options { branch: None, limit: 1000 }),
    );
    asked.note(
        "state log aside",
        state::log::run(engine, &state::log::Options { branch, limit: 10 }),
    );
    let one = audit::Options { session: Some("one".to_owned()), expect: None, limit: None };
    asked.note("audit one", audit::run(engine, &one));
}

/// What needs the catalogue, less what says how the store lies on the disk.
pub fn ask_catalogue(around: &Surroundings) -> Answer {
    let found = Engine::open_to_look(around.clone())
        .and_then(|engine| stats::run(&engine, &stats::Options::default()));
    match found {
        Ok(report) => {
            let value = serde_json::to_value(&report).expect("a report is JSON");
            let part = |name: &str| value[name].clone();
            let parts = ["snapshots", "sessions", "origins", "verdicts", "operations"].map(part);
            Answer::Said(Value::from(parts.to_vec()).to_string())
        }
        Err(error) => Answer::Refused(error.category(), chain(&error)),
    }
}

/// What `fsck` says, a line for each thing; whether it found fault.
pub fn fsck(around: &Surroundings) -> (bool, Vec<String>) {
    let checked = Engine::open_read_only(around.clone())
        .and_then(|engine| fsck::run(&engine, &fsck::Options { rebuild: false }));
    match checked {
        Ok(report) => {
            let is_sound = report.problems.is_empty();
            (is_sound, [report.problems, report.unfinished].concat())
        }
        Err(error) => (false, vec![format!("{:?}: {}", error.category(), chain(&error))]),
    }
}

/// All objects that a sound store has, with how large blobs are put together where asked for.
pub fn list_objects(root: &Path, with_recipes: bool) -> Vec<ObjectId> {
    let store = Store::open(root, Arc::new(RealDisk)).expect("a store");
    let of = |kind: Kind| {
        let found = store.find(kind, "", usize::MAX).expect("it can be listed");
        found.into_iter().map(move |hash| ObjectId { kind, hash })
    };
    let recipes = with_recipes.then_some(Kind::Recipe);
    KINDS.into_iter().chain(recipes).flat_map(of).collect()
}

/// Those objects, as they can be had.
pub fn objects(root: &Path, ids: &[ObjectId]) -> Objects {
    let store = Store::open(root, Arc::new(RealDisk));
    let fetched = |id: &ObjectId| {
        let bytes = match &store {
            Ok(store) => store.fetch(*id).map(|bytes| bytes.to_vec()).map_err(|e| chain(&e)),
            Err(error) => Err(chain(error)),
        };
        (*id, bytes)
    };
    ids.iter().map(fetched).collect()
}
