//! What is known of a session's entries in memory: some tens of bytes for each.
//!
//! **Invariant**: slot n is entry number n. An entry that cannot be read has a slot, too, so that
//! numbers stay what they are. Knows nothing of values.

use std::collections::{BTreeMap, BTreeSet};

use super::cache::Rebuilt;
use super::put::{BodyKind, PutKind};
use super::wire::{Act, Entry, NO_ENTRY};
use crate::base::id::{Hash, SnapshotId};
use crate::base::limits::STATE_MISSING_MAX;
use crate::base::name::Label;
use crate::base::time::Timestamp;
use crate::store::journal::Position;

/// The number of an entry.
pub(super) type Number = u32;

/// What an entry is, with what is needed to find a state.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub place: Position,
    pub when: Timestamp,
    pub kind: SlotKind,
}

/// The part of an entry that is kept.
#[derive(Clone, Debug)]
pub(super) enum SlotKind {
    /// A state.
    Put {
        id: SnapshotId,
        parent: Option<Number>,
        branch: u16,
        /// Patches since the last whole state; 0 is a whole one.
        depth: u8,
        /// Why it was saved.
        why: PutKind,
    },
    /// A branch went to a state.
    Move { branch: u16, to: Number },
    /// Tags and marks.
    Other,
    /// It cannot be read.
    Damaged,
    /// It was let go of.
    Gone,
}

/// Where a branch is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// The entry of its state.
    pub state: Number,
    /// The entry that brought it there.
    pub by: Number,
}

/// What is known of a session's entries.
#[derive(Debug)]
pub(super) struct Index {
    pub slots: Vec<Slot>,
    /// The last entry's place, as a writer has to know it.
    pub last: Option<Position>,
    /// The digest of the last entry.
    pub digest: Hash,
    pub(super) names: Vec<Label>,
    pub(super) heads: BTreeMap<u16, Head>,
    pub(super) tags: BTreeMap<Label, BTreeSet<Number>>,
    pub(super) marks: BTreeMap<Number, bool>,
    /// The second parents of merges.
    pub(super) seconds: BTreeMap<Number, Number>,
    /// The newest entry that cannot be read, and why.
    pub(super) damaged: Option<(Number, String)>,
    /// The state that this process saved last: what the next one is compared with, however many
    /// states of others the cache has seen meanwhile.
    pub newest: Option<(Number, Rebuilt)>,
    /// Entries of others since a caller was last told.
    pub others: u64,
    /// Whether the journal was looked at.
    pub is_loaded: bool,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            last: None,
            digest: NO_ENTRY,
            names: Vec::new(),
            heads: BTreeMap::new(),
            tags: BTreeMap::new(),
            marks: BTreeMap::new(),
            seconds: BTreeMap::new(),
            damaged: None,
            newest: None,
            others: 0,
            is_loaded: false,
        }
    }
}

impl Index {
    /// Takes the next entry.
    pub(super) fn take(&mut self, place: Position, entry: &Entry, digest: Hash) {
        if entry.sequence.saturating_sub(self.slots.len() as u64) > STATE_MISSING_MAX {
            self.take_damaged(place, format!("entry {} stands here", entry.sequence));
            return;
        }
        // Entries that are missing before it keep their numbers.
        while (self.slots.len() as u64) < entry.sequence {
            self.take_damaged(place, format!("entry {} is missing", self.slots.len()));
        }
        if entry.sequence < self.slots.len() as u64 {
            self.take_damaged(place, format!("entry {} stands here again", entry.sequence));
            return;
        }
        let number = self.slots.len() as Number;
        let kind = self.kind(number, &entry.act);
        self.slots.push(Slot { place, when: entry.when, kind });
        self.last = Some(place);
        self.digest = digest;
    }

    /// Takes an entry that cannot be read.
    pub(super) fn take_damaged(&mut self, place: Position, what: String) {
        self.damaged = Some((self.slots.len() as Number, what));
        self.slots.push(Slot { place, when: Timestamp::default(), kind: SlotKind::Damaged });
        self.last = Some(place);
        self.digest = NO_ENTRY;
    }

    /// Takes the places of entries that were let go of, up to that number. `place` is that of the
    /// first one behind them.
    pub(super) fn take_gone(&mut self, place: Position, until: u64) {
        while (self.slots.len() as u64) < until {
            self.slots.push(Slot { place, when: Timestamp::default(), kind: SlotKind::Gone });
        }
        self.digest = NO_ENTRY;
    }

