//! What a sound store answers, and what is wrong with how a damage to it was met.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use expdag::base::id::{Kind, ObjectId};
use expdag::engine::verb::rollback;
use expdag::engine::{Category, Engine, EngineError, Surroundings};
use serde_json::Value;

use super::ask::{
    Answer, Answers, Objects, ask, ask_catalogue, chain, fsck, list_objects, objects,
};
use super::common::state::{Files, files};
use super::harm::Harm;
use super::subject::{Copy, Subject};

/// What a sound store answers.
pub struct Truth {
    ids: Vec<ObjectId>,
    /// The packs that an object lies in. A large blob lies in several, and is in none here.
    packs: BTreeMap<ObjectId, BTreeSet<PathBuf>>,
    answers: Answers,
    /// Every id that stands in an answer.
    known: BTreeSet<String>,
    objects: Objects,
    counts: Answer,
    /// The files after going back to the first snapshot.
    first: Files,
}

impl Truth {
    pub fn of(subject: &Subject) -> Self {
        let copy = subject.copy();
        let around = copy.surroundings("one");
        let ids = list_objects(&copy.store(), false);
        let answers = ask(subject, &around);
        for (question, answer) in &answers {
            assert!(matches!(answer, Answer::Said(_)), "{question}: {answer:?}");
        }
        assert_eq!(answers, ask(subject, &around), "answers that change by themselves");
        let objects = objects(&copy.store(), &ids);
        assert!(objects.values().all(Result::is_ok));
        assert_eq!(fsck(&around), (true, Vec::new()));
        let packs = packs(subject);
        let known = answers.values().flat_map(ids_of).collect();
        let counts = ask_catalogue(&around);
        go_back(subject, &around).expect("it can be done");
        let first = files(&copy.root());
        Self { ids, packs, answers, known, objects, counts, first }
    }

    /// Whether an object must be had although these files are damaged.
    fn is_elsewhere(&self, id: &ObjectId, harmed: &[PathBuf]) -> bool {
        let packs = self.packs.get(id);
        packs.is_some_and(|packs| packs.iter().any(|pack| !harmed.contains(pack)))
    }
}

/// In which packs each object lies: a store with one pack alone tells what is in it.
fn packs(subject: &Subject) -> BTreeMap<ObjectId, BTreeSet<PathBuf>> {
    let copy = subject.copy();
    let folder = copy.store().join("packs");
    let aside = copy.store().join("tmp");
    let is_pack = |path: &PathBuf| path.extension().is_some_and(|end| end == "pack");
    let all: Vec<_> = subject.files().into_iter().filter(is_pack).collect();
    assert!(all.len() >= 2, "{all:?}");
    let place = |pack: &PathBuf, folder: &Path| folder.join(pack.file_name().expect("a name"));
    for pack in &all {
        fs::rename(copy.store().join(pack), place(pack, &aside)).expect("a pack");
    }
    let mut found: BTreeMap<ObjectId, BTreeSet<PathBuf>> = BTreeMap::new();
    for pack in &all {
        fs::rename(place(pack, &aside), place(pack, &folder)).expect("a pack");
        let ids = list_objects(&copy.store(), true);
        let large: BTreeSet<_> = ids.iter().filter(|id| id.kind == Kind::Recipe).collect();
        for id in &ids {
            if !large.iter().any(|recipe| recipe.hash == id.hash) {
                found.entry(*id).or_default().insert(pack.clone());
            }
        }
        fs::rename(place(pack, &folder), place(pack, &aside)).expect("a pack");
    }
    found
}

/// Inflicts a damage on a copy, asks everything, and says what is wrong with the answers.
pub fn faults_of(subject: &Subject, truth: &Truth, file: &Path, harm: &Harm) -> Vec<String> {
    let copy = subject.copy();
    let harmed = harm.inflict(&copy.store(), file);
    let around = copy.surroundings("one");
    let before = copy.bytes();
    let (is_sound, said) = fsck(&around);
    let mut trial = Trial {
        truth,
        harm,
        is_newest: subject.is_newest_segment(&harmed),
        harmed,
        is_silent: is_sound && said.is_empty(),
        said,
        lost: BTreeSet::new(),
        faults: Vec::new(),
    };
    if copy.bytes() != before {
        trial.faults.push("fsck changed the store".to_owned());
    }
    trial.objects(&objects(&copy.store(), &truth.ids));
    trial.answers(&ask(subject, &around));
    trial.catalogue(ask_catalogue(&around));
    trial.named();
    trial.restore(subject, &copy);
    trial.faults
}

