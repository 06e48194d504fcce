//! What goes into a bundle: everything that some names need, less what the receiver has.
//!
//! Holds some 80 bytes for each object, never its content. Objects are written in the order in which
//! they lie in the packs, so that each block is read once and neighbours stay together; pieces come
//! before the recipes that name them.

use std::collections::{HashMap, HashSet};
use std::io::Write;

use super::super::blob::RawObjects;
use super::super::open::Store;
use super::closure::{Closure, Found};
use super::error::BundleError;
use super::manifest::{Manifest, Prerequisite, Source};
use super::read::Form;
use super::write::BundleWriter;
use crate::base::id::{Hash, Kind, ObjectId};
use crate::base::time::Timestamp;
use crate::object::names::NameEntry;
use crate::object::traits::ObjectError;

/// What an exporter means to write.
pub struct BundlePlan<'s> {
    store: &'s Store,
    closure: Closure<'s, Store>,
    names: Vec<NameEntry>,
    prerequisites: Vec<Prerequisite>,
    /// What the receiver has.
    excluded: HashSet<ObjectId>,
    /// What is written, as it is stored.
    stored: HashSet<ObjectId>,
    /// Whether somebody wishes to stop.
    is_cancelled: &'s dyn Fn() -> bool,
}

/// Where an object lies: kinds in the order in which they are written, then pack, block, place.
type Place = (u8, u32, u32, u32);

impl<'s> BundlePlan<'s> {
    /// Begins with what is left out: all that the prerequisites need.
    ///
    /// # Errors
    /// As `Fetch::fetch`; [`BundleError::Incomplete`] for a store that is not whole.
    pub fn new(
        store: &'s Store,
        prerequisites: Vec<Prerequisite>,
        is_cancelled: &'s dyn Fn() -> bool,
    ) -> Result<Self, BundleError> {
        let mut excluded = HashSet::new();
        let mut closure = Closure::new(store, false);
        prerequisites.iter().for_each(|one| closure.start(one.snapshot.object()));
        let found = &mut |found: Found| {
            // What was let go here the receiver may have or not; it is no reason to leave anything out.
            if found.stored.kind != Kind::Tombstone {
                excluded.insert(found.stored);
            }
            Ok(())
        };
        closure.walk(&mut |_| going_on(is_cancelled).map(|()| true), found)?;
        let (closure, stored) = (Closure::new(store, false), HashSet::new());
        let names = Vec::new();
        Ok(Self { store, closure, names, prerequisites, excluded, stored, is_cancelled })
    }

    /// Adds names and all that they need.
    ///
    /// # Errors
    /// As [`BundlePlan::new`].
    pub fn add(&mut self, names: Vec<NameEntry>) -> Result<(), BundleError> {
        names.iter().for_each(|entry| self.closure.start_at(entry));
        self.names.extend(names);
        let Self { excluded, stored, is_cancelled, .. } = self;
        let is_wanted = &mut |id: ObjectId| {
            going_on(*is_cancelled)?;
            let recipe = ObjectId { kind: Kind::Recipe, ..id };
            let is_recipe_there = id.kind == Kind::Blob && excluded.contains(&recipe);
            Ok(!excluded.contains(&id) && !is_recipe_there)
        };
        self.closure.walk(is_wanted, &mut |found| {
            stored.insert(found.stored);
            Ok(())
        })
    }

    /// Whether an object goes into the bundle, as far as names were added.
    pub fn holds(&self, id: ObjectId) -> bool {
        self.stored.contains(&id)
    }

    /// How many objects go into it.
    pub fn objects(&self) -> usize {
        self.stored.len()
    }

    /// Writes it; returns what it says of itself and what took the bytes, flushed and not durable.
    ///
    /// # Errors
    /// [`BundleError::Write`], [`BundleError::Interrupted`]; as `Fetch::fetch`.
    pub fn write<W: Write>(
        mut self,
        into: W,
        form: Form,
        (source, who, when): (Source, String, Timestamp),
    ) -> Result<(Manifest, W), BundleError> {
        let mut bytes = 0;
        let ordered = self.ordered(&mut bytes)?;
        self.names.sort_by(|a, b| a.key.cmp(&b.key));
        self.names.dedup_by(|a, b| a.key == b.key);
        let Self { names, prerequisites, store, is_cancelled, .. } = self;
        let objects = ordered.len() as u64;
        let manifest = Manifest { source, who, when, names, prerequisites, objects, bytes };
        let mut writer = BundleWriter::begin(into, form, &manifest)?;
        for (_, id) in ordered {
            going_on(is_cancelled)?;
            let content = store.raw(id)?.ok_or(ObjectError::Missing { id })?;
            writer.add(id, &content)?;
        }
        Ok((manifest, writer.finish()?))
    }

    /// All objects by their places; counts their bytes.
    fn ordered(&self, bytes: &mut u64) -> Result<Vec<(Place, ObjectId)>, BundleError> {
        let mut packs: HashMap<Hash, u32> = HashMap::new();
        let mut ordered = Vec::with_capacity(self.stored.len());
        for id in &self.stored {
            going_on(self.is_cancelled)?;
            let found = self.store.packs.locate_now(*id)?;
            let (pack, entry) = found.ok_or(ObjectError::Missing { id: *id })?;
            let next = packs.len() as u32;
            let pack = *packs.entry(pack.name).or_insert(next);
            *bytes += u64::from(entry.length);
            ordered.push(((turn(id.kind), pack, entry.block, entry.offset), *id));
        }
        ordered.sort_unstable();
        Ok(ordered)
    }
}

/// When the objects of a kind are written.
fn turn(kind: Kind) -> u8 {
    match kind {
        Kind::Blob => 0,
        Kind::Recipe => 1,
        _ => 2,
    }
}

/// Stops where somebody wishes it.
pub(super) fn going_on(is_cancelled: &dyn Fn() -> bool) -> Result<(), BundleError> {
    if is_cancelled() { Err(BundleError::Interrupted) } else { Ok(()) }
}
