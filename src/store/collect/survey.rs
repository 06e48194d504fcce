//! Which packs stay as they are, and which are written anew without what nothing needs.
//!
//! Each live object is taken from one pack, its *holder*; what lies in another pack as well is a
//! double there, and goes with the dead.
//!
//! Reads indexes; blocks only where it is asked to prove them. A pack that is damaged holds nothing,
//! and stays: what it has may lie elsewhere too, and what could still be saved from it must not go.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::super::blob::RawObjects;
use super::super::error::StoreError;
use super::super::open::Store;
use super::super::pack::format::IndexEntry;
use super::super::pack::read::{OpenPack, Pack};
use super::super::pack::set::is_gone;
use super::mark::{Marks, NOWHERE};
use crate::base::id::{Hash, Kind, ObjectId};
use crate::base::limits::{
    COLLECT_PACKS_MAX, COLLECT_SMALL_PACK_BYTES, COLLECT_WASTE_SHARE, PACK_SETTLED_BYTES,
};
use crate::object::tombstone::{Farewell, Tombstone};
use crate::object::traits::ObjectError;

/// What becomes of a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is left alone.
    Stays,
    /// What lives in it is copied, and it goes.
    Rewritten,
    /// It is left alone, because of this.
    Damaged(String),
}

/// One pack.
#[derive(Debug)]
pub struct Surveyed {
    /// Which.
    pub pack: Arc<Pack>,
    /// What becomes of it.
    pub fate: Fate,
    /// Objects in it.
    pub objects: u64,
    /// Bytes of their content.
    pub bytes: u64,
    /// Objects that it holds.
    pub held: u64,
    /// Bytes of their content.
    pub held_bytes: u64,
    /// Whether it has a tombstone of an object that came again.
    has_stale: bool,
    /// Whether another pack has what it holds, too.
    has_doubles: bool,
}

/// All packs, the largest first.
#[derive(Debug)]
pub struct Survey {
    /// The packs; holders are places in this list.
    pub packs: Vec<Surveyed>,
    /// Tombstones that stay, where they stand already.
    pub tombstones: HashMap<ObjectId, u32>,
}

/// How thoroughly packs are looked at and written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Care {
    /// Whether each pack that goes, or is relied on, is proved first.
    pub proves: bool,
    /// Whether every pack is written anew, however much of it lives.
    pub rewrites_all: bool,
}

impl Survey {
    /// Looks at all packs and notes in the marks which holds what. Packs of which it is known that
    /// they are damaged are named; what is found is added to them.
    ///
    /// # Errors
    /// The disk's, where nothing can be said of a pack.
    pub fn of(
        store: &Store,
        marks: &mut Marks,
        care: Care,
        damaged: &mut HashMap<Hash, String>,
    ) -> Result<Self, StoreError> {
        loop {
            let known = damaged.len();
            let survey = Self::once(store, marks, damaged, care)?;
            for surveyed in survey.packs.iter().filter(|_| care.proves) {
                if surveyed.fate == Fate::Rewritten || surveyed.has_doubles {
                    let fault = prove(&surveyed.pack).err();
                    damaged.extend(fault.map(|e| (surveyed.pack.name, e.to_string())));
                }
            }
            // Ends: each round finds another damaged pack, or none.
            if damaged.len() == known {
                return Ok(survey);
            }
        }
    }

