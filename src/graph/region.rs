//! A region of the DAG in memory: some snapshots and the edges between them.

use std::collections::{BinaryHeap, HashMap};

use petgraph::Direction;
use petgraph::algo::has_path_connecting;
use petgraph::graphmap::DiGraphMap;

use super::frontier::{Frontier, GraphError};
use crate::base::id::SnapshotId;
use crate::base::time::Timestamp;
use crate::object::snapshot::Snapshot;
use crate::object::traits::Fetch;

/// Some snapshots with the edges between them (from child to parent).
#[derive(Debug, Default)]
pub struct Region {
    snapshots: HashMap<SnapshotId, Snapshot>,
    graph: DiGraphMap<SnapshotId, ()>,
    complete: bool,
}

impl Region {
    /// Loads what can be reached from `starts` along parents, newest first, at most `bound`
    /// snapshots.
    ///
    /// # Errors
    /// When a snapshot cannot be fetched; above `SNAPSHOTS_WALK_MAX`.
    pub fn load(
        objects: &(impl Fetch + ?Sized),
        starts: &[SnapshotId],
        bound: usize,
    ) -> Result<Self, GraphError> {
        Self::load_while(objects, starts, |loaded, _| loaded < bound)
    }

    /// Loads as long as `wanted` (how many are loaded, when the next one was made) says so.
    pub(super) fn load_while(
        objects: &(impl Fetch + ?Sized),
        starts: &[SnapshotId],
        mut wanted: impl FnMut(usize, Timestamp) -> bool,
    ) -> Result<Self, GraphError> {
        let mut frontier = Frontier::new(objects, starts)?;
        let mut region = Self::default();
        while let Some(newest) = frontier.newest() {
            if !wanted(region.snapshots.len(), newest) {
                break;
            }
            if let Some((id, snapshot)) = frontier.next() {
                frontier.meet(&snapshot.parents)?;
                region.snapshots.insert(id, snapshot);
            }
        }
        region.complete = frontier.newest().is_none();
        for (id, snapshot) in &region.snapshots {
            region.graph.add_node(*id);
            for parent in snapshot.parents.iter().filter(|p| region.snapshots.contains_key(p)) {
                region.graph.add_edge(*id, *parent, ());
            }
        }
        Ok(region)
    }

    /// Whether nothing was left out because of the bound.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// How many snapshots it holds.
    pub fn count(&self) -> usize {
        self.snapshots.len()
    }

    /// A snapshot, if the region holds it.
    pub fn snapshot(&self, id: SnapshotId) -> Option<&Snapshot> {
        self.snapshots.get(&id)
    }

    /// The children that the region holds, by id.
    pub fn children(&self, id: SnapshotId) -> Vec<SnapshotId> {
        let mut children: Vec<_> = self.graph.neighbors_directed(id, Direction::Incoming).collect();
        children.sort_unstable();
        children
    }

    /// Whether a way along parents leads from `descendant` to `ancestor` inside the region. A
    /// snapshot is its own ancestor.
    pub fn is_ancestor(&self, ancestor: SnapshotId, descendant: SnapshotId) -> bool {
        self.graph.contains_node(ancestor)
            && self.graph.contains_node(descendant)
            && has_path_connecting(&self.graph, descendant, ancestor, None)
    }

    /// All snapshots: children before parents, and as far as that leaves a choice the newest
    /// first, then by id.
    pub fn newest_first(&self) -> Vec<SnapshotId> {
        let incoming = |id| self.graph.neighbors_directed(id, Direction::Incoming).count();
        let mut children: HashMap<_, _> = self.graph.nodes().map(|id| (id, incoming(id))).collect();
        let place = |id: SnapshotId| (self.snapshots.get(&id).map(|s| s.when), id);
        let free = children.iter().filter(|(_, children)| **children == 0);
        let mut ready: BinaryHeap<_> = free.map(|(id, _)| place(*id)).collect();
        let mut order = Vec::with_capacity(self.snapshots.len());
        while let Some((_, id)) = ready.pop() {
            order.push(id);
            for parent in self.graph.neighbors(id) {
                if let Some(left) = children.get_mut(&parent) {
                    *left -= 1;
                    if *left == 0 {
                        ready.push(place(parent));
                    }
                }
            }
        }
        order
    }

    /// Takes a snapshot out of the values; the edges stay.
    pub(super) fn take(&mut self, id: SnapshotId) -> Option<Snapshot> {
        self.snapshots.remove(&id)
    }
}
