//! The map of all names: branches, tags, workspace positions, experiments, evaluations, verdicts.
//!
//! What is reachable from the names of the current operation is alive. A name moves only by an
//! operation. Knows nothing of which operation is current.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::chunk::{self, Cut};
use super::sequence::{self, Change, Element, Elements, Node};
use super::snapshot::GitHead;
use super::traits::{Fetch, ObjectError, Put};
use crate::base::codec::{self, Bytes};
use crate::base::id::{EvaluationId, ExperimentId, Hash, Kind, NamesId, SnapshotId, TreeId};
use crate::base::name::Label;
use crate::base::time::Timestamp;

/// Which name.
///
/// **Format**: its text (see [`NameKey::text`]) is the key in the map.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameKey {
    /// `branch/LABEL`
    Branch(Label),
    /// `tag/LABEL`
    Tag(Label),
    /// `position/WORKSPACE`
    Position(String),
    /// `experiment/NAME`
    Experiment(String),
    /// `evaluation/MEMO`, in hexadecimal: the memo of [`NameKey::memo`].
    Evaluation(Hash),
    /// `verdict/SNAPSHOT`, in hexadecimal: the newest verdict of a snapshot.
    Verdict(SnapshotId),
    /// `foreign/SOURCE/…` and then the text of the name there: what another store says. Never taken
    /// for what was found here.
    Foreign {
        /// The word for the store that it came from: a label of one part.
        source: Label,
        /// The name there.
        of: ForeignKey,
    },
}

/// The name of something that another store says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ForeignKey {
    /// `experiment/NAME`
    Experiment(String),
    /// `evaluation/MEMO`
    Evaluation(Hash),
    /// `verdict/SNAPSHOT`
    Verdict(SnapshotId),
}

impl ForeignKey {
    /// What it would be called if it were said here.
    pub fn own(&self) -> NameKey {
        match self {
            Self::Experiment(name) => NameKey::Experiment(name.clone()),
            Self::Evaluation(memo) => NameKey::Evaluation(*memo),
            Self::Verdict(snapshot) => NameKey::Verdict(*snapshot),
        }
    }

    /// The foreign name for a name of another store; none for one that is never foreign.
    pub fn of(key: NameKey) -> Option<Self> {
        match key {
            NameKey::Experiment(name) => Some(Self::Experiment(name)),
            NameKey::Evaluation(memo) => Some(Self::Evaluation(memo)),
            NameKey::Verdict(snapshot) => Some(Self::Verdict(snapshot)),
            _ => None,
        }
    }
}

impl NameKey {
    /// The memo of what an evaluator found for a tree in an environment. One digest of the three:
    /// keys of 200 bytes made the map of names three times as large.
    pub fn memo(tree: TreeId, evaluator: Hash, environment: Hash) -> Self {
        let parts = [tree.0.0, evaluator.0, environment.0].concat();
        Self::Evaluation(codec::digest("memo", &parts))
    }

    /// The key in the map.
    pub fn text(&self) -> String {
        match self {
            Self::Branch(label) => format!("branch/{label}"),
            Self::Tag(label) => format!("tag/{label}"),
            Self::Position(workspace) => format!("position/{workspace}"),
            Self::Experiment(name) => format!("experiment/{name}"),
            Self::Evaluation(memo) => format!("evaluation/{}", memo.hex()),
            Self::Verdict(snapshot) => format!("verdict/{}", snapshot.hex()),
            Self::Foreign { source, of } => format!("foreign/{source}/{}", of.own().text()),
        }
    }

    /// Reads a key of the map.
    pub fn parse(text: &str) -> Option<Self> {
        let (room, rest) = text.split_once('/')?;
        match room {
            "branch" => Label::new(rest).ok().map(Self::Branch),
            "tag" => Label::new(rest).ok().map(Self::Tag),
            "position" if !rest.is_empty() => Some(Self::Position(rest.to_owned())),
            "experiment" if !rest.is_empty() => Some(Self::Experiment(rest.to_owned())),
            "verdict" => Hash::from_hex(rest).map(|hash| Self::Verdict(SnapshotId(hash))),
            "evaluation" => Hash::from_hex(rest).map(Self::Evaluation),
            "foreign" => {
                let (source, name) = rest.split_once('/')?;
                // A name in a name in a name would never end.
                let of = (!name.starts_with("foreign/")).then(|| Self::parse(name)).flatten()?;
                Some(Self::Foreign { source: Label::new(source).ok()?, of: ForeignKey::of(of)? })
            }
            _ => None,
        }
    }
}

