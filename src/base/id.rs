//! Content ids: 32 bytes of BLAKE3, one newtype for each kind of object.
//!
//! Guarantees that an id of one kind cannot be passed where another is meant. Does not know how
//! an id is computed (that is `codec`) nor where an object lies.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The number of bytes in an id.
pub const ID_BYTES: usize = 32;

/// What an object is. The number is part of the stored format.
///
/// **Format**: the discriminants are frozen; a new kind takes the next free number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// The content of a file; its id is the plain BLAKE3 hash of the bytes.
    Blob = 0,
    /// A node of a directory.
    Tree = 1,
    /// A node of a JSON value.
    Document = 2,
    /// A node of the DAG.
    Snapshot = 3,
    /// What the stages of an evaluator found for one tree.
    Evaluation = 4,
    /// An entry of the operation log.
    Operation = 5,
    /// A node of the map of all names.
    Names = 6,
    /// One question with its approaches, candidates and selection.
    Experiment = 7,
    /// How a large blob is put together from smaller ones. A matter of storage, never of
    /// identity: it is kept under the hash of the blob that it describes.
    Recipe = 8,
    /// Says that an object was let go on purpose, and why. Kept under the hash of the object that it
    /// stands for.
    Tombstone = 9,
}

impl Kind {
    /// Every kind, in the order of its number.
    pub const ALL: [Self; 10] = [
        Self::Blob,
        Self::Tree,
        Self::Document,
        Self::Snapshot,
        Self::Evaluation,
        Self::Operation,
        Self::Names,
        Self::Experiment,
        Self::Recipe,
        Self::Tombstone,
    ];

    /// The kind with that number, if there is one.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The word for it in messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Blob => "blob",
            Self::Tree => "tree",
            Self::Document => "document",
            Self::Snapshot => "snapshot",
            Self::Evaluation => "evaluation",
            Self::Operation => "operation",
            Self::Names => "names",
            Self::Experiment => "experiment",
            Self::Recipe => "recipe",
            Self::Tombstone => "tombstone",
        }
    }
}

/// The 32 bytes that name an object of some kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Hash(pub [u8; ID_BYTES]);

impl Hash {
    /// All 64 hexadecimal digits.
    pub fn hex(&self) -> String {
        let mut text = String::with_capacity(2 * ID_BYTES);
        for byte in self.0 {
            text.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
            text.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
        }
        text
    }

    /// Reads 64 hexadecimal digits, lower case.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 2 * ID_BYTES {
            return None;
        }
        let mut bytes = [0; ID_BYTES];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(bytes))
    }
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex()[..12])
    }
}

/// An object of any kind: what a store is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// What it is.
    pub kind: Kind,
    /// Which one.
    pub hash: Hash,
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.word(), self.hash.hex())
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $kind:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub Hash);

        impl $name {
            /// The same id as a store is asked for it.
            pub fn object(self) -> ObjectId {
                ObjectId { kind: Kind::$kind, hash: self.0 }
            }

            /// All 64 hexadecimal digits.
            pub fn hex(&self) -> String {
                self.0.hex()
            }

            /// The first 12 digits, for people.
            pub fn short(&self) -> String {
                self.0.hex()[..12].to_owned()
            }
        }

        impl From<Hash> for $name {
            fn from(hash: Hash) -> Self {
                Self(hash)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0.hex())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), self.0)
            }
        }
    )*};
}

ids! {
    /// Names the content of a file.
    BlobId = Blob;
    /// Names a directory.
    TreeId = Tree;
    /// Names a JSON value.
    DocumentId = Document;
    /// Names a node of the DAG.
    SnapshotId = Snapshot;
    /// Names what was found for one tree.
    EvaluationId = Evaluation;
    /// Names an entry of the operation log.
    OperationId = Operation;
    /// Names the map of all names at one moment.
    NamesId = Names;
    /// Names one state of an experiment's record.
    ExperimentId = Experiment;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_goes_both_ways_and_refuses_the_rest() {
        let hash = Hash(std::array::from_fn(|at| at as u8 * 7));
        assert_eq!(Hash::from_hex(&hash.hex()), Some(hash));
        assert_eq!(Hash::from_hex(&hash.hex().to_uppercase()), None);
        assert_eq!(Hash::from_hex("00"), None);
    }

    #[test]
    fn numbers_of_kinds_are_frozen() {
        for (number, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, number);
            assert_eq!(Kind::from_number(number as u8), Some(kind));
        }
        assert_eq!(Kind::from_number(10), None);
    }
}
