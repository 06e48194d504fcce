//! The snapshots that something leads to, with their ancestors, as records in memory.
//!
//! Some 300 bytes for each; whoever needs the files fetches them.

use std::collections::HashMap;

use super::{Engine, EngineError};
use crate::base::id::SnapshotId;
use crate::base::limits::SNAPSHOTS_WALK_MAX;
use crate::object::snapshot::Snapshot;

/// A part of the DAG.
pub(super) struct Region {
    /// The snapshots, each once, in no order that means anything.
    pub snapshots: Vec<(SnapshotId, Snapshot)>,
    places: HashMap<SnapshotId, usize>,
    children: HashMap<SnapshotId, usize>,
}

impl Region {
    /// What these lead to.
    pub fn below(
        engine: &Engine,
        starts: impl IntoIterator<Item = SnapshotId>,
    ) -> Result<Self, EngineError> {
        let mut region =
            Self { snapshots: Vec::new(), places: HashMap::new(), children: HashMap::new() };
        let mut pending: Vec<SnapshotId> = starts.into_iter().collect();
        while let Some(id) = pending.pop() {
            if region.places.contains_key(&id) {
                continue;
            }
            // A part of the graph would be taken for the whole, and the rest be let go of.
            if region.snapshots.len() >= SNAPSHOTS_WALK_MAX {
                let what = format!("the graph has more than {SNAPSHOTS_WALK_MAX} snapshots");
                let why = "so many are not looked through, and nothing was changed".to_owned();
                return Err(EngineError::Refused { what, why });
            }
            let snapshot = Snapshot::fetch(&engine.store, id)?;
            for parent in &snapshot.parents {
                *region.children.entry(*parent).or_default() += 1;
                pending.push(*parent);
            }
            region.places.insert(id, region.snapshots.len());
            region.snapshots.push((id, snapshot));
        }
        Ok(region)
    }

    /// The first parent of a snapshot of it.
    pub fn first_parent(&self, id: SnapshotId) -> Option<SnapshotId> {
        let place = self.places.get(&id)?;
        self.snapshots[*place].1.parents.first().copied()
    }

    /// Whether several snapshots of it follow that one.
    pub fn is_fork(&self, id: SnapshotId) -> bool {
        self.children.get(&id).is_some_and(|children| *children > 1)
    }
}
