//! A bundle written anew without some objects: each is replaced by its tombstone.

use std::collections::HashSet;
use std::io::{BufRead, Write};

use super::error::BundleError;
use super::format::Count;
use super::manifest::Manifest;
use super::read::{BundleReader, Form};
use super::write::BundleWriter;
use crate::base::codec;
use crate::base::id::{Kind, ObjectId};
use crate::object::tombstone::Tombstone;
use crate::object::traits::ObjectError;

/// The same bundle without these objects, in whose place `tombstone` stands for each; how many those
/// were. `open` gives the bundle from its start, and is asked twice: the manifest, which comes first,
/// says how much follows. A large file goes with the list of its pieces; the pieces are named by
/// whoever knows them.
///
/// # Errors
/// Those of reading, for a bundle that is not whole; [`BundleError::Write`].
pub fn write_without<R: BufRead, W: Write>(
    mut open: impl FnMut() -> Result<R, BundleError>,
    ids: &HashSet<ObjectId>,
    tombstone: &Tombstone,
    into: W,
) -> Result<(W, usize), BundleError> {
    let mut count = Count::default();
    let (manifest, form, _) = each(open()?, ids, tombstone, |_, bytes| {
        count.add(bytes.len());
        Ok(())
    })?;
    let manifest = Manifest { objects: count.objects, bytes: count.bytes, ..manifest };
    let mut writer = BundleWriter::begin(into, form, &manifest)?;
    let (_, _, replaced) = each(open()?, ids, tombstone, |id, bytes| writer.add(id, bytes))?;
    Ok((writer.finish()?, replaced))
}

/// Gives each object as it shall be; how many were replaced.
fn each<R: BufRead>(
    from: R,
    ids: &HashSet<ObjectId>,
    tombstone: &Tombstone,
    mut take: impl FnMut(ObjectId, &[u8]) -> Result<(), BundleError>,
) -> Result<(Manifest, Form, usize), BundleError> {
    let mut reader = BundleReader::open(from)?;
    let mut replaced = HashSet::new();
    while let Some((id, bytes)) = reader.next()? {
        match instead(id, ids, tombstone, &mut replaced)? {
            Instead::Keep => take(id, &bytes)?,
            Instead::Drop => {}
            Instead::Tombstone(id, bytes) => take(id, &bytes)?,
        }
    }
    let form = reader.form();
    Ok((reader.manifest, form, replaced.len()))
}

enum Instead {
    Keep,
    /// Its tombstone is there already.
    Drop,
    Tombstone(ObjectId, Vec<u8>),
}

fn instead(
    id: ObjectId,
    ids: &HashSet<ObjectId>,
    tombstone: &Tombstone,
    replaced: &mut HashSet<ObjectId>,
) -> Result<Instead, BundleError> {
    // A recipe goes with the blob that it describes.
    let of = if id.kind == Kind::Recipe { ObjectId { kind: Kind::Blob, ..id } } else { id };
    if !ids.contains(&of) {
        return Ok(Instead::Keep);
    }
    if !replaced.insert(of) {
        return Ok(Instead::Drop);
    }
    let tombstone = Tombstone { kind: of.kind as u8, ..tombstone.clone() };
    let encode = |source| ObjectError::Encode { kind: Kind::Tombstone, source };
    let bytes = codec::encode(Kind::Tombstone, &tombstone).map_err(encode)?;
    Ok(Instead::Tombstone(Tombstone::place(of), bytes))
}
