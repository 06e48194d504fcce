//! Forgetting content: a tombstone takes its place, and the packs that hold it are written anew
//! without it.
//!
//! **Durability, the half-done states**: tombstones, and the content still there (readers have it, and
//! it can be forgotten again); packs without it beside those with it (the same); gone. So content is
//! never gone without its tombstone, and nothing else is lost.
//!
//! Nobody writes meanwhile: a writer that found the content stored would rely on it.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::super::blob::{RawObjects, recipe_of};
use super::super::error::{StoreError, disk_error};
use super::super::lock::Sharing;
use super::super::open::Store;
use super::super::pack::read::Pack;
use super::super::pack::write::remove_stale;
use super::copy::Copying;
use super::follow::references_in;
use super::order::Place;
use super::survey::range_of;
use crate::base::codec;
use crate::base::id::{BlobId, Kind, ObjectId};
use crate::base::limits::LOCK_TRIES_MAX;
use crate::base::time::Timestamp;
use crate::object::tombstone::{Farewell, Tombstone};
use crate::object::traits::ObjectError;

/// What was forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Objects that are gone: contents, lists of pieces, and pieces.
    pub objects: usize,
    /// Packs that held one, and were written anew.
    pub packs: usize,
    /// Packs that are damaged and stay, and what is wrong with them: they may hold it still.
    pub damaged: Vec<(PathBuf, String)>,
}

impl Store {
    /// Takes contents out of all packs; each gets a tombstone. What is not stored gets none.
    ///
    /// **Durability**: durable when it returns. Cut short at any moment, it can be done again.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while somebody writes, collects or compacts; the disk's.
    pub fn forget(
        &self,
        blobs: &[BlobId],
        who: &str,
        when: Timestamp,
    ) -> Result<Forgotten, StoreError> {
        self.refuse_poisoned()?;
        let alone = self.lock_file("compact").lock(Sharing::Exclusive, LOCK_TRIES_MAX)?;
        alone.note("forget");
        let writers = self.lock_file("writers").lock(Sharing::Exclusive, LOCK_TRIES_MAX)?;
        writers.note("forget");
        // A pack that was half written may hold it, too.
        remove_stale(self.disk.as_ref(), &self.layout.tmp());
        self.forget_captures()?;
        let packs = self.packs.rescan()?;
        let mut doomed: HashSet<ObjectId> = self.content_objects(blobs)?.into_iter().collect();
        let mut done = Forgotten { objects: doomed.len(), ..Forgotten::default() };
        self.put_tombstones(blobs, &mut doomed, who, when)?;
        for pack in packs.iter() {
            match self.holds_any(pack, &doomed) {
                Ok(false) => {}
                Ok(true) => self.write_without(pack, &doomed, &mut done)?,
                Err(error) => done.damaged.push((pack.path.clone(), error.to_string())),
            }
        }
        self.sync_packs()?;
        self.packs.rescan()?;
        Ok(done)
    }

