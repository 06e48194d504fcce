//! The log of a session: what happened, newest first.

use super::at::{LogEntry, LogEvent};
use super::error::StateError;
use super::find::meta;
use super::index::{Index, Number};
use super::session::Session;
use super::wire::{Act, Entry};
use crate::base::name::Label;
use crate::base::time::Timestamp;
use crate::store::journal::Position;

/// What the log shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// The states that led to where this branch is; none: every entry of the session, with what was
    /// rolled back, moves, tags and marks.
    pub branch: Option<Label>,
    /// At most so many; 0 is all.
    pub limit: usize,
}

impl Session {
    /// What happened, newest first. An entry that cannot be read stands there as damaged.
    ///
    /// # Errors
    /// [`StateError::UnknownSession`], [`StateError::UnknownBranch`],
    /// [`StateError::Uncertain`]; the journal's.
    pub fn log(&self, options: &LogOptions) -> Result<Vec<LogEntry>, StateError> {
        let index = self.known()?;
        let limit = if options.limit == 0 { usize::MAX } else { options.limit };
        let numbers: Vec<Number> = match &options.branch {
            None => {
                // What was let go of is no part of it any more.
                let all = (0..index.slots.len() as Number).rev();
                all.filter(|at| !index.is_gone(*at)).take(limit).collect()
            }
            Some(branch) => {
                let head = self.head(&index, branch);
                let head = head.map_err(|error| self.unless_damaged(&index, error))?.state;
                let before = |state: &Number| index.before(*state);
                std::iter::successors(Some(head), before).take(limit).collect()
            }
        };
        let places = numbers.iter().map(|at| (*at, index.slots[*at as usize].place)).collect();
        drop(index);
        self.entries(places)
    }

    fn entries(&self, places: Vec<(Number, Position)>) -> Result<Vec<LogEntry>, StateError> {
        let reader = self.shared.reader(&self.core);
        let entry = |(number, place)| match reader.entry(number, place) {
            Ok((entry, bytes)) => {
                let index = self.core.lock(&self.shared)?;
                Ok(log_entry(&index, entry, bytes))
            }
            Err(StateError::Damaged { what, .. }) => {
                let (sequence, event) = (u64::from(number), LogEvent::Damaged { what });
                Ok(LogEntry { sequence, event, ..LogEntry::unknown() })
            }
            Err(error) => Err(error),
        };
        places.into_iter().map(entry).collect()
    }
}

impl LogEntry {
    /// Of an entry that cannot be read.
    pub(super) fn unknown() -> Self {
        Self {
            sequence: 0,
            when: Timestamp::default(),
            who: String::new(),
            process: 0,
            event: LogEvent::Damaged { what: String::new() },
        }
    }
}

/// An entry as the log shows it.
pub(super) fn log_entry(index: &Index, mut entry: Entry, bytes: u64) -> LogEntry {
    let act = std::mem::replace(&mut entry.act, Act::nothing());
    let number = entry.sequence as Number;
    LogEntry {
        sequence: entry.sequence,
        when: entry.when,
        event: event(index, number, (&entry, act), bytes),
        who: entry.who,
        process: entry.process,
    }
}

fn event(index: &Index, number: Number, (entry, act): (&Entry, Act), bytes: u64) -> LogEvent {
    let no_state = |state: u64| LogEvent::Damaged { what: format!("entry {state} is no state") };
    let gone =
        |state: u64, what| index.is_gone(state as Number).then_some(LogEvent::LetGo { what });
    match act {
        Act::Put(put) => match index.known(number) {
            Some(known) => LogEvent::Put(Box::new(meta(entry, put, bytes, &known))),
            None => no_state(entry.sequence),
        },
        Act::Move { branch, to, message } => match index.id(to as Number) {
            Some(id) => {
                let from = index.head_before(&branch, number).and_then(|at| index.id(at));
                LogEvent::Move { branch, from, to: id, message }
            }
            None => gone(to, "a move").unwrap_or_else(|| no_state(to)),
        },
        Act::Tag { tag, state, is_set } => match index.id(state as Number) {
            Some(id) => LogEvent::Tag { tag, state: id, is_set },
            None => gone(state, "a tag").unwrap_or_else(|| no_state(state)),
        },
        Act::Mark { state, is_valid, why } => match index.id(state as Number) {
            Some(id) => LogEvent::Mark { state: id, is_valid, why },
            None => gone(state, "a mark").unwrap_or_else(|| no_state(state)),
        },
    }
}
