//! Floor 2: the only place that starts programs.
//!
//! Guarantees: nothing that a command started outlives it (in a view by a PID namespace, else by
//! a keeper process that adopts what is orphaned and kills it); at its time limit it is asked,
//! then killed; its output is bounded in memory and its log bounded on disk; it inherits no
//! descriptor but the three standard ones; it stands in a view's mounts before it stands anywhere
//! else. Ending the caller's process ends the commands too. Where a keeper is killed, its command's processes
//! are found by a variable that they inherit (`stray.rs`).
//!
//! Knows nothing of stores, trees, branches or verdicts. What a command sees is a value
//! (`base::mount`) that others make. Linux only for now: the child side uses its namespaces.

mod command;
mod ending;
mod enter;
pub mod git;
mod handover;
mod output;
mod pool;
mod prepare;
mod probe;
mod process;
pub mod report;
mod stray;
#[cfg(test)]
mod tests;

pub use command::{Cancel, Command, Finished, KEEPER_LOST, Outcome, Program, RunError, Stdio};
pub use pool::{Pool, on_global_pool};
pub use probe::probe;
pub use process::run;
