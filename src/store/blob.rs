//! Large blobs: cut by content when they are put, put together again when they are fetched.
//!
//! **Format** of a recipe, a record of kind 8 stored under the hash of the whole blob: the length
//! of the blob as `u64`, then the pieces in order (their number as `u64`; for each the hash of its
//! blob and its length as `u64`). A blob of more than `BLOB_WHOLE_BYTES_MAX` bytes has a recipe,
//! any other is stored whole.
//!
//! **Invariant**: where the cuts are is a matter of storage. No id depends on them, and what was
//! put together is checked against the hash of the whole.

use std::io::{Read, Write};

use fastcdc::v2020::FastCDC;
use serde::{Deserialize, Serialize};

use crate::base::codec::{self, BlobHasher, CodecError};
use crate::base::id::{BlobId, Kind, ObjectId};
use crate::base::limits::{BLOB_WHOLE_BYTES_MAX, BLOB_WINDOW_BYTES, PIECE_BYTES};
use crate::object::traits::{ObjectError, Put};

/// How a large blob is put together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// Bytes of the whole.
    pub length: u64,
    /// Its pieces in order.
    pub pieces: Vec<Piece>,
}

/// One piece of a large blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Its content.
    pub blob: BlobId,
    /// Its bytes.
    pub length: u64,
}

/// Objects as they are stored, recipes not yet followed.
pub trait RawObjects {
    /// The bytes that are stored for an object, checked where it has a hash of its own.
    ///
    /// # Errors
    /// As `Fetch::fetch`, less a missing object.
    fn raw(&self, id: ObjectId) -> Result<Option<Vec<u8>>, ObjectError>;

    /// Whether bytes are stored for an object, without reading them.
    ///
    /// # Errors
    /// As [`RawObjects::raw`].
    fn holds(&self, id: ObjectId) -> Result<bool, ObjectError>;
}

/// The bytes of an object; none where neither it nor a recipe for it is stored.
///
/// # Errors
/// As `Fetch::fetch`.
pub fn fetch(objects: &impl RawObjects, id: ObjectId) -> Result<Option<Vec<u8>>, ObjectError> {
    if let Some(bytes) = objects.raw(id)? {
        return Ok(Some(bytes));
    }
    if id.kind != Kind::Blob {
        return Ok(None);
    }
    let blob = BlobId(id.hash);
    let Some(recipe) = recipe_of(objects, blob)? else {
        return Ok(None);
    };
    let mut whole = Vec::new();
    assemble(objects, blob, &recipe, &mut whole)?;
    Ok(Some(whole))
}

/// Writes a blob piece by piece. After an error what was written is worth nothing.
///
/// # Errors
/// As `Fetch::fetch_blob_to`.
pub fn fetch_to(
    objects: &impl RawObjects,
    blob: BlobId,
    into: &mut dyn Write,
) -> Result<u64, ObjectError> {
    let id = blob.object();
    if let Some(bytes) = objects.raw(id)? {
        into.write_all(&bytes).map_err(ObjectError::Content)?;
        return Ok(bytes.len() as u64);
    }
    match recipe_of(objects, blob)? {
        Some(recipe) => assemble(objects, blob, &recipe, into),
        None => Err(ObjectError::Missing { id }),
    }
}

/// The recipe of a large blob, decoded strictly.
///
/// # Errors
/// As `Fetch::fetch`.
pub fn recipe_of(objects: &impl RawObjects, blob: BlobId) -> Result<Option<Recipe>, ObjectError> {
    let id = ObjectId { kind: Kind::Recipe, hash: blob.0 };
    let Some(bytes) = objects.raw(id)? else {
        return Ok(None);
    };
    let recipe = codec::decode(Kind::Recipe, &bytes);
    recipe.map(Some).map_err(|source| ObjectError::Damaged { id, source })
}

/// Whether a large blob, by its id or that of its recipe, has all that it is made of: so it has where it
/// came back after it was let go. Whoever relies on it must keep packs from going.
pub fn has_all_pieces(objects: &impl RawObjects, id: ObjectId) -> bool {
    let is_there = |piece: &Piece| objects.holds(piece.blob.object()).unwrap_or(false);
    matches!(id.kind, Kind::Blob | Kind::Recipe)
        && matches!(recipe_of(objects, BlobId(id.hash)),
            Ok(Some(recipe)) if recipe.pieces.iter().all(is_there))
}

