//! The file as it is written, key by key, and the checks that lead from there to a [`Config`].

use std::collections::BTreeSet;
use std::ops::Range;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::error::ConfigError;
use super::model::{Config, Stage, Workspace};
use super::stage::RawStage;
use super::state::RawState;
use super::units;
use crate::policy::limits::Limits;
use crate::policy::rank::Order;

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    #[serde(default)]
    environment: Vec<Spanned<String>>,
    #[serde(default)]
    workspace: RawWorkspace,
    #[serde(default, rename = "stage")]
    stages: Vec<RawStage>,
    #[serde(default)]
    limits: RawLimits,
    #[serde(default)]
    rank: RawRank,
    #[serde(default)]
    state: RawState,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawWorkspace {
    #[serde(default)]
    warm: Vec<Spanned<String>>,
    keep: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    secrets: Vec<Spanned<String>>,
    #[serde(default)]
    not_secrets: Vec<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawLimits {
    failure_ratio: Option<Share>,
    slowdown: Option<Share>,
    belief: Option<Spanned<f64>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawRank {
    order: Option<Vec<Spanned<String>>>,
    tolerance: Option<Share>,
}

/// A duration in milliseconds.
pub struct Duration(pub u64);

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        units::duration_ms(&text).map(Self).map_err(Error::custom)
    }
}

struct Share(f64);

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShareVisitor)
    }
}

struct ShareVisitor;

impl Visitor<'_> for ShareVisitor {
    type Value = Share;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a share such as 0.30 or \"30%\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Share, E> {
        units::share(text).map(Share).map_err(E::custom)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Share, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Share, E> {
        self.visit_str(&number.to_string())
    }
}

/// The text, to say where a fault is.
#[derive(Clone, Copy)]
pub struct Place<'a>(&'a str);

impl<'a> Place<'a> {
    /// Of a text.
    pub fn of(text: &'a str) -> Self {
        Self(text)
    }

    /// A fault there.
    pub fn fault(self, at: Range<usize>, key: &str, message: impl Into<String>) -> ConfigError {
        ConfigError::at(self.0, at, key, message.into())
    }

    /// Refuses a key that means nothing for this kind of stage.
    pub fn only<T>(
        self,
        key: &str,
        value: &Option<Spanned<T>>,
        of: &str,
    ) -> Result<(), ConfigError> {
        match value {
            None => Ok(()),
            Some(value) => {
                Err(self.fault(value.span(), key, format!("`{key}` is for stages of kind {of}")))
            }
        }
    }

    /// Checks patterns: none is empty or leaves the workspace.
    pub fn patterns(
        self,
        key: &str,
        raw: Vec<Spanned<String>>,
    ) -> Result<Vec<String>, ConfigError> {
        let pattern = |raw: Spanned<String>| {
            let text = raw.get_ref().trim_start_matches('!');
            if text.is_empty() || text.starts_with("../") || text.contains("/../") {
                let message = "a pattern is not empty and does not leave the workspace";
                return Err(self.fault(raw.span(), key, message));
            }
            Ok(raw.into_inner())
        };
        raw.into_iter().map(pattern).collect()
    }
}

impl Raw {
    /// Checks what the parser cannot see and fills in what is left out.
    pub fn check(self, text: &str) -> Result<Config, ConfigError> {
        let place = Place(text);
        let mut limits = self.limits.check(place)?;
        let mut stages: Vec<Stage> = Vec::with_capacity(self.stages.len());
        for raw in self.stages {
            let (guard, limit) = (raw.is_guarded(), raw.limit());
            let stage = raw.check(place, &stages)?;
            if let Some(metric) = &stage.metric {
                if guard {
                    limits.guarded.insert(metric.name.clone());
                }
                if let Some(limit) = limit {
                    limits.quality.insert(metric.name.clone(), limit);
                }
            }
            stages.push(stage);
        }
        let order = self.rank.check(place, &stages)?;
        let environment = self.environment.into_iter().map(|name| variable(place, name));
        let environment: BTreeSet<String> = environment.collect::<Result<_, _>>()?;
        let workspace = self.workspace.check(place)?;
        let state = self.state.check(place)?;
        Ok(Config {
            workspace,
            environment: environment.into_iter().collect(),
            stages,
            limits,
            order,
            state,
        })
    }
}

fn variable(place: Place<'_>, name: Spanned<String>) -> Result<String, ConfigError> {
    if name.get_ref().is_empty() || name.get_ref().contains(['=', '\0']) {
        let message = format!("`{}` is no name of a variable", name.get_ref());
        return Err(place.fault(name.span(), "environment", message));
    }
    Ok(name.into_inner())
}

impl RawWorkspace {
    fn check(self, place: Place<'_>) -> Result<Workspace, ConfigError> {
        let keep = match self.keep {
            Some(keep) => place.patterns("keep", keep)?,
            None => Config::default().workspace.keep,
        };
        Ok(Workspace {
            warm: place.patterns("warm", self.warm)?,
            keep,
            secrets: place.patterns("secrets", self.secrets)?,
            not_secrets: place.patterns("not_secrets", self.not_secrets)?,
        })
    }
}

impl RawLimits {
    fn check(self, place: Place<'_>) -> Result<Limits, ConfigError> {
        let default = Limits::default();
        let belief = match self.belief {
            Some(belief) if *belief.get_ref() > 1.0 => belief.into_inner(),
            Some(belief) => {
                return Err(place.fault(belief.span(), "belief", "`belief` is more than 1"));
            }
            None => default.belief,
        };
        Ok(Limits {
            failure_ratio: self.failure_ratio.map_or(default.failure_ratio, |share| share.0),
            slowdown: self.slowdown.map_or(default.slowdown, |share| share.0),
            belief,
            ..default
        })
    }
}

impl RawRank {
    /// Without `order`, metrics count in the order of their stages.
    fn check(self, place: Place<'_>, stages: &[Stage]) -> Result<Order, ConfigError> {
        let measured: Vec<&str> =
            stages.iter().filter_map(|stage| Some(stage.metric.as_ref()?.name.as_str())).collect();
        let tolerance = self.tolerance.map_or(Order::default().tolerance, |share| share.0);
        let Some(order) = self.order else {
            let metrics = measured.into_iter().map(str::to_owned).collect();
            return Ok(Order { metrics, tolerance });
        };
        for name in &order {
            if !measured.contains(&name.get_ref().as_str()) {
                let message = format!("no stage measures `{}`", name.get_ref());
                return Err(place.fault(name.span(), "order", message));
            }
        }
        let metrics = order.into_iter().map(Spanned::into_inner).collect();
        Ok(Order { metrics, tolerance })
    }
}
