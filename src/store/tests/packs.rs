//! Objects in packs: round trips, threads, compaction.

use std::sync::Arc;

use proptest::prelude::*;

use super::{branch_change, commit_branch, fresh, open, put_snapshot};
use crate::base::codec::blob_id;
use crate::base::disk::RealDisk;
use crate::base::id::{BlobId, Kind};
use crate::base::limits::PACKS_PER_CLASS_MAX;
use crate::object::snapshot::Snapshot;
use crate::object::traits::{Fetch, Put, put_blob};
use crate::store::{Store, StoreError};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn what_was_put_is_fetched(contents in prop::collection::vec(
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..2_000),
            (0..200_000_usize, any::<u8>()).prop_map(|(count, byte)| vec![byte; count]),
        ],
        1..30,
    )) {
        let (_folder, store) = fresh();
        let writer = store.writer().unwrap();
        let half = contents.len() / 2;
        let ids: Vec<BlobId> = contents.iter().enumerate().map(|(at, content)| {
            if at == half {
                writer.flush().unwrap();
            }
            put_blob(&writer, content.clone()).unwrap()
        }).collect();
        for (id, content) in ids.iter().zip(&contents) {
            prop_assert_eq!(&*writer.fetch(id.object()).unwrap(), content);
        }
        writer.flush().unwrap();
        drop(writer);
        let store = open(store.root());
        for (id, content) in ids.iter().zip(&contents) {
            prop_assert_eq!(&*store.fetch(id.object()).unwrap(), content);
            prop_assert_eq!(store.find(Kind::Blob, &id.hex()[..20], 2).unwrap(), vec![id.0]);
        }
        let different: std::collections::BTreeSet<_> = ids.into_iter().collect();
        prop_assert_eq!(store.statistics().unwrap().objects(), different.len() as u64);
    }
}

#[test]
fn a_large_blob_is_cut_and_put_together() {
    let (_folder, store) = fresh();
    let writer = store.writer().unwrap();
    let mut content = crate::store::blob::noise(3 << 20);
    let (id, length) = writer.put_blob_from(&mut content.as_slice()).unwrap();
    assert_eq!((id, length), (blob_id(&content), content.len() as u64));
    assert!(writer.contains(id.object()).unwrap());
    assert_eq!(*writer.fetch(id.object()).unwrap(), content, "before it is flushed");
    writer.flush().unwrap();
    let before = store.statistics().unwrap();
    assert_eq!(before.kinds[&Kind::Recipe].objects, 1);
    let again = open(store.root());
    let mut whole = Vec::new();
    assert_eq!(again.fetch_blob_to(id, &mut whole).unwrap(), length);
    assert_eq!(whole, content);
    assert_eq!(again.find(Kind::Blob, &id.hex(), 9).unwrap(), [id.0]);

    content.insert(1 << 20, 7);
    put_blob(&writer, content.clone()).unwrap();
    writer.flush().unwrap();
    let after = store.statistics().unwrap();
    let added = after.kinds[&Kind::Blob].bytes - before.kinds[&Kind::Blob].bytes;
    assert!(added <= 2 << 20, "one byte more shares the other pieces, {added} bytes are new");
}

#[test]
fn threads_put_side_by_side() {
    let (_folder, store) = fresh();
    let writer = store.writer().unwrap();
    let content = |n: usize| format!("{n} ").repeat(3_000 + n % 7).into_bytes();
    rayon::scope(|scope| {
        for thread in 0..4 {
            let (writer, content) = (&writer, &content);
            scope.spawn(move |_| {
                for n in 0..150 {
                    // Half of them are the same in all threads.
                    let n = if n % 2 == 0 { n } else { n + 1_000 * thread };
                    put_blob(writer, content(n)).unwrap();
                    if n == 71 {
                        writer.flush().unwrap();
                    }
                }
            });
        }
    });
    writer.flush().unwrap();
    let store = open(store.root());
    for thread in 0..4 {
        for n in (1..150).step_by(2) {
            let content = content(n + 1_000 * thread);
            assert_eq!(*store.fetch(blob_id(&content).object()).unwrap(), content);
        }
    }
    let statistics = store.statistics().unwrap();
    assert_eq!(statistics.objects(), 75 + 4 * 75, "each is stored once");
}

