//! The changes of a restore, one after the other.
//!
//! Order: what becomes a folder goes; folders come; contents are written beside; they become
//! durable; what goes, goes, deepest first; contents get their names; the names become durable.
//! Nothing is ever reached through a link: each change is made in a folder that was opened through
//! real folders just before.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use rayon::prelude::*;

use super::error::RestoreError;
use super::handle::Root;
use super::nearby::{self, Nearby};
use super::restore::{Durability, OnOther, RestoreReport};
use super::stamp::Stamp;
use super::temporary;
use crate::base::disk::{Disk, OpenFolder};
use crate::base::limits::SYNC_EACH_FILES_MAX;
use crate::base::path::TreePath;
use crate::object::traits::Fetch;
use crate::object::tree::{EntryKind, TreeChange, TreeEntry};

const NEW_FILE_MODE: u32 = 0o666;
const NEW_FOLDER_MODE: u32 = 0o777;
const PERMISSIONS: u32 = 0o777;

/// One change that is to be made.
pub(super) struct Step<'a> {
    pub(super) change: &'a TreeChange,
    /// What stood there when it was looked at.
    pub(super) stamp: Option<Stamp>,
    /// Whether another step has the same file under another name (a hard link).
    pub(super) is_linked: bool,
}

fn is_folder(entry: Option<&TreeEntry>) -> bool {
    entry.is_some_and(|entry| entry.tree().is_some())
}

impl Step<'_> {
    fn stands_folder(&self) -> bool {
        self.stamp.is_some_and(|stamp| stamp.is_folder())
    }

    pub(super) fn makes_folder(&self) -> bool {
        is_folder(self.change.after.as_ref())
    }

    /// A file or link comes where a folder stands.
    pub(super) fn replaces_folder(&self) -> bool {
        self.stands_folder() && self.leaf().is_some()
    }

    /// A folder comes where a file or link stands.
    fn replaces_leaf(&self) -> bool {
        self.makes_folder() && self.stamp.is_some() && !self.stands_folder()
    }

    /// The file or link that comes.
    pub(super) fn leaf(&self) -> Option<&TreeEntry> {
        self.change.after.as_ref().filter(|entry| entry.tree().is_none())
    }

    /// Only the executable bit differs: the content, and so its time, stays.
    fn is_mode_only(&self) -> bool {
        let files = [EntryKind::File, EntryKind::Executable];
        match (&self.change.before, &self.change.after) {
            (Some(before), Some(after)) => {
                before.hash == after.hash
                    && files.contains(&before.kind)
                    && files.contains(&after.kind)
            }
            _ => false,
        }
    }

    /// The permission bits that the new file gets, and whether they must be set: those of the
    /// file that it replaces, with the executable bits as the tree says.
    pub(super) fn mode(&self, kind: EntryKind) -> (u32, bool) {
        let old = self
            .stamp
            .filter(|old| matches!(old.leaf_kind(), Some(EntryKind::File | EntryKind::Executable)));
        let (mode, is_kept) =
            old.map_or((NEW_FILE_MODE, false), |old| (old.mode & PERMISSIONS, true));
        match kind {
            EntryKind::Executable => (mode | (mode & 0o444) >> 2 | 0o100, is_kept),
            _ => (mode & !0o111, is_kept),
        }
    }
}

/// What a restore works with.
pub(super) struct Performer<'a, O: ?Sized> {
    pub(super) disk: &'a dyn Disk,
    pub(super) objects: &'a O,
    pub(super) root: &'a Root,
    pub(super) durability: Durability,
    pub(super) on_other: OnOther,
}