/// Whether a snapshot is good, as the policy said.
///
/// **Format**: a `u32`, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum VerdictWord {
    /// Every stage ran, every gate passed, nothing got worse.
    Good,
    /// A trigger fired.
    Bad,
    /// Anything else.
    Inconclusive,
}

/// A verdict as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictRecord {
    /// The word.
    pub word: VerdictWord,
    /// The trigger that fired, such as `gate`; none unless bad.
    pub trigger: Option<String>,
    /// Why, in a sentence.
    pub reason: String,
    /// What it was compared with; none for a first one.
    pub base: Option<SnapshotId>,
    /// Digest of the evaluator.
    pub evaluator: Hash,
    /// What was found.
    pub evaluation: EvaluationId,
    /// When.
    pub when: Timestamp,
}

/// Where a workspace stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The branch it is on.
    pub branch: Label,
    /// The snapshot that its files were last captured or restored as.
    pub snapshot: SnapshotId,
    /// Where git stood then.
    pub git_head: Option<GitHead>,
    /// Its folder when the position was written, as bytes. For people: a store that moved with
    /// its workspace is no error.
    pub path: Bytes,
}

/// What a name points at.
///
/// **Format**: the variant as a `u32` in this order, then its fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NameValue {
    /// Of a branch.
    Branch(SnapshotId),
    /// Of a tag.
    Tag {
        /// The snapshot.
        snapshot: SnapshotId,
        /// What was said with it; may be empty.
        note: String,
    },
    /// Of a workspace.
    Position(Position),
    /// Of an experiment.
    Experiment(ExperimentId),
    /// Of the memo.
    Evaluation(EvaluationId),
    /// Of a snapshot's verdict.
    Verdict(VerdictRecord),
    /// Of what another store says.
    Foreign {
        /// The id of that store.
        store: Hash,
        /// What its name points at there.
        value: ForeignValue,
    },
}

/// What another store says.
///
/// **Format**: the variant as a `u32` in this order, then its fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ForeignValue {
    /// Of an experiment.
    Experiment(ExperimentId),
    /// Of the memo.
    Evaluation(EvaluationId),
    /// Of a snapshot's verdict.
    Verdict(VerdictRecord),
}

impl ForeignValue {
    /// What another store's name points at, as something that is said there; none for a value that
    /// is never foreign.
    pub fn of(value: NameValue) -> Option<Self> {
        match value {
            NameValue::Experiment(id) => Some(Self::Experiment(id)),
            NameValue::Evaluation(id) => Some(Self::Evaluation(id)),
            NameValue::Verdict(record) => Some(Self::Verdict(record)),
            _ => None,
        }
    }
}

/// One name in the map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameEntry {
    /// The text of its [`NameKey`].
    pub key: String,
    /// What it points at.
    pub value: NameValue,
}

impl Element for NameEntry {
    const KIND: Kind = Kind::Names;
    const KEYED: bool = true;
    const CUT: Cut = Cut::VALUES;
    type Record = Node<Self>;

    fn key(&self) -> &[u8] {
        self.key.as_bytes()
    }

    fn mark(&self) -> u64 {
        chunk::mark(self.key.as_bytes())
    }

    fn length(&self) -> u64 {
        0
    }