#[test]
fn compaction_keeps_every_object_and_its_readers() {
    let (_folder, store) = fresh();
    let writer = store.writer().unwrap();
    let reader = open(store.root());
    let mut seen = None;
    for n in 0..PACKS_PER_CLASS_MAX + 3 {
        let (snapshot, _) = commit_branch(&writer, "main", seen, &format!("content {n}")).unwrap();
        seen = Some(snapshot);
        if n == 0 {
            // It knows one pack, and has it open.
            reader.names().unwrap();
        }
    }
    let before = store.statistics().unwrap();
    assert_eq!(store.compact().unwrap(), PACKS_PER_CLASS_MAX + 3);
    let after = store.statistics().unwrap();
    assert_eq!(after.packs, 1);
    assert_eq!(after.kinds, before.kinds);
    let report = reader.check(&|_| ()).unwrap();
    assert!(report.is_sound() && report.unreferenced == 0, "{report:?}");
    // A reader that knew packs which are gone before it opened them.
    let late = open(store.root());
    late.packs.packs().unwrap();
    commit_branch(&writer, "other", None, "x").unwrap();
    for n in 0..PACKS_PER_CLASS_MAX {
        put_snapshot(&writer, &format!("more {n}"));
        writer.flush().unwrap();
    }
    assert!(store.compact().unwrap() > 0);
    assert!(late.fetch(seen.unwrap().object()).is_ok());
    assert_eq!(store.compact().unwrap(), 0, "there is nothing more to do");
}

#[test]
fn a_damaged_pack_is_not_compacted_away() {
    let (_folder, store) = fresh();
    let writer = store.writer().unwrap();
    for n in 0..PACKS_PER_CLASS_MAX {
        put_blob(&writer, format!("content {n}").into_bytes()).unwrap();
        writer.flush().unwrap();
    }
    let packs = store.root().join("packs");
    let path = std::fs::read_dir(&packs).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let store = Store::open(store.root(), Arc::new(RealDisk)).unwrap();
    let failed = store.compact().unwrap_err();
    assert!(matches!(&failed, StoreError::Objects(e) if e.is_corruption()), "{failed}");
    assert_eq!(std::fs::read_dir(&packs).unwrap().count(), PACKS_PER_CLASS_MAX);
    assert_eq!(std::fs::read_dir(store.root().join("tmp")).unwrap().count(), 0);
}

#[test]
fn a_store_that_was_never_compacted_answers_the_same() {
    let ((_one, never), (_two, often)) = (fresh(), fresh());
    let mut seen = None;
    for n in 0..3 * PACKS_PER_CLASS_MAX {
        let mut moved = Vec::new();
        for store in [&never, &often] {
            let writer = store.writer().unwrap();
            moved.push(commit_branch(&writer, "main", seen, &format!("content {n}")).unwrap());
        }
        often.compact().unwrap();
        assert_eq!(moved[0], moved[1]);
        seen = Some(moved[0].0);
    }
    assert!(often.statistics().unwrap().packs < PACKS_PER_CLASS_MAX);
    assert_eq!(never.statistics().unwrap().packs, 3 * PACKS_PER_CLASS_MAX);
    assert_eq!(never.statistics().unwrap().kinds, often.statistics().unwrap().kinds);
    assert_eq!(never.current().unwrap(), often.current().unwrap());
    let reports = [&never, &often].map(|store| open(store.root()).check(&|_| ()).unwrap());
    assert!(reports.iter().all(|report| report.is_sound()));
    assert_eq!(reports[0].reached, reports[1].reached);
}

/// Between the names and the look at the files packs are brought together: none of the old ones is
/// there any more, and the new one was not among the names.
#[test]
fn a_listing_that_packs_were_brought_together_in_is_made_anew() {
    let (_folder, store) = fresh();
    let mut ids = Vec::new();
    for number in 0..PACKS_PER_CLASS_MAX as u32 {
        let writer = store.writer().unwrap();
        ids.push(put_blob(&writer, number.to_le_bytes().to_vec()).unwrap().object());
        writer.flush().unwrap();
    }
    let (reader, mut is_done) = (open(store.root()), false);
    let packs = reader.packs.rescan_while(&mut || {
        if !std::mem::replace(&mut is_done, true) {
            assert_eq!(store.compact().unwrap(), PACKS_PER_CLASS_MAX);
        }
    });
    assert_eq!(packs.unwrap().len(), 1);
    assert!(ids.iter().all(|id| reader.packs.locate(*id).unwrap().is_some()));
}

/// Whoever is overtaken keeps what it brought together: else many writers would never have few packs.
#[test]
fn packs_are_brought_together_while_many_commit() {
    const EACH: usize = 60;
    let (_folder, store) = fresh();
    let root = store.root().to_owned();
    let writers = ["a", "b", "c", "d", "e", "f", "g", "h"].map(|name| {
        let root = root.clone();
        std::thread::spawn(move || {
            let store = open(&root);
            let mut seen = None;
            for step in 0..EACH {
                let writer = store.writer().unwrap();
                let (snapshot, change) =
                    branch_change(&writer, name, seen, &format!("{name} {step}"));
                writer.commit_and_compact(&change).unwrap();
                seen = Some(snapshot);
            }
            seen.unwrap()
        })
    });
    let last = writers.map(|writer| writer.join().unwrap());
    let packs = std::fs::read_dir(store.layout().packs()).unwrap().count();
    println!("{packs} packs");
    assert!(packs < EACH, "{packs} packs of {} commits", 8 * EACH);
    let store = open(&root);
    for id in last {
        assert!(Snapshot::fetch(&store, id).is_ok());
    }
    assert!(store.check(&|_| ()).unwrap().is_sound());
}