    /// Whether the last entry that is known of was let go of, so that nothing says what it was.
    pub(super) fn ends_gone(&self) -> bool {
        self.slots.last().is_some_and(|slot| matches!(slot.kind, SlotKind::Gone))
    }

    /// Whether an entry was let go of.
    pub(super) fn is_gone(&self, number: Number) -> bool {
        self.slots.get(number as usize).is_some_and(|slot| matches!(slot.kind, SlotKind::Gone))
    }

    /// How many entries were let go of.
    pub(super) fn gone(&self) -> usize {
        self.slots.iter().filter(|slot| matches!(slot.kind, SlotKind::Gone)).count()
    }

    fn kind(&mut self, number: Number, act: &Act) -> SlotKind {
        match act {
            Act::Put(put) => {
                let branch = self.intern(&put.branch);
                let parents: Vec<Number> = put.parents.iter().map(|at| *at as Number).collect();
                if let [_, second] = parents[..] {
                    self.seconds.insert(number, second);
                }
                let parent = parents.first().copied();
                let depth = match (put.body.kind(), parent) {
                    (BodyKind::Whole, _) | (_, None) => 0,
                    (_, Some(parent)) => self.depth(parent).saturating_add(1),
                };
                self.heads.insert(branch, Head { state: number, by: number });
                for tag in &put.tags {
                    self.tags.entry(tag.clone()).or_default().insert(number);
                }
                SlotKind::Put { id: put.id, parent, branch, depth, why: put.kind }
            }
            Act::Move { branch, to, .. } => {
                let (branch, to) = (self.intern(branch), *to as Number);
                self.heads.insert(branch, Head { state: to, by: number });
                SlotKind::Move { branch, to }
            }
            Act::Tag { tag, state, is_set } => {
                let states = self.tags.entry(tag.clone()).or_default();
                let state = *state as Number;
                if *is_set {
                    states.insert(state)
                } else {
                    states.remove(&state)
                };
                if states.is_empty() {
                    self.tags.remove(tag);
                }
                SlotKind::Other
            }
            Act::Mark { state, is_valid, .. } => {
                self.marks.insert(*state as Number, *is_valid);
                SlotKind::Other
            }
        }
    }

    fn intern(&mut self, branch: &Label) -> u16 {
        let at = self.names.iter().position(|name| name == branch).unwrap_or_else(|| {
            self.names.push(branch.clone());
            self.names.len() - 1
        });
        u16::try_from(at).unwrap_or(u16::MAX)
    }

    fn number_of(&self, branch: &Label) -> Option<u16> {
        let at = self.names.iter().position(|name| name == branch)?;
        u16::try_from(at).ok()
    }

    /// Patches between a state and the whole one below it.
    pub(super) fn depth(&self, state: Number) -> u8 {
        match self.slots.get(state as usize).map(|slot| &slot.kind) {
            Some(SlotKind::Put { depth, .. }) => *depth,
            _ => u8::MAX,
        }
    }

    /// The id of a state; none where no state is.
    pub(super) fn id(&self, state: Number) -> Option<SnapshotId> {
        match self.slots.get(state as usize)?.kind {
            SlotKind::Put { id, .. } => Some(id),
            _ => None,
        }
    }

    /// The states before one.
    pub(super) fn parents(&self, state: Number) -> Vec<Number> {
        let first = match self.slots.get(state as usize).map(|slot| &slot.kind) {
            Some(SlotKind::Put { parent, .. }) => *parent,
            _ => None,
        };
        first.into_iter().chain(self.seconds.get(&state).copied()).collect()
    }

    /// The state before one, as far as it is there: what was let go of is stepped over.
    pub(super) fn before(&self, state: Number) -> Option<Number> {
        let parent = self.parents(state).first().copied()?;
        if !self.is_gone(parent) {
            return Some(parent);
        }
        let Some(SlotKind::Put { branch, .. }) = self.slots.get(state as usize).map(|s| &s.kind)
        else {
            return None;
        };
        let older = self.slots[..parent as usize].iter().enumerate().rev();
        older.into_iter().find_map(|(at, slot)| match &slot.kind {
            SlotKind::Put { branch: on, .. } if on == branch => Some(at as Number),
            _ => None,
        })
    }