    fn once(
        store: &Store,
        marks: &mut Marks,
        damaged: &mut HashMap<Hash, String>,
        care: Care,
    ) -> Result<Self, StoreError> {
        marks.all_mut().for_each(|live| live.holder = NOWHERE);
        let mut packs: Vec<Arc<Pack>> = store.packs.rescan()?.iter().cloned().collect();
        packs.sort_by(|a, b| b.bytes.cmp(&a.bytes).then(a.name.cmp(&b.name)));
        let mut survey = Self { packs: Vec::new(), tombstones: HashMap::new() };
        for pack in packs {
            if let Some(what) = damaged.get(&pack.name) {
                survey.packs.push(Surveyed::new(&pack, Fate::Damaged(what.clone())));
                continue;
            }
            match survey.take(&pack, marks) {
                Err(e) if is_gone(&e) => {}
                // Found out: whoever called begins again without it.
                Err(e) if e.is_corruption() => {
                    damaged.insert(pack.name, e.to_string());
                }
                taken => taken?,
            }
        }
        survey.take_tombstones(store, marks)?;
        // Compaction is bounded: many packs of some size are brought together here.
        let settles = |surveyed: &&Surveyed| surveyed.pack.bytes < PACK_SETTLED_BYTES;
        let is_crowded = survey.packs.iter().filter(settles).count() > COLLECT_PACKS_MAX;
        for surveyed in &mut survey.packs {
            let is_one_of_many = is_crowded && settles(&&*surveyed);
            let goes = care.rewrites_all || is_one_of_many || surveyed.is_wasteful();
            if surveyed.fate == Fate::Stays && goes {
                surveyed.fate = Fate::Rewritten;
            }
        }
        Ok(survey)
    }

    fn take(&mut self, pack: &Arc<Pack>, marks: &mut Marks) -> Result<(), ObjectError> {
        let open = pack.open()?;
        let number = self.packs.len() as u32;
        let mut surveyed = Surveyed::new(pack, Fate::Stays);
        for at in 0..open.count() {
            let entry = open.entry(at)?;
            surveyed.objects += 1;
            surveyed.bytes += u64::from(entry.length);
            let Some(live) = marks.get_mut(entry.id) else { continue };
            if live.holder == NOWHERE {
                live.holder = number;
                surveyed.hold(&entry);
            } else if let Some(holder) = self.packs.get_mut(live.holder as usize) {
                holder.has_doubles = true;
            }
        }
        self.packs.push(surveyed);
        Ok(())
    }

    /// A tombstone stays while something live refers to what it stands for. One that retention set
    /// goes when the object came again: writers take what has one for not stored.
    fn take_tombstones(&mut self, store: &Store, marks: &Marks) -> Result<(), ObjectError> {
        let (packs, tombstones) = (&mut self.packs, &mut self.tombstones);
        for (number, surveyed) in packs.iter_mut().enumerate() {
            if matches!(surveyed.fate, Fate::Damaged(_)) {
                continue;
            }
            let pack = surveyed.pack.clone();
            let open = pack.open()?;
            for at in range_of(open, Kind::Tombstone)? {
                let entry = open.entry(at)?;
                let is_stale = is_stale(store, marks, entry.id)?;
                surveyed.has_stale |= is_stale;
                if is_stale || !marks.needs_tombstone(entry.id) {
                    continue;
                }
                if let std::collections::hash_map::Entry::Vacant(free) = tombstones.entry(entry.id)
                {
                    free.insert(number as u32);
                    surveyed.hold(&entry);
                }
            }
        }
        Ok(())
    }

    /// The packs that are written anew.
    pub fn rewritten(&self) -> impl Iterator<Item = (u32, &Surveyed)> {
        let numbered = self.packs.iter().enumerate().map(|(at, surveyed)| (at as u32, surveyed));
        numbered.filter(|(_, surveyed)| surveyed.fate == Fate::Rewritten)
    }

    /// Objects that go, each once, and bytes of their content; and those dead ones that need a
    /// tombstone so that no writer relies on them: what refers to others.
    ///
    /// # Errors
    /// As `OpenPack::entry`.
    pub fn dead(&self, marks: &Marks) -> Result<Dead, ObjectError> {
        let mut dead = Dead::default();
        let mut seen = HashSet::new();
        // What stays dead in a pack is not let go, whatever lies elsewhere.
        let order = [false, true].into_iter().flat_map(|goes| {
            let of = move |surveyed: &&Surveyed| (surveyed.fate == Fate::Rewritten) == goes;
            self.packs.iter().filter(of)
        });
        for surveyed in order {
            let Ok(open) = surveyed.pack.open() else { continue };
            let goes = surveyed.fate == Fate::Rewritten;
            for at in 0..open.count() {
                let entry = open.entry(at)?;
                let is_live = entry.id.kind == Kind::Tombstone || marks.get(entry.id).is_some();
                if is_live || !seen.insert(entry.id) {
                    continue;
                }
                if goes {
                    dead.going += 1;
                    dead.going_bytes += u64::from(entry.length);
                }
                if !self.has_tombstone(entry.id) {
                    let is_lasting = !goes || marks.is_referred(entry.id);
                    match is_leaf(entry.id.kind) {
                        _ if is_lasting && marks.is_referred(entry.id) => {
                            dead.lasting.push(entry.id);
                        }
                        true => {}
                        false if is_lasting => dead.lasting.push(entry.id),
                        false => dead.passing.push(entry.id),
                    }
                }
            }
        }
        Ok(dead)
    }

