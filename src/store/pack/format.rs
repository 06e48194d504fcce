//! The bytes of a pack: where what stands, and nothing of files.
//!
//! **Format**, version 2, all numbers little-endian, parts in this order without gaps:
//!
//! ```text
//! header    16  magic `xp pack\n` (8), version u32 = 2, zero u32
//! blocks     -  one zstd frame each, back to back
//! index    48m  for each object, ascending by (kind, hash): kind u8, zero (3), block u32,
//!               offset in the raw block u32, length u32, hash (32); a page of it is
//!               `PAGE_ENTRIES` of them, the last page what is left
//! table    56n  for each block: offset in the file u64, compressed length u32, raw length u32,
//!               zero u64, digest of the compressed bytes (32)
//! pages    72p  for each page of the index: kind of its first object u8, zero (7), its hash (32),
//!               digest of the page (32)
//! footer   104  blocks u32, objects u32, offset of the table u64, offset of the index u64,
//!               digest of table and pages (32), digest of the footer up to here (32),
//!               version u32 = 2, zero u32, magic `kcap px\n` (8)
//! ```
//!
//! **Version 1** has 1 in its header and 0 in its footer, has no pages, and its index lies behind
//! the table; the digest covers table and index, so that opening reads all of the index.
//!
//! Digests are `codec::digest` with the purposes `pack block`, `pack page`, `pack tables` and
//! `pack footer` (`pack footer 2`). The objects of a block lie in it without gaps and do not
//! overlap. A pack is named by the digest in its footer, `<64 hexadecimal digits>.pack`, and never
//! changes.
//!
//! **Invariant**: every byte of a file is covered by one of: an exact comparison, a digest. So a
//! changed byte is found, by a reader of the object at the latest.
//!
//! **Compatibility**: version 1 is read and no longer written. An unknown version is refused by
//! name; a program that knows only version 1 takes the footer of a later one for damaged.

use crate::base::codec;
use crate::base::id::{Hash, ID_BYTES, Kind, ObjectId};
use crate::base::limits::{BLOCK_BYTES_MAX, PACK_BYTES_MAX};

/// Bytes of the header.
pub const HEADER_BYTES: usize = 16;
/// Objects of a full page of the index: 6 KiB, which one read and some 5 µs of digesting cost. A
/// page table of 72 bytes for each is then 1.2 % of the index.
pub const PAGE_ENTRIES: usize = 128;
/// Bytes of an entry of the table of pages.
pub const PAGE_ENTRY_BYTES: usize = 72;
/// Bytes of an entry of the table of blocks.
pub const TABLE_ENTRY_BYTES: usize = 56;
/// Bytes of an entry of the index of objects.
pub const INDEX_ENTRY_BYTES: usize = 48;
/// Bytes of the footer.
pub const FOOTER_BYTES: usize = 104;

const HEADER_MAGIC: [u8; 8] = *b"xp pack\n";
const FOOTER_MAGIC: [u8; 8] = *b"kcap px\n";
const FOOTER_FIELDS_BYTES: usize = 56;

/// A whole file is larger than the bound for closing it by one block at most, and its tables.
const FILE_BYTES_MAX: u64 = 2 * PACK_BYTES_MAX + BLOCK_BYTES_MAX as u64;

/// How a pack is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// The index is read as a whole.
    One,
    /// The index is read by pages.
    Two,
}

/// Where a block lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockEntry {
    /// Its first byte in the file.
    pub offset: u64,
    /// Bytes in the file.
    pub compressed: u32,
    /// Bytes of its content.
    pub raw: u32,
    /// Digest of the bytes in the file.
    pub digest: Hash,
}

/// Where an object lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IndexEntry {
    /// Which one.
    pub id: ObjectId,
    /// In which block.
    pub block: u32,
    /// Its first byte in the raw block.
    pub offset: u32,
    /// Its bytes.
    pub length: u32,
}

/// A page of the index: what it begins with, and what it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageEntry {
    /// Its first object.
    pub first: ObjectId,
    /// Digest of its bytes.
    pub digest: Hash,
}

/// The end of a pack, from which it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footer {
    /// How the pack is laid out.
    pub version: Version,
    /// Number of blocks.
    pub blocks: u32,
    /// Number of objects.
    pub objects: u32,
    /// Where the table of blocks begins.
    pub table_offset: u64,
    /// Where the index of objects begins.
    pub index_offset: u64,
    /// Digest of what is read when the pack is opened: the table, and behind it the pages (in
    /// version 1 the index).
    pub tables_digest: Hash,
}

/// Digest of a block as it lies in the file.
pub fn block_digest(compressed: &[u8]) -> Hash {
    codec::digest("pack block", compressed)
}

/// Digest of a page of the index.
pub fn page_digest(page: &[u8]) -> Hash {
    codec::digest("pack page", page)
}

/// Digest of what is read when a pack is opened, as it lies in the file.
pub fn tables_digest(tables: &[u8]) -> Hash {
    codec::digest("pack tables", tables)
}

impl Version {
    /// The first bytes of a pack.
    pub fn header(self) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(&HEADER_MAGIC);
        header[8] = match self {
            Self::One => 1,
            Self::Two => 2,
        };
        header
    }

    fn in_footer(self) -> u32 {
        match self {
            Self::One => 0,
            Self::Two => 2,
        }
    }

    fn footer_digest(self, fields: &[u8]) -> Hash {
        let purpose = match self {
            Self::One => "pack footer",
            Self::Two => "pack footer 2",
        };
        codec::digest(purpose, fields)
    }
}

impl BlockEntry {
    /// Appends its bytes.
    pub fn write(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(&self.offset.to_le_bytes());
        into.extend_from_slice(&self.compressed.to_le_bytes());
        into.extend_from_slice(&self.raw.to_le_bytes());
        into.extend_from_slice(&[0; 8]);
        into.extend_from_slice(&self.digest.0);
    }

