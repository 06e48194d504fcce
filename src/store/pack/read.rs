//! Reading one pack: its tables once, pages of its index and its blocks as they are asked for, by
//! `pread`.
//!
//! Guarantees that what it returns is what was written, or an error. Files are not mapped into
//! memory: a file that is cut short under a map is a signal, not an error (traps.md, 40).
//!
//! Does not know which other packs there are.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::super::error::{damaged, disk_error};
use super::format::{
    BlockEntry, FOOTER_BYTES, Footer, HEADER_BYTES, IndexEntry, TABLE_ENTRY_BYTES, block_digest,
    tables_digest,
};
use super::index::{PageSource, PagedIndex};
use crate::base::id::{Hash, Kind, ObjectId};
use crate::base::limits::BLOCK_BYTES_MAX;
use crate::object::traits::ObjectError;

/// Bytes read at once from the end: for a small pack footer, index and table, so one read.
const TAIL_BYTES: u64 = 16 << 10;

/// A pack of which the name is known. Opened when first asked.
#[derive(Debug)]
pub struct Pack {
    /// Its file.
    pub path: PathBuf,
    /// The digest that names it.
    pub name: Hash,
    /// Bytes on disk.
    pub bytes: u64,
    opened: OnceLock<OpenPack>,
}

impl Pack {
    /// Takes its name and length for known; reads nothing.
    pub fn new(path: PathBuf, name: Hash, bytes: u64) -> Self {
        Self { path, name, bytes, opened: OnceLock::new() }
    }

    /// Opens it, or returns it as opened before.
    ///
    /// # Errors
    /// [`ObjectError::Disk`] (with `NotFound` when a compaction took it), [`ObjectError::File`].
    pub fn open(&self) -> Result<&OpenPack, ObjectError> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let opened = OpenPack::open(&self.path, self.name)?;
        Ok(self.opened.get_or_init(|| opened))
    }
}

/// A pack whose tables are in memory.
#[derive(Debug)]
pub struct OpenPack {
    file: PackFile,
    footer: Footer,
    blocks: Vec<BlockEntry>,
    index: PagedIndex,
    /// Of each block whether it is whole, once somebody had to know.
    proved: Vec<OnceLock<bool>>,
}

/// The file of a pack, with its end as it was read at the opening.
#[derive(Debug)]
struct PackFile {
    path: PathBuf,
    file: File,
    /// Where the index begins.
    index_offset: u64,
    /// The bytes from `tail_offset` on. Kept only where the index lies within: for a small pack.
    tail: Vec<u8>,
    tail_offset: u64,
}

impl PackFile {
    /// So many bytes from a place.
    fn bytes(&self, offset: u64, count: usize) -> Result<Vec<u8>, ObjectError> {
        let start = offset.checked_sub(self.tail_offset).and_then(|at| usize::try_from(at).ok());
        let kept = start.and_then(|at| self.tail.get(at..at.checked_add(count)?));
        kept.map_or_else(|| read_at(&self.file, &self.path, offset, count), |b| Ok(b.to_vec()))
    }
}

impl PageSource for PackFile {
    fn read(&self, offset: usize, count: usize) -> Result<Vec<u8>, ObjectError> {
        self.bytes(self.index_offset + offset as u64, count)
    }

    fn damaged(&self, what: &str) -> ObjectError {
        damaged(&self.path, what)
    }
}

impl OpenPack {
    fn open(path: &Path, name: Hash) -> Result<Self, ObjectError> {
        let file = File::open(path).map_err(|e| disk_error(path, e))?;
        let length = file.metadata().map_err(|e| disk_error(path, e))?.len();
        let tail_offset = length.saturating_sub(TAIL_BYTES);
        let count = usize::try_from(length - tail_offset).unwrap_or(0);
        let tail = read_at(&file, path, tail_offset, count)?;
        let Some(footer) = tail.last_chunk::<FOOTER_BYTES>() else {
            return Err(damaged(path, "it is shorter than a footer"));
        };
        let (footer, found) = Footer::read(footer, length).map_err(|what| damaged(path, what))?;
        if found != name {
            return Err(damaged(path, "it has the name of another pack"));
        }
        let index_offset = footer.index_offset;
        let mut file = PackFile { path: path.to_owned(), file, index_offset, tail, tail_offset };
        let tables_end = length - FOOTER_BYTES as u64;
        // The parts of the file add up to its length, so this is less than the file has.
        let tables =
            file.bytes(footer.table_offset, (tables_end - footer.table_offset) as usize)?;
        if tables_digest(&tables) != footer.tables_digest {
            return Err(damaged(path, "its tables are not what their digest says"));
        }
        if index_offset < tail_offset {
            file.tail = Vec::new();
        }
        let (table, rest) = tables.split_at(footer.blocks as usize * TABLE_ENTRY_BYTES);
        let blocks: Vec<_> = table.as_chunks().0.iter().map(BlockEntry::read).collect();
        let proved = std::iter::repeat_with(OnceLock::new).take(blocks.len()).collect();
        let pack = Self { file, footer, blocks, index: PagedIndex::new(&footer, rest), proved };
        pack.check_blocks()?;
        Ok(pack)
    }

