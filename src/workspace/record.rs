//! What the stat cache remembers of one folder, as bytes that are read in place.
//!
//! **Format**: digest of the ignore rules in force (32 bytes); 1 and the folder's tree (32 bytes),
//! or 0; then per name, sorted: length (`u8`), tag (`u8`: what it is in the low half, what the
//! rules said in the high half), name; for a file or link size, mtime, ctime (nanoseconds), inode,
//! device (each `u64`, little-endian), mode (`u32`), blob (32 bytes); for a folder its tree and
//! length (`u64`); for what is left out nothing.

use std::ops::Range;
use std::sync::Arc;

use super::stamp::Stamp;
use crate::base::id::{Hash, ID_BYTES, TreeId};
use crate::object::tree::EntryKind;

/// What the ignore rules said of a name. A name may be captured all the same: git or the base
/// has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ruled {
    /// Captured.
    Included,
    /// Ignored.
    Ignored,
    /// Looks like a secret.
    Secret,
    /// Not asked yet: a restore wrote it.
    Unknown,
}

/// What was found under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A file or a link with that content.
    Leaf {
        /// Which of them.
        kind: EntryKind,
        /// What the file system said of it.
        stamp: Stamp,
        /// Its blob.
        hash: Hash,
    },
    /// A folder.
    Folder {
        /// Its tree.
        hash: Hash,
        /// Bytes below it.
        length: u64,
    },
    /// Something that is not captured.
    Left {
        /// Whether it is a folder.
        is_folder: bool,
    },
}

/// A name as it is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Remembered<'a> {
    /// Its bytes.
    pub(super) name: &'a [u8],
    /// What the rules said.
    pub(super) ruled: Ruled,
    /// What it was.
    pub(super) what: What,
}

impl Remembered<'_> {
    /// Whether the rules were asked about a folder.
    pub(super) fn is_folder(&self) -> bool {
        matches!(self.what, What::Folder { .. } | What::Left { is_folder: true })
    }
}

/// The encoded record of one folder.
#[derive(Clone, Debug)]
pub(super) struct Record {
    buffer: Arc<Vec<u8>>,
    range: Range<usize>,
}

impl Record {
    /// A part of a larger buffer. Nothing is checked: whoever loads a buffer checks its digest.
    pub(super) fn within(buffer: &Arc<Vec<u8>>, range: Range<usize>) -> Self {
        Self { buffer: Arc::clone(buffer), range }
    }

    /// Encodes; names must ascend.
    pub(super) fn encode<'a>(
        rules: &Hash,
        tree: Option<TreeId>,
        names: impl Iterator<Item = Remembered<'a>>,
    ) -> Self {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend_from_slice(&rules.0);
        bytes.push(u8::from(tree.is_some()));
        bytes.extend_from_slice(tree.as_ref().map_or(&[][..], |tree| &tree.0.0[..]));
        for name in names {
            encode_name(&name, &mut bytes);
        }
        let range = 0..bytes.len();
        Self { buffer: Arc::new(bytes), range }
    }

    /// The encoding.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.range.clone()]
    }

    /// The digest of the rules that decided; none for a record that is too short to be one.
    pub(super) fn rules(&self) -> Option<Hash> {
        Reader(self.bytes()).hash()
    }

    /// The tree that the folder was captured as.
    pub(super) fn tree(&self) -> Option<TreeId> {
        self.parts().1
    }

    /// The names in order. Ends early where the bytes make no sense.
    pub(super) fn names(&self) -> Names<'_> {
        Names(self.parts().2)
    }

    fn parts(&self) -> (Option<Hash>, Option<TreeId>, Reader<'_>) {
        let mut reader = Reader(self.bytes());
        let rules = reader.hash();
        let tree = match reader.take::<1>() {
            Some([1]) => reader.hash().map(TreeId),
            _ => None,
        };
        (rules, tree, reader)
    }
}

/// The names of a record in order.
pub(super) struct Names<'a>(Reader<'a>);

impl<'a> Iterator for Names<'a> {
    type Item = Remembered<'a>;

    fn next(&mut self) -> Option<Remembered<'a>> {
        decode_name(&mut self.0)
    }
}

