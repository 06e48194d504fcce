//! What becomes of the names that a bundle brings: new, there already, moved forward, or kept beside
//! what is here.
//!
//! Reads only. **Invariant**: no name that is here is moved anywhere but forward; an equal bundle a
//! second time moves nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use super::verb::import::Item;
use super::{Engine, EngineError, beside};
use crate::base::id::{EvaluationId, ExperimentId, Hash, NamesId, SnapshotId};
use crate::base::limits::NAMES_BESIDE_MAX;
use crate::base::name::Label;
use crate::graph;
use crate::object::evaluation::Evaluation;
use crate::object::experiment::{ApproachState, Experiment};
use crate::object::names::{self, ForeignKey, ForeignValue, NameEntry, NameKey, NameValue};
use crate::object::traits::Fetch;
use crate::store::NameMove;
use crate::store::bundle::Source;

/// What became of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was not here.
    New,
    /// It is here as it comes, or further.
    There,
    /// It was behind, and follows.
    Forward,
    /// Something else goes by its name here.
    Beside,
}

impl Outcome {
    /// The word for it, also in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::There => "there already",
            Self::Forward => "moved forward",
            Self::Beside => "kept beside",
        }
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// Names on their way in.
pub(super) struct Arriving<'a> {
    engine: &'a Engine,
    names: NamesId,
    objects: &'a dyn Fetch,
    source: String,
    store: Hash,
    trusted: bool,
    /// Branches on which a workspace stands: their files would not follow.
    stood_on: BTreeSet<Label>,
    /// Experiments that are another question here, and so are kept beside with all their branches.
    apart: BTreeSet<String>,
    /// What the branches of experiments came to be called.
    labels: BTreeMap<Label, Label>,
    items: Vec<Item>,
    moves: BTreeMap<NameKey, NameMove>,
    /// Experiments that were renamed, to be stored anew.
    renamed: Vec<Experiment>,
}

impl<'a> Arriving<'a> {
    pub fn new(
        engine: &'a Engine,
        names: NamesId,
        objects: &'a dyn Fetch,
        source: &Source,
        trusted: bool,
    ) -> Result<Self, EngineError> {
        let mut stood_on = BTreeSet::new();
        for entry in names::list(&engine.store, names, "position/")? {
            if let NameValue::Position(position) = entry.value {
                stood_on.insert(position.branch);
            }
        }
        Ok(Self {
            engine,
            names,
            objects,
            source: source.word(),
            store: source.store,
            trusted,
            stood_on,
            apart: BTreeSet::new(),
            labels: BTreeMap::new(),
            items: Vec::new(),
            moves: BTreeMap::new(),
            renamed: Vec::new(),
        })
    }

