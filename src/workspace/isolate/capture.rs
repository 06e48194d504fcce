//! What a view changed, read from its upper layer alone.
//!
//! Costs what the layer holds, not what the view shows. The layer is read over the tree of the
//! folder underneath, not over what the view showed at first: removing what was only in the layer
//! leaves no mark in it.
//!
//! **Invariant**: the tree is the one that a full
//! listing of the view would give, when `keep_out` gives the same answers; the view must have
//! ended. Knows no ignore rules: the caller's decide.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use rustix::fs::lgetxattr;

use super::super::stamp::is_too_large;
use super::error::IsolateError;
use super::note::Note;
use super::upper::{OPAQUE_TRUSTED, OPAQUE_USER};
use crate::base::id::TreeId;
use crate::base::limits::{TREE_DEPTH_MAX, TREE_PATH_BYTES_MAX};
use crate::base::path::TreePath;
use crate::base::regular;
use crate::object::sequence::{self, Root};
use crate::object::traits::{ObjectError, Put, put_blob};
use crate::object::tree::{self, EntryKind, TreeEntry};

/// What a view left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpperCapture {
    /// The tree that the view showed at its end.
    pub tree: TreeId,
    /// The paths that differ from the base, in order.
    pub changed: Vec<TreePath>,
    /// What changed and is not in the tree; of a folder only its own path.
    pub left_out: Vec<LeftOut>,
}

/// Something that is not in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Where.
    pub path: TreePath,
    /// Why.
    pub reason: LeftOutReason,
}

/// Why something is not in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOutReason {
    /// The caller's rules keep it out.
    Rules,
    /// It is a socket, a pipe or a device.
    Special,
    /// It stands for far more bytes than it has on the disk, or for more than a capture reads.
    TooLarge,
    /// It is nested more deeply than a tree may be, or its path is longer than a system can open.
    TooDeep,
    /// It may not be read: the tree is not all that the view showed.
    Unreadable,
}

/// Captures an upper. The note says which tree the folder underneath holds and which the view
/// showed when it was mounted; `keep_out` says of a path, and whether it is a folder, that the
/// rules keep it out (a tracked path must get false). What the base has at a path that is kept out stays as it was, unless a folder took the place of
/// a file there or the other way round.
///
/// # Errors
/// The disk's and the store's.
pub fn capture_upper(
    objects: &(impl Put + ?Sized),
    upper: &Path,
    note: Note,
    keep_out: &dyn Fn(&TreePath, bool) -> bool,
) -> Result<UpperCapture, IsolateError> {
    let mut walk = Walk { objects, keep_out, left_out: Vec::new() };
    let sides = Sides { shown: Some(note.shown), base: Some(note.base) };
    let root = walk.folder(upper, &TreePath::root(), sides, 0)?;
    let tree = root.map_or(note.shown, |root| TreeId(root.hash));
    let changes = tree::diff(objects, note.base, tree)?;
    let changed = changes.into_iter().map(|change| change.path).collect();
    let mut left_out = walk.left_out;
    left_out.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(UpperCapture { tree, changed, left_out })
}

struct Walk<'a, P: ?Sized> {
    objects: &'a P,
    keep_out: &'a dyn Fn(&TreePath, bool) -> bool,
    left_out: Vec<LeftOut>,
}

/// The two trees at one folder.
#[derive(Clone, Copy)]
struct Sides {
    /// In the folder underneath; none where it has none, or where it is hidden.
    shown: Option<TreeId>,
    /// In the view when it was mounted.
    base: Option<TreeId>,
}

/// What the two trees have at one name.
struct Old {
    shown: Option<TreeEntry>,
    base: Option<TreeEntry>,
}

/// What an entry of the upper means for the tree.
enum Found {
    /// As underneath.
    Same,
    /// This, or nothing.
    Now(Option<TreeEntry>),
}

