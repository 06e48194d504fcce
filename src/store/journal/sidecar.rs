//! The files with the indexes of sealed segments, so that opening a journal does not read it.
//!
//! They follow from the segments: they are not synced, one that is missing, damaged or of another
//! moment of its segment is made anew, and one that cannot be written is left out.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::index::Index;
use crate::base::disk::Disk;
use crate::store::layout::FILE_MODE;

/// The file name of a segment's index.
pub fn file_name(segment: u32) -> String {
    format!("{segment:08}.index")
}

/// Where indexes are kept.
#[derive(Debug)]
pub struct Sidecars {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    tmp: PathBuf,
}

static COUNTER: AtomicU64 = AtomicU64::new(0);

impl Sidecars {
    /// Beside the segments in `folder`, made in `tmp`.
    pub fn new(disk: Arc<dyn Disk>, folder: &Path, tmp: PathBuf) -> Self {
        Self { disk, folder: folder.to_owned(), tmp }
    }

    /// The index of a segment that ends there, if it is kept.
    pub fn get(&self, segment: u32, end: u64) -> Option<Index> {
        read(&self.folder, segment, end)
    }

    /// Keeps the index of a segment that is sealed and durable. Of a damaged segment none is kept:
    /// nobody may take its frames for all that there were.
    pub fn put(&self, segment: u32, index: &Index) {
        if !index.damaged.is_empty() {
            return;
        }
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        let made = self.tmp.join(format!("journal-{}-{count}", std::process::id()));
        let Ok(mut file) = self.disk.create(&made, FILE_MODE) else { return };
        let written = file.write_all(&index.write(segment));
        drop(file);
        let target = self.folder.join(file_name(segment));
        if written.and_then(|()| self.disk.rename(&made, &target)).is_err() {
            let _ = self.disk.remove_file(&made);
        }
    }
}

/// The index of a segment that ends there, if its file is sound.
pub fn read(folder: &Path, segment: u32, end: u64) -> Option<Index> {
    let bytes = fs::read(folder.join(file_name(segment))).ok()?;
    Index::read(&bytes, segment, end)
}
