//! Writing the contents of a restore: beside the names that they will have.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rayon::prelude::*;

use super::error::RestoreError;
use super::nearby::{self, Nearby};
use super::perform::{Performer, Step, remove_if_there_in};
use super::restore::Durability;
use super::temporary;
use crate::base::disk::{DiskFile, OpenFolder};
use crate::base::id::BlobId;
use crate::object::traits::{Fetch, ObjectError};
use crate::object::tree::{EntryKind, TreeEntry};

impl<O: Fetch + ?Sized> Performer<'_, O> {
    /// Writes all contents and makes them durable: each by itself, or many at once.
    pub(super) fn write_all(&self, steps: &[&Step<'_>], is_many: bool) -> Result<(), RestoreError> {
        let some = |steps: &[&Step<'_>], durability| {
            let mut near = Nearby::new(self.root);
            steps.iter().try_for_each(|step| self.write(step, &mut near, durability))
        };
        if !is_many {
            return some(steps, self.durability);
        }
        let pieces = steps.par_chunks(nearby::PATHS).with_max_len(1);
        pieces.try_for_each(|steps| some(steps, Durability::Disposable))?;
        self.sync_all()
    }

    /// Whether a content is written under its own name at once: nothing stands there, and a torn
    /// file after a crash does no harm.
    pub(super) fn is_direct(&self, step: &Step<'_>) -> bool {
        self.durability == Durability::Disposable && step.stamp.is_none()
    }

    fn write(
        &self,
        step: &Step<'_>,
        near: &mut Nearby<'_>,
        durability: Durability,
    ) -> Result<(), RestoreError> {
        let leaf = step.leaf().and_then(|entry| Some((entry, entry.blob()?)));
        let Some(leaf) = leaf else { return Ok(()) };
        let path = &step.change.path;
        let is_direct = self.is_direct(step);
        let name = match is_direct {
            true => path.name().to_vec(),
            false => temporary::name_for(path.name()),
        };
        let at = (near.folder(path)?, name.as_slice());
        match self.try_write(step, leaf, at, durability) {
            Err(RestoreError::Disk { source, .. })
                if source.kind() == io::ErrorKind::AlreadyExists => {}
            other => return other,
        }
        if is_direct {
            return Err(RestoreError::Changed { path: path.clone() });
        }
        // Left by a restore that was cut short: ours, by its name.
        remove_if_there_in(self.disk, at.0, &name)?;
        self.try_write(step, leaf, at, durability)
    }

    fn try_write(
        &self,
        step: &Step<'_>,
        (entry, blob): (&TreeEntry, BlobId),
        (folder, name): (&OpenFolder, &[u8]),
        durability: Durability,
    ) -> Result<(), RestoreError> {
        let place = &folder.place(name);
        let failed = |error| match error {
            ObjectError::Content(source) => RestoreError::disk("write", place)(source),
            error => RestoreError::Objects(error),
        };
        let fetch = |into: &mut dyn Write| {
            let length = self.objects.fetch_blob_to(blob, into).map_err(failed)?;
            if length == entry.length {
                return Ok(());
            }
            let rule = "it has another length than its tree says";
            Err(RestoreError::Objects(ObjectError::Rule { id: blob.object(), rule }))
        };
        if entry.kind == EntryKind::Symlink {
            let mut target = Vec::new();
            fetch(&mut target)?;
            let target = Path::new(OsStr::from_bytes(&target));
            let made = self.disk.symlink_in(target, folder, name);
            return made.map_err(RestoreError::disk("create", place));
        }
        let (mode, is_kept) = step.mode(entry.kind);
        let file = self.disk.create_in(folder, name, mode);
        let mut file = file.map_err(RestoreError::disk("create", place))?;
        fetch(&mut Through(&mut *file))?;
        if is_kept {
            // What the umask took away the old file may have had.
            let set = self.disk.set_mode_in(folder, name, mode);
            set.map_err(RestoreError::disk("set the mode of", place))?;
        }
        let finish = match durability {
            Durability::Durable => file.sync(),
            Durability::Disposable => file.flush(),
        };
        finish.map_err(RestoreError::disk("write", place))
    }
}

/// A file of the disk as a writer.
struct Through<'a>(&'a mut dyn DiskFile);

impl Write for Through<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
