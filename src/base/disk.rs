//! The seam to the disk: every change that a crash can interrupt goes through [`Disk`].
//!
//! Two implementations: [`RealDisk`] and the recording one of the crash tests, which replays what
//! a lost page cache leaves. Reading is not part of it: reading changes nothing.
//!
//! **Durability**: nothing is durable before its sync. [`DiskFile::sync`] covers the content of
//! one file, [`Disk::sync_dir`] the names in one folder, [`Disk::sync_all`] everything below one.

use std::ffi::OsStr;
use std::fmt::Debug;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

#[cfg(target_os = "linux")]
use rustix::fs::Advice;
use rustix::fs::{AtFlags, Mode, OFlags};

use super::limits::WRITE_BEHIND_BYTES;
use super::time::{Clock, SystemClock};

/// A file that is being written.
pub trait DiskFile: Write + Send {
    /// Makes the content written so far durable. Not the name: that is [`Disk::sync_dir`].
    ///
    /// # Errors
    /// Those of the system. After one the content must be taken for lost.
    fn sync(&mut self) -> io::Result<()>;
}

/// A file that is written at places, by several threads: a log that grows, whose space was filled
/// with zeros before. Its times are the system's.
pub trait PlacedFile: Send + Sync + Debug {
    /// Writes all bytes at a place, over what is there or beyond the end.
    ///
    /// # Errors
    /// Those of the system. After one it is not known which bytes stand there.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Cuts the file to a length.
    ///
    /// # Errors
    /// Those of the system.
    fn cut(&self, length: u64) -> io::Result<()>;
    /// Makes content and length durable, whoever wrote them. Not the name.
    ///
    /// # Errors
    /// Those of the system. After one what was not synced must be taken for lost.
    fn sync(&self) -> io::Result<()>;
}

/// A folder that is open. What is done in it goes to that folder, whatever is put in its place
/// meanwhile, and does not walk there again.
#[derive(Debug)]
pub struct OpenFolder {
    handle: OwnedFd,
    place: PathBuf,
}

impl OpenFolder {
    /// A folder by its handle, with the place where it was opened.
    pub fn new(handle: OwnedFd, place: PathBuf) -> Self {
        Self { handle, place }
    }

    /// Where a name in it lies, for errors.
    pub fn place(&self, name: &[u8]) -> PathBuf {
        self.place.join(OsStr::from_bytes(name))
    }
}

impl AsFd for OpenFolder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

/// What a store and a workspace do to the disk.
///
/// The calls that end in `_in` are given one name in an open folder. A disk that only listens does
/// not need them: by default they are the others, by the place of that name.
pub trait Disk: Send + Sync + Debug {
    /// Creates a file that must not exist yet, with these permission bits (less the umask).
    ///
    /// # Errors
    /// `AlreadyExists`, and those of the system.
    fn create(&self, path: &Path, mode: u32) -> io::Result<Box<dyn DiskFile>>;
    /// Opens a file to write at places. With permission bits (less the umask) it is created and
    /// must not exist yet; without it must exist.
    ///
    /// # Errors
    /// `AlreadyExists`, `NotFound`, and those of the system.
    fn place(&self, path: &Path, mode: Option<u32>) -> io::Result<Arc<dyn PlacedFile>>;
    /// Gives a file another name, replacing what is there.
    ///
    /// # Errors
    /// Those of the system.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file or a symbolic link.
    ///
    /// # Errors
    /// Those of the system.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty folder.
    ///
    /// # Errors
    /// `DirectoryNotEmpty`, and those of the system.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;
    /// Creates one folder whose parent exists, with these permission bits (less the umask).
    ///
    /// # Errors
    /// `AlreadyExists`, and those of the system.
    fn create_dir(&self, path: &Path, mode: u32) -> io::Result<()>;
    /// Creates a symbolic link at `path` with those bytes as its target.
    ///
    /// # Errors
    /// `AlreadyExists`, and those of the system.
    fn symlink(&self, target: &Path, path: &Path) -> io::Result<()>;
    /// Sets the permission bits of a file or folder (not of a link).
    ///
    /// # Errors
    /// Those of the system.
    fn set_mode(&self, path: &Path, mode: u32) -> io::Result<()>;
    /// Makes the names in one folder durable.
    ///
    /// # Errors
    /// Those of the system.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes all files and names below a folder durable (the whole file system on Linux).
    ///
    /// # Errors
    /// Those of the system.
    fn sync_all(&self, root: &Path) -> io::Result<()>;

