//! Which packs stay as they are, and which are written anew without what nothing needs.
//!
//! Each live object is taken from one pack, its *holder*; what lies in another pack as well is a
//! double there, and goes with the dead.
//!
//! Reads indexes; blocks only where it is asked to prove them. A pack that is damaged holds what lies in
//! its whole blocks. It stays while anything that lives is nowhere whole, since that may still be saved
//! from it by hand; else what it holds is copied, and it goes. One that cannot say what lies in it is
//! *blind*: it holds nothing and stays, and nothing else goes either, because nobody knows what belongs to
//! what the blind one has.

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
    /// What is wrong with it, if anything is.
    damage: Option<Damage>,
    /// Whether nobody can say, or believe, what lies in it: it holds nothing.
    is_blind: bool,
}

/// All packs, the largest first, the damaged ones last.
#[derive(Debug, Default)]
pub struct Survey {
    /// The packs; holders are places in this list.
    pub packs: Vec<Surveyed>,
    /// Tombstones that stay, where they stand already.
    pub tombstones: HashMap<ObjectId, u32>,
    /// Tombstones, and what lives, in blocks that are not whole.
    torn: Vec<ObjectId>,
}

/// What is known of the damage of a pack.
#[derive(Clone, Debug)]
pub struct Damage {
    /// In a sentence.
    pub what: String,
    /// Whether even what its digests call whole could not be copied: then it holds nothing.
    pub is_hopeless: bool,
}

/// The packs of which it is known that they are damaged.
#[derive(Debug, Default)]
pub struct DamagedPacks(HashMap<Hash, Damage>);

impl DamagedPacks {
    /// Something of it is not what its digest says.
    pub fn add(&mut self, pack: &Pack, what: &ObjectError) {
        let damage = || Damage { what: what.to_string(), is_hopeless: false };
        self.0.entry(pack.name).or_insert_with(damage);
    }

    /// It could not be copied.
    pub fn add_hopeless(&mut self, pack: &Pack, what: &ObjectError) {
        self.0.insert(pack.name, Damage { what: what.to_string(), is_hopeless: true });
    }

