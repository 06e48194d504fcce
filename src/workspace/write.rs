//! Writing the contents of a restore: beside the names that they will have.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rayon::prelude::*;

use super::error::RestoreError;
use super::perform::{Performer, Step, remove_if_there};
use super::restore::Durability;
use super::temporary;
use crate::base::disk::DiskFile;
use crate::base::id::BlobId;
use crate::object::traits::{Fetch, ObjectError};
use crate::object::tree::{EntryKind, TreeEntry};

impl<O: Fetch + ?Sized> Performer<'_, O> {
    /// Writes all contents and makes them durable: each by itself, or many at once.
    pub(super) fn write_all(&self, steps: &[&Step<'_>], is_many: bool) -> Result<(), RestoreError> {
        if !is_many {
            return steps.iter().try_for_each(|step| self.write(step, self.durability));
        }
        steps.par_iter().try_for_each(|step| self.write(step, Durability::Disposable))?;
        self.sync_all()
    }

    /// Whether a content is written under its own name at once: nothing stands there, and a torn
    /// file after a crash does no harm.
    pub(super) fn is_direct(&self, step: &Step<'_>) -> bool {
        self.durability == Durability::Disposable && step.stamp.is_none()
    }

    fn write(&self, step: &Step<'_>, durability: Durability) -> Result<(), RestoreError> {
        let leaf = step.leaf().and_then(|entry| Some((entry, entry.blob()?)));
        let Some((entry, blob)) = leaf else { return Ok(()) };
        let is_direct = self.is_direct(step);
        let path = &step.change.path;
        let path = if is_direct { path.clone() } else { temporary::beside(path) };
        self.prove_parent(&path)?;
        let place = self.root.place(&path);
        match self.try_write(step, (entry, blob), &place, durability) {
            Err(RestoreError::Disk { source, .. })
                if source.kind() == io::ErrorKind::AlreadyExists => {}
            other => return other,
        }
        if is_direct {
            return Err(RestoreError::Changed { path });
        }
        // Left by a restore that was cut short: ours, by its name.
        remove_if_there(self.disk, &place)?;
        self.try_write(step, (entry, blob), &place, durability)
    }

    fn try_write(
        &self,
        step: &Step<'_>,
        (entry, blob): (&TreeEntry, BlobId),
        place: &Path,
        durability: Durability,
    ) -> Result<(), RestoreError> {
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
            return self.disk.symlink(target, place).map_err(RestoreError::disk("create", place));
        }
        let (mode, is_kept) = step.mode(entry.kind);
        let file = self.disk.create(place, mode);
        let mut file = file.map_err(RestoreError::disk("create", place))?;
        fetch(&mut Through(&mut *file))?;
        if is_kept {
            // What the umask took away the old file may have had.
            let set = self.disk.set_mode(place, mode);
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
