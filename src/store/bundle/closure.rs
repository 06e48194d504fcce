//! What some objects need, each once: the walk of an exporter and of a receiver.
//!
//! Every record on the way is decoded strictly and the shape of each directory is proved, as the
//! check of a store does it. References that may be absent (the tree that an evaluation measured, the
//! base of a verdict) are not followed: they do not travel.

use std::collections::HashSet;

use super::super::blob::RawObjects;
use super::super::collect::follow::{self, Reference, references_in};
use super::error::BundleError;
use crate::base::id::{Kind, ObjectId};
use crate::object::document::{DocumentNode, ListItem, MapEntry};
use crate::object::names::NameEntry;
use crate::object::sequence::{self, Element};
use crate::object::tombstone::Tombstone;
use crate::object::traits::{Fetch, ObjectError, fetch_record};
use crate::object::tree::TreeEntry;

/// One object that is needed.
#[derive(Clone)]
struct Need {
    id: ObjectId,
    wanted_by: Option<ObjectId>,
    /// The level that the index above says, for a node that is no root.
    level: Option<u8>,
}

/// One object that was met.
pub struct Found {
    /// Its id.
    pub id: ObjectId,
    /// Under which id it is stored: a large blob as its recipe, what was let go as its tombstone.
    pub stored: ObjectId,
    /// What needs it; nothing where a name does.
    wanted_by: Option<ObjectId>,
}

impl Found {
    /// What needs it, in words.
    pub fn wanted_by(&self) -> String {
        self.wanted_by.map_or_else(|| "a name".to_owned(), |by| by.to_string())
    }
}

/// A walk over what is needed.
pub struct Closure<'a, F: ?Sized> {
    objects: &'a F,
    pending: Vec<Need>,
    seen: HashSet<(ObjectId, Option<u8>)>,
    /// What has a tombstone and is there all the same, with all that is below it.
    whole: HashSet<ObjectId>,
    /// Whether the shape of whole directories is proved, which reads them twice.
    is_strict: bool,
}

impl<'a, F: Fetch + RawObjects + ?Sized> Closure<'a, F> {
    /// Has not begun.
    pub fn new(objects: &'a F, is_strict: bool) -> Self {
        let (pending, seen, whole) = (Vec::new(), HashSet::new(), HashSet::new());
        Self { objects, pending, seen, whole, is_strict }
    }

    /// Adds an object to begin with.
    pub fn start(&mut self, id: ObjectId) {
        self.pending.push(Need { id, wanted_by: None, level: None });
    }

    /// Adds what a name needs.
    pub fn start_at(&mut self, entry: &NameEntry) {
        let strong = follow::of_name(entry).into_iter().filter(|found| !found.is_weak);
        strong.for_each(|found| self.start(found.id));
    }

