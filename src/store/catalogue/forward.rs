//! Bringing the catalogue from the names that it has seen to those of another operation.
//!
//! **Invariant**: a node is there as long as a name or a child holds it, and counts those. Holds
//! are taken before others are let go, so what only moved is not read again. Counters change with
//! what they count.

use super::counter::Counter;
use super::error::CatalogueError;
use super::record::{EvaluationCounts, FORMAT, NodeRecord, Seen, VerdictSummary, to_bytes};
use super::tables::{
    EVALUATION, FORMAT_KEY, HEAD_KEY, NAME, NODE, Staging, Tables, VERDICT, key, node_keys,
};
use crate::base::id::{NamesId, OperationId, SnapshotId};
use crate::object::evaluation::Evaluation;
use crate::object::experiment::Experiment;
use crate::object::names::{self, ForeignValue, NameEntry, NameKey, NameValue};
use crate::object::sequence::Change;
use crate::object::snapshot::Snapshot;
use crate::object::traits::{Fetch, ObjectError};

/// What bringing forward did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Whether it began with nothing.
    pub from_nothing: bool,
    /// Names that differ.
    pub names: usize,
    /// Snapshots that came.
    pub added: usize,
    /// Snapshots that went, because no name leads to them any more.
    pub removed: usize,
}

/// See `Catalogue::bring_forward`.
pub(super) fn bring_forward(
    tables: Tables<'_>,
    objects: &(impl Fetch + ?Sized),
    head: Option<(OperationId, NamesId)>,
) -> Result<Progress, CatalogueError> {
    let head = head.map(|(operation, names)| Seen { operation, names });
    let seen: Option<Seen> = tables.get(HEAD_KEY)?;
    if seen.is_some() && seen == head {
        return Ok(Progress::default());
    }
    if let (Some(seen), Some(head)) = (seen, head) {
        match Step::run(tables, objects, Some(seen.names), head) {
            // What it has seen was collected since: there is no difference to walk.
            Err(CatalogueError::Object(ObjectError::Missing { .. } | ObjectError::Gone { .. })) => {
            }
            done => return done,
        }
    }
    clear(&tables)?;
    let Some(head) = head else {
        return Ok(Progress { from_nothing: true, ..Progress::default() });
    };
    Ok(Progress { from_nothing: true, ..Step::run(tables, objects, None, head)? })
}

/// Removes everything, the head first.
fn clear(tables: &Tables<'_>) -> Result<(), CatalogueError> {
    tables.db.remove(HEAD_KEY).map_err(|error| tables.fault(error))?;
    tables.flush()?;
    for item in tables.db.iter() {
        let (key, _) = item.map_err(|error| tables.fault(error))?;
        tables.db.remove(key).map_err(|error| tables.fault(error))?;
    }
    tables.db.insert(FORMAT_KEY, to_bytes(&FORMAT)).map_err(|error| tables.fault(error))?;
    tables.flush()
}

struct Step<'a, F: ?Sized> {
    objects: &'a F,
    staging: Staging<'a>,
    progress: Progress,
    /// Whether nothing was there before.
    is_first: bool,
}

impl<'a, F: Fetch + ?Sized> Step<'a, F> {
    fn run(
        tables: Tables<'a>,
        objects: &'a F,
        before: Option<NamesId>,
        head: Seen,
    ) -> Result<Progress, CatalogueError> {
        let changes = match before {
            Some(before) => names::diff(objects, before, head.names)?,
            None => {
                let all = names::list(objects, head.names, "")?.into_iter();
                all.map(|entry| Change { before: None, after: Some(entry) }).collect()
            }
        };
        let staging = Staging::over(tables);
        let (progress, is_first) = (Progress::default(), before.is_none());
        let mut step = Self { objects, staging, progress, is_first };
        step.progress.names = changes.len();
        for entry in changes.iter().filter_map(|change| change.after.as_ref()) {
            let held = step.held_by(entry)?;
            step.hold(held)?;
        }
        for entry in changes.iter().filter_map(|change| change.before.as_ref()) {
            let held = step.held_by(entry)?;
            step.let_go(held)?;
        }
        for change in &changes {
            step.name(change)?;
        }
        step.staging.finish(Some(head))?;
        Ok(step.progress)
    }

    /// The snapshots that a name keeps alive.
    fn held_by(&self, entry: &NameEntry) -> Result<Vec<SnapshotId>, CatalogueError> {
        Ok(match &entry.value {
            NameValue::Branch(snapshot) | NameValue::Tag { snapshot, .. } => vec![*snapshot],
            NameValue::Position(position) => vec![position.snapshot],
            NameValue::Experiment(id)
            | NameValue::Foreign { value: ForeignValue::Experiment(id), .. } => {
                let experiment = Experiment::fetch(self.objects, *id)?;
                let candidates = experiment.approaches.iter().filter_map(|a| a.candidate);
                let merged = experiment.selection.and_then(|selection| selection.merged);
                [experiment.base].into_iter().chain(candidates).chain(merged).collect()
            }
            // A verdict says something of a snapshot; it does not keep it.
            NameValue::Evaluation(_) | NameValue::Verdict(_) | NameValue::Foreign { .. } => {
                Vec::new()
            }
        })
    }