    /// Grows with all that is found out.
    pub fn weight(&self) -> usize {
        self.0.values().map(|damage| 1 + usize::from(damage.is_hopeless)).sum()
    }
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
        damaged: &mut DamagedPacks,
    ) -> Result<Self, StoreError> {
        loop {
            let known = damaged.weight();
            let survey = Self::once(store, marks, damaged, care)?;
            // Where a damaged one is to go each of the others is relied on.
            let proves_all = survey.rewritten().any(|(_, surveyed)| surveyed.is_damaged());
            for surveyed in survey.packs.iter().filter(|pack| care.proves && !pack.is_damaged()) {
                let is_relied_on = surveyed.fate == Fate::Rewritten || surveyed.has_doubles;
                if (is_relied_on || proves_all)
                    && let Err(error) = prove(&surveyed.pack)
                {
                    damaged.add(&surveyed.pack, &error);
                }
            }
            // Ends: each round finds another damaged pack, or none.
            if damaged.weight() == known {
                return Ok(survey);
            }
        }
    }

    fn once(
        store: &Store,
        marks: &mut Marks,
        damaged: &mut DamagedPacks,
        care: Care,
    ) -> Result<Self, StoreError> {
        marks.all_mut().for_each(|live| live.holder = NOWHERE);
        let mut packs: Vec<Arc<Pack>> = store.packs.rescan()?.iter().cloned().collect();
        // Nothing is held by a damaged one that another has.
        packs.sort_by_key(|pack| {
            (damaged.0.contains_key(&pack.name), std::cmp::Reverse(pack.bytes), pack.name)
        });
        let mut survey = Self::default();
        for pack in packs {
            let damage = damaged.0.get(&pack.name).cloned();
            let is_known = damage.is_some();
            match survey.take(&pack, damage, marks) {
                Err(e) if is_gone(&e) => {}
                // Found out: whoever called begins again with that in mind.
                Err(e) if e.is_corruption() && !is_known => damaged.add(&pack, &e),
                taken => taken?,
            }
        }
        survey.take_tombstones(store, marks)?;
        // Compaction is bounded: many packs of some size are brought together here.
        let settles = |surveyed: &&Surveyed| surveyed.pack.bytes < PACK_SETTLED_BYTES;
        let is_crowded = survey.packs.iter().filter(settles).count() > COLLECT_PACKS_MAX;
        let has_damaged = survey.packs.iter().any(Surveyed::is_damaged);
        let has_blind = survey.has_blind();
        let is_all_there = has_damaged && !has_blind && survey.is_all_there(marks);
        for surveyed in &mut survey.packs {
            let is_one_of_many = is_crowded && settles(&&*surveyed);
            let is_worth_it = care.rewrites_all || is_one_of_many || surveyed.is_wasteful();
            let goes = match surveyed.is_damaged() {
                true => is_all_there,
                false => is_worth_it && !has_blind,
            };
            if goes {
                surveyed.fate = Fate::Rewritten;
            }
        }
        Ok(survey)
    }

    /// Whether a pack cannot say what it has: then nothing goes.
    pub fn has_blind(&self) -> bool {
        self.packs.iter().any(|surveyed| surveyed.is_blind)
    }

    /// Whether a whole copy of all that lives is in some pack, or else it was let go on purpose.
    fn is_all_there(&self, marks: &Marks) -> bool {
        let is_held = |id| marks.get(id).is_some_and(|live| live.holder != NOWHERE);
        let is_there = |id: ObjectId| {
            is_held(id)
                || self.has_tombstone(id)
                || (id.kind == Kind::Blob && is_held(ObjectId { kind: Kind::Recipe, ..id }))
        };
        // What lives and was stored again after it was let go is not let go any more.
        let is_elsewhere = |id: &ObjectId| match id.kind {
            Kind::Tombstone => self.tombstones.contains_key(id) || !marks.needs_tombstone(*id),
            _ => is_held(*id),
        };
        self.torn.iter().all(is_elsewhere) && marks.ids().all(is_there)
    }

    fn take(
        &mut self,
        pack: &Arc<Pack>,
        damage: Option<Damage>,
        marks: &mut Marks,
    ) -> Result<(), ObjectError> {
        let is_damaged = damage.is_some();
        let is_hopeless = damage.as_ref().is_some_and(|damage| damage.is_hopeless);
        let fate = damage.as_ref().map_or(Fate::Stays, |d| Fate::Damaged(d.what.clone()));
        let mut surveyed = Surveyed::new(pack, fate, damage);
        match entries(pack) {
            // What it holds is not known: then nothing.
            Err(e) if is_damaged && e.is_corruption() => surveyed.is_blind = true,
            Err(e) => return Err(e),
            Ok(_) if is_hopeless => surveyed.is_blind = true,
            Ok(all) => {
                for entry in all {
                    self.take_entry(&mut surveyed, &entry, marks);
                }
            }
        }
        self.packs.push(surveyed);
        Ok(())
    }

    fn take_entry(&mut self, surveyed: &mut Surveyed, entry: &IndexEntry, marks: &mut Marks) {
        surveyed.objects += 1;
        surveyed.bytes += u64::from(entry.length);
        if surveyed.is_torn(entry) {
            if entry.id.kind == Kind::Tombstone || marks.get(entry.id).is_some() {
                self.torn.push(entry.id);
            }
            return;
        }
        let Some(live) = marks.get_mut(entry.id) else { return };
        if live.holder == NOWHERE {
            live.holder = self.packs.len() as u32;
            surveyed.hold(entry);
        } else if let Some(holder) = self.packs.get_mut(live.holder as usize) {
            holder.has_doubles = true;
        }
    }

    /// A tombstone stays while something live refers to what it stands for. One that retention set
    /// goes when the object came again: writers take what has one for not stored.
    fn take_tombstones(&mut self, store: &Store, marks: &Marks) -> Result<(), ObjectError> {
        let (packs, tombstones) = (&mut self.packs, &mut self.tombstones);
        for (number, surveyed) in packs.iter_mut().enumerate().filter(|(_, pack)| !pack.is_blind) {
            let pack = surveyed.pack.clone();
            let open = pack.open()?;
            for at in range_of(open, Kind::Tombstone)? {
                let entry = open.entry(at)?;
                if surveyed.is_torn(&entry) {
                    continue;
                }
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
        // While one is blind nothing goes, and nothing is dead that anybody might rely on.
        for surveyed in order.filter(|_| !self.has_blind()) {
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
    fn new(pack: &Arc<Pack>, fate: Fate, damage: Option<Damage>) -> Self {
        Self {
            pack: pack.clone(),
            fate,
            objects: 0,
            bytes: 0,
            held: 0,
            held_bytes: 0,
            has_stale: false,
            has_doubles: false,
            damage,
            is_blind: false,
        }
    }

    /// What is wrong with it, if anything is.
    pub fn damage(&self) -> Option<&Damage> {
        self.damage.as_ref()
    }

    /// Whether anything is.
    pub fn is_damaged(&self) -> bool {
        self.damage.is_some()
    }

    /// Whether an object cannot be had from it. Reads a block of a damaged pack once.
    fn is_torn(&self, entry: &IndexEntry) -> bool {
        let is_whole = || self.pack.open().is_ok_and(|open| open.is_whole(entry.block));
        self.is_damaged() && (self.is_blind || !is_whole())
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

/// All that the index of a pack names.
fn entries(pack: &Pack) -> Result<Vec<IndexEntry>, ObjectError> {
    let open = pack.open()?;
    (0..open.count()).map(|at| open.entry(at)).collect()
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

/// The objects of one kind in a pack; none where it is damaged, or gone: what it holds is not known.
///
/// # Errors
/// The disk's.
pub fn listed(pack: &Pack, kind: Kind) -> Result<Vec<ObjectId>, ObjectError> {
    let list = || -> Result<Vec<ObjectId>, ObjectError> {
        let open = pack.open()?;
        range_of(open, kind)?.map(|at| Ok(open.entry(at)?.id)).collect()
    };
    match list() {
        Err(e) if e.is_corruption() || is_gone(&e) => Ok(Vec::new()),
        found => found,
    }
}

/// Checks each block of a pack against its digest.
fn prove(pack: &Pack) -> Result<(), ObjectError> {
    let open = pack.open()?;
    open.check_header()?;
    let blocks = open.blocks().len() as u32;
    (0..blocks).into_par_iter().try_for_each(|number| open.compressed(number).map(|_| ()))
}
