//! Reading a workspace through handles of its folders.
//!
//! Guarantees that no symbolic link is followed below the root: a folder is opened through real
//! folders only, and a name is looked at relative to the handle of its folder. Handles are short
//! lived, so their number does not grow with the depth or breadth of a tree. Changes nothing.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};

use super::error::WorkspaceError;
use super::stamp::Stamp;
use crate::base::path::TreePath;
use crate::base::regular;

/// The folder of a workspace, open.
pub(super) struct Root {
    path: PathBuf,
    handle: OwnedFd,
    /// The device of the root: what has another is mounted inside.
    pub(super) device: u64,
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);

impl Root {
    /// Opens it; links on the way to the root itself are the user's business.
    pub(super) fn open(path: &Path) -> Result<Self, WorkspaceError> {
        let open = || -> io::Result<(OwnedFd, u64)> {
            let handle = rustix::fs::openat(CWD, path, FOLDER, Mode::empty())?;
            let device = Stamp::from(&rustix::fs::fstat(&handle)?).device;
            Ok((handle, device))
        };
        let (handle, device) = open().map_err(WorkspaceError::disk("open", path))?;
        Ok(Self { path: path.to_owned(), handle, device })
    }

    /// Where a path of the tree lies on the disk.
    pub(super) fn place(&self, path: &TreePath) -> PathBuf {
        path.under(&self.path)
    }

    /// Opens a folder through real folders only; `ELOOP` or `ENOTDIR` when one is a link.
    pub(super) fn folder(&self, path: &TreePath) -> io::Result<OwnedFd> {
        if path.is_root() {
            return Ok(rustix::fs::openat(&self.handle, ".", FOLDER, Mode::empty())?);
        }
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::ResolveFlags;
            use rustix::io::Errno;
            let resolve = ResolveFlags::NO_SYMLINKS;
            let place = OsStr::from_bytes(path.as_bytes());
            match rustix::fs::openat2(&self.handle, place, FOLDER, Mode::empty(), resolve) {
                // Old kernels and some sandboxes do not have the call.
                Err(Errno::NOSYS | Errno::PERM | Errno::TOOBIG) => {}
                answer => return Ok(answer?),
            }
        }
        self.folder_by_parts(path)
    }

    fn folder_by_parts(&self, path: &TreePath) -> io::Result<OwnedFd> {
        let mut at = rustix::fs::openat(&self.handle, ".", FOLDER, Mode::empty())?;
        for part in path.parts() {
            at = rustix::fs::openat(&at, part, FOLDER | OFlags::NOFOLLOW, Mode::empty())?;
        }
        Ok(at)
    }

    /// What stands at a path, links not followed. None when it or its folder is absent, or when
    /// what should be a folder on the way is none.
    pub(super) fn stamp(&self, path: &TreePath) -> io::Result<Option<Stamp>> {
        let Some((folder, name)) = path.split() else {
            return Ok(Some(Stamp::from(&rustix::fs::fstat(&self.handle)?)));
        };
        absent_is_none(self.folder(&folder).and_then(|handle| stamp_at(&handle, name)))
    }

    /// The bytes of a small file that is no link, at most `bytes_max`; none when absent.
    pub(super) fn read_small(&self, path: &TreePath, bytes_max: u64) -> io::Result<Vec<u8>> {
        let (folder, name) =
            path.split().ok_or_else(|| io::Error::from(io::ErrorKind::IsADirectory))?;
        let mut content = Vec::new();
        let file = open_file(&self.folder(&folder)?, name)?;
        regular::must_be_regular(&file)?;
        file.take(bytes_max).read_to_end(&mut content)?;
        Ok(content)
    }
}

/// Turns "there is no such file" (nor a folder on the way) into none.
pub(super) fn absent_is_none<T>(answer: io::Result<T>) -> io::Result<Option<T>> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether an error says that nothing stands there, at least not below real folders.
pub(super) fn is_absent(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let code = error.raw_os_error();
    [Errno::NOENT, Errno::NOTDIR, Errno::LOOP].iter().any(|e| code == Some(e.raw_os_error()))
}

/// Whether an error says that we may not look.
pub(super) fn is_refused(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let code = error.raw_os_error();
    let refusals = [Errno::ACCESS, Errno::PERM, Errno::NAMETOOLONG];
    refusals.iter().any(|e| code == Some(e.raw_os_error()))
}

/// What a name in an open folder is, links not followed.
pub(super) fn stamp_at(folder: impl AsFd, name: &[u8]) -> io::Result<Stamp> {
    let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(Stamp::from(&stat))
}

/// Opens a folder in an open folder; `ELOOP` or `ENOTDIR` for a link.
pub(super) fn folder_in(folder: impl AsFd, name: &[u8]) -> io::Result<OwnedFd> {
    Ok(rustix::fs::openat(folder, name, FOLDER | OFlags::NOFOLLOW, Mode::empty())?)
}

/// Opens a file for reading; `ELOOP` for a link. A FIFO does not block.
pub(super) fn open_file(folder: impl AsFd, name: &[u8]) -> io::Result<File> {
    Ok(File::from(rustix::fs::openat(folder, name, FILE, Mode::empty())?))
}

/// The target of a link.
pub(super) fn link_target(folder: impl AsFd, name: &[u8]) -> io::Result<Vec<u8>> {
    Ok(rustix::fs::readlinkat(folder, name, Vec::new())?.into_bytes())
}
