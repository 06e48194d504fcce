//! What a collection keeps: the facts of every snapshot that a name leads to, gathered from all rooms
//! that need some, and what the policy makes of them.
//!
//! **Invariant**: what an operation that stays can be undone to is whole; so is what a view, a restore
//! or a session stands on. What comes after this was gathered is the collection's own care: whatever
//! is named since stays.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::config::Settings;
use super::region::Region;
use super::view::Identity;
use super::{Engine, EngineError};
use crate::base::id::{Hash, ObjectId, OperationId, SnapshotId};
use crate::base::limits::OPERATIONS_WALK_MAX;
use crate::base::time::Timestamp;
use crate::object::experiment::Experiment;
use crate::object::names::{self, ForeignValue, NameEntry, NameKey, NameValue, VerdictWord};
use crate::object::operation::Operation;
use crate::object::snapshot::{Origin, Snapshot, Tier};
use crate::object::traits::Fetch;
use crate::policy::retention::{Decision, RetentionLimits, SnapshotFacts, decide, operations_kept};
use crate::session::state::{PutKind, StateError, StateFacts, StatesLetGo};
use crate::store::Keep;
use crate::store::journal::Journal;
use crate::workspace::Intent;
use crate::workspace::isolate::standing;

/// What stays, and what was decided.
pub(super) struct Kept {
    /// For the store.
    pub keep: Keep,
    /// How many snapshots were decided how.
    pub decisions: BTreeMap<Decision, usize>,
    /// Operations that go.
    pub operations_gone: usize,
}

/// Something that snapshots must stay whole for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Claim {
    /// Something stands on it.
    InUse,
    /// A name, or an operation that can be undone, leads to it.
    Named,
    /// A tag does.
    Tagged,
}

/// What a room needs of the store.
trait Roots {
    /// Claims snapshots, and adds objects that are needed for themselves.
    fn claim(&self, roots: &mut Claims) -> Result<(), EngineError>;
}

/// What all rooms need.
#[derive(Default)]
struct Claims {
    snapshots: HashMap<SnapshotId, HashSet<Claim>>,
    objects: Vec<ObjectId>,
}

impl Claims {
    fn add(&mut self, snapshot: SnapshotId, claim: Claim) {
        self.snapshots.entry(snapshot).or_default().insert(claim);
    }

    fn has(&self, snapshot: SnapshotId, claim: Claim) -> bool {
        self.snapshots.get(&snapshot).is_some_and(|claims| claims.contains(&claim))
    }
}

impl Engine {
    /// Gathers the facts and decides.
    pub(super) fn kept(&self, settings: &Settings, now: Timestamp) -> Result<Kept, EngineError> {
        let log: Vec<(OperationId, Operation)> =
            self.operations()?.take(OPERATIONS_WALK_MAX).collect::<Result<_, _>>()?;
        let limits = &settings.retention;
        let count = operations_kept(log.iter().map(|(_, operation)| operation.when), limits, now);
        let (stay, go) = log.split_at(count);
        let claims = self.claims(stay)?;
        let region = Region::below(self, claims.snapshots.keys().copied())?;
        let behind = self.behind_heads(stay, &region)?;
        let given = (&claims, &region);
        let facts: Vec<_> =
            region.snapshots.iter().map(|(id, found)| facts(*id, found, given, &behind)).collect();
        let decided = decide(&facts, limits, now);
        let mut decisions: BTreeMap<Decision, usize> = BTreeMap::new();
        decided.iter().for_each(|decision| *decisions.entry(*decision).or_default() += 1);
        let whole =
            region.snapshots.iter().zip(&decided).filter(|(_, decision)| decision.is_kept());
        let keep = Keep {
            operations: stay.iter().map(|(id, _)| *id).collect(),
            whole: whole.map(|((id, _), _)| *id).collect(),
            objects: claims.objects,
        };
        Ok(Kept { keep, decisions, operations_gone: go.len() })
    }

    /// Every snapshot that a name, an operation of the log, a view or a session leads to.
    pub(super) fn all_snapshots(&self) -> Result<Region, EngineError> {
        let log: Vec<(OperationId, Operation)> =
            self.operations()?.take(OPERATIONS_WALK_MAX).collect::<Result<_, _>>()?;
        let claims = self.claims(&log)?;
        Region::below(self, claims.snapshots.into_keys())
    }

