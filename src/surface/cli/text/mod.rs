//! Reports as text for people: what was done, what it means, what comes next.

mod compare;
mod experiments;
mod graph;
mod history;
mod numbers;
mod shape;
mod table;
mod upkeep;
mod workspace;

pub use compare::{compare, experiment, experiments};
pub use experiments::{evaluation, exec, guard, kept_commit, merge, rollback, select, tried};
pub use history::{branches, diff, log, op_log, show, step, tags};
pub use shape::{duration_ms, verdict};
pub use table::rank;
pub use upkeep::{deinit, doctor, fsck, init, section, stats};
pub use workspace::{snapshot, status, switch};
