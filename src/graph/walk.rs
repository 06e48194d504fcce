//! Walks along parents: the log, the last good snapshot, `NAME~2`.

use super::frontier::{Frontier, GraphError};
use super::region::Region;
use crate::base::id::SnapshotId;
use crate::base::limits::{SNAPSHOTS_LOOKAHEAD, SNAPSHOTS_WALK_MAX};
use crate::base::time::Timestamp;
use crate::object::snapshot::Snapshot;
use crate::object::traits::Fetch;

/// The newest `max` snapshots that can be reached from `starts`: children before parents, then the
/// newest first. Reads little more than `max`. Where clocks went back so far that a parent is
/// newer than its child by more than `SNAPSHOTS_LOOKAHEAD` snapshots of other branches, that
/// parent may come first. Where something cannot be fetched that is not to be returned, it is not read.
///
/// # Errors
/// When a snapshot cannot be fetched; above `SNAPSHOTS_WALK_MAX`.
pub fn newest_first(
    objects: &(impl Fetch + ?Sized),
    starts: &[SnapshotId],
    max: usize,
) -> Result<Vec<(SnapshotId, Snapshot)>, GraphError> {
    match newest_among(objects, starts, max, max.saturating_add(SNAPSHOTS_LOOKAHEAD)) {
        Err(GraphError::Object(_)) => newest_among(objects, starts, max, max),
        found => found,
    }
}

/// The newest of those that are reached first, of which there are enough.
fn newest_among(
    objects: &(impl Fetch + ?Sized),
    starts: &[SnapshotId],
    max: usize,
    enough: usize,
) -> Result<Vec<(SnapshotId, Snapshot)>, GraphError> {
    let mut oldest = Timestamp(i64::MAX);
    // Beyond that, all of one time are read, for their order is decided by their edges alone.
    let mut region = Region::load_while(objects, starts, |loaded, next| {
        let wanted = loaded < enough || next >= oldest;
        oldest = oldest.min(next);
        wanted
    })?;
    let order = region.newest_first().into_iter().take(max);
    Ok(order.filter_map(|id| region.take(id).map(|snapshot| (id, snapshot))).collect())
}

/// What the caller knows of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is good by the present evaluator.
    Good,
    /// It is good by an evaluator that is no longer the present one.
    GoodOlderEvaluator,
    /// Anything else.
    Other,
}

/// A good snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which one.
    pub snapshot: SnapshotId,
    /// How it was judged; never `Other`.
    pub judgement: Judgement,
    /// How many snapshots the walk visited before it.
    pub passed: usize,
}

/// What came of the walk to the last good snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastGood {
    /// The newest one that is good by the present evaluator; without one, the newest one that is
    /// good by an older evaluator.
    pub found: Option<Found>,
    /// How many snapshots were visited in all.
    pub visited: usize,
}

/// Walks from `from` (which is visited, too) along all parents, newest first and of the same time
/// the first parent first, to the newest good snapshot. One that is good only by an older
/// evaluator is returned when the whole history has no better one.
///
/// # Errors
/// Those of `judge`; when a snapshot cannot be fetched; above `SNAPSHOTS_WALK_MAX`.
pub fn last_good<E: From<GraphError>>(
    objects: &(impl Fetch + ?Sized),
    from: SnapshotId,
    judge: &mut dyn FnMut(SnapshotId, &Snapshot) -> Result<Judgement, E>,
) -> Result<LastGood, E> {
    let mut frontier = Frontier::new(objects, &[from])?;
    let (mut older, mut visited) = (None, 0);
    while let Some((id, snapshot)) = frontier.next() {
        let judgement = judge(id, &snapshot)?;
        let here = Found { snapshot: id, judgement, passed: visited };
        visited += 1;
        match judgement {
            Judgement::Good => return Ok(LastGood { found: Some(here), visited }),
            Judgement::GoodOlderEvaluator => older = older.or(Some(here)),
            Judgement::Other => {}
        }
        frontier.meet(&snapshot.parents)?;
    }
    Ok(LastGood { found: older, visited })
}

/// The `steps`-th first parent: what `NAME~2` means. None when the history is shorter.
///
/// # Errors
/// When a snapshot cannot be fetched; above `SNAPSHOTS_WALK_MAX` steps.
pub fn ancestor_at(
    objects: &(impl Fetch + ?Sized),
    from: SnapshotId,
    steps: usize,
) -> Result<Option<SnapshotId>, GraphError> {
    if steps > SNAPSHOTS_WALK_MAX {
        return Err(GraphError::TooMany { bound: SNAPSHOTS_WALK_MAX });
    }
    let mut at = from;
    for _ in 0..steps {
        match Snapshot::fetch(objects, at)?.parents.first() {
            Some(parent) => at = *parent,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}
