//! Reading a bundle of either form, part by part, from whatever gives bytes.
//!
//! Guarantees that each object has the hash that it is given under (a recipe and a tombstone have
//! none of their own), that each record is decoded strictly, and that no length allocates what the
//! bytes do not pay for. That all came is known only when [`BundleReader::next`] says that there is
//! no more. Does not know which objects are needed.

use std::io::{BufRead, Read};

use super::error::BundleError;
use super::fields;
use super::format::{
    BUNDLE_VERSION, Chain, Count, FOOTER_REST_BYTES, HEADER, MAGIC, block_digest, cut_object,
    footer, manifest_digest,
};
use super::lines;
use super::manifest::Manifest;
use crate::base::codec;
use crate::base::id::{Hash, ID_BYTES, ObjectId};
use crate::base::limits::{BLOCK_BYTES_MAX, BUNDLE_LINE_BYTES_MAX, RECORD_BYTES_MAX};

/// How a bundle is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Compressed blocks.
    Binary,
    /// A JSON object a line.
    Lines,
}

/// A bundle that is being read.
pub struct BundleReader<R> {
    from: R,
    form: Form,
    /// What it says of itself.
    pub manifest: Manifest,
    chain: Chain,
    count: Count,
    /// Content of the block that was read last, and how much of it was given.
    block: (Vec<u8>, usize),
    is_done: bool,
}

impl<R: BufRead> BundleReader<R> {
    /// Reads what it is and its manifest.
    ///
    /// # Errors
    /// [`BundleError::NotABundle`], [`BundleError::Version`], [`BundleError::Damaged`],
    /// [`BundleError::Read`].
    pub fn open(mut from: R) -> Result<Self, BundleError> {
        let first = from.fill_buf().map_err(BundleError::from_read)?.first().copied();
        let (form, manifest, chain) = match first {
            Some(b'{') => {
                let line = line(&mut from)?;
                (Form::Lines, lines::manifest(&line)?, Chain::start(&line))
            }
            Some(_) => {
                let (manifest, chain) = binary_manifest(&mut from)?;
                (Form::Binary, manifest, chain)
            }
            None => return Err(BundleError::NotABundle),
        };
        manifest.check()?;
        let (count, block) = (Count::default(), (Vec::new(), 0));
        Ok(Self { from, form, manifest, chain, count, block, is_done: false })
    }

    /// Which of the two forms it has.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The next object; none when all have come and the end says so, too.
    ///
    /// # Errors
    /// [`BundleError::Damaged`], [`BundleError::Read`].
    pub fn next(&mut self) -> Result<Option<(ObjectId, Vec<u8>)>, BundleError> {
        if self.is_done {
            return Ok(None);
        }
        let found = match self.form {
            Form::Binary => self.next_in_block()?,
            Form::Lines => self.next_line()?,
        };
        let Some((id, bytes)) = found else {
            self.is_done = true;
            return Ok(None);
        };
        self.count.add(bytes.len());
        if codec::object_hash(id.kind, &bytes).is_some_and(|hash| hash != id.hash) {
            return Err(BundleError::damaged(format!("{id} has another hash")));
        }
        fields::check(id, &bytes)?;
        Ok(Some((id, bytes)))
    }

    fn next_in_block(&mut self) -> Result<Option<(ObjectId, Vec<u8>)>, BundleError> {
        if self.block.1 == self.block.0.len() && !self.read_block()? {
            return Ok(None);
        }
        let (content, at) = &mut self.block;
        let mut rest = &content[*at..];
        let (id, bytes) = cut_object(&mut rest).map_err(BundleError::damaged)?;
        let bytes = bytes.to_vec();
        *at = content.len() - rest.len();
        Ok(Some((id, bytes)))
    }

    /// Reads the next block; whether there is one.
    fn read_block(&mut self) -> Result<bool, BundleError> {
        let mut part = exactly(&mut self.from, 8)?;
        let number = |at: usize| {
            let mut bytes = [0; 4];
            bytes.copy_from_slice(&part[at..at + 4]);
            u32::from_le_bytes(bytes) as usize
        };
        let (compressed, raw) = (number(0), number(4));
        if (compressed, raw) == (0, 0) {
            self.end()?;
            return Ok(false);
        }
        if raw == 0 || raw > BLOCK_BYTES_MAX || compressed > BLOCK_BYTES_MAX {
            return Err(BundleError::damaged("a block has a length that no block has"));
        }
        part.extend(exactly(&mut self.from, compressed)?);
        let digest = block_digest(&part);
        if exactly(&mut self.from, ID_BYTES)? != digest.0 {
            return Err(BundleError::damaged("a block is not what its digest says"));
        }
        self.chain.add(&digest);
        let content = zstd::bulk::decompress(&part[8..], raw);
        let content =
            content.map_err(|_| BundleError::damaged("a block cannot be decompressed"))?;
        if content.len() != raw {
            return Err(BundleError::damaged("a block is shorter than it says"));
        }
        self.block = (content, 0);
        Ok(true)
    }

