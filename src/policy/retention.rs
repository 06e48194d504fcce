//! Which snapshots keep their files, and how much of the operation log stays: a pure function of
//! facts, limits and the present moment (ledger C4, C10).
//!
//! **Invariant**: what is named, tagged, in use, a milestone, the place where histories part, the newest
//! good snapshot of a branch, or the one just before its head stays, whatever the limits say. So branches, merges, undo within
//! the log and the way back to the last good node do not depend on when a collection ran.
//!
//! Knows nothing of objects or packs, nor what is done with what is let go.

use std::collections::HashMap;

use crate::base::time::Timestamp;

/// How much is kept of what nobody asked to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionLimits {
    /// Milliseconds after which a snapshot goes; none: age counts for nothing.
    pub age_ms: Option<u64>,
    /// Snapshots of one session, the newest; none: any number.
    pub per_session: Option<usize>,
    /// Snapshots of all sessions, the newest; none: any number.
    pub overall: Option<usize>,
    /// Whether only what is tagged stays, beside what must.
    pub tagged_only: bool,
    /// Whether a snapshot that somebody asked for stays like a tagged one.
    pub manual: bool,
    /// Operations that stay at most, the newest.
    pub operations: usize,
    /// Operations that stay whatever their age, the newest. At least the present one stays.
    pub operations_least: usize,
}

impl Default for RetentionLimits {
    fn default() -> Self {
        Self {
            age_ms: Some(24 * 60 * 60 * 1_000),
            per_session: Some(1_000),
            overall: Some(10_000),
            tagged_only: false,
            manual: true,
            operations: 1_000,
            operations_least: 100,
        }
    }
}

/// What is known of one snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotFacts {
    /// When it was made.
    pub when: Timestamp,
    /// By which session.
    pub session: String,
    /// Whether a view, a restore or a session stands on it.
    pub is_in_use: bool,
    /// Whether a branch, a workspace or an experiment names it, now or in an operation that stays
    /// and can be undone.
    pub is_named: bool,
    /// Whether a tag names it.
    pub is_tagged: bool,
    /// Whether it is meant for good.
    pub is_milestone: bool,
    /// Whether somebody asked for it.
    pub is_manual: bool,
    /// Whether it has several children, so that it may be the base of a merge.
    pub is_fork: bool,
    /// Whether it is the newest good one before the head of a branch.
    pub is_last_good: bool,
    /// Whether it comes just before the head of a branch: what that is compared with.
    pub is_before_head: bool,
}

/// Why a snapshot keeps its files, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// A view, a restore or a session stands on it.
    InUse,
    /// A name, or an operation that can be undone, leads to it.
    Named,
    /// It has a tag.
    Tagged,
    /// It is a milestone.
    Milestone,
    /// It is the way back to the last good state.
    LastGood,
    /// Histories part there.
    Fork,
    /// The head of a branch is compared with it.
    BeforeHead,
    /// Somebody asked for it.
    Manual,
    /// It is within all limits.
    Recent,
    /// It goes: only tagged ones are kept.
    Untagged,
    /// It goes: it is too old.
    TooOld,
    /// It goes: its session has newer ones enough.
    TooManyOfSession,
    /// It goes: there are newer ones enough.
    TooMany,
}

impl Decision {
    /// Whether its files stay.
    pub fn is_kept(self) -> bool {
        self <= Self::Recent
    }

    /// The word for it in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::InUse => "in use",
            Self::Named => "named, or can be undone to",
            Self::Tagged => "tagged",
            Self::Milestone => "milestone",
            Self::LastGood => "last good",
            Self::Fork => "where histories part",
            Self::BeforeHead => "just before a head",
            Self::Manual => "asked for",
            Self::Recent => "recent",
            Self::Untagged => "not tagged",
            Self::TooOld => "too old",
            Self::TooManyOfSession => "more than a session keeps",
            Self::TooMany => "more than are kept in all",
        }
    }
}

/// Decides for each snapshot, in their order. A snapshot of the future is young.
pub fn decide(
    snapshots: &[SnapshotFacts],
    limits: &RetentionLimits,
    now: Timestamp,
) -> Vec<Decision> {
    let mut newest_first: Vec<usize> = (0..snapshots.len()).collect();
    newest_first.sort_by_key(|&at| std::cmp::Reverse(snapshots[at].when));
    let mut of_session: HashMap<&str, usize> = HashMap::new();
    let mut decisions = vec![Decision::Recent; snapshots.len()];
    for (before_all, at) in newest_first.into_iter().enumerate() {
        let facts = &snapshots[at];
        let before = of_session.entry(&facts.session).or_default();
        decisions[at] = protected(facts, limits)
            .unwrap_or_else(|| limited(facts, limits, now, (*before, before_all)));
        *before += 1;
    }
    decisions
}

/// Why it stays whatever its age.
fn protected(facts: &SnapshotFacts, limits: &RetentionLimits) -> Option<Decision> {
    let reasons = [
        (facts.is_in_use, Decision::InUse),
        (facts.is_named, Decision::Named),
        (facts.is_tagged, Decision::Tagged),
        (facts.is_milestone, Decision::Milestone),
        (facts.is_last_good, Decision::LastGood),
        (facts.is_fork, Decision::Fork),
        (facts.is_before_head, Decision::BeforeHead),
        (facts.is_manual && limits.manual && !limits.tagged_only, Decision::Manual),
    ];
    reasons.into_iter().find(|(holds, _)| *holds).map(|(_, decision)| decision)
}

/// What the limits say; `newer` are the numbers of newer ones of its session and in all.
fn limited(
    facts: &SnapshotFacts,
    limits: &RetentionLimits,
    now: Timestamp,
    newer: (usize, usize),
) -> Decision {
    if limits.tagged_only {
        return Decision::Untagged;
    }
    if is_older(facts.when, limits, now) {
        return Decision::TooOld;
    }
    if limits.per_session.is_some_and(|most| newer.0 >= most) {
        return Decision::TooManyOfSession;
    }
    if limits.overall.is_some_and(|most| newer.1 >= most) {
        return Decision::TooMany;
    }
    Decision::Recent
}

fn is_older(when: Timestamp, limits: &RetentionLimits, now: Timestamp) -> bool {
    let age_ms = now.millis().saturating_sub(when.millis());
    limits.age_ms.is_some_and(|most| u64::try_from(age_ms).is_ok_and(|age| age > most))
}

/// How many operations stay of a log, which are given newest first.
pub fn operations_kept(
    when_newest_first: impl IntoIterator<Item = Timestamp>,
    limits: &RetentionLimits,
    now: Timestamp,
) -> usize {
    let least = limits.operations_least.max(1);
    let stays =
        |at: usize, when| at < least || (at < limits.operations && !is_older(when, limits, now));
    when_newest_first.into_iter().enumerate().take_while(|(at, when)| stays(*at, *when)).count()
}

#[cfg(test)]
mod tests;
