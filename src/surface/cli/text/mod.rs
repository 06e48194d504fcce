//! Reports as text for people: what was done, what it means, what comes next.

mod audit;
mod bundle;
mod collection;
mod compare;
mod experiments;
mod graph;
mod history;
mod numbers;
mod rows;
mod session;
mod shape;
mod state;
mod table;
mod upkeep;
mod workspace;

pub use audit::audit;
pub use bundle::{exported, imported};
pub use collection::{forget, gc};
pub use compare::{compare, experiment, experiments};
pub use experiments::{evaluation, exec, guard, kept_commit, merge, rollback, select, tried};
pub use history::{branches, diff, log, op_log, patch, show, step, tags};
pub use session::state_only;
pub use shape::{duration_ms, verdict};
pub use state::{
    state_branches, state_diff, state_done, state_found, state_get, state_log, state_merged,
    state_put, state_rolled_back, state_seen, state_sessions, state_stopped, state_watched,
};
pub use table::rank;
pub use upkeep::{deinit, doctor, fsck, init, section, stats, usage};
pub use workspace::{snapshot, status, switch};
