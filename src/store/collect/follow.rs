//! What one stored object refers to: a step of every walk over what is stored.
//!
//! Decodes strictly, and proves no shape: whether a node is the right one below its index, and a
//! directory cut where it must be, is a matter of `reach`.
//!
//! Knows nothing of which objects are needed.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::blob::{RawObjects, Recipe};
use crate::base::codec::{self, Bytes};
use crate::base::id::{BlobId, DocumentId, Kind, ObjectId};
use crate::object::document::{self, DocumentNode};
use crate::object::evaluation::Evaluation;
use crate::object::experiment::Experiment;
use crate::object::names::{ForeignValue, NameEntry, NameKey, NameValue};
use crate::object::operation::{Operation, OperationKind};
use crate::object::sequence::{Child, Node};
use crate::object::snapshot::Snapshot;
use crate::object::traits::{Fetch, ObjectError};
use crate::object::tree::TreeEntry;

/// One object that another one refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Which.
    pub id: ObjectId,
    /// Whether it may be absent and nothing is lost: the tree of an evaluation, the snapshots of a
    /// verdict.
    pub is_weak: bool,
    /// The level that the index says, for a node below an index; none for a root.
    pub level: Option<u8>,
    /// The name in the directory, for what an entry of a tree refers to.
    pub name: Option<Bytes>,
}

impl Reference {
    fn strong(id: ObjectId) -> Self {
        Self { id, is_weak: false, level: None, name: None }
    }

    fn weak(id: ObjectId) -> Self {
        Self { is_weak: true, ..Self::strong(id) }
    }
}

/// What a stored object refers to, in the order in which it does, doubles included. A large blob
/// refers to its recipe, a recipe to the pieces, a snapshot to its parents, tree and state.
///
/// # Errors
/// As `Fetch::fetch`; [`ObjectError::Rule`] where an object breaks a rule of its kind.
pub fn references(
    objects: &(impl Fetch + RawObjects),
    id: ObjectId,
) -> Result<Vec<Reference>, ObjectError> {
    match id.kind {
        Kind::Blob if objects.holds(id)? => Ok(Vec::new()),
        Kind::Blob => {
            let recipe = ObjectId { kind: Kind::Recipe, ..id };
            if objects.holds(recipe)? {
                return Ok(vec![Reference::strong(recipe)]);
            }
            // Says why it is not there, or finds it in a pack that came meanwhile.
            objects.fetch(id).map(|_| Vec::new())
        }
        Kind::Recipe => match objects.raw(id)? {
            Some(bytes) => references_in(id, &bytes),
            None => Err(ObjectError::Missing { id }),
        },
        Kind::Tombstone => Ok(Vec::new()),
        _ => references_in(id, &objects.fetch(id)?),
    }
}

/// What an object with these bytes refers to, as it is stored: a blob to nothing.
///
/// # Errors
/// [`ObjectError::Damaged`] where the bytes are no record of that kind; [`ObjectError::Rule`].
pub fn references_in(id: ObjectId, bytes: &[u8]) -> Result<Vec<Reference>, ObjectError> {
    match id.kind {
        Kind::Blob | Kind::Tombstone => Ok(Vec::new()),
        Kind::Recipe => {
            let recipe: Recipe = decode(id, bytes)?;
            Ok(recipe.pieces.iter().map(|piece| Reference::strong(piece.blob.object())).collect())
        }
        Kind::Tree => of_tree(id, &decode(id, bytes)?),
        Kind::Names => of_names(id, &decode(id, bytes)?),
        Kind::Document => of_document(id, &decode(id, bytes)?),
        Kind::Snapshot => Ok(of_snapshot(&decode(id, bytes)?)),
        Kind::Evaluation => {
            // A tree that was measured and then given up may be collected before the result.
            let evaluation: Evaluation = decode(id, bytes)?;
            Ok(vec![Reference::weak(evaluation.tree.object())])
        }
        Kind::Experiment => Ok(of_experiment(&decode(id, bytes)?)),
        Kind::Operation => Ok(of_operation(&decode(id, bytes)?)),
    }
}

/// The record in these bytes.
///
/// # Errors
/// [`ObjectError::Damaged`].
pub fn decode<T: Serialize + DeserializeOwned>(
    id: ObjectId,
    bytes: &[u8],
) -> Result<T, ObjectError> {
    codec::decode(id.kind, bytes).map_err(|source| ObjectError::Damaged { id, source })
}

/// The nodes below an index.
fn of_index(id: ObjectId, level: u8, children: &[Child]) -> Result<Vec<Reference>, ObjectError> {
    let rule = "the level of an index is out of bounds";
    let below = level.checked_sub(1).ok_or(ObjectError::Rule { id, rule })?;
    let node = |child: &Child| {
        let id = ObjectId { kind: id.kind, hash: child.hash };
        Reference { level: Some(below), ..Reference::strong(id) }
    };
    Ok(children.iter().map(node).collect())
}

