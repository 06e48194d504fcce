//! A disk that does what it is told and writes down each change, and can be told to fail.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::disk::{Disk, DiskFile, PlacedFile, RealDisk};

/// One change, in the order in which it was made. Paths are relative to the root of the recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// A file was created; from then on it has this number.
    Create {
        /// Its name.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// What it is called in later changes.
        file: usize,
    },
    /// Bytes were appended to a file.
    Write {
        /// Which.
        file: usize,
        /// The bytes.
        bytes: Arc<Vec<u8>>,
    },
    /// A file that exists was opened to be written at places; from then on it has this number.
    Open {
        /// Its name.
        path: PathBuf,
        /// What it is called in later changes.
        file: usize,
    },
    /// Bytes were written at a place of a file.
    WriteAt {
        /// Which.
        file: usize,
        /// Where.
        offset: u64,
        /// The bytes.
        bytes: Arc<Vec<u8>>,
    },
    /// A file was cut to a length.
    Cut {
        /// Which.
        file: usize,
        /// The length.
        length: u64,
    },
    /// The content of a file was synced.
    SyncFile {
        /// Which.
        file: usize,
    },
    /// A name was changed, replacing what was there.
    Rename {
        /// The old name.
        from: PathBuf,
        /// The new one.
        to: PathBuf,
    },
    /// A file, link or folder was removed.
    Remove {
        /// Its name.
        path: PathBuf,
    },
    /// A folder was made.
    CreateDir {
        /// Its name.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A link was made.
    Symlink {
        /// Its target.
        target: PathBuf,
        /// Its name.
        path: PathBuf,
    },
    /// Permission bits were set.
    SetMode {
        /// Of what.
        path: PathBuf,
        /// The bits.
        mode: u32,
    },
    /// The names in a folder were synced.
    SyncDir {
        /// Which.
        path: PathBuf,
    },
    /// Everything below a folder was synced.
    SyncAll {
        /// Which.
        path: PathBuf,
    },
    /// Nothing was changed: the test noted that something was acknowledged.
    Mark {
        /// What.
        text: String,
    },
}

/// One change that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which one: so many changes are made before it.
    pub at: usize,
    /// What the system says, such as `libc::ENOSPC`.
    pub errno: i32,
    /// Whether every later change fails as well.
    pub is_lasting: bool,
}

/// Passes changes on to the real disk and records those below its root.
#[derive(Debug)]
pub struct RecordingDisk {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    failure: Option<Failure>,
    forgotten: Option<usize>,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    done: Vec<Mutation>,
    tried: usize,
    files: usize,
    syncs: usize,
}

impl RecordingDisk {
    /// Records what happens below `root`. Changes elsewhere are made and not recorded.
    pub fn new(root: &Path) -> Self {
        Self::with(root, None, None)
    }

    /// Fails as told, and records the rest.
    pub fn failing(root: &Path, failure: Failure) -> Self {
        Self::with(root, Some(failure), None)
    }

    /// Leaves out the sync of that number (from 0, of files and folders), and says that it was
    /// made.
    pub fn forgetting(root: &Path, sync: usize) -> Self {
        Self::with(root, None, Some(sync))
    }

    fn with(root: &Path, failure: Option<Failure>, forgotten: Option<usize>) -> Self {
        let (root, log) = (root.to_owned(), Mutex::default());
        Self { shared: Arc::new(Shared { root, failure, forgotten, log }) }
    }

    /// Notes that something was acknowledged, so that a check can ask for it after a later crash.
    pub fn mark(&self, text: &str) {
        self.shared.log().done.push(Mutation::Mark { text: text.to_owned() });
    }

    /// What was recorded so far.
    pub fn recorded(&self) -> Vec<Mutation> {
        self.shared.log().done.clone()
    }

    /// How many syncs were asked for so far, the forgotten one among them.
    pub fn syncs(&self) -> usize {
        self.shared.log().syncs
    }

    /// How many changes were asked for so far, failed ones among them.
    pub fn tried(&self) -> usize {
        self.shared.log().tried
    }
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn relative(&self, path: &Path) -> Option<PathBuf> {
        path.strip_prefix(&self.root).ok().map(Path::to_owned)
    }

    /// Fails if this change is to fail.
    fn admit(&self) -> io::Result<()> {
        let mut log = self.log();
        let at = log.tried;
        log.tried += 1;
        match self.failure {
            Some(failure) if at == failure.at || (failure.is_lasting && at > failure.at) => {
                Err(io::Error::from_raw_os_error(failure.errno))
            }
            _ => Ok(()),
        }
    }

    /// Makes a change and records it, in one order for all threads.
    fn change(
        &self,
        path: &Path,
        make: impl FnOnce() -> io::Result<()>,
        mutation: impl FnOnce(PathBuf) -> Mutation,
    ) -> io::Result<()> {
        self.admit()?;
        let mut log = self.log();
        make()?;
        if let Some(path) = self.relative(path) {
            log.done.push(mutation(path));
        }
        Ok(())
    }

