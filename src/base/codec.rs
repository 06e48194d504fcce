//! The one door to blake3 and bincode: how records become bytes and bytes become ids.
//!
//! **Format**: a record is `x p kind version` (four bytes) and then its fields in order under one
//! pinned bincode configuration: fixed width, little-endian, bounded. ARCHITECTURE.md gives every
//! record byte by byte; golden tests hold them.
//!
//! **Invariant**: decoding is strict. All bytes are used, the value encodes to the same bytes
//! again, and nothing larger than `RECORD_BYTES_MAX` is read. So one value has one encoding, and
//! changed bytes are either an error or not changed.
//!
//! Knows nothing of what the records mean.

use std::fmt;
use std::io::{self, Read};

use serde::de::{DeserializeOwned, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::id::{BlobId, Hash, Kind};
use super::limits::RECORD_BYTES_MAX;

/// The first two bytes of every record.
pub const MAGIC: [u8; 2] = *b"xp";

/// The version of the records that this program writes and reads.
pub const RECORD_VERSION: u8 = 1;

const HEADER_BYTES: usize = 4;

/// Why bytes are not the record that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The header is not that of any record.
    #[error("the bytes are no record (no magic number)")]
    Magic,
    /// It is a record, but of another kind.
    #[error("it is a record of kind {found}, not a {wanted}")]
    Kind {
        /// The number found.
        found: u8,
        /// The word for what was asked for.
        wanted: &'static str,
    },
    /// It was written by a newer version.
    #[error("it has format version {found}; this program reads version {RECORD_VERSION}")]
    Version {
        /// The number found.
        found: u8,
    },
    /// The fields cannot be read.
    #[error("its fields cannot be read: {0}")]
    Fields(String),
    /// The fields can be read, but are not written the one way that there is.
    #[error("its bytes are not the canonical ones")]
    NotCanonical,
    /// The record is over the bound.
    #[error("it is larger than {RECORD_BYTES_MAX} bytes")]
    TooLarge,
}

fn config() -> impl bincode::config::Config {
    bincode::config::standard()
        .with_little_endian()
        .with_fixed_int_encoding()
        .with_limit::<RECORD_BYTES_MAX>()
}

/// The bytes of a record, header included.
///
/// # Errors
/// [`CodecError::TooLarge`] above `RECORD_BYTES_MAX`; nothing else fails for the types of `object`.
pub fn encode<T: Serialize>(kind: Kind, value: &T) -> Result<Vec<u8>, CodecError> {
    let mut bytes = vec![MAGIC[0], MAGIC[1], kind as u8, RECORD_VERSION];
    encode_fields(value, &mut bytes)?;
    if bytes.len() > RECORD_BYTES_MAX {
        return Err(CodecError::TooLarge);
    }
    Ok(bytes)
}

/// Reads a record strictly.
///
/// # Errors
/// Each way in which bytes can fail to be the record; see [`CodecError`].
pub fn decode<T: Serialize + DeserializeOwned>(kind: Kind, bytes: &[u8]) -> Result<T, CodecError> {
    if bytes.len() > RECORD_BYTES_MAX {
        return Err(CodecError::TooLarge);
    }
    let Some((header, fields)) = bytes.split_at_checked(HEADER_BYTES) else {
        return Err(CodecError::Magic);
    };
    if header[..2] != MAGIC {
        return Err(CodecError::Magic);
    }
    if header[2] != kind as u8 {
        return Err(CodecError::Kind { found: header[2], wanted: kind.word() });
    }
    if header[3] != RECORD_VERSION {
        return Err(CodecError::Version { found: header[3] });
    }
    decode_fields(fields)
}

/// Appends the bare fields of a value, without a header: for parts of files that have a header of
/// their own (an index, the stat cache, an intent).
///
/// # Errors
/// [`CodecError::Fields`] when the value has no encoding.
pub fn encode_fields<T: Serialize>(value: &T, into: &mut Vec<u8>) -> Result<(), CodecError> {
    bincode::serde::encode_into_std_write(value, into, config())
        .map(|_| ())
        .map_err(|error| CodecError::Fields(error.to_string()))
}

/// Reads the bare fields of a value, as strictly as [`decode`].
///
/// # Errors
/// As for [`decode`], less those of the header.
pub fn decode_fields<T: Serialize + DeserializeOwned>(fields: &[u8]) -> Result<T, CodecError> {
    let (value, used): (T, usize) = bincode::serde::decode_from_slice(fields, config())
        .map_err(|error| CodecError::Fields(error.to_string()))?;
    let mut again = Vec::with_capacity(fields.len());
    encode_fields(&value, &mut again)?;
    if used != fields.len() || again != fields {
        return Err(CodecError::NotCanonical);
    }
    Ok(value)
}

/// The id of a blob: the plain BLAKE3 hash of its content.
pub fn blob_id(content: &[u8]) -> BlobId {
    BlobId(Hash(*blake3::hash(content).as_bytes()))
}

/// The id of a record of any other kind: BLAKE3 keyed by its kind, over the whole record.
pub fn record_hash(kind: Kind, record: &[u8]) -> Hash {
    debug_assert!(
        !matches!(kind, Kind::Blob | Kind::Recipe | Kind::Tombstone),
        "their ids are hashes of content"
    );
    Hash(blake3::derive_key(context(kind), record))
}

