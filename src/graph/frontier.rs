//! The edge of a walk along parents: what was met and not yet visited, newest first.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use crate::base::id::SnapshotId;
use crate::base::limits::SNAPSHOTS_WALK_MAX;
use crate::base::time::Timestamp;
use crate::object::snapshot::Snapshot;
use crate::object::traits::{Fetch, ObjectError};

/// Why a question about the DAG could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// A snapshot could not be fetched.
    #[error("could not walk the history: {0}")]
    Object(#[from] ObjectError),
    /// The answer needs more than the bound.
    #[error("could not walk the history: it has more than {bound} snapshots")]
    TooMany {
        /// The bound.
        bound: usize,
    },
}

/// Snapshots that were met and are not visited yet. Each is met once.
pub(super) struct Frontier<'a, F: ?Sized> {
    objects: &'a F,
    /// Newest first; of the same time, the one met first.
    order: BinaryHeap<(Timestamp, Reverse<usize>, SnapshotId)>,
    waiting: HashMap<SnapshotId, Snapshot>,
    met: HashSet<SnapshotId>,
}

impl<'a, F: Fetch + ?Sized> Frontier<'a, F> {
    /// Starts with these.
    pub(super) fn new(objects: &'a F, starts: &[SnapshotId]) -> Result<Self, GraphError> {
        let (order, waiting, met) = (BinaryHeap::new(), HashMap::new(), HashSet::new());
        let mut frontier = Self { objects, order, waiting, met };
        frontier.meet(starts)?;
        Ok(frontier)
    }

    /// Adds those that were not met before.
    pub(super) fn meet(&mut self, ids: &[SnapshotId]) -> Result<(), GraphError> {
        for id in ids {
            if !self.met.insert(*id) {
                continue;
            }
            if self.met.len() > SNAPSHOTS_WALK_MAX {
                return Err(GraphError::TooMany { bound: SNAPSHOTS_WALK_MAX });
            }
            let snapshot = Snapshot::fetch(self.objects, *id)?;
            self.order.push((snapshot.when, Reverse(self.met.len()), *id));
            self.waiting.insert(*id, snapshot);
        }
        Ok(())
    }

    /// Takes the newest one. Its parents are not met by that: the caller decides.
    pub(super) fn next(&mut self) -> Option<(SnapshotId, Snapshot)> {
        let (_, _, id) = self.order.pop()?;
        let snapshot = self.waiting.remove(&id)?;
        Some((id, snapshot))
    }

    /// When the newest one was made.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.order.peek().map(|(when, _, _)| *when)
    }

    /// Whether a snapshot was met, visited or not.
    pub(super) fn has_met(&self, id: SnapshotId) -> bool {
        self.met.contains(&id)
    }
}