/// Brings the files back to the first snapshot.
fn go_back(subject: &Subject, around: &Surroundings) -> Result<(), EngineError> {
    let engine = Engine::open(around.clone())?;
    let to = subject.snapshots.last().cloned();
    let options = rollback::Options { to, dry_run: false, across_head: true };
    rollback::run(&engine, &options).map(|_| ())
}

struct Trial<'t> {
    truth: &'t Truth,
    harm: &'t Harm,
    harmed: Vec<PathBuf>,
    /// Whether the end of the journal was harmed: what was written last is like a torn end.
    is_newest: bool,
    is_silent: bool,
    said: Vec<String>,
    /// Questions that are not answered as before, and objects that cannot be had.
    lost: BTreeSet<String>,
    faults: Vec<String>,
}

impl Trial<'_> {
    fn fault(&mut self, fault: impl Into<String>) {
        self.faults.push(fault.into());
    }

    /// Whether one of the harmed files is below that folder.
    fn in_folder(&self, folder: &str) -> bool {
        self.harmed.iter().any(|file| file.starts_with(folder))
    }

    fn objects(&mut self, found: &Objects) {
        for (id, right) in &self.truth.objects {
            match &found[id] {
                Ok(bytes) if right.as_ref() == Ok(bytes) => {}
                Ok(_) => self.fault(format!("{id} has wrong content")),
                Err(why) => {
                    self.lost.insert(id.hash.hex());
                    let is_named = why.contains("is damaged") || why.contains("is not stored");
                    if self.truth.is_elsewhere(id, &self.harmed) && !self.in_folder("format") {
                        self.fault(format!("{id} lies elsewhere, too, and is lost: {why}"));
                    } else if !is_named {
                        self.fault(format!("{id}: {why}"));
                    }
                }
            }
        }
    }

    fn answers(&mut self, found: &Answers) {
        for (question, right) in &self.truth.answers {
            let Some(answer) = found.get(question).or(found.get("open")) else {
                self.fault(format!("no answer to {question}"));
                continue;
            };
            if answer == right {
                continue;
            }
            // The logs of commands have no digest: they are for people, and prove nothing.
            if question.starts_with("logs") && self.in_folder("runs") {
                continue;
            }
            // Settings are no content: the answer is the same, and says what is wrong with them.
            if self.in_folder("config.toml") && names_settings(answer, right) {
                continue;
            }
            self.lost.insert(question.clone());
            if let Some(fault) = self.is_wrong(question, answer) {
                self.fault(format!("{question}: {fault}"));
            }
        }
    }

    /// What is wrong with an answer that is another one than before.
    fn is_wrong(&self, question: &str, answer: &Answer) -> Option<String> {
        let is_of_session = question.starts_with("state") || question.starts_with("audit");
        let may_be_older = is_of_session && self.is_newest;
        match answer {
            Answer::Said(text) => {
                let value: Value = serde_json::from_str(text).expect("JSON");
                let says_so = says_damage(&value);
                let is_older = may_be_older && ids(&value).is_subset(&self.truth.known);
                (!says_so && !is_older).then(|| format!("answers otherwise: {text:.400}"))
            }
            Answer::Refused(Category::Corrupt, _) => None,
            Answer::Refused(Category::NotFound, _) if may_be_older => None,
            // Of a snapshot that is nowhere in the packs nobody knows that it was ever there.
            Answer::Refused(Category::NotFound, _)
                if *self.harm == Harm::Delete && question.contains(['w', 'f']) =>
            {
                let asked = question.split(' ').skip(1);
                let is_lost = |id: &str| self.lost.contains(id);
                (!asked.into_iter().any(is_lost)).then(|| "it is not found".to_owned())
            }
            Answer::Refused(category, why) => Some(format!("{category:?}: {why}")),
        }
    }

    fn catalogue(&mut self, found: Answer) {
        match found {
            found if found == self.truth.counts => {}
            Answer::Refused(Category::Corrupt, _) if !self.lost.is_empty() => {}
            other => self.fault(format!("stats: {other:?}")),
        }
    }

    /// Files are brought back as they were, or stay as they are.
    fn restore(&mut self, subject: &Subject, copy: &Copy) {
        let before = files(&copy.root());
        let restored = go_back(subject, &copy.surroundings("one"));
        let after = files(&copy.root());
        match restored {
            Ok(()) if after == self.truth.first => {}
            Ok(()) => self.fault("going back brought other files"),
            Err(error) if after != before => {
                self.fault(format!("going back failed and changed files: {error}"));
            }
            // Settings are a text that people write: a wrong one is said by whoever needs it.
            Err(error)
                if self.in_folder("config.toml") && chain(&error).contains("config.toml") => {}
            Err(error) => {
                let category = error.category();
                let is_lost = category == Category::NotFound && *self.harm == Harm::Delete;
                if category != Category::Corrupt && !is_lost {
                    self.fault(format!("going back: {category:?}: {}", chain(&error)));
                } else if self.lost.is_empty() {
                    self.fault(format!("going back fails, and nothing else: {}", chain(&error)));
                }
            }
        }
    }

    fn named(&mut self) {
        let newest_is_gone =
            self.is_newest && matches!(self.harm, Harm::Delete | Harm::Cut { to: 0..64 });
        if !self.lost.is_empty() && self.is_silent && !newest_is_gone {
            self.fault(format!("fsck says nothing, and {:.3?} are lost", self.lost));
        }
        let is_named = |line: &String| {
            let of_file = |file: &PathBuf| {
                let name = file.file_name().and_then(|name| name.to_str()).expect("plain names");
                line.contains(name) || line.contains(&format!("/{}`", folder_of(file)))
            };
            self.harmed.iter().any(of_file) || self.lost.iter().any(|id| line.contains(id.as_str()))
        };
        if !self.is_silent && !self.said.iter().any(is_named) {
            self.fault(format!("fsck names something else: {:?}", self.said));
        }
        let is_pack = self.in_folder("packs");
        if is_pack && self.is_silent && *self.harm != Harm::Delete {
            self.fault("a damaged pack is not named");
        }
    }
}

