//! Sealed segments and the indexes beside them.

use super::super::{Journal, JournalError, Position};
use super::{change, index, push, segment, small, stream};
use crate::store::Store;
use crate::store::tests::fresh;

/// A store with a journal of several segments, and where the frames of stream `a` stand.
fn several() -> (tempfile::TempDir, Store, Vec<Position>) {
    let (home, store) = fresh();
    let journal = small(&store);
    let places = (0..30_u8).map(|n| {
        push(&journal, "b", b"between").unwrap();
        push(&journal, "a", &[n; 100]).unwrap()
    });
    let places = places.collect();
    journal.sync().unwrap();
    (home, store, places)
}

fn places(store: &Store) -> Vec<Position> {
    small(store).positions(stream("a"), None).unwrap()
}

#[test]
fn opening_reads_the_indexes_and_not_the_segments() {
    let (_home, store, all) = several();
    assert!(all[29].segment >= 5);
    let at = all[3].offset as usize + 50;
    change(&segment(&store, all[3].segment), |bytes| bytes[at] ^= 1);
    assert_eq!(places(&store), all, "had it read the segment the frame were missing");
    match small(&store).read(all[3]) {
        Err(JournalError::Damaged { path, offset, .. }) => {
            assert_eq!((path, offset), (segment(&store, all[3].segment), u64::from(all[3].offset)));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_index_that_is_damaged_or_gone_is_made_anew() {
    let (_home, store, all) = several();
    let path = index(&store, 2);
    let sound = std::fs::read(&path).unwrap();
    for at in 0..sound.len() {
        change(&path, |bytes| bytes[at] ^= 0x10);
        assert_eq!(places(&store), all);
        assert_eq!(std::fs::read(&path).unwrap(), sound, "byte {at}");
    }
    change(&path, |bytes| bytes.truncate(40));
    assert_eq!(places(&store), all);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(places(&store), all);
    assert_eq!(std::fs::read(&path).unwrap(), sound);
}

#[test]
fn a_check_names_damaged_indexes_and_repairs_nothing() {
    let (_home, store, all) = several();
    change(&index(&store, 1), |bytes| bytes[50] ^= 1);
    let at = all[29].offset as usize + 50;
    change(&segment(&store, 2), |bytes| bytes[100] ^= 1);
    let before = [index(&store, 1), segment(&store, 2), index(&store, 2)].map(std::fs::read);
    let found = store.check(&|_| ()).unwrap();
    let named: Vec<String> = found.problems.iter().map(|problem| format!("{problem:?}")).collect();
    assert_eq!(named.len(), 2, "{named:?}");
    assert!(named[0].contains("00000001.index") && named[1].contains("00000002.log"), "{named:?}");
    let after = [index(&store, 1), segment(&store, 2), index(&store, 2)].map(std::fs::read);
    assert_eq!(after.map(Result::unwrap), before.map(Result::unwrap));
    assert_eq!(found.frames, 59);
    change(&segment(&store, all[29].segment), |bytes| bytes[at] ^= 1);
    let last = store.check(&|_| ()).unwrap().unfinished;
    let end = (segment(&store, all[29].segment), u64::from(all[29].offset));
    assert_eq!(last, [end], "the last frame may have been cut short");
}

#[test]
fn a_segment_that_is_missing_is_named() {
    let (_home, store, _) = several();
    std::fs::remove_file(segment(&store, 3)).unwrap();
    let problems = store.check(&|_| ()).unwrap().problems;
    assert!(format!("{problems:?}").contains("00000003.log"), "{problems:?}");
}

/// A crash may bring a sealed segment back to be the active one, with its index of before.
#[test]
fn an_index_of_an_earlier_end_is_not_believed() {
    let (_home, store) = fresh();
    let journal = small(&store);
    push(&journal, "a", &[1; 950]).unwrap();
    push(&journal, "a", b"in the second segment").unwrap();
    std::fs::remove_file(segment(&store, 2)).unwrap();
    let old = std::fs::read(index(&store, 1)).unwrap();
    let journal = Journal::with_bounds(&store, super::Bounds { segment: 2000, step: 512 });
    let again = push(&journal, "a", &[2; 2000]).unwrap();
    assert_eq!(again.segment, 1);
    assert_eq!(push(&journal, "a", b"x").unwrap().segment, 2);
    std::fs::write(index(&store, 1), old).unwrap();
    assert_eq!(places(&store).len(), 3);
}

#[test]
fn statistics_count_the_journal() {
    let (_home, store, all) = several();
    let found = store.statistics().unwrap().journal;
    let lengths = (1..=all[29].segment).map(|n| segment(&store, n).metadata().unwrap().len());
    assert_eq!((found.frames, found.streams), (60, 2));
    assert_eq!((found.segments, found.bytes), (all[29].segment as usize, lengths.sum()));
}
