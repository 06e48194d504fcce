//! Parts that reports share: values for JSON and for the page, with ids as text.
//!
//! A report is what a verb returns: it has everything that a surface shows, and knows nothing of
//! how it is shown. Its JSON is a contract (`guide --json-schema` documents the version).

use serde::{Serialize, Serializer};

pub use super::foreign::ForeignVerdict;
use super::{Engine, EngineError};
use crate::base::id::{NamesId, SnapshotId};
use crate::base::path::TreePath;
use crate::base::time::Timestamp;
use crate::object::evaluation::{Evaluation, StageOutcome, TestStatus};
use crate::object::experiment::ApproachState;
use crate::object::names::{self, NameKey, NameValue, VerdictRecord, VerdictWord};
use crate::object::snapshot::{Origin, Snapshot};
use crate::object::tree::{EntryKind, TreeChange};
use crate::workspace::{RestorePlan, SkipReason};

/// A path in a report. JSON: a string, or where it is no UTF-8 an object with its bytes in
/// hexadecimal: `{"bytes": "ff2e"}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShownPath(pub TreePath);

impl Serialize for ShownPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(self.0.as_bytes()) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => {
                use serde::ser::SerializeMap;
                let hex = self.0.as_bytes().iter().map(|byte| format!("{byte:02x}"));
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("bytes", &hex.collect::<String>())?;
                map.end()
            }
        }
    }
}

/// A moment in a report. JSON: nanoseconds since 1970 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ShownTime(pub i64);

impl From<Timestamp> for ShownTime {
    fn from(time: Timestamp) -> Self {
        Self(time.0)
    }
}

/// How a path differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeWord {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// Its content differs.
    Modified,
    /// Its kind or its executable bit differs.
    Retyped,
    /// Its content was forgotten, so it stays as it stands in the workspace.
    Forgotten,
}

/// One path that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownChange {
    /// Which one.
    pub path: ShownPath,
    /// How.
    pub change: ChangeWord,
}

impl From<&TreeChange> for ShownChange {
    fn from(change: &TreeChange) -> Self {
        let word = match (&change.before, &change.after) {
            (None, _) => ChangeWord::Added,
            (_, None) => ChangeWord::Removed,
            (Some(a), Some(b)) if a.kind != b.kind => ChangeWord::Retyped,
            _ => ChangeWord::Modified,
        };
        Self { path: ShownPath(change.path.clone()), change: word }
    }
}

/// The changes of files and links (folders alone are left out).
pub fn shown_changes(changes: &[TreeChange]) -> Vec<ShownChange> {
    changes.iter().filter(|change| !change.is_only_directory()).map(ShownChange::from).collect()
}

/// What a restore does to files and links; what it cannot bring back comes first.
pub fn shown_plan(plan: &RestorePlan) -> Vec<ShownChange> {
    let left = plan
        .left
        .iter()
        .map(|path| ShownChange { path: ShownPath(path.clone()), change: ChangeWord::Forgotten });
    left.chain(shown_changes(&plan.changes)).collect()
}

/// The bytes that a change adds, removes or rewrites: its size, for ties.
pub fn change_bytes(changes: &[TreeChange]) -> u64 {
    let length = |entry: &Option<crate::object::tree::TreeEntry>| {
        entry.as_ref().filter(|e| e.kind != EntryKind::Directory).map_or(0, |e| e.length)
    };
    changes.iter().map(|change| length(&change.before).abs_diff(length(&change.after)).max(1)).sum()
}

/// Why something cannot be captured, in words.
pub fn skip_text(reason: SkipReason) -> String {
    let words = match reason {
        SkipReason::Special => "a socket, a pipe or a device",
        SkipReason::Unreadable => "it may not be read",
        SkipReason::Repository => "the git folder of a repository inside",
        SkipReason::Store => "the store of a workspace inside",
        SkipReason::Leftover => "left by a restore that was cut short",
        SkipReason::Changing => "it was written each time that it was read",
        SkipReason::TooLarge => "it is sparse, or larger than a capture reads",
        SkipReason::TooDeep => "its path is longer, or has more folders, than a tree may have",
        SkipReason::Reserved => "file systems take its name for git's folder or for a store",
    };
    words.to_owned()
}