    /// Decides for all names of a bundle.
    pub fn take(&mut self, arrived: &[NameEntry]) -> Result<(), EngineError> {
        let parsed = |entry: &NameEntry| Some((NameKey::parse(&entry.key)?, entry.value.clone()));
        let all: Vec<_> = arrived.iter().filter_map(parsed).collect();
        for (key, value) in &all {
            if let (NameKey::Experiment(name), NameValue::Experiment(id)) = (key, value)
                && self.is_apart(name, *id)?
            {
                self.apart.insert(name.clone());
            }
        }
        // Experiments come after the branches that they name.
        for (key, value) in &all {
            match (key, value) {
                (NameKey::Branch(label), NameValue::Branch(id)) => self.branch(label, *id)?,
                (NameKey::Tag(label), NameValue::Tag { snapshot, note }) => {
                    self.tag(label, *snapshot, note)?;
                }
                _ => {}
            }
        }
        for (key, value) in all {
            match (key, value) {
                (NameKey::Experiment(name), NameValue::Experiment(id)) => {
                    self.experiment(name, id)?;
                }
                (key @ (NameKey::Evaluation(_) | NameKey::Verdict(_)), value) => {
                    self.finding(key, value)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What was decided: name by name, the moves, and the records that these need besides.
    pub fn finish(self) -> (Vec<Item>, Vec<NameMove>, Vec<Experiment>) {
        (self.items, self.moves.into_values().collect(), self.renamed)
    }

    /// What a name points at, as moved so far.
    fn now(&self, key: &NameKey) -> Result<Option<NameValue>, EngineError> {
        match self.moves.get(key) {
            Some(moved) => Ok(moved.new.clone()),
            None => Ok(names::get(&self.engine.store, self.names, key)?),
        }
    }

    fn set(&mut self, key: NameKey, value: NameValue) -> Result<(), EngineError> {
        self.move_to(key, Some(value))
    }

    fn move_to(&mut self, key: NameKey, new: Option<NameValue>) -> Result<(), EngineError> {
        let expected = names::get(&self.engine.store, self.names, &key)?;
        let moved = NameMove { key: key.clone(), expected, new };
        self.moves.insert(key, moved);
        Ok(())
    }

    /// What is trusted counts as found here, and no longer as what another store says.
    fn is_own_now(&mut self, of: Option<ForeignKey>) -> Result<(), EngineError> {
        let Some(of) = of.filter(|_| self.trusted) else { return Ok(()) };
        let key = NameKey::Foreign { source: Label::new(self.source.as_str())?, of };
        match self.now(&key)? {
            Some(_) => self.move_to(key, None),
            None => Ok(()),
        }
    }

    /// Whether an experiment of that name here is another question.
    fn is_apart(&self, name: &str, id: ExperimentId) -> Result<bool, EngineError> {
        let here = match self.now(&NameKey::Experiment(name.to_owned()))? {
            Some(NameValue::Experiment(here)) if here != id => here,
            _ => return Ok(false),
        };
        let question = |e: Experiment| (e.base, e.when, e.session, e.workspace);
        let here = question(Experiment::fetch(self.objects, here)?);
        Ok(here != question(Experiment::fetch(self.objects, id)?))
    }

    fn branch(&mut self, label: &Label, id: SnapshotId) -> Result<(), EngineError> {
        let wanted = match label.as_str().split_once('/') {
            Some((experiment, _)) if self.apart.contains(experiment) => {
                beside::unit(label, experiment, &self.source)
            }
            _ => None,
        };
        let wanted = wanted.unwrap_or_else(|| label.clone());
        let (mut outcome, mut why) = (None, None);
        let mut placed = wanted.clone();
        for attempt in 0..NAMES_BESIDE_MAX {
            if attempt > 0 {
                placed = self.beside(&wanted, attempt)?;
            }
            let (found, reason) = self.place_branch(&placed, id)?;
            why = why.or(reason);
            if found.is_some() {
                outcome = found;
                break;
            }
        }
        let outcome = outcome.ok_or_else(|| self.no_name(label.as_str()))?;
        if matches!(outcome, Outcome::New | Outcome::Forward) {
            self.set(NameKey::Branch(placed.clone()), NameValue::Branch(id))?;
        }
        self.labels.insert(label.clone(), placed.clone());
        self.add("branch", label.as_str(), placed.as_str(), outcome, why);
        Ok(())
    }

    /// Whether a branch may be called so, and what becomes of it then; else why not.
    fn place_branch(
        &self,
        label: &Label,
        id: SnapshotId,
    ) -> Result<(Option<Outcome>, Option<String>), EngineError> {
        if self.now(&NameKey::Tag(label.clone()))?.is_some() {
            return Ok((None, Some(format!("`{label}` is a tag here"))));
        }
        let here = match self.now(&NameKey::Branch(label.clone()))? {
            Some(NameValue::Branch(here)) => here,
            _ => return Ok((Some(Outcome::New), None)),
        };
        if here == id {
            return Ok((Some(Outcome::There), None));
        }
        if graph::is_ancestor(self.objects, id, here)? {
            return Ok((Some(Outcome::There), Some("it is further here".to_owned())));
        }
        if !graph::is_ancestor(self.objects, here, id)? {
            return Ok((None, Some(format!("`{label}` went another way here"))));
        }
        if self.stood_on.contains(label) {
            let why = format!("a workspace stands on `{label}`, whose files would not follow");
            return Ok((None, Some(why)));
        }
        Ok((Some(Outcome::Forward), None))
    }

    fn tag(&mut self, label: &Label, snapshot: SnapshotId, note: &str) -> Result<(), EngineError> {
        let mut placed = label.clone();
        let mut why = None;
        for attempt in 0..NAMES_BESIDE_MAX {
            if attempt > 0 {
                placed = self.beside(label, attempt)?;
            }
            let key = NameKey::Tag(placed.clone());
            let outcome = match self.now(&key)? {
                Some(NameValue::Tag { snapshot: here, .. }) if here == snapshot => Outcome::There,
                None if self.now(&NameKey::Branch(placed.clone()))?.is_none() => {
                    self.set(key, NameValue::Tag { snapshot, note: note.to_owned() })?;
                    Outcome::New
                }
                _ => {
                    why = why.or(Some(format!("`{placed}` names something else here")));
                    continue;
                }
            };
            self.add("tag", label.as_str(), placed.as_str(), outcome, why);
            return Ok(());
        }
        Err(self.no_name(label.as_str()))
    }

    fn experiment(&mut self, name: String, id: ExperimentId) -> Result<(), EngineError> {
        let own = NameKey::Experiment(name.clone());
        if self.now(&own)? == Some(NameValue::Experiment(id)) {
            self.add("experiment", &name, &name, Outcome::There, None);
            return self.is_own_now(Some(ForeignKey::Experiment(name)));
        }
        if !self.trusted {
            let value = ForeignValue::Experiment(id);
            let outcome = self.foreign(ForeignKey::Experiment(name.clone()), value)?;
            self.add_foreign("experiment", name, outcome);
            return Ok(());
        }
        let mut why = None;
        for attempt in 0..NAMES_BESIDE_MAX {
            let placed = match attempt {
                0 => name.clone(),
                attempt => beside::text(&name, &self.source, attempt),
            };
            let record = self.as_called(id, &placed)?;
            // An experiment is a record that is stored anew at each step.
            let memory = crate::object::memory::MemoryObjects::new();
            let new = record.put(&memory)?;
            let key = NameKey::Experiment(placed.clone());
            let outcome = match self.now(&key)? {
                Some(NameValue::Experiment(here)) if here == new => Outcome::There,
                Some(_) => {
                    why = why.or(Some(format!("`{placed}` is another one here")));
                    continue;
                }
                None => {
                    self.set(key, NameValue::Experiment(new))?;
                    self.renamed.push(record);
                    Outcome::New
                }
            };
            self.add("experiment", &name, &placed, outcome, why);
            return self.is_own_now(Some(ForeignKey::Experiment(name)));
        }
        Err(self.no_name(&name))
    }

    /// An experiment with the names that it and its branches have here.
    fn as_called(&self, id: ExperimentId, name: &str) -> Result<Experiment, EngineError> {
        let mut record = Experiment::fetch(self.objects, id)?;
        record.name = name.to_owned();
        for approach in &mut record.approaches {
            if let Some(label) = self.labels.get(&approach.branch) {
                approach.branch = label.clone();
            }
        }
        Ok(record)
    }

    fn finding(&mut self, key: NameKey, value: NameValue) -> Result<(), EngineError> {
        let (kind, name) = match &key {
            NameKey::Evaluation(memo) => ("evaluation", memo.hex()[..12].to_owned()),
            NameKey::Verdict(snapshot) => ("verdict", snapshot.short()),
            other => ("finding", other.text()),
        };
        let here = self.now(&key)?;
        let outcome = match here {
            Some(here) if here == value => Some(Outcome::There),
            None if self.trusted => Some(Outcome::New),
            _ => None,
        };
        if let Some(outcome) = outcome {
            if outcome == Outcome::New {
                self.set(key.clone(), value)?;
            }
            self.add(kind, &name, &name, outcome, None);
            return self.is_own_now(ForeignKey::of(key));
        }
        let (Some(of), Some(foreign)) = (ForeignKey::of(key), ForeignValue::of(value)) else {
            return Ok(());
        };
        let outcome = self.foreign(of, foreign)?;
        self.add_foreign(kind, name, outcome);
        if self.trusted
            && let Some(item) = self.items.last_mut()
        {
            item.why = Some("another one was found here".to_owned());
        }
        Ok(())
    }

    /// Takes over what another store says, where that is not older than what it said before.
    fn foreign(&mut self, of: ForeignKey, value: ForeignValue) -> Result<Outcome, EngineError> {
        let key = NameKey::Foreign { source: Label::new(self.source.as_str())?, of };
        let outcome = match self.now(&key)? {
            None => Outcome::New,
            Some(NameValue::Foreign { value: here, .. })
                if here == value || self.age(&here)? >= self.age(&value)? =>
            {
                return Ok(Outcome::There);
            }
            Some(_) => Outcome::Forward,
        };
        self.set(key, NameValue::Foreign { store: self.store, value })?;
        Ok(outcome)
    }

    /// Something that grows with each step of what is said.
    fn age(&self, value: &ForeignValue) -> Result<(i64, usize), EngineError> {
        Ok(match value {
            ForeignValue::Verdict(record) => (record.when.0, 0),
            ForeignValue::Evaluation(id) => (self.when(*id)?, 0),
            ForeignValue::Experiment(id) => {
                let Experiment { when, approaches, selection, .. } =
                    Experiment::fetch(self.objects, *id)?;
                let waits = |state: &ApproachState| *state == ApproachState::Waiting;
                let ended = approaches.iter().filter(|a| !waits(&a.state)).count();
                let evaluated = approaches.iter().filter(|a| a.evaluation.is_some()).count();
                let chosen = selection.map_or(0, |chosen| 1 + usize::from(chosen.merged.is_some()));
                (when.0, ended + evaluated + chosen)
            }
        })
    }

    fn when(&self, id: EvaluationId) -> Result<i64, EngineError> {
        Ok(Evaluation::fetch(self.objects, id)?.when.0)
    }

    fn beside(&self, label: &Label, attempt: usize) -> Result<Label, EngineError> {
        beside::label(label, &self.source, attempt).ok_or_else(|| self.no_name(label.as_str()))
    }

    fn no_name(&self, name: &str) -> EngineError {
        let what = format!("`{name}` of the bundle has no place here");
        let why = "it differs from what is here, and every name beside that is taken or too long";
        EngineError::Refused { what, why: why.to_owned() }
    }

    fn add(
        &mut self,
        kind: &'static str,
        name: &str,
        placed: &str,
        outcome: Outcome,
        why: Option<String>,
    ) {
        let is_beside = name != placed;
        let outcome = if is_beside && outcome == Outcome::New { Outcome::Beside } else { outcome };
        let kept_as = is_beside.then(|| placed.to_owned());
        self.items.push(Item { kind, name: name.to_owned(), kept_as, outcome, foreign: None, why });
    }

    fn add_foreign(&mut self, kind: &'static str, name: String, outcome: Outcome) {
        let foreign = Some(self.source.clone());
        self.items.push(Item { kind, name, kept_as: None, outcome, foreign, why: None });
    }
}
