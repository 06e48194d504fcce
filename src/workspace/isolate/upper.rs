//! Writing an upper layer so that a folder that holds one tree shows another.
//!
//! Costs the difference of the two trees. Everything written gets the present time: a build folder
//! underneath must see that it changed. Folders take mode (and as root owner) of the folder that
//! they cover, because an upper folder's own are what a view shows.
//!
//! **Invariant**: the upper is not mounted meanwhile; what is put in from outside would not be
//! seen, and break the next copy.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, XattrFlags, mknodat, setxattr};

use super::error::IsolateError;
use crate::base::disk::Disk;
use crate::base::id::TreeId;
use crate::base::path::TreePath;
use crate::object::traits::{Fetch, ObjectError};
use crate::object::tree::{self, EntryKind, TreeEntry, Walked};

/// What an upper is to do.
#[derive(Clone, Copy, Debug)]
pub struct UpperPlan<'a> {
    /// The upper: an empty folder.
    pub upper: &'a Path,
    /// The folder underneath, for modes; only read.
    pub lower: &'a Path,
    /// The tree that it holds, apart from what is ignored in it.
    pub shown: TreeId,
    /// The tree that the view shall show.
    pub wanted: TreeId,
    /// What is ignored in the folder underneath and must not show through.
    pub hide: &'a [TreePath],
    /// Whether it will be mounted by a user who is not root (`userxattr`).
    pub unprivileged: bool,
}

/// Fills the upper.
///
/// # Errors
/// The disk's and the store's. The upper is then to be cleared: it holds a part.
pub fn prepare_upper(
    disk: &dyn Disk,
    objects: &(impl Fetch + ?Sized),
    plan: &UpperPlan<'_>,
) -> Result<(), IsolateError> {
    let mut writer = Writer { disk, objects, plan, folders: BTreeMap::new(), gone: None };
    writer.adopt_folder(&TreePath::root())?;
    let mut covered = BTreeSet::new();
    for change in tree::diff(objects, plan.shown, plan.wanted)? {
        if is_below(&change.path, &covered) {
            continue;
        }
        match &change.after {
            Some(entry) if entry.tree().is_some() => writer.folder(&change.path)?,
            Some(entry) => writer.leaf(&change.path, entry)?,
            None => writer.whiteout(&change.path)?,
        }
        let was_folder = change.before.as_ref().is_some_and(|entry| entry.tree().is_some());
        let is_folder = change.after.as_ref().is_some_and(|entry| entry.tree().is_some());
        if was_folder && !is_folder {
            covered.insert(change.path);
        }
    }
    for path in plan.hide {
        writer.hide(path)?;
    }
    writer.finish()
}

fn is_below(path: &TreePath, folders: &BTreeSet<TreePath>) -> bool {
    let mut at = path.clone();
    while let Some((folder, _)) = at.split() {
        if folders.contains(&folder) {
            return true;
        }
        at = folder;
    }
    false
}

struct Writer<'a, F: ?Sized> {
    disk: &'a dyn Disk,
    objects: &'a F,
    plan: &'a UpperPlan<'a>,
    /// Folders that were made, with what stands underneath: their modes are set last, because a
    /// folder may forbid what we put into it.
    folders: BTreeMap<TreePath, Option<Metadata>>,
    /// The first mark of a path that is gone. The others are links to it, as the kernel makes its
    /// own: they are cheaper to make and to remove than nodes of their own.
    gone: Option<PathBuf>,
}

