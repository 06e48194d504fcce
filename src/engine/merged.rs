//! What bringing two snapshots together gives: their files, and what the agent knew.
//!
//! A conflict is a value. Writes nothing but objects. Knows nothing of branches and workspaces.

use serde::Serialize;

use super::EngineError;
use super::report::count;
use crate::base::id::{DocumentId, SnapshotId, TreeId};
use crate::base::path::TreePath;
use crate::document::{self, Document, DocumentConflict, Json, ListKeys};
use crate::graph;
use crate::merge::{Conflict, ConflictKind, Side, merge_trees};
use crate::object::snapshot::Snapshot;
use crate::object::traits::Put;
use crate::object::tree;

/// How two snapshots stand to each other.
pub(super) enum Relation {
    /// What is merged is there already.
    Same,
    /// What is there is an ancestor of what is merged.
    FastForward,
    /// Both have gone on.
    Merge,
}

/// What a merge gives.
pub(super) struct Merged {
    pub relation: Relation,
    /// The files; none where they conflict.
    pub tree: Option<TreeId>,
    pub conflicts: Vec<Conflict>,
    /// Files that were merged line by line.
    pub text: Vec<TreePath>,
    /// Files that one side renamed and the other changed.
    pub renamed: Vec<(TreePath, TreePath)>,
    /// The state, where either side has one and they do not conflict.
    pub state: Option<DocumentId>,
    pub state_conflicts: Vec<StateConflict>,
}

/// Which side's state is taken as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateOf {
    /// That of the branch merged into.
    Ours,
    /// That of what is merged.
    Theirs,
}

/// A place of the state that both sides changed differently. Values are compact JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StateConflict {
    /// Where.
    pub pointer: String,
    /// What stood there in the base; none where nothing did.
    pub base: Option<String>,
    /// What stands there in the branch merged into.
    pub ours: Option<String>,
    /// What stands there in what is merged.
    pub theirs: Option<String>,
}

impl From<DocumentConflict> for StateConflict {
    fn from(conflict: DocumentConflict) -> Self {
        let text = |value: Option<Json>| value.map(|value| value.compact());
        let DocumentConflict { pointer, base, ours, theirs } = conflict;
        let (base, ours, theirs) = (text(base), text(ours), text(theirs));
        Self { pointer: pointer.to_string(), base, ours, theirs }
    }
}

impl Merged {
    fn plain(relation: Relation, snapshot: &Snapshot) -> Self {
        let (tree, state) = (Some(snapshot.tree), snapshot.state);
        let (conflicts, text, state_conflicts) = (Vec::new(), Vec::new(), Vec::new());
        Self { relation, tree, conflicts, text, renamed: Vec::new(), state, state_conflicts }
    }

    /// Whether a side has to give way.
    pub fn has_conflicts(&self) -> bool {
        self.tree.is_none() || !self.state_conflicts.is_empty()
    }

    pub fn outcome(&self) -> &'static str {
        match self.relation {
            _ if self.has_conflicts() => "conflicts",
            Relation::Same => "nothing to do",
            Relation::FastForward => "fast-forward",
            Relation::Merge => "merged",
        }
    }
}

/// Brings two snapshots together. Of states one side's is taken where that was asked for, else they
/// are merged place by place, lists as `keys` has it.
pub(super) fn merged(
    objects: &impl Put,
    (ours, theirs): (SnapshotId, SnapshotId),
    (keys, state_of): (&ListKeys, Option<StateOf>),
) -> Result<Merged, EngineError> {
    let base = graph::merge_base(objects, ours, theirs)?;
    let our = Snapshot::fetch(objects, ours)?;
    if base == Some(theirs) {
        return Ok(Merged::plain(Relation::Same, &our));
    }
    let their = Snapshot::fetch(objects, theirs)?;
    if base == Some(ours) {
        return Ok(Merged::plain(Relation::FastForward, &their));
    }
    let (base_tree, base_state) = match base {
        Some(base) => {
            let base = Snapshot::fetch(objects, base)?;
            (base.tree, base.state)
        }
        None => (tree::empty(objects)?, None),
    };
    let merge = merge_trees(objects, base_tree, our.tree, their.tree)?;
    let (conflicts, text, renamed) = (merge.conflicts, merge.merged_text, merge.renamed);
    let states = (base_state, our.state, their.state);
    let (state, state_conflicts) = match state_of {
        Some(StateOf::Ours) => (our.state, Vec::new()),
        Some(StateOf::Theirs) => (their.state, Vec::new()),
        None => merged_state(objects, states, keys)?,
    };
    let (relation, tree) = (Relation::Merge, merge.tree);
    Ok(Merged { relation, tree, conflicts, text, renamed, state, state_conflicts })
}

type States = (Option<DocumentId>, Option<DocumentId>, Option<DocumentId>);

fn merged_state(
    objects: &impl Put,
    (base, ours, theirs): States,
    keys: &ListKeys,
) -> Result<(Option<DocumentId>, Vec<StateConflict>), EngineError> {
    if ours == theirs || base == theirs {
        return Ok((ours, Vec::new()));
    }
    if base == ours {
        return Ok((theirs, Vec::new()));
    }
    let read = |id: Option<DocumentId>| {
        id.map(|id| document::read(objects, id).map(|value| value.compact())).transpose()
    };
    let (Some(our), Some(their)) = (ours, theirs) else {
        let (base, ours, theirs) = (read(base)?, read(ours)?, read(theirs)?);
        let pointer = String::new();
        return Ok((None, vec![StateConflict { pointer, base, ours, theirs }]));
    };
    let base = base.map_or_else(|| Document::new().store(objects), Ok)?;
    let merge = document::merge(objects, base, our, their, keys)?;
    let conflicts = merge.conflicts.into_iter().map(StateConflict::from).collect();
    Ok((merge.document, conflicts))
}

/// Why a path could not be merged.
pub(super) fn conflict_text(kind: ConflictKind) -> String {
    match kind {
        ConflictKind::Text { places } => {
            format!("both changed the same lines ({})", count(places, "place"))
        }
        ConflictKind::Binary => "both changed it, and it is binary".to_owned(),
        ConflictKind::TooLarge => "both changed it, and it is too large to merge".to_owned(),
        ConflictKind::Link => "both changed where the link leads".to_owned(),
        ConflictKind::ChangedAndRemoved { removed_by: Side::Ours } => {
            "removed here, changed there".to_owned()
        }
        ConflictKind::ChangedAndRemoved { removed_by: Side::Theirs } => {
            "changed here, removed there".to_owned()
        }
        ConflictKind::AddedDifferently => "both added it, differently".to_owned(),
        ConflictKind::ModesDiffer => "both added it, one as executable".to_owned(),
        ConflictKind::KindsDiffer => "a file on one side, a link on the other".to_owned(),
        ConflictKind::FileAndFolder => "a file on one side, a folder on the other".to_owned(),
    }
}