    /// Lets go of old states of sessions, or tells what would go.
    pub(super) fn let_go_of_states(
        &self,
        settings: &Settings,
        now: Timestamp,
        dry_run: bool,
    ) -> Result<StatesLetGo, EngineError> {
        let Some(sessions) = self.sessions_if_any()? else {
            return Ok(StatesLetGo::default());
        };
        let of = &settings.states;
        let limits = RetentionLimits {
            age_ms: of.age_ms,
            per_session: of.per_session,
            overall: None,
            manual: of.manual,
            ..RetentionLimits::default()
        };
        let journal = Journal::open(&self.store).map_err(StateError::from)?;
        let kept = |name: &str, states: &[StateFacts]| states_kept(name, states, &limits, now);
        Ok(sessions.let_go(&journal, &kept, dry_run)?)
    }

    fn claims(&self, stay: &[(OperationId, Operation)]) -> Result<Claims, EngineError> {
        let mut claims = Claims::default();
        let rooms: [&dyn Roots; 4] =
            [&Log { engine: self, stay }, &Views(self), &Restores(self), &SessionFiles(self)];
        rooms.iter().try_for_each(|room| room.claim(&mut claims))?;
        Ok(claims)
    }

    /// What the head of each branch and each position are judged by: the snapshot just before, and
    /// the way back.
    fn behind_heads(
        &self,
        stay: &[(OperationId, Operation)],
        region: &Region,
    ) -> Result<BehindHeads, EngineError> {
        let Some((_, newest)) = stay.first() else { return Ok(BehindHeads::default()) };
        let mut good = HashMap::new();
        let mut heads = HashSet::new();
        for entry in names::list(&self.store, newest.after, "")? {
            match (NameKey::parse(&entry.key), entry.value) {
                (Some(NameKey::Verdict(snapshot)), NameValue::Verdict(verdict))
                    if verdict.word == VerdictWord::Good =>
                {
                    good.insert(snapshot, verdict.evaluator);
                }
                (_, NameValue::Branch(snapshot)) => drop(heads.insert(snapshot)),
                (_, NameValue::Position(position)) => drop(heads.insert(position.snapshot)),
                _ => {}
            }
        }
        let before = heads.iter().filter_map(|head| region.first_parent(*head)).collect();
        Ok(BehindHeads { before, good: last_good_ones(&good, &heads, region) })
    }
}

/// What the heads are judged by.
#[derive(Default)]
struct BehindHeads {
    /// What comes just before one.
    before: HashSet<SnapshotId>,
    /// The newest good ones.
    good: HashSet<SnapshotId>,
}

/// The newest good snapshot before each head, for each evaluator that judged one: where the walk back
/// to the last good node ends.
fn last_good_ones(
    good: &HashMap<SnapshotId, Hash>,
    heads: &HashSet<SnapshotId>,
    region: &Region,
) -> HashSet<SnapshotId> {
    let mut last = HashSet::new();
    // The evaluators that found something good on every way that led to a snapshot: whoever comes
    // there with all of these finds nothing new behind it.
    let mut met: HashMap<SnapshotId, BTreeSet<Hash>> = HashMap::new();
    for head in heads {
        let mut found = BTreeSet::new();
        let mut next = Some(*head);
        while let Some(id) = next {
            match met.entry(id) {
                Entry::Occupied(before) if before.get().is_subset(&found) => break,
                Entry::Occupied(mut before) => before.get_mut().retain(|one| found.contains(one)),
                Entry::Vacant(first) => drop(first.insert(found.clone())),
            }
            if good.get(&id).is_some_and(|evaluator| found.insert(*evaluator)) {
                last.insert(id);
            }
            next = region.first_parent(id);
        }
    }
    last
}

/// The operations that stay: all that is named before or after one of them.
struct Log<'a> {
    engine: &'a Engine,
    stay: &'a [(OperationId, Operation)],
}

impl Log<'_> {
    fn claim_entry(&self, entry: &NameEntry, claims: &mut Claims) -> Result<(), EngineError> {
        match &entry.value {
            NameValue::Branch(snapshot) => claims.add(*snapshot, Claim::Named),
            NameValue::Position(position) => claims.add(position.snapshot, Claim::Named),
            NameValue::Tag { snapshot, .. } => claims.add(*snapshot, Claim::Tagged),
            NameValue::Experiment(id)
            | NameValue::Foreign { value: ForeignValue::Experiment(id), .. } => {
                let record = Experiment::fetch(&self.engine.store, *id)?;
                let candidates = record.approaches.iter().filter_map(|approach| approach.candidate);
                let selected = record.selection.iter();
                let selected = selected.flat_map(|one| [Some(one.candidate), one.merged]).flatten();
                let all = [record.base].into_iter().chain(candidates).chain(selected);
                all.for_each(|snapshot| claims.add(snapshot, Claim::Named));
            }
            // They say something of a snapshot; they do not keep it.
            NameValue::Evaluation(_) | NameValue::Verdict(_) | NameValue::Foreign { .. } => {}
        }
        Ok(())
    }
}

