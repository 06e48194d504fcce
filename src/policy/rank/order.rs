//! What is ranked, by what, and the ranking itself.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::explain;
use super::levels::{infeasible, keys, levels, value};
use crate::base::id::TreeId;
use crate::base::path::TreePath;
use crate::base::time::Timestamp;
use crate::object::evaluation::Evaluation;
use crate::policy::suspicion;
use crate::policy::verdict::Verdict;

/// How much a candidate changes, compared with the base.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangeSize {
    /// Lines added and removed.
    pub lines: u64,
    /// Bytes of the files that differ.
    pub bytes: u64,
    /// Files that differ.
    pub files: u64,
}

impl ChangeSize {
    /// That of a change that nobody can look at any more: no smaller than any other.
    pub const UNKNOWN: Self = Self { lines: u64::MAX, bytes: u64::MAX, files: u64::MAX };
}

/// One candidate, and all that is known about it.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// The approach that left it. For the reader only.
    pub approach: &'a str,
    /// Its files.
    pub tree: TreeId,
    /// What was found for it; none when it was not evaluated.
    pub evaluation: Option<&'a Evaluation>,
    /// What the policy said of that.
    pub verdict: Option<&'a Verdict>,
    /// How much it changes.
    pub change: ChangeSize,
    /// The paths that it changes; may be left empty where they are not known.
    pub changed_paths: &'a [TreePath],
    /// When it was left.
    pub when: Timestamp,
}

/// By what is ranked, after feasibility and tests.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// Metrics, the most important first.
    pub metrics: Vec<String>,
    /// Medians that differ by at most this share of the better one are equal.
    pub tolerance: f64,
}

impl Default for Order {
    /// No metric; 2 %, which repeated runs of one program differ by on a quiet machine.
    fn default() -> Self {
        Self { metrics: Vec::new(), tolerance: 0.02 }
    }
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Where the candidate stands in the slice that was given.
    pub index: usize,
    /// The approach.
    pub approach: String,
    /// 1 for the best; ties share one; none for what cannot be chosen.
    pub place: Option<usize>,
    /// Whether it can be chosen.
    pub feasible: bool,
    /// Why it stands here, a sentence each.
    pub reasons: Vec<String>,
    /// What to look at before it is believed, a sentence each.
    pub warnings: Vec<String>,
    /// Approaches that left the very same files.
    pub identical_to: Vec<String>,
    /// Whether its files are those of the base.
    pub is_unchanged: bool,
}

/// Candidates in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    /// The rows, best first; those that cannot be chosen last.
    pub rows: Vec<Row>,
    /// What concerns all of them, a sentence each.
    pub warnings: Vec<String>,
    /// By what was ranked, and what decided, in a few sentences.
    pub explanation: String,
}

impl Ranking {
    /// The row to choose: the first one, if it can be chosen.
    pub fn winner(&self) -> Option<&Row> {
        self.rows.first().filter(|row| row.feasible)
    }
}