const KINDS: [EntryKind; 3] = [EntryKind::File, EntryKind::Executable, EntryKind::Symlink];
const RULED: [Ruled; 4] = [Ruled::Included, Ruled::Ignored, Ruled::Secret, Ruled::Unknown];
const FOLDER: u8 = 3;
const LEFT_FILE: u8 = 4;
const LEFT_FOLDER: u8 = 5;

fn encode_name(name: &Remembered<'_>, into: &mut Vec<u8>) {
    let what = match name.what {
        What::Leaf { kind, .. } => kind as u8,
        What::Folder { .. } => FOLDER,
        What::Left { is_folder: false } => LEFT_FILE,
        What::Left { is_folder: true } => LEFT_FOLDER,
    };
    // A name of a file system is at most 255 bytes long.
    into.push(u8::try_from(name.name.len()).unwrap_or(u8::MAX));
    into.push(what | (name.ruled as u8) << 4);
    into.extend_from_slice(name.name);
    match &name.what {
        What::Leaf { stamp, hash, .. } => {
            into.extend_from_slice(&stamp.size.to_le_bytes());
            into.extend_from_slice(&stamp.modified.to_le_bytes());
            into.extend_from_slice(&stamp.changed.to_le_bytes());
            into.extend_from_slice(&stamp.inode.to_le_bytes());
            into.extend_from_slice(&stamp.device.to_le_bytes());
            into.extend_from_slice(&stamp.mode.to_le_bytes());
            into.extend_from_slice(&hash.0);
        }
        What::Folder { hash, length } => {
            into.extend_from_slice(&hash.0);
            into.extend_from_slice(&length.to_le_bytes());
        }
        What::Left { .. } => {}
    }
}

fn decode_name<'a>(reader: &mut Reader<'a>) -> Option<Remembered<'a>> {
    let [length, tag] = reader.take::<2>()?;
    let name = reader.slice(length.into())?;
    let ruled = *RULED.get(usize::from(tag >> 4))?;
    let what = match tag & 15 {
        FOLDER => What::Folder { hash: reader.hash()?, length: reader.number()? },
        LEFT_FILE => What::Left { is_folder: false },
        LEFT_FOLDER => What::Left { is_folder: true },
        kind => {
            let kind = *KINDS.get(usize::from(kind))?;
            let stamp = Stamp {
                size: reader.number()?,
                modified: reader.number()?.cast_signed(),
                changed: reader.number()?.cast_signed(),
                inode: reader.number()?,
                device: reader.number()?,
                mode: u32::from_le_bytes(reader.take()?),
            };
            What::Leaf { kind, stamp, hash: reader.hash()? }
        }
    };
    Some(Remembered { name, ruled, what })
}

/// Takes bytes from the front.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn slice(&mut self, length: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(front)
    }

    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (front, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*front)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn hash(&mut self) -> Option<Hash> {
        self.take::<ID_BYTES>().map(Hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_and_cut_off_bytes_end_early() {
        let stamp =
            Stamp { size: 1, modified: -2, changed: 3, inode: 4, device: 5, mode: 0o100_755 };
        let hash = Hash([7; 32]);
        let kind = EntryKind::Executable;
        let names = [
            (b"a".as_slice(), Ruled::Ignored, What::Leaf { kind, stamp, hash }),
            (b"b\xff", Ruled::Included, What::Folder { hash, length: 9 }),
            (b"c", Ruled::Secret, What::Left { is_folder: false }),
            (b"d", Ruled::Unknown, What::Left { is_folder: true }),
        ]
        .map(|(name, ruled, what)| Remembered { name, ruled, what });
        let record = Record::encode(&hash, Some(TreeId(hash)), names.iter().copied());
        assert_eq!(record.rules(), Some(hash));
        assert_eq!(record.tree(), Some(TreeId(hash)));
        assert_eq!(record.names().collect::<Vec<_>>(), names);
        let buffer = Arc::new(record.bytes().to_vec());
        for end in 0..buffer.len() {
            let cut = Record::within(&buffer, 0..end);
            assert!(cut.names().count() < 4);
            assert!(cut.names().zip(&names).all(|(found, name)| found == *name));
        }
    }
}
