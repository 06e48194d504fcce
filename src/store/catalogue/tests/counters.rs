//! The numbers that are kept, against going through the tables and against the names themselves.

use super::*;
use crate::store::catalogue::counter::Counter;
use crate::store::catalogue::record::{NodeRecord, VerdictSummary, from_bytes, to_bytes};
use crate::store::catalogue::tables::{COUNTER, EVALUATION, HEAD_KEY, NODE, VERDICT, key};

/// What the numbers must be: counted by going through the tables.
fn recount(catalogue: &Catalogue) -> CatalogueStatistics {
    let content = content(catalogue);
    let table = |table: u8| content.iter().filter(move |(key, _)| key[0] == table);
    let mut counts = CatalogueStatistics::default();
    for (_, bytes) in table(NODE) {
        let node: NodeRecord = from_bytes(bytes).unwrap();
        counts.snapshots += 1;
        *counts.by_session.entry(node.session).or_default() += 1;
        *counts.by_origin.entry(node.origin).or_default() += 1;
        counts.oldest = Some(counts.oldest.map_or(node.when, |oldest| oldest.min(node.when)));
        counts.newest = counts.newest.max(Some(node.when));
    }
    for (verdict_key, bytes) in table(VERDICT) {
        let verdict: VerdictSummary = from_bytes(bytes).unwrap();
        match verdict.word {
            _ if !content.contains_key(&key(NODE, &[&verdict_key[1..]])) => {}
            VerdictWord::Good => counts.good += 1,
            VerdictWord::Bad => counts.bad += 1,
            VerdictWord::Inconclusive => counts.inconclusive += 1,
        }
    }
    counts.evaluations = table(EVALUATION).count() as u64;
    counts
}

/// What they must be by the names alone: which snapshots are alive, and what is said of them.
fn expected(history: &History) -> (u64, [u64; 3], u64) {
    let (mut pending, mut said, mut evaluations) = (Vec::new(), Vec::new(), 0);
    for entry in names::list(&history.objects, history.names, "").unwrap() {
        match (NameKey::parse(&entry.key).unwrap(), entry.value) {
            (_, NameValue::Branch(snapshot) | NameValue::Tag { snapshot, .. }) => {
                pending.push(snapshot);
            }
            (_, NameValue::Experiment(id)) => {
                let experiment = Experiment::fetch(&history.objects, id).unwrap();
                pending.push(experiment.base);
                pending.extend(experiment.approaches.iter().filter_map(|a| a.candidate));
            }
            (NameKey::Verdict(snapshot), NameValue::Verdict(record)) => {
                said.push((snapshot, record.word));
            }
            (NameKey::Evaluation(_), _) => evaluations += 1,
            (other, _) => panic!("{other:?}"),
        }
    }
    let mut alive = std::collections::BTreeSet::new();
    while let Some(id) = pending.pop() {
        if alive.insert(id) {
            pending.extend(Snapshot::fetch(&history.objects, id).unwrap().parents);
        }
    }
    let count = |wanted| {
        said.iter().filter(|(id, word)| *word == wanted && alive.contains(id)).count() as u64
    };
    let words = [VerdictWord::Good, VerdictWord::Bad, VerdictWord::Inconclusive].map(count);
    (alive.len() as u64, words, evaluations)
}

#[track_caller]
fn check(catalogue: &Catalogue, history: &History) {
    let kept = catalogue.statistics().unwrap();
    assert_eq!(kept, recount(catalogue));
    let words = [kept.good, kept.bad, kept.inconclusive];
    assert_eq!((kept.snapshots, words, kept.evaluations), expected(history));
}