    fn next_line(&mut self) -> Result<Option<(ObjectId, Vec<u8>)>, BundleError> {
        let line = line(&mut self.from)?;
        let Some((id, bytes)) = lines::parse(&line)? else {
            let all = self.chain.end(self.count);
            self.agree()?;
            if line != lines::of_end(self.count, &all).as_bytes() {
                return Err(BundleError::damaged("its last line is not what came before it"));
            }
            self.at_end()?;
            return Ok(None);
        };
        self.chain.add(&block_digest(&line));
        if line != lines::of_object(id, &bytes, fields::readable(id, &bytes)).as_bytes() {
            return Err(BundleError::damaged(format!(
                "the line of {id} says more or less than it"
            )));
        }
        Ok(Some((id, bytes)))
    }

    /// Reads the footer, whose first eight bytes have been.
    fn end(&mut self) -> Result<(), BundleError> {
        let rest = exactly(&mut self.from, FOOTER_REST_BYTES)?;
        let all = self.chain.end(self.count);
        self.agree()?;
        if rest != footer(self.count, &all)[8..] {
            return Err(BundleError::damaged("its end is not what came before it"));
        }
        self.at_end()
    }

    /// What came is what the manifest says.
    fn agree(&self) -> Result<(), BundleError> {
        let Manifest { objects, bytes, .. } = self.manifest;
        if self.count == (Count { objects, bytes }) {
            return Ok(());
        }
        Err(BundleError::damaged("it has not as many objects and bytes as its manifest says"))
    }

    /// Nothing stands behind the end.
    fn at_end(&mut self) -> Result<(), BundleError> {
        match self.from.fill_buf().map_err(BundleError::from_read)? {
            [] => Ok(()),
            _ => Err(BundleError::damaged("something stands behind its end")),
        }
    }
}

fn binary_manifest(from: &mut impl Read) -> Result<(Manifest, Chain), BundleError> {
    let header = match exactly(from, HEADER.len()) {
        Err(BundleError::Damaged { .. }) => return Err(BundleError::NotABundle),
        header => header?,
    };
    if header[..8] != MAGIC {
        return Err(BundleError::NotABundle);
    }
    if header != HEADER {
        let mut version = [0; 8];
        version.copy_from_slice(&header[8..]);
        let found = u64::from_le_bytes(version);
        return match found {
            BUNDLE_VERSION => Err(BundleError::damaged("its header is none")),
            found => Err(BundleError::Version { found }),
        };
    }
    let mut part = exactly(from, 8)?;
    let mut length = [0; 8];
    length.copy_from_slice(&part);
    let length = u64::from_le_bytes(length);
    if length > RECORD_BYTES_MAX as u64 {
        return Err(BundleError::damaged("its manifest has a length that no manifest has"));
    }
    part.extend(exactly(from, length as usize)?);
    let digest = manifest_digest(&part);
    if exactly(from, ID_BYTES)? != digest.0 {
        return Err(BundleError::damaged("its manifest is not what its digest says"));
    }
    let manifest = codec::decode_fields(&part[8..])
        .map_err(|e| BundleError::damaged(format!("its manifest: {e}")))?;
    let mut chain = Chain::start(&HEADER);
    chain.add(&digest);
    Ok((manifest, chain))
}

/// Reads so many bytes; grows with what comes.
fn exactly(from: &mut impl Read, count: usize) -> Result<Vec<u8>, BundleError> {
    let mut bytes = Vec::new();
    from.take(count as u64).read_to_end(&mut bytes).map_err(BundleError::from_read)?;
    if bytes.len() == count {
        return Ok(bytes);
    }
    Err(BundleError::damaged("it ends too early (cut short?)"))
}

/// Reads a line with its end.
fn line(from: &mut impl BufRead) -> Result<Vec<u8>, BundleError> {
    let mut line = Vec::new();
    let bound = BUNDLE_LINE_BYTES_MAX as u64 + 1;
    from.take(bound).read_until(b'\n', &mut line).map_err(BundleError::from_read)?;
    match line.last() {
        Some(b'\n') => Ok(line),
        _ if line.len() > BUNDLE_LINE_BYTES_MAX => {
            Err(BundleError::damaged("a line is longer than any that is written"))
        }
        _ => Err(BundleError::damaged("it ends too early (cut short?)")),
    }
}

/// The hash of a text of 64 digits.
pub(super) fn hash(text: &str) -> Result<Hash, BundleError> {
    Hash::from_hex(text).ok_or_else(|| BundleError::damaged(format!("`{text}` is no id")))
}
