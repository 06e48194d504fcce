//! `exp rank`: the candidates of an experiment, best first, and why.

use serde::Serialize;

use crate::engine::config::Config;
use crate::engine::evaluate::limits;
use crate::engine::report::{Gone, ShownVerdict, state_text, word};
use crate::engine::thinned::Difference;
use crate::engine::{Engine, EngineError};
use crate::object::evaluation::{Evaluation, TestStatus};
use crate::object::experiment::{Approach, ApproachState, Experiment};
use crate::object::snapshot::Snapshot;
use crate::object::tree::EntryKind;
use crate::policy::rank::{Candidate, ChangeSize, Order, Ranking, rank};
use crate::policy::verdict::{Verdict, judge};

/// What can be asked of `rank`.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The experiment; the last one if none is given.
    pub experiment: Option<String>,
}

/// The table.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The experiment.
    pub experiment: String,
    /// The store that it comes from, where its results are foreign: nothing can be chosen from them.
    pub foreign: Option<String>,
    /// The snapshot that all started from.
    pub base: String,
    /// Tests of the base: passed, failed.
    pub base_tests: Option<(usize, usize)>,
    /// The metrics of the base.
    pub base_metrics: Vec<RowMetric>,
    /// The candidates, best first; those that cannot be chosen last.
    pub rows: Vec<Row>,
    /// The approach to choose; none when nothing is feasible.
    pub winner: Option<String>,
    /// What was selected, where a selection has been made.
    pub selected: Option<String>,
    /// What concerns all of them.
    pub warnings: Vec<String>,
    /// By what was ranked, and what decided.
    pub explanation: String,
}

/// One candidate.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// 1 for the best; ties share one; none for what cannot be chosen.
    pub place: Option<usize>,
    /// The approach.
    pub approach: String,
    /// Its branch.
    pub branch: String,
    /// What it left.
    pub candidate: Option<String>,
    /// How its command ended.
    pub state: String,
    /// The verdict.
    pub verdict: ShownVerdict,
    /// Whether it can be chosen.
    pub feasible: bool,
    /// Tests that passed and failed.
    pub tests: Option<(usize, usize)>,
    /// The metrics.
    pub metrics: Vec<RowMetric>,
    /// Why what it changes is not known, where its files, or those of the base, are gone on purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gone: Option<Gone>,
    /// Files that differ from the base; none are counted where they are gone.
    pub changed_files: u64,
    /// Bytes that differ from the base.
    pub changed_bytes: u64,
    /// How long the command took, in milliseconds.
    pub duration_ms: u64,
    /// Why it stands here.
    pub reasons: Vec<String>,
    /// What to look at before it is believed.
    pub warnings: Vec<String>,
    /// Approaches that left the very same files.
    pub identical_to: Vec<String>,
}

/// One metric of a candidate.
#[derive(Clone, Debug, Serialize)]
pub struct RowMetric {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// The median.
    pub value: f64,
    /// The median over that of the base; none without one.
    pub ratio: Option<f64>,
}

/// Ranks.
///
/// # Errors
/// [`EngineError::NotFound`] without an experiment.
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    Ok(to_look_at(engine, options.experiment.as_deref())?.1)
}

/// An experiment of this store or of another one, with its table.
pub(super) fn to_look_at(
    engine: &Engine,
    name: Option<&str>,
) -> Result<(Experiment, Report), EngineError> {
    let (experiment, foreign) = engine.experiment_to_look_at(name)?;
    let (mut table, _) = ranked(engine, &experiment)?;
    if let Some(source) = &foreign {
        let warning = format!("found in {source}, not here: nothing can be chosen from it");
        table.warnings.insert(0, warning);
    }
    table.foreign = foreign;
    Ok((experiment, table))
}

/// What is known of one approach.
struct Known<'a> {
    approach: &'a Approach,
    snapshot: Option<Snapshot>,
    evaluation: Option<Evaluation>,
    verdict: Option<Verdict>,
    change: ChangeSize,
    /// Whose files are gone, and why: then it is not known what changed.
    gone: Option<(&'static str, Gone)>,
    paths: Vec<crate::base::path::TreePath>,
}

/// The table of an experiment, and the ranking behind it.
pub(super) fn ranked(
    engine: &Engine,
    experiment: &Experiment,
) -> Result<(Report, Ranking), EngineError> {
    let config = engine.config_or_default();
    let base_tree = Snapshot::fetch(&engine.store, experiment.base)?.tree;
    let base = match experiment.base_evaluation {
        Some(id) => Some(Evaluation::fetch(&engine.store, id)?),
        None => None,
    };
    let mut known = Vec::new();
    for approach in &experiment.approaches {
        known.push(look_up(engine, &config, approach, base_tree, base.as_ref())?);
    }
    let with_files: Vec<&Known<'_>> = known.iter().filter(|k| k.snapshot.is_some()).collect();
    let candidates: Vec<Candidate<'_>> =
        with_files.iter().filter_map(|known| candidate(known)).collect();
    let order = order(&config, base.as_ref());
    let ranking = rank(&candidates, Some(base_tree), &order);
    let mut rows: Vec<Row> =
        ranking.rows.iter().map(|row| shown_row(with_files[row.index], Some(row))).collect();
    rows.extend(known.iter().filter(|k| k.snapshot.is_none()).map(|k| shown_row(k, None)));
    let report = Report {
        experiment: experiment.name.clone(),
        foreign: None,
        base: experiment.base.hex(),
        base_tests: base.as_ref().map(tests),
        base_metrics: base.as_ref().map_or_else(Vec::new, measured),
        rows,
        winner: ranking.winner().map(|row| row.approach.clone()),
        selected: experiment.selection.as_ref().map(|selection| selection.approach.clone()),
        warnings: ranking.warnings.clone(),
        explanation: ranking.explanation.clone(),
    };
    Ok((report, ranking))
}