/// One random step more than a history has: names that go.
fn drop_or_step(history: &mut History, (what, a, b): (u8, usize, usize)) {
    let list = names::list(&history.objects, history.names, "").unwrap();
    match list.get(b % list.len().max(1)) {
        Some(entry) if what % 4 == 0 => history.set(NameKey::parse(&entry.key).unwrap(), None),
        _ => history.step((what / 4, a, b)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_kept_is_what_a_recount_gives(
        steps in proptest::collection::vec((any::<u8>(), 0..40_usize, 0..40_usize), 1..80),
        pace in 1..5_usize,
        collected in 0..20_usize,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut history = History::new();
        let catalogue = open(folder.path());
        for (number, part) in steps.chunks(pace).enumerate() {
            let seen = history.names.object();
            part.iter().for_each(|step| drop_or_step(&mut history, *step));
            if number == collected && history.names.object() != seen {
                // The names that it has seen were collected: there is no difference to walk.
                let objects = LetGo(&history.objects, seen);
                prop_assert!(catalogue.bring_forward(&objects, history.head()).unwrap().from_nothing);
            } else {
                catalogue.bring_forward(&history.objects, history.head()).unwrap();
            }
            check(&catalogue, &history);
        }
        catalogue.bring_forward(&history.objects, None).unwrap();
        prop_assert_eq!(catalogue.statistics().unwrap(), CatalogueStatistics::default());
        prop_assert_eq!(recount(&catalogue), CatalogueStatistics::default());
    }
}

/// A verdict stays when its snapshot goes, counts when it comes back, and may change in between or in
/// the same step.
#[test]
fn a_verdict_counts_while_its_snapshot_is_alive() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = open(folder.path());
    let mut history = line(8);
    let ids = history.snapshots.clone();
    let words = |history: &History| {
        catalogue.bring_forward(&history.objects, history.head()).unwrap();
        check(&catalogue, history);
        let found = catalogue.statistics().unwrap();
        (found.good, found.bad, found.inconclusive)
    };
    assert_eq!(words(&history), (1, 1, 0));
    history.branch("main", ids[3]);
    assert_eq!(words(&history), (1, 0, 0), "4 is gone");
    history.verdict(ids[4], VerdictWord::Inconclusive);
    assert_eq!(words(&history), (1, 0, 0), "what is said of what is gone does not count");
    history.branch("main", ids[7]);
    history.verdict(ids[4], VerdictWord::Good);
    assert_eq!(words(&history), (2, 0, 0), "it came and was judged anew in one step");
    history.verdict(ids[4], VerdictWord::Bad);
    history.branch("main", ids[2]);
    assert_eq!(words(&history), (0, 0, 0), "both are gone, one of them with another verdict");
    history.branch("main", ids[7]);
    history.set(NameKey::Verdict(ids[3]), None);
    assert_eq!(words(&history), (0, 1, 0), "one came back with its verdict, one without");
}

#[test]
fn a_number_that_would_fall_below_nothing_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = open(folder.path());
    let mut history = line(8);
    catalogue.bring_forward(&history.objects, history.head()).unwrap();
    let before = content(&catalogue);
    let lower = |tables: tables::Tables<'_>| {
        tables.db.insert(Counter::Session("s3").key(), to_bytes(&1_u64)).unwrap();
        Ok(())
    };
    catalogue.guarded(lower).unwrap();
    history.branch("main", history.snapshots[0]);
    let done = catalogue.bring_forward(&history.objects, history.head());
    assert!(matches!(done, Err(CatalogueError::Damaged { .. })), "{done:?}");
    // Nothing of that step was written.
    let same = |key: &Vec<u8>| key[0] != COUNTER;
    let after = content(&catalogue);
    assert!(before.iter().filter(|e| same(e.0)).eq(after.iter().filter(|e| same(e.0))));
    assert_eq!(before[HEAD_KEY], after[HEAD_KEY]);
    drop(catalogue);
    let (catalogue, notices, _) =
        Catalogue::open_at(folder.path(), NOW, &history.objects, history.head()).unwrap();
    assert_eq!(notices.len(), 1, "{notices:?}");
    check(&catalogue, &history);
}
