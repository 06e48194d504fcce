//! The limits of the policy: what somebody may set in `exp.toml`, and what holds otherwise.

use std::collections::{BTreeMap, BTreeSet};

/// When something is past what is acceptable. Shares are fractions: 0.30 is 30 %.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Newly failing and vanished tests, as a share of the base's tests. More is bad.
    pub failure_ratio: f64,
    /// How much worse than the base a metric of `guarded` may be, as a share.
    pub slowdown: f64,
    /// Metrics whose slowdown is bad. For all others a change is shown and decides nothing.
    pub guarded: BTreeSet<String>,
    /// Bounds on single metrics, such as complexity: the largest value where lower is better, the
    /// smallest where higher is better. Past one, going back is suggested, not done.
    pub quality: BTreeMap<String, f64>,
    /// A metric that got this many times better is suspicious rather than good news.
    pub belief: f64,
}

impl Default for Limits {
    /// 30 % and 20 % are the triggers of design.md §9. Replacing a list by a hash map makes a
    /// program ten or twenty times faster now and then; fifty times is more often a broken
    /// measurement.
    fn default() -> Self {
        Self {
            failure_ratio: 0.30,
            slowdown: 0.20,
            guarded: BTreeSet::new(),
            quality: BTreeMap::new(),
            belief: 50.0,
        }
    }
}