impl<O: Fetch + ?Sized> Performer<'_, O> {
    /// Makes all changes. The report is right as far as it got, even after an error.
    pub(super) fn perform(
        &self,
        steps: &[Step<'_>],
        report: &mut RestoreReport,
    ) -> Result<(), RestoreError> {
        let mut left = BTreeSet::new();
        let mut near = Nearby::new(self.root);
        for step in steps.iter().filter(|step| step.makes_folder()) {
            self.make_folder(step, &mut near, &mut left)?;
        }
        let written: Vec<&Step<'_>> = steps
            .iter()
            .filter(|step| step.leaf().is_some() && !step.is_mode_only())
            .filter(|step| !left.iter().any(|at| step.change.path.is_within(at)))
            .collect();
        let is_many = written.len() > SYNC_EACH_FILES_MAX;
        self.write_all(&written, is_many)?;
        let mut near = Nearby::new(self.root);
        for step in steps.iter().rev() {
            self.remove(step, &mut near, report, &mut left)?;
        }
        self.name_all(&written, is_many, report, &mut left)?;
        let modes: Vec<_> = steps.iter().filter(|s| s.is_mode_only()).collect();
        let mut near = Nearby::new(self.root);
        for step in &modes {
            self.set_mode(step, &mut near, report, &mut left)?;
        }
        report.left.extend(left);
        self.sync_names(steps, is_many || !modes.is_empty())
    }

    /// Whether what stands at a path is still what was seen. If not: stop, or leave it.
    fn is_still(
        &self,
        step: &Step<'_>,
        near: &mut Nearby<'_>,
        left: &mut BTreeSet<TreePath>,
    ) -> Result<bool, RestoreError> {
        let path = &step.change.path;
        let is_same = match (near.look(path)?, step.stamp) {
            // What we do in a folder changes its times.
            (Some(now), Some(expected)) if now.is_folder() => expected.is_folder(),
            // Replacing the other name changed the number of links, and so this time.
            (Some(now), Some(expected)) if step.is_linked => {
                Stamp { changed: expected.changed, ..now } == expected
            }
            (now, expected) => now == expected,
        };
        if !is_same {
            self.other(path, left)?;
        }
        Ok(is_same)
    }

    fn other(&self, path: &TreePath, left: &mut BTreeSet<TreePath>) -> Result<(), RestoreError> {
        match self.on_other {
            OnOther::Refuse => Err(RestoreError::Changed { path: path.clone() }),
            OnOther::Leave => {
                left.insert(path.clone());
                Ok(())
            }
        }
    }

    fn make_folder(
        &self,
        step: &Step<'_>,
        near: &mut Nearby<'_>,
        left: &mut BTreeSet<TreePath>,
    ) -> Result<(), RestoreError> {
        let path = &step.change.path;
        if left.iter().any(|at| path.is_within(at)) || !self.is_still(step, near, left)? {
            return Ok(());
        }
        let (place, name) = (self.root.place(path), path.name());
        let folder = near.folder(path)?;
        if step.replaces_leaf() {
            let removed = self.disk.remove_file_in(folder, name);
            removed.map_err(RestoreError::disk("remove", &place))?;
        }
        if step.stands_folder() {
            return Ok(());
        }
        let made = self.disk.create_dir_in(folder, name, NEW_FOLDER_MODE);
        made.map_err(RestoreError::disk("create", &place))
    }

    fn remove(
        &self,
        step: &Step<'_>,
        near: &mut Nearby<'_>,
        report: &mut RestoreReport,
        left: &mut BTreeSet<TreePath>,
    ) -> Result<(), RestoreError> {
        let goes = step.change.after.is_none() || step.replaces_folder();
        if !goes || !self.is_still(step, near, left)? {
            return Ok(());
        }
        let path = &step.change.path;
        let (place, name) = (self.root.place(path), path.name());
        let folder = near.folder(path)?;
        let removed = if step.stands_folder() {
            self.disk.remove_dir_in(folder, name)
        } else {
            self.disk.remove_file_in(folder, name)
        };
        match removed {
            Ok(()) => report.removed += 1,
            Err(error) if step.stands_folder() && is_not_empty(&error) => {
                if step.leaf().is_some() {
                    self.other(path, left)?;
                } else {
                    report.kept_folders.push(path.clone());
                }
            }
            Err(error) => return Err(RestoreError::disk("remove", &place)(error)),
        }
        Ok(())
    }

    /// Gives all written contents their names.
    fn name_all(
        &self,
        steps: &[&Step<'_>],
        is_many: bool,
        report: &mut RestoreReport,
        left: &mut BTreeSet<TreePath>,
    ) -> Result<(), RestoreError> {
        let some = |steps: &[&Step<'_>]| {
            let (mut near, mut left) = (Nearby::new(self.root), left.clone());
            steps.iter().try_for_each(|step| self.name(step, &mut near, &mut left))?;
            Ok(left)
        };
        let all: Result<Vec<BTreeSet<TreePath>>, RestoreError> = match is_many {
            true => steps.par_chunks(nearby::PATHS).with_max_len(1).map(some).collect(),
            false => steps.chunks(nearby::PATHS).map(some).collect(),
        };
        all?.into_iter().for_each(|mut more| left.append(&mut more));
        for step in steps.iter().filter(|step| !left.contains(&step.change.path)) {
            report.written += 1;
            report.written_bytes += step.leaf().map_or(0, |entry| entry.length);
        }
        Ok(())
    }

    /// Gives a content its name, if what stands there is still what was seen. Nothing: then the
    /// system sees to it that nothing is replaced.
    fn name(
        &self,
        step: &Step<'_>,
        near: &mut Nearby<'_>,
        left: &mut BTreeSet<TreePath>,
    ) -> Result<(), RestoreError> {
        let path = &step.change.path;
        if self.is_direct(step) {
            return Ok(());
        }
        let (beside, place) = (temporary::name_for(path.name()), self.root.place(path));
        let is_new = step.stamp.is_none() || step.replaces_folder();
        if left.contains(path) || !(is_new || self.is_still(step, near, left)?) {
            return match near.folder_of(path).map_err(RestoreError::disk("open", &place))? {
                Some(folder) => remove_if_there_in(self.disk, folder, &beside),
                None => Ok(()),
            };
        }
        let folder = near.folder(path)?;
        let named = match is_new {
            true => self.disk.rename_new_in(folder, &beside, path.name()),
            false => self.disk.rename_in(folder, &beside, path.name()),
        };
        match named {
            Err(error) if is_new && error.kind() == io::ErrorKind::AlreadyExists => {
                self.other(path, left)?;
                remove_if_there_in(self.disk, folder, &beside)
            }
            named => named.map_err(RestoreError::disk("replace", &place)),
        }
    }

    fn set_mode(
        &self,
        step: &Step<'_>,
        near: &mut Nearby<'_>,
        report: &mut RestoreReport,
        left: &mut BTreeSet<TreePath>,
    ) -> Result<(), RestoreError> {
        if let (true, Some(entry)) = (self.is_still(step, near, left)?, step.leaf()) {
            let path = &step.change.path;
            let (folder, mode) = (near.folder(path)?, step.mode(entry.kind).0);
            let set = self.disk.set_mode_in(folder, path.name(), mode);
            set.map_err(RestoreError::disk("set the mode of", &self.root.place(path)))?;
            report.written += 1;
        }
        Ok(())
    }

    pub(super) fn sync_all(&self) -> Result<(), RestoreError> {
        if self.durability == Durability::Disposable {
            return Ok(());
        }
        let place = self.root.place(&TreePath::root());
        self.disk.sync_all(&place).map_err(RestoreError::disk("sync", &place))
    }

    /// Makes the names in all folders that were touched durable.
    fn sync_names(&self, steps: &[Step<'_>], is_many: bool) -> Result<(), RestoreError> {
        let parents = steps.iter().filter_map(|step| step.change.path.split());
        let touched: BTreeSet<TreePath> = parents.map(|(parent, _)| parent).collect();
        if is_many || touched.len() > SYNC_EACH_FILES_MAX {
            return self.sync_all();
        }
        for folder in &touched {
            let place = self.root.place(folder);
            let stamp = self.root.stamp(folder).map_err(RestoreError::disk("look at", &place))?;
            let is_there = stamp.is_some_and(|stamp| stamp.is_folder());
            if is_there && self.durability == Durability::Durable {
                self.disk.sync_dir(&place).map_err(RestoreError::disk("sync", &place))?;
            }
        }
        Ok(())
    }
}

fn is_not_empty(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let code = error.raw_os_error();
    [Errno::NOTEMPTY, Errno::EXIST].iter().any(|e| code == Some(e.raw_os_error()))
}

/// Removes a file in an open folder that may be absent.
pub(super) fn remove_if_there_in(
    disk: &dyn Disk,
    folder: &OpenFolder,
    name: &[u8],
) -> Result<(), RestoreError> {
    unless_absent(disk.remove_file_in(folder, name), &folder.place(name))
}

/// Removes a file that may be absent.
pub(super) fn remove_if_there(disk: &dyn Disk, place: &Path) -> Result<(), RestoreError> {
    unless_absent(disk.remove_file(place), place)
}

fn unless_absent(removed: io::Result<()>, place: &Path) -> Result<(), RestoreError> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(RestoreError::disk("remove", place)(error))
        }
        _ => Ok(()),
    }
}
