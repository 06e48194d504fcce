//! One folder of the walk: its names against the rules, the stat cache and the base.

use std::io;
use std::iter::Peekable;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use rustix::fs::{Dir, FileType};

use super::error::WorkspaceError;
use super::handle::{self, Listed};
use super::record::{Names, Record, Remembered, Ruled, What};
use super::rules::{Matcher, Scope};
use super::scan::{BaseNames, Folder, Found, Notes, Pending, SkipReason, State, Walk};
use super::stamp::Stamp;
use super::temporary;
use crate::base::codec;
use crate::base::id::{BlobId, Hash};
use crate::base::limits::RULES_BYTES_MAX;
use crate::base::path::TreePath;
use crate::object::traits::Fetch;
use crate::object::tree::EntryKind;

const GIT_RULES: &[u8] = b".gitignore";
const EXP_RULES: &[u8] = b".expignore";

/// Lists one folder; returns it and the folders in it. `State::Folder` counts from zero.
pub(super) fn scan_folder<O: Fetch + ?Sized>(
    walk: &Walk<'_, O>,
    pending: Pending,
) -> Result<(Folder, Vec<Pending>), WorkspaceError> {
    let place = walk.rules.root.place(&pending.path);
    let opened = walk.rules.root.folder(&pending.path).and_then(handle::list);
    let (dir, listed) = match opened {
        Ok(opened) => opened,
        Err(error) => return absent(pending, error, &place),
    };
    let handle = dir_handle(&dir).map_err(WorkspaceError::disk("list", &place))?;
    let record = walk.cache.folder(&pending.path).cloned();
    let device = rustix::fs::fstat(handle).map(|stat| Stamp::from(&stat).device);
    let device = device.map_err(|e| WorkspaceError::disk("look at", &place)(e.into()))?;
    let scope = scope_of(walk, &pending, handle, &listed, record.as_ref())?;
    let is_recorded = record.as_ref().and_then(Record::tree).is_some_and(|tree| {
        // Then the cache says what the base has, and the store has it: nothing is fetched.
        Some(tree) == pending.base
    });
    let mut look = Look {
        walk,
        is_ruled: record.as_ref().and_then(Record::rules) == Some(scope.digest),
        scope,
        handle,
        device,
        is_recorded,
        base: BaseNames::new(walk.objects, pending.base),
        is_same: true,
        names: Vec::with_capacity(listed.len()),
        below: Vec::new(),
        notes: Notes::default(),
        pending: &pending,
    };
    if device != pending.device {
        look.notes.mounts.push(pending.path.clone());
    }
    look.all(listed, record.as_ref()).map_err(|fault| fault.named(&place))?;
    Ok(look.finish(record.clone()))
}