fn folder_of(file: &Path) -> String {
    file.parent().map(|folder| folder.display().to_string()).unwrap_or_default()
}

/// Whether an answer shows by itself that something cannot be read.
fn says_damage(value: &Value) -> bool {
    match value {
        Value::Object(map) => {
            map.get("act") == Some(&Value::from("damaged"))
                || map.get("fault").is_some_and(Value::is_object)
                || map.values().any(says_damage)
        }
        Value::Array(list) => list.iter().any(says_damage),
        _ => false,
    }
}

/// The ids that stand in an answer.
fn ids(value: &Value) -> BTreeSet<String> {
    match value {
        Value::String(text) if text.len() == 64 => BTreeSet::from([text.clone()]),
        Value::Object(map) => map.values().flat_map(ids).collect(),
        Value::Array(list) => list.iter().flat_map(ids).collect(),
        _ => BTreeSet::new(),
    }
}

fn ids_of(answer: &Answer) -> BTreeSet<String> {
    match answer {
        Answer::Said(text) => ids(&serde_json::from_str(text).expect("JSON")),
        Answer::Refused(..) => BTreeSet::new(),
    }
}

/// Whether an answer is the right one but for what it says of the settings, and says that.
fn names_settings(answer: &Answer, right: &Answer) -> bool {
    let (Answer::Said(answer), Answer::Said(right)) = (answer, right) else { return false };
    let parsed = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let (mut answer, right) = (parsed(answer), parsed(right));
    let said = answer["settings_problem"].take();
    said.is_string() && answer == right
}