/// What a node of a directory refers to.
///
/// # Errors
/// [`ObjectError::Rule`].
pub fn of_tree(id: ObjectId, node: &Node<TreeEntry>) -> Result<Vec<Reference>, ObjectError> {
    let entries = match node {
        Node::Leaf(entries) => entries,
        Node::Index { level, children } => return of_index(id, *level, children),
    };
    let entry = |entry: &TreeEntry| {
        let id = entry.tree().map_or(BlobId(entry.hash).object(), |tree| tree.object());
        Reference { name: Some(entry.name.clone()), ..Reference::strong(id) }
    };
    Ok(entries.iter().map(entry).collect())
}

/// What a node of the map of names refers to.
///
/// # Errors
/// [`ObjectError::Rule`].
pub fn of_names(id: ObjectId, node: &Node<NameEntry>) -> Result<Vec<Reference>, ObjectError> {
    let entries = match node {
        Node::Leaf(entries) => entries,
        Node::Index { level, children } => return of_index(id, *level, children),
    };
    Ok(entries.iter().flat_map(of_name).collect())
}

/// What one name refers to.
pub fn of_name(entry: &NameEntry) -> Vec<Reference> {
    let own = |key| match key {
        NameKey::Foreign { of, .. } => of.own(),
        own => own,
    };
    let mut found = Vec::with_capacity(2);
    if let Some(NameKey::Verdict(snapshot)) = NameKey::parse(&entry.key).map(own) {
        found.push(Reference::weak(snapshot.object()));
    }
    let strong = match &entry.value {
        NameValue::Branch(snapshot) | NameValue::Tag { snapshot, .. } => snapshot.object(),
        NameValue::Position(position) => position.snapshot.object(),
        NameValue::Experiment(experiment)
        | NameValue::Foreign { value: ForeignValue::Experiment(experiment), .. } => {
            experiment.object()
        }
        NameValue::Evaluation(evaluation)
        | NameValue::Foreign { value: ForeignValue::Evaluation(evaluation), .. } => {
            evaluation.object()
        }
        NameValue::Verdict(verdict)
        | NameValue::Foreign { value: ForeignValue::Verdict(verdict), .. } => {
            found.push(Reference::strong(verdict.evaluation.object()));
            found.extend(verdict.base.iter().map(|base| Reference::weak(base.object())));
            return found;
        }
    };
    found.push(Reference::strong(strong));
    found
}

/// What a node of a document refers to.
///
/// # Errors
/// [`ObjectError::Rule`], also for what stands inline in it.
pub fn of_document(id: ObjectId, node: &DocumentNode) -> Result<Vec<Reference>, ObjectError> {
    match node {
        DocumentNode::Map(Node::Index { level, children })
        | DocumentNode::List(Node::Index { level, children }) => of_index(id, *level, children),
        leaf => {
            let found = document::references(DocumentId(id.hash), leaf)?;
            Ok(found.into_iter().map(Reference::strong).collect())
        }
    }
}

fn of_snapshot(snapshot: &Snapshot) -> Vec<Reference> {
    let parents = snapshot.parents.iter().map(|parent| parent.object());
    let content = [Some(snapshot.tree.object()), snapshot.state.map(|state| state.object())];
    parents.chain(content.into_iter().flatten()).map(Reference::strong).collect()
}

fn of_experiment(experiment: &Experiment) -> Vec<Reference> {
    let mut found = vec![experiment.base.object()];
    found.extend(experiment.base_evaluation.map(|evaluation| evaluation.object()));
    for approach in &experiment.approaches {
        found.extend(approach.candidate.map(|candidate| candidate.object()));
        found.extend(approach.evaluation.map(|evaluation| evaluation.object()));
    }
    if let Some(selection) = &experiment.selection {
        found.push(selection.candidate.object());
        found.extend(selection.merged.map(|merged| merged.object()));
    }
    found.into_iter().map(Reference::strong).collect()
}

