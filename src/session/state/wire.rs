//! An entry of a session as bytes.
//!
//! **Format**: `x s t`, version (four bytes), then the fields of [`Entry`] in order under the pinned
//! encoding of `base::codec`. ARCHITECTURE.md gives them; `tests/golden.rs` holds them.
//!
//! **Compatibility**: an unknown version is refused by name, never half read.

use serde::{Deserialize, Serialize};

use super::put::{BodyKind, PutKind};
use crate::base::codec::{self, Bytes, CodecError};
use crate::base::id::{DocumentId, Hash, ID_BYTES, SnapshotId};
use crate::base::limits::{COMPRESSION_LEVEL, DOCUMENT_READ_BYTES_MAX, STATE_COMPRESS_BYTES};
use crate::base::name::Label;
use crate::base::time::Timestamp;

/// The first three bytes of every entry: the journal may hold streams of others.
const MAGIC: [u8; 3] = *b"xst";
/// The version that this program writes and reads.
const VERSION: u8 = 1;

/// What the digest before the first entry is.
pub(super) const NO_ENTRY: Hash = Hash([0; ID_BYTES]);

/// Why bytes are no entry.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    /// The stream is not a session's.
    #[error("it is no entry of a session")]
    NoEntry,
    /// A newer program wrote it.
    #[error("it has format version {0}; this program reads version {VERSION}")]
    Version(u8),
    /// The fields cannot be read.
    #[error(transparent)]
    Fields(#[from] CodecError),
    /// They break a rule.
    #[error("{0}")]
    Rule(&'static str),
}

/// One entry of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// The session's name: the stream is only its digest.
    pub session: String,
    /// Its number, from 0.
    pub sequence: u64,
    /// The digest of the entry before it; zeros before the first one.
    pub before: Hash,
    /// When it was written.
    pub when: Timestamp,
    /// By whom.
    pub who: String,
    /// By which process.
    pub process: u32,
    /// What it does.
    pub act: Act,
}

/// What an entry does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Act {
    /// A new state, which its branch goes to.
    Put(PutAct),
    /// A branch goes to a state that is there.
    Move {
        /// The branch, new or not.
        branch: Label,
        /// The number of the state's entry.
        to: u64,
        /// Why, in words.
        message: String,
    },
    /// A state gets a tag or loses it.
    Tag {
        /// The tag.
        tag: Label,
        /// The number of the state's entry.
        state: u64,
        /// Whether it has it from now on.
        is_set: bool,
    },
    /// A state is marked.
    Mark {
        /// The number of the state's entry.
        state: u64,
        /// As valid, or as invalid.
        is_valid: bool,
        /// Why, in words.
        why: String,
    },
}

/// A new state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PutAct {
    /// Why it was saved.
    pub kind: PutKind,
    /// The branch.
    pub branch: Label,
    /// The numbers of the entries of the states before: none for a first one, two for a merge.
    pub parents: Vec<u64>,
    /// Names the state.
    pub id: SnapshotId,
    /// Names the value.
    pub document: DocumentId,
    /// Whether a stored snapshot has that id.
    pub has_files: bool,
    /// Operations of the patch from the first parent.
    pub fields_changed: u64,
    /// Bytes of the whole value as compact JSON: exact where it lies there as a whole, else reckoned
    /// from the changes since.
    pub bytes: u64,
    /// Why, in words.
    pub message: String,
    /// Tags that it was saved with.
    pub tags: Vec<Label>,
    /// The value.
    pub body: Body,
}

/// The value of a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Body {
    /// Compact JSON.
    Whole(Content),
    /// A patch (RFC 6902) against the first parent.
    Patch(Content),
    /// That of the first parent.
    Same,
}

/// A text, compressed or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Content {
    /// As it is.
    Plain(Bytes),
    /// One zstd frame.
    Zstd {
        /// Bytes of the text.
        length: u64,
        /// The frame.
        frame: Bytes,
    },
}

impl Content {
    /// Compresses what is worth it.
    pub(super) fn of(text: String) -> Self {
        if text.len() > STATE_COMPRESS_BYTES {
            let frame = zstd::bulk::compress(text.as_bytes(), COMPRESSION_LEVEL);
            if let Some(frame) = frame.ok().filter(|frame| frame.len() < text.len()) {
                return Self::Zstd { length: text.len() as u64, frame: Bytes(frame) };
            }
        }
        Self::Plain(Bytes(text.into_bytes()))
    }

    /// The text.
    pub(super) fn text(self) -> Result<Vec<u8>, WireError> {
        let (length, frame) = match self {
            Self::Plain(bytes) => return Ok(bytes.0),
            Self::Zstd { length, frame } => (length, frame),
        };
        if length > DOCUMENT_READ_BYTES_MAX {
            return Err(WireError::Rule("its value is larger than is read"));
        }
        let capacity = usize::try_from(length).unwrap_or(usize::MAX);
        let text = zstd::bulk::decompress(&frame.0, capacity)
            .map_err(|_| WireError::Rule("its value cannot be decompressed"))?;
        if text.len() != capacity {
            return Err(WireError::Rule("its value has another length than it says"));
        }
        Ok(text)
    }
}

impl Act {
    /// Stands where the act is still to come, or has been taken out.
    pub(super) fn nothing() -> Self {
        Self::Mark { state: 0, is_valid: true, why: String::new() }
    }
}

impl Body {
    pub(super) fn kind(&self) -> BodyKind {
        match self {
            Self::Whole(_) => BodyKind::Whole,
            Self::Patch(_) => BodyKind::Patch,
            Self::Same => BodyKind::Same,
        }
    }
}

impl Entry {
    pub(super) fn encode(&self) -> Result<Vec<u8>, CodecError> {
        let mut bytes = vec![MAGIC[0], MAGIC[1], MAGIC[2], VERSION];
        codec::encode_fields(self, &mut bytes)?;
        Ok(bytes)
    }

    /// Reads an entry strictly: one entry has one encoding, and leads only back.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let Some((header, fields)) = bytes.split_at_checked(4) else {
            return Err(WireError::NoEntry);
        };
        if header[..3] != MAGIC {
            return Err(WireError::NoEntry);
        }
        if header[3] != VERSION {
            return Err(WireError::Version(header[3]));
        }
        let entry: Self = codec::decode_fields(fields)?;
        entry.check()?;
        Ok(entry)
    }

    fn check(&self) -> Result<(), WireError> {
        let is_back = |at: &u64| *at < self.sequence;
        // Numbers are kept in four bytes in memory.
        let sound = u32::try_from(self.sequence).is_ok()
            && match &self.act {
                Act::Put(put) => put.parents.len() <= 2 && put.parents.iter().all(is_back),
                Act::Move { to, .. } => is_back(to),
                Act::Tag { state, .. } | Act::Mark { state, .. } => is_back(state),
            };
        if !sound {
            return Err(WireError::Rule("it leads to an entry that is not before it"));
        }
        match &self.act {
            Act::Put(put) if put.parents.is_empty() && put.body.kind() != BodyKind::Whole => {
                Err(WireError::Rule("a first state lies there as a whole"))
            }
            _ => Ok(()),
        }
    }
}

/// The digest that the next entry carries.
pub(super) fn digest(payload: &[u8]) -> Hash {
    codec::digest("session entry", payload)
}
