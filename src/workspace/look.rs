//! The names of one folder, one by one: the rules, the stat cache, the base.

use std::io;
use std::iter::Peekable;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use rustix::fs::FileType;

use super::error::WorkspaceError;
use super::handle;
use super::listing::{Listing, NameAt};
use super::record::{Names, Record, Remembered, Ruled, What};
use super::rules::Scope;
use super::scan::{BaseNames, Folder, Found, Notes, Pending, SkipReason, State, Walk};
use super::stamp::{Stamp, is_too_large};
use crate::base::id::{BlobId, Hash};
use crate::base::limits::{SPARSE_BYTES_MIN, TREE_DEPTH_MAX, TREE_PATH_BYTES_MAX};
use crate::base::path::TreePath;
use crate::base::reserved::{Reserved, reserved};
use crate::object::traits::Fetch;
use crate::object::tree::EntryKind;

/// One name of the folder.
#[derive(Clone, Copy)]
struct Name<'a> {
    at: NameAt,
    bytes: &'a [u8],
}

/// The work on one folder.
pub(super) struct Look<'a, O: ?Sized> {
    pub(super) walk: &'a Walk<'a, O>,
    pub(super) pending: &'a Pending,
    pub(super) scope: Arc<Scope>,
    pub(super) handle: BorrowedFd<'a>,
    pub(super) device: u64,
    /// The name of the store, when it lies here.
    pub(super) store: Option<&'a [u8]>,
    /// Whether the record's answers of the rules hold.
    pub(super) is_ruled: bool,
    /// Whether the record is what the base has.
    pub(super) is_recorded: bool,
    pub(super) base: BaseNames<'a, O>,
    pub(super) is_same: bool,
    pub(super) names: Vec<Found>,
    pub(super) below: Vec<Pending>,
    pub(super) notes: Notes,
}

/// What stopped the work; the path of a system's error is added by the caller.
pub(super) enum Fault {
    System(io::Error),
    Other(WorkspaceError),
}

impl Fault {
    pub(super) fn named(self, place: &std::path::Path) -> WorkspaceError {
        match self {
            Self::System(error) => WorkspaceError::disk("look into", place)(error),
            Self::Other(error) => error,
        }
    }
}

impl From<WorkspaceError> for Fault {
    fn from(error: WorkspaceError) -> Self {
        Self::Other(error)
    }
}