/// Writes the pieces of a recipe one behind the other, and proves that they are the blob.
///
/// # Errors
/// As `Fetch::fetch_blob_to`; [`ObjectError::Damaged`] when they are not.
pub fn assemble(
    objects: &impl RawObjects,
    blob: BlobId,
    recipe: &Recipe,
    into: &mut dyn Write,
) -> Result<u64, ObjectError> {
    let mut hasher = BlobHasher::new();
    let mut length = 0;
    for piece in &recipe.pieces {
        let id = piece.blob.object();
        let bytes = objects.raw(id)?.ok_or(ObjectError::Missing { id })?;
        hasher.update(&bytes);
        length += bytes.len() as u64;
        into.write_all(&bytes).map_err(ObjectError::Content)?;
    }
    if hasher.finish() == blob && length == recipe.length {
        return Ok(length);
    }
    let source = CodecError::Fields("its pieces are not the whole".to_owned());
    Err(ObjectError::Damaged { id: blob.object(), source })
}

/// Stores content of any length, holding a window of it at a time.
///
/// # Errors
/// As `Put::put_blob_from`.
pub fn put_from(objects: &impl Put, reader: &mut dyn Read) -> Result<(BlobId, u64), ObjectError> {
    let mut window = Window::new(reader);
    let first = window.fill(BLOB_WHOLE_BYTES_MAX as usize + 1)?;
    if first.len() as u64 <= BLOB_WHOLE_BYTES_MAX {
        let (id, length) = (codec::blob_id(first), first.len() as u64);
        objects.put(id.object(), first.to_vec())?;
        return Ok((id, length));
    }
    let mut hasher = BlobHasher::new();
    let mut recipe = Recipe { length: 0, pieces: Vec::new() };
    loop {
        let seen = window.fill(PIECE_BYTES.2 as usize)?;
        if seen.is_empty() {
            break;
        }
        let piece = &seen[..cut(seen)];
        hasher.update(piece);
        let (blob, length) = (codec::blob_id(piece), piece.len() as u64);
        recipe.length += length;
        recipe.pieces.push(Piece { blob, length });
        objects.put(blob.object(), piece.to_vec())?;
        window.start += length as usize;
    }
    let whole = hasher.finish();
    let kind = Kind::Recipe;
    let bytes =
        codec::encode(kind, &recipe).map_err(|source| ObjectError::Encode { kind, source })?;
    objects.put(ObjectId { kind, hash: whole.0 }, bytes)?;
    Ok((whole, recipe.length))
}

/// Where the next piece ends. The window holds a piece of the largest size, or all that is left.
fn cut(window: &[u8]) -> usize {
    let (least, average, most) = PIECE_BYTES;
    let seen = &window[..window.len().min(most as usize)];
    FastCDC::new(seen, least as usize, average as usize, most as usize).cut(0, seen.len()).1
}

/// What has been read of a content and not yet taken. It holds several pieces, so that what is left
/// moves to the front once for several pieces and not for each.
struct Window<'r> {
    reader: &'r mut dyn Read,
    bytes: Vec<u8>,
    start: usize,
}

impl<'r> Window<'r> {
    fn new(reader: &'r mut dyn Read) -> Self {
        Self { reader, bytes: Vec::new(), start: 0 }
    }

    /// What is not yet taken: at least `least` bytes, or all that are left.
    fn fill(&mut self, least: usize) -> Result<&[u8], ObjectError> {
        if self.bytes.len() - self.start < least {
            self.bytes.drain(..self.start);
            self.start = 0;
            let missing = BLOB_WINDOW_BYTES - self.bytes.len();
            let mut reader = (&mut *self.reader).take(missing as u64);
            reader.read_to_end(&mut self.bytes).map_err(ObjectError::Content)?;
        }
        Ok(&self.bytes[self.start..])
    }
}

#[cfg(test)]
/// Bytes without a pattern that a cut could fall into step with.
pub(super) fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(step).take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_recipe_are_frozen() {
        let blob = codec::blob_id(b"abc");
        let recipe = Recipe { length: 3, pieces: vec![Piece { blob, length: 3 }] };
        let bytes = codec::encode(Kind::Recipe, &recipe).unwrap();
        let number = |n: u64| n.to_le_bytes();
        let parts = [b"xp\x08\x01", &number(3)[..], &number(1), &blob.0.0, &number(3)];
        assert_eq!(bytes, parts.concat());
    }

    #[test]
    fn the_cuts_are_frozen() {
        let content = noise(2 << 20);
        let (mut at, mut ends) = (0, Vec::new());
        while at < content.len() {
            at += cut(&content[at..]);
            ends.push(at);
        }
        assert_eq!(ends, GOLDEN_ENDS);
    }

    const GOLDEN_ENDS: &[usize] = &[329_537, 873_798, 1_477_169, 2_097_152];
}