/// By what is ranked: what `exp.toml` says, else every metric of the base in the order of the
/// stages.
fn order(config: &Config, base: Option<&Evaluation>) -> Order {
    let mut order = config.order.clone();
    if let (true, Some(base)) = (order.metrics.is_empty(), base) {
        let metrics = base.stages.iter().flat_map(|stage| &stage.metrics);
        order.metrics = metrics.map(|metric| metric.name.clone()).collect();
    }
    order
}

fn look_up<'a>(
    engine: &Engine,
    config: &Config,
    approach: &'a Approach,
    base_tree: crate::base::id::TreeId,
    base: Option<&Evaluation>,
) -> Result<Known<'a>, EngineError> {
    let snapshot = match approach.candidate {
        Some(id) => Some(Snapshot::fetch(&engine.store, id)?),
        None => None,
    };
    let evaluation = match approach.evaluation {
        Some(id) => Some(Evaluation::fetch(&engine.store, id)?),
        None => None,
    };
    let verdict = evaluation.as_ref().map(|found| judge(found, base, &limits(config)));
    let (mut change, mut gone, mut paths) = (ChangeSize::default(), None, Vec::new());
    if let Some(snapshot) = &snapshot {
        let changes = match engine.difference(base_tree, snapshot.tree)? {
            Difference::Changes(changes) => changes,
            Difference::Gone(tree, found) => {
                let whose = if tree == base_tree { "the base's" } else { "its" };
                gone = Some((whose, found));
                change = ChangeSize::UNKNOWN;
                Vec::new()
            }
        };
        for one in changes {
            if one.is_only_directory() {
                continue;
            }
            change.files += 1;
            for entry in [&one.before, &one.after].into_iter().flatten() {
                if entry.kind != EntryKind::Directory {
                    change.bytes = change.bytes.saturating_add(entry.length);
                }
            }
            paths.push(one.path);
        }
    }
    Ok(Known { approach, snapshot, evaluation, verdict, change, gone, paths })
}

fn candidate<'a>(known: &'a Known<'_>) -> Option<Candidate<'a>> {
    let snapshot = known.snapshot.as_ref()?;
    Some(Candidate {
        approach: &known.approach.name,
        tree: snapshot.tree,
        evaluation: known.evaluation.as_ref(),
        verdict: known.verdict.as_ref(),
        change: known.change,
        changed_paths: &known.paths,
        when: snapshot.when,
    })
}

fn shown_row(known: &Known<'_>, row: Option<&crate::policy::rank::Row>) -> Row {
    let approach = known.approach;
    let state = state_text(&approach.state);
    let verdict = match &known.verdict {
        Some(verdict) => ShownVerdict {
            word: word(verdict.word),
            trigger: verdict.trigger.as_ref().map(|trigger| trigger.word().to_owned()),
            reason: verdict.reason.clone(),
        },
        None => ShownVerdict { reason: state.clone(), ..ShownVerdict::unknown() },
    };
    let changes = known.verdict.iter().flat_map(|verdict| &verdict.metric_changes);
    let metric = |change: &crate::policy::comparison::MetricChange| RowMetric {
        name: change.name.clone(),
        unit: change.unit.clone(),
        value: change.value,
        ratio: change.ratio,
    };
    let change = if known.gone.is_some() { ChangeSize::default() } else { known.change };
    Row {
        place: row.and_then(|row| row.place),
        approach: approach.name.clone(),
        branch: approach.branch.to_string(),
        candidate: approach.candidate.map(|id| id.hex()),
        feasible: row.is_some_and(|row| row.feasible),
        verdict,
        tests: known.evaluation.as_ref().map(tests),
        metrics: changes.map(metric).collect(),
        gone: known.gone.as_ref().map(|(_, gone)| gone.clone()),
        changed_files: change.files,
        changed_bytes: change.bytes,
        duration_ms: approach.duration_ms,
        reasons: row.map_or_else(|| vec![state.clone()], |row| row.reasons.clone()),
        warnings: warnings(known, row),
        identical_to: row.map_or_else(Vec::new, |row| row.identical_to.clone()),
        state,
    }
}

/// What the policy warns of, that a candidate was left by a command that failed, and that nobody can
/// look at what it changed: it is ranked as any other, but not silently.
fn warnings(known: &Known<'_>, row: Option<&crate::policy::rank::Row>) -> Vec<String> {
    let approach = known.approach;
    let mut warnings = row.map_or_else(Vec::new, |row| row.warnings.clone());
    if approach.evaluation.is_some() && approach.state != (ApproachState::Finished { exit: 0 }) {
        let state = state_text(&approach.state);
        warnings.push(format!("its command failed ({state}); it was evaluated on request"));
    }
    if let Some((whose, gone)) = &known.gone {
        warnings.push(format!("what it changes is not known: {whose} tree {}", gone.why));
    }
    warnings
}

fn measured(evaluation: &Evaluation) -> Vec<RowMetric> {
    let metrics = evaluation.stages.iter().flat_map(|stage| &stage.metrics);
    let shown = |metric: &crate::object::evaluation::Metric| {
        let (name, unit) = (metric.name.clone(), metric.unit.clone());
        Some(RowMetric { name, unit, value: metric.median()?, ratio: None })
    };
    metrics.filter_map(shown).collect()
}

fn tests(evaluation: &Evaluation) -> (usize, usize) {
    (evaluation.count(TestStatus::Passed), evaluation.count(TestStatus::Failed))
}