    fn fault(&self) -> Option<&'static str> {
        let fits = matches!(
            (NameKey::parse(&self.key), &self.value),
            (Some(NameKey::Branch(_)), NameValue::Branch(_))
                | (Some(NameKey::Tag(_)), NameValue::Tag { .. })
                | (Some(NameKey::Position(_)), NameValue::Position(_))
                | (Some(NameKey::Experiment(_)), NameValue::Experiment(_))
                | (Some(NameKey::Evaluation(_)), NameValue::Evaluation(_))
                | (Some(NameKey::Verdict(_)), NameValue::Verdict(_))
                | (
                    Some(NameKey::Foreign { of: ForeignKey::Experiment(_), .. }),
                    NameValue::Foreign { value: ForeignValue::Experiment(_), .. },
                )
                | (
                    Some(NameKey::Foreign { of: ForeignKey::Evaluation(_), .. }),
                    NameValue::Foreign { value: ForeignValue::Evaluation(_), .. },
                )
                | (
                    Some(NameKey::Foreign { of: ForeignKey::Verdict(_), .. }),
                    NameValue::Foreign { value: ForeignValue::Verdict(_), .. },
                )
        );
        (!fits).then_some("a name and what it points at do not fit")
    }

    fn wrap(node: Node<Self>) -> Node<Self> {
        node
    }

    fn unwrap(record: Node<Self>) -> Option<Node<Self>> {
        Some(record)
    }
}

/// Names to set or remove.
pub type NameEdits = BTreeMap<NameKey, Option<NameValue>>;

/// No names.
///
/// # Errors
/// As `Put::put`.
pub fn empty(objects: &(impl Put + ?Sized)) -> Result<NamesId, ObjectError> {
    sequence::build::<NameEntry>(objects, []).map(|root| NamesId(root.hash))
}

/// What one name points at.
///
/// # Errors
/// As `Fetch::fetch`.
pub fn get(
    objects: &(impl Fetch + ?Sized),
    names: NamesId,
    key: &NameKey,
) -> Result<Option<NameValue>, ObjectError> {
    let entry: Option<NameEntry> = sequence::get(objects, names.0, key.text().as_bytes())?;
    Ok(entry.map(|entry| entry.value))
}

/// The names whose text starts so, such as `branch/`, in order.
///
/// # Errors
/// As `Fetch::fetch`.
pub fn list(
    objects: &(impl Fetch + ?Sized),
    names: NamesId,
    prefix: &str,
) -> Result<Vec<NameEntry>, ObjectError> {
    let from = prefix.as_bytes().to_vec();
    Elements::<NameEntry, _>::starting_at(objects, names.0, from)
        .take_while(|entry| entry.as_ref().map_or(true, |entry| entry.key.starts_with(prefix)))
        .collect()
}

/// The stores of which something foreign is said, by their words, ascending. Costs a descent for
/// each.
///
/// # Errors
/// As `Fetch::fetch`.
pub fn sources(objects: &(impl Fetch + ?Sized), names: NamesId) -> Result<Vec<Label>, ObjectError> {
    let (mut found, mut from) = (Vec::new(), "foreign/".to_owned());
    loop {
        let start = from.into_bytes();
        let next = Elements::<NameEntry, _>::starting_at(objects, names.0, start).next();
        let key = next.transpose()?.and_then(|entry| NameKey::parse(&entry.key));
        let Some(NameKey::Foreign { source, .. }) = key else { return Ok(found) };
        // `0` is the character behind `/`.
        from = format!("foreign/{source}0");
        found.push(source);
    }
}

/// Sets and removes names.
///
/// # Errors
/// As `Fetch::fetch` and `Put::put`.
pub fn edit(
    objects: &(impl Put + ?Sized),
    names: NamesId,
    edits: &NameEdits,
) -> Result<NamesId, ObjectError> {
    let entry = |(key, value): (&NameKey, &Option<NameValue>)| {
        let key = key.text();
        let entry = value.clone().map(|value| NameEntry { key: key.clone(), value });
        (key.into_bytes(), entry)
    };
    let edits = edits.iter().map(entry).collect();
    sequence::edit(objects, names.0, edits).map(|root| NamesId(root.hash))
}

