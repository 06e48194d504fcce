//! After a restore that did not end: back to the old files, or on to the new ones.
//!
//! Guarantees that a path which is neither old nor new is left alone: it is somebody's later work,
//! and it is reported. Both ways may be cut short and begun again, as often as needed.

use std::path::Path;

use super::error::RestoreError;
use super::handle::Root;
use super::intent::Intent;
use super::nearby::Nearby;
use super::perform::{Performer, remove_if_there_in};
use super::plan::plan_restore;
use super::restore::{Durability, OnOther, RestoreReport, bring};
use super::stat_cache::StatCache;
use super::temporary;
use crate::base::disk::Disk;
use crate::base::id::TreeId;
use crate::object::traits::Fetch;

/// Brings every path that is as the intent wants it, or on the way, back to what it was.
///
/// # Errors
/// The disk's and the store's.
pub fn take_back(
    disk: &dyn Disk,
    objects: &(impl Fetch + ?Sized),
    root: &Path,
    intent: &Intent,
    cache: &mut StatCache,
) -> Result<RestoreReport, RestoreError> {
    settle(disk, objects, root, (intent.to, intent.from), cache)
}

/// Brings every path that is as it was before the intent, or on the way, to what it wants.
///
/// # Errors
/// The disk's and the store's.
pub fn finish(
    disk: &dyn Disk,
    objects: &(impl Fetch + ?Sized),
    root: &Path,
    intent: &Intent,
    cache: &mut StatCache,
) -> Result<RestoreReport, RestoreError> {
    settle(disk, objects, root, (intent.from, intent.to), cache)
}

fn settle(
    disk: &dyn Disk,
    objects: &(impl Fetch + ?Sized),
    root: &Path,
    (from, to): (TreeId, TreeId),
    cache: &mut StatCache,
) -> Result<RestoreReport, RestoreError> {
    let plan = plan_restore(objects, from, to)?;
    let place = Root::open(root)?;
    let mut near = Nearby::new(&place);
    for change in &plan.changes {
        let leftover = temporary::beside(&change.path);
        if near.look(&leftover)?.is_some() {
            remove_if_there_in(disk, near.folder(&leftover)?, leftover.name())?;
        }
    }
    let (durability, on_other) = (Durability::Durable, OnOther::Leave);
    let mut performer = Performer { disk, objects, root: &place, durability, on_other };
    bring(&mut performer, &plan.changes, cache)
}
