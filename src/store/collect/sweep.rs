//! Carrying out a collection: what lives in wasteful packs is copied, and the packs go.
//!
//! **The race.** A writer that found an object stored relies on it until its commit, and holds the lock
//! `writers` shared for as long. So copies are made without a lock; then, group by group, the lock is
//! taken alone, the heads are looked at again, what was committed since is marked and copied too, and
//! only then packs go.
//!
//! **Invariant: what a writer may rely on has everything below it.** Packs go one after another, so
//! a dead directory may stay for a while, or after a crash, when what is in it went. Therefore
//! each dead object that refers to others first gets a tombstone (*passing* ones in a pack of their
//! own), and a writer takes what has one for not stored. When all is gone, that pack goes too.
//!
//! **Durability, the half-done states**: tombstones without a loss; copies beside what they are
//! copies of; some packs gone, all that lives copied; passing tombstones for objects that are
//! gone. Each is sound, and the next collection ends what this one began.
//!
//! **Space**: what is copied before something goes is about as large as the largest pack at most, or
//! `COLLECT_GROUP_BYTES_MIN`.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::super::error::{StoreError, disk_error};
use super::super::lock::{Lock, Sharing};
use super::super::open::Store;
use super::super::pack::read::Pack;
use super::super::pack::write::remove_stale;
use super::copy::Copying;
use super::mark::{Marks, NOWHERE};
use super::order::Place;
use super::plan::CollectPlan;
use super::survey::{Care, DamagedPacks, Fate, Survey, Surveyed};
use crate::base::codec;
use crate::base::id::{Hash, Kind, ObjectId};
use crate::base::limits::{COLLECT_GROUP_BYTES_MIN, LOCK_TRIES_MAX};
use crate::base::time::Timestamp;
use crate::object::tombstone::{Farewell, Tombstone};
use crate::object::traits::ObjectError;

/// What a collection did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Before and after.
    pub before: Holding,
    /// What there is now.
    pub after: Holding,
    /// Tombstones that were set for what live objects still refer to.
    pub tombstones: u64,
    /// Packs that should have gone and are still there, because writers did not pause. What lives
    /// in them is stored twice until the next collection.
    pub postponed: usize,
    /// Packs that are damaged and were left alone, and what is wrong with them: something that lives is
    /// nowhere whole and may still be saved from them by hand, or one cannot say what it has.
    pub damaged: Vec<(PathBuf, String)>,
    /// Whether one of them cannot say what it has: then nothing went.
    pub is_held_up: bool,
    /// Packs that were damaged and are gone, and what was wrong with them: all that lives lies whole
    /// elsewhere.
    pub cleared: Vec<(PathBuf, String)>,
}

/// How much the packs hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// Packs.
    pub packs: usize,
    /// Their bytes on disk.
    pub pack_bytes: u64,
    /// Objects, each once.
    pub objects: u64,
}

/// A moment of a collection, for tests that do something just then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The copies of a group are durable; nothing is locked.
    Copied,
    /// A writer holds its lock, and is waited for.
    Waiting,
    /// Writers are locked out, and nothing was looked at again yet.
    Locked,
    /// The packs of a group are gone, and writers may write again.
    Removed,
}

/// What is in the way: how long writers are waited for, and who looks on.
pub struct Setting<'a> {
    /// Times the lock of the writers is tried for each group.
    pub tries: usize,
    /// Bytes of copies in a group, where the largest pack is smaller.
    pub group_bytes_min: u64,
    /// Is told each moment.
    pub watch: &'a mut dyn FnMut(Moment),
}

/// Holder of what was copied.
const COPIED: u32 = u32::MAX - 1;

impl Store {
    /// Carries out a plan. What was committed since it was made is kept as well. A second
    /// collection waits for the first one, with a bound.
    ///
    /// **Durability**: durable when it returns. Cut short at any moment, it has lost nothing.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while packs are collected or compacted elsewhere; the disk's; as
    /// [`Store::plan_collection`].
    pub fn collect(
        &self,
        plan: CollectPlan,
        who: &str,
        when: Timestamp,
    ) -> Result<Collected, StoreError> {
        let setting = Setting {
            tries: LOCK_TRIES_MAX,
            group_bytes_min: COLLECT_GROUP_BYTES_MIN,
            watch: &mut |_| (),
        };
        self.collect_in(plan, who, when, setting)
    }