    /// Blocks follow each other without gaps from the header to where they must end.
    fn check_blocks(&self) -> Result<(), ObjectError> {
        let mut end = HEADER_BYTES as u64;
        for block in &self.blocks {
            if block.offset != end || block.raw as usize > BLOCK_BYTES_MAX {
                return Err(self.file.damaged("its blocks do not follow each other"));
            }
            end += u64::from(block.compressed);
        }
        if end != self.footer.blocks_end() {
            return Err(self.file.damaged("its blocks do not end where its next part begins"));
        }
        Ok(())
    }

    /// Whether a block is what its digest says. It is read once, and not decompressed.
    pub fn is_whole(&self, number: u32) -> bool {
        let proved = self.proved.get(number as usize);
        proved.is_some_and(|proved| *proved.get_or_init(|| self.compressed(number).is_ok()))
    }

    /// How many objects it has.
    pub fn count(&self) -> usize {
        self.footer.objects as usize
    }

    /// Where its blocks lie, in order.
    pub fn blocks(&self) -> &[BlockEntry] {
        &self.blocks
    }

    /// The object at that place of the index.
    ///
    /// # Errors
    /// The disk's; [`ObjectError::File`], also for a kind that this program does not know.
    pub fn entry(&self, at: usize) -> Result<IndexEntry, ObjectError> {
        self.index.entry(&self.file, at)
    }

    /// The place of the first object that is not before this one.
    ///
    /// # Errors
    /// As [`OpenPack::entry`].
    pub fn position(&self, kind: Kind, hash: &[u8]) -> Result<usize, ObjectError> {
        self.index.position(&self.file, (kind as u8, hash))
    }

    /// Where an object lies in it, if it does.
    ///
    /// # Errors
    /// As [`OpenPack::entry`].
    pub fn lookup(&self, id: ObjectId) -> Result<Option<IndexEntry>, ObjectError> {
        self.index.lookup(&self.file, id)
    }

    /// A block as it lies in the file, checked against its digest.
    ///
    /// # Errors
    /// [`ObjectError::Disk`], [`ObjectError::File`].
    pub fn compressed(&self, number: u32) -> Result<(BlockEntry, Vec<u8>), ObjectError> {
        let Some(block) = self.blocks.get(number as usize) else {
            return Err(self.file.damaged(&format!("it has no block {number}")));
        };
        let bytes = self.file.bytes(block.offset, block.compressed as usize)?;
        if block_digest(&bytes) != block.digest {
            let what = format!("block {number} is not what its digest says");
            return Err(self.file.damaged(&what));
        }
        Ok((*block, bytes))
    }

    /// The content of a block.
    ///
    /// # Errors
    /// [`ObjectError::Disk`], [`ObjectError::File`].
    pub fn block(&self, number: u32) -> Result<Vec<u8>, ObjectError> {
        let (block, bytes) = self.compressed(number)?;
        decompress(&self.file.path, &bytes, block.raw)
    }

    /// Whether it begins as a pack must; the rest is checked as it is read.
    ///
    /// # Errors
    /// [`ObjectError::Disk`], [`ObjectError::File`].
    pub fn check_header(&self) -> Result<(), ObjectError> {
        if self.file.bytes(0, HEADER_BYTES)? == self.footer.version.header() {
            return Ok(());
        }
        Err(self.file.damaged("it does not begin like a pack of its version"))
    }
}

/// The content of a compressed block that must have that length.
///
/// # Errors
/// [`ObjectError::File`].
pub fn decompress(path: &Path, bytes: &[u8], raw: u32) -> Result<Vec<u8>, ObjectError> {
    let content = zstd::bulk::decompress(bytes, raw as usize)
        .map_err(|e| damaged(path, format!("a block could not be decompressed: {e}")))?;
    if content.len() == raw as usize {
        return Ok(content);
    }
    Err(damaged(path, "a block is shorter than its table says"))
}

/// Bytes of an object in the content of its block.
///
/// # Errors
/// [`ObjectError::File`].
pub fn cut<'b>(path: &Path, block: &'b [u8], entry: &IndexEntry) -> Result<&'b [u8], ObjectError> {
    let (start, length) = (entry.offset as usize, entry.length as usize);
    let bytes = start.checked_add(length).and_then(|end| block.get(start..end));
    bytes.ok_or_else(|| damaged(path, format!("{} lies outside its block", entry.id)))
}

/// Reads so many bytes from a place.
///
/// # Errors
/// [`ObjectError::Disk`]; [`ObjectError::File`] when the file ends before.
pub fn read_at(
    file: &File,
    path: &Path,
    offset: u64,
    count: usize,
) -> Result<Vec<u8>, ObjectError> {
    let mut bytes = vec![0; count];
    match file.read_exact_at(&mut bytes, offset) {
        Ok(()) => Ok(bytes),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
            Err(damaged(path, "it ends too early"))
        }
        Err(e) => Err(disk_error(path, e)),
    }
}
