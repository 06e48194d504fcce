//! Many puts at once: one write and one sync for all of them.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use super::error::StateError;
use super::index::Index;
use super::plan::{Plan, Save};
use super::put::{Answer, Put, PutKind};
use super::session::{Session, branch_or_main, check, since, skipped};
use super::sessions::Sessions;
use super::shared::Core;
use crate::base::limits::{GROUP_THREAD_PUTS_MIN, STATE_TRIES_MAX};
use crate::base::name::Label;
use crate::store::journal::{Append, JournalError, StreamId};

/// Puts of one call, and their answers so far.
struct Group<'a> {
    sessions: &'a Sessions,
    puts: &'a [(Session, Put)],
    answers: Vec<Option<Result<Answer, StateError>>>,
}

impl Sessions {
    /// Puts many states of many sessions: the same as one after the other, with one write and one
    /// sync. Each stands or falls by itself; those of one session keep their order.
    ///
    /// **Durability**: if one of them is manual or a recovery point, all are durable when it returns.
    ///
    /// # Errors
    /// For each put as [`Session::put`].
    pub fn put_all(&self, puts: &[(Session, Put)]) -> Vec<Result<Answer, StateError>> {
        let begun = self.shared.clock.now();
        let answers = puts.iter().map(|_| None).collect();
        let mut group = Group { sessions: self, puts, answers };
        for _ in 0..STATE_TRIES_MAX.saturating_add(puts.len()) {
            let round = group.round();
            if round.is_empty() {
                break;
            }
            group.run(&round);
        }
        let synced = group.settle();
        let duration = since(begun, self.shared.clock.now());
        let finish = |((session, put), answer): (&(Session, Put), Option<_>)| {
            let busy = || Err(StateError::Busy { session: session.name().to_owned() });
            let mut result: Result<Answer, StateError> = answer.unwrap_or_else(busy);
            if let Ok(answer) = &mut result {
                answer.duration = duration;
                if let Some(what) = synced.as_ref().filter(|_| answer.id().is_some()) {
                    result = Err(StateError::Unsynced { what: what.clone() });
                }
            }
            self.shared.meter.note(session.core.stream, (begun, duration), put.kind, &result);
            result
        };
        puts.iter().zip(group.answers).map(finish).collect()
    }
}

impl Group<'_> {
    /// The next put of each session that has one, in the order in which sessions are locked: that of
    /// their streams, so that two groups never wait for each other.
    fn round(&self) -> Vec<(Arc<Core>, usize)> {
        let mut next: BTreeMap<StreamId, (Arc<Core>, usize)> = BTreeMap::new();
        for (at, (session, _)) in self.puts.iter().enumerate() {
            if self.answers[at].is_none() {
                next.entry(session.core.stream).or_insert_with(|| (session.core.clone(), at));
            }
        }
        next.into_values().collect()
    }

    fn run(&mut self, round: &[(Arc<Core>, usize)]) {
        let shared = &self.sessions.shared;
        let mut held = Vec::new();
        for (core, at) in round {
            if !Arc::ptr_eq(&self.puts[*at].0.shared, shared) {
                let session = core.name.clone();
                self.answers[*at] = Some(Err(StateError::Elsewhere { session }));
                continue;
            }
            match core.lock(shared) {
                Ok(index) => held.push((core, *at, index)),
                Err(error) => self.answers[*at] = Some(Err(error)),
            }
        }
        let mut saves: Vec<(usize, Label, Box<Save>)> = Vec::new();
        let puts = self.puts;
        let plans = {
            let known: Vec<(usize, &Index)> =
                held.iter().map(|(_, at, index)| (*at, &**index)).collect();
            plan_all(puts, &known)
        };
        for ((which, (_, at, index)), planned) in held.iter_mut().enumerate().zip(plans) {
            let session = &puts[*at].0;
            match planned {
                Ok((branch, Plan::Save(save))) => saves.push((which, branch, save)),
                Ok((branch, Plan::Skip(skip))) => match session.catch_up(index) {
                    Ok(0) => self.answers[*at] = Some(Ok(skipped(branch, skip, index))),
                    Ok(_) => {}
                    Err(error) => self.answers[*at] = Some(Err(error)),
                },
                Err(error) => match session.catch_up(index) {
                    // With what others wrote meanwhile it may do: the next round tells.
                    Ok(new) if new > 0 => {}
                    _ => self.answers[*at] = Some(Err(error)),
                },
            }
        }
        let mut appends = Vec::new();
        for (which, _, save) in &saves {
            let (core, _, index) = &held[*which];
            let payload = &save.payload;
            appends.push(Append { stream: core.stream, expected: index.last, payload });
        }
        let results =
            if appends.is_empty() { Ok(Vec::new()) } else { shared.log.append_all(&appends) };
        let results = match results {
            Ok(results) => results,
            Err(error) => {
                let what = error.to_string();
                for (which, _, _) in &saves {
                    self.answers[held[*which].1] =
                        Some(Err(StateError::Together { what: what.clone() }));
                }
                return;
            }
        };
        for ((which, branch, save), result) in saves.into_iter().zip(results) {
            let (_, at, index) = &mut held[which];
            let session = &self.puts[*at].0;
            self.answers[*at] = match result {
                Ok(place) => Some(Ok(session.saved(branch, *save, place, index))),
                // The next round plans it again.
                Err(JournalError::Moved { last, .. }) => {
                    session.go_on_from(index, last).err().map(Err)
                }
                Err(error) => Some(Err(error.into())),
            };
        }
    }

    /// Makes what was saved as durable as the most careful of them demands; says what failed.
    fn settle(&self) -> Option<String> {
        let saved = || {
            let pairs = self.puts.iter().zip(&self.answers);
            pairs.filter(|(_, answer)| matches!(answer, Some(Ok(answer)) if answer.id().is_some()))
        };
        let syncer = &self.sessions.shared.syncer;
        let settled = if saved().any(|((_, put), _)| put.kind != PutKind::Automatic) {
            syncer.sync()
        } else if saved().next().is_some() {
            syncer.mark()
        } else {
            Ok(())
        };
        settled.err().map(|error| error.to_string())
    }
}

/// Plans each put, on all cores where that is worth a thread. Not in the global pool: a thread of it
/// that waits here could begin another group, which wants the sessions that are locked for this one.
fn plan_all(
    puts: &[(Session, Put)],
    known: &[(usize, &Index)],
) -> Vec<Result<(Label, Plan), StateError>> {
    let planned = |part: &[(usize, &Index)]| -> Vec<_> {
        part.iter().map(|(at, index)| plan(&puts[*at].0, &puts[*at].1, index)).collect()
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let size = known.len().div_ceil(cores).max(GROUP_THREAD_PUTS_MIN);
    let mut parts = known.chunks(size);
    let Some(own) = parts.next() else { return Vec::new() };
    thread::scope(|scope| {
        let begin = |part| {
            let name = "state-group".to_owned();
            let thread = thread::Builder::new().name(name);
            (part, thread.spawn_scoped(scope, move || planned(part)))
        };
        let threads: Vec<_> = parts.map(begin).collect();
        let mut plans = planned(own);
        for (part, thread) in threads {
            plans.extend(match thread {
                Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
                Err(_) => planned(part),
            });
        }
        plans
    })
}

fn plan(session: &Session, put: &Put, index: &Index) -> Result<(Label, Plan), StateError> {
    session.shared.syncer.check()?;
    check(put)?;
    let branch = branch_or_main(put.branch.as_ref())?;
    let plan = session.planning(index, put, &branch, None).plan()?;
    Ok((branch, plan))
}
