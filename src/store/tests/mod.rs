//! Tests of the store as a whole: through its public face, on a real folder.

mod collect;
mod collect_crash;
mod collect_damage;
mod collect_model;
mod collect_race;
mod commits;
mod crash;
mod forget;
mod fuzz;
mod layout;
mod pack_format;
mod packs;
mod sound;
mod statistics;

use std::path::Path;
use std::sync::Arc;

use super::{Change, Committed, NameMove, Store, Writer};
use crate::base::disk::Disk;
use crate::base::fault::RecordingDisk;
use crate::base::id::{BlobId, SnapshotId, TreeId};
use crate::base::name::Label;
use crate::base::time::Timestamp;
use crate::object::names::{NameKey, NameValue};
use crate::object::operation::OperationKind;
use crate::object::snapshot::{Origin, Snapshot, Tier};
use crate::object::traits::{Put, put_blob};
use crate::object::tree::{self, EntryKind, TreeEntry};

/// The real disk, less the waiting: nobody pulls the plug of the machine that runs the tests.
pub(super) fn quick(root: &Path) -> Arc<dyn Disk> {
    Arc::new(RecordingDisk::new(root))
}

/// A folder in memory where the system has one: crash tests write thousands of small states, and
/// need not wait for the disk of the machine that runs them.
pub(super) fn folder_in_memory() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).unwrap()
}

/// A new store in a folder that goes with the test.
pub(super) fn fresh() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let disk = quick(folder.path());
    let store = Store::create(&folder.path().join("exp"), disk, "# none\n").unwrap();
    (folder, store)
}

fn open(root: &Path) -> Store {
    Store::open(root, quick(root)).unwrap()
}

pub(super) fn branch(name: &str) -> NameKey {
    NameKey::Branch(Label::new(name).unwrap())
}

/// A tree with one file of that content.
fn put_tree(writer: &impl Put, content: &str) -> TreeId {
    let blob: BlobId = put_blob(writer, content.as_bytes().to_vec()).unwrap();
    let entry = TreeEntry {
        name: b"file"[..].into(),
        kind: EntryKind::File,
        hash: blob.0,
        length: content.len() as u64,
    };
    TreeId(tree::build(writer, vec![entry]).unwrap().hash)
}

/// A snapshot of one file of that content.
pub(super) fn put_snapshot(writer: &impl Put, content: &str) -> SnapshotId {
    plain_snapshot(put_tree(writer, content)).put(writer).unwrap()
}

/// A snapshot of a tree with nothing else to it.
pub(super) fn plain_snapshot(tree: TreeId) -> Snapshot {
    Snapshot {
        parents: Vec::new(),
        tree,
        state: None,
        git_head: None,
        branch: Label::new("main").unwrap(),
        origin: Origin::Manual,
        tier: Tier::Checkpoint,
        who: "test".to_owned(),
        session: "s".to_owned(),
        when: Timestamp(1),
        message: String::new(),
    }
}

pub(super) fn change(moves: Vec<NameMove>) -> Change {
    Change {
        moves,
        kind: OperationKind::Verb,
        verb: "snapshot".to_owned(),
        summary: "test".to_owned(),
        who: "test".to_owned(),
        session: "s".to_owned(),
        workspace: None,
        when: Timestamp(1),
    }
}

/// Moves a branch to a new snapshot of that content, expecting it where it was seen.
pub(super) fn commit_branch(
    writer: &Writer<'_>,
    name: &str,
    seen: Option<SnapshotId>,
    content: &str,
) -> Result<(SnapshotId, Committed), super::CommitError> {
    let (snapshot, change) = branch_change(writer, name, seen, content);
    Ok((snapshot, writer.commit(change)?))
}

/// The same, to be committed.
pub(super) fn branch_change(
    writer: &Writer<'_>,
    name: &str,
    seen: Option<SnapshotId>,
    content: &str,
) -> (SnapshotId, Change) {
    let snapshot = put_snapshot(writer, content);
    let (expected, new) = (seen.map(NameValue::Branch), Some(NameValue::Branch(snapshot)));
    (snapshot, change(vec![NameMove { key: branch(name), expected, new }]))
}