    /// Removes what captures remember of files: they took for stored what the snapshot before has. The next
    /// one reads all files, and stores what stands there.
    fn forget_captures(&self) -> Result<(), StoreError> {
        let stat = self.layout.stat();
        let failed = |e| StoreError::from_io(&stat, e);
        for workspace in std::fs::read_dir(&stat).map_err(failed)? {
            match self.disk.remove_file(&workspace.map_err(failed)?.path().join("cache")) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(failed(e)),
                _ => {}
            }
        }
        Ok(())
    }

    /// The stored objects that hold these contents and nothing else: blobs, recipes, and pieces of
    /// which no other content is made, and which are no content of a file or state themselves.
    ///
    /// # Errors
    /// As `Fetch::fetch`, for the recipes.
    pub fn content_objects(&self, blobs: &[BlobId]) -> Result<Vec<ObjectId>, StoreError> {
        let wanted: HashSet<BlobId> = blobs.iter().copied().collect();
        let mut found = HashSet::new();
        for blob in &wanted {
            if self.packs.locate(blob.object())?.is_some() {
                found.insert(blob.object());
            }
            if let Some(recipe) = recipe_of(self, *blob)? {
                found.insert(ObjectId { kind: Kind::Recipe, ..blob.object() });
                found.extend(recipe.pieces.iter().map(|piece| piece.blob.object()));
            }
        }
        for other in self.recipes()?.into_iter().filter(|blob| !wanted.contains(blob)) {
            for piece in recipe_of(self, other)?.into_iter().flat_map(|recipe| recipe.pieces) {
                // A piece that is a whole content to be forgotten goes all the same.
                if !wanted.contains(&piece.blob) {
                    found.remove(&piece.blob.object());
                }
            }
        }
        self.keep_whole_contents(&wanted, &mut found)?;
        Ok(found.into_iter().collect())
    }

    /// Takes out the pieces that a directory or a state names by themselves: the last piece of a large
    /// file may be short, and the whole of a small one.
    fn keep_whole_contents(
        &self,
        wanted: &HashSet<BlobId>,
        found: &mut HashSet<ObjectId>,
    ) -> Result<(), StoreError> {
        let is_piece = |id: &ObjectId| id.kind == Kind::Blob && !wanted.contains(&BlobId(id.hash));
        if !found.iter().any(is_piece) {
            return Ok(());
        }
        for pack in self.packs.packs()?.iter() {
            // What a damaged pack says cannot be asked for either.
            let Ok(open) = pack.open() else { continue };
            for at in [Kind::Tree, Kind::Document].map(|kind| range_of(open, kind)) {
                for at in at? {
                    let entry = open.entry(at)?;
                    let Ok(bytes) = self.packs.read(pack, &entry) else { continue };
                    for named in references_in(entry.id, &bytes)? {
                        if is_piece(&named.id) {
                            found.remove(&named.id);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The contents that are stored in pieces.
    fn recipes(&self) -> Result<HashSet<BlobId>, StoreError> {
        let mut found = HashSet::new();
        for open in self.packs.packs()?.iter().filter_map(|pack| pack.open().ok()) {
            for at in open.position(Kind::Recipe, &[])?..open.count() {
                let id = open.entry(at)?.id;
                if id.kind != Kind::Recipe {
                    break;
                }
                found.insert(BlobId(id.hash));
            }
        }
        Ok(found)
    }

    /// Sets the tombstones that are not there. One that a collection set goes with the rest.
    fn put_tombstones(
        &self,
        blobs: &[BlobId],
        doomed: &mut HashSet<ObjectId>,
        who: &str,
        when: Timestamp,
    ) -> Result<(), StoreError> {
        let mut copying = Copying::new(self);
        let mut places = HashSet::new();
        for blob in blobs {
            let of = blob.object();
            let is_stored =
                doomed.contains(&of) || doomed.contains(&ObjectId { kind: Kind::Recipe, ..of });
            let place = Tombstone::place(of);
            if !is_stored || !places.insert(place) {
                continue;
            }
            match self.raw(place)?.map(|bytes| Tombstone::decode(of, &bytes)).transpose()? {
                Some(old) if old.why == Farewell::Forgotten => continue,
                Some(_) => doomed.insert(place),
                None => false,
            };
            let (why, who) = (Farewell::Forgotten, who.to_owned());
            let tombstone = Tombstone { kind: of.kind as u8, why, who, when };
            let encoded = codec::encode(Kind::Tombstone, &tombstone);
            let kind = Kind::Tombstone;
            copying.add(place, encoded.map_err(|source| ObjectError::Encode { kind, source })?)?;
        }
        // Their names become durable with those of the packs without the content, before it goes.
        copying.finish().inspect_err(|e| self.poison(e))?;
        self.packs.rescan()?;
        Ok(())
    }

    fn holds_any(&self, pack: &Pack, doomed: &HashSet<ObjectId>) -> Result<bool, ObjectError> {
        let open = pack.open()?;
        for id in doomed {
            if open.lookup(*id)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Writes a pack anew without some objects, and removes it. A damaged one stays.
    fn write_without(
        &self,
        pack: &Arc<Pack>,
        doomed: &HashSet<ObjectId>,
        done: &mut Forgotten,
    ) -> Result<(), StoreError> {
        let mut copying = Copying::new(self);
        match copying.copy(pack, |id| (!doomed.contains(&id)).then(Place::default)) {
            Err(error) if error.is_corruption() => {
                done.damaged.push((pack.path.clone(), error.to_string()));
                return Ok(());
            }
            copied => copied?,
        }
        copying.finish().inspect_err(|e| self.poison(e))?;
        self.sync_packs()?;
        self.disk.remove_file(&pack.path).map_err(|e| disk_error(&pack.path, e))?;
        done.packs += 1;
        Ok(())
    }
}