/// The names that differ, in order.
///
/// # Errors
/// As `Fetch::fetch`.
pub fn diff(
    objects: &(impl Fetch + ?Sized),
    before: NamesId,
    after: NamesId,
) -> Result<Vec<Change<NameEntry>>, ObjectError> {
    sequence::diff(objects, before.0, after.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::counting::Counting;

    fn number(number: u64) -> Hash {
        crate::base::codec::digest("test", &number.to_le_bytes())
    }

    fn memo(of: u64) -> (NameKey, Option<NameValue>) {
        let (evaluator, environment) = (number(0), number(1));
        let key = NameKey::memo(TreeId(number(of)), evaluator, environment);
        (key, Some(NameValue::Evaluation(EvaluationId(number(of)))))
    }

    fn verdict(of: u64) -> (NameKey, Option<NameValue>) {
        let record = VerdictRecord {
            word: VerdictWord::Good,
            trigger: None,
            reason: "every stage ran and every gate passed".into(),
            base: Some(SnapshotId(number(2))),
            evaluator: number(0),
            evaluation: EvaluationId(number(of)),
            when: Timestamp(7),
        };
        (NameKey::Verdict(SnapshotId(number(of))), Some(NameValue::Verdict(record)))
    }

    fn branch(name: &str, to: u64) -> (NameKey, Option<NameValue>) {
        let label = Label::new(name).unwrap();
        (NameKey::Branch(label), Some(NameValue::Branch(SnapshotId(number(to)))))
    }

    fn foreign(source: &str, of: ForeignKey, value: ForeignValue) -> (NameKey, Option<NameValue>) {
        let key = NameKey::Foreign { source: Label::new(source).unwrap(), of };
        (key, Some(NameValue::Foreign { store: number(9), value }))
    }

    #[test]
    fn foreign_names_are_read_back_and_no_others_are_made_of_them() {
        let experiment = ForeignKey::Experiment("e7".to_owned());
        for of in [
            experiment,
            ForeignKey::Evaluation(number(1)),
            ForeignKey::Verdict(SnapshotId(number(2))),
        ] {
            let (key, _) =
                foreign("ann-3f2a", of, ForeignValue::Evaluation(EvaluationId(number(1))));
            assert_eq!(NameKey::parse(&key.text()), Some(key));
        }
        for bad in [
            "foreign/ann",
            "foreign/ann/",
            "foreign//experiment/e7",
            "foreign/ann/branch/main",
            "foreign/ann/position/w",
            "foreign/ann/foreign/bob/experiment/e7",
            "foreign/an n/experiment/e7",
        ] {
            assert_eq!(NameKey::parse(bad), None, "{bad}");
        }
        let objects = Counting::default();
        let empty = empty(&objects).unwrap();
        let (key, value) = foreign(
            "ann",
            ForeignKey::Verdict(SnapshotId(number(1))),
            ForeignValue::Evaluation(EvaluationId(number(1))),
        );
        let entry = NameEntry { key: key.text(), value: value.unwrap() };
        assert!(entry.fault().is_some(), "an evaluation is no verdict");
        assert_eq!(sources(&objects, empty).unwrap(), []);
    }

    #[test]
    fn all_sources_are_found_whatever_stands_between() {
        let objects = Counting::default();
        let empty = empty(&objects).unwrap();
        let all = ["a", "a-b", "a.b", "a0", "ann", "zoe"];
        let mut edits: NameEdits = (0..300).flat_map(|of| [memo(of), verdict(of)]).collect();
        for source in all {
            edits.extend((0..40).map(|of| {
                let value = ForeignValue::Evaluation(EvaluationId(number(of)));
                foreign(source, ForeignKey::Evaluation(number(of)), value)
            }));
        }
        let names = edit(&objects, empty, &edits).unwrap();
        let mut found: Vec<_> =
            sources(&objects, names).unwrap().into_iter().map(String::from).collect();
        found.sort();
        assert_eq!(found, all);
    }

    #[test]
    fn one_operation_among_ten_thousand_names_writes_little() {
        let objects = Counting::default();
        let empty = empty(&objects).unwrap();
        let many = (10..5_010).flat_map(|of| [memo(of), verdict(of)]);
        let many = many.chain((0..500).map(|n| branch(&format!("e{n}/map"), n))).collect();
        let names = edit(&objects, empty, &many).unwrap();
        objects.reset();
        let moved = edit(&objects, names, &NameEdits::from([branch("e7/map", 1)])).unwrap();
        assert!(objects.new_bytes() < 12_000, "{}", objects.new_bytes());
        objects.reset();
        let edits = NameEdits::from([branch("e7/map", 2), memo(9_999), verdict(9_999)]);
        edit(&objects, moved, &edits).unwrap();
        assert!(objects.new_bytes() < 36_000, "{}", objects.new_bytes());
    }
}