impl<P: Put + ?Sized> Walk<'_, P> {
    /// Captures one folder; none when it is as underneath.
    fn folder(
        &mut self,
        folder: &Path,
        at: &TreePath,
        sides: Sides,
        depth: usize,
    ) -> Result<Option<Root>, IsolateError> {
        let mut edits = BTreeMap::new();
        for item in fs::read_dir(folder).map_err(IsolateError::disk("list", folder))? {
            let item = item.map_err(IsolateError::disk("list", folder))?;
            let name = item.file_name().as_bytes().to_vec();
            let old = |tree: Option<TreeId>| match tree {
                Some(tree) => tree::entry(self.objects, tree, &name),
                None => Ok(None),
            };
            let old = Old { shown: old(sides.shown)?, base: old(sides.base)? };
            let place = item.path();
            let path = at.join(&name);
            let metadata = match item.metadata() {
                Ok(metadata) => metadata,
                // The folder may be listed and not entered.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    self.leave_out(&path, LeftOutReason::Unreadable);
                    if let Found::Now(entry) = as_in_base(&old) {
                        edits.insert(name, entry);
                    }
                    continue;
                }
                Err(error) => return Err(IsolateError::disk("read", &place)(error)),
            };
            if let Found::Now(entry) = self.entry(&place, &path, &metadata, &old, depth)? {
                edits.insert(name, entry);
            }
        }
        match sides.shown {
            Some(_) if edits.is_empty() => Ok(None),
            Some(shown) => Ok(Some(sequence::edit(self.objects, shown.0, edits)?)),
            None => Ok(Some(tree::build(self.objects, edits.into_values().flatten().collect())?)),
        }
    }

    fn entry(
        &mut self,
        place: &Path,
        path: &TreePath,
        metadata: &Metadata,
        old: &Old,
        depth: usize,
    ) -> Result<Found, IsolateError> {
        let gone = if old.shown.is_some() { Found::Now(None) } else { Found::Same };
        if is_whiteout(metadata) {
            return Ok(gone);
        }
        let is_folder = metadata.is_dir();
        if (self.keep_out)(path, is_folder) {
            self.leave_out(path, LeftOutReason::Rules);
            let stays = old.base.clone().filter(|base| base.tree().is_some() == is_folder);
            return Ok(if stays == old.shown { Found::Same } else { Found::Now(stays) });
        }
        if is_too_deep(path, is_folder, depth) {
            self.leave_out(path, LeftOutReason::TooDeep);
            return Ok(as_in_base(old));
        }
        if metadata.is_file() && is_too_large(metadata.len(), metadata.blocks()) {
            self.leave_out(path, LeftOutReason::TooLarge);
            return Ok(as_in_base(old));
        }
        let captured = if is_folder {
            self.inner_folder(place, path, old, depth)
        } else if metadata.is_file() || metadata.is_symlink() {
            self.leaf(place, path, metadata)
        } else {
            self.leave_out(path, LeftOutReason::Special);
            return Ok(gone);
        };
        match captured {
            Ok(Found::Now(Some(new)))
                if old.shown.as_ref().is_some_and(|old| old.same_content(&new)) =>
            {
                Ok(Found::Same)
            }
            Err(IsolateError::Disk { source, path: failed, .. })
                if source.kind() == io::ErrorKind::PermissionDenied && failed == place =>
            {
                // What may not be read is not gone: the tree keeps what was there.
                self.leave_out(path, LeftOutReason::Unreadable);
                Ok(as_in_base(old))
            }
            other => other,
        }
    }

    fn inner_folder(
        &mut self,
        place: &Path,
        path: &TreePath,
        old: &Old,
        depth: usize,
    ) -> Result<Found, IsolateError> {
        let tree = |entry: &Option<TreeEntry>| entry.as_ref().and_then(TreeEntry::tree);
        let shown = if is_opaque(place)? { None } else { tree(&old.shown) };
        let sides = Sides { shown, base: tree(&old.base) };
        let Some((_, name)) = path.split() else { return Ok(Found::Same) };
        let root = self.folder(place, path, sides, depth + 1)?;
        Ok(root.map_or(Found::Same, |root| Found::Now(Some(TreeEntry::directory(name, &root)))))
    }

    fn leaf(
        &self,
        place: &Path,
        path: &TreePath,
        metadata: &Metadata,
    ) -> Result<Found, IsolateError> {
        let Some((_, name)) = path.split() else { return Ok(Found::Same) };
        let read = |error| IsolateError::disk("read", place)(error);
        let (kind, blob, length) = if metadata.is_symlink() {
            let target = fs::read_link(place).map_err(read)?.into_os_string().into_encoded_bytes();
            let length = target.len() as u64;
            (EntryKind::Symlink, put_blob(self.objects, target)?, length)
        } else {
            let mut file = regular::open(place).map_err(read)?;
            let kind = match metadata.mode() & 0o100 {
                0 => EntryKind::File,
                _ => EntryKind::Executable,
            };
            let (blob, length) =
                self.objects.put_blob_from(&mut file).map_err(|error| match error {
                    ObjectError::Content(source) => read(source),
                    other => other.into(),
                })?;
            (kind, blob, length)
        };
        let name = name.into();
        Ok(Found::Now(Some(TreeEntry { name, kind, hash: blob.0, length })))
    }

    fn leave_out(&mut self, path: &TreePath, reason: LeftOutReason) {
        self.left_out.push(LeftOut { path: path.clone(), reason });
    }
}

/// A name stays as it was in the view at first.
fn as_in_base(old: &Old) -> Found {
    if old.base == old.shown { Found::Same } else { Found::Now(old.base.clone()) }
}

/// Whether a tree cannot have it; a folder counts with what may be in it. The folder that holds it is
/// so deep.
fn is_too_deep(path: &TreePath, is_folder: bool, depth: usize) -> bool {
    let room = usize::from(is_folder);
    depth + 1 + room > TREE_DEPTH_MAX || path.as_bytes().len() + 2 * room > TREE_PATH_BYTES_MAX
}

/// A character device with the number 0:0 says that nothing is there.
pub(super) fn is_whiteout(metadata: &Metadata) -> bool {
    metadata.file_type().is_char_device() && metadata.rdev() == 0
}

/// Whether a folder hides the one underneath.
pub(super) fn is_opaque(folder: &Path) -> Result<bool, IsolateError> {
    // The mark that the kernel made: a command may set the other one, which means nothing then.
    let mark = if rustix::process::geteuid().is_root() { OPAQUE_TRUSTED } else { OPAQUE_USER };
    let mut value = [0_u8; 4];
    match lgetxattr(folder, mark, &mut value[..]) {
        Ok(1) if value[0] == b'y' => Ok(true),
        // Other values mean other things; a longer one is none that the kernel writes.
        Ok(_) | Err(rustix::io::Errno::NODATA | rustix::io::Errno::RANGE) => Ok(false),
        // A file system without such attributes has no such mark.
        Err(rustix::io::Errno::OPNOTSUPP) => Ok(false),
        Err(error) => Err(IsolateError::disk("read", folder)(error.into())),
    }
}