    /// Where a branch is.
    pub(super) fn head(&self, branch: &Label) -> Option<Head> {
        self.heads.get(&self.number_of(branch)?).copied()
    }

    /// How many branches there have ever been.
    pub(super) fn branch_count(&self) -> usize {
        self.names.len()
    }

    /// All branches, by name.
    pub(super) fn branches(&self) -> Vec<(Label, Head)> {
        let named = |(at, head): (&u16, &Head)| (self.names[usize::from(*at)].clone(), *head);
        let mut all: Vec<_> = self.heads.iter().map(named).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    /// Whether a state was saved on a branch.
    pub(super) fn is_on(&self, state: Number, branch: &Label) -> bool {
        match self.slots.get(state as usize).map(|slot| &slot.kind) {
            Some(SlotKind::Put { branch: on, .. }) => self.number_of(branch) == Some(*on),
            _ => false,
        }
    }

    /// What a branch was at a moment: the state that its newest entry until then led to. An entry
    /// that cannot be read, of which it is not known whether it is later, may have moved the branch:
    /// its number is the error.
    pub(super) fn at_time(
        &self,
        branch: &Label,
        time: Timestamp,
    ) -> Result<Option<Number>, Number> {
        let Some(wanted) = self.number_of(branch) else { return Ok(None) };
        let mut unknown = None;
        for (at, slot) in self.slots.iter().enumerate().rev() {
            let is_later = slot.when > time;
            let state = match slot.kind {
                SlotKind::Damaged | SlotKind::Gone => {
                    unknown = unknown.or(Some(at as Number));
                    continue;
                }
                // Then so is all behind it.
                _ if is_later => {
                    unknown = None;
                    continue;
                }
                SlotKind::Put { branch, .. } if branch == wanted => at as Number,
                SlotKind::Move { branch, to } if branch == wanted => to,
                _ => continue,
            };
            return unknown.map_or(Ok(Some(state)), Err);
        }
        unknown.map_or(Ok(None), Err)
    }

    /// Where a branch was before an entry.
    pub(super) fn head_before(&self, branch: &Label, entry: Number) -> Option<Number> {
        let wanted = self.number_of(branch)?;
        // An entry that was tampered with may claim any number.
        let slots = self.slots.iter().take(entry as usize).enumerate().rev();
        slots.into_iter().find_map(|(at, slot)| match slot.kind {
            SlotKind::Put { branch, .. } if branch == wanted => Some(at as Number),
            SlotKind::Move { branch, to } if branch == wanted => Some(to),
            _ => None,
        })
    }

    /// The states, newest first.
    pub(super) fn states(&self) -> impl Iterator<Item = (Number, SnapshotId)> + '_ {
        let state = |(at, slot): (usize, &Slot)| match slot.kind {
            SlotKind::Put { id, .. } => Some((at as Number, id)),
            _ => None,
        };
        self.slots.iter().enumerate().rev().filter_map(state)
    }

    /// The states that have a tag.
    pub(super) fn tagged(&self, tag: &Label) -> Option<&BTreeSet<Number>> {
        self.tags.get(tag)
    }

    /// The tags of a state, by name.
    pub(super) fn tags_of(&self, state: Number) -> Vec<Label> {
        let has = |(tag, states): (&Label, &BTreeSet<Number>)| {
            states.contains(&state).then(|| tag.clone())
        };
        self.tags.iter().filter_map(has).collect()
    }

    /// How a state was marked last.
    pub(super) fn mark(&self, state: Number) -> Option<bool> {
        self.marks.get(&state).copied()
    }

    /// The newest entry that cannot be read, if it is newer than that one: what it did is unknown,
    /// so a branch that was last moved before it may be elsewhere.
    pub(super) fn damaged_after(&self, entry: Option<Number>) -> Option<(Number, &str)> {
        let (number, what) = self.damaged.as_ref()?;
        entry.is_none_or(|entry| entry < *number).then_some((*number, what.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ARCHITECTURE.md says how much of an entry is kept in memory.
    #[test]
    fn an_entry_is_some_tens_of_bytes_in_memory() {
        assert!(size_of::<Slot>() <= 72, "{}", size_of::<Slot>());
    }
}
