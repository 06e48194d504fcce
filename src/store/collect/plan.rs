//! What a collection would do: told what is kept, in numbers, before anything is written.
//!
//! Does not know why something is kept, nor for how long.

use std::collections::HashSet;
use std::path::PathBuf;

use super::super::error::StoreError;
use super::super::open::Store;
use super::mark::Marks;
use super::survey::{Care, DamagedPacks, Fate, Survey};
use crate::base::id::{ObjectId, OperationId, SnapshotId};

/// What is kept.
#[derive(Clone, Debug, Default)]
pub struct Keep {
    /// Operations of which the record, the names before and after, and every snapshot *record* that
    /// can be reached from these stay. What is current is kept in any case: without any of these its
    /// record, else all that was committed behind them, as if it were committed after the plan.
    pub operations: HashSet<OperationId>,
    /// Snapshots of which tree and state stay as well.
    pub whole: HashSet<SnapshotId>,
    /// Other objects, with all that is below them.
    pub objects: Vec<ObjectId>,
}

/// What a collection would do, and what it needs to know to do it. Holds some 60 bytes for each
/// live object.
#[derive(Debug)]
pub struct CollectPlan {
    /// In numbers, as the store was when it was planned.
    pub numbers: PlanNumbers,
    pub(super) marks: Marks,
    pub(super) rewrites_all: bool,
}

/// A plan in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanNumbers {
    /// Objects that stay, each once, and are stored.
    pub live: u64,
    /// Bytes of their content, before compression.
    pub live_bytes: u64,
    /// Objects that go.
    pub going: u64,
    /// Bytes of their content.
    pub going_bytes: u64,
    /// Snapshots of which the record stays.
    pub snapshots: u64,
    /// Those of them of which tree and state stay.
    pub snapshots_whole: u64,
    /// Packs.
    pub packs: usize,
    /// Bytes of all packs on disk.
    pub pack_bytes: u64,
    /// Packs that are written anew, or just go.
    pub packs_rewritten: usize,
    /// Bytes on disk that become free, estimated.
    pub freed_bytes: u64,
    /// Packs that are damaged, as far as their indexes show, and what is wrong with them. They stay.
    pub damaged: Vec<(PathBuf, String)>,
    /// Whether one of them cannot say what it has: then nothing goes.
    pub is_held_up: bool,
}

impl CollectPlan {
    /// Every pack is to be written anew: versions of one path come together, which saves much
    /// where they came one by one. Costs time in proportion to what is stored.
    #[must_use]
    pub fn rewriting_all(mut self) -> Self {
        self.rewrites_all = true;
        self
    }
}

impl Store {
    /// Plans a collection. Reads only, every record that stays and the index of each pack; takes no
    /// lock. What is committed meanwhile is found when the plan is carried out.
    ///
    /// # Errors
    /// As `Fetch::fetch`: where a record that stays cannot be read, nobody knows what it needs, and
    /// nothing is planned.
    pub fn plan_collection(&self, keep: Keep) -> Result<CollectPlan, StoreError> {
        let mut marks = Marks::of(self, keep)?;
        let survey = Survey::of(self, &mut marks, Care::default(), &mut DamagedPacks::default())?;
        let numbers = numbers(&survey, &marks)?;
        Ok(CollectPlan { numbers, marks, rewrites_all: false })
    }
}

fn numbers(survey: &Survey, marks: &Marks) -> Result<PlanNumbers, StoreError> {
    let dead = survey.dead(marks)?;
    let (snapshots, snapshots_whole) = marks.snapshots();
    let mut numbers = PlanNumbers {
        going: dead.going,
        going_bytes: dead.going_bytes,
        snapshots,
        snapshots_whole,
        packs: survey.packs.len(),
        is_held_up: survey.has_blind(),
        ..PlanNumbers::default()
    };
    for surveyed in &survey.packs {
        numbers.live += surveyed.held;
        numbers.live_bytes += surveyed.held_bytes;
        numbers.pack_bytes += surveyed.pack.bytes;
        match &surveyed.fate {
            Fate::Stays => {}
            Fate::Rewritten => {
                numbers.packs_rewritten += 1;
                numbers.freed_bytes += surveyed.pack.bytes - surveyed.held_on_disk();
            }
            Fate::Damaged(what) => {
                numbers.damaged.push((surveyed.pack.path.clone(), what.clone()));
            }
        }
    }
    Ok(numbers)
}
