//! One stage as it is written, and the checks that lead to a [`Stage`].

use serde::Deserialize;
use toml::Spanned;

use super::error::ConfigError;
use super::model::{MetricPlan, Report, Stage};
use super::raw::{Duration, Place};
use crate::base::path::TreePath;
use crate::object::evaluation::{Better, StageKind};

/// A stage without `timeout` is stopped after this: long enough for a cold build of a large
/// project, short enough that a deadlock is noticed the same hour.
const TIMEOUT_MS_DEFAULT: u64 = 30 * 60 * 1000;

/// Measuring more often than this in one stage is a mistake in the unit.
const SAMPLES_MAX: u32 = 10_000;

/// One `[[stage]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawStage {
    name: Spanned<String>,
    kind: Kind,
    run: Spanned<String>,
    timeout: Option<Duration>,
    report: Option<Spanned<String>>,
    inputs: Option<Spanned<Vec<Spanned<String>>>>,
    metric: Option<Spanned<String>>,
    unit: Option<Spanned<String>>,
    better: Option<Spanned<Direction>>,
    samples: Option<Spanned<u32>>,
    guard: Option<Spanned<bool>>,
    limit: Option<Spanned<f64>>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Setup,
    Gate,
    Test,
    Metric,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Direction {
    Lower,
    Higher,
}

impl RawStage {
    /// Whether a slowdown of what it measures is bad.
    pub fn is_guarded(&self) -> bool {
        self.guard.as_ref().is_some_and(|guard| *guard.get_ref())
    }

    /// The bound on what it measures.
    pub fn limit(&self) -> Option<f64> {
        self.limit.as_ref().map(|limit| *limit.get_ref())
    }

    /// Checks it; `before` are the stages above it.
    pub fn check(self, place: Place<'_>, before: &[Stage]) -> Result<Stage, ConfigError> {
        let name = self.name.get_ref();
        let named = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
        if name.is_empty() || !name.chars().all(named) {
            let message = format!("`{name}` is no name of a stage: letters, digits, `-_.+`");
            return Err(place.fault(self.name.span(), "name", message));
        }
        if before.iter().any(|stage| stage.name == *name) {
            let message = format!("a stage `{name}` stands above already");
            return Err(place.fault(self.name.span(), "name", message));
        }
        if self.run.get_ref().trim().is_empty() {
            return Err(place.fault(self.run.span(), "run", "the command is empty"));
        }
        if self.kind != Kind::Setup {
            place.only("inputs", &self.inputs, "setup")?;
        }
        let report = self.report(place)?;
        let metric = self.metric(place, &report, before)?;
        let inputs = self.inputs.map(Spanned::into_inner).unwrap_or_default();
        Ok(Stage {
            kind: match self.kind {
                Kind::Setup => StageKind::Setup,
                Kind::Gate => StageKind::Gate,
                Kind::Test => StageKind::Test,
                Kind::Metric => StageKind::Metric,
            },
            name: self.name.into_inner(),
            run: self.run.into_inner(),
            timeout_ms: self.timeout.map_or(TIMEOUT_MS_DEFAULT, |duration| duration.0),
            report,
            inputs: place.patterns("inputs", inputs)?,
            metric,
        })
    }

    fn report(&self, place: Place<'_>) -> Result<Report, ConfigError> {
        let Some(report) = &self.report else {
            let time = self.kind == Kind::Metric;
            return Ok(if time { Report::Time } else { Report::None });
        };
        let text = report.get_ref().as_str();
        let fault = |message: String| Err(place.fault(report.span(), "report", message));
        match (self.kind, text) {
            (Kind::Setup | Kind::Gate, "none") => Ok(Report::None),
            (Kind::Setup | Kind::Gate, _) => {
                fault("`report` is for stages of kind test or metric".to_owned())
            }
            (Kind::Metric, "time") => Ok(Report::Time),
            (Kind::Metric, "number") => Ok(Report::Number),
            (Kind::Metric, _) => {
                fault(format!("`{text}` is no report of a metric; known: time, number"))
            }
            (Kind::Test, "none") => Ok(Report::None),
            (Kind::Test, "cargo") => Ok(Report::Cargo),
            (Kind::Test, _) => match text.strip_prefix("junit:") {
                Some(path) if !path.is_empty() && TreePath::new(path.as_bytes()).is_ok() => {
                    Ok(Report::Junit(path.to_owned()))
                }
                Some(path) => fault(format!("`{path}` is no path below the workspace")),
                None => fault(format!("`{text}` is no report; known: cargo, junit:PATH, none")),
            },
        }
    }

    fn metric(
        &self,
        place: Place<'_>,
        report: &Report,
        before: &[Stage],
    ) -> Result<Option<MetricPlan>, ConfigError> {
        if self.kind != Kind::Metric {
            place.only("metric", &self.metric, "metric")?;
            place.only("unit", &self.unit, "metric")?;
            place.only("better", &self.better, "metric")?;
            place.only("samples", &self.samples, "metric")?;
            place.only("guard", &self.guard, "metric")?;
            place.only("limit", &self.limit, "metric")?;
            return Ok(None);
        }
        let metric = self.metric.as_ref().unwrap_or(&self.name);
        let name = metric.get_ref().clone();
        if before.iter().filter_map(|stage| stage.metric.as_ref()).any(|m| m.name == name) {
            let message = format!("a stage above measures `{name}` already");
            return Err(place.fault(metric.span(), "metric", message));
        }
        let unit = match (&self.unit, report) {
            (Some(unit), Report::Time) if unit.get_ref() != "s" => {
                let message = "the time that a stage takes is measured in `s`";
                return Err(place.fault(unit.span(), "unit", message));
            }
            (_, Report::Time) => "s".to_owned(),
            (unit, _) => unit.as_ref().map(|unit| unit.get_ref().clone()).unwrap_or_default(),
        };
        let samples = self.samples.as_ref().map_or(1, |samples| *samples.get_ref());
        if samples == 0 || samples > SAMPLES_MAX {
            let span = self.samples.as_ref().map_or(0..0, Spanned::span);
            let message = format!("`samples` is between 1 and {SAMPLES_MAX}");
            return Err(place.fault(span, "samples", message));
        }
        if let Some(limit) = self.limit.as_ref().filter(|limit| !limit.get_ref().is_finite()) {
            return Err(place.fault(limit.span(), "limit", "`limit` is a finite number"));
        }
        let better = match self.better.as_ref().map(|better| *better.get_ref()) {
            Some(Direction::Higher) => Better::Higher,
            Some(Direction::Lower) | None => Better::Lower,
        };
        Ok(Some(MetricPlan { name, unit, better, samples }))
    }
}
