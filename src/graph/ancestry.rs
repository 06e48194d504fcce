//! Who came from whom: ancestors, and the best common one of two snapshots.

use std::collections::{BTreeSet, HashMap};

use super::frontier::{Frontier, GraphError};
use crate::base::id::SnapshotId;
use crate::base::limits::SNAPSHOTS_WALK_MAX;
use crate::base::time::Timestamp;
use crate::object::snapshot::Snapshot;
use crate::object::traits::Fetch;

/// Whether `descendant` came from `ancestor`; a snapshot is its own ancestor. Stops where it finds
/// it; a no costs the whole history of `descendant`.
///
/// # Errors
/// When a snapshot cannot be fetched; above `SNAPSHOTS_WALK_MAX`.
pub fn is_ancestor(
    objects: &(impl Fetch + ?Sized),
    ancestor: SnapshotId,
    descendant: SnapshotId,
) -> Result<bool, GraphError> {
    let mut frontier = Frontier::new(objects, &[descendant])?;
    while !frontier.has_met(ancestor) {
        let Some((_, snapshot)) = frontier.next() else {
            return Ok(false);
        };
        frontier.meet(&snapshot.parents)?;
    }
    Ok(true)
}

/// The best common ancestor: one that both came from and that is no ancestor of another such one.
/// Of several (after criss-cross merges) the newest, then the one with the greatest id. None when
/// the two have nothing in common. Costs about what lies between it and the two.
///
/// # Errors
/// When a snapshot cannot be fetched; above `SNAPSHOTS_WALK_MAX`.
pub fn merge_base(
    objects: &(impl Fetch + ?Sized),
    a: SnapshotId,
    b: SnapshotId,
) -> Result<Option<SnapshotId>, GraphError> {
    let mut painting = Painting::new(objects);
    painting.paint(a, FROM_A)?;
    painting.paint(b, FROM_B)?;
    painting.run()?;
    let mut candidates = painting.candidates();
    // One is the best whatever the times say: all that is common was reached through it. Of
    // several, one may still be an ancestor of another where a clock went back.
    if candidates.len() > 1 {
        for id in candidates.iter().map(|(_, id)| *id).collect::<Vec<_>>() {
            let parents = Snapshot::fetch(objects, id)?.parents;
            let mut frontier = Frontier::new(objects, &parents)?;
            while let Some((_, snapshot)) = frontier.next() {
                frontier.meet(&snapshot.parents)?;
            }
            candidates.retain(|(_, other)| !frontier.has_met(*other));
        }
    }
    Ok(candidates.last().map(|(_, id)| *id))
}

const FROM_A: u8 = 1;
const FROM_B: u8 = 2;
const FROM_BOTH: u8 = FROM_A | FROM_B;
/// It came before a common ancestor, so it is none of the best.
const STALE: u8 = 4;

struct Painted {
    colours: u8,
    when: Timestamp,
    parents: Vec<SnapshotId>,
}

/// A walk from both ends at once, newest first, that passes colours on to parents. It ends when
/// all that is left to visit is stale.
struct Painting<'a, F: ?Sized> {
    objects: &'a F,
    painted: HashMap<SnapshotId, Painted>,
    queue: BTreeSet<(Timestamp, SnapshotId)>,
    /// How many in the queue are not stale.
    live: usize,
}

impl<'a, F: Fetch + ?Sized> Painting<'a, F> {
    fn new(objects: &'a F) -> Self {
        Self { objects, painted: HashMap::new(), queue: BTreeSet::new(), live: 0 }
    }

    /// Adds colours to a snapshot; queues it when that is news.
    fn paint(&mut self, id: SnapshotId, colours: u8) -> Result<(), GraphError> {
        if !self.painted.contains_key(&id) {
            if self.painted.len() >= SNAPSHOTS_WALK_MAX {
                return Err(GraphError::TooMany { bound: SNAPSHOTS_WALK_MAX });
            }
            let Snapshot { when, parents, .. } = Snapshot::fetch(self.objects, id)?;
            self.painted.insert(id, Painted { colours: 0, when, parents });
        }
        let Some(painted) = self.painted.get_mut(&id) else {
            return Ok(());
        };
        let before = painted.colours;
        painted.colours |= colours;
        if painted.colours == before {
            return Ok(());
        }
        let was_queued = !self.queue.insert((painted.when, id));
        self.live -= usize::from(was_queued && before & STALE == 0);
        self.live += usize::from(painted.colours & STALE == 0);
        Ok(())
    }

    fn run(&mut self) -> Result<(), GraphError> {
        while self.live > 0 {
            let Some((_, id)) = self.queue.pop_last() else {
                break;
            };
            let Some(painted) = self.painted.get(&id) else {
                continue;
            };
            self.live -= usize::from(painted.colours & STALE == 0);
            let common = painted.colours & FROM_BOTH == FROM_BOTH;
            let colours = painted.colours | if common { STALE } else { 0 };
            for parent in painted.parents.clone() {
                self.paint(parent, colours)?;
            }
        }
        Ok(())
    }

    /// Common ancestors that are not known to be stale, oldest first.
    fn candidates(&self) -> BTreeSet<(Timestamp, SnapshotId)> {
        let best = self.painted.iter().filter(|(_, painted)| painted.colours == FROM_BOTH);
        best.map(|(id, painted)| (painted.when, *id)).collect()
    }
}