fn of_operation(operation: &Operation) -> Vec<Reference> {
    let mut found: Vec<_> = operation.parents.iter().map(|parent| parent.object()).collect();
    found.extend([operation.before.object(), operation.after.object()]);
    if let OperationKind::Undo { of } | OperationKind::Redo { of } = operation.kind {
        found.push(of.object());
    }
    found.into_iter().map(Reference::strong).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::codec::blob_id;
    use crate::base::id::{EvaluationId, Hash, OperationId, SnapshotId};
    use crate::base::time::Timestamp;
    use crate::object::names::{VerdictRecord, VerdictWord};
    use crate::object::sequence::Element;
    use crate::object::traits::{Put, encode_record, put_blob};
    use crate::object::tree::{self, EntryKind};
    use crate::store::tests::{fresh, put_snapshot};

    fn strong(ids: &[ObjectId]) -> Vec<Reference> {
        ids.iter().copied().map(Reference::strong).collect()
    }

    #[test]
    fn a_verdict_holds_its_evaluation_and_neither_snapshot() {
        let (of, base) = (SnapshotId(Hash([1; 32])), SnapshotId(Hash([2; 32])));
        let evaluation = EvaluationId(Hash([3; 32]));
        let value = NameValue::Verdict(VerdictRecord {
            word: VerdictWord::Good,
            trigger: None,
            reason: String::new(),
            base: Some(base),
            evaluator: Hash([4; 32]),
            evaluation,
            when: Timestamp(1),
        });
        let key = NameKey::Verdict(of).text();
        let node = Node::Leaf(vec![NameEntry { key, value }]);
        let (hash, bytes) = encode_record(Kind::Names, &node).unwrap();
        let found = references_in(ObjectId { kind: Kind::Names, hash }, &bytes).unwrap();
        let weak = |id: SnapshotId| Reference::weak(id.object());
        assert_eq!(found, [weak(of), Reference::strong(evaluation.object()), weak(base)]);
    }

    #[test]
    fn a_large_blob_leads_to_its_pieces_over_its_recipe() {
        let (_folder, store) = fresh();
        let writer = store.writer().unwrap();
        let content = crate::store::blob::noise(3 << 20);
        let (large, _) = writer.put_blob_from(&mut content.as_slice()).unwrap();
        let small = put_blob(&writer, b"small".to_vec()).unwrap();
        writer.flush().unwrap();
        let recipe = ObjectId { kind: Kind::Recipe, hash: large.0 };
        assert_eq!(references(&store, large.object()).unwrap(), strong(&[recipe]));
        let pieces = references(&store, recipe).unwrap();
        assert!(pieces.len() > 2 && pieces.iter().all(|piece| piece.id.kind == Kind::Blob));
        assert_eq!(references(&store, small.object()).unwrap(), []);
        assert_eq!(references(&writer, large.object()).unwrap(), strong(&[recipe]));
        let nowhere = blob_id(b"nowhere").object();
        assert!(matches!(references(&store, nowhere), Err(ObjectError::Missing { .. })));
    }

    #[test]
    fn a_directory_says_names_and_levels() {
        let (_folder, store) = fresh();
        let writer = store.writer().unwrap();
        let entry = |at: u32| TreeEntry {
            name: format!("{at:06}").into_bytes().as_slice().into(),
            kind: EntryKind::File,
            hash: Hash([7; 32]),
            length: 1,
        };
        let root = tree::build(&writer, (0..1_000).map(entry).collect::<Vec<_>>()).unwrap();
        let below = references(&writer, ObjectId { kind: Kind::Tree, hash: root.hash }).unwrap();
        assert!(below.len() > 2 && below.iter().all(|node| node.level == Some(0)));
        let first = references(&writer, below[0].id).unwrap();
        assert_eq!(first[0].name.as_ref().unwrap().0, b"000000");
        assert_eq!(first[0].id, BlobId(Hash([7; 32])).object());
        // An index that says it is a leaf leads nowhere.
        let children =
            vec![Child { last_key: b"a"[..].into(), hash: Hash([1; 32]), count: 1, length: 1 }];
        let bad = TreeEntry::wrap(Node::Index { level: 0, children });
        let (hash, bytes) = encode_record(Kind::Tree, &bad).unwrap();
        let found = references_in(ObjectId { kind: Kind::Tree, hash }, &bytes);
        assert!(matches!(found, Err(ObjectError::Rule { .. })));
    }

    #[test]
    fn operations_snapshots_and_evaluations_refer_to_what_they_name() {
        let (_folder, store) = fresh();
        let writer = store.writer().unwrap();
        let id = put_snapshot(&writer, "a");
        let mut snapshot = Snapshot::fetch(&writer, id).unwrap();
        let tree = snapshot.tree.object();
        assert_eq!(references(&writer, id.object()).unwrap(), strong(&[tree]));
        let state = DocumentId(Hash([5; 32]));
        (snapshot.parents, snapshot.state) = (vec![id], Some(state));
        let child = snapshot.put(&writer).unwrap();
        let found = references(&writer, child.object()).unwrap();
        assert_eq!(found, strong(&[id.object(), tree, state.object()]));

        let names = crate::object::names::empty(&writer).unwrap();
        let undone = OperationId(Hash([6; 32]));
        let operation = Operation {
            parents: vec![undone],
            before: names,
            after: names,
            kind: OperationKind::Undo { of: undone },
            verb: "undo".to_owned(),
            summary: String::new(),
            who: "test".to_owned(),
            session: "s".to_owned(),
            workspace: None,
            when: Timestamp(1),
        };
        let operation = operation.put(&writer).unwrap();
        let ids = [undone.object(), names.object(), names.object(), undone.object()];
        assert_eq!(references(&writer, operation.object()).unwrap(), strong(&ids));
    }
}