/// Ranks candidates: feasible ones first, good before inconclusive, then fewer lost tests, fewer
/// failing tests, then the metrics one after the other. What equals the base comes after what is
/// otherwise equal. Then ties, in the order of the smaller change and of age.
pub fn rank(candidates: &[Candidate<'_>], base: Option<TreeId>, order: &Order) -> Ranking {
    let chosen = one_for_each_tree(candidates, base, order);
    let representatives: Vec<&Candidate<'_>> = chosen.values().map(|at| &candidates[*at]).collect();
    let keys: BTreeMap<TreeId, Vec<usize>> =
        chosen.keys().copied().zip(keys(&representatives, base, order)).collect();
    // What nobody measured stands for itself, though its files be those of one that was.
    let is_unmeasured = |candidate: &Candidate<'_>| {
        candidate.evaluation.is_none() && candidates[chosen[&candidate.tree]].evaluation.is_some()
    };
    let spread = |at: &usize| {
        let candidate = &candidates[*at];
        let shown = &candidates[chosen[&candidate.tree]];
        let key = (is_unmeasured(candidate), &keys[&candidate.tree], shown.change, shown.when);
        (key, candidate.tree, candidate.when)
    };
    let mut sorted: Vec<usize> = (0..candidates.len()).collect();
    sorted.sort_by(|a, b| spread(a).cmp(&spread(b)));
    let mut rows: Vec<Row> = Vec::with_capacity(sorted.len());
    let mut above: Option<usize> = None;
    for (before, index) in sorted.into_iter().enumerate() {
        let candidate = &candidates[index];
        let shown = if is_unmeasured(candidate) { index } else { chosen[&candidate.tree] };
        let feasible = infeasible(&candidates[shown]).is_none();
        let split = above.and_then(|above| {
            let (a, b) = (&keys[&candidates[above].tree], &keys[&candidate.tree]);
            levels(order).into_iter().zip(a.iter().zip(b)).find(|(_, (a, b))| a != b)
        });
        let place = match (&split, rows.last()) {
            (None, Some(last)) => last.place,
            _ => Some(before + 1),
        };
        let step = explain::Step {
            above: above.map(|at| &candidates[chosen[&candidates[at].tree]]),
            level: split.map(|(level, _)| level),
        };
        rows.push(Row {
            index,
            approach: candidate.approach.to_owned(),
            place: place.filter(|_| feasible),
            feasible,
            reasons: explain::reasons(&candidates[shown], &step, base),
            warnings: warnings(candidate),
            identical_to: identical(candidates, index),
            is_unchanged: base == Some(candidate.tree),
        });
        above = Some(index);
    }
    let warnings = explain::common_failures(candidates);
    let explanation = explain::ranking(&rows, order);
    Ranking { rows, warnings, explanation }
}

/// The same files are one candidate. Where they were measured more than once and the results
/// differ, the worst result stands for them: the better one cannot be relied on. One that was not
/// measured (its command failed) says nothing of the files, and stands for them only alone.
fn one_for_each_tree(
    candidates: &[Candidate<'_>],
    base: Option<TreeId>,
    order: &Order,
) -> BTreeMap<TreeId, usize> {
    let badness = |candidate: &Candidate<'_>| -> Vec<(bool, i64)> {
        let of = |level| match value(&level, candidate, base) {
            None => (true, 0),
            Some(value) => (false, ordered(value)),
        };
        levels(order).into_iter().map(of).collect()
    };
    let mut chosen: BTreeMap<TreeId, usize> = BTreeMap::new();
    for (at, candidate) in candidates.iter().enumerate() {
        let key = |at: usize| {
            let candidate = &candidates[at];
            let is_measured = candidate.evaluation.is_some();
            (is_measured, badness(candidate), candidate.change, Reverse(candidate.when))
        };
        let best = chosen.entry(candidate.tree).or_insert(at);
        if key(at) > key(*best) {
            *best = at;
        }
    }
    chosen
}

/// A number whose order is that of `f64::total_cmp`.
fn ordered(value: f64) -> i64 {
    let bits = value.to_bits().cast_signed();
    bits ^ (((bits >> 63).cast_unsigned()) >> 1).cast_signed()
}

fn warnings(candidate: &Candidate<'_>) -> Vec<String> {
    let found = candidate.verdict.map(|verdict| verdict.suspicions.clone()).unwrap_or_default();
    let paths = suspicion::of_changed_paths(candidate.changed_paths);
    let suggestions = candidate.verdict.map(|v| v.suggestions.clone()).unwrap_or_default();
    found.into_iter().chain(paths).chain(suggestions).collect()
}

fn identical(candidates: &[Candidate<'_>], index: usize) -> Vec<String> {
    let same = candidates.iter().enumerate();
    let same = same.filter(|(at, other)| *at != index && other.tree == candidates[index].tree);
    let mut names: Vec<String> = same.map(|(_, other)| other.approach.to_owned()).collect();
    names.sort();
    names
}
