//! Why a ranking is as it is, in sentences.

use std::collections::BTreeMap;

use super::levels::{Level, infeasible, metric};
use super::order::{Candidate, ChangeSize, Order, Row};
use crate::base::id::TreeId;
use crate::object::evaluation::{Evaluation, StageKind, TestStatus};
use crate::policy::comparison::ran;
use crate::policy::suspicion::failing_everywhere;
use crate::policy::text::{number, percent};

/// What separates a row from the one above it.
pub struct Step<'a, 'b> {
    /// The row above; none for the first one.
    pub above: Option<&'a Candidate<'b>>,
    /// The level at which they differ; none for a tie.
    pub level: Option<Level>,
}

/// Why a row stands where it stands.
pub fn reasons(
    candidate: &Candidate<'_>,
    step: &Step<'_, '_>,
    base: Option<TreeId>,
) -> Vec<String> {
    let mut reasons = Vec::new();
    if let Some(reason) = infeasible(candidate) {
        reasons.push(format!("cannot be chosen: {reason}"));
    } else if let Some(above) = step.above {
        reasons.push(match &step.level {
            Some(level) => behind(candidate, above, level),
            None => tie(candidate, above),
        });
    } else {
        reasons.push("leads".to_owned());
    }
    if base == Some(candidate.tree) {
        reasons.push("its files are those of the base: it changes nothing".to_owned());
    }
    reasons
}

fn behind(candidate: &Candidate<'_>, above: &Candidate<'_>, level: &Level) -> String {
    let name = above.approach;
    let verdict = |c: &Candidate<'_>| c.verdict.map(|v| v.reason.clone()).unwrap_or_default();
    let lost = |c: &Candidate<'_>| {
        c.verdict.map_or(0, |verdict| verdict.newly_failing.len() + verdict.vanished.len())
    };
    let failing = |c: &Candidate<'_>| {
        c.evaluation.map_or(0, |evaluation| evaluation.count(TestStatus::Failed))
    };
    match level {
        Level::Feasible | Level::Word => {
            format!("behind `{name}`, for it is inconclusive: {}", verdict(candidate))
        }
        Level::Lost => {
            format!("behind `{name}`: {} tests lost against {}", lost(candidate), lost(above))
        }
        Level::Failing => {
            format!("behind `{name}`: {} tests fail against {}", failing(candidate), failing(above))
        }
        Level::Metric(metric) => format!(
            "behind `{name}`: {metric} {} against {}",
            measured(candidate, metric),
            measured(above, metric)
        ),
        Level::Change => format!("behind `{name}`, which is as good and does change something"),
    }
}

fn measured(candidate: &Candidate<'_>, name: &str) -> String {
    let metric = candidate.evaluation.and_then(|evaluation| metric(evaluation, name));
    let median = metric.and_then(|metric| Some((metric.median()?, &metric.unit)));
    match median {
        None => "not measured".to_owned(),
        Some((median, unit)) if unit.is_empty() => number(median),
        Some((median, unit)) => format!("{} {unit}", number(median)),
    }
}

fn tie(candidate: &Candidate<'_>, above: &Candidate<'_>) -> String {
    let name = above.approach;
    let (change, smaller) = (candidate.change, above.change);
    if candidate.tree == above.tree {
        format!("left the very same files as `{name}`")
    } else if change == ChangeSize::UNKNOWN && change != smaller {
        format!("ties with `{name}`, of which it is known what it changes")
    } else if change.lines != smaller.lines {
        let (more, less) = (change.lines, smaller.lines);
        format!("ties with `{name}`, which changes fewer lines ({less} against {more})")
    } else if change != smaller {
        format!("ties with `{name}`, which changes less")
    } else if candidate.when != above.when {
        format!("ties with `{name}`, which is older")
    } else {
        format!("ties with `{name}` in everything")
    }
}

/// The same test newly failing in every candidate whose tests ran.
pub fn common_failures(candidates: &[Candidate<'_>]) -> Vec<String> {
    let tested = |evaluation: &Evaluation| {
        let mut tests = evaluation.stages.iter().filter(|stage| stage.kind == StageKind::Test);
        tests.all(ran)
    };
    let tested = candidates.iter().filter(|c| c.evaluation.is_some_and(tested));
    let lists: BTreeMap<TreeId, &[String]> =
        tested.filter_map(|c| Some((c.tree, c.verdict?.newly_failing.as_slice()))).collect();
    let failing: Vec<&[String]> = lists.into_values().collect();
    let mut tests = failing_everywhere(&failing);
    tests.sort();
    let warning = |test: String| {
        format!("`{test}` newly fails in every candidate: look at the test before the candidates")
    };
    tests.into_iter().map(warning).collect()
}

/// By what was ranked, and what decided between the first two.
pub fn ranking(rows: &[Row], order: &Order) -> String {
    let mut text = "Ranked by what can be chosen, verdict, tests lost, tests failing".to_owned();
    for metric in &order.metrics {
        text.push_str(", ");
        text.push_str(metric);
    }
    if !order.metrics.is_empty() {
        let share = percent(order.tolerance);
        text.push_str(&format!(" (medians within {share} are equal)"));
    }
    text.push_str("; ties by the smaller change, then by age.");
    let mut feasible = rows.iter().filter(|row| row.feasible);
    match (feasible.next(), feasible.next()) {
        (None, _) => text.push_str(" Nothing can be chosen."),
        (Some(first), None) => {
            text.push_str(&format!(" Only `{}` can be chosen.", first.approach));
        }
        (Some(first), Some(second)) => {
            let reason = second.reasons.first().map_or("", String::as_str);
            let (first, second) = (&first.approach, &second.approach);
            text.push_str(&format!(" `{first}` leads; `{second}` is next: {reason}."));
        }
    }
    text
}