/// A verdict in a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownVerdict {
    /// `good`, `bad`, `inconclusive` or `unknown`.
    pub word: &'static str,
    /// The trigger that fired.
    pub trigger: Option<String>,
    /// Why.
    pub reason: String,
}

impl ShownVerdict {
    /// Nothing was evaluated.
    pub fn unknown() -> Self {
        Self { word: "unknown", trigger: None, reason: "not evaluated".to_owned() }
    }
}

impl From<&VerdictRecord> for ShownVerdict {
    fn from(record: &VerdictRecord) -> Self {
        let (trigger, reason) = (record.trigger.clone(), record.reason.clone());
        Self { word: word(record.word), trigger, reason }
    }
}

/// The word for a verdict.
pub fn word(verdict: VerdictWord) -> &'static str {
    match verdict {
        VerdictWord::Good => "good",
        VerdictWord::Bad => "bad",
        VerdictWord::Inconclusive => "inconclusive",
    }
}

/// The word for how a snapshot came to be.
pub fn origin_word(origin: &Origin) -> &'static str {
    match origin {
        Origin::Initial => "initial",
        Origin::Manual => "manual",
        Origin::Automatic => "automatic",
        Origin::Approach { .. } => "approach",
        Origin::Command { .. } => "command",
        Origin::Merge => "merge",
    }
}

/// A snapshot in a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownSnapshot {
    /// All 64 digits.
    pub id: String,
    /// What it came from.
    pub parents: Vec<String>,
    /// The tree's id.
    pub tree: String,
    /// The state document's id.
    pub state: Option<String>,
    /// git's commit at that time.
    pub git_commit: Option<String>,
    /// The branch on which it was made.
    pub branch: String,
    /// How it came to be.
    pub origin: &'static str,
    /// The user.
    pub who: String,
    /// The session.
    pub session: String,
    /// When.
    pub when: ShownTime,
    /// Why.
    pub message: String,
    /// Its newest verdict.
    pub verdict: ShownVerdict,
    /// What other stores say of it; nothing here goes by that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub foreign: Vec<ForeignVerdict>,
}

/// What was found for a tree, in short.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ShownEvaluation {
    /// The evaluation's id.
    pub id: String,
    /// Whether it was remembered instead of run.
    pub from_memo: bool,
    /// Its stages.
    pub stages: Vec<ShownStage>,
    /// Tests that passed, failed, were skipped.
    pub passed: usize,
    /// Tests that failed.
    pub failed: usize,
    /// Tests that were left out.
    pub skipped: usize,
    /// Names of the tests that failed, at most 50.
    pub failing: Vec<String>,
    /// The metrics: name, unit, median.
    pub metrics: Vec<ShownMetric>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// How the view was made.
    pub view: String,
}

/// One stage in a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownStage {
    /// Its name.
    pub name: String,
    /// `passed`, `failed (exit 101)`, `did not run: …`.
    pub outcome: String,
    /// Whether it passed.
    pub passed: bool,
    /// In milliseconds.
    pub duration_ms: u64,
    /// Lines that say why it failed.
    pub excerpt: Vec<String>,
}

/// One metric in a report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShownMetric {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// The median of its samples.
    pub value: Option<f64>,
    /// How many samples.
    pub samples: usize,
}

/// How many failing tests a report names.
const FAILING_MAX: usize = 50;

impl ShownEvaluation {
    /// The report of an evaluation.
    pub fn new(id: String, evaluation: &Evaluation, from_memo: bool) -> Self {
        let failed =
            |test: &&crate::object::evaluation::TestCase| test.status == TestStatus::Failed;
        let failing = evaluation.tests().filter(failed).map(|test| test.name.clone());
        let metrics = evaluation.stages.iter().flat_map(|stage| &stage.metrics);
        let metric = |metric: &crate::object::evaluation::Metric| ShownMetric {
            name: metric.name.clone(),
            unit: metric.unit.clone(),
            value: metric.median(),
            samples: metric.samples.len(),
        };
        Self {
            id,
            from_memo,
            stages: evaluation.stages.iter().map(shown_stage).collect(),
            passed: evaluation.count(TestStatus::Passed),
            failed: evaluation.count(TestStatus::Failed),
            skipped: evaluation.count(TestStatus::Skipped),
            failing: failing.take(FAILING_MAX).collect(),
            metrics: metrics.map(metric).collect(),
            duration_ms: evaluation.duration_ms,
            view: evaluation.view.clone(),
        }
    }
}

