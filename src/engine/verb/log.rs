//! `exp log`: the DAG, newest first, with branches, tags and verdicts.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::base::id::SnapshotId;
use crate::engine::report::ShownSnapshot;
use crate::engine::{Engine, EngineError};
use crate::graph;
use crate::object::names::{self, NameKey, NameValue};

/// What can be asked of `log`.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to start; the workspace's snapshot if nothing is given.
    pub from: Vec<String>,
    /// Start from every branch and tag.
    pub all: bool,
    /// How many at most.
    pub limit: usize,
}

/// One snapshot with the names that point at it.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// The snapshot.
    #[serde(flatten)]
    pub snapshot: ShownSnapshot,
    /// Branches whose head it is.
    pub branches: Vec<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Whether the workspace stands here.
    pub here: bool,
}

/// The part of the DAG that was asked for.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The snapshots: children before parents, newer before older.
    pub entries: Vec<Entry>,
    /// Whether there are more.
    pub more: bool,
    /// How to draw the graph, a row for each entry.
    #[serde(skip)]
    pub lanes: Vec<graph::Row>,
}

/// Walks.
///
/// # Errors
/// As `Engine::resolve`.
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    let standing = engine.standing()?;
    let names = standing.names;
    let mut pointing: BTreeMap<SnapshotId, (Vec<String>, Vec<String>)> = BTreeMap::new();
    for entry in names::list(&engine.store, names, "branch/")? {
        if let (Some(NameKey::Branch(label)), NameValue::Branch(id)) =
            (NameKey::parse(&entry.key), entry.value)
        {
            pointing.entry(id).or_default().0.push(label.to_string());
        }
    }
    for entry in names::list(&engine.store, names, "tag/")? {
        if let (Some(NameKey::Tag(label)), NameValue::Tag { snapshot, .. }) =
            (NameKey::parse(&entry.key), entry.value)
        {
            pointing.entry(snapshot).or_default().1.push(label.to_string());
        }
    }
    let mut starts = Vec::new();
    for from in &options.from {
        starts.push(engine.resolve(from)?.id);
    }
    if options.all {
        starts.extend(pointing.keys().copied());
        for entry in names::list(&engine.store, names, "verdict/")? {
            // A verdict stays when what it is on goes.
            if let Some(NameKey::Verdict(id)) = NameKey::parse(&entry.key)
                && engine.gone_snapshot(id)?.is_none()
            {
                starts.push(id);
            }
        }
    }
    if options.all || starts.is_empty() {
        starts.push(standing.position.snapshot);
    }
    starts.sort_unstable();
    starts.dedup();
    let mut found = graph::newest_first(&engine.store, &starts, options.limit + 1)?;
    let more = found.len() > options.limit;
    found.truncate(options.limit);
    let rows: Vec<_> = found.iter().map(|(id, s)| (*id, s.parents.clone())).collect();
    let mut entries = Vec::with_capacity(found.len());
    for (id, snapshot) in &found {
        let (branches, tags) = pointing.remove(id).unwrap_or_default();
        let snapshot = engine.shown(names, *id, snapshot)?;
        let here = *id == standing.position.snapshot;
        entries.push(Entry { snapshot, branches, tags, here });
    }
    Ok(Report { entries, more, lanes: graph::lanes(&rows) })
}
