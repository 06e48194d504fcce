//! The DAG of snapshots: the region of it that is asked for, in memory. The one door to petgraph.
//!
//! Guarantees that a question costs the region that answers it, that every walk is bounded by
//! `limits::SNAPSHOTS_WALK_MAX` and uses no recursion, and that answers depend on the DAG alone:
//! two runs give the same one. Times only order a walk; a clock that went back makes it longer,
//! never wrong (the log alone shows an order that is right within its lookahead). Knows nothing of
//! names, verdicts or the catalogue: what a node means is asked of the caller.

mod ancestry;
mod frontier;
mod lanes;
mod region;
mod walk;

#[cfg(test)]
mod tests;

pub use ancestry::{is_ancestor, merge_base};
pub use frontier::GraphError;
pub use lanes::{Link, Row, lanes};
pub use region::Region;
pub use walk::{Found, Judgement, LastGood, ancestor_at, last_good, newest_first};
