//! The folder of a store: what lies where, making it, and deciding whether a folder is one.
//!
//! **Format**: folders 0700, files 0600. `format` holds `exp store 1\n`, the number being the
//! version of the layout. It is written last, so that a folder without it is no store but at most
//! a half-made one, which [`create`] finishes.
//!
//! **Durability**: a store is durable when [`create`] returns.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::lock::{LockFile, Sharing};
use super::pack::write::remove_stale;
use crate::base::disk::{Disk, write_new};
use crate::base::limits::LOCK_TRIES_MAX;
use crate::base::limits::SETTINGS_BYTES_MAX;
use crate::base::regular;

/// The version of the layout that this program makes and knows.
pub const FORMAT_VERSION: u64 = 1;
/// Permission bits of a folder.
pub const FOLDER_MODE: u32 = 0o700;
/// Permission bits of a file.
pub const FILE_MODE: u32 = 0o600;

/// The folders, each with its purpose in ARCHITECTURE.md.
const FOLDERS: [&str; 8] =
    ["heads", "packs", "catalogue", "stat", "runs", "intents", "tmp", "locks"];
const FORMAT_FILE: &str = "format";
const FORMAT_WORD: &str = "exp store ";
const CONFIG_FILE: &str = "config.toml";
const IGNORE_FILE: &str = ".gitignore";

/// Files that a store may have beside its folders.
const FILES: [&str; 7] =
    [FORMAT_FILE, CONFIG_FILE, IGNORE_FILE, "journal", "source", "view", "secret"];

/// Where things lie in a store.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Of the store in that folder.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// One empty file per head operation.
    pub fn heads(&self) -> PathBuf {
        self.root.join("heads")
    }

    /// All objects.
    pub fn packs(&self) -> PathBuf {
        self.root.join("packs")
    }

    /// What sled makes of all that.
    pub fn catalogue(&self) -> PathBuf {
        self.root.join("catalogue")
    }

    /// A folder for each workspace that the store knows, with its stat cache.
    pub fn stat(&self) -> PathBuf {
        self.root.join("stat")
    }

    /// Logs of approaches and stages.
    pub fn runs(&self) -> PathBuf {
        self.root.join("runs")
    }

    /// Restores that have begun.
    pub fn intents(&self) -> PathBuf {
        self.root.join("intents")
    }

    /// Half-made files.
    pub fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// Segments of the journal; made with its first frame.
    pub fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }

    /// Empty files to lock, and notes on who holds them.
    pub fn locks(&self) -> PathBuf {
        self.root.join("locks")
    }

    /// The store's settings.
    pub fn config(&self) -> PathBuf {
        self.root.join(CONFIG_FILE)
    }
}

/// Makes a store, or finishes one whose making was cut short. The folder that it lies in must
/// exist.
///
/// # Errors
/// [`StoreError::IsAStore`], [`StoreError::ForeignOwner`], or the disk's.
pub fn create(root: &Path, disk: &dyn Disk, config_text: &str) -> Result<(), StoreError> {
    let layout = Layout::new(root);
    refuse_links(root)?;
    make_folder(disk, root)?;
    check_owner(root)?;
    refuse_others(root)?;
    if root.join(FORMAT_FILE).exists() {
        return Err(StoreError::IsAStore { path: root.to_owned() });
    }
    FOLDERS.iter().try_for_each(|name| make_folder(disk, &root.join(name)))?;
    // Two that make the same store at once: the second one finds it made.
    let lock = LockFile::new(&layout.locks(), "create", "the store");
    let _alone = lock.lock(Sharing::Exclusive, LOCK_TRIES_MAX)?;
    if root.join(FORMAT_FILE).exists() {
        return Err(StoreError::IsAStore { path: root.to_owned() });
    }
    remove_stale(disk, &layout.tmp());
    place(disk, &layout, CONFIG_FILE, config_text)?;
    // Where the folder around it becomes a git repository later, git must not take the store.
    keep_out_of_git(root)?;
    // Everything stands before the file that says so, and the folder itself has its name.
    sync_folder(disk, root)?;
    if let Some(parent) = root.parent() {
        sync_folder(disk, parent)?;
    }
    place(disk, &layout, FORMAT_FILE, &format!("{FORMAT_WORD}{FORMAT_VERSION}\n"))?;
    sync_folder(disk, root)
}

