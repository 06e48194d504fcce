//! Writing a bundle, object by object, to whatever takes bytes.
//!
//! Holds one block at a time. Does not know which objects belong in it.

use std::io::Write;

use super::error::BundleError;
use super::fields;
use super::format::{Chain, Count, HEADER, block_digest, footer, manifest_digest, object_head};
use super::lines;
use super::manifest::Manifest;
use super::read::Form;
use crate::base::codec;
use crate::base::id::ObjectId;
use crate::base::limits::{BLOCK_BYTES, COMPRESSION_LEVEL};
use crate::object::traits::ObjectError;

/// A bundle that is being written.
pub struct BundleWriter<W> {
    into: W,
    form: Form,
    chain: Chain,
    count: Count,
    /// Of the manifest.
    promised: Count,
    /// The content of the block that is being filled.
    block: Vec<u8>,
}

impl<W: Write> BundleWriter<W> {
    /// Begins with the manifest.
    ///
    /// # Errors
    /// [`BundleError::Write`].
    pub fn begin(mut into: W, form: Form, manifest: &Manifest) -> Result<Self, BundleError> {
        let first = match form {
            Form::Binary => {
                let mut fields = Vec::new();
                codec::encode_fields(manifest, &mut fields)
                    .map_err(|e| ObjectError::Content(std::io::Error::other(e.to_string())))?;
                let length = (fields.len() as u64).to_le_bytes();
                let mut part = [&length[..], &fields].concat();
                let digest = manifest_digest(&part);
                part.extend_from_slice(&digest.0);
                into.write_all(&HEADER).map_err(BundleError::Write)?;
                into.write_all(&part).map_err(BundleError::Write)?;
                let mut chain = Chain::start(&HEADER);
                chain.add(&digest);
                chain
            }
            Form::Lines => {
                let line = lines::of_manifest(manifest);
                into.write_all(line.as_bytes()).map_err(BundleError::Write)?;
                Chain::start(line.as_bytes())
            }
        };
        let promised = Count { objects: manifest.objects, bytes: manifest.bytes };
        Ok(Self { into, form, chain: first, count: Count::default(), promised, block: Vec::new() })
    }

    /// Adds an object.
    ///
    /// # Errors
    /// [`BundleError::Write`].
    pub fn add(&mut self, id: ObjectId, bytes: &[u8]) -> Result<(), BundleError> {
        self.count.add(bytes.len());
        match self.form {
            Form::Binary => {
                self.block.extend_from_slice(&object_head(id, bytes.len() as u32));
                self.block.extend_from_slice(bytes);
                if self.block.len() >= BLOCK_BYTES { self.close_block() } else { Ok(()) }
            }
            Form::Lines => {
                let line = lines::of_object(id, bytes, fields::readable(id, bytes));
                self.chain.add(&block_digest(line.as_bytes()));
                self.into.write_all(line.as_bytes()).map_err(BundleError::Write)
            }
        }
    }

    fn close_block(&mut self) -> Result<(), BundleError> {
        let frame = zstd::bulk::compress(&self.block, COMPRESSION_LEVEL);
        let frame = frame.map_err(BundleError::Write)?;
        let (compressed, raw) = (frame.len() as u32, self.block.len() as u32);
        let part = [&compressed.to_le_bytes()[..], &raw.to_le_bytes(), &frame].concat();
        let digest = block_digest(&part);
        self.chain.add(&digest);
        self.block.clear();
        self.into.write_all(&part).map_err(BundleError::Write)?;
        self.into.write_all(&digest.0).map_err(BundleError::Write)
    }

    /// Ends it and gives back what took the bytes, flushed. Not durable.
    ///
    /// # Errors
    /// [`BundleError::Write`]; [`BundleError::Damaged`] when the objects were not those of the
    /// manifest, which says that the store changed underneath.
    pub fn finish(mut self) -> Result<W, BundleError> {
        if self.count != self.promised {
            return Err(BundleError::damaged("other objects were written than were planned"));
        }
        if !self.block.is_empty() {
            self.close_block()?;
        }
        let all = self.chain.end(self.count);
        let end = match self.form {
            Form::Binary => footer(self.count, &all),
            Form::Lines => lines::of_end(self.count, &all).into_bytes(),
        };
        self.into.write_all(&end).map_err(BundleError::Write)?;
        self.into.flush().map_err(BundleError::Write)?;
        Ok(self.into)
    }
}
