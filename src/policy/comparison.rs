//! What differs between two evaluations: tests one by one, metrics by their medians.
//!
//! **Invariant**: a failing test more never makes a comparison look better.
//!
//! Only says what differs. Whether that is bad is for `trigger` and `verdict`.

use std::collections::BTreeMap;

use crate::object::evaluation::{
    Better, Evaluation, Metric, StageKind, StageOutcome, StageRecord, TestStatus,
};

/// How the tests of an evaluation differ from those of its base.
///
/// A test is named by its name; where a test stage reports no single tests in the base, the stage
/// stands for one test of its own name, so that a project whose tests only have an exit code is
/// compared, too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestComparison {
    /// Tests that ran in the base, in those stages that ran on both sides.
    pub base_count: usize,
    /// Passed in the base, fail now.
    pub newly_failing: Vec<String>,
    /// Passed in the base and did not run now: gone, or skipped.
    pub vanished: Vec<String>,
    /// Failed in the base, pass now.
    pub fixed: Vec<String>,
    /// Fail now and were not in the base.
    pub new_and_failing: Vec<String>,
    /// Why the comparison cannot be trusted, or is not enough for `good`: one sentence a cause.
    pub doubts: Vec<String>,
}

impl TestComparison {
    /// Newly failing and vanished tests.
    pub fn lost(&self) -> usize {
        self.newly_failing.len() + self.vanished.len()
    }

    /// The lost tests as a share of the base's; 0 when the base has none.
    pub fn failure_ratio(&self) -> f64 {
        if self.base_count == 0 { 0.0 } else { self.lost() as f64 / self.base_count as f64 }
    }
}

/// Compares the test stages. Without a base every test has to pass for there to be no doubt.
pub fn compare_tests(evaluation: &Evaluation, base: Option<&Evaluation>) -> TestComparison {
    let mut comparison = TestComparison::default();
    for stage in evaluation.stages.iter().filter(|stage| stage.kind == StageKind::Test) {
        if !ran(stage) {
            continue;
        }
        let same = |other: &&StageRecord| other.name == stage.name && other.kind == stage.kind;
        let base = base.and_then(|base| base.stages.iter().find(same)).filter(|base| ran(base));
        match base {
            None => without_base(&mut comparison, stage),
            Some(base) => with_base(&mut comparison, stage, base),
        }
    }
    if let Some(base) = base {
        let stages = base.stages.iter().filter(|stage| stage.kind == StageKind::Test && ran(stage));
        for stage in stages {
            if !evaluation.stages.iter().any(|other| other.name == stage.name) {
                comparison.doubts.push(format!("the stage `{}` of the base is gone", stage.name));
            }
        }
    }
    comparison
}

/// Whether a stage ran to its end, passed or failed.
pub fn ran(stage: &StageRecord) -> bool {
    matches!(stage.outcome, StageOutcome::Passed | StageOutcome::Failed { .. })
}

fn without_base(comparison: &mut TestComparison, stage: &StageRecord) {
    let statuses = statuses(stage);
    let failing = statuses.values().filter(|status| **status == TestStatus::Failed).count();
    if failing > 0 {
        comparison.doubts.push(format!(
            "{failing} of {} tests fail in `{}`, and there is no base to compare with",
            statuses.len(),
            stage.name
        ));
    } else if let StageOutcome::Failed { exit } = stage.outcome {
        comparison.doubts.push(format!(
            "`{}` exited with {exit}, and there is no base to compare with",
            stage.name
        ));
    }
}

fn with_base(comparison: &mut TestComparison, stage: &StageRecord, base: &StageRecord) {
    let (now, before) = (statuses(stage), statuses(base));
    let failed = matches!(stage.outcome, StageOutcome::Failed { .. });
    let ran_before = before.values().filter(|status| **status != TestStatus::Skipped);
    comparison.base_count += ran_before.count();
    if before.is_empty() {
        compare_whole_stage(comparison, stage, base);
    } else if failed && now.is_empty() {
        // What failed is the reporting, so this says nothing about any test: "did not run".
        comparison.doubts.push(format!("`{}` failed and reported no tests", stage.name));
        return;
    }
    for (name, status) in &before {
        let list = match (status, now.get(name)) {
            (TestStatus::Passed, Some(TestStatus::Failed)) => &mut comparison.newly_failing,
            (TestStatus::Passed, None | Some(TestStatus::Skipped)) => &mut comparison.vanished,
            (TestStatus::Failed, Some(TestStatus::Passed)) => &mut comparison.fixed,
            _ => continue,
        };
        list.push((*name).to_owned());
    }
    let failing = now.iter().filter(|(_, status)| **status == TestStatus::Failed);
    let ran_before = |name: &str| before.get(name).is_some_and(|s| *s != TestStatus::Skipped);
    let unknown = failing.filter(|(name, _)| !ran_before(name));
    let unknown: Vec<String> = unknown.map(|(name, _)| (*name).to_owned()).collect();
    match unknown.as_slice() {
        [] => {}
        [one] => comparison.doubts.push(format!("the test `{one}` is new and fails")),
        [one, ..] => comparison
            .doubts
            .push(format!("{} tests are new and fail, such as `{one}`", unknown.len())),
    }
    comparison.new_and_failing.extend(unknown);
    if failed && base.outcome == StageOutcome::Passed {
        comparison.doubts.push(format!("`{}` passed in the base and fails now", stage.name));
    }
}

