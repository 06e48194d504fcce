//! The folders of overlay layers, outside the workspace.
//!
//! **Format** of the state folder: `views/<label>.lock`, `views/<label>/upper`, `.../work`,
//! `.../git`, `.../git-work`, `.../note`, `.../identity`, `.../inner`, `.../store`; a `/` in a label
//! is written `%`, which no label has. `views/<label>~gone` is a layer on its way out (no label has a `~`,
//! and none ends in `.lock`).
//!
//! **Invariant**: an upper belongs to one [`Layer`] value at a time, in all processes. The same
//! upper mounted twice is silently undefined.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::error::IsolateError;
use super::lock::Lock;
use super::note::{Note, remove_if_there};
use crate::base::disk::Disk;
use crate::base::mount::{Bind, MountPlan, Overlay};
use crate::base::name::Label;

/// The layers of one store.
#[derive(Clone, Debug)]
pub struct Layers {
    folder: PathBuf,
}

impl Layers {
    /// Those in a state folder, which the first [`Layers::take`] makes.
    pub fn new(state: &Path) -> Self {
        Self { folder: state.join("views") }
    }

    /// Takes the layer of that name, new and empty or as it was left.
    ///
    /// # Errors
    /// [`IsolateError::Busy`] while another holds it.
    pub fn take(&self, disk: &dyn Disk, name: &Label) -> Result<Layer, IsolateError> {
        make_folders(disk, &self.folder)?;
        let busy = || IsolateError::Busy { path: self.folder.join(file_name(name)) };
        let lock = Lock::take(&self.lock_of(name))?.ok_or_else(busy)?;
        let layer = self.layer(name, lock);
        // A removal that did not come to its end.
        remove_stubborn(&layer.gone)?;
        for path in layer.folders() {
            make_folders(disk, &path)?;
        }
        Ok(layer)
    }

    /// The names of all layers that lie there, used or not.
    ///
    /// # Errors
    /// The disk's.
    pub fn names(&self) -> Result<Vec<Label>, IsolateError> {
        let wrap = |error| IsolateError::disk("list", &self.folder)(error);
        let listing = match fs::read_dir(&self.folder) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(wrap(error)),
        };
        let mut names = Vec::new();
        for item in listing {
            let item = item.map_err(wrap)?;
            let name = item.file_name();
            // A half-removed one counts by its lock's name, which goes last.
            let name = name.to_str().map(|name| name.trim_end_matches("~gone").replace('%', "/"));
            if let Some(Ok(label)) = name.map(Label::new) {
                names.push(label);
            }
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Those that nobody holds and that still have an identity: a process that died left them.
    ///
    /// # Errors
    /// The disk's.
    pub fn left(&self) -> Result<Vec<Layer>, IsolateError> {
        let mut left = Vec::new();
        for name in self.names()? {
            let layer = |lock| self.layer(&name, lock);
            let identity = self.folder.join(file_name(&name)).join("identity");
            if !identity.exists() {
                continue;
            }
            if let Some(lock) = Lock::take(&self.lock_of(&name))? {
                // Its holder may have come to its end just now.
                left.extend(identity.exists().then(|| layer(lock)));
            }
        }
        Ok(left)
    }

    fn lock_of(&self, name: &Label) -> PathBuf {
        self.folder.join(format!("{}.lock", file_name(name)))
    }

    fn layer(&self, name: &Label, lock: Lock) -> Layer {
        let file_name = file_name(name);
        let gone = self.folder.join(format!("{file_name}~gone"));
        Layer { gone, folder: self.folder.join(file_name), lock }
    }

    /// Those that nobody holds: left by a process that died, or kept for later.
    ///
    /// # Errors
    /// The disk's.
    pub fn idle(&self) -> Result<Vec<Label>, IsolateError> {
        let mut idle = Vec::new();
        for name in self.names()? {
            if Lock::take(&self.lock_of(&name))?.is_some() {
                idle.push(name);
            }
        }
        Ok(idle)
    }
}

/// No label has a `%`, so that two never share a folder.
fn file_name(name: &Label) -> String {
    name.as_str().replace('/', "%")
}

/// One layer, held.
#[derive(Debug)]
pub struct Layer {
    folder: PathBuf,
    gone: PathBuf,
    lock: Lock,
}

impl Layer {
    /// Where changes go.
    pub fn upper(&self) -> PathBuf {
        self.folder.join("upper")
    }

    /// Where whose view it is can be noted: gone with the layer.
    pub fn identity(&self) -> PathBuf {
        self.folder.join("identity")
    }

    /// A folder for what the view's own workspace remembers. Made new.
    ///
    /// # Errors
    /// The disk's.
    pub fn inner(&self, disk: &dyn Disk) -> Result<PathBuf, IsolateError> {
        let folder = self.folder.join("inner");
        make_folders(disk, &folder)?;
        Ok(folder)
    }

    /// The kernel's own folder.
    pub fn work(&self) -> PathBuf {
        self.folder.join("work")
    }

    /// The upper and the kernel's folder for a git folder that lies outside the workspace.
    fn git(&self) -> [PathBuf; 2] {
        ["git", "git-work"].map(|name| self.folder.join(name))
    }

    /// What was changed in a git folder outside the workspace, over that folder's own files.
    pub fn git_upper(&self) -> PathBuf {
        let [upper, _] = self.git();
        upper
    }

