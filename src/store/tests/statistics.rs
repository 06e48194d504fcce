//! What a store holds, counted from what was counted before, against every entry of every index.

use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;

use super::collect::{collect, keep};
use super::{commit_branch, fresh, open};
use crate::base::codec::{decode_fields, encode_fields};
use crate::base::fuzz::fuzz;
use crate::base::id::{Kind, ObjectId, OperationId};
use crate::object::traits::put_blob;
use crate::store::blob::noise;
use crate::store::{KindStatistics, PackCount, Store, operation_part};

/// Objects by kind, and the sum of the operations: each entry of each index, once.
fn recount(store: &Store) -> (BTreeMap<Kind, KindStatistics>, u64) {
    let mut all: BTreeMap<ObjectId, u32> = BTreeMap::new();
    for pack in store.packs.rescan().unwrap().iter() {
        let pack = pack.open().unwrap();
        all.extend((0..pack.count()).map(|at| pack.entry(at).unwrap()).map(|e| (e.id, e.length)));
    }
    let (mut kinds, mut operations) = (BTreeMap::new(), 0_u64);
    for (id, length) in all {
        let sum: &mut KindStatistics = kinds.entry(id.kind).or_default();
        sum.objects += 1;
        sum.bytes += u64::from(length);
        if id.kind == Kind::Operation {
            operations = operations.wrapping_add(operation_part(OperationId(id.hash)));
        }
    }
    (kinds, operations)
}

/// What is counted from what is known is right; returns what is known then.
#[track_caller]
fn check(store: &Store, known: &[PackCount]) -> Vec<PackCount> {
    let (found, counts) = store.statistics_from(known).unwrap();
    let (kinds, operations) = recount(store);
    assert_eq!((&found.kinds, found.operations), (&kinds, operations));
    assert_eq!(found, store.statistics().unwrap());
    assert_eq!((found.packs, found.pack_bytes), store.pack_totals().unwrap());
    counts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_counted_before_leads_to_the_same_numbers(
        steps in prop::collection::vec((0..8_u8, 0..20_usize, 1..20_usize), 1..25),
    ) {
        let (_folder, store) = fresh();
        let other = open(store.root());
        let (mut known, mut tip, mut operations) = (Vec::new(), None, Vec::new());
        for (what, number, length) in steps {
            match what {
                0 => drop(store.compact().unwrap()),
                1 if !operations.is_empty() => {
                    // Operations but the newest go, and packs with them.
                    let least = operations.len().saturating_sub(1 + number % 3);
                    collect(&store, keep(&operations.split_off(least), &[]));
                    operations = vec![store.current().unwrap().unwrap().operation];
                }
                2 => {
                    // Neither sees what the other has not written yet: both write it.
                    let writers = [store.writer().unwrap(), other.writer().unwrap()];
                    for (at, writer) in writers.iter().enumerate() {
                        put_blob(writer, noise(40_000 * (at + number % 2) + number)).unwrap();
                        for at in 0..length {
                            put_blob(writer, format!("twice {}", number + at).into_bytes()).unwrap();
                        }
                    }
                    writers[number % 2].flush().unwrap();
                    known = check(&store, &known);
                    writers[1 - number % 2].flush().unwrap();
                }
                _ => {
                    let writer = store.writer().unwrap();
                    let content = format!("content {number} ").repeat(length * length);
                    let (snapshot, done) = commit_branch(&writer, "main", tip, &content).unwrap();
                    (tip, operations) = (Some(snapshot), [operations, vec![done.operation]].concat());
                }
            }
            known = check(&store, &known);
        }
    }
}

#[test]
fn a_pack_that_was_counted_is_not_looked_at_again() {
    let (_folder, store) = fresh();
    let large = "a large one ".repeat(100_000);
    let writer = store.writer().unwrap();
    let noise = noise(200_000);
    put_blob(&writer, noise).unwrap();
    let (tip, _) = commit_branch(&writer, "main", None, &large).unwrap();
    let (before, known) = store.statistics_from(&[]).unwrap();
    let (_, done) = commit_branch(&writer, "main", Some(tip), "small").unwrap();
    let right = store.statistics().unwrap();
    assert_eq!(right.operations, before.operations.wrapping_add(operation_part(done.operation)));
    assert_ne!(right.kinds, before.kinds);
    let (found, all) = store.statistics_from(&known).unwrap();
    assert_eq!(found, right);
    // Nothing can be read any more, and nothing is.
    for file in fs::read_dir(store.layout().packs()).unwrap().map(|file| file.unwrap().path()) {
        let length = fs::metadata(&file).unwrap().len() as usize;
        fs::write(&file, vec![0; length]).unwrap();
    }
    let store = open(store.root());
    assert!(store.statistics().is_err());
    assert_eq!(store.statistics_from(&all).unwrap(), (right, all));
}

/// What was remembered is believed as far as the packs are the same, whatever it says.
#[test]
fn fuzzed_counts_are_refused_or_added_up() {
    let (_folder, store) = fresh();
    let writer = store.writer().unwrap();
    let mut tip = None;
    for content in ["one", "two", "three"] {
        tip = Some(commit_branch(&writer, "main", tip, content).unwrap().0);
    }
    let known = store.statistics_from(&[]).unwrap().1;
    let mut sample = Vec::new();
    encode_fields(&known, &mut sample).unwrap();
    fuzz("pack counts", &[sample], (0, 1_000), |bytes| {
        let Ok(known) = decode_fields::<Vec<PackCount>>(bytes) else { return false };
        let (found, counts) = store.statistics_from(&known).unwrap();
        let _ = (found.objects(), found.bytes());
        assert_eq!((found.packs, counts.len()), (3, 3));
        true
    });
}
