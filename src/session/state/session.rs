//! A session: what is put into it, and how an entry comes into the journal.
//!
//! Guarantees that an entry follows exactly the one that its writer saw: when others were quicker it
//! is planned again on top of what they left.

use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use super::error::StateError;
use super::index::{Index, Number};
use super::plan::{Notes, Plan, Planning, Save, Skip};
use super::put::{Answer, Outcome, Put, PutKind};
use super::shared::{Core, Shared};
use super::wire::{self, Act, Entry};
use crate::base::limits::{STATE_MESSAGE_BYTES_MAX, STATE_TAGS_MAX, STATE_TRIES_MAX};
use crate::base::name::Label;
use crate::base::time::Timestamp;
use crate::store::journal::{Append, JournalError, Position};

/// The branch that is meant where none is named.
pub(super) const MAIN: &str = "main";

/// One session. A clone is the same session; threads may share it.
#[derive(Clone)]
pub struct Session {
    pub(super) shared: Arc<Shared>,
    pub(super) core: Arc<Core>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Session").field(&self.core.name).finish()
    }
}

/// The branch that was named, or `main`.
pub(super) fn branch_or_main(branch: Option<&Label>) -> Result<Label, StateError> {
    match branch {
        Some(branch) => Ok(branch.clone()),
        None => Label::new(MAIN).map_err(|_| StateError::UnknownState {
            session: String::new(),
            wanted: MAIN.to_owned(),
        }),
    }
}

