//! The heads: which operation is current. One empty file in `heads/` for each, named by its id.
//!
//! **Durability, the commit point.** A commit creates the file of its operation, syncs the folder,
//! and then removes those of the operations that it followed. The removal is not synced: whichever
//! part of it survives a crash, an operation from which another head descends is passed over. What
//! must never be is the removal without the creation, and the sync between the two forbids it.
//!
//! Files of other names are passed over.

use std::collections::BTreeSet;
use std::path::Path;

use super::error::StoreError;
use crate::base::disk::Disk;
use crate::base::id::{Hash, NamesId, OperationId};
use crate::base::limits::{OPERATIONS_WALK_MAX, RESCAN_TRIES_MAX};
use crate::object::operation::Operation;
use crate::object::traits::{Fetch, ObjectError};
use crate::store::layout::FILE_MODE;

/// What is current.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Current {
    /// The newest operation.
    pub operation: OperationId,
    /// All names after it.
    pub names: NamesId,
}

/// The operations that have a file, ascending.
///
/// # Errors
/// The disk's.
pub fn list(heads: &Path) -> Result<Vec<OperationId>, StoreError> {
    let error = |e| StoreError::from_io(heads, e);
    let mut found = Vec::new();
    for file in std::fs::read_dir(heads).map_err(error)? {
        let name = file.map_err(error)?.file_name();
        found.extend(name.to_str().and_then(Hash::from_hex).map(OperationId));
    }
    found.sort_unstable();
    Ok(found)
}

/// The same, read so often that no commit can have passed in between: while a folder is read,
/// names that come and go may both be missed. None when it did not come to rest.
///
/// # Errors
/// The disk's.
pub fn list_at_rest(heads: &Path) -> Result<Option<Vec<OperationId>>, StoreError> {
    let mut last = list(heads)?;
    for _ in 0..RESCAN_TRIES_MAX {
        let again = list(heads)?;
        if again == last && !again.is_empty() {
            return Ok(Some(again));
        }
        last = again;
    }
    Ok(None)
}

/// The one head that all others are behind; none without heads.
///
/// # Errors
/// [`StoreError::Diverged`]; as `Fetch::fetch` where there are several.
pub fn resolve(
    objects: &(impl Fetch + ?Sized),
    heads: &[OperationId],
) -> Result<Option<OperationId>, StoreError> {
    if heads.len() < 2 {
        return Ok(heads.first().copied());
    }
    for head in heads {
        let mut others: BTreeSet<_> = heads.iter().copied().filter(|h| h != head).collect();
        strike_ancestors(objects, *head, &mut others)?;
        if others.is_empty() {
            return Ok(Some(*head));
        }
    }
    Err(StoreError::Diverged { heads: heads.to_vec() })
}

/// Takes from `others` what `head` descends from.
fn strike_ancestors(
    objects: &(impl Fetch + ?Sized),
    head: OperationId,
    others: &mut BTreeSet<OperationId>,
) -> Result<(), ObjectError> {
    let mut seen = BTreeSet::from([head]);
    let mut pending = std::collections::VecDeque::from([head]);
    while let Some(id) = pending.pop_front() {
        others.remove(&id);
        if others.is_empty() || seen.len() > OPERATIONS_WALK_MAX {
            break;
        }
        let parents = match Operation::fetch(objects, id) {
            // Where the log ends: a collection lets go of what is older.
            Err(ObjectError::Gone { .. }) => Vec::new(),
            operation => operation?.parents,
        };
        for parent in parents {
            if seen.insert(parent) {
                pending.push_back(parent);
            }
        }
    }
    Ok(())
}

/// Makes `new` current in place of `old`. The commit lock must be held.
///
/// # Errors
/// The disk's. The old state is then still current, or the new one is.
pub fn replace(
    disk: &dyn Disk,
    heads: &Path,
    old: &[OperationId],
    new: OperationId,
) -> Result<(), StoreError> {
    let path = heads.join(new.hex());
    let mut file = disk.create(&path, FILE_MODE).map_err(|e| StoreError::from_io(&path, e))?;
    file.flush().map_err(|e| StoreError::from_io(&path, e))?;
    if let Err(e) = disk.sync_dir(heads) {
        // The answer will be "not done", so others should not see it as done.
        let _ = disk.remove_file(&path);
        return Err(StoreError::from_io(heads, e));
    }
    for id in old {
        // It is committed: a file that stays is passed over, and removed by the next commit.
        let _ = disk.remove_file(&heads.join(id.hex()));
    }
    Ok(())
}