    /// Walks. `enters` says whether an object is looked at, the first time that it is met; `found` is
    /// told each that was.
    ///
    /// # Errors
    /// [`BundleError::Incomplete`]; those of `enters` and `found`; as `Fetch::fetch`.
    pub fn walk(
        &mut self,
        enters: &mut dyn FnMut(ObjectId) -> Result<bool, BundleError>,
        found: &mut dyn FnMut(Found) -> Result<(), BundleError>,
    ) -> Result<(), BundleError> {
        while let Some(need) = self.pending.pop() {
            let is_new = self.seen.insert((need.id, need.level));
            if !is_new || !enters(need.id)? {
                continue;
            }
            let Need { id: needed, wanted_by, .. } = need;
            match self.follow(&need) {
                Ok(stored) => found(Found { id: needed, stored, wanted_by })?,
                Err(ObjectError::Gone { id, .. } | ObjectError::Missing { id }) if id == needed => {
                    let found_it = Found { id, stored: Tombstone::place(id), wanted_by };
                    // A writer finds what it was given itself; what it misses the store says.
                    if Tombstone::of(self.objects, id)?.is_none() {
                        let wanted_by = found_it.wanted_by();
                        return Err(BundleError::Incomplete { id, wanted_by });
                    }
                    found(found_it)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Looks at one object; returns under which id it is stored.
    fn follow(&mut self, need: &Need) -> Result<ObjectId, ObjectError> {
        let id = need.id;
        if id.kind == Kind::Blob {
            return self.blob(id);
        }
        if matches!(id.kind, Kind::Recipe | Kind::Tombstone | Kind::Operation | Kind::Names) {
            return Err(ObjectError::Rule { id, rule: "nothing that travels needs its kind" });
        }
        if self.is_in_part(id)? {
            return Err(ObjectError::Missing { id });
        }
        let found = references_in(id, &self.objects.fetch(id)?)?;
        if self.is_strict {
            self.prove_shape(need)?;
        }
        self.need_all(id, found);
        Ok(id)
    }

    fn need_all(&mut self, by: ObjectId, found: Vec<Reference>) {
        for Reference { id, is_weak, level, .. } in found {
            if !is_weak {
                self.pending.push(Need { id, wanted_by: Some(by), level });
            }
        }
    }

    fn blob(&mut self, id: ObjectId) -> Result<ObjectId, ObjectError> {
        let recipe = ObjectId { kind: Kind::Recipe, ..id };
        if self.objects.holds(id)? {
            return Ok(id);
        }
        if self.is_in_part(recipe)? {
            return Err(ObjectError::Missing { id });
        }
        if let Some(bytes) = self.objects.raw(recipe)? {
            self.need_all(recipe, references_in(recipe, &bytes)?);
            return Ok(recipe);
        }
        Err(ObjectError::Missing { id })
    }

    /// Whether an object has a tombstone and not all is there that it refers to: a collection that was
    /// cut short left it, and its tombstone counts.
    fn is_in_part(&mut self, id: ObjectId) -> Result<bool, ObjectError> {
        if !self.objects.holds(Tombstone::place(id))? {
            return Ok(false);
        }
        let (mut pending, mut met) = (vec![id], HashSet::new());
        while let Some(next) = pending.pop() {
            let recipe = ObjectId { kind: Kind::Recipe, ..next };
            let stored = match next.kind {
                Kind::Blob if !self.objects.holds(next)? => recipe,
                _ => next,
            };
            let is_known = self.whole.contains(&stored) || !met.insert(stored);
            if is_known || stored.kind == Kind::Blob {
                continue;
            }
            match self.objects.raw(stored)? {
                Some(bytes) => {
                    let below = references_in(stored, &bytes)?.into_iter();
                    pending.extend(below.filter(|found| !found.is_weak).map(|found| found.id));
                }
                // What was let go below it is no gap.
                None if stored != id && Tombstone::of(self.objects, next)?.is_some() => {}
                None => return Ok(true),
            }
        }
        self.whole.extend(met);
        Ok(false)
    }

    /// Checks the rules of a node where it stands, and the shape of a whole directory, map or list.
    fn prove_shape(&self, need: &Need) -> Result<(), ObjectError> {
        let (id, level) = (need.id, need.level);
        match id.kind {
            Kind::Tree => self.prove_node::<TreeEntry>(id, level),
            Kind::Document => match fetch_record::<DocumentNode>(self.objects, id)? {
                DocumentNode::Scalar(_) => Ok(()),
                DocumentNode::Map(_) => self.prove_node::<MapEntry>(id, level),
                DocumentNode::List(_) => self.prove_node::<ListItem>(id, level),
            },
            _ => Ok(()),
        }
    }

    fn prove_node<E: Element>(&self, id: ObjectId, level: Option<u8>) -> Result<(), ObjectError> {
        if level.is_some() {
            return sequence::load::<E>(self.objects, id.hash, level).map(|_| ());
        }
        match sequence::verify::<E>(self.objects, id.hash) {
            // What is missing below it is met by the walk.
            Err(ObjectError::Missing { .. } | ObjectError::Gone { .. }) | Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
