//! Proving a store: every byte of every pack, every hash, every record, everything that the
//! current operation needs, every frame of the journal.
//!
//! Guarantees that it changes nothing. What it finds are values: only what keeps it from looking
//! at all (a folder that cannot be listed) is an error.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::PathBuf;

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use super::blob::RawObjects;
use super::collect::reach::Reach;
use super::error::StoreError;
use super::holdable::Holdable;
use super::journal::{self, JournalCheck};
use super::open::Store;
use super::pack::format::IndexEntry;
use super::pack::read::{OpenPack, Pack, cut};
use super::pack::set::check_hash;
use crate::base::id::{Kind, ObjectId, OperationId, SnapshotId};
use crate::object::operation::Operation;
use crate::object::snapshot::Snapshot;
use crate::object::tombstone::{Farewell, Tombstone};
use crate::object::traits::ObjectError;

/// Operations that are named where no head says which one is current.
const SHOWN_MAX: usize = 5;

/// How far a check has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckProgress {
    /// So many packs have been read, of so many.
    Packs {
        /// Read.
        done: usize,
        /// In all.
        all: usize,
    },
    /// So many objects have been reached from what is current.
    Reached {
        /// Reached.
        done: usize,
    },
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A file of the store is damaged.
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// An object is stored, but wrong.
    Object {
        /// Which.
        id: ObjectId,
        /// What is wrong with it.
        what: String,
    },
    /// An object is needed and not stored.
    Missing {
        /// Which.
        id: ObjectId,
        /// What needs it; none for what a head names.
        wanted_by: Option<ObjectId>,
    },
    /// Several operations are current.
    Diverged {
        /// What was said.
        what: String,
    },
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Packs that were read.
    pub packs: usize,
    /// Different objects in them.
    pub objects: usize,
    /// Objects that are needed and there.
    pub reached: usize,
    /// Objects that nothing current needs: left by what was not committed, or removed.
    pub unreferenced: usize,
    /// Tombstones: objects that were let go on purpose.
    pub tombstones: usize,
    /// Objects that were forgotten and are stored: forgetting was cut short, or they came again.
    pub leftovers: Vec<ObjectId>,
    /// Segments of the journal that were read.
    pub segments: usize,
    /// Frames in them that are whole.
    pub frames: usize,
    /// Segments whose end is no frame, and where that begins. No fault by itself: a crash cuts a
    /// write short before it is acknowledged. Damage to what was written last looks the same.
    pub unfinished: Vec<(PathBuf, u64)>,
    /// Where no head is left: the stored operations that no other one follows. Any of them can be
    /// made current again by an empty file in `heads/` that has its id for a name.
    pub newest_stored: Vec<OperationId>,
    /// Whether all operations that should be there are: only then is what nothing refers to of no use.
    pub is_history_whole: bool,
    /// What is wrong, nothing for a sound store.
    pub problems: Vec<Problem>,
}

impl CheckReport {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    /// Objects that are needed and not stored.
    pub fn missing(&self) -> impl Iterator<Item = ObjectId> {
        self.problems.iter().filter_map(|problem| match problem {
            Problem::Missing { id, .. } => Some(*id),
            _ => None,
        })
    }
}

impl Store {
    /// Proves the store. Reads all of it; takes no lock, so that what is committed or compacted
    /// meanwhile may be seen or not.
    ///
    /// # Errors
    /// The disk's, where nothing could be looked at.
    pub fn check(&self, progress: &dyn Fn(CheckProgress)) -> Result<CheckReport, StoreError> {
        let (listed, current) = match self.heads() {
            Ok((listed, _)) => (listed, None),
            Err(
                e @ (StoreError::Diverged { .. }
                | StoreError::Objects(_)
                | StoreError::Corrupt { .. }),
            ) => (super::heads::list(&self.layout.heads())?, Some(e)),
            Err(e) => return Err(e),
        };
        let mut report = CheckReport { is_history_whole: true, ..CheckReport::default() };
        match current {
            Some(error @ StoreError::Diverged { .. }) => {
                report.problems.push(Problem::Diverged { what: error.to_string() });
            }
            Some(StoreError::Corrupt { path, what }) => {
                report.is_history_whole = false;
                report.newest_stored = self.newest_stored();
                let what = format!("{what}{}", followed_by_none(&report.newest_stored));
                report.problems.push(Problem::File { path, what });
            }
            _ => {}
        }
        let mut all = HashSet::new();
        let packs = self.packs.rescan()?;
        for (done, pack) in packs.iter().enumerate() {
            progress(CheckProgress::Packs { done, all: packs.len() });
            report.packs += 1;
            check_pack(pack, &mut all, &mut report.problems);
        }
        progress(CheckProgress::Packs { done: packs.len(), all: packs.len() });
        let heads = listed.iter().map(|head| head.object());
        let reached = Reach::from(self, heads, progress, &mut report.problems);
        report.objects = all.len();
        self.check_tombstones(&all, &mut report);
        report.reached = reached.len();
        self.check_trees(&reached, &mut report);
        let is_operation = |id: ObjectId| id.kind == Kind::Operation;
        let lacks_operations = report.missing().any(is_operation);
        report.is_history_whole &= !lacks_operations;
        report.unreferenced = all.iter().filter(|id| !reached.contains(id)).count();
        self.check_journal(&mut report)?;
        Ok(report)
    }

    /// The stored operations that no other one follows, for who has to say again which is current.
    fn newest_stored(&self) -> Vec<OperationId> {
        let stored = self.find(Kind::Operation, "", usize::MAX).unwrap_or_default();
        let mut newest: BTreeSet<_> = stored.iter().copied().map(OperationId).collect();
        for id in stored {
            for parent in Operation::fetch(self, OperationId(id)).map_or(Vec::new(), |o| o.parents)
            {
                newest.remove(&parent);
            }
        }
        newest.into_iter().take(SHOWN_MAX).collect()
    }

