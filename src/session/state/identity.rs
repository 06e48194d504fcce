//! The id of a state: that of a snapshot record, which is reckoned, not stored.
//!
//! One id so names the value, its circumstances and all states before it.

use super::put::PutKind;
use super::wire::{Entry, PutAct};
use crate::base::id::{Kind, SnapshotId, TreeId};
use crate::object::memory::MemoryObjects;
use crate::object::snapshot::{Origin, Snapshot, Tier};
use crate::object::traits::{ObjectError, encode_record};
use crate::object::tree;

/// The tree of a state without files.
pub(super) fn no_files() -> Result<TreeId, ObjectError> {
    tree::empty(&MemoryObjects::new())
}

/// The id that a state without files has.
pub(super) fn id_of(
    entry: &Entry,
    put: &PutAct,
    parents: &[SnapshotId],
    no_files: TreeId,
) -> Result<SnapshotId, ObjectError> {
    let origin = match (parents.len(), put.kind) {
        (2, _) => Origin::Merge,
        (_, PutKind::Manual) => Origin::Manual,
        (_, PutKind::Automatic | PutKind::Recovery) => Origin::Automatic,
    };
    let tier = match put.kind {
        PutKind::Automatic | PutKind::Manual => Tier::Checkpoint,
        PutKind::Recovery => Tier::Milestone,
    };
    let snapshot = Snapshot {
        parents: parents.to_vec(),
        tree: no_files,
        state: Some(put.document),
        git_head: None,
        branch: put.branch.clone(),
        origin,
        tier,
        who: entry.who.clone(),
        session: entry.session.clone(),
        when: entry.when,
        message: put.message.clone(),
    };
    encode_record(Kind::Snapshot, &snapshot).map(|(hash, _)| SnapshotId(hash))
}
