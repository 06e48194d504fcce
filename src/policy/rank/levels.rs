//! The levels of a ranking: what is compared first, what next, and which values are equal.
//!
//! Levels split groups: the candidates that are equal so far are grouped by the next level's
//! value. Values within the tolerance of the best one of their group are equal to it. Grouping
//! from the best one down, instead of comparing pairs, keeps "equal" transitive.

use std::collections::BTreeMap;

use super::order::{Candidate, Order};
use crate::base::id::TreeId;
use crate::object::evaluation::{Better, Evaluation, Metric, StageKind, StageOutcome, TestStatus};
use crate::object::names::VerdictWord;
use crate::policy::comparison::ran;

/// One thing that is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Level {
    /// Measured, gates passed, not bad.
    Feasible,
    /// Good before inconclusive.
    Word,
    /// Tests of the base that newly fail or vanished: fewer first.
    Lost,
    /// Tests that fail at all: fewer first, so that what fixes a test leads.
    Failing,
    /// A metric, by its median.
    Metric(String),
    /// Something changed before nothing changed.
    Change,
}

/// The levels of an order, the most important first.
pub fn levels(order: &Order) -> Vec<Level> {
    let first = [Level::Feasible, Level::Word, Level::Lost, Level::Failing];
    let metrics = order.metrics.iter().cloned().map(Level::Metric);
    first.into_iter().chain(metrics).chain([Level::Change]).collect()
}

/// Whether a candidate can be chosen at all; otherwise why not, in a sentence.
pub fn infeasible(candidate: &Candidate<'_>) -> Option<String> {
    let (Some(evaluation), Some(verdict)) = (candidate.evaluation, candidate.verdict) else {
        return Some("it was not evaluated".to_owned());
    };
    if verdict.word == VerdictWord::Bad {
        return Some(verdict.reason.clone());
    }
    let must_pass = |kind| matches!(kind, StageKind::Setup | StageKind::Gate);
    let fine = evaluation.stages.iter().all(|stage| {
        ran(stage) && (!must_pass(stage.kind) || stage.outcome == StageOutcome::Passed)
    });
    let whole = evaluation.changed_files.is_empty() && !evaluation.stages.is_empty();
    (!fine || !whole).then(|| verdict.reason.clone())
}

/// What a level sees of a candidate: less is better, none comes last.
pub fn value(level: &Level, candidate: &Candidate<'_>, base: Option<TreeId>) -> Option<f64> {
    let flag = |is_worse: bool| Some(if is_worse { 1.0 } else { 0.0 });
    let verdict = candidate.verdict;
    match level {
        Level::Feasible => flag(infeasible(candidate).is_some()),
        Level::Word => verdict.map(|verdict| match verdict.word {
            VerdictWord::Good => 0.0,
            VerdictWord::Inconclusive => 1.0,
            VerdictWord::Bad => 2.0,
        }),
        Level::Lost => verdict.map(|v| (v.newly_failing.len() + v.vanished.len()) as f64),
        Level::Failing => candidate.evaluation.map(|e| e.count(TestStatus::Failed) as f64),
        Level::Metric(name) => {
            let metric = metric(candidate.evaluation?, name)?;
            let median = metric.median()?;
            Some(if metric.better == Better::Lower { median } else { -median })
        }
        Level::Change => flag(base == Some(candidate.tree)),
    }
}

/// A metric of an evaluation.
pub fn metric<'a>(evaluation: &'a Evaluation, name: &str) -> Option<&'a Metric> {
    evaluation.metric(name)
}

/// For each candidate the number of its group at each level. Compared as lists, they are the
/// ranking.
pub fn keys(candidates: &[&Candidate<'_>], base: Option<TreeId>, order: &Order) -> Vec<Vec<usize>> {
    let mut keys = vec![Vec::new(); candidates.len()];
    for level in levels(order) {
        let tolerance = if matches!(level, Level::Metric(_)) { order.tolerance } else { 0.0 };
        let mut groups: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
        for (at, key) in keys.iter().enumerate() {
            groups.entry(key.clone()).or_default().push(at);
        }
        for members in groups.values() {
            let values: Vec<_> =
                members.iter().map(|at| value(&level, candidates[*at], base)).collect();
            for (at, number) in members.iter().zip(number_groups(&values, tolerance)) {
                keys[*at].push(number);
            }
        }
    }
    keys
}

/// Numbers values from the least up; those within the tolerance of the least of their group share
/// its number, those that are missing come last.
fn number_groups(values: &[Option<f64>], tolerance: f64) -> Vec<usize> {
    let mut sorted: Vec<f64> = values.iter().flatten().copied().collect();
    sorted.sort_by(f64::total_cmp);
    let mut leaders: Vec<f64> = Vec::new();
    for value in sorted {
        if leaders.last().is_none_or(|leader| value > leader + tolerance * leader.abs()) {
            leaders.push(value);
        }
    }
    let number = |value: &Option<f64>| match value {
        Some(value) => leaders.partition_point(|leader| leader <= value).saturating_sub(1),
        None => leaders.len(),
    };
    values.iter().map(number).collect()
}
