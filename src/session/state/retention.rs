//! Letting go of old states: which segments of the journal no session needs any more.
//!
//! **Invariant**: what stays can be read as before: each state that is kept with all that it is rebuilt
//! from, the tags and marks that say something of it, and what brought its branch there. A segment
//! goes as a whole or not at all, so more may stay than must.
//!
//! Does not decide what is kept: it is told, of the facts that it gives.

use std::collections::BTreeSet;

use super::error::StateError;
use super::index::{Index, Number, SlotKind};
use super::kept;
use super::log::stream_of;
use super::put::PutKind;
use super::sessions::Sessions;
use crate::base::time::Timestamp;
use crate::store::journal::{Journal, Retired};

/// What is known of one state, for who decides whether it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateFacts {
    /// When it was saved.
    pub when: Timestamp,
    /// Why it was saved.
    pub why: PutKind,
    /// Whether it has a tag, or was marked as valid.
    pub is_tagged: bool,
    /// Whether a branch is there.
    pub is_head: bool,
}

/// Decides for the states of one session, oldest first: its name, the facts; whether each is kept.
pub type Decide<'a> = &'a dyn Fn(&str, &[StateFacts]) -> Vec<bool>;

/// What was let go of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatesLetGo {
    /// Segments of the journal.
    pub segments: usize,
    /// Their bytes.
    pub bytes: u64,
    /// States in them that are not kept.
    pub states: u64,
}

impl Sessions {
    /// Lets go of the segments of the journal in which no session has anything that is kept. Others
    /// wait while it decides. With `dry_run` it only tells.
    ///
    /// **Durability**: durable when it returns.
    ///
    /// # Errors
    /// The journal's; busy.
    pub fn let_go(
        &self,
        journal: &Journal,
        decide: Decide<'_>,
        dry_run: bool,
    ) -> Result<StatesLetGo, StateError> {
        let mut let_go = StatesLetGo::default();
        if dry_run {
            let going = self.unneeded(journal, decide, &mut let_go)?;
            let_go.segments = going.len();
            return Ok(let_go);
        }
        let before = self.list()?;
        let Retired { segments, bytes } =
            journal.retire::<StateError>(|| self.unneeded(journal, decide, &mut let_go))?;
        for stream in before.iter().map(|facts| stream_of(&facts.name)) {
            if let Some(metrics) = self.shared.meter.path()
                && let Some(folder) = metrics.parent()
                && journal.positions(stream, None)?.is_empty()
            {
                kept::remove(folder, stream);
            }
        }
        Ok(StatesLetGo { segments, bytes, ..let_go })
    }

    /// The sealed segments that nothing needs.
    fn unneeded(
        &self,
        journal: &Journal,
        decide: Decide<'_>,
        let_go: &mut StatesLetGo,
    ) -> Result<BTreeSet<u32>, StateError> {
        let mut going: BTreeSet<u32> = journal.sealed()?.into_iter().collect();
        let mut needed = BTreeSet::new();
        let mut states: Vec<u32> = Vec::new();
        let mut known = BTreeSet::new();
        for facts in self.list()? {
            let session = self.existing(&facts.name)?;
            known.insert(session.core.stream);
            let index = session.known()?;
            let kept = kept_states(&index, &facts.name, decide);
            let entries = needed_entries(&index, &kept);
            let segment = |at: &Number| index.slots[*at as usize].place.segment;
            needed.extend(entries.iter().map(segment));
            let gone = index.states().map(|(at, _)| at).filter(|at| !kept.contains(at));
            states.extend(gone.map(|at| segment(&at)));
        }
        // Streams of others, and what cannot be read, are nobody's to let go of.
        for stream in journal.streams()? {
            if !known.contains(&stream) {
                needed.extend(journal.positions(stream, None)?.iter().map(|at| at.segment));
            }
        }
        going.retain(|segment| !needed.contains(segment));
        let_go.states = states.iter().filter(|segment| going.contains(segment)).count() as u64;
        Ok(going)
    }
}

fn kept_states(index: &Index, name: &str, decide: Decide<'_>) -> BTreeSet<Number> {
    let heads: BTreeSet<Number> =
        index.branches().into_iter().map(|(_, head)| head.state).collect();
    let mut states: Vec<Number> = index.states().map(|(at, _)| at).collect();
    states.reverse();
    let facts: Vec<StateFacts> = states
        .iter()
        .map(|at| {
            let slot = &index.slots[*at as usize];
            let why = match slot.kind {
                SlotKind::Put { why, .. } => why,
                _ => PutKind::Automatic,
            };
            let is_tagged = !index.tags_of(*at).is_empty() || index.mark(*at) == Some(true);
            let is_head = heads.contains(at);
            StateFacts { when: slot.when, why, is_tagged, is_head }
        })
        .collect();
    let kept = decide(name, &facts);
    states.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|(at, _)| at).collect()
}

/// The entries that are needed for some states. Where nothing is kept, none is.
fn needed_entries(index: &Index, kept: &BTreeSet<Number>) -> BTreeSet<Number> {
    let mut needed = BTreeSet::new();
    for state in kept {
        let chain = index.target(*state).map(|target| target.chain).unwrap_or_default();
        needed.extend(chain.into_iter().map(|(at, _)| at));
    }
    if kept.is_empty() {
        // An entry that cannot be read stays: it is said to be damaged, not let go of.
        let damaged = index.slots.iter().enumerate();
        needed.extend(
            damaged
                .filter(|(_, slot)| matches!(slot.kind, SlotKind::Damaged))
                .map(|(at, _)| at as Number),
        );
        return needed;
    }
    for (at, slot) in index.slots.iter().enumerate() {
        let is_needed = match slot.kind {
            SlotKind::Move { to, .. } => kept.contains(&to),
            // Tags and marks are few, and may be of a state that is kept.
            SlotKind::Other | SlotKind::Damaged => true,
            SlotKind::Put { .. } | SlotKind::Gone => false,
        };
        if is_needed || at + 1 == index.slots.len() {
            needed.insert(at as Number);
        }
    }
    needed
}