/// Refuses a folder that is no store, of another user, or of a newer format.
///
/// # Errors
/// [`StoreError::NotAStore`], [`StoreError::ForeignOwner`], [`StoreError::NewerFormat`],
/// [`StoreError::Corrupt`], or the disk's.
pub fn check(root: &Path) -> Result<(), StoreError> {
    let path = root.join(FORMAT_FILE);
    let none = || StoreError::NotAStore { path: root.to_owned() };
    refuse_links(root)?;
    match fs::metadata(root) {
        Ok(facts) if facts.is_dir() => check_owner(root)?,
        Ok(_) => return Err(none()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(none()),
        Err(e) => return Err(StoreError::from_io(root, e)),
    }
    let text = match regular::read(&path, SETTINGS_BYTES_MAX) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        // It is durable before the first head is made: with one, this is no half-made store.
        Err(e) if e.kind() == io::ErrorKind::NotFound && has_heads(root) => {
            let what = "it is not there, though the store has a head".to_owned();
            return Err(StoreError::Corrupt { path, what });
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(none()),
        Err(e) => return Err(StoreError::from_io(&path, e)),
    };
    let number = text.strip_prefix(FORMAT_WORD).and_then(|rest| rest.strip_suffix('\n'));
    match number.and_then(|number| number.parse::<u64>().ok()) {
        Some(FORMAT_VERSION) => Ok(()),
        Some(found) if found > FORMAT_VERSION => {
            let path = root.to_owned();
            Err(StoreError::NewerFormat { path, found, known: FORMAT_VERSION })
        }
        _ => Err(StoreError::Corrupt { path, what: "it names no format".to_owned() }),
    }
}

/// Whether a folder is a store, or what damage has left of one: [`check`] tells the two apart.
pub fn is_any(root: &Path) -> Result<bool, StoreError> {
    let format = root.join(FORMAT_FILE);
    match fs::symlink_metadata(&format) {
        Ok(_) => Ok(true),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(has_heads(root))
        }
        Err(e) => Err(StoreError::from_io(&format, e)),
    }
}

/// Refuses a link where a store or a folder of it would be: it could lead to files of the user's, of
/// which a store removes some.
fn refuse_links(root: &Path) -> Result<(), StoreError> {
    let inside = FOLDERS.iter().map(|name| root.join(name));
    for path in std::iter::once(root.to_owned()).chain(inside) {
        if fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink()) {
            return Err(StoreError::Link { path });
        }
    }
    Ok(())
}

/// Refuses a folder that holds what no store has, when one is to be made in it.
fn refuse_others(root: &Path) -> Result<(), StoreError> {
    let entries = fs::read_dir(root).map_err(|e| StoreError::from_io(root, e))?;
    for entry in entries {
        let name = entry.map_err(|e| StoreError::from_io(root, e))?.file_name();
        let is_ours = FOLDERS.iter().chain(&FILES).any(|ours| name == *ours);
        if !is_ours {
            return Err(StoreError::NotEmpty { path: root.to_owned(), name });
        }
    }
    Ok(())
}

fn has_heads(root: &Path) -> bool {
    fs::read_dir(Layout::new(root).heads()).is_ok_and(|mut heads| heads.next().is_some())
}

fn check_owner(root: &Path) -> Result<(), StoreError> {
    let owner = fs::metadata(root).map_err(|e| StoreError::from_io(root, e))?.uid();
    if owner == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(StoreError::ForeignOwner { path: root.to_owned(), owner })
}

fn make_folder(disk: &dyn Disk, path: &Path) -> Result<(), StoreError> {
    match disk.create_dir(path, FOLDER_MODE) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made.map_err(|e| StoreError::from_io(path, e)),
    }
}

/// Puts a whole file into place: the name never stands for half of its content.
fn place(disk: &dyn Disk, layout: &Layout, name: &str, text: &str) -> Result<(), StoreError> {
    let made = layout.tmp().join(format!("{name}-{}", std::process::id()));
    write_new(disk, &made, FILE_MODE, text.as_bytes())
        .map_err(|e| StoreError::from_io(&made, e))?;
    let target = layout.root().join(name);
    disk.rename(&made, &target).map_err(|e| StoreError::from_io(&target, e))
}

/// Neither durable nor part of what a crash is proved for: a store without it, or with half of it, is
/// a store.
fn keep_out_of_git(root: &Path) -> Result<(), StoreError> {
    let path = root.join(IGNORE_FILE);
    let mut options = fs::OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(FILE_MODE).open(&path);
    match opened.and_then(|mut file| file.write_all(b"*\n")) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(StoreError::from_io(&path, e)),
        _ => Ok(()),
    }
}

fn sync_folder(disk: &dyn Disk, path: &Path) -> Result<(), StoreError> {
    // A relative path of one part lies in the present folder, whose name is empty here.
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    disk.sync_dir(path).map_err(|e| StoreError::from_io(path, e))
}