impl Roots for Log<'_> {
    fn claim(&self, claims: &mut Claims) -> Result<(), EngineError> {
        let Some((_, newest)) = self.stay.first() else { return Ok(()) };
        let store = &self.engine.store;
        for entry in names::list(store, newest.after, "")? {
            self.claim_entry(&entry, claims)?;
        }
        for (_, operation) in self.stay {
            for change in names::diff(store, operation.before, operation.after)? {
                for entry in change.before.iter().chain(&change.after) {
                    self.claim_entry(entry, claims)?;
                }
            }
        }
        Ok(())
    }
}

/// Views that somebody works in, or that a dead process left with work in them.
struct Views<'a>(&'a Engine);

impl Roots for Views<'_> {
    fn claim(&self, claims: &mut Claims) -> Result<(), EngineError> {
        for view in standing(&self.0.view_folder())? {
            let trees = view.note.iter().flat_map(|note| [note.base, note.shown]);
            claims.objects.extend(trees.map(|tree| tree.object()));
            let work = Identity::read(&view.identity, Some(&self.0.place.store))?
                .and_then(|identity| identity.work);
            for snapshot in work.iter().flat_map(|work| [work.base, work.head]) {
                claims.add(snapshot, Claim::InUse);
            }
        }
        Ok(())
    }
}

/// Restores that have begun: what they go from and to.
struct Restores<'a>(&'a Engine);

impl Roots for Restores<'_> {
    fn claim(&self, claims: &mut Claims) -> Result<(), EngineError> {
        for (_, intent) in Intent::read_all(&self.0.store.layout().intents())? {
            claims.objects.extend([intent.from, intent.to].map(|tree| tree.object()));
        }
        Ok(())
    }
}

/// States of sessions that have files.
struct SessionFiles<'a>(&'a Engine);

impl Roots for SessionFiles<'_> {
    fn claim(&self, claims: &mut Claims) -> Result<(), EngineError> {
        let Some(sessions) = self.0.sessions_if_any()? else { return Ok(()) };
        for snapshot in sessions.state_ids()? {
            if self.0.store.contains(snapshot.object())? {
                claims.add(snapshot, Claim::InUse);
            }
        }
        Ok(())
    }
}

/// Which states of a session stay. Where its branches are stays as long as anybody writes to it.
fn states_kept(
    session: &str,
    states: &[StateFacts],
    limits: &RetentionLimits,
    now: Timestamp,
) -> Vec<bool> {
    let newest = states.iter().map(|state| state.when).max().unwrap_or_default();
    let age_ms = u64::try_from(now.millis().saturating_sub(newest.millis())).unwrap_or(0);
    let is_alive = limits.age_ms.is_none_or(|most| age_ms <= most);
    let facts: Vec<SnapshotFacts> = states
        .iter()
        .map(|state| SnapshotFacts {
            when: state.when,
            session: session.to_owned(),
            is_named: state.is_head && is_alive,
            is_tagged: state.is_tagged,
            is_milestone: state.why == PutKind::Recovery,
            is_manual: state.why == PutKind::Manual,
            ..SnapshotFacts::default()
        })
        .collect();
    decide(&facts, limits, now).into_iter().map(Decision::is_kept).collect()
}

fn facts(
    id: SnapshotId,
    snapshot: &Snapshot,
    (claims, region): (&Claims, &Region),
    behind: &BehindHeads,
) -> SnapshotFacts {
    SnapshotFacts {
        when: snapshot.when,
        session: snapshot.session.clone(),
        is_in_use: claims.has(id, Claim::InUse),
        is_named: claims.has(id, Claim::Named),
        is_tagged: claims.has(id, Claim::Tagged),
        is_milestone: snapshot.tier == Tier::Milestone,
        is_manual: matches!(snapshot.origin, Origin::Initial | Origin::Manual | Origin::Merge),
        is_fork: region.is_fork(id),
        is_last_good: behind.good.contains(&id),
        is_before_head: behind.before.contains(&id),
    }
}
