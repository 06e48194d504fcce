//! The bytes of a binary bundle: where what stands, and nothing of files.
//!
//! **Format**, numbers little-endian, parts in this order without gaps:
//!
//! ```text
//! header     16  magic `xp bndl\n` (8), version u32 = 1, zero u32
//! manifest    -  length u64, the fields of a `Manifest`, digest of length and fields (32)
//! block       -  compressed length u32, raw length u32, a zstd frame, digest of all that (32);
//!                as many as are needed, none empty
//! footer     72  zero u64, objects u64, bytes of their content u64, digest over all (32),
//!                zero u64, magic `ldnb px\n` (8)
//! ```
//!
//! The content of a block is its objects back to back, for each: kind u8, hash (32), length u32,
//! bytes. Digests are `codec::digest` with the purposes `bundle manifest`, `bundle block`,
//! `bundle chain`. The digest over all is a chain: first the digest (`bundle chain`) of the header,
//! then with each part that of the digest so far and the part's own digest, last that of the digest
//! so far and the two counts.
//!
//! **Invariant**: every byte is covered by an exact comparison or a digest, so a changed byte is
//! found, at the end of its part at the latest.

use crate::base::codec;
use crate::base::id::{Hash, ID_BYTES, Kind, ObjectId};

/// The version of bundles that this program writes and reads.
pub const BUNDLE_VERSION: u64 = 1;
/// The first bytes of a binary bundle of any version.
pub const MAGIC: [u8; 8] = *b"xp bndl\n";
/// The first bytes of one that this program reads.
pub const HEADER: [u8; 16] = *b"xp bndl\n\x01\0\0\0\0\0\0\0";
/// Bytes of the footer behind its first eight, which look like the head of an empty block.
pub const FOOTER_REST_BYTES: usize = 64;
/// Bytes before the content of an object in its block.
pub const OBJECT_HEAD_BYTES: usize = 1 + ID_BYTES + 4;

const FOOTER_MAGIC: [u8; 8] = *b"ldnb px\n";

/// Digest of the manifest's length and fields.
pub fn manifest_digest(bytes: &[u8]) -> Hash {
    codec::digest("bundle manifest", bytes)
}

/// Digest of a block's head and frame.
pub fn block_digest(bytes: &[u8]) -> Hash {
    codec::digest("bundle block", bytes)
}

/// The digest over all that came so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain(Hash);

impl Chain {
    /// Of the first bytes alone.
    pub fn start(header: &[u8]) -> Self {
        Self(codec::digest("bundle chain", header))
    }

    /// With one more part.
    pub fn add(&mut self, part: &Hash) {
        self.0 = codec::digest("bundle chain", &[self.0.0, part.0].concat());
    }

    /// Of all, with how much it is.
    pub fn end(self, count: Count) -> Hash {
        let parts = [&self.0.0[..], &count.objects.to_le_bytes(), &count.bytes.to_le_bytes()];
        codec::digest("bundle chain", &parts.concat())
    }
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Objects.
    pub objects: u64,
    /// Bytes of their content.
    pub bytes: u64,
}

impl Count {
    /// One object more.
    pub fn add(&mut self, length: usize) {
        self.objects += 1;
        self.bytes += length as u64;
    }
}

/// The head of an object in its block.
pub fn object_head(id: ObjectId, length: u32) -> [u8; OBJECT_HEAD_BYTES] {
    let mut head = [0; OBJECT_HEAD_BYTES];
    head[0] = id.kind as u8;
    head[1..=ID_BYTES].copy_from_slice(&id.hash.0);
    head[1 + ID_BYTES..].copy_from_slice(&length.to_le_bytes());
    head
}

/// Cuts the next object from the content of a block; says what is wrong.
pub fn cut_object<'b>(content: &mut &'b [u8]) -> Result<(ObjectId, &'b [u8]), &'static str> {
    let short = "an object is cut short in its block";
    let (head, rest) = content.split_first_chunk::<OBJECT_HEAD_BYTES>().ok_or(short)?;
    let kind = Kind::from_number(head[0]).ok_or("an object has an unknown kind")?;
    let mut hash = [0; ID_BYTES];
    hash.copy_from_slice(&head[1..=ID_BYTES]);
    let mut length = [0; 4];
    length.copy_from_slice(&head[1 + ID_BYTES..]);
    let (bytes, rest) = rest.split_at_checked(u32::from_le_bytes(length) as usize).ok_or(short)?;
    *content = rest;
    Ok((ObjectId { kind, hash: Hash(hash) }, bytes))
}

/// The bytes of the footer.
pub fn footer(count: Count, all: &Hash) -> Vec<u8> {
    let mut bytes = vec![0; 8];
    bytes.extend_from_slice(&count.objects.to_le_bytes());
    bytes.extend_from_slice(&count.bytes.to_le_bytes());
    bytes.extend_from_slice(&all.0);
    bytes.extend_from_slice(&[0; 8]);
    bytes.extend_from_slice(&FOOTER_MAGIC);
    bytes
}
