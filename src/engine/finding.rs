//! What was found, and where it is kept: memo and verdicts as names.
//!
//! **Durability**: each function that keeps something has it durable when it returns.

use super::transact::{Act, moved};
use super::{Engine, EngineError};
use crate::base::id::{EvaluationId, NamesId, SnapshotId};
use crate::base::limits::COMMIT_TRIES_MAX;
use crate::object::evaluation::Evaluation;
use crate::object::names::{self, NameKey, NameValue, VerdictRecord};
use crate::policy::verdict::Verdict;
use crate::store::{NameMove, Writer};

/// What was found for a tree.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub id: EvaluationId,
    pub evaluation: Evaluation,
    pub from_memo: bool,
}

/// What was found, and what the policy says of it. The evaluation need not have a name until the
/// verdict has one, and a collection may let go of it: who refers to it puts it again.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    pub id: EvaluationId,
    pub evaluation: Evaluation,
    pub from_memo: bool,
    pub record: VerdictRecord,
    pub verdict: Verdict,
}

impl Engine {
    /// The moves that hang a verdict on a snapshot.
    pub(super) fn finding_moves(
        &self,
        names: NamesId,
        snapshot: SnapshotId,
        judged: &Judged,
    ) -> Result<Vec<NameMove>, EngineError> {
        let key = NameKey::Verdict(snapshot);
        let now = names::get(&self.store, names, &key)?;
        Ok(vec![moved(key, now, Some(NameValue::Verdict(judged.record.clone())))])
    }

    /// Hangs a verdict on a snapshot, durably.
    pub(super) fn keep_verdict(
        &self,
        snapshot: SnapshotId,
        judged: &Judged,
    ) -> Result<(), EngineError> {
        let word = super::report::word(judged.record.word);
        let summary = format!("{} is {word}", snapshot.short());
        let value = NameValue::Verdict(judged.record.clone());
        let writer = self.writer()?;
        judged.evaluation.put(&writer)?;
        self.keep_finding(&writer, &NameKey::Verdict(snapshot), &value, &summary)
    }

    /// Commits a finding. Equal trees are measured at the same time, too: the later one counts, and
    /// is no conflict.
    pub(super) fn keep_finding(
        &self,
        writer: &Writer<'_>,
        key: &NameKey,
        value: &NameValue,
        summary: &str,
    ) -> Result<(), EngineError> {
        for attempt in 1.. {
            let now = names::get(writer, self.store.names()?, key)?;
            let moves = vec![moved(key.clone(), now, Some(value.clone()))];
            match self.commit(writer, moves, Act::evaluation("eval", summary)) {
                Err(EngineError::Moved { .. }) if attempt < COMMIT_TRIES_MAX => {}
                outcome => return outcome.map(|_| ()),
            }
        }
        unreachable!("the loop ends at the last try")
    }
}
