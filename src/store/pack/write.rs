//! Writing one pack: blocks as they come, into a locked file in `tmp/`, then the tables.
//!
//! **Durability**: [`PackWriter::finish`] makes the content durable and gives it its name in
//! `packs/`; the name is durable after a sync of that folder, which is the caller's.
//!
//! Does not know which objects belong in it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::error::{damaged, disk_error};
use super::super::layout::FILE_MODE;
use super::block::PackedBlock;
use super::format::{
    BlockEntry, Footer, INDEX_ENTRY_BYTES, IndexEntry, PAGE_ENTRIES, PageEntry, Version,
    block_digest, page_digest, tables_digest,
};
use super::read::{Pack, decompress, read_at};
use super::set::pack_file_name;
use crate::base::disk::{Disk, DiskFile};
use crate::base::id::Hash;
use crate::base::limits::LOCK_TRIES_MAX;
use crate::object::traits::ObjectError;

/// A pack that is being written. Dropped before it is finished, it takes its file away again.
pub struct PackWriter {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: Box<dyn DiskFile>,
    /// Holds the lock that tells others that the file is in use, and reads back what was written.
    reader: File,
    length: u64,
    blocks: Vec<BlockEntry>,
    index: Vec<IndexEntry>,
    is_finished: bool,
}

static COUNTER: AtomicU64 = AtomicU64::new(0);

impl PackWriter {
    /// Begins a file in `tmp/`.
    ///
    /// # Errors
    /// [`ObjectError::Disk`].
    pub fn create(disk: Arc<dyn Disk>, tmp: &Path) -> Result<Self, ObjectError> {
        let (path, file, reader) = create_locked(disk.as_ref(), tmp)?;
        let (blocks, index) = (Vec::new(), Vec::new());
        let mut pack =
            Self { disk, path, file, reader, length: 0, blocks, index, is_finished: false };
        pack.write(&Version::Two.header())?;
        Ok(pack)
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.length
    }

    /// Adds a block; returns its number. No object may be in the pack already.
    ///
    /// # Errors
    /// [`ObjectError::Disk`].
    pub fn add(&mut self, block: &PackedBlock) -> Result<u32, ObjectError> {
        self.add_digested(block, block_digest(&block.compressed))
    }

    /// The same with the digest of the block, for who reckons it beside others.
    ///
    /// # Errors
    /// As [`PackWriter::add`].
    pub fn add_digested(&mut self, block: &PackedBlock, digest: Hash) -> Result<u32, ObjectError> {
        let number = self.blocks.len() as u32;
        self.blocks.push(BlockEntry {
            offset: self.length,
            compressed: block.compressed.len() as u32,
            raw: block.raw,
            digest,
        });
        self.index.extend(block.objects.iter().map(|(id, offset, length)| IndexEntry {
            id: *id,
            block: number,
            offset: *offset,
            length: *length,
        }));
        self.write(&block.compressed)?;
        Ok(number)
    }

    /// Reads a block back.
    ///
    /// # Errors
    /// [`ObjectError::Disk`], [`ObjectError::File`].
    pub fn block(&self, number: u32) -> Result<Vec<u8>, ObjectError> {
        let Some(block) = self.blocks.get(number as usize) else {
            return Err(damaged(&self.path, format!("it has no block {number}")));
        };
        let bytes = read_at(&self.reader, &self.path, block.offset, block.compressed as usize)?;
        decompress(&self.path, &bytes, block.raw)
    }

    /// Writes the tables, makes the content durable, and gives the file its name in `packs`.
    ///
    /// # Errors
    /// [`ObjectError::Disk`].
    pub fn finish(mut self, packs: &Path) -> Result<Pack, ObjectError> {
        let (tail, name) = self.tail();
        self.write(&tail)?;
        self.file.sync().map_err(|e| disk_error(&self.path, e))?;
        let target = packs.join(pack_file_name(name));
        self.disk.rename(&self.path, &target).map_err(|e| disk_error(&target, e))?;
        self.is_finished = true;
        Ok(Pack::new(target, name, self.length))
    }

    /// Everything behind the blocks, and the digest that names the pack.
    fn tail(&mut self) -> (Vec<u8>, Hash) {
        self.index.sort_unstable();
        let mut tail = Vec::with_capacity(self.index.len() * (INDEX_ENTRY_BYTES + 1));
        let mut pages = Vec::new();
        for page in self.index.chunks(PAGE_ENTRIES) {
            let start = tail.len();
            page.iter().for_each(|entry| entry.write(&mut tail));
            PageEntry { first: page[0].id, digest: page_digest(&tail[start..]) }.write(&mut pages);
        }
        let index_bytes = tail.len();
        self.blocks.iter().for_each(|block| block.write(&mut tail));
        tail.extend_from_slice(&pages);
        let footer = Footer {
            version: Version::Two,
            blocks: self.blocks.len() as u32,
            objects: self.index.len() as u32,
            table_offset: self.length + index_bytes as u64,
            index_offset: self.length,
            tables_digest: tables_digest(&tail[index_bytes..]),
        };
        let (footer, name) = footer.write();
        tail.extend_from_slice(&footer);
        (tail, name)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ObjectError> {
        self.file.write_all(bytes).map_err(|e| disk_error(&self.path, e))?;
        self.length += bytes.len() as u64;
        Ok(())
    }
}

impl Drop for PackWriter {
    fn drop(&mut self) {
        if !self.is_finished {
            // What is left behind is found unlocked and removed by the next writer.
            let _ = self.disk.remove_file(&self.path);
        }
    }
}

/// A new file in `tmp/` that nobody takes for stale.
fn create_locked(
    disk: &dyn Disk,
    tmp: &Path,
) -> Result<(PathBuf, Box<dyn DiskFile>, File), ObjectError> {
    for _ in 0..LOCK_TRIES_MAX {
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        let path = tmp.join(format!("pack-{}-{count}", std::process::id()));
        let file = match disk.create(&path, FILE_MODE) {
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => continue,
            file => file.map_err(|e| disk_error(&path, e))?,
        };
        // Somebody who cleans up may have taken it before the lock: then another one.
        let Ok(reader) = File::open(&path) else { continue };
        if reader.try_lock().is_ok() && is_still_there(&path, &reader) {
            return Ok((path, file, reader));
        }
    }
    Err(damaged(tmp, "no file could be made in it and kept"))
}

fn is_still_there(path: &Path, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (std::fs::metadata(path), file.metadata()) {
        (Ok(named), Ok(open)) => (named.dev(), named.ino()) == (open.dev(), open.ino()),
        _ => false,
    }
}

/// How the names of half-made files in `tmp/` begin. Nothing else is removed there: the folder may be
/// another one than we think.
const HALF_MADE: [&[u8]; 7] =
    [b"pack-", b"retired-", b"journal-", b"source-", b"format-", b"config.toml-", b".gitignore-"];

/// Removes files of `tmp/` that no maker holds any more. What cannot be removed stays.
pub fn remove_stale(disk: &dyn Disk, tmp: &Path) {
    let Ok(files) = std::fs::read_dir(tmp) else { return };
    for file in files.flatten() {
        let path = file.path();
        let is_ours =
            HALF_MADE.iter().any(|ours| file.file_name().as_encoded_bytes().starts_with(ours));
        if !is_ours || !file.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        // Held until the file is gone, or a maker could lock what is about to be removed.
        let Ok(open) = File::open(&path) else { continue };
        if open.try_lock().is_ok() {
            let _ = disk.remove_file(&path);
        }
    }
}
