//! The configuration as a value, and the digest by which results are remembered.

use serde::{Deserialize, Serialize};

use super::error::ConfigError;
use super::raw::Raw;
use crate::base::codec;
use crate::base::id::Hash;
use crate::base::limits::STATE_CACHE_DOCUMENTS;
use crate::document::{ListKeys, PointerPattern};
use crate::object::evaluation::{Better, StageKind};
use crate::policy::limits::Limits;
use crate::policy::rank::Order;

/// Milliseconds between two automatic states of a watched file, where nothing else is said.
const STATE_INTERVAL_MS: u64 = 30_000;

/// What an `exp.toml` says.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What a view shows besides tracked files, and what is not captured.
    pub workspace: Workspace,
    /// Names of variables that belong to the environment of an evaluation.
    pub environment: Vec<String>,
    /// The stages in order. Their names differ.
    pub stages: Vec<Stage>,
    /// When a verdict is bad.
    pub limits: Limits,
    /// By what candidates are ranked.
    pub order: Order,
    /// How the states of sessions are kept.
    pub state: States,
}

/// What a view shows besides tracked files, and what is not captured. `warm` and `keep` are names,
/// or paths from the workspace's root; `secrets` are patterns as in `.gitignore`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workspace {
    /// Caches: shown as a copy that a view may change.
    pub warm: Vec<String>,
    /// Ignored inputs, such as `.env`.
    pub keep: Vec<String>,
    /// More files that hold secrets.
    pub secrets: Vec<String>,
    /// Patterns of the built-in list of secrets that do not count here.
    pub not_secrets: Vec<String>,
}

/// How the states of sessions are kept. No stored byte depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct States {
    /// Places whose change alone does not count.
    pub ignore: Vec<PointerPattern>,
    /// Whether states are saved by what changed, and unchanged ones skipped.
    pub quick: bool,
    /// Whether rebuilt states are compared with their ids.
    pub verify: bool,
    /// By which field the items of lists are known.
    pub identity: ListKeys,
    /// How often a watched file is put at most, in milliseconds.
    pub interval_ms: u64,
    /// Rebuilt states that are kept in memory.
    pub cache: usize,
}

impl Default for States {
    fn default() -> Self {
        Self {
            ignore: Vec::new(),
            quick: true,
            verify: true,
            identity: ListKeys::default(),
            interval_ms: STATE_INTERVAL_MS,
            cache: STATE_CACHE_DOCUMENTS,
        }
    }
}

/// One stage of the evaluator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub kind: StageKind,
    /// The shell command.
    pub run: String,
    /// When it is stopped, in milliseconds.
    pub timeout_ms: u64,
    /// Where its results are.
    pub report: Report,
    /// Files that a setup depends on: it runs again when they differ.
    pub inputs: Vec<String>,
    /// What a metric stage measures; none for the others.
    pub metric: Option<MetricPlan>,
}

/// Where the results of a stage are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Report {
    /// Only in its exit code.
    None,
    /// In its output, as `cargo test` writes it.
    Cargo,
    /// In a JUnit file that it writes, at this path from the workspace's root.
    Junit(String),
    /// The time that it takes is the metric, in seconds.
    Time,
    /// The last line that it prints is the metric, a number.
    Number,
}

/// What a metric stage measures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricPlan {
    /// The metric's name.
    pub name: String,
    /// Its unit; may be empty.
    pub unit: String,
    /// Which direction is better.
    pub better: Better,
    /// How often it is measured.
    pub samples: u32,
}

impl Default for Config {
    /// What an empty file says.
    fn default() -> Self {
        Self {
            workspace: Workspace { keep: vec![".env".to_owned()], ..Workspace::default() },
            environment: Vec::new(),
            stages: Vec::new(),
            limits: Limits::default(),
            order: Order::default(),
            state: States::default(),
        }
    }
}

impl Config {
    /// Reads the text of an `exp.toml`.
    ///
    /// # Errors
    /// The first fault, with its place.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let raw: Raw =
            toml::from_str(text).map_err(|error| ConfigError::of_parser(text, &error))?;
        raw.check(text)
    }

    /// Names the evaluator: equal exactly when the stages are. Limits and ranking are not part of
    /// it, because results are facts that do not depend on them.
    pub fn evaluator_digest(&self) -> Hash {
        let mut bytes = Vec::new();
        codec::encode_fields(&self.stages, &mut bytes)
            .expect("strings, numbers and enums always have an encoding");
        codec::digest("evaluator", &bytes)
    }
}
