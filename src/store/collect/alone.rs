//! What each of several things holds alone: what would be free if it were gone.
//!
//! **Invariant**: an object counts for a group if it can be reached from that group and from no other.
//! Each object is looked at twice at most, however many groups there are.

use std::collections::HashMap;

use super::super::error::StoreError;
use super::super::open::Store;
use super::follow::references;
use crate::base::id::{Kind, ObjectId};
use crate::object::traits::ObjectError;

/// What a group is, and where it begins.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// Objects that are its own with all that they refer to.
    pub roots: Vec<ObjectId>,
    /// Whether a snapshot's parents are its own, too: those of a branch are, those of what a session
    /// made are not.
    pub with_parents: bool,
}

/// What a group holds alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Objects.
    pub objects: u64,
    /// Bytes of their content.
    pub bytes: u64,
    /// Bytes on disk: their share of the blocks in which they lie.
    pub stored_bytes: u64,
}

/// In which group an object was met; `SEVERAL` for more than one.
type Owner = u32;
const SEVERAL: Owner = u32::MAX;

impl Store {
    /// What each group holds alone, in their order. What cannot be read is passed over: this counts,
    /// it does not check. Costs a walk over all that the groups reach.
    ///
    /// # Errors
    /// The disk's.
    pub fn held_alone(&self, groups: &[Group]) -> Result<Vec<Held>, StoreError> {
        let mut owners: HashMap<ObjectId, Owner> = HashMap::new();
        for (number, group) in groups.iter().enumerate() {
            let own = number as Owner;
            let mut pending = group.roots.clone();
            while let Some(id) = pending.pop() {
                match owners.insert(id, own) {
                    None => {}
                    Some(known) if known == own => continue,
                    // Met by a second group: what it refers to is shared as well, and has to be
                    // walked once more to say so. By a third one nothing changes.
                    Some(SEVERAL) => {
                        owners.insert(id, SEVERAL);
                        continue;
                    }
                    Some(_) => {
                        owners.insert(id, SEVERAL);
                    }
                }
                let found = match references(self, id) {
                    Err(ObjectError::Disk { path, source }) => {
                        return Err(ObjectError::Disk { path, source }.into());
                    }
                    found => found.unwrap_or_default(),
                };
                let is_own = |to: ObjectId| {
                    group.with_parents || (id.kind, to.kind) != (Kind::Snapshot, Kind::Snapshot)
                };
                pending.extend(found.into_iter().map(|to| to.id).filter(|to| is_own(*to)));
            }
        }
        self.sum(&owners, groups.len())
    }

    fn sum(
        &self,
        owners: &HashMap<ObjectId, Owner>,
        groups: usize,
    ) -> Result<Vec<Held>, StoreError> {
        let mut held = vec![Held::default(); groups];
        for (id, owner) in owners {
            let Some(of) = held.get_mut(*owner as usize) else { continue };
            let Ok(Some((pack, entry))) = self.packs.locate(*id) else { continue };
            let length = u64::from(entry.length);
            of.objects += 1;
            of.bytes += length;
            if let Some(block) = pack.open()?.blocks().get(entry.block as usize) {
                let raw = u64::from(block.raw.max(1));
                of.stored_bytes += (length * u64::from(block.compressed)).div_ceil(raw);
            }
        }
        Ok(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::BlobId;
    use crate::object::traits::put_blob;
    use crate::object::tree::{self, EntryKind, TreeEntry};
    use crate::store::tests::fresh;

    #[test]
    fn what_two_reach_is_nobodys_alone() {
        let (_folder, store) = fresh();
        let writer = store.writer().unwrap();
        let blob = |text: &str| put_blob(&writer, text.as_bytes().to_vec()).unwrap();
        let tree = |names: &[&str]| {
            let entry = |name: &&str| {
                let BlobId(hash) = blob(name);
                let (kind, length) = (EntryKind::File, name.len() as u64);
                TreeEntry { name: name.as_bytes().into(), kind, hash, length }
            };
            let hash = tree::build(&writer, names.iter().map(entry).collect()).unwrap().hash;
            ObjectId { kind: Kind::Tree, hash }
        };
        let roots = [tree(&["both", "first"]), tree(&["both", "second", "third"])];
        writer.flush().unwrap();
        let group = |root: ObjectId| Group { roots: vec![root], with_parents: true };
        let groups = roots.map(group);
        let held = store.held_alone(&groups).unwrap();
        // The root itself and the files that it has alone.
        assert_eq!([held[0].objects, held[1].objects], [2, 3]);
        assert!(held[0].stored_bytes > 0 && held[0].bytes < held[1].bytes);
        let twice = [groups[0].clone(), groups[0].clone(), groups[0].clone()];
        assert_eq!(store.held_alone(&twice).unwrap(), [Held::default(); 3]);
    }
}
