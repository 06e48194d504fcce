//! The values of the catalogue. Small by construction: texts are cut, the rest is of fixed size.
//!
//! **Compatibility**: none is needed. Another `FORMAT` and the catalogue is built again.

use serde::{Deserialize, Serialize};

use crate::base::codec::{CodecError, decode_fields, encode_fields};
use crate::base::id::{EvaluationId, Hash, NamesId, OperationId, SnapshotId, TreeId};
use crate::base::limits::CATALOGUE_TEXT_BYTES_MAX;
use crate::base::time::Timestamp;
use crate::object::evaluation::{Evaluation, TestStatus};
use crate::object::names::{VerdictRecord, VerdictWord};
use crate::object::snapshot::{Origin, Snapshot};

/// The version of keys and values together.
pub(super) const FORMAT: u32 = 3;

/// What was seen when the catalogue was last brought forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    pub(super) operation: OperationId,
    pub(super) names: NamesId,
}

/// A snapshot in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NodeRecord {
    /// How many names and children hold it; it goes with the last one.
    pub(super) references: u64,
    pub(super) when: Timestamp,
    pub(super) tree: TreeId,
    pub(super) parents: Vec<SnapshotId>,
    pub(super) branch: String,
    pub(super) session: String,
    pub(super) origin: String,
    pub(super) message: String,
}

impl NodeRecord {
    pub(super) fn of(snapshot: Snapshot) -> Self {
        let (message, other) = CATALOGUE_TEXT_BYTES_MAX;
        Self {
            references: 0,
            when: snapshot.when,
            tree: snapshot.tree,
            parents: snapshot.parents,
            branch: snapshot.branch.as_str().to_owned(),
            session: cut(&snapshot.session, other),
            origin: origin_word(&snapshot.origin).to_owned(),
            message: cut(&snapshot.message, message),
        }
    }
}

fn origin_word(origin: &Origin) -> &'static str {
    match origin {
        Origin::Initial => "initial",
        Origin::Manual => "manual",
        Origin::Automatic => "automatic",
        Origin::Approach { .. } => "approach",
        Origin::Command { .. } => "command",
        Origin::Merge => "merge",
    }
}

/// The start of a text, cut between characters, without NUL.
pub(super) fn cut(text: &str, bytes_max: usize) -> String {
    let end = (0..=bytes_max.min(text.len())).rfind(|at| text.is_char_boundary(*at));
    text[..end.unwrap_or(0)].replace('\0', " ")
}

/// A verdict in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct VerdictSummary {
    pub(super) word: VerdictWord,
    pub(super) evaluator: Hash,
    pub(super) evaluation: EvaluationId,
    pub(super) when: Timestamp,
}

impl From<&VerdictRecord> for VerdictSummary {
    fn from(record: &VerdictRecord) -> Self {
        let VerdictRecord { word, evaluator, evaluation, when, .. } = *record;
        Self { word, evaluator, evaluation, when }
    }
}

/// How many tests and stages an evaluation had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvaluationCounts {
    /// The whole of it.
    pub evaluation: EvaluationId,
    /// Whether every stage ran to its end.
    pub is_complete: bool,
    /// Stages.
    pub stages: u32,
    /// Tests that passed.
    pub passed: u32,
    /// Tests that failed.
    pub failed: u32,
    /// Tests that were left out on purpose.
    pub skipped: u32,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// When it began.
    pub when: Timestamp,
}

impl EvaluationCounts {
    pub(super) fn of(id: EvaluationId, evaluation: &Evaluation) -> Self {
        let count = |status| u32::try_from(evaluation.count(status)).unwrap_or(u32::MAX);
        Self {
            evaluation: id,
            is_complete: evaluation.is_complete(),
            stages: u32::try_from(evaluation.stages.len()).unwrap_or(u32::MAX),
            passed: count(TestStatus::Passed),
            failed: count(TestStatus::Failed),
            skipped: count(TestStatus::Skipped),
            duration_ms: evaluation.duration_ms,
            when: evaluation.when,
        }
    }
}

/// The bytes of a value.
pub(super) fn to_bytes<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Integers, strings and lists in memory: the codec has no way to fail on them.
    encode_fields(value, &mut bytes).expect("values of the catalogue have an encoding");
    bytes
}

/// Reads a value strictly: changed bytes are an error.
pub(super) fn from_bytes<T: Serialize + serde::de::DeserializeOwned>(
    bytes: &[u8],
) -> Result<T, CodecError> {
    decode_fields(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fuzz::fuzz;
    use crate::base::name::Label;

    fn strictly<T: Serialize + serde::de::DeserializeOwned>(bytes: &[u8]) -> bool {
        from_bytes::<T>(bytes).is_ok_and(|value| {
            assert_eq!(to_bytes(&value), bytes, "another encoding was accepted");
            true
        })
    }

    #[test]
    fn fuzzed_values_are_refused_or_another_value() {
        let id = |byte: u8| Hash([byte; 32]);
        let node = NodeRecord {
            references: 2,
            when: Timestamp(7),
            tree: TreeId(id(1)),
            parents: vec![SnapshotId(id(2)), SnapshotId(id(3))],
            branch: Label::new("main").unwrap().to_string(),
            session: "s1".to_owned(),
            origin: "merge".to_owned(),
            message: "ü and more".to_owned(),
        };
        fuzz("catalogue node", &[to_bytes(&node)], (0, 3_000), strictly::<NodeRecord>);
        let (word, evaluation) = (VerdictWord::Bad, EvaluationId(id(4)));
        let verdict = VerdictSummary { word, evaluator: id(5), evaluation, when: Timestamp(8) };
        fuzz("catalogue verdict", &[to_bytes(&verdict)], (0, 3_000), strictly::<VerdictSummary>);
        let counts = EvaluationCounts {
            evaluation,
            is_complete: true,
            stages: 1,
            passed: 2,
            failed: 3,
            skipped: 4,
            duration_ms: 5,
            when: Timestamp(9),
        };
        fuzz("catalogue counts", &[to_bytes(&counts)], (0, 3_000), strictly::<EvaluationCounts>);
        let seen = Seen { operation: OperationId(id(6)), names: NamesId(id(7)) };
        fuzz("catalogue head", &[to_bytes(&seen)], (0, 3_000), strictly::<Seen>);
    }
}
