//! `exp.toml`: what is warm and kept, how a tree is evaluated, what is past a limit, what is better.
//! Beside it the files of approaches that `exp try` takes, and the settings of a store, which are written
//! in the same way.
//!
//! Guarantees that what is not understood is refused with its place and, where one is near, the key
//! that was meant. Reads no file: text in, value out.

mod approaches;
mod error;
mod guess;
mod model;
mod raw;
mod settings;
mod stage;
mod state;
mod units;

pub use approaches::{Approaches, ListedApproach};
pub use error::ConfigError;
pub use guess::{ProjectKind, default_text, guess};
pub use model::{Config, MetricPlan, Report, Stage, States, Workspace};
pub use settings::{DEFAULT_SETTINGS, Settings, StateRetention};
pub use units::{duration_ms, size_bytes};

#[cfg(test)]
mod tests;