impl Session {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.core.name
    }

    /// Saves a state, or finds that it need not be saved.
    ///
    /// **Durability**: see [`PutKind`]. It is there whole or not at all.
    ///
    /// # Errors
    /// [`StateError::Moved`] when the branch is not where `expect` or the base of the edits says;
    /// [`StateError::Document`] when the value, edits or patch do not do;
    /// [`StateError::Damaged`] when edits need a last state that cannot be read;
    /// [`StateError::Busy`], [`StateError::Unsynced`], [`StateError::Closed`], or the journal's.
    /// Then nothing was saved, except with `Unsynced`: that may be there or not after a power cut.
    pub fn put(&self, put: &Put) -> Result<Answer, StateError> {
        self.put_timed(put, None)
    }

    /// As [`Session::put`]; `second` is the other state that a merge comes from.
    pub(super) fn put_timed(
        &self,
        put: &Put,
        second: Option<Number>,
    ) -> Result<Answer, StateError> {
        let begun = self.shared.clock.now();
        let mut result = self.put_untimed(put, second);
        let duration = since(begun, self.shared.clock.now());
        if let Ok(answer) = &mut result {
            answer.duration = duration;
        }
        self.shared.meter.note(self.core.stream, (begun, duration), put.kind, &result);
        result
    }

    fn put_untimed(&self, put: &Put, second: Option<Number>) -> Result<Answer, StateError> {
        self.shared.syncer.check()?;
        check(put)?;
        let branch = branch_or_main(put.branch.as_ref())?;
        let mut index = self.core.lock(&self.shared)?;
        for _ in 0..STATE_TRIES_MAX {
            let plan = match self.planning(&index, put, &branch, second).plan() {
                // With what others wrote meanwhile it may do.
                Err(_) if self.catch_up(&mut index)? > 0 => continue,
                plan => plan?,
            };
            match plan {
                Plan::Skip(skip) => {
                    // What others wrote meanwhile may differ from it.
                    if self.catch_up(&mut index)? == 0 {
                        return Ok(skipped(branch, skip, &mut index));
                    }
                }
                Plan::Save(save) => {
                    let append = Append {
                        stream: self.core.stream,
                        expected: index.last,
                        payload: &save.payload,
                    };
                    match self.shared.log.append(append) {
                        Ok(place) => {
                            let answer = self.saved(branch, *save, place, &mut index);
                            drop(index);
                            self.settle(put.kind)?;
                            return Ok(answer);
                        }
                        Err(JournalError::Moved { last, .. }) => {
                            self.go_on_from(&mut index, last)?;
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
        Err(StateError::Busy { session: self.core.name.clone() })
    }

    pub(super) fn planning<'a>(
        &'a self,
        index: &'a Index,
        put: &'a Put,
        branch: &'a Label,
        second: Option<Number>,
    ) -> Planning<'a> {
        let reader = self.shared.reader(&self.core);
        Planning { reader, index, put, branch, second }
    }

    /// Takes what others wrote, whose last entry that is. Where that is older than what is known, the
    /// session was let go of, and is read anew.
    pub(super) fn go_on_from(
        &self,
        index: &mut Index,
        last: Option<Position>,
    ) -> Result<u64, StateError> {
        if last < index.last {
            *index = Index { is_loaded: true, ..Index::default() };
        }
        self.catch_up(index)
    }

    /// Takes what others wrote; says how many entries that were.
    pub(super) fn catch_up(&self, index: &mut Index) -> Result<u64, StateError> {
        self.core.catch_up(&self.shared, index)
    }

    /// Notes that a planned state is in the journal.
    pub(super) fn saved(
        &self,
        branch: Label,
        save: Save,
        place: Position,
        index: &mut Index,
    ) -> Answer {
        let Save { entry, payload, rebuilt, facts, notes } = save;
        let number = entry.sequence as Number;
        index.newest = Some((number, rebuilt.clone()));
        self.shared.cache.put(self.core.stream, number, rebuilt);
        index.take(place, &entry, wire::digest(&payload));
        let outcome = Outcome::Saved {
            id: facts.id,
            document: facts.document,
            sequence: entry.sequence,
            body: facts.body,
            bytes: payload.len() as u64,
        };
        answer(branch, outcome, notes, index)
    }

    /// Makes what was appended as durable as its kind demands.
    pub(super) fn settle(&self, kind: PutKind) -> Result<(), StateError> {
        match kind {
            PutKind::Automatic => self.shared.syncer.mark(),
            PutKind::Manual | PutKind::Recovery => self.shared.syncer.sync(),
        }
    }

    /// Appends an entry that is no state, and makes it durable. What it does is decided anew each
    /// time that others were quicker; none leaves all as it is.
    pub(super) fn act<T>(
        &self,
        mut decide: impl FnMut(&Index) -> Result<(Option<Act>, T), StateError>,
    ) -> Result<(u64, T), StateError> {
        self.shared.syncer.check()?;
        let mut index = self.core.fresh(&self.shared)?;
        for _ in 0..STATE_TRIES_MAX {
            let (act, value) = decide(&index)?;
            let blank = self.shared.blank(&self.core.name, &index);
            let Some(act) = act else { return Ok((blank.sequence, value)) };
            let entry = Entry { act, ..blank };
            let payload = entry.encode()?;
            let append =
                Append { stream: self.core.stream, expected: index.last, payload: &payload };
            match self.shared.log.append(append) {
                Ok(place) => {
                    index.take(place, &entry, wire::digest(&payload));
                    drop(index);
                    self.shared.syncer.sync()?;
                    return Ok((entry.sequence, value));
                }
                Err(JournalError::Moved { last, .. }) => {
                    self.go_on_from(&mut index, last)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(StateError::Busy { session: self.core.name.clone() })
    }

    /// The index, with all that is in the journal now; an unknown session where it has nothing.
    pub(super) fn known(&self) -> Result<MutexGuard<'_, Index>, StateError> {
        let index = self.core.fresh(&self.shared)?;
        if index.slots.is_empty() {
            drop(index);
            return Err(self.shared.unknown(&self.core.name));
        }
        Ok(index)
    }
}

pub(super) fn since(begun: Timestamp, now: Timestamp) -> Duration {
    Duration::from_nanos(u64::try_from(now.0.saturating_sub(begun.0)).unwrap_or(0))
}

pub(super) fn skipped(branch: Label, skip: Skip, index: &mut Index) -> Answer {
    let outcome = Outcome::Skipped { reason: skip.reason, last: skip.last };
    answer(branch, outcome, skip.notes, index)
}

fn answer(branch: Label, outcome: Outcome, notes: Notes, index: &mut Index) -> Answer {
    let mut explain = notes.explain;
    if !explain.is_empty() {
        explain.push(match &outcome {
            Outcome::Saved { body, .. } => format!("saved as {}", body.word()),
            Outcome::Skipped { reason, .. } => format!("skipped: {}", reason.sentence()),
        });
    }
    Answer {
        branch,
        outcome,
        fields_changed: notes.fields_changed,
        duration: Duration::ZERO,
        fallback: notes.fallback,
        others: std::mem::take(&mut index.others),
        explain,
    }
}

/// Refuses what is longer than is kept.
pub(super) fn check(put: &Put) -> Result<(), StateError> {
    check_text(&put.message)?;
    if put.tags.len() > STATE_TAGS_MAX {
        return Err(StateError::TooLong { what: "the list of tags", max: STATE_TAGS_MAX });
    }
    Ok(())
}

pub(super) fn check_text(message: &str) -> Result<(), StateError> {
    if message.len() > STATE_MESSAGE_BYTES_MAX {
        return Err(StateError::TooLong { what: "the message", max: STATE_MESSAGE_BYTES_MAX });
    }
    Ok(())
}
