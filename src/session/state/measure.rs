//! One measurement of a put as bytes.
//!
//! **Format**: 64 bytes, little-endian: `xm`, version u8 = 1, outcome u8 (saved 0, skipped 1, failed
//! 2); kind u8 (automatic 0, manual 1, recovery 2), zero (3); stream (16); when i64; duration in µs
//! u32; fields changed u32; bytes of the entry u32; measurements dropped before this one u32; process
//! u32; zero u32; the first 8 bytes of the digest of all that (purpose `measurement`). What does not
//! check is passed over: measurements are not worth an error.

use crate::base::codec::digest;
use crate::base::time::Timestamp;
use crate::store::journal::StreamId;

/// Bytes of a measurement.
pub(super) const MEASURE_BYTES: usize = 64;
const CHECKED: usize = MEASURE_BYTES - 8;

/// What became of a put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Saved,
    Skipped,
    Failed,
}

/// One put, measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measure {
    pub fate: Fate,
    pub kind: u8,
    pub stream: StreamId,
    pub when: Timestamp,
    pub micros: u32,
    pub fields: u32,
    pub bytes: u32,
    pub dropped: u32,
    pub process: u32,
}

impl Measure {
    pub(super) fn encode(&self) -> [u8; MEASURE_BYTES] {
        let mut bytes = Vec::with_capacity(MEASURE_BYTES);
        bytes.extend_from_slice(b"xm\x01");
        bytes.extend_from_slice(&[self.fate as u8, self.kind, 0, 0, 0]);
        bytes.extend_from_slice(&self.stream.0);
        bytes.extend_from_slice(&self.when.0.to_le_bytes());
        for number in [self.micros, self.fields, self.bytes, self.dropped, self.process, 0] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        let check = digest("measurement", &bytes);
        bytes.extend_from_slice(&check.0[..8]);
        let mut whole = [0; MEASURE_BYTES];
        whole.copy_from_slice(&bytes);
        whole
    }

    /// None where no whole measurement stands.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..MEASURE_BYTES)?;
        if !bytes.starts_with(b"xm\x01")
            || digest("measurement", &bytes[..CHECKED]).0[..8] != bytes[CHECKED..]
        {
            return None;
        }
        let fate = match bytes[3] {
            0 => Fate::Saved,
            1 => Fate::Skipped,
            2 => Fate::Failed,
            _ => return None,
        };
        let number = |at: usize| bytes[at..at + 4].try_into().map(u32::from_le_bytes).ok();
        Some(Self {
            fate,
            kind: bytes[4],
            stream: StreamId(bytes[8..24].try_into().ok()?),
            when: Timestamp(i64::from_le_bytes(bytes[24..32].try_into().ok()?)),
            micros: number(32)?,
            fields: number(36)?,
            bytes: number(40)?,
            dropped: number(44)?,
            process: number(48)?,
        })
    }
}

/// All measurements in bytes; goes on behind what is torn.
pub(super) fn all(mut bytes: &[u8]) -> Vec<Measure> {
    let mut found = Vec::new();
    while bytes.len() >= MEASURE_BYTES {
        match Measure::decode(bytes) {
            Some(measure) => {
                found.push(measure);
                bytes = &bytes[MEASURE_BYTES..];
            }
            None => bytes = &bytes[1..],
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(micros: u32) -> Measure {
        Measure {
            fate: Fate::Skipped,
            kind: 2,
            stream: StreamId([7; 16]),
            when: Timestamp(-1),
            micros,
            fields: 3,
            bytes: 4,
            dropped: 5,
            process: 6,
        }
    }

    #[test]
    fn the_bytes_are_frozen() {
        let bytes = measure(1_000).encode();
        assert_eq!(
            bytes[..CHECKED],
            *b"xm\x01\x01\x02\0\0\0\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\
               \xff\xff\xff\xff\xff\xff\xff\xff\xe8\x03\0\0\x03\0\0\0\x04\0\0\0\x05\0\0\0\x06\0\0\0\0\0\0\0"
        );
        assert_eq!(Measure::decode(&bytes), Some(measure(1_000)));
    }

    #[test]
    fn what_is_torn_is_passed_over() {
        let mut bytes = measure(1).encode().to_vec();
        bytes.extend_from_slice(&measure(2).encode()[..40]);
        bytes.extend_from_slice(&measure(3).encode());
        let mut flipped = measure(4).encode();
        flipped[33] ^= 1;
        bytes.extend_from_slice(&flipped);
        bytes.extend_from_slice(&measure(5).encode());
        let micros: Vec<u32> = all(&bytes).iter().map(|measure| measure.micros).collect();
        assert_eq!(micros, [1, 3, 5]);
    }
}