impl<F: Fetch + ?Sized> Writer<'_, F> {
    fn upper(&self, path: &TreePath) -> PathBuf {
        path.under(self.plan.upper)
    }

    /// What stands at a path in the folder underneath.
    fn below(&self, path: &TreePath) -> Result<Option<Metadata>, IsolateError> {
        let place = path.under(self.plan.lower);
        match fs::symlink_metadata(&place) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
                _ => Err(IsolateError::disk("read", &place)(error)),
            },
        }
    }

    fn is_written(&self, path: &TreePath) -> bool {
        fs::symlink_metadata(self.upper(path)).is_ok()
    }

    fn adopt_folder(&mut self, path: &TreePath) -> Result<(), IsolateError> {
        let below = self.below(path)?.filter(Metadata::is_dir);
        self.folders.insert(path.clone(), below);
        Ok(())
    }

    /// Makes a folder and those above it.
    fn folder(&mut self, path: &TreePath) -> Result<(), IsolateError> {
        if self.folders.contains_key(path) {
            return Ok(());
        }
        self.parent(path)?;
        let place = self.upper(path);
        self.disk.create_dir(&place, 0o777).map_err(IsolateError::disk("create", &place))?;
        self.adopt_folder(path)
    }

    fn parent(&mut self, path: &TreePath) -> Result<(), IsolateError> {
        match path.split() {
            Some((parent, _)) => self.folder(&parent),
            None => Ok(()),
        }
    }

    /// Writes a file or a link.
    fn leaf(&mut self, path: &TreePath, entry: &TreeEntry) -> Result<(), IsolateError> {
        self.parent(path)?;
        let place = self.upper(path);
        let Some(blob) = entry.blob() else { return Ok(()) };
        if entry.kind == EntryKind::Symlink {
            let mut target = Vec::new();
            self.objects.fetch_blob_to(blob, &mut target)?;
            let target = Path::new(std::ffi::OsStr::from_bytes(&target));
            return self.disk.symlink(target, &place).map_err(IsolateError::disk("link", &place));
        }
        let is_executable = entry.kind == EntryKind::Executable;
        let mode = if is_executable { 0o777 } else { 0o666 };
        let mut file =
            self.disk.create(&place, mode).map_err(IsolateError::disk("create", &place))?;
        self.objects.fetch_blob_to(blob, &mut file)?;
        drop(file);
        if let Some(below) = self.below(path)?.filter(Metadata::is_file) {
            let mode = with_execution(below.mode() & 0o777, is_executable);
            self.disk.set_mode(&place, mode).map_err(IsolateError::disk("set mode", &place))?;
            give_to_owner(&place, &below)?;
        }
        Ok(())
    }

    /// Makes a path absent.
    fn whiteout(&mut self, path: &TreePath) -> Result<(), IsolateError> {
        self.parent(path)?;
        let place = self.upper(path);
        // A file system bounds the links to one node: then another one is made.
        if self.gone.as_ref().is_some_and(|first| fs::hard_link(first, &place).is_ok()) {
            return Ok(());
        }
        mknodat(CWD, &place, FileType::CharacterDevice, Mode::empty(), 0)
            .map_err(|error| IsolateError::disk("mark as gone", &place)(error.into()))?;
        self.gone = Some(place);
        Ok(())
    }

    /// Keeps something ignored from showing through.
    fn hide(&mut self, path: &TreePath) -> Result<(), IsolateError> {
        if path.is_root() || self.below(path)?.is_none() || !self.shows_parent(path)? {
            return Ok(());
        }
        match tree::lookup(self.objects, self.plan.wanted, path)? {
            None if self.is_written(path) => Ok(()),
            None => self.whiteout(path),
            Some(entry) => match entry.tree() {
                Some(tree) => self.opaque(path, tree),
                None if self.is_written(path) => Ok(()),
                None => self.leaf(path, &entry),
            },
        }
    }

    /// Whether the folder that holds a path is a folder in the wanted tree. If it is none, nothing
    /// below shows anyway.
    fn shows_parent(&self, path: &TreePath) -> Result<bool, IsolateError> {
        let Some((parent, _)) = path.split() else { return Ok(false) };
        if parent.is_root() {
            return Ok(true);
        }
        let entry = tree::lookup(self.objects, self.plan.wanted, &parent)?;
        Ok(entry.is_some_and(|entry| entry.tree().is_some()))
    }

    /// Makes a folder that shows nothing of the one underneath, with all of its tree in it.
    fn opaque(&mut self, path: &TreePath, tree: TreeId) -> Result<(), IsolateError> {
        self.folder(path)?;
        let place = self.upper(path);
        let name = if self.plan.unprivileged { OPAQUE_USER } else { OPAQUE_TRUSTED };
        setxattr(&place, name, b"y", XattrFlags::empty())
            .map_err(|error| IsolateError::disk("mark as opaque", &place)(error.into()))?;
        let mut missing = Vec::new();
        tree::walk::<ObjectError>(self.objects, tree, &mut |Walked { path: inner, entry }| {
            let path = inner.parts().fold(path.clone(), |at, part| at.join(part));
            missing.push((path, entry));
            Ok(())
        })?;
        for (path, entry) in missing {
            if entry.tree().is_some() {
                self.folder(&path)?;
            } else if !self.is_written(&path) {
                self.leaf(&path, &entry)?;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<(), IsolateError> {
        // Deepest first: a folder that forbids entry is closed after what it holds.
        for (path, below) in self.folders.iter().rev() {
            if let Some(below) = below {
                let (place, mode) = (self.upper(path), below.permissions().mode() & 0o7777);
                self.disk.set_mode(&place, mode).map_err(IsolateError::disk("set mode", &place))?;
                give_to_owner(&place, below)?;
            }
        }
        Ok(())
    }
}

/// The attribute by which a layer of root hides the folder underneath.
pub(super) const OPAQUE_TRUSTED: &str = "trusted.overlay.opaque";
/// The same for the layer of another user.
pub(super) const OPAQUE_USER: &str = "user.overlay.opaque";

/// Adds execution for all who may read, or takes it from all.
fn with_execution(mode: u32, is_executable: bool) -> u32 {
    if is_executable { mode | ((mode & 0o444) >> 2) } else { mode & !0o111 }
}

/// As root, leaves a file to the owner of the one that it covers. Others can only own their own.
fn give_to_owner(place: &Path, below: &Metadata) -> Result<(), IsolateError> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    std::os::unix::fs::lchown(place, Some(below.uid()), Some(below.gid()))
        .map_err(IsolateError::disk("set the owner of", place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn execution_follows_reading() {
        assert_eq!(with_execution(0o640, true), 0o750);
        assert_eq!(with_execution(0o755, false), 0o644);
        assert_eq!(with_execution(0o600, false), 0o600);
    }
}