    /// [`Disk::create`].
    ///
    /// # Errors
    /// As that.
    fn create_in(&self, at: &OpenFolder, name: &[u8], mode: u32) -> io::Result<Box<dyn DiskFile>> {
        self.create(&at.place(name), mode)
    }
    /// [`Disk::create_dir`].
    ///
    /// # Errors
    /// As that.
    fn create_dir_in(&self, at: &OpenFolder, name: &[u8], mode: u32) -> io::Result<()> {
        self.create_dir(&at.place(name), mode)
    }
    /// [`Disk::symlink`].
    ///
    /// # Errors
    /// As that.
    fn symlink_in(&self, target: &Path, at: &OpenFolder, name: &[u8]) -> io::Result<()> {
        self.symlink(target, &at.place(name))
    }
    /// [`Disk::rename`] within the folder.
    ///
    /// # Errors
    /// As that.
    fn rename_in(&self, at: &OpenFolder, from: &[u8], to: &[u8]) -> io::Result<()> {
        self.rename(&at.place(from), &at.place(to))
    }
    /// [`Disk::rename`] within the folder to a name that nothing may have yet.
    ///
    /// # Errors
    /// `AlreadyExists`, and as that.
    fn rename_new_in(&self, at: &OpenFolder, from: &[u8], to: &[u8]) -> io::Result<()> {
        if is_there(at, to)? {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.rename_in(at, from, to)
    }
    /// [`Disk::remove_file`].
    ///
    /// # Errors
    /// As that.
    fn remove_file_in(&self, at: &OpenFolder, name: &[u8]) -> io::Result<()> {
        self.remove_file(&at.place(name))
    }
    /// [`Disk::remove_dir`].
    ///
    /// # Errors
    /// As that.
    fn remove_dir_in(&self, at: &OpenFolder, name: &[u8]) -> io::Result<()> {
        self.remove_dir(&at.place(name))
    }
    /// [`Disk::set_mode`].
    ///
    /// # Errors
    /// As that.
    fn set_mode_in(&self, at: &OpenFolder, name: &[u8], mode: u32) -> io::Result<()> {
        self.set_mode(&at.place(name), mode)
    }
}

/// Whether anything has this name, links not followed.
fn is_there(at: &OpenFolder, name: &[u8]) -> io::Result<bool> {
    match rustix::fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Ok(true),
        Err(rustix::io::Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Writes a whole new file and makes its content durable; the name is durable after `sync_dir`.
///
/// # Errors
/// `AlreadyExists`, and those of the system.
pub fn write_new(disk: &dyn Disk, path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    let mut file = disk.create(path, mode)?;
    file.write_all(content)?;
    file.sync()
}

/// The file system of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

/// A file whose time of change is the exact present. The system itself stamps with the time of
/// its last tick, up to 10 ms ago: a source restored in the tick in which a build ended would be as
/// old as what was built from the other source, and make would not build again.
///
/// What it is given is on its way to the disk long before the sync that waits for it.
struct ExactFile {
    file: File,
    is_stamped: bool,
    /// Bytes written, and how many of them the system was asked to write out.
    written: u64,
    sent: u64,
}

impl ExactFile {
    fn new(file: File) -> Box<Self> {
        Box::new(Self { file, is_stamped: false, written: 0, sent: 0 })
    }

    /// Linux begins to write out a range when it is told that nobody needs it; what is not yet on the
    /// disk then stays in memory.
    #[cfg(target_os = "linux")]
    fn send(&mut self) {
        if self.written - self.sent >= WRITE_BEHIND_BYTES {
            let length = std::num::NonZeroU64::new(self.written - self.sent);
            let _ = rustix::fs::fadvise(&self.file, self.sent, length, Advice::DontNeed);
            self.sent = self.written;
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn send(&mut self) {}

    /// Where a file system cannot do it the time of the tick stays.
    fn stamp(&mut self) {
        if !self.is_stamped {
            let now = Duration::from_nanos(u64::try_from(SystemClock.now().0).unwrap_or(0));
            let _ = self.file.set_modified(UNIX_EPOCH + now);
            self.is_stamped = true;
        }
    }
}

impl Write for ExactFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.is_stamped = false;
        let count = self.file.write(bytes)?;
        self.written += count as u64;
        self.send();
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl DiskFile for ExactFile {
    fn sync(&mut self) -> io::Result<()> {
        self.stamp();
        self.file.sync_data()
    }
}

impl Drop for ExactFile {
    fn drop(&mut self) {
        self.stamp();
    }
}

impl PlacedFile for File {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

impl Disk for RealDisk {
    fn create(&self, path: &Path, mode: u32) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        Ok(ExactFile::new(file))
    }

    fn place(&self, path: &Path, mode: Option<u32>) -> io::Result<Arc<dyn PlacedFile>> {
        let mut options = OpenOptions::new();
        options.write(true);
        if let Some(mode) = mode {
            options.create_new(true).mode(mode);
        }
        Ok(Arc::new(options.open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn create_dir(&self, path: &Path, mode: u32) -> io::Result<()> {
        fs::DirBuilder::new().mode(mode).create(path)
    }

    fn symlink(&self, target: &Path, path: &Path) -> io::Result<()> {
        std::os::unix::fs::symlink(target, path)
    }

    fn set_mode(&self, path: &Path, mode: u32) -> io::Result<()> {
        fs::set_permissions(path, Permissions::from_mode(mode))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn sync_all(&self, root: &Path) -> io::Result<()> {
        let folder = File::open(root)?;
        #[cfg(any(target_os = "linux", target_os = "android"))]
        rustix::fs::syncfs(&folder)?;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        {
            // Untested: other systems have no call for one file system.
            rustix::fs::sync();
            folder.sync_all()?;
        }
        Ok(())
    }

    fn create_in(&self, at: &OpenFolder, name: &[u8], mode: u32) -> io::Result<Box<dyn DiskFile>> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(at, name, flags, Mode::from_raw_mode(mode))?);
        Ok(ExactFile::new(file))
    }

    fn create_dir_in(&self, at: &OpenFolder, name: &[u8], mode: u32) -> io::Result<()> {
        Ok(rustix::fs::mkdirat(at, name, Mode::from_raw_mode(mode))?)
    }

    fn symlink_in(&self, target: &Path, at: &OpenFolder, name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::symlinkat(target, at, name)?)
    }

    fn rename_in(&self, at: &OpenFolder, from: &[u8], to: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::renameat(at, from, at, to)?)
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn rename_new_in(&self, at: &OpenFolder, from: &[u8], to: &[u8]) -> io::Result<()> {
        use rustix::io::Errno;
        match rustix::fs::renameat_with(at, from, at, to, rustix::fs::RenameFlags::NOREPLACE) {
            // Some file systems cannot do it at once.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) if is_there(at, to)? => {
                Err(io::ErrorKind::AlreadyExists.into())
            }
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => self.rename_in(at, from, to),
            answer => Ok(answer?),
        }
    }

    fn remove_file_in(&self, at: &OpenFolder, name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(at, name, AtFlags::empty())?)
    }

    fn remove_dir_in(&self, at: &OpenFolder, name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(at, name, AtFlags::REMOVEDIR)?)
    }

    fn set_mode_in(&self, at: &OpenFolder, name: &[u8], mode: u32) -> io::Result<()> {
        Ok(rustix::fs::chmodat(at, name, Mode::from_raw_mode(mode), AtFlags::empty())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_sent_to_the_disk_on_the_way_is_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut file = RealDisk.create(&path, 0o600).unwrap();
        let mut expected = Vec::new();
        for piece in 0..25_u8 {
            let piece = vec![piece; 1_000_003];
            file.write_all(&piece).unwrap();
            expected.extend(piece);
        }
        file.sync().unwrap();
        assert!(expected.len() as u64 > 2 * WRITE_BEHIND_BYTES);
        assert!(fs::read(&path).unwrap() == expected);
    }
}
