//! Appending and reading, in one process and as if in several.

use super::super::open::Bounds;
use super::super::{Append, Journal, JournalError, Position};
use super::stream;
use crate::store::tests::fresh;

#[test]
fn what_is_appended_is_read_in_order_by_everybody() {
    let (_home, store) = fresh();
    let one = Journal::open(&store).unwrap();
    let two = Journal::open(&store).unwrap();
    let (a, b) = (stream("a"), stream("b"));
    assert_eq!(one.positions(a, None).unwrap(), []);
    assert!(!store.layout().journal().exists(), "reading makes nothing");
    let first = one.append(a, None, b"first").unwrap();
    let other = two.append(b, None, b"").unwrap();
    let second = two.append(a, Some(first), &[7; 100_000]).unwrap();
    one.sync().unwrap();
    two.sync().unwrap();
    for journal in [&one, &two, &Journal::open(&store).unwrap()] {
        assert_eq!(journal.positions(a, None).unwrap(), [first, second]);
        assert_eq!(journal.positions(a, Some(first)).unwrap(), [second]);
        assert_eq!(journal.positions(b, None).unwrap(), [other]);
        assert_eq!(journal.read(first).unwrap(), b"first");
        assert_eq!(journal.read(second).unwrap(), [7; 100_000]);
        assert_eq!(journal.read(other).unwrap(), b"");
        let mut both = [a, b];
        both.sort();
        assert_eq!(journal.streams().unwrap(), both);
    }
}

#[test]
fn an_append_that_did_not_see_the_last_frame_is_refused() {
    let (_home, store) = fresh();
    let one = Journal::open(&store).unwrap();
    let two = Journal::open(&store).unwrap();
    let a = stream("a");
    let first = one.append(a, None, b"one").unwrap();
    let moved = |result| match result {
        Err(JournalError::Moved { stream, last }) => (stream, last),
        other => panic!("{other:?}"),
    };
    assert_eq!(moved(two.append(a, None, b"two")), (a, Some(first)));
    let second = two.append(a, Some(first), b"two").unwrap();
    assert_eq!(moved(one.append(a, Some(first), b"three")), (a, Some(second)));
    let elsewhere = Position { segment: 9, offset: 8 };
    assert_eq!(moved(one.append(stream("b"), Some(elsewhere), b"x")), (stream("b"), None));
    assert_eq!(one.positions(a, None).unwrap(), [first, second]);
}

#[test]
fn many_are_appended_at_once_each_for_itself() {
    let (_home, store) = fresh();
    let journal = Journal::open(&store).unwrap();
    let append = |name: &str, expected, payload| Append { stream: stream(name), expected, payload };
    let batch = [
        append("a", None, b"1".as_slice()),
        append("b", None, b"2"),
        append("a", None, b"3"),
        append("c", None, b"4"),
    ];
    let results = journal.append_all(&batch).unwrap();
    let placed: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(placed, [true, true, false, true]);
    for (append, result) in batch.iter().zip(results) {
        if let Ok(at) = result {
            assert_eq!(journal.read(at).unwrap(), append.payload);
        }
    }
}

#[test]
fn segments_follow_each_other_and_hold_one_log() {
    let (_home, store) = fresh();
    let open = || Journal::with_bounds(&store, Bounds { segment: 1000, step: 256 });
    let (one, two) = (open(), open());
    let names = ["a", "b", "c"];
    let mut last = [None; 3];
    let mut all = vec![Vec::new(); 3];
    for n in 0..100_usize {
        let journal = if n % 5 < 3 { &one } else { &two };
        let payload = vec![n as u8; n * 7 % 300];
        let at = journal.append(stream(names[n % 3]), last[n % 3], &payload).unwrap();
        last[n % 3] = Some(at);
        all[n % 3].push((at, payload));
        if n % 10 == 0 {
            journal.sync().unwrap();
        }
    }
    let segments = std::fs::read_dir(store.layout().journal()).unwrap().count();
    assert!(segments > 10, "{segments}");
    for journal in [one, two, open()] {
        for (name, frames) in names.iter().zip(&all) {
            let places: Vec<_> = frames.iter().map(|(at, _)| *at).collect();
            assert_eq!(journal.positions(stream(name), None).unwrap(), places);
            assert_eq!(journal.positions(stream(name), Some(places[20])).unwrap(), places[21..]);
            for (at, payload) in frames {
                assert_eq!(journal.read(*at).unwrap(), *payload);
            }
        }
    }
}

#[test]
fn what_the_quota_refuses_is_not_half_appended() {
    let payloads = [200, 300, 200, 3_000, 10].map(|length| vec![7_u8; length]);
    let mut refused = 0;
    for more in (0..9_000).step_by(250) {
        let (_home, store) = fresh();
        let journal = Journal::with_bounds(&store, Bounds { segment: 1000, step: 512 });
        journal.append(stream("before"), None, &[1; 600]).unwrap();
        let limit = store.usage().unwrap().bytes + more;
        store.limit_to(limit);
        let names: Vec<_> = (0..payloads.len()).map(|n| stream(&format!("s{n}"))).collect();
        let append = |(stream, payload)| Append { stream, expected: None, payload };
        let pairs = names.iter().copied().zip(payloads.iter().map(Vec::as_slice));
        let done = journal.append_all(&pairs.map(append).collect::<Vec<_>>());
        let there = Journal::open(&store).unwrap().streams().unwrap().len();
        match done {
            Ok(_) => {
                // The index of a sealed segment is not counted: it can be removed.
                let used = store.usage().unwrap().bytes;
                assert!(there == 6 && used <= limit + 512, "{more}: {there}, {used} of {limit}");
            }
            Err(error) => {
                assert!(error.to_string().contains("quota"), "{error}");
                assert_eq!(there, 1, "{more}: something was appended");
                refused += 1;
            }
        }
    }
    assert!((4..32).contains(&refused), "{refused}");
}

#[test]
fn a_place_without_a_frame_is_damage_by_name() {
    let (_home, store) = fresh();
    let journal = Journal::open(&store).unwrap();
    let at = journal.append(stream("a"), None, b"x").unwrap();
    for wrong in [Position { segment: 7, ..at }, Position { offset: at.offset + 8, ..at }] {
        match journal.read(wrong) {
            Err(JournalError::Damaged { offset, .. }) => {
                assert_eq!(offset, u64::from(wrong.offset))
            }
            other => panic!("{other:?}"),
        }
    }
}
