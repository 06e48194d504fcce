//! Where a sequence is cut into chunks: a rule of content alone.
//!
//! **Format**: elements are taken from left to right. An element ends its chunk when the chunk has
//! `least` elements or more and the element's mark is divisible by `one_in`, or when the chunk has
//! `most`: the three numbers of its [`Cut`]. The mark of a keyed element is
//! [`mark`] of its key, that of a list item [`mark`] of its encoding, that of a child the first
//! eight bytes of its hash. So the same sequence is cut the same way whatever edits led to it, and
//! a change is felt until the next cut that both have.

use crate::base::id::Hash;
use crate::base::limits::{CHUNK_LISTED, CHUNK_VALUES};

/// How finely a kind of sequence is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// No cut before this many elements.
    pub least: usize,
    /// One in this many elements (past the least) ends a chunk.
    pub one_in: u64,
    /// A cut at the latest here.
    pub most: usize,
}

impl Cut {
    /// Of trees: a node holds some 64 elements.
    pub const LISTED: Self = Self::of(CHUNK_LISTED);
    /// Of documents and names: a node holds some 16 elements.
    pub const VALUES: Self = Self::of(CHUNK_VALUES);

    const fn of((least, one_in, most): (usize, u64, usize)) -> Self {
        Self { least, one_in, most }
    }

    /// Whether the last of `count` elements, which has this mark, ends its chunk.
    pub fn ends_chunk(self, count: usize, mark: u64) -> bool {
        count >= self.most || (count >= self.least && mark.is_multiple_of(self.one_in))
    }
}

/// FNV-1a with 64 bits (<http://www.isthe.com/chongo/tech/comp/fnv/>), mixed by the finaliser of
/// MurmurHash3, whose low bits are even where those of FNV are not.
pub fn mark(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// The mark of a child node.
pub fn mark_of_hash(hash: &Hash) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&hash.0[..8]);
    u64::from_le_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_frozen() {
        assert_eq!(mark(b""), 0xefd0_1f60_ba99_2926);
        assert_eq!(mark(b"a"), 0x82a2_a958_a9be_ce5b);
        let cuts = (0..100_000_u32).filter(|n| mark(&n.to_le_bytes()).is_multiple_of(32)).count();
        assert!((2_900..3_350).contains(&cuts), "{cuts}");
    }
}