/// The hash that an object of that kind with those bytes has. For a recipe and a tombstone there is
/// none: they are kept under the hash of the object that they speak of.
pub fn object_hash(kind: Kind, bytes: &[u8]) -> Option<Hash> {
    match kind {
        Kind::Recipe | Kind::Tombstone => None,
        Kind::Blob => Some(blob_id(bytes).0),
        _ => Some(record_hash(kind, bytes)),
    }
}

/// A digest of bytes that are no object: checksums of files, fingerprints of environments. Keyed
/// by its purpose, so that it never equals an id.
pub fn digest(purpose: &'static str, bytes: &[u8]) -> Hash {
    let mut hasher = blake3::Hasher::new_derive_key("expdag 2026 digest");
    hasher.update(&(purpose.len() as u64).to_le_bytes());
    hasher.update(purpose.as_bytes());
    hasher.update(bytes);
    Hash(*hasher.finalize().as_bytes())
}

fn context(kind: Kind) -> &'static str {
    match kind {
        Kind::Blob => "expdag 2026 blob",
        Kind::Tree => "expdag 2026 tree",
        Kind::Document => "expdag 2026 document",
        Kind::Snapshot => "expdag 2026 snapshot",
        Kind::Evaluation => "expdag 2026 evaluation",
        Kind::Operation => "expdag 2026 operation",
        Kind::Names => "expdag 2026 names",
        Kind::Experiment => "expdag 2026 experiment",
        Kind::Recipe => "expdag 2026 recipe",
        Kind::Tombstone => "expdag 2026 tombstone",
    }
}

/// Hashes content that comes in pieces, to the same id as [`blob_id`] gives for the whole.
#[derive(Clone, Default)]
pub struct BlobHasher(blake3::Hasher);

impl BlobHasher {
    /// Starts with no content.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The id of all that was added.
    pub fn finish(&self) -> BlobId {
        BlobId(Hash(*self.0.finalize().as_bytes()))
    }

    /// Hashes all that a reader gives; returns the id and the number of bytes.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn read(mut reader: impl Read) -> io::Result<(BlobId, u64)> {
        let mut hasher = Self::new();
        let mut buffer = vec![0; 256 << 10];
        let mut total = 0;
        loop {
            match reader.read(&mut buffer)? {
                0 => return Ok((hasher.finish(), total)),
                count => {
                    hasher.update(&buffer[..count]);
                    total += count as u64;
                }
            }
        }
    }
}

/// Bytes in a record: a length and the bytes at once, where a `Vec<u8>` would go one by one.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(BytesVisitor)
    }
}

struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes(bytes.to_vec()))
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
        Ok(Bytes(bytes))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Bytes, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = sequence.next_element()? {
            bytes.push(byte);
        }
        Ok(Bytes(bytes))
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_id_is_the_plain_digest() {
        // The official BLAKE3 test vector for the empty input.
        assert_eq!(
            blob_id(b"").hex(),
            "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
        );
        let mut hasher = BlobHasher::new();
        hasher.update(b"ab");
        hasher.update(b"c");
        assert_eq!(hasher.finish(), blob_id(b"abc"));
    }

    #[test]
    fn kinds_do_not_share_ids() {
        let ids: std::collections::BTreeSet<_> =
            Kind::ALL.into_iter().filter_map(|kind| object_hash(kind, b"same")).collect();
        assert_eq!(ids.len(), Kind::ALL.len() - 2);
    }

    #[test]
    fn decoding_refuses_every_other_way_to_write_it() {
        let value = (7_u32, Bytes(b"abc".to_vec()), Some("x".to_owned()));
        let bytes = encode(Kind::Snapshot, &value).unwrap();
        let back: (u32, Bytes, Option<String>) = decode(Kind::Snapshot, &bytes).unwrap();
        assert_eq!(back, value);
        type Value = (u32, Bytes, Option<String>);
        let read = |bytes: &[u8]| decode::<Value>(Kind::Snapshot, bytes);
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(matches!(read(&longer), Err(CodecError::NotCanonical)));
        assert!(matches!(read(&bytes[..3]), Err(CodecError::Magic)));
        assert!(matches!(read(&bytes[..bytes.len() - 1]), Err(CodecError::Fields(_))));
        assert!(matches!(decode::<Value>(Kind::Tree, &bytes), Err(CodecError::Kind { .. })));
        let mut newer = bytes;
        newer[3] = 9;
        assert!(matches!(read(&newer), Err(CodecError::Version { found: 9 })));
    }

    #[test]
    fn a_length_beyond_the_bound_is_an_error_not_an_allocation() {
        let mut bytes = vec![MAGIC[0], MAGIC[1], Kind::Tree as u8, RECORD_VERSION];
        bytes.extend_from_slice(&(1_u64 << 40).to_le_bytes());
        assert!(decode::<Vec<u64>>(Kind::Tree, &bytes).is_err());
        assert!(decode::<Bytes>(Kind::Tree, &bytes).is_err());
    }
}
