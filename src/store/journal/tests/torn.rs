//! Ends that are no frame, and which gap is a crash's and which is rot.

use super::super::frame::{Frame, HEADER_BYTES};
use super::super::scan::{Gap, scan};
use super::super::{Journal, Position};
use super::{change, push, segment, small, stream};
use crate::store::tests::fresh;

const LENGTH: u64 = 80;

/// Four frames of 80 bytes, each with what it says is durable; those in `lost` are zeros. What a
/// scan makes of it: offsets, end, damage, in frames.
fn judge(durable: [u64; 4], lost: &[usize]) -> (Vec<u64>, u64, Vec<(u64, u64)>) {
    let mut bytes = Vec::new();
    for (number, durable) in durable.into_iter().enumerate() {
        let offset = (HEADER_BYTES + number as u64 * LENGTH) as u32;
        let durable = if durable == 0 { 0 } else { HEADER_BYTES + durable * LENGTH } as u32;
        Frame { stream: stream("a"), durable, payload: &[number as u8; 8] }
            .write(Position { segment: 1, offset }, &mut bytes);
    }
    for number in lost {
        bytes[number * LENGTH as usize..][..LENGTH as usize].fill(0);
    }
    let found = scan(&bytes, 1, HEADER_BYTES, 0, None);
    let place = |at: u64| (at - HEADER_BYTES) / LENGTH;
    let damaged = found.damaged.iter().map(|gap| (place(gap.start), place(gap.end))).collect();
    let frames = found.frames.iter().map(|(_, at)| place(u64::from(*at))).collect();
    (frames, place(found.end), damaged)
}

#[test]
fn a_gap_is_damage_only_where_a_later_frame_proves_that_it_was_durable() {
    assert_eq!(judge([0; 4], &[]), (vec![0, 1, 2, 3], 4, vec![]));
    assert_eq!(judge([0; 4], &[1]), (vec![0], 1, vec![]), "nothing proves it");
    assert_eq!(judge([0, 0, 1, 1], &[1]), (vec![0], 1, vec![]), "only what is before");
    assert_eq!(judge([0, 0, 2, 2], &[1]), (vec![0, 2, 3], 4, vec![(1, 2)]));
    assert_eq!(judge([0, 0, 0, 3], &[1]), (vec![0, 2, 3], 4, vec![(1, 2)]), "also a later one");
    assert_eq!(judge([0, 0, 0, 3], &[1, 2]), (vec![0, 3], 4, vec![(1, 3)]));
    assert_eq!(judge([0, 0, 0, 2], &[1, 2]), (vec![0], 2, vec![(1, 2)]), "rot, then a tear");
    assert_eq!(judge([0, 1, 1, 1], &[0, 2]), (vec![1], 2, vec![(0, 1)]));
    assert_eq!(judge([0, 0, 0, 3], &[3]), (vec![0, 1, 2], 3, vec![]), "the end tells nothing");
}

#[test]
fn a_successor_proves_all_up_to_the_end_that_it_names() {
    let mut bytes = Vec::new();
    let at = Position { segment: 1, offset: HEADER_BYTES as u32 };
    Frame { stream: stream("a"), durable: 0, payload: b"12345678" }.write(at, &mut bytes);
    let end = HEADER_BYTES + LENGTH;
    bytes.extend([1; 50]);
    let whole = scan(&bytes, 1, HEADER_BYTES, 0, Some(end));
    assert_eq!((whole.end, whole.is_torn, whole.frames.len()), (end, false, 1));
    let rotten = scan(&bytes, 1, HEADER_BYTES, 0, Some(end + 8));
    assert_eq!(rotten.damaged, [Gap { start: end, end: end + 8 }]);
    let cut = scan(&bytes[..20], 1, HEADER_BYTES, 0, Some(end));
    assert_eq!((cut.end, cut.damaged), (end, vec![Gap { start: HEADER_BYTES, end }]));
}