/// The base knows no single tests of this stage: its exit code is one test.
fn compare_whole_stage(comparison: &mut TestComparison, stage: &StageRecord, base: &StageRecord) {
    comparison.base_count += 1;
    let passed = |stage: &StageRecord| stage.outcome == StageOutcome::Passed;
    match (passed(base), passed(stage)) {
        (true, false) => comparison.newly_failing.push(stage.name.clone()),
        (false, true) => comparison.fixed.push(stage.name.clone()),
        _ => {}
    }
}

/// One status a name. A name that stands several times failed if it failed once, and passed if it
/// was not skipped each time.
fn statuses(stage: &StageRecord) -> BTreeMap<&str, TestStatus> {
    let weight = |status: TestStatus| match status {
        TestStatus::Failed => 2,
        TestStatus::Passed => 1,
        TestStatus::Skipped => 0,
    };
    let mut statuses = BTreeMap::new();
    for test in &stage.tests {
        let status = statuses.entry(test.name.as_str()).or_insert(test.status);
        if weight(test.status) > weight(*status) {
            *status = test.status;
        }
    }
    statuses
}

/// How one metric differs from the base.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricChange {
    /// Its name.
    pub name: String,
    /// Its unit; may be empty.
    pub unit: String,
    /// Which direction is better.
    pub better: Better,
    /// The base's median; none without base.
    pub base: Option<f64>,
    /// The median now.
    pub value: f64,
    /// `value / base`; none without base or where one of them is not above zero.
    pub ratio: Option<f64>,
    /// Samples on the side that has fewer.
    pub samples: usize,
    /// Whether even the best sample now is worse than the worst one of the base.
    pub apart: bool,
}

impl MetricChange {
    /// How much worse it is, as a share of the better value: 0.25 is "takes a quarter longer" or
    /// "a quarter more before". Negative when it got better.
    pub fn worsening(&self) -> Option<f64> {
        self.ratio.map(|ratio| match self.better {
            Better::Lower => ratio - 1.0,
            Better::Higher => 1.0 / ratio - 1.0,
        })
    }

    /// How many times better it is; below 1 when it got worse.
    pub fn gain(&self) -> Option<f64> {
        self.ratio.map(|ratio| match self.better {
            Better::Lower => 1.0 / ratio,
            Better::Higher => ratio,
        })
    }
}

/// Compares the metrics that were measured, in the order of the stages.
pub fn compare_metrics(evaluation: &Evaluation, base: Option<&Evaluation>) -> Vec<MetricChange> {
    let metrics = evaluation.stages.iter().flat_map(|stage| &stage.metrics);
    let change = |metric: &Metric| {
        let value = metric.median()?;
        let base = base.and_then(|base| base.metric(&metric.name));
        let before = base.and_then(Metric::median);
        let ratio = before.filter(|before| *before > 0.0 && value > 0.0);
        Some(MetricChange {
            name: metric.name.clone(),
            unit: metric.unit.clone(),
            better: metric.better,
            base: before,
            value,
            ratio: ratio.map(|before| value / before),
            samples: base.map_or(0, |base| base.values().len()).min(metric.values().len()),
            apart: base.is_some_and(|base| is_apart(metric, base)),
        })
    };
    metrics.filter_map(change).collect()
}

fn is_apart(metric: &Metric, base: &Metric) -> bool {
    let least = |values: Vec<f64>| values.into_iter().min_by(f64::total_cmp);
    let most = |values: Vec<f64>| values.into_iter().max_by(f64::total_cmp);
    match metric.better {
        Better::Lower => least(metric.values()) > most(base.values()),
        Better::Higher => most(metric.values()) < least(base.values()),
    }
}