    /// The same, with all that a test may set.
    pub(in super::super) fn collect_in<'a>(
        &'a self,
        plan: CollectPlan,
        who: &'a str,
        when: Timestamp,
        setting: Setting<'a>,
    ) -> Result<Collected, StoreError> {
        self.refuse_poisoned()?;
        let alone = self.lock_file("compact").lock(Sharing::Exclusive, LOCK_TRIES_MAX)?;
        alone.note("gc");
        remove_stale(self.disk.as_ref(), &self.layout.tmp());
        let mut marks = plan.marks;
        marks.since(self)?;
        let before = self.holding()?;
        let rewrites_all = plan.rewrites_all;
        let care = Care { proves: true, rewrites_all };
        let (made, cleared) = (HashSet::new(), Vec::new());
        let mut run = Run {
            store: self,
            who,
            when,
            setting,
            rewrites_all,
            made,
            has_unsynced: false,
            cleared,
        };
        let mut damaged = DamagedPacks::default();
        let done = loop {
            let survey = Survey::of(self, &mut marks, care, &mut damaged)?;
            let known = damaged.weight();
            let (ranks, copied) = (marks.families().ranks(), HashSet::new());
            let is_since = false;
            let sweep = Sweep { run: &mut run, marks: &mut marks, survey, ranks, copied, is_since };
            match sweep.all(&mut damaged) {
                // Damage that its digests did not show: the pack stays after all.
                Err(_) if damaged.weight() > known => {}
                done => break done?,
            }
        };
        let after = self.holding()?;
        Ok(Collected { before, after, cleared: run.cleared, ..done })
    }

    /// What the packs hold, as far as their indexes can be read.
    fn holding(&self) -> Result<Holding, StoreError> {
        let packs = self.packs.rescan()?;
        let pack_bytes = packs.iter().map(|pack| pack.bytes).sum();
        let mut seen = HashSet::new();
        for open in packs.iter().filter_map(|pack| pack.open().ok()) {
            // As far as it can be read.
            seen.extend((0..open.count()).map_while(|at| Some(open.entry(at).ok()?.id)));
        }
        Ok(Holding { packs: packs.len(), pack_bytes, objects: seen.len() as u64 })
    }
}

/// What stays the same when damage makes a collection begin again.
struct Run<'a> {
    store: &'a Store,
    who: &'a str,
    when: Timestamp,
    setting: Setting<'a>,
    rewrites_all: bool,
    /// Packs that it wrote: one of them may have the name, and the content, of one that goes.
    made: HashSet<Hash>,
    /// Whether a name of them is not durable yet.
    has_unsynced: bool,
    /// Damaged packs that went, and what was wrong with them.
    cleared: Vec<(PathBuf, String)>,
}

impl Run<'_> {
    /// Writes tombstones as packs of their own.
    fn bury(&mut self, dead: &[ObjectId]) -> Result<Vec<Pack>, StoreError> {
        let mut copying = Copying::new(self.store);
        let mut places = HashSet::new();
        for id in dead {
            // A large blob has its tombstone in the place of its recipe.
            let kind = if id.kind == Kind::Recipe { Kind::Blob } else { id.kind };
            let (why, who) = (Farewell::Retention, self.who.to_owned());
            let tombstone = Tombstone { kind: kind as u8, why, who, when: self.when };
            let encoded = codec::encode(Kind::Tombstone, &tombstone);
            let kind = Kind::Tombstone;
            let bytes = encoded.map_err(|source| ObjectError::Encode { kind, source })?;
            if places.insert(Tombstone::place(*id)) {
                copying.add(Tombstone::place(*id), bytes)?;
            }
        }
        self.finish(copying)
    }

    /// Makes the content of what was copied durable. The names are after `sync_names`.
    fn finish(&mut self, copying: Copying<'_>) -> Result<Vec<Pack>, StoreError> {
        let made = copying.finish()?;
        self.has_unsynced |= !made.is_empty();
        self.made.extend(made.iter().map(|pack| pack.name));
        Ok(made)
    }

    /// Makes the names of what was written durable; before this nothing may go.
    fn sync_names(&mut self) -> Result<(), StoreError> {
        if std::mem::take(&mut self.has_unsynced) {
            self.store.sync_packs()?;
            self.store.packs.rescan()?;
        }
        Ok(())
    }

    /// Locks writers out; none when they did not pause.
    fn lock_out(&mut self) -> Result<Option<Lock>, StoreError> {
        let writers = self.store.lock_file("writers");
        let mut locked = writers.lock(Sharing::Exclusive, 1);
        if let Err(StoreError::Busy { .. }) = locked {
            (self.setting.watch)(Moment::Waiting);
            locked = writers.lock(Sharing::Exclusive, self.setting.tries);
        }
        match locked {
            Err(StoreError::Busy { .. }) => Ok(None),
            locked => locked.map(Some),
        }
    }

    /// Lets packs go. Writers must be locked out, or not care. Not durable.
    fn remove<'p>(&self, packs: impl Iterator<Item = &'p Pack>) -> Result<(), StoreError> {
        let disk = &self.store.disk;
        for pack in packs {
            disk.remove_file(&pack.path).map_err(|e| disk_error(&pack.path, e))?;
        }
        self.store.packs.rescan()?;
        Ok(())
    }
}

/// One try to carry out a plan.
struct Sweep<'r, 'a> {
    run: &'r mut Run<'a>,
    marks: &'r mut Marks,
    survey: Survey,
    /// The places of families.
    ranks: Vec<u32>,
    /// Tombstones that were copied.
    copied: HashSet<ObjectId>,
    /// Whether something was committed since the survey: what lives may be torn then, for all that it
    /// knows, and no damaged pack goes.
    is_since: bool,
}

