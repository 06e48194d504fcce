//! Whether a workspace can hold the trees of snapshots: the questions of a bundle's receiver and of
//! the check of a store.
//!
//! Costs one look at each stored folder. The length of a file is read from the index of its pack, so
//! no content is read but the targets of links.

use std::collections::HashMap;

use super::blob::{self, RawObjects};
use super::open::Store;
use crate::base::id::{BlobId, Kind, ObjectId, TreeId};
use crate::base::limits::LINK_TARGET_BYTES_MAX;
use crate::base::path::is_link_target;
use crate::object::traits::{Fetch, ObjectError};
use crate::object::tree::{EntryKind, Extents, TreeEntry};

/// What has to be known of the content of a file or link.
#[derive(Clone, Copy)]
pub struct Leaf {
    /// In bytes.
    pub length: u64,
    /// Whether a link can have it as its target.
    pub is_target: bool,
}

impl Leaf {
    /// Of content that is at hand.
    pub fn of(content: &[u8]) -> Self {
        Self { length: content.len() as u64, is_target: is_link_target(content) }
    }
}

/// Trees that were proved, and what is known of contents that are not stored yet.
pub struct Holdable<'a> {
    store: &'a Store,
    leaves: HashMap<BlobId, Leaf>,
    extents: Extents,
}

impl<'a> Holdable<'a> {
    /// Nothing is proved. `leaves` is what came and is not in the store.
    pub fn new(store: &'a Store, leaves: HashMap<BlobId, Leaf>) -> Self {
        Self { store, leaves, extents: Extents::default() }
    }

    /// Proves that a workspace can hold a tree: its extent, and the length and target of each file and
    /// link. What was let go is not asked for.
    ///
    /// # Errors
    /// As `Fetch::fetch`; [`ObjectError::Rule`] for what no restore could write.
    pub fn prove(
        &mut self,
        objects: &(impl Fetch + ?Sized),
        tree: TreeId,
    ) -> Result<(), ObjectError> {
        let Self { store, leaves, extents } = self;
        let leaf = &mut |tree: TreeId, entry: &TreeEntry| prove_leaf(store, leaves, tree, entry);
        extents.of(objects, tree, leaf).map(|_| ())
    }
}

fn prove_leaf(
    store: &Store,
    leaves: &HashMap<BlobId, Leaf>,
    tree: TreeId,
    entry: &TreeEntry,
) -> Result<(), ObjectError> {
    let Some(blob) = entry.blob() else { return Ok(()) };
    let is_link = entry.kind == EntryKind::Symlink;
    let found = match leaves.get(&blob) {
        Some(leaf) => Some(*leaf),
        None => stored_leaf(store, blob, is_link)?,
    };
    let rule = match found {
        Some(found) if found.length != entry.length => "a file has another length than its content",
        Some(found) if is_link && !found.is_target => {
            "a link in it has a target that no system can store"
        }
        _ => return Ok(()),
    };
    Err(ObjectError::Rule { id: tree.object(), rule })
}

/// The content of a file or link that is stored; none where it was let go.
fn stored_leaf(store: &Store, blob: BlobId, is_link: bool) -> Result<Option<Leaf>, ObjectError> {
    let Some(length) = stored_length(store, blob)? else { return Ok(None) };
    if !is_link || length > LINK_TARGET_BYTES_MAX as u64 {
        return Ok(Some(Leaf { length, is_target: false }));
    }
    let mut target = Vec::new();
    store.fetch_blob_to(blob, &mut target)?;
    Ok(Some(Leaf::of(&target)))
}

fn stored_length(store: &Store, blob: BlobId) -> Result<Option<u64>, ObjectError> {
    if let Some((_, entry)) = store.packs.locate(blob.object())? {
        return Ok(Some(entry.length.into()));
    }
    if !store.holds(ObjectId { kind: Kind::Recipe, hash: blob.0 })? {
        return Ok(None);
    }
    Ok(blob::recipe_of(store, blob)?.map(|recipe| recipe.length))
}