fn shown_stage(stage: &crate::object::evaluation::StageRecord) -> ShownStage {
    ShownStage {
        name: stage.name.clone(),
        outcome: outcome_text(&stage.outcome),
        passed: stage.outcome == StageOutcome::Passed,
        duration_ms: stage.duration_ms,
        excerpt: stage.excerpt.clone(),
    }
}

/// An outcome in words.
pub fn outcome_text(outcome: &StageOutcome) -> String {
    match outcome {
        StageOutcome::Passed => "passed".to_owned(),
        StageOutcome::Failed { exit } => format!("failed (exit {exit})"),
        StageOutcome::DidNotRun { reason } => format!("did not run: {reason}"),
        StageOutcome::TimedOut { limit_ms } => {
            format!("timed out after {:.1} s", *limit_ms as f64 / 1000.0)
        }
        StageOutcome::Killed { signal } => format!("killed by signal {signal}"),
        StageOutcome::Skipped => "skipped".to_owned(),
    }
}

/// How an approach's command ended, in words.
pub fn state_text(state: &ApproachState) -> String {
    match state {
        ApproachState::Waiting => "waiting".to_owned(),
        ApproachState::Finished { exit: 0 } => "done".to_owned(),
        ApproachState::Finished { exit } => format!("exit {exit}"),
        ApproachState::TimedOut => "timed out".to_owned(),
        ApproachState::Killed { signal } => format!("killed by signal {signal}"),
        ApproachState::DidNotRun { reason } => format!("did not run: {reason}"),
        ApproachState::Interrupted => "interrupted".to_owned(),
    }
}

impl Engine {
    /// The verdict that is kept for a snapshot.
    pub(super) fn verdict(
        &self,
        names: NamesId,
        id: SnapshotId,
    ) -> Result<Option<VerdictRecord>, EngineError> {
        match names::get(&self.store, names, &NameKey::Verdict(id))? {
            Some(NameValue::Verdict(record)) => Ok(Some(record)),
            _ => Ok(None),
        }
    }

    /// A snapshot with its verdict, for a report.
    pub(super) fn shown(
        &self,
        names: NamesId,
        id: SnapshotId,
        snapshot: &Snapshot,
    ) -> Result<ShownSnapshot, EngineError> {
        let verdict = self.verdict(names, id)?;
        let verdict = verdict.as_ref().map_or_else(ShownVerdict::unknown, ShownVerdict::from);
        Ok(ShownSnapshot {
            id: id.hex(),
            parents: snapshot.parents.iter().map(SnapshotId::hex).collect(),
            tree: snapshot.tree.hex(),
            state: snapshot.state.map(|state| state.hex()),
            git_commit: snapshot.git_head.as_ref().and_then(|head| head.commit.clone()),
            branch: snapshot.branch.to_string(),
            origin: origin_word(&snapshot.origin),
            who: snapshot.who.clone(),
            session: snapshot.session.clone(),
            when: snapshot.when.into(),
            message: snapshot.message.clone(),
            verdict,
            foreign: self.foreign_verdicts(names, id)?,
        })
    }
}

/// A commit of git's that a command made in a view, and where it can be found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptCommit {
    /// The reference in the user's repository: `refs/exp/e7/map` for where HEAD stood,
    /// `refs/exp/e7/map@heads/x` for another branch, `@tags/v1`, `@notes/commits`, `@stash`, `@stash.1`
    /// for the one below, `@worktrees/x` for one that stands on no branch.
    pub reference: String,
    /// The commit, hexadecimal.
    pub commit: String,
    /// Which repository inside of the workspace it is in; none for the workspace's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
}

/// That the files of a snapshot are gone on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gone {
    /// Since when.
    pub when: ShownTime,
    /// Why, the end of a sentence about them.
    pub why: String,
}

/// A number of things: `1 file`, `3 files`, `2 branches`.
pub fn count(number: impl TryInto<u64>, thing: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let plural = if thing.ends_with("ch") { "es" } else { "s" };
    format!("{number} {thing}{}", if number == 1 { "" } else { plural })
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn one_thing_and_several() {
        let words =
            [count(1, "branch"), count(2, "branch"), count(0, "approach"), count(3, "file")];
        assert_eq!(words, ["1 branch", "2 branches", "0 approaches", "3 files"]);
    }
}
