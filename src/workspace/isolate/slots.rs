//! The pool of folders for the copy backend.
//!
//! A slot has a path that never changes, so that what was built in it stays warm; whoever takes it
//! brings it to a tree by writing only the difference. **Format** of the state folder:
//! `slots/<number>.lock`, `slots/<number>/files`, `.../note`, `.../stat`; while it is a view
//! `.../identity` and `.../inner`.

use std::path::{Path, PathBuf};

use super::error::IsolateError;
use super::layers::{make_folders, remove_stubborn};
use super::lock::Lock;
use super::note::{Note, remove_if_there};
use crate::base::disk::Disk;
use crate::base::id::TreeId;

/// Where slots come from.
#[derive(Clone, Debug)]
pub struct SlotPool {
    folder: PathBuf,
    slots_max: usize,
}

/// A slot, held until dropped.
#[derive(Debug)]
pub struct Slot {
    folder: PathBuf,
    _lock: Lock,
}

impl SlotPool {
    /// At most `slots_max` slots in a state folder.
    pub fn new(state: &Path, slots_max: usize) -> Self {
        Self { folder: state.join("slots"), slots_max }
    }

    /// Takes a slot that nobody holds: one that holds `wanted` if there is one, else the first.
    ///
    /// # Errors
    /// [`IsolateError::Busy`] when all are held.
    pub fn take(&self, disk: &dyn Disk, wanted: Option<TreeId>) -> Result<Slot, IsolateError> {
        make_folders(disk, &self.folder)?;
        let mut first = None;
        for number in 0..self.slots_max {
            let folder = self.folder.join(number.to_string());
            let path = self.folder.join(format!("{number}.lock"));
            // Slots come one after the other: beyond the first that never was there is none.
            if first.is_some() && !path.exists() {
                break;
            }
            let Some(lock) = Lock::take(&path)? else {
                continue;
            };
            let slot = Slot { folder, _lock: lock };
            if slot.identity().exists() {
                continue;
            }
            if wanted.is_none() || slot.holds()? == wanted {
                return slot.ready(disk);
            }
            // Kept held while the others are looked at, so that it is not taken meanwhile.
            first = first.or(Some(slot));
        }
        match first {
            Some(slot) => slot.ready(disk),
            None => Err(IsolateError::Busy { path: self.folder.clone() }),
        }
    }
}

impl SlotPool {
    /// The slots that nobody holds and that still have an identity: a process that died left them.
    ///
    /// # Errors
    /// The disk's.
    pub fn left(&self) -> Result<Vec<Slot>, IsolateError> {
        let mut left = Vec::new();
        for number in 0..self.slots_max {
            let folder = self.folder.join(number.to_string());
            let lock = self.folder.join(format!("{number}.lock"));
            // They are taken in order, and a lock's file stays.
            if !lock.exists() {
                break;
            }
            if !folder.join("identity").exists() {
                continue;
            }
            if let Some(lock) = Lock::take(&lock)? {
                // Its holder may have come to its end just now.
                let slot = Slot { folder, _lock: lock };
                left.extend(slot.identity().exists().then_some(slot));
            }
        }
        Ok(left)
    }
}

impl Slot {
    fn ready(self, disk: &dyn Disk) -> Result<Self, IsolateError> {
        make_folders(disk, &self.files())?;
        Ok(self)
    }

    /// The folder that is the view.
    pub fn files(&self) -> PathBuf {
        self.folder.join("files")
    }

    /// Where whose view it is can be noted. While it is there, nobody else is given the slot: what
    /// a process that died left in it is not saved yet.
    pub fn identity(&self) -> PathBuf {
        self.folder.join("identity")
    }

    /// A folder for what the view's own workspace remembers. Made new.
    ///
    /// # Errors
    /// The disk's.
    pub fn inner(&self, disk: &dyn Disk) -> Result<PathBuf, IsolateError> {
        let folder = self.folder.join("inner");
        remove_stubborn(&folder)?;
        make_folders(disk, &folder)?;
        Ok(folder)
    }

    /// Where its stat cache is kept.
    pub fn stat_cache(&self) -> PathBuf {
        self.folder.join("stat")
    }

    /// The tree that it was last brought to; none when nothing is known of its files.
    ///
    /// # Errors
    /// The disk's.
    pub fn holds(&self) -> Result<Option<TreeId>, IsolateError> {
        Ok(Note::read(&self.folder.join("note"))?.map(|note| note.base))
    }

    /// Says which tree it holds now; none before its files are changed.
    ///
    /// # Errors
    /// The disk's.
    pub fn set_holds(&self, disk: &dyn Disk, tree: Option<TreeId>) -> Result<(), IsolateError> {
        let path = self.folder.join("note");
        match tree {
            Some(tree) => Note { base: tree, shown: tree }.write(disk, &path),
            None => remove_if_there(disk, &path),
        }
    }
}
