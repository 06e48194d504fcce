//! The bytes of a frame and of a segment's header.
//!
//! **Format**: numbers little-endian. ARCHITECTURE.md gives both byte by byte; golden tests hold
//! them. A frame begins at a multiple of 8 and says where it stands, so that bytes which were
//! copied or left over elsewhere are no frame. Every byte is covered by its digest.
//!
//! Knows nothing of files.

use std::fmt;

use crate::base::codec::digest;
use crate::base::limits::JOURNAL_PAYLOAD_BYTES_MAX;

/// Bytes of a segment's header: where its first frame stands.
pub const HEADER_BYTES: u64 = 64;
/// The version of the header and of the frames behind it.
pub const JOURNAL_VERSION: u32 = 1;
/// Bytes of a frame before its payload.
pub const FRAME_HEAD_BYTES: usize = 40;

const HEADER_MAGIC: &[u8; 8] = b"xpjourn\n";
const FRAME_MAGIC: &[u8; 8] = b"xpframe\n";
const DIGEST_BYTES: usize = 32;
/// Places at which frames may begin.
pub const ALIGNMENT: usize = 8;

/// Names a stream: a digest of its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub [u8; 16]);

impl StreamId {
    /// The id of the stream of that name.
    pub fn of_name(name: &str) -> Self {
        let mut id = [0; 16];
        id.copy_from_slice(&digest("stream", name.as_bytes()).0[..16]);
        Self(id)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..6].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Where a frame stands. In the order of appending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The number of its segment.
    pub segment: u32,
    /// Its first byte there.
    pub offset: u32,
}

/// A frame, less its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Of which stream.
    pub stream: StreamId,
    /// Up to where its segment was known to be durable, name included, when it was appended; 0
    /// where that was not known.
    pub durable: u32,
    /// The payload.
    pub payload: &'a [u8],
}

/// Bytes that a frame takes with a payload of that length.
pub fn frame_bytes(payload: usize) -> usize {
    FRAME_HEAD_BYTES + payload.next_multiple_of(ALIGNMENT) + DIGEST_BYTES
}

impl<'a> Frame<'a> {
    /// Appends the bytes of the frame that stands at that position.
    pub fn write(&self, at: Position, into: &mut Vec<u8>) {
        let start = into.len();
        into.extend_from_slice(FRAME_MAGIC);
        for number in [self.payload.len() as u32, at.segment, at.offset, self.durable] {
            into.extend_from_slice(&number.to_le_bytes());
        }
        into.extend_from_slice(&self.stream.0);
        into.extend_from_slice(self.payload);
        into.resize(start + frame_bytes(self.payload.len()) - DIGEST_BYTES, 0);
        let digest = digest("journal frame", &into[start..]);
        into.extend_from_slice(&digest.0);
    }

    /// The frame with which the bytes begin and that stands at that position; none where there is
    /// no whole and undamaged one.
    pub fn read(bytes: &'a [u8], at: Position) -> Option<Self> {
        let length = Self::length(bytes)?;
        let whole = bytes.get(..length)?;
        let (covered, found) = whole.split_at(length - DIGEST_BYTES);
        if (number(bytes, 12), number(bytes, 16)) != (at.segment, at.offset)
            || digest("journal frame", covered).0 != found
        {
            return None;
        }
        let mut stream = StreamId([0; 16]);
        stream.0.copy_from_slice(&bytes[24..40]);
        let payload = &bytes[FRAME_HEAD_BYTES..][..number(bytes, 8) as usize];
        Some(Self { stream, durable: number(bytes, 20), payload })
    }

    /// The stream and the length that the head of a frame at that position says, whatever became of
    /// the rest; none where there is no such head.
    pub fn head(bytes: &[u8], at: Position) -> Option<(StreamId, usize)> {
        let length = Self::length(bytes)?;
        let mut stream = StreamId([0; 16]);
        stream.0.copy_from_slice(&bytes[24..40]);
        let stands = (number(bytes, 12), number(bytes, 16)) == (at.segment, at.offset);
        stands.then_some((stream, length))
    }

    /// How many bytes a frame has that begins with these, if it is one.
    pub fn length(bytes: &[u8]) -> Option<usize> {
        if bytes.len() < FRAME_HEAD_BYTES || !bytes.starts_with(FRAME_MAGIC) {
            return None;
        }
        let payload = number(bytes, 8) as usize;
        (payload <= JOURNAL_PAYLOAD_BYTES_MAX).then(|| frame_bytes(payload))
    }
}

/// The first bytes of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The number of this segment.
    pub segment: u32,
    /// The segment with frames before it; 0 for none.
    pub previous: u32,
    /// Where that one ended. All before is durable.
    pub previous_end: u64,
}

/// What the first bytes of a segment are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderFound {
    /// A header.
    Sound(Header),
    /// A header of a newer format, by its number.
    Newer(u32),
    /// None, or one that is damaged.
    None,
}

impl Header {
    /// Its bytes.
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = HEADER_MAGIC.to_vec();
        for number in [JOURNAL_VERSION, self.segment, self.previous, 0] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.previous_end.to_le_bytes());
        let digest = digest("journal header", &bytes);
        bytes.extend_from_slice(&digest.0);
        bytes
    }

    /// The header of that segment.
    pub fn read(bytes: &[u8], segment: u32) -> HeaderFound {
        let Some(bytes) = bytes.get(..HEADER_BYTES as usize) else { return HeaderFound::None };
        let (covered, found) = bytes.split_at(bytes.len() - DIGEST_BYTES);
        if !bytes.starts_with(HEADER_MAGIC) || digest("journal header", covered).0 != found {
            return HeaderFound::None;
        }
        if number(bytes, 8) > JOURNAL_VERSION {
            return HeaderFound::Newer(number(bytes, 8));
        }
        let mut end = [0; 8];
        end.copy_from_slice(&bytes[24..32]);
        let previous_end = u64::from_le_bytes(end);
        let header = Self { segment: number(bytes, 12), previous: number(bytes, 16), previous_end };
        if header.segment == segment { HeaderFound::Sound(header) } else { HeaderFound::None }
    }
}

/// The number that stands there.
pub fn number(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}
