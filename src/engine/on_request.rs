//! What `exp eval` found for a candidate, entered into its experiment's record.
//!
//! An approach whose command failed is evaluated only on request; so is one of a race that
//! evaluated nothing. What is found belongs into the table all the same, where it was measured with
//! what the others were measured with.

use super::finding::{Found, Judged};
use super::transact::{Act, moved};
use super::{Engine, EngineError};
use crate::base::id::{Hash, SnapshotId};
use crate::base::limits::COMMIT_TRIES_MAX;
use crate::object::experiment::Experiment;
use crate::object::names::{NameKey, NameValue};
use crate::object::snapshot::{Origin, Snapshot};

/// What became of a finding.
pub(super) enum Entry {
    /// What was measured is no candidate of an experiment.
    NoCandidate,
    /// The experiment of that name has it now.
    Entered(String),
    /// The experiment of that name was measured with other stages.
    OtherEvaluator(String),
}

impl Engine {
    /// Enters what was found for a snapshot: `what` is how somebody named it, `base` what its
    /// parent was measured as.
    pub(super) fn enter_on_request(
        &self,
        what: &str,
        (id, snapshot): (SnapshotId, &Snapshot),
        judged: &Judged,
        base: Option<(SnapshotId, &Found)>,
        evaluator: Hash,
    ) -> Result<Entry, EngineError> {
        for attempt in 1.. {
            let Some((mut record, old, number)) = self.candidate(what, id, snapshot)? else {
                return Ok(Entry::NoCandidate);
            };
            let name = record.name.clone();
            match (record.evaluator, base) {
                (Some(known), _) if known == evaluator => {}
                // Nothing was measured in this race until now.
                (None, Some((base, found))) if base == record.base => {
                    record.evaluator = Some(evaluator);
                    record.base_evaluation = Some(found.id);
                }
                _ => return Ok(Entry::OtherEvaluator(name)),
            }
            record.approaches[number].evaluation = Some(judged.id);
            let writer = self.writer()?;
            // A collection may have let go of them: they had no name.
            let found = base.map(|(_, found)| &found.evaluation);
            found
                .into_iter()
                .chain([&judged.evaluation])
                .try_for_each(|e| e.put(&writer).map(drop))?;
            let new = record.put(&writer)?;
            let value = |id| Some(NameValue::Experiment(id));
            let moves = vec![moved(NameKey::Experiment(name.clone()), value(old), value(new))];
            let summary = format!("evaluated {} on request", record.approaches[number].branch);
            // A capture, as the race's own steps are: undo of the race looks through it.
            match self.commit(&writer, moves, Act::capture("eval", summary)) {
                Err(EngineError::Moved { .. }) if attempt < COMMIT_TRIES_MAX => {}
                outcome => return outcome.map(|_| Entry::Entered(name)),
            }
        }
        unreachable!("the loop ends at the last try")
    }

    /// The experiment that a snapshot is a candidate of, and the approach's number in it: by the
    /// branch that was named, else by what the snapshot says of itself (an approach that changed
    /// nothing left the base, which says nothing).
    fn candidate(
        &self,
        what: &str,
        id: SnapshotId,
        snapshot: &Snapshot,
    ) -> Result<Option<(Experiment, crate::base::id::ExperimentId, usize)>, EngineError> {
        let branch = self.find_branch(self.store.names()?, what)?.map(|(label, _)| label);
        let named = branch.as_ref().and_then(|label| label.as_str().split_once('/'));
        let said = match &snapshot.origin {
            Origin::Approach { experiment, approach, .. } => {
                Some((experiment.as_str(), approach.as_str()))
            }
            _ => None,
        };
        for (experiment, approach) in [named, said].into_iter().flatten() {
            let (record, old) = match self.experiment(Some(experiment)) {
                Err(EngineError::NotFound { .. }) => continue,
                found => found?,
            };
            let at = record.approaches.iter().position(|one| one.name == approach);
            if let Some(at) = at.filter(|at| record.approaches[*at].candidate == Some(id)) {
                return Ok(Some((record, old, at)));
            }
        }
        Ok(None)
    }
}
