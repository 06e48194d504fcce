//! How objects are fetched and put: implemented by the store and, for tests and work in memory, by
//! [`super::memory::MemoryObjects`].
//!
//! Knows nothing of where objects lie.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::tombstone::Tombstone;
use crate::base::codec::{self, CodecError};
use crate::base::id::{BlobId, Hash, Kind, ObjectId};

/// Why an object could not be had or stored.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// No such object is stored.
    #[error("{id} is not stored")]
    Missing {
        /// What was asked for.
        id: ObjectId,
    },
    /// It was stored, and let go on purpose.
    #[error("{id} {}", tombstone.sentence())]
    Gone {
        /// What was asked for.
        id: ObjectId,
        /// Why, when and by whom.
        tombstone: Tombstone,
    },
    /// The bytes found are not the object.
    #[error("{id} is damaged: {source}")]
    Damaged {
        /// What was asked for.
        id: ObjectId,
        /// What is wrong with the bytes.
        source: CodecError,
    },
    /// An object breaks a rule of its kind: it is refused, though its bytes are intact.
    #[error("{id} breaks a rule of its format: {rule}")]
    Rule {
        /// What was asked for.
        id: ObjectId,
        /// The rule.
        rule: &'static str,
    },
    /// A value cannot be encoded.
    #[error("a {kind} could not be encoded: {source}", kind = kind.word())]
    Encode {
        /// What kind it is.
        kind: Kind,
        /// Why.
        source: CodecError,
    },
    /// A file of the store is damaged.
    #[error("`{path}` is damaged: {what}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The disk failed.
    #[error("`{path}`: {source}")]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Content could not be read while it was stored, or written while it was fetched.
    #[error("content could not be passed on: {0}")]
    Content(#[source] io::Error),
    /// The store's quota does not leave room for it. Nothing was written.
    #[error("{more} more bytes do not fit: {bytes} of the {quota} bytes of its quota are used")]
    Quota {
        /// What the store may hold, in bytes.
        quota: u64,
        /// What it holds.
        bytes: u64,
        /// What should be added.
        more: u64,
    },
    /// An earlier durable write failed, so this process writes no more.
    #[error("an earlier write failed ({first}); this process writes no more")]
    Poisoned {
        /// What failed first.
        first: String,
    },
}

impl ObjectError {
    /// Whether stored bytes were found to be wrong, as opposed to absent or unreachable.
    pub fn is_corruption(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::Rule { .. } | Self::File { .. })
    }

    /// Whether the store's quota refused it, so that nothing was written.
    pub fn is_quota(&self) -> bool {
        matches!(self, Self::Quota { .. })
    }

    /// What the system said, where the disk failed.
    pub fn io(&self) -> Option<&io::Error> {
        match self {
            Self::Disk { source, .. } | Self::Content(source) => Some(source),
            _ => None,
        }
    }
}

/// What objects are fetched from.
pub trait Fetch: Sync {
    /// The bytes of an object, checked against its id.
    ///
    /// # Errors
    /// [`ObjectError::Missing`], [`ObjectError::Gone`], [`ObjectError::Damaged`], or the disk's.
    fn fetch(&self, id: ObjectId) -> Result<Arc<Vec<u8>>, ObjectError>;

    /// Whether it can be fetched, without fetching it.
    ///
    /// # Errors
    /// The disk's.
    fn contains(&self, id: ObjectId) -> Result<bool, ObjectError>;

    /// Writes the content of a blob, large or small, without holding more than a piece of it.
    /// Returns the number of bytes.
    ///
    /// # Errors
    /// As [`Fetch::fetch`]; [`ObjectError::Content`] when the writer fails.
    fn fetch_blob_to(&self, id: BlobId, into: &mut dyn Write) -> Result<u64, ObjectError> {
        let content = self.fetch(id.object())?;
        into.write_all(&content).map_err(ObjectError::Content)?;
        Ok(content.len() as u64)
    }
}

/// What objects are put into. Objects become durable with the commit that follows, never before.
pub trait Put: Fetch {
    /// Stores an object unless it is stored already. `hash` must be that of the bytes.
    ///
    /// # Errors
    /// The disk's; [`ObjectError::Poisoned`] after a failed write.
    fn put(&self, id: ObjectId, bytes: Vec<u8>) -> Result<(), ObjectError>;

    /// Stores content of any length from a reader, cut into pieces where it is large. Returns its
    /// id and the number of bytes.
    ///
    /// # Errors
    /// [`ObjectError::Content`] when the reader fails; else as [`Put::put`].
    fn put_blob_from(&self, reader: &mut dyn Read) -> Result<(BlobId, u64), ObjectError> {
        let mut content = Vec::new();
        reader.read_to_end(&mut content).map_err(ObjectError::Content)?;
        let length = content.len() as u64;
        let id = codec::blob_id(&content);
        self.put(id.object(), content)?;
        Ok((id, length))
    }
}

/// Stores the content of a small blob and returns its id.
///
/// # Errors
/// As [`Put::put`].
pub fn put_blob(objects: &(impl Put + ?Sized), content: Vec<u8>) -> Result<BlobId, ObjectError> {
    let id = codec::blob_id(&content);
    objects.put(id.object(), content)?;
    Ok(id)
}

/// Stores a record and returns its id.
///
/// # Errors
/// [`ObjectError::Encode`]; else as [`Put::put`].
pub fn put_record<T: Serialize, Id: From<Hash>>(
    objects: &(impl Put + ?Sized),
    kind: Kind,
    record: &T,
) -> Result<Id, ObjectError> {
    let (hash, bytes) = encode_record(kind, record)?;
    objects.put(ObjectId { kind, hash }, bytes)?;
    Ok(hash.into())
}

/// The hash and the bytes of a record.
///
/// # Errors
/// [`ObjectError::Encode`].
pub fn encode_record<T: Serialize>(kind: Kind, record: &T) -> Result<(Hash, Vec<u8>), ObjectError> {
    let bytes = codec::encode(kind, record).map_err(|e| ObjectError::Encode { kind, source: e })?;
    Ok((codec::record_hash(kind, &bytes), bytes))
}

/// Fetches a record and decodes it strictly.
///
/// # Errors
/// As [`Fetch::fetch`].
pub fn fetch_record<T: Serialize + DeserializeOwned>(
    objects: &(impl Fetch + ?Sized),
    id: ObjectId,
) -> Result<T, ObjectError> {
    let bytes = objects.fetch(id)?;
    codec::decode(id.kind, &bytes).map_err(|source| ObjectError::Damaged { id, source })
}