    fn has_tombstone(&self, id: ObjectId) -> bool {
        self.tombstones.contains_key(&Tombstone::place(id))
    }
}

/// What is stored and not live.
#[derive(Debug, Default)]
pub struct Dead {
    /// Objects that go.
    pub going: u64,
    /// Bytes of their content.
    pub going_bytes: u64,
    /// What gets a tombstone that stays: something live refers to it, or it lies on in a pack
    /// although what it refers to may go.
    pub lasting: Vec<ObjectId>,
    /// What gets one until the last of these packs is gone.
    pub passing: Vec<ObjectId>,
}

impl Surveyed {
    fn new(pack: &Arc<Pack>, fate: Fate) -> Self {
        let (pack, objects, bytes, held, held_bytes) = (pack.clone(), 0, 0, 0, 0);
        let (has_stale, has_doubles) = (false, false);
        Self { pack, fate, objects, bytes, held, held_bytes, has_stale, has_doubles }
    }

    fn hold(&mut self, entry: &IndexEntry) {
        self.held += 1;
        self.held_bytes += u64::from(entry.length);
    }

    /// Whether enough of it is dead.
    fn is_wasteful(&self) -> bool {
        let waste = self.bytes - self.held_bytes;
        let is_small = self.pack.bytes <= COLLECT_SMALL_PACK_BYTES;
        let is_much = waste.saturating_mul(COLLECT_WASTE_SHARE) > self.bytes;
        self.has_stale || (self.held < self.objects && (is_small || is_much))
    }

    /// About how many bytes what it holds takes on disk.
    pub fn held_on_disk(&self) -> u64 {
        let part = u128::from(self.pack.bytes) * u128::from(self.held_bytes);
        u64::try_from(part / u128::from(self.bytes.max(1))).unwrap_or(u64::MAX)
    }
}

/// Whether nothing is below an object of that kind, so that it is of use whatever else goes.
pub fn is_leaf(kind: Kind) -> bool {
    matches!(kind, Kind::Blob | Kind::Evaluation | Kind::Tombstone)
}

fn is_stale(store: &Store, marks: &Marks, tombstone: ObjectId) -> Result<bool, ObjectError> {
    let of = |kind| ObjectId { kind, ..tombstone };
    let is_held = |id| marks.get(id).is_some_and(|live| live.holder != NOWHERE);
    let mut kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Tombstone);
    let Some(kind) = kinds.find(|kind| is_held(of(*kind))) else { return Ok(false) };
    // A large blob has its tombstone in the place of its recipe.
    let kind = if kind == Kind::Recipe { Kind::Blob } else { kind };
    let Some(bytes) = store.raw(tombstone)? else { return Ok(false) };
    Ok(Tombstone::decode(of(kind), &bytes)?.why == Farewell::Retention)
}

/// Where the objects of one kind stand in the index of a pack.
///
/// # Errors
/// As `OpenPack::entry`.
pub fn range_of(open: &OpenPack, kind: Kind) -> Result<Range<usize>, ObjectError> {
    let first = |is_before: &dyn Fn(Kind) -> bool| -> Result<usize, ObjectError> {
        let (mut low, mut high) = (0, open.count());
        while low < high {
            let middle = low + (high - low) / 2;
            if is_before(open.entry(middle)?.id.kind) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    };
    Ok(first(&|found| found < kind)?..first(&|found| found <= kind)?)
}

/// Checks each block of a pack against its digest.
fn prove(pack: &Pack) -> Result<(), ObjectError> {
    let open = pack.open()?;
    open.check_header()?;
    let blocks = open.blocks().len() as u32;
    (0..blocks).into_par_iter().try_for_each(|number| open.compressed(number).map(|_| ()))
}
