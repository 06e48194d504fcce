//! `exp compare`: two snapshots side by side: verdicts, tests, metrics, files.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::engine::report::{Gone, ShownChange, ShownSnapshot, shown_changes};
use crate::engine::thinned::Difference;
use crate::engine::{Engine, EngineError};
use crate::object::evaluation::{Evaluation, TestStatus};

/// What can be asked of `compare`.
#[derive(Clone, Debug)]
pub struct Options {
    /// One snapshot.
    pub a: String,
    /// The other.
    pub b: String,
}

/// One metric of both.
#[derive(Clone, Debug, Serialize)]
pub struct MetricPair {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// The median of one.
    pub a: Option<f64>,
    /// The median of the other.
    pub b: Option<f64>,
    /// `b` over `a`.
    pub ratio: Option<f64>,
}

/// Both, side by side.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// One snapshot with its verdict.
    pub a: ShownSnapshot,
    /// The other.
    pub b: ShownSnapshot,
    /// Since when the files of one are gone on purpose, and why; none where they are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub a_gone: Option<Gone>,
    /// The same of the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub b_gone: Option<Gone>,
    /// The files that differ; none are known where those of either are gone.
    pub changes: Vec<ShownChange>,
    /// Tests passed and failed of one; none where it was not evaluated.
    pub a_tests: Option<(usize, usize)>,
    /// Of the other.
    pub b_tests: Option<(usize, usize)>,
    /// Tests that fail in one and pass in the other.
    pub only_a_fails: Vec<String>,
    /// The other way round.
    pub only_b_fails: Vec<String>,
    /// The metrics that either has.
    pub metrics: Vec<MetricPair>,
}

/// Compares.
///
/// # Errors
/// As `Engine::resolve`.
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    let (a, b) = (engine.resolve(&options.a)?, engine.resolve(&options.b)?);
    let names = engine.store.names()?;
    let found = |id| -> Result<Option<Evaluation>, EngineError> {
        match engine.verdict(names, id)? {
            Some(record) => Ok(Some(Evaluation::fetch(&engine.store, record.evaluation)?)),
            None => Ok(None),
        }
    };
    let (found_a, found_b) = (found(a.id)?, found(b.id)?);
    let failing = |of: &Option<Evaluation>| failing(of.as_ref());
    let (fails_a, fails_b) = (failing(&found_a), failing(&found_b));
    let gone = |tree| engine.gone_files(tree);
    let (a_gone, b_gone) = (gone(a.snapshot.tree)?, gone(b.snapshot.tree)?);
    let changes = match engine.difference(a.snapshot.tree, b.snapshot.tree)? {
        Difference::Changes(changes) => changes,
        Difference::Gone(..) => Vec::new(),
    };
    Ok(Report {
        a: engine.shown(names, a.id, &a.snapshot)?,
        b: engine.shown(names, b.id, &b.snapshot)?,
        a_gone,
        b_gone,
        changes: shown_changes(&changes),
        a_tests: found_a.as_ref().map(counts),
        b_tests: found_b.as_ref().map(counts),
        only_a_fails: fails_a.difference(&fails_b).cloned().collect(),
        only_b_fails: fails_b.difference(&fails_a).cloned().collect(),
        metrics: metrics(found_a.as_ref(), found_b.as_ref()),
    })
}

fn failing(of: Option<&Evaluation>) -> BTreeSet<String> {
    let tests = of.into_iter().flat_map(Evaluation::tests);
    let failed = tests.filter(|test| test.status == TestStatus::Failed);
    failed.map(|test| test.name.clone()).collect()
}

fn counts(of: &Evaluation) -> (usize, usize) {
    (of.count(TestStatus::Passed), of.count(TestStatus::Failed))
}

fn metrics(a: Option<&Evaluation>, b: Option<&Evaluation>) -> Vec<MetricPair> {
    let mut pairs: BTreeMap<String, MetricPair> = BTreeMap::new();
    for (of, is_a) in [(a, true), (b, false)] {
        for metric in of.into_iter().flat_map(|of| &of.stages).flat_map(|stage| &stage.metrics) {
            let pair = pairs.entry(metric.name.clone()).or_insert_with(|| MetricPair {
                name: metric.name.clone(),
                unit: metric.unit.clone(),
                a: None,
                b: None,
                ratio: None,
            });
            *(if is_a { &mut pair.a } else { &mut pair.b }) = metric.median();
        }
    }
    let with_ratio = |mut pair: MetricPair| {
        pair.ratio = match (pair.a, pair.b) {
            (Some(a), Some(b)) if a != 0.0 => Some(b / a),
            _ => None,
        };
        pair
    };
    pairs.into_values().map(with_ratio).collect()
}
