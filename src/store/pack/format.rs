//! The bytes of a pack: where what stands, and nothing of files.
//!
//! **Format**, all numbers little-endian, parts in this order without gaps:
//!
//! ```text
//! header    16  magic `xp pack\n` (8), version u32 = 1, zero u32
//! blocks     -  one zstd frame each, back to back
//! table    56n  for each block: offset in the file u64, compressed length u32, raw length u32,
//!               zero u64, digest of the compressed bytes (32)
//! index    48m  for each object, ascending by (kind, hash): kind u8, zero (3), block u32,
//!               offset in the raw block u32, length u32, hash (32)
//! footer   104  blocks u32, objects u32, offset of the table u64, offset of the index u64,
//!               digest of table and index (32), digest of the footer up to here (32),
//!               zero u64, magic `kcap px\n` (8)
//! ```
//!
//! Digests are `codec::digest` with the purposes `pack block`, `pack tables` and `pack footer`.
//! The objects of a block lie in it without gaps and do not overlap. A pack is named by the digest
//! in its footer, `<64 hexadecimal digits>.pack`, and never changes.
//!
//! **Invariant**: every byte of a file is covered by one of: an exact comparison, a digest. So a
//! changed byte is found, by a reader of the object at the latest.
//!
//! **Compatibility**: an unknown version is refused. A reader of version 1 never sees another.

use crate::base::codec;
use crate::base::id::{Hash, ID_BYTES, Kind, ObjectId};
use crate::base::limits::{BLOCK_BYTES_MAX, PACK_BYTES_MAX};

/// The first bytes of a pack.
pub const HEADER: [u8; 16] = *b"xp pack\n\x01\0\0\0\0\0\0\0";
/// Bytes of an entry of the table of blocks.
pub const TABLE_ENTRY_BYTES: usize = 56;
/// Bytes of an entry of the index of objects.
pub const INDEX_ENTRY_BYTES: usize = 48;
/// Bytes of the footer.
pub const FOOTER_BYTES: usize = 104;

const FOOTER_MAGIC: [u8; 8] = *b"kcap px\n";
const FOOTER_FIELDS_BYTES: usize = 56;

/// A whole file is larger than the bound for closing it by one block at most, and its tables.
const FILE_BYTES_MAX: u64 = 2 * PACK_BYTES_MAX + BLOCK_BYTES_MAX as u64;

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

/// The end of a pack, from which it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footer {
    /// Number of blocks.
    pub blocks: u32,
    /// Number of objects.
    pub objects: u32,
    /// Where the table of blocks begins.
    pub table_offset: u64,
    /// Where the index of objects begins.
    pub index_offset: u64,
    /// Digest of table and index.
    pub tables_digest: Hash,
}

/// Digest of a block as it lies in the file.
pub fn block_digest(compressed: &[u8]) -> Hash {
    codec::digest("pack block", compressed)
}

/// Digest of table and index as they lie in the file.
pub fn tables_digest(tables: &[u8]) -> Hash {
    codec::digest("pack tables", tables)
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

impl Footer {
    /// Its bytes, and the digest that names the pack.
    pub fn write(&self) -> (Vec<u8>, Hash) {
        let mut bytes = Vec::with_capacity(FOOTER_BYTES);
        bytes.extend_from_slice(&self.blocks.to_le_bytes());
        bytes.extend_from_slice(&self.objects.to_le_bytes());
        bytes.extend_from_slice(&self.table_offset.to_le_bytes());
        bytes.extend_from_slice(&self.index_offset.to_le_bytes());
        bytes.extend_from_slice(&self.tables_digest.0);
        let name = codec::digest("pack footer", &bytes);
        bytes.extend_from_slice(&name.0);
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(&FOOTER_MAGIC);
        (bytes, name)
    }

    /// Reads and checks the last bytes of a file of that length; says what is wrong with them.
    pub fn read(bytes: &[u8; FOOTER_BYTES], file_bytes: u64) -> Result<(Self, Hash), &'static str> {
        if bytes[FOOTER_BYTES - 8..] != FOOTER_MAGIC {
            return Err("it does not end like a pack (cut short?)");
        }
        let mut fields = Fields(bytes);
        let (blocks, objects) = (fields.u32(), fields.u32());
        let (table_offset, index_offset) = (fields.u64(), fields.u64());
        let tables_digest = fields.hash();
        let footer = Self { blocks, objects, table_offset, index_offset, tables_digest };
        let name = codec::digest("pack footer", &bytes[..FOOTER_FIELDS_BYTES]);
        if fields.hash() != name || fields.u64() != 0 {
            return Err("its footer is not what its digest says");
        }
        footer.fault(file_bytes).map_or(Ok((footer, name)), Err)
    }

    fn fault(&self, file_bytes: u64) -> Option<&'static str> {
        let table_bytes = u64::from(self.blocks) * TABLE_ENTRY_BYTES as u64;
        let index_bytes = u64::from(self.objects) * INDEX_ENTRY_BYTES as u64;
        let fits = file_bytes <= FILE_BYTES_MAX
            && self.table_offset >= HEADER.len() as u64
            && self.table_offset.checked_add(table_bytes) == Some(self.index_offset)
            && self.index_offset.checked_add(index_bytes + FOOTER_BYTES as u64) == Some(file_bytes);
        (!fits).then_some("its parts do not add up to its length")
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
