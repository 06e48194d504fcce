//! What other stores say: shown with its source, never used as if it had been found here.
//!
//! Verbs that measure, judge, go back or choose ask for own names alone and so never see it.

use serde::Serialize;

use super::report::word;
use super::{Engine, EngineError};
use crate::base::id::{NamesId, SnapshotId};
use crate::object::evaluation::Evaluation;
use crate::object::experiment::Experiment;
use crate::object::names::{self, ForeignKey, ForeignValue, NameKey, NameValue, VerdictRecord};

/// A verdict of another store, in a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ForeignVerdict {
    /// The word for the store.
    pub source: String,
    /// `good`, `bad`, `inconclusive`.
    pub word: &'static str,
    /// The trigger that fired.
    pub trigger: Option<String>,
    /// Why.
    pub reason: String,
}

/// An experiment of another store.
pub(super) struct ForeignExperiment {
    pub source: String,
    pub experiment: Experiment,
}

impl Engine {
    /// What other stores say of a snapshot, with their words.
    pub(super) fn foreign_records(
        &self,
        names: NamesId,
        id: SnapshotId,
    ) -> Result<Vec<(String, VerdictRecord)>, EngineError> {
        let mut found = Vec::new();
        for source in names::sources(&self.store, names)? {
            let word = source.to_string();
            let key = NameKey::Foreign { source, of: ForeignKey::Verdict(id) };
            if let Some(NameValue::Foreign { value: ForeignValue::Verdict(record), .. }) =
                names::get(&self.store, names, &key)?
            {
                found.push((word, record));
            }
        }
        Ok(found)
    }

    /// The same for a report.
    pub(super) fn foreign_verdicts(
        &self,
        names: NamesId,
        id: SnapshotId,
    ) -> Result<Vec<ForeignVerdict>, EngineError> {
        let shown = |(source, record): (String, VerdictRecord)| ForeignVerdict {
            source,
            word: word(record.word),
            trigger: record.trigger,
            reason: record.reason,
        };
        Ok(self.foreign_records(names, id)?.into_iter().map(shown).collect())
    }

    /// What other stores found for a snapshot.
    pub(super) fn foreign_evaluations(
        &self,
        names: NamesId,
        id: SnapshotId,
    ) -> Result<Vec<(String, VerdictRecord, Evaluation)>, EngineError> {
        let fetch = |(source, record): (String, VerdictRecord)| {
            let found = Evaluation::fetch(&self.store, record.evaluation)?;
            Ok((source, record, found))
        };
        self.foreign_records(names, id)?.into_iter().map(fetch).collect()
    }

    /// The experiments of other stores, oldest first.
    pub(super) fn foreign_experiments(
        &self,
        names: NamesId,
    ) -> Result<Vec<ForeignExperiment>, EngineError> {
        let mut all = Vec::new();
        for source in names::sources(&self.store, names)? {
            for entry in names::list(&self.store, names, &format!("foreign/{source}/experiment/"))?
            {
                if let NameValue::Foreign { value: ForeignValue::Experiment(id), .. } = entry.value
                {
                    let experiment = Experiment::fetch(&self.store, id)?;
                    all.push(ForeignExperiment { source: source.to_string(), experiment });
                }
            }
        }
        all.sort_by_key(|one| (one.experiment.when, one.experiment.name.clone()));
        Ok(all)
    }

    /// The experiments of other stores that go by a name: `e7`, or `SOURCE/e7`.
    fn foreign_named(
        &self,
        names: NamesId,
        name: &str,
    ) -> Result<Vec<ForeignExperiment>, EngineError> {
        let mut all = self.foreign_experiments(names)?;
        all.retain(|one| {
            let whole = format!("{}/{}", one.source, one.experiment.name);
            name == one.experiment.name || name == whole
        });
        Ok(all)
    }

    /// An experiment of this store, or where there is none of that name one of another store, with
    /// the word for that: to be looked at, not to be chosen from.
    ///
    /// # Errors
    /// As `Engine::experiment`; [`EngineError::Ambiguous`].
    pub(super) fn experiment_to_look_at(
        &self,
        name: Option<&str>,
    ) -> Result<(Experiment, Option<String>), EngineError> {
        let own = match (self.own_experiment(name), name) {
            (Err(error @ EngineError::NotFound { .. }), Some(name)) => (error, name),
            (found, _) => return Ok((found?.0, None)),
        };
        let (error, name) = own;
        let mut found = self.foreign_named(self.store.names()?, name)?;
        match (found.pop(), found.is_empty()) {
            (None, _) => Err(error),
            (Some(one), true) => {
                let experiment = self.with_labels(one.experiment, &one.source)?;
                Ok((experiment, Some(one.source)))
            }
            (Some(last), false) => {
                found.push(last);
                let whole =
                    |one: &ForeignExperiment| format!("{}/{}", one.source, one.experiment.name);
                let candidates = found.iter().map(whole).collect();
                Err(EngineError::Ambiguous { name: name.to_owned(), candidates })
            }
        }
    }

    /// Why an experiment that is not of this store cannot be worked on; none where there is none.
    pub(super) fn foreign_refusal(&self, name: &str) -> Result<Option<EngineError>, EngineError> {
        let found = self.foreign_named(self.store.names()?, name)?;
        Ok(found.into_iter().next().map(|one| EngineError::Refused {
            what: format!("experiment `{name}` was not made here but in {}", one.source),
            why: format!(
                "its results are foreign: `exp rank {name}` shows them, and an import with \
                 --trust {} makes them count",
                one.source
            ),
        }))
    }

    /// The branches of a foreign experiment as they are called here: kept beside under the word for
    /// the source where its own names were taken.
    fn with_labels(
        &self,
        mut experiment: Experiment,
        source: &str,
    ) -> Result<Experiment, EngineError> {
        let names = self.store.names()?;
        for approach in &mut experiment.approaches {
            let beside = [
                super::beside::unit(&approach.branch, &experiment.name, source),
                super::beside::label(&approach.branch, source, 1),
            ];
            for label in beside.into_iter().flatten() {
                if self.branch_head(names, &label)? == approach.candidate
                    && approach.candidate.is_some()
                {
                    approach.branch = label;
                    break;
                }
            }
        }
        Ok(experiment)
    }
}