impl Sweep<'_, '_> {
    fn all(mut self, damaged: &mut DamagedPacks) -> Result<Collected, StoreError> {
        let is_held_up = self.survey.has_blind();
        let mut done = Collected { is_held_up, ..Collected::default() };
        for surveyed in &self.survey.packs {
            if let Fate::Damaged(what) = &surveyed.fate {
                done.damaged.push((surveyed.pack.path.clone(), what.clone()));
            }
        }
        if self.survey.rewritten().next().is_none() {
            return Ok(done);
        }
        let dead = self.survey.dead(self.marks)?;
        self.run.bury(&dead.lasting)?;
        done.tombstones = dead.lasting.len() as u64;
        let passing = self.run.bury(&dead.passing)?;
        for group in self.groups() {
            if !self.group(&group, damaged)? {
                done.postponed += group.len();
            }
        }
        // What is gone must not come back beside what is not, once no tombstone tells of it.
        self.run.store.sync_packs()?;
        if done.postponed == 0 {
            self.run.remove(passing.iter())?;
        }
        Ok(done)
    }

    /// The packs that go, so grouped that what is copied at a time is bounded; damaged ones by
    /// themselves, and last.
    fn groups(&self) -> Vec<Vec<(u32, Arc<Pack>)>> {
        let largest = self.survey.packs.iter().map(|surveyed| surveyed.pack.bytes).max();
        let largest = largest.unwrap_or(0);
        let bound = largest.max(self.run.setting.group_bytes_min);
        let (mut groups, mut bytes, mut is_damaged) = (vec![Vec::new()], 0, false);
        for (number, surveyed) in self.survey.rewritten() {
            let held = surveyed.held_on_disk();
            if (bytes > bound.saturating_sub(held) && bytes > 0)
                || surveyed.is_damaged() != is_damaged
            {
                groups.push(Vec::new());
                bytes = 0;
            }
            is_damaged = surveyed.is_damaged();
            bytes += held;
            if let Some(group) = groups.last_mut() {
                group.push((number, surveyed.pack.clone()));
            }
        }
        groups
    }

    /// Copies what lives in these packs and lets them go; says whether they went.
    fn group(
        &mut self,
        group: &[(u32, Arc<Pack>)],
        damaged: &mut DamagedPacks,
    ) -> Result<bool, StoreError> {
        let damage = |(number, _): &(u32, _)| {
            self.survey.packs.get(*number as usize).and_then(Surveyed::damage)
        };
        let damages: Vec<_> = group
            .iter()
            .filter_map(|one| Some((one.1.path.clone(), damage(one)?.what.clone())))
            .collect();
        if self.is_since && !damages.is_empty() {
            return Ok(false);
        }
        self.copy(group, damaged)?;
        if group.iter().all(|(_, pack)| self.run.made.contains(&pack.name)) {
            // Written anew they are what they were.
            return Ok(true);
        }
        self.run.sync_names()?;
        (self.run.setting.watch)(Moment::Copied);
        let store = self.run.store;
        let Some(locked) = self.run.lock_out()? else { return Ok(false) };
        locked.note("gc");
        (self.run.setting.watch)(Moment::Locked);
        if self.marks.since(store)? {
            self.is_since = true;
            if !damages.is_empty() {
                return Ok(false);
            }
            self.copy(group, damaged)?;
            self.run.sync_names()?;
        }
        let made = &self.run.made;
        let gone = group.iter().map(|(_, pack)| &**pack).filter(|pack| !made.contains(&pack.name));
        self.run.remove(gone)?;
        self.run.cleared.extend(damages.into_iter().filter(|(path, _)| !path.exists()));
        drop(locked);
        (self.run.setting.watch)(Moment::Removed);
        Ok(true)
    }

    /// Copies what these packs hold, or what has become live since and may lie nowhere else.
    fn copy(
        &mut self,
        group: &[(u32, Arc<Pack>)],
        damaged: &mut DamagedPacks,
    ) -> Result<(), StoreError> {
        let mut copying = Copying::in_order(self.run.store, self.run.rewrites_all);
        for (number, pack) in group {
            let (marks, survey, copied) = (&mut *self.marks, &self.survey, &mut self.copied);
            let ranks = &self.ranks;
            let is_damaged = survey.packs.get(*number as usize).is_some_and(Surveyed::is_damaged);
            // What has become live since is no matter of a damaged one, which stays then.
            let is_of_it = |holder| holder == *number || (holder == NOWHERE && !is_damaged);
            let wanted = |id: ObjectId| match marks.get_mut(id) {
                Some(live) if is_of_it(live.holder) => {
                    live.holder = COPIED;
                    // Families that were met since are last, in no order.
                    let rank = ranks.get(live.family as usize).copied().unwrap_or(u32::MAX);
                    Some(Place { rank, turn: live.turn })
                }
                Some(_) => None,
                None => {
                    let is_held = survey.tombstones.get(&id) == Some(number);
                    (is_held && copied.insert(id)).then(Place::default)
                }
            };
            if let Err(e) = copying.copy(pack, wanted) {
                if e.is_corruption() {
                    damaged.add_hopeless(pack, &e);
                }
                return Err(e.into());
            }
        }
        self.run.finish(copying)?;
        Ok(())
    }
}