    /// Proves that a workspace can hold the tree of each snapshot.
    fn check_trees(&self, reached: &HashSet<ObjectId>, report: &mut CheckReport) {
        let mut holdable = Holdable::new(self, HashMap::new());
        for id in reached.iter().filter(|id| id.kind == Kind::Snapshot) {
            // One that cannot be read was named by the walk.
            let Ok(snapshot) = Snapshot::fetch(self, SnapshotId(id.hash)) else { continue };
            if let Err(error @ ObjectError::Rule { .. }) = holdable.prove(self, snapshot.tree) {
                push_new(&mut report.problems, problem_of(&error));
            }
        }
    }

    /// Reads each tombstone, and finds what was forgotten and is there.
    fn check_tombstones(&self, all: &HashSet<ObjectId>, report: &mut CheckReport) {
        for place in all.iter().filter(|id| id.kind == Kind::Tombstone) {
            report.tombstones += 1;
            // One that cannot be read was named with its pack.
            let Ok(Some(bytes)) = self.raw(*place) else { continue };
            let tombstone = Tombstone::read(*place, &bytes);
            match tombstone {
                Ok((of, tombstone)) if tombstone.why == Farewell::Forgotten => {
                    let recipe = ObjectId { kind: Kind::Recipe, ..of };
                    let is_large = of.kind == Kind::Blob && all.contains(&recipe);
                    report.leftovers.extend((is_large || all.contains(&of)).then_some(of));
                }
                Ok(_) => {}
                Err(e) => report.problems.push(problem_of(&e)),
            }
        }
        report.leftovers.sort_unstable();
    }

    fn check_journal(&self, report: &mut CheckReport) -> Result<(), StoreError> {
        let JournalCheck { segments, frames, damaged, unfinished, .. } =
            journal::check(&self.layout.journal())?;
        (report.segments, report.frames, report.unfinished) = (segments, frames, unfinished);
        let problems = damaged.into_iter().map(|(path, what)| Problem::File { path, what });
        report.problems.extend(problems);
        Ok(())
    }
}

fn followed_by_none(newest: &[OperationId]) -> String {
    let shown: Vec<_> = newest.iter().map(OperationId::hex).collect();
    match &shown[..] {
        [] => String::new(),
        _ => format!("; no other operation follows {}", shown.join(", ")),
    }
}

fn check_pack(pack: &Pack, all: &mut HashSet<ObjectId>, problems: &mut Vec<Problem>) {
    let open = match pack.open() {
        Ok(open) => open,
        // Taken away by a compaction or collection, which stored elsewhere what is needed of it.
        Err(e) if super::pack::set::is_gone(&e) => return,
        Err(e) => return problems.push(problem_of(&e)),
    };
    problems.extend(open.check_header().err().map(|e| problem_of(&e)));
    let mut by_block: Vec<Vec<IndexEntry>> = vec![Vec::new(); open.blocks().len()];
    let mut last = None;
    for at in 0..open.count() {
        let entry = match open.entry(at) {
            Ok(entry) => entry,
            Err(e) => {
                push_new(problems, problem_of(&e));
                continue;
            }
        };
        let what = "its index is out of order or names a block that is not there";
        match by_block.get_mut(entry.block as usize) {
            Some(block) if last < Some(entry.id) => block.push(entry),
            _ => {
                // Named once; what the rest of it says is looked at all the same.
                let (path, what) = (pack.path.clone(), what.to_owned());
                push_new(problems, Problem::File { path, what });
                continue;
            }
        }
        last = Some(entry.id);
        all.insert(entry.id);
    }
    let checked = by_block.into_par_iter().with_max_len(1).enumerate();
    let found: Vec<Problem> = checked
        .flat_map_iter(|(number, entries)| check_block(open, pack, number, entries))
        .collect();
    problems.extend(found);
}

fn push_new(problems: &mut Vec<Problem>, problem: Problem) {
    if !problems.contains(&problem) {
        problems.push(problem);
    }
}

fn check_block(
    open: &OpenPack,
    pack: &Pack,
    number: usize,
    mut entries: Vec<IndexEntry>,
) -> Vec<Problem> {
    let content = match open.block(number as u32) {
        Ok(content) => content,
        Err(e) => return vec![problem_of(&e)],
    };
    let mut problems = Vec::new();
    entries.sort_by_key(|entry| (entry.offset, entry.length));
    let mut end = 0;
    for entry in entries {
        if entry.offset != end {
            let what = format!("the objects of block {number} do not follow each other");
            problems.push(Problem::File { path: pack.path.clone(), what });
        }
        end = entry.offset.saturating_add(entry.length);
        let checked =
            cut(&pack.path, &content, &entry).and_then(|bytes| check_hash(entry.id, bytes));
        problems.extend(checked.err().map(|e| problem_of(&e)));
    }
    if end as usize != content.len() {
        let what = format!("block {number} holds bytes of no object");
        problems.push(Problem::File { path: pack.path.clone(), what });
    }
    problems
}

/// The problem that an error tells of.
pub(super) fn problem_of(error: &ObjectError) -> Problem {
    match error {
        ObjectError::Missing { id } => Problem::Missing { id: *id, wanted_by: None },
        ObjectError::Damaged { id, .. } | ObjectError::Rule { id, .. } => {
            Problem::Object { id: *id, what: error.to_string() }
        }
        ObjectError::File { path, what } => {
            Problem::File { path: path.clone(), what: what.clone() }
        }
        ObjectError::Disk { path, source } => {
            Problem::File { path: path.clone(), what: source.to_string() }
        }
        other => Problem::File { path: PathBuf::new(), what: other.to_string() },
    }
}