fn dir_handle(dir: &Dir) -> io::Result<BorrowedFd<'_>> {
    Ok(dir.fd()?)
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
    }
    let folder = Folder {
        path: pending.path,
        base: pending.base,
        is_ignored: pending.is_ignored,
        record: None,
        rules: Hash([0; 32]),
        is_same: false,
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
    listed: &[Listed],
    record: Option<&Record>,
) -> Result<Arc<Scope>, WorkspaceError> {
    let matcher = |name: &[u8]| -> Result<Option<Matcher>, WorkspaceError> {
        let Ok(at) = listed.binary_search_by(|l| l.name.as_slice().cmp(name)) else {
            return Ok(None);
        };
        if !matches!(listed[at].kind, FileType::RegularFile | FileType::Unknown) {
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

/// The work on one folder.
struct Look<'a, O: ?Sized> {
    walk: &'a Walk<'a, O>,
    pending: &'a Pending,
    scope: Arc<Scope>,
    handle: BorrowedFd<'a>,
    device: u64,
    /// Whether the record's answers of the rules hold.
    is_ruled: bool,
    /// Whether the record is what the base has.
    is_recorded: bool,
    base: BaseNames<'a, O>,
    is_same: bool,
    names: Vec<Found>,
    below: Vec<Pending>,
    notes: Notes,
}

/// What stopped the work; the path of a system's error is added by the caller.
enum Fault {
    System(io::Error),
    Other(WorkspaceError),
}

impl Fault {
    fn named(self, place: &std::path::Path) -> WorkspaceError {
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
    fn all(&mut self, listed: Vec<Listed>, record: Option<&Record>) -> Result<(), Fault> {
        self.is_same = record.is_some() && (self.is_ruled || self.pending.is_ignored);
        let mut remembered = record.map(|record| record.names().peekable());
        for name in listed {
            let known = remembered.as_mut().and_then(|names| self.advance(names, &name.name));
            self.one(name, known)?;
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

    fn one(&mut self, listed: Listed, known: Option<Remembered<'_>>) -> Result<(), Fault> {
        let Listed { name, mut kind } = listed;
        let mut stamp = None;
        if kind == FileType::Unknown {
            let Some(now) = self.stamp(&name)? else { return Ok(()) };
            kind = now.file_type();
            stamp = Some(now);
        }
        let is_folder = kind == FileType::Directory;
        let path = self.pending.path.join(&name);
        if self.is_never(&path, &name, is_folder) {
            return Ok(());
        }
        if !matches!(kind, FileType::Directory | FileType::RegularFile | FileType::Symlink) {
            self.notes.skipped.push((path, SkipReason::Special));
            return Ok(());
        }
        let known = known.filter(|known| known.is_folder() == is_folder);
        let ruled = self.ruled(&path, is_folder, known.as_ref())?;
        if known.is_none_or(|known| known.ruled != ruled) {
            self.is_same = false;
        }
        if is_folder {
            self.folder(path, name, ruled, known)
        } else {
            self.leaf(path, name, ruled, known, stamp)
        }
    }

    fn stamp(&self, name: &[u8]) -> Result<Option<Stamp>, Fault> {
        handle::absent_is_none(handle::stamp_at(self.handle, name)).map_err(Fault::System)
    }

    /// What is never captured, whatever rules and git say.
    fn is_never(&mut self, path: &TreePath, name: &[u8], is_folder: bool) -> bool {
        let is_store = self.walk.rules.store.as_ref() == Some(path);
        let reason = match name {
            b".git" => SkipReason::Repository,
            b".exp" if is_folder => SkipReason::Store,
            _ if is_store => SkipReason::Store,
            name if temporary::is_name(name) => SkipReason::Leftover,
            _ => return false,
        };
        // Our own store, and git's own folder, are no news.
        let is_own = is_store || (self.pending.path.is_root() && reason != SkipReason::Leftover);
        if !is_own {
            self.notes.skipped.push((path.clone(), reason));
        }
        true
    }

    fn ruled(
        &self,
        path: &TreePath,
        is_folder: bool,
        known: Option<&Remembered<'_>>,
    ) -> Result<Ruled, Fault> {
        if self.pending.is_ignored {
            return Ok(Ruled::Ignored);
        }
        match known {
            Some(known) if self.is_ruled && known.ruled != Ruled::Unknown => Ok(known.ruled),
            _ => Ok(self.walk.rules.decide(&self.scope, path, is_folder)?),
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
        path: TreePath,
        name: Vec<u8>,
        ruled: Ruled,
        known: Option<Remembered<'_>>,
    ) -> Result<(), Fault> {
        let base = self.base(&name, known.as_ref())?;
        let base = base.filter(|(kind, _)| *kind == EntryKind::Directory).map(|(_, hash)| hash);
        let is_ignored = ruled != Ruled::Included;
        if is_ignored && base.is_none() && !self.tracks_within(&path) {
            if !matches!(known.map(|known| known.what), Some(What::Left { .. })) {
                self.is_same = false;
            }
            self.notes.ignored.push(path);
            self.names.push(Found { name, ruled, state: State::Left { is_folder: true } });
            return Ok(());
        }
        if !matches!(known.map(|known| known.what), Some(What::Folder { .. })) {
            self.is_same = false;
        }
        self.names.push(Found { name, ruled, state: State::Folder(self.below.len()) });
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
        path: TreePath,
        name: Vec<u8>,
        ruled: Ruled,
        known: Option<Remembered<'_>>,
        stamp: Option<Stamp>,
    ) -> Result<(), Fault> {
        if ruled != Ruled::Included && !self.is_kept(&path, &name, known.as_ref())? {
            if !matches!(known.map(|known| known.what), Some(What::Left { .. })) {
                self.is_same = false;
            }
            match ruled {
                Ruled::Secret => self.notes.secrets.push(path),
                _ => self.notes.ignored.push(path),
            }
            self.names.push(Found { name, ruled, state: State::Left { is_folder: false } });
            return Ok(());
        }
        let Some(now) = stamp.map_or_else(|| self.stamp(&name), |now| Ok(Some(now)))? else {
            self.is_same = false;
            return Ok(());
        };
        let state = match self.hit(&name, now, known.as_ref())? {
            Some((kind, hash)) => State::Known { kind, stamp: now, hash },
            None => {
                self.is_same = false;
                State::Unread(now)
            }
        };
        self.names.push(Found { name, ruled, state });
        Ok(())
    }

    /// Whether a file is captured although the rules leave it out: git tracks it, or the base has
    /// it as a file or link.
    fn is_kept(
        &mut self,
        path: &TreePath,
        name: &[u8],
        known: Option<&Remembered<'_>>,
    ) -> Result<bool, Fault> {
        if self.walk.rules.tracked.contains(path) {
            return Ok(true);
        }
        let base = self.base(name, known)?;
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

    fn finish(self, record: Option<Record>) -> (Folder, Vec<Pending>) {
        let mut names = self.names;
        if self.is_same {
            names.retain(|name| matches!(name.state, State::Folder(_)));
        }
        let folder = Folder {
            path: self.pending.path.clone(),
            base: self.pending.base,
            is_ignored: self.pending.is_ignored,
            record,
            rules: self.scope.digest,
            is_same: self.is_same,
            names,
            is_absent: false,
            notes: self.notes,
        };
        (folder, self.below)
    }
}