    /// Counts one more hold on each; adds those that are not known, with their ancestors.
    fn hold(&mut self, mut pending: Vec<SnapshotId>) -> Result<(), CatalogueError> {
        while let Some(id) = pending.pop() {
            let node_key = key(NODE, &[&id.0.0]);
            let known: Option<NodeRecord> = self.staging.get(&node_key)?;
            let mut node = match known {
                Some(node) => node,
                None => {
                    let node = NodeRecord::of(Snapshot::fetch(self.objects, id)?);
                    for key in node_keys(id, &node) {
                        self.staging.set(key, &())?;
                    }
                    self.count_node(id, &node, 1)?;
                    pending.extend(&node.parents);
                    self.progress.added += 1;
                    node
                }
            };
            node.references += 1;
            self.staging.set(node_key, &node)?;
        }
        Ok(())
    }

    /// Counts one hold less on each; removes those that nothing holds, and lets their parents go.
    fn let_go(&mut self, mut pending: Vec<SnapshotId>) -> Result<(), CatalogueError> {
        while let Some(id) = pending.pop() {
            let node_key = key(NODE, &[&id.0.0]);
            let Some(mut node) = self.staging.get::<NodeRecord>(&node_key)? else {
                continue;
            };
            node.references = node.references.saturating_sub(1);
            if node.references > 0 {
                self.staging.set(node_key, &node)?;
                continue;
            }
            for key in node_keys(id, &node) {
                self.staging.remove(key)?;
            }
            self.staging.remove(node_key)?;
            self.count_node(id, &node, -1)?;
            pending.extend(&node.parents);
            self.progress.removed += 1;
        }
        Ok(())
    }

    /// Counts a node that comes or goes, with what is said of it so far.
    fn count_node(
        &mut self,
        id: SnapshotId,
        node: &NodeRecord,
        by: i64,
    ) -> Result<(), CatalogueError> {
        self.staging.count(Counter::Origin(&node.origin), by);
        self.staging.count(Counter::Session(&node.session), by);
        if self.is_first {
            // Nothing is said of any so far.
            return Ok(());
        }
        let said: Option<VerdictSummary> = self.staging.get(&key(VERDICT, &[&id.0.0]))?;
        if let Some(said) = said {
            self.staging.count(Counter::Verdict(said.word), by);
        }
        Ok(())
    }

    /// Counts what is said from now on of a snapshot that is alive and no more what was, and
    /// evaluations.
    fn count_name(
        &mut self,
        key_of_name: Option<&NameKey>,
        change: &Change<NameEntry>,
    ) -> Result<(), CatalogueError> {
        let (before, after) = (change.before.as_ref(), change.after.as_ref());
        match key_of_name {
            Some(NameKey::Evaluation(_)) => {
                let by = i64::from(after.is_some()) - i64::from(before.is_some());
                self.staging.count(Counter::Evaluations, by);
            }
            Some(NameKey::Verdict(snapshot)) => {
                let node: Option<NodeRecord> = self.staging.get(&key(NODE, &[&snapshot.0.0]))?;
                for (entry, by) in [(before, -1), (after, 1)] {
                    if let (Some(NameEntry { value: NameValue::Verdict(record), .. }), Some(_)) =
                        (entry, &node)
                    {
                        self.staging.count(Counter::Verdict(record.word), by);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Writes down what a name says, beside what it holds. Comes after all that holds: from here on
    /// it is settled which snapshots are alive.
    fn name(&mut self, change: &Change<NameEntry>) -> Result<(), CatalogueError> {
        let text = change.key();
        let parsed = std::str::from_utf8(text).ok().and_then(NameKey::parse);
        let table_key = match &parsed {
            Some(NameKey::Branch(_) | NameKey::Tag(_)) => key(NAME, &[text]),
            Some(NameKey::Verdict(snapshot)) => key(VERDICT, &[&snapshot.0.0]),
            Some(NameKey::Evaluation(_)) => key(EVALUATION, &[text]),
            // What is foreign is no answer to a question about what was found here.
            Some(NameKey::Position(_) | NameKey::Experiment(_) | NameKey::Foreign { .. })
            | None => return Ok(()),
        };
        let after = change.after.as_ref().map(|entry| &entry.value);
        self.count_name(parsed.as_ref(), change)?;
        match after {
            Some(NameValue::Branch(snapshot) | NameValue::Tag { snapshot, .. }) => {
                self.staging.set(table_key, snapshot)
            }
            Some(NameValue::Verdict(record)) => {
                self.staging.set(table_key, &VerdictSummary::from(record))
            }
            Some(NameValue::Evaluation(id)) => {
                let evaluation = Evaluation::fetch(self.objects, *id)?;
                self.staging.set(table_key, &EvaluationCounts::of(*id, &evaluation))
            }
            Some(NameValue::Position(_) | NameValue::Experiment(_) | NameValue::Foreign { .. }) => {
                Ok(())
            }
            None => self.staging.remove(table_key),
        }
    }
}