#[test]
fn a_torn_end_stays_and_the_next_append_begins_a_segment() {
    let (_home, store) = fresh();
    let one = push(&small(&store), "a", b"one").unwrap();
    let torn = |bytes: &mut Vec<u8>| {
        bytes.resize(512, 0);
        bytes[one.offset as usize + 80..][..9].fill(0xee);
    };
    change(&segment(&store, 1), torn);
    let before = std::fs::read(segment(&store, 1)).unwrap();
    let found = store.check(&|_| ()).unwrap();
    assert!(found.is_sound(), "{:?}", found.problems);
    assert_eq!(found.unfinished, [(segment(&store, 1), u64::from(one.offset) + 80)]);
    let (reader, journal) = (small(&store), small(&store));
    assert_eq!(reader.positions(stream("a"), None).unwrap(), [one]);
    let two = push(&journal, "a", b"two").unwrap();
    assert_eq!(two.segment, 2);
    assert_eq!(std::fs::read(segment(&store, 1)).unwrap(), before, "nothing is written over");
    for journal in [&reader, &journal, &small(&store)] {
        assert_eq!(journal.positions(stream("a"), None).unwrap(), [one, two]);
    }
    let found = store.check(&|_| ()).unwrap();
    assert_eq!((found.is_sound(), found.unfinished, found.frames), (true, vec![], 2));
}

/// Equal lengths: a new frame in the hole would lead to what stands behind it.
#[test]
fn what_stands_behind_a_hole_never_comes_back() {
    let (_home, store) = fresh();
    let journal = small(&store);
    let (lost, _) = (push(&journal, "a", b"one").unwrap(), push(&journal, "a", b"two").unwrap());
    change(&segment(&store, 1), |bytes| bytes[lost.offset as usize..][..80].fill(0));
    let journal = small(&store);
    assert_eq!(journal.positions(stream("a"), None).unwrap(), []);
    let new = push(&journal, "a", b"new").unwrap();
    for journal in [journal, small(&store)] {
        assert_eq!(journal.positions(stream("a"), None).unwrap(), [new]);
    }
}

#[test]
fn segments_that_were_begun_and_not_written_are_passed_over() {
    let (_home, store) = fresh();
    let one = push(&small(&store), "a", b"one").unwrap();
    std::fs::write(segment(&store, 2), [0; 512]).unwrap();
    std::fs::write(segment(&store, 3), b"").unwrap();
    let journal = small(&store);
    assert_eq!(journal.positions(stream("a"), None).unwrap(), [one]);
    let two = push(&journal, "a", b"two").unwrap();
    assert_eq!(two.segment, 3, "an empty one is taken");
    for journal in [journal, small(&store)] {
        assert_eq!(journal.positions(stream("a"), None).unwrap(), [one, two]);
    }
    assert_eq!(std::fs::read(segment(&store, 2)).unwrap(), [0; 512]);
    let found = store.check(&|_| ()).unwrap();
    assert!(found.is_sound(), "{:?}", found.problems);
}

#[test]
fn nothing_is_appended_to_a_segment_without_a_header() {
    let (_home, store) = fresh();
    let one = push(&small(&store), "a", b"one").unwrap();
    change(&segment(&store, 1), |bytes| bytes[..64].fill(0));
    let journal = small(&store);
    for _ in 0..3 {
        assert_eq!(journal.positions(stream("a"), None).unwrap(), [one], "nothing is before it");
    }
    let two = push(&journal, "a", b"two").unwrap();
    assert_eq!(two.segment, 2);
    for journal in [journal, small(&store)] {
        assert_eq!(journal.positions(stream("a"), None).unwrap(), [one, two]);
    }
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let (_home, store) = fresh();
    push(&small(&store), "a", b"one").unwrap();
    change(&segment(&store, 1), |bytes| {
        bytes[8] = 2;
        let digest = crate::base::codec::digest("journal header", &bytes[..32]);
        bytes[32..64].copy_from_slice(&digest.0);
    });
    let said = Journal::open(&store).unwrap().streams().unwrap_err().to_string();
    assert!(said.contains("format 2"), "{said}");
}