    /// Reads its bytes, which a digest has vouched for.
    pub fn read(bytes: &[u8; TABLE_ENTRY_BYTES]) -> Self {
        let mut fields = Fields(bytes);
        let offset = fields.u64();
        let (compressed, raw) = (fields.u32(), fields.u32());
        fields.skip(8);
        Self { offset, compressed, raw, digest: fields.hash() }
    }
}

impl IndexEntry {
    /// Appends its bytes.
    pub fn write(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(&[self.id.kind as u8, 0, 0, 0]);
        into.extend_from_slice(&self.block.to_le_bytes());
        into.extend_from_slice(&self.offset.to_le_bytes());
        into.extend_from_slice(&self.length.to_le_bytes());
        into.extend_from_slice(&self.id.hash.0);
    }

    /// Reads its bytes; none for an unknown kind.
    pub fn read(bytes: &[u8; INDEX_ENTRY_BYTES]) -> Option<Self> {
        let kind = Kind::from_number(bytes[0])?;
        let mut fields = Fields(&bytes[4..]);
        let (block, offset, length) = (fields.u32(), fields.u32(), fields.u32());
        Some(Self { id: ObjectId { kind, hash: fields.hash() }, block, offset, length })
    }
}

impl PageEntry {
    /// Appends its bytes.
    pub fn write(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(&[self.first.kind as u8, 0, 0, 0, 0, 0, 0, 0]);
        into.extend_from_slice(&self.first.hash.0);
        into.extend_from_slice(&self.digest.0);
    }

    /// What an entry is sorted by: the number of a kind and the bytes of a hash.
    pub fn key(bytes: &[u8; PAGE_ENTRY_BYTES]) -> (u8, &[u8]) {
        (bytes[0], &bytes[8..40])
    }

    /// The digest of the page.
    pub fn digest(bytes: &[u8; PAGE_ENTRY_BYTES]) -> Hash {
        let mut fields = Fields(&bytes[40..]);
        fields.hash()
    }
}

impl Footer {
    /// Its bytes, and the digest that names the pack.
    pub fn write(&self) -> (Vec<u8>, Hash) {
        let mut bytes = Vec::with_capacity(FOOTER_BYTES);
        bytes.extend_from_slice(&self.blocks.to_le_bytes());
        bytes.extend_from_slice(&self.objects.to_le_bytes());
        bytes.extend_from_slice(&self.table_offset.to_le_bytes());
        bytes.extend_from_slice(&self.index_offset.to_le_bytes());
        bytes.extend_from_slice(&self.tables_digest.0);
        let name = self.version.footer_digest(&bytes);
        bytes.extend_from_slice(&name.0);
        bytes.extend_from_slice(&self.version.in_footer().to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&FOOTER_MAGIC);
        (bytes, name)
    }

    /// Reads and checks the last bytes of a file of that length; says what is wrong with them.
    pub fn read(bytes: &[u8; FOOTER_BYTES], file_bytes: u64) -> Result<(Self, Hash), String> {
        if bytes[FOOTER_BYTES - 8..] != FOOTER_MAGIC {
            return Err("it does not end like a pack (cut short?)".to_owned());
        }
        let mut fields = Fields(bytes);
        let (blocks, objects) = (fields.u32(), fields.u32());
        let (table_offset, index_offset) = (fields.u64(), fields.u64());
        let (tables_digest, name) = (fields.hash(), fields.hash());
        let version = match fields.u32() {
            0 => Version::One,
            2 => Version::Two,
            other => return Err(format!("its version {other} is not known to this program")),
        };
        let found = version.footer_digest(&bytes[..FOOTER_FIELDS_BYTES]);
        if found != name || fields.u32() != 0 {
            return Err("its footer is not what its digest says".to_owned());
        }
        let footer = Self { version, blocks, objects, table_offset, index_offset, tables_digest };
        if footer.fits(file_bytes) {
            return Ok((footer, name));
        }
        Err("its parts do not add up to its length".to_owned())
    }

    /// Pages of the index.
    pub fn pages(&self) -> usize {
        match self.version {
            Version::One => usize::from(self.objects > 0),
            Version::Two => (self.objects as usize).div_ceil(PAGE_ENTRIES),
        }
    }

    /// Where the blocks end.
    pub fn blocks_end(&self) -> u64 {
        match self.version {
            Version::One => self.table_offset,
            Version::Two => self.index_offset,
        }
    }

    /// The blocks and the parts behind them, in the order of the version, fill the file.
    fn fits(&self, file_bytes: u64) -> bool {
        let table = (self.table_offset, u64::from(self.blocks) * TABLE_ENTRY_BYTES as u64);
        let index = (self.index_offset, u64::from(self.objects) * INDEX_ENTRY_BYTES as u64);
        let page_table = self.pages() as u64 * PAGE_ENTRY_BYTES as u64;
        let (first, second, rest) = match self.version {
            Version::One => (table, index, 0),
            Version::Two => (index, table, page_table),
        };
        file_bytes <= FILE_BYTES_MAX
            && first.0 >= HEADER_BYTES as u64
            && first.0.checked_add(first.1) == Some(second.0)
            && second.0.checked_add(second.1 + rest + FOOTER_BYTES as u64) == Some(file_bytes)
    }
}

/// Cuts fields of fixed width from the front. The arrays that it is given are as long as all
/// fields together, so no cut fails.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.0.split_first_chunk().expect("entries have a fixed length");
        self.0 = rest;
        *field
    }

    fn skip(&mut self, count: usize) {
        self.0 = &self.0[count..];
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }

    fn hash(&mut self) -> Hash {
        Hash(self.take::<ID_BYTES>())
    }
}