impl<O: Fetch + ?Sized> Look<'_, O> {
    pub(super) fn all(&mut self, listing: &Listing, record: Option<&Record>) -> Result<(), Fault> {
        self.is_same = record.is_some() && (self.is_ruled || self.pending.is_ignored);
        let mut remembered = record.map(|record| record.names().peekable());
        for (at, kind) in &listing.names {
            let name = Name { at: *at, bytes: at.of(&listing.bytes) };
            let known = remembered.as_mut().and_then(|names| self.advance(names, name.bytes));
            self.one(name, *kind, known)?;
        }
        if remembered.is_some_and(|mut names| names.next().is_some()) {
            self.is_same = false;
        }
        Ok(())
    }

    /// The remembered name that equals `name`; those before it are gone from the disk.
    fn advance<'r>(
        &mut self,
        names: &mut Peekable<Names<'r>>,
        name: &[u8],
    ) -> Option<Remembered<'r>> {
        while let Some(found) = names.next_if(|found| found.name <= name) {
            if found.name == name {
                return Some(found);
            }
            self.is_same = false;
        }
        None
    }

    fn one(
        &mut self,
        name: Name<'_>,
        mut kind: FileType,
        known: Option<Remembered<'_>>,
    ) -> Result<(), Fault> {
        let mut stamp = None;
        if kind == FileType::Unknown {
            let Some(now) = self.stamp(name.bytes)? else { return Ok(()) };
            kind = now.file_type();
            stamp = Some(now);
        }
        let is_folder = kind == FileType::Directory;
        if self.is_never(name, is_folder) {
            // An older version may have remembered a name that is left out now.
            self.is_same &= known.is_none();
            return Ok(());
        }
        if !matches!(kind, FileType::Directory | FileType::RegularFile | FileType::Symlink) {
            self.notes.skipped.push((self.path(name), SkipReason::Special));
            return Ok(());
        }
        if self.is_too_deep(name, is_folder) {
            self.is_same &= known.is_none();
            self.notes.skipped.push((self.path(name), SkipReason::TooDeep));
            return Ok(());
        }
        let known = known.filter(|known| known.is_folder() == is_folder);
        let ruled = self.ruled(name, is_folder, known.as_ref())?;
        if known.is_none_or(|known| known.ruled != ruled) {
            self.is_same = false;
        }
        if is_folder {
            self.folder(name, ruled, known)
        } else {
            self.leaf(name, ruled, known, stamp)
        }
    }

    fn stamp(&self, name: &[u8]) -> Result<Option<Stamp>, Fault> {
        handle::absent_is_none(handle::stamp_at(self.handle, name)).map_err(Fault::System)
    }

    fn path(&self, name: Name<'_>) -> TreePath {
        self.pending.path.join(name.bytes)
    }

    /// What is never captured, whatever rules and git say.
    fn is_never(&mut self, name: Name<'_>, is_folder: bool) -> bool {
        let is_store = is_folder && self.store == Some(name.bytes);
        let reason = match name.bytes {
            b".git" => SkipReason::Repository,
            b".exp" if is_folder => SkipReason::Store,
            _ if is_store => SkipReason::Store,
            name => match reserved(name) {
                Some(Reserved::Temporary) => SkipReason::Leftover,
                Some(_) => SkipReason::Reserved,
                None => return false,
            },
        };
        // Our own store, and git's own folder, are no news.
        let is_ours = matches!(reason, SkipReason::Repository | SkipReason::Store);
        let is_own = is_store || (self.pending.path.is_root() && is_ours);
        if !is_own {
            self.notes.skipped.push((self.path(name), reason));
        }
        true
    }

    /// Whether a tree cannot have it where it stands; a folder counts with what may be in it.
    fn is_too_deep(&self, name: Name<'_>, is_folder: bool) -> bool {
        let folder = self.pending.path.as_bytes();
        let bytes = folder.len() + 1 + name.bytes.len() + 2 * usize::from(is_folder);
        let is_deep =
            || self.pending.path.parts().count() + 1 + usize::from(is_folder) > TREE_DEPTH_MAX;
        bytes > TREE_PATH_BYTES_MAX || folder.len() >= TREE_DEPTH_MAX && is_deep()
    }

    fn ruled(
        &self,
        name: Name<'_>,
        is_folder: bool,
        known: Option<&Remembered<'_>>,
    ) -> Result<Ruled, Fault> {
        if self.pending.is_ignored {
            return Ok(Ruled::Ignored);
        }
        match known {
            Some(known) if self.is_ruled && known.ruled != Ruled::Unknown => Ok(known.ruled),
            _ => Ok(self.walk.rules.decide(&self.scope, &self.path(name), is_folder)?),
        }
    }

    /// What the base has under a name.
    fn base(
        &mut self,
        name: &[u8],
        known: Option<&Remembered<'_>>,
    ) -> Result<Option<(EntryKind, Hash)>, Fault> {
        if !self.is_recorded {
            return Ok(self.base.get(name)?);
        }
        Ok(match known.map(|known| known.what) {
            Some(What::Leaf { kind, hash, .. }) => Some((kind, hash)),
            Some(What::Folder { hash, .. }) => Some((EntryKind::Directory, hash)),
            _ => None,
        })
    }

    fn folder(
        &mut self,
        name: Name<'_>,
        ruled: Ruled,
        known: Option<Remembered<'_>>,
    ) -> Result<(), Fault> {
        let path = self.path(name);
        let base = self.base(name.bytes, known.as_ref())?;
        let base = base.filter(|(kind, _)| *kind == EntryKind::Directory).map(|(_, hash)| hash);
        let is_ignored = ruled != Ruled::Included;
        if is_ignored && base.is_none() && !self.tracks_within(&path) {
            if !matches!(known.map(|known| known.what), Some(What::Left { .. })) {
                self.is_same = false;
            }
            self.notes.ignored.push(path);
            self.names.push(Found { name: name.at, ruled, state: State::Left { is_folder: true } });
            return Ok(());
        }
        if !matches!(known.map(|known| known.what), Some(What::Folder { .. })) {
            self.is_same = false;
        }
        self.names.push(Found { name: name.at, ruled, state: State::Folder(self.below.len()) });
        self.below.push(Pending {
            path,
            scope: Arc::clone(&self.scope),
            is_ignored,
            base: base.map(Into::into),
            device: self.device,
        });
        Ok(())
    }

    fn tracks_within(&self, path: &TreePath) -> bool {
        // No name has a byte below 1, so this is where the paths in the folder begin.
        let first = path.join(&[1]);
        let mut within = self.walk.rules.tracked.range(first..);
        within.next().is_some_and(|at| at.is_within(path))
    }

    fn leaf(
        &mut self,
        name: Name<'_>,
        ruled: Ruled,
        known: Option<Remembered<'_>>,
        stamp: Option<Stamp>,
    ) -> Result<(), Fault> {
        if ruled != Ruled::Included && !self.is_kept(name, known.as_ref())? {
            if !matches!(known.map(|known| known.what), Some(What::Left { .. })) {
                self.is_same = false;
            }
            match ruled {
                Ruled::Secret => self.notes.secrets.push(self.path(name)),
                _ => self.notes.ignored.push(self.path(name)),
            }
            self.names.push(Found {
                name: name.at,
                ruled,
                state: State::Left { is_folder: false },
            });
            return Ok(());
        }
        let Some(now) = stamp.map_or_else(|| self.stamp(name.bytes), |now| Ok(Some(now)))? else {
            self.is_same = false;
            return Ok(());
        };
        if now.size > SPARSE_BYTES_MIN && self.is_too_large(name.bytes, now.size)? {
            self.is_same &= known.is_none();
            self.notes.skipped.push((self.path(name), SkipReason::TooLarge));
            return Ok(());
        }
        let state = match self.hit(name.bytes, now, known.as_ref())? {
            Some((kind, hash)) => State::Known { kind, stamp: now, hash },
            None => {
                self.is_same = false;
                State::Unread(now)
            }
        };
        self.names.push(Found { name: name.at, ruled, state });
        Ok(())
    }

    /// Whether reading a file of that many bytes would take too long for what it holds.
    fn is_too_large(&self, name: &[u8], bytes: u64) -> Result<bool, Fault> {
        let found = rustix::fs::statat(self.handle, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW);
        match handle::absent_is_none(found.map_err(io::Error::from)).map_err(Fault::System)? {
            Some(found) => Ok(is_too_large(bytes, found.st_blocks as u64)),
            None => Ok(false),
        }
    }

    /// Whether a file is captured although the rules leave it out: git tracks it, or the base has
    /// it as a file or link.
    fn is_kept(&mut self, name: Name<'_>, known: Option<&Remembered<'_>>) -> Result<bool, Fault> {
        if self.walk.rules.tracked.contains(&self.path(name)) {
            return Ok(true);
        }
        let base = self.base(name.bytes, known)?;
        Ok(base.is_some_and(|(kind, _)| kind != EntryKind::Directory))
    }

    /// The content of a file that need not be read.
    fn hit(
        &mut self,
        name: &[u8],
        now: Stamp,
        known: Option<&Remembered<'_>>,
    ) -> Result<Option<(EntryKind, Hash)>, Fault> {
        let Some(What::Leaf { kind, stamp, hash }) = known.map(|known| known.what) else {
            return Ok(None);
        };
        if now != stamp || !now.is_settled(self.walk.cache.settled()) {
            return Ok(None);
        }
        let in_base = self.is_recorded
            || self
                .base(name, known)?
                .is_some_and(|(kind, found)| kind != EntryKind::Directory && found == hash);
        let is_stored = || self.walk.objects.contains(BlobId(hash).object());
        if in_base || is_stored().map_err(WorkspaceError::from)? {
            return Ok(Some((kind, hash)));
        }
        Ok(None)
    }

    pub(super) fn finish(self, record: Option<Record>) -> (Folder, Vec<Pending>) {
        let folder = Folder {
            path: self.pending.path.clone(),
            base: self.pending.base,
            is_ignored: self.pending.is_ignored,
            record,
            rules: self.scope.digest,
            is_same: self.is_same,
            bytes: Vec::new(),
            names: self.names,
            is_absent: false,
            notes: self.notes,
        };
        (folder, self.below)
    }
}