    /// Whether this sync is the one to forget.
    fn is_forgotten(&self) -> bool {
        let mut log = self.log();
        log.syncs += 1;
        self.forgotten == Some(log.syncs - 1)
    }
}

impl Disk for RecordingDisk {
    fn create(&self, path: &Path, mode: u32) -> io::Result<Box<dyn DiskFile>> {
        self.shared.admit()?;
        let mut log = self.shared.log();
        let inner = RealDisk.create(path, mode)?;
        let number = self.shared.relative(path).map(|path| {
            let file = log.files;
            log.files += 1;
            log.done.push(Mutation::Create { path, mode, file });
            file
        });
        Ok(Box::new(RecordingFile { shared: self.shared.clone(), inner, number }))
    }

    fn place(&self, path: &Path, mode: Option<u32>) -> io::Result<Arc<dyn PlacedFile>> {
        self.shared.admit()?;
        let mut log = self.shared.log();
        let inner = RealDisk.place(path, mode)?;
        let number = self.shared.relative(path).map(|path| {
            let file = log.files;
            log.files += 1;
            log.done.push(match mode {
                Some(mode) => Mutation::Create { path, mode, file },
                None => Mutation::Open { path, file },
            });
            file
        });
        Ok(Arc::new(RecordingPlaced { shared: self.shared.clone(), inner, number }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let make = || RealDisk.rename(from, to);
        let old = self.shared.relative(from);
        self.shared.change(to, make, |to| Mutation::Rename { from: old.unwrap_or_default(), to })
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.shared.change(path, || RealDisk.remove_file(path), |path| Mutation::Remove { path })
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.shared.change(path, || RealDisk.remove_dir(path), |path| Mutation::Remove { path })
    }

    fn create_dir(&self, path: &Path, mode: u32) -> io::Result<()> {
        let make = || RealDisk.create_dir(path, mode);
        self.shared.change(path, make, |path| Mutation::CreateDir { path, mode })
    }

    fn symlink(&self, target: &Path, path: &Path) -> io::Result<()> {
        let make = || RealDisk.symlink(target, path);
        let target = target.to_owned();
        self.shared.change(path, make, |path| Mutation::Symlink { target, path })
    }

    fn set_mode(&self, path: &Path, mode: u32) -> io::Result<()> {
        let make = || RealDisk.set_mode(path, mode);
        self.shared.change(path, make, |path| Mutation::SetMode { path, mode })
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        if self.shared.is_forgotten() {
            return Ok(());
        }
        // Not passed on: no test pulls a plug, and real syncs would make it slow.
        let make = || std::fs::metadata(path).map(|_| ());
        self.shared.change(path, make, |path| Mutation::SyncDir { path })
    }

    fn sync_all(&self, root: &Path) -> io::Result<()> {
        if self.shared.is_forgotten() {
            return Ok(());
        }
        self.shared.change(root, || Ok(()), |path| Mutation::SyncAll { path })
    }
}

struct RecordingFile {
    shared: Arc<Shared>,
    inner: Box<dyn DiskFile>,
    /// None outside the root.
    number: Option<usize>,
}

impl Write for RecordingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.shared.admit()?;
        let mut log = self.shared.log();
        let count = self.inner.write(bytes)?;
        if let Some(file) = self.number {
            let bytes = Arc::new(bytes[..count].to_vec());
            log.done.push(Mutation::Write { file, bytes });
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl DiskFile for RecordingFile {
    fn sync(&mut self) -> io::Result<()> {
        if self.shared.is_forgotten() {
            return Ok(());
        }
        self.shared.admit()?;
        let number = self.number;
        let mut log = self.shared.log();
        log.done.extend(number.map(|file| Mutation::SyncFile { file }));
        Ok(())
    }
}

#[derive(Debug)]
struct RecordingPlaced {
    shared: Arc<Shared>,
    inner: Arc<dyn PlacedFile>,
    /// None outside the root.
    number: Option<usize>,
}

impl RecordingPlaced {
    fn change(
        &self,
        make: impl FnOnce() -> io::Result<()>,
        mutation: impl FnOnce(usize) -> Mutation,
    ) -> io::Result<()> {
        self.shared.admit()?;
        let mut log = self.shared.log();
        make()?;
        log.done.extend(self.number.map(mutation));
        Ok(())
    }
}

impl PlacedFile for RecordingPlaced {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let make = || self.inner.write_at(bytes, offset);
        let bytes = Arc::new(bytes.to_vec());
        self.change(make, |file| Mutation::WriteAt { file, offset, bytes })
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.change(|| self.inner.cut(length), |file| Mutation::Cut { file, length })
    }

    fn sync(&self) -> io::Result<()> {
        if self.shared.is_forgotten() {
            return Ok(());
        }
        self.change(|| Ok(()), |file| Mutation::SyncFile { file })
    }
}
