//! Copying a warm folder (a build folder, installed dependencies) into a slot.
//!
//! Guarantees that no inode is shared, ever: blocks are, where the file system can clone them.
//! Times are kept, because build tools compare them, and so are modes and links.

use std::fs::{self, File, FileTimes, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::error::IsolateError;
use crate::base::regular;

/// What a copy cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Files and links.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Files whose blocks are shared with the original until one side is written.
    pub cloned: u64,
    /// Sockets, pipes and devices, which are left out.
    pub left_out: u64,
}

/// Copies a folder and all below it to a place where nothing is yet. A failed copy is left half
/// done for the caller to remove.
///
/// # Errors
/// The disk's, with `AlreadyExists` when there is something.
pub fn copy_warm(from: &Path, to: &Path) -> Result<Copied, IsolateError> {
    let mut copied = Copied::default();
    let metadata = fs::symlink_metadata(from).map_err(IsolateError::disk("read", from))?;
    copy_folder(from, to, &metadata, &mut copied)?;
    Ok(copied)
}

fn copy_folder(
    from: &Path,
    to: &Path,
    metadata: &Metadata,
    copied: &mut Copied,
) -> Result<(), IsolateError> {
    fs::create_dir(to).map_err(IsolateError::disk("create", to))?;
    for item in fs::read_dir(from).map_err(IsolateError::disk("list", from))? {
        let item = item.map_err(IsolateError::disk("list", from))?;
        let (source, target) = (item.path(), to.join(item.file_name()));
        let metadata = item.metadata().map_err(IsolateError::disk("read", &source))?;
        let kind = metadata.file_type();
        if kind.is_dir() {
            copy_folder(&source, &target, &metadata, copied)?;
        } else if kind.is_symlink() {
            copy_link(&source, &target).map_err(IsolateError::disk("copy", &source))?;
            copied.files += 1;
        } else if kind.is_file() {
            let cloned = copy_file(&source, &target, &metadata)
                .map_err(IsolateError::disk("copy", &source))?;
            copied.files += 1;
            copied.bytes += metadata.len();
            copied.cloned += u64::from(cloned);
        } else {
            copied.left_out += 1;
        }
    }
    // Last, because filling a folder changes its time, and its mode may forbid filling it.
    let folder = File::open(to).map_err(IsolateError::disk("open", to))?;
    folder.set_times(times(metadata)).map_err(IsolateError::disk("set the time of", to))?;
    let mode = fs::Permissions::from_mode(metadata.permissions().mode() & 0o7777);
    folder.set_permissions(mode).map_err(IsolateError::disk("set the mode of", to))
}

fn copy_link(from: &Path, to: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(fs::read_link(from)?, to)
}

fn copy_file(from: &Path, to: &Path, metadata: &Metadata) -> io::Result<bool> {
    let mut source = regular::open(from)?;
    let mut target = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    let cloned = clone_blocks(&target, &source);
    if !cloned {
        io::copy(&mut source, &mut target)?;
    }
    target.set_permissions(fs::Permissions::from_mode(metadata.permissions().mode() & 0o7777))?;
    target.set_times(times(metadata))?;
    Ok(cloned)
}

#[cfg(target_os = "linux")]
fn clone_blocks(target: &File, source: &File) -> bool {
    rustix::fs::ioctl_ficlone(target, source).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn clone_blocks(_: &File, _: &File) -> bool {
    false
}

fn times(metadata: &Metadata) -> FileTimes {
    let times = FileTimes::new();
    match metadata.modified() {
        Ok(modified) => times.set_modified(modified).set_accessed(modified),
        Err(_) => times,
    }
}