    fn folders(&self) -> [PathBuf; 4] {
        let [git, git_work] = self.git();
        [self.upper(), self.work(), git, git_work]
    }

    /// Which trees it stands on; none when it was never ready.
    ///
    /// # Errors
    /// The disk's.
    pub fn note(&self) -> Result<Option<Note>, IsolateError> {
        Note::read(&self.folder.join("note"))
    }

    /// Says that the upper is ready. Until then a capture of it would be wrong.
    ///
    /// # Errors
    /// The disk's.
    pub fn set_note(&self, disk: &dyn Disk, note: Note) -> Result<(), IsolateError> {
        note.write(disk, &self.folder.join("note"))
    }

    /// Empties it, so that it can be prepared anew. What was not captured is lost.
    ///
    /// # Errors
    /// The disk's.
    pub fn clear(&self, disk: &dyn Disk) -> Result<(), IsolateError> {
        // The note first: without it what is left is not taken for a layer.
        remove_if_there(disk, &self.folder.join("note"))?;
        for path in self.folders() {
            remove_stubborn(&path)?;
            make_folders(disk, &path)?;
        }
        Ok(())
    }

    /// Removes it and its lock. What was not captured is lost.
    ///
    /// # Errors
    /// The disk's.
    pub fn remove(self, disk: &dyn Disk) -> Result<(), IsolateError> {
        // Renamed first, so that half a layer is never taken for one.
        let wrap = IsolateError::disk("set aside", &self.folder);
        disk.rename(&self.folder, &self.gone).map_err(wrap)?;
        remove_stubborn(&self.gone)?;
        self.lock.remove()
    }
}

/// What a view is made of, apart from its layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewPlan<'a> {
    /// The workspace (git's top level in a repository), whose path the view has.
    pub workspace: &'a Path,
    /// The folders underneath, topmost first: for a live view the workspace itself.
    pub lowers: Vec<PathBuf>,
    /// The folder of git's references and objects, where it lies outside the workspace: a commit
    /// in the view would else move the user's branch.
    pub git: Option<&'a Path>,
    /// The store, shown at its usual place, read-only.
    pub store: &'a Path,
    /// What is bound after all that.
    pub more: Vec<Bind>,
}

/// The mounts of a view.
pub fn mount_plan(layer: &Layer, view: ViewPlan<'_>) -> MountPlan {
    let (upper, work, target) = (layer.upper(), layer.work(), view.workspace.to_owned());
    let mut overlays = vec![Overlay { lowers: view.lowers, upper, work, target }];
    if let Some(git) = view.git {
        let ([upper, work], target) = (layer.git(), git.to_owned());
        overlays.push(Overlay { lowers: vec![target.clone()], upper, work, target });
    }
    let (source, target) = (view.store.to_owned(), view.store.to_owned());
    let mut binds = vec![Bind { source, target, read_only: true }];
    binds.extend(view.more);
    MountPlan { overlays, binds }
}

/// Makes a folder and those above it, for nobody else to read.
pub(super) fn make_folders(disk: &dyn Disk, path: &Path) -> Result<(), IsolateError> {
    match disk.create_dir(path, 0o700) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let Some(parent) = path.parent() else {
                return Err(IsolateError::disk("create", path)(error));
            };
            make_folders(disk, parent)?;
            match disk.create_dir(path, 0o700) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    Err(IsolateError::disk("create", path)(error))
                }
                _ => Ok(()),
            }
        }
        Err(error) => Err(IsolateError::disk("create", path)(error)),
    }
}

/// Gives us back the right to look into each folder below, and to write there: what ran in a copy may
/// have taken it, as the caches of some tools do. Links are not followed.
///
/// # Errors
/// The disk's.
pub fn make_accessible(path: &Path) -> Result<(), IsolateError> {
    const OURS: u32 = 0o700;
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        let wrap = |error| IsolateError::disk("enter", &folder)(error);
        let mode = match fs::symlink_metadata(&folder) {
            Ok(meta) if meta.is_dir() => meta.permissions().mode(),
            Ok(_) => continue,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(wrap(error)),
        };
        if mode & OURS != OURS {
            let mode = fs::Permissions::from_mode(mode & 0o7777 | OURS);
            fs::set_permissions(&folder, mode).map_err(wrap)?;
        }
        for item in fs::read_dir(&folder).map_err(wrap)? {
            let item = item.map_err(wrap)?;
            if item.file_type().map_err(wrap)?.is_dir() {
                folders.push(item.path());
            }
        }
    }
    Ok(())
}

/// Removes a folder and all below it, also what commands left without permission to be removed,
/// and the kernel's own folder in `work`, which has mode 000. Absent is no fault. For layers and
/// trial views only: nothing in them is anybody's only copy.
///
/// # Errors
/// The disk's.
pub fn remove_stubborn(path: &Path) -> Result<(), IsolateError> {
    let wrap = |error| IsolateError::disk("remove", path)(error);
    match fs::remove_dir_all(path) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() != io::ErrorKind::PermissionDenied => return Err(wrap(error)),
        Err(_) => {}
    }
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).map_err(wrap)?;
        for item in fs::read_dir(&folder).map_err(wrap)? {
            let item = item.map_err(wrap)?;
            if item.file_type().map_err(wrap)?.is_dir() {
                folders.push(item.path());
            }
        }
    }
    fs::remove_dir_all(path).map_err(wrap)
}
