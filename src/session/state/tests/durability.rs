//! What is durable when, how many writes and syncs that costs, and closing in order.

use super::*;
use crate::session::state::*;

fn value(step: usize) -> Json {
    json(&format!("{{\"step\":{step}}}"))
}

#[test]
fn manual_and_recovery_are_durable_when_the_call_returns() {
    let log = Arc::new(MemoryLog::default());
    let session = over(&log, StateSettings::default()).session("s").unwrap();
    for (at, kind) in [PutKind::Manual, PutKind::Recovery, PutKind::Manual].into_iter().enumerate()
    {
        session.put(&Put::new(kind, What::Value(value(at)))).unwrap();
        assert_eq!(log.with(|inner| inner.synced), at + 1);
    }
    session.rollback(None, &At::back(1), "").unwrap();
    session.tag(&At::latest(), &label("t")).unwrap();
    session.mark(&At::latest(), true, "").unwrap();
    assert_eq!(log.with(|inner| inner.synced), log.count());
}

#[test]
fn automatic_ones_are_durable_soon_and_when_closed() {
    let log = Arc::new(MemoryLog::default());
    let sessions = over(&log, StateSettings::default());
    let session = sessions.session("s").unwrap();
    for step in 0..50 {
        session.put(&Put::automatic(value(step))).unwrap();
    }
    // The worker comes by itself; how soon is measured elsewhere.
    while log.with(|inner| inner.synced) < 50 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(log.with(|inner| inner.syncs) <= 50);
    session.put(&Put::automatic(value(99))).unwrap();
    sessions.close().unwrap();
    assert_eq!(log.with(|inner| inner.synced), 51);
    sessions.close().unwrap();
    let sessions = over(&log, StateSettings::default());
    sessions.session("s").unwrap().put(&Put::automatic(value(100))).unwrap();
    drop(sessions);
    assert_eq!(log.with(|inner| inner.synced), 52, "dropping the last handle closes");
}

#[test]
fn what_cannot_be_made_durable_is_said_and_nothing_follows_it() {
    let log = Arc::new(MemoryLog::default());
    let sessions = over(&log, StateSettings::default());
    let session = sessions.session("s").unwrap();
    log.with(|inner| inner.fails_to_sync = true);
    let failed = session.put(&Put::manual(value(1)));
    assert!(matches!(failed, Err(StateError::Unsynced { .. })), "{failed:?}");
    let next = session.put(&Put::automatic(value(2)));
    assert!(matches!(next, Err(StateError::Unsynced { .. })), "{next:?}");
    assert_eq!(log.count(), 1);
    assert!(matches!(sessions.close(), Err(StateError::Unsynced { .. })));
}

#[test]
fn a_group_is_one_write_and_one_sync() {
    let log = Arc::new(MemoryLog::default());
    let sessions = over(&log, StateSettings::default());
    let puts: Vec<_> = (0..40)
        .map(|at| (sessions.session(&format!("s{at}")).unwrap(), Put::manual(value(at))))
        .collect();
    let answers = sessions.put_all(&puts);
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap().id().is_some()));
    assert_eq!(log.with(|inner| (inner.writes, inner.syncs, inner.synced)), (1, 1, 40));
    for (at, (session, _)) in puts.iter().enumerate() {
        assert_eq!(session.get(&At::latest()).unwrap().document.to_json(), value(at));
    }
}

#[test]
fn each_of_a_group_stands_or_falls_by_itself_and_a_session_keeps_its_order() {
    let log = Arc::new(MemoryLog::default());
    let sessions = over(&log, StateSettings::default());
    let [a, b] = ["a", "b"].map(|name| sessions.session(name).unwrap());
    let first = a.put(&Put::automatic(value(0))).unwrap().id();
    // Another process is quicker in `b`, and in `a` before the group's second put of it.
    let other = over(&log, StateSettings::default());
    b.put(&Put::automatic(value(0))).unwrap();
    other.session("b").unwrap().put(&Put::automatic(value(7))).unwrap();
    let puts = [
        (a.clone(), Put::automatic(value(1))),
        (a.clone(), Put { expect: first, ..Put::automatic(value(2)) }),
        (b.clone(), Put::automatic(value(8))),
        (a.clone(), Put::automatic(value(3))),
        (b.clone(), Put::automatic(value(8))),
    ];
    let answers = sessions.put_all(&puts);
    assert!(answers[0].as_ref().unwrap().id().is_some());
    assert!(matches!(answers[1], Err(StateError::Moved { .. })), "{:?}", answers[1]);
    assert_eq!(answers[2].as_ref().unwrap().others, 1);
    assert!(answers[3].as_ref().unwrap().id().is_some());
    let skipped = &answers[4].as_ref().unwrap().outcome;
    assert!(matches!(skipped, Outcome::Skipped { reason: SkipReason::Same, .. }));
    assert_eq!(a.get(&At::back(1)).unwrap().document.to_json(), value(1));
    assert_eq!(b.get(&At::back(1)).unwrap().document.to_json(), value(7));
}

#[test]
fn an_interval_saves_what_its_source_gives_and_ends_with_its_session() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;
    let log = Arc::new(MemoryLog::default());
    let sessions = over(&log, StateSettings::default());
    let session = sessions.session("s").unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let source = |asked: &Arc<AtomicUsize>| {
        let asked = asked.clone();
        move || match asked.fetch_add(1, Ordering::SeqCst) {
            0 => Some(value(1)),
            1 => Some(value(1)),
            2 => None,
            3 => Some((0..200).fold(Json::Null, |inner, _| Json::List(vec![inner]))),
            4 => panic!("the source is at its end"),
            _ => Some(value(2)),
        }
    };
    session.start_interval(Duration::from_millis(1), source(&asked)).unwrap();
    let second = session.start_interval(Duration::from_millis(1), || None);
    assert!(matches!(second, Err(StateError::IntervalRuns { .. })));
    while asked.load(Ordering::SeqCst) < 8 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let status = session.interval_status().unwrap();
    assert_eq!((status.saved, status.errors), (2, 2), "{status:?}");
    assert!(status.last_error.is_some() && status.skipped >= 2);
    session.stop_interval();
    assert_eq!(session.interval_status(), None);
    let (count, puts) = (asked.load(Ordering::SeqCst), log.count());
    assert_eq!(puts, 2);
    // It can be started again, and ends when nobody holds the session any more.
    session.start_interval(Duration::from_millis(1), source(&asked)).unwrap();
    drop(session);
    // The source is gone with its thread.
    while Arc::strong_count(&asked) > 1 {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(asked.load(Ordering::SeqCst) >= count);
    sessions.close().unwrap();
}
