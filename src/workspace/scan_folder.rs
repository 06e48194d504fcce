//! One folder of the walk: opening and listing it, and finding its files of rules.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use rustix::fs::FileType;

use super::error::WorkspaceError;
use super::handle;
use super::listing::Listing;
use super::look::Look;
use super::record::{Record, What};
use super::rules::{Matcher, Scope};
use super::scan::{BaseNames, Folder, Notes, Pending, SkipReason, State, Walk};
use super::stamp::Stamp;
use crate::base::codec;
use crate::base::id::Hash;
use crate::base::limits::RULES_BYTES_MAX;
use crate::object::traits::Fetch;

pub(super) const GIT_RULES: &[u8] = b".gitignore";
pub(super) const EXP_RULES: &[u8] = b".expignore";

/// Lists one folder; returns it and the folders in it. `State::Folder` counts from zero.
pub(super) fn scan_folder<O: Fetch + ?Sized>(
    walk: &Walk<'_, O>,
    pending: Pending,
) -> Result<(Folder, Vec<Pending>), WorkspaceError> {
    let place = walk.rules.root.place(&pending.path);
    let opened = walk.rules.root.folder(&pending.path);
    let opened = opened.and_then(|handle| Ok((Listing::read(&handle)?, handle)));
    let (listing, handle) = match opened {
        Ok(opened) => opened,
        Err(error) => return absent(pending, error, &place),
    };
    let handle = handle.as_fd();
    let record = walk.cache.folder(&pending.path).cloned();
    let device = rustix::fs::fstat(handle).map(|stat| Stamp::from(&stat).device);
    let device = device.map_err(|e| WorkspaceError::disk("look at", &place)(e.into()))?;
    let scope = scope_of(walk, &pending, handle, &listing, record.as_ref())?;
    let is_recorded = record.as_ref().and_then(Record::tree).is_some_and(|tree| {
        // Then the cache says what the base has, and the store has it: nothing is fetched.
        Some(tree) == pending.base
    });
    let store = walk.rules.store.as_ref();
    let store = store.filter(|(folder, _)| *folder == pending.path).map(|(_, name)| &name[..]);
    let mut look = Look {
        walk,
        is_ruled: record.as_ref().and_then(Record::rules) == Some(scope.digest),
        scope,
        handle,
        device,
        store,
        is_recorded,
        base: BaseNames::new(walk.objects, pending.base),
        is_same: true,
        names: Vec::with_capacity(listing.names.len()),
        below: Vec::new(),
        notes: Notes::default(),
        pending: &pending,
    };
    if device != pending.device {
        look.notes.mounts.push(pending.path.clone());
    }
    look.all(&listing, record.as_ref()).map_err(|fault| fault.named(&place))?;
    let (mut folder, below) = look.finish(record.clone());
    if folder.is_same {
        // A large workspace has many such folders, and nobody asks for these names again.
        folder.names.retain(|name| matches!(name.state, State::Folder(_)));
        folder.names.shrink_to_fit();
    } else {
        folder.bytes = listing.bytes;
    }
    Ok((folder, below))
}

/// A folder that cannot be listed: gone, or not ours to read.
fn absent(
    pending: Pending,
    error: io::Error,
    place: &std::path::Path,
) -> Result<(Folder, Vec<Pending>), WorkspaceError> {
    let mut notes = Notes::default();
    if handle::is_refused(&error) && !pending.path.is_root() {
        if pending.base.is_some() {
            notes.unreadable.push(pending.path.clone());
        } else {
            notes.skipped.push((pending.path.clone(), SkipReason::Unreadable));
        }
    } else if !handle::is_absent(&error) || pending.path.is_root() {
        return Err(WorkspaceError::disk("list", place)(error));
    } else if error.kind() != io::ErrorKind::NotFound {
        // A moment ago it was a folder, and now it is a file or a link.
        notes.racing.push(pending.path.clone());
    }
    let folder = Folder {
        path: pending.path,
        base: pending.base,
        is_ignored: pending.is_ignored,
        record: None,
        rules: Hash([0; 32]),
        is_same: false,
        bytes: Vec::new(),
        names: Vec::new(),
        is_absent: true,
        notes,
    };
    Ok((folder, Vec::new()))
}

/// The scope of a folder: its parent's unless it has files of rules. Their content is known from
/// the cache where their stamps are, so an unchanged workspace compiles and reads none.
fn scope_of<O: Fetch + ?Sized>(
    walk: &Walk<'_, O>,
    pending: &Pending,
    handle: BorrowedFd<'_>,
    listing: &Listing,
    record: Option<&Record>,
) -> Result<Arc<Scope>, WorkspaceError> {
    let matcher = |name: &[u8]| -> Result<Option<Matcher>, WorkspaceError> {
        if !matches!(listing.find(name), Some(FileType::RegularFile | FileType::Unknown)) {
            return Ok(None);
        }
        let found = record.and_then(|record| record.names().find(|found| found.name == name));
        let stamp = handle::stamp_at(handle, name);
        if let (Ok(now), Some(What::Leaf { stamp, hash, .. })) = (&stamp, found.map(|f| f.what))
            && *now == stamp
            && stamp.is_settled(walk.cache.settled())
        {
            return Ok(Some(Matcher::of_file(&pending.path, name, hash)));
        }
        let path = pending.path.join(name);
        let content = handle::absent_is_none(walk.rules.root.read_small(&path, RULES_BYTES_MAX))
            .map_err(WorkspaceError::disk("read", &walk.rules.root.place(&path)))?;
        let hash = content.map(|content| codec::blob_id(&content).0);
        Ok(hash.map(|hash| Matcher::of_file(&pending.path, name, hash)))
    };
    let (git, exp) = (matcher(GIT_RULES)?, matcher(EXP_RULES)?);
    if git.is_none() && exp.is_none() {
        return Ok(Arc::clone(&pending.scope));
    }
    Ok(Scope::inside(&pending.scope, git, exp))
}
