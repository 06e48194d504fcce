//! The columns of a drawn graph: which lane each snapshot stands in, and which lines run between
//! two rows. Values only; characters and colours are for the surface.

use crate::base::id::SnapshotId;

/// A line from one row to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// The column in this row.
    pub from: usize,
    /// The column in the next row.
    pub to: usize,
}

/// One row of the drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What stands in it.
    pub snapshot: SnapshotId,
    /// The column in which it stands.
    pub column: usize,
    /// The columns in which a line of others passes by.
    pub passing: Vec<usize>,
    /// The lines to the next row, those that pass by included, in order. A parent that is not
    /// among the rows keeps its line to the end: the history goes on there.
    pub links: Vec<Link>,
}

/// Lays out snapshots with their parents, given with children before parents. A line keeps its
/// column; lines to one parent share one; a free column is used again, the leftmost first.
pub fn lanes(snapshots: &[(SnapshotId, Vec<SnapshotId>)]) -> Vec<Row> {
    let mut lanes: Vec<Option<SnapshotId>> = Vec::new();
    snapshots.iter().map(|(id, parents)| row(&mut lanes, *id, parents)).collect()
}

/// `lanes` says which snapshot each column leads to.
fn row(lanes: &mut Vec<Option<SnapshotId>>, id: SnapshotId, parents: &[SnapshotId]) -> Row {
    let column = column_for(lanes, id);
    lanes[column] = None;
    let occupied = |lanes: &[Option<SnapshotId>]| -> Vec<usize> {
        (0..lanes.len()).filter(|at| lanes[*at].is_some()).collect()
    };
    let passing = occupied(lanes);
    let mut links: Vec<_> = passing.iter().map(|at| Link { from: *at, to: *at }).collect();
    // The first parent is placed first and so goes straight on where nobody leads to it yet.
    for (at, parent) in parents.iter().enumerate() {
        let to = match lanes.iter().position(|lane| *lane == Some(*parent)) {
            Some(to) => to,
            None if at == 0 => column,
            None => column_for(lanes, *parent),
        };
        lanes[to] = Some(*parent);
        links.push(Link { from: column, to });
    }
    while lanes.last().is_some_and(Option::is_none) {
        lanes.pop();
    }
    links.sort_unstable();
    links.dedup();
    Row { snapshot: id, column, passing, links }
}

/// The column that leads to it, else the leftmost free one, else a new one.
fn column_for(lanes: &mut Vec<Option<SnapshotId>>, id: SnapshotId) -> usize {
    let found = lanes.iter().position(|lane| *lane == Some(id));
    found.or_else(|| lanes.iter().position(Option::is_none)).unwrap_or_else(|| {
        lanes.push(None);
        lanes.len() - 1
    })
}
