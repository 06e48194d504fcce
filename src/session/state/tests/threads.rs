//! Many threads and processes at once.

use std::collections::BTreeSet;

use super::*;
use crate::session::state::*;

fn value(writer: usize, step: usize) -> Json {
    json(&format!("{{\"writer\":{writer},\"step\":{step}}}"))
}

/// Each put is there exactly once, in the order of its writer, on one line of states.
fn check(sessions: &Sessions, name: &str, writers: usize, steps: usize) {
    let session = sessions.existing(name).unwrap();
    let count = writers * steps;
    let main = LogOptions { branch: Some(label("main")), limit: 0 };
    let log = session.log(&main).unwrap();
    assert_eq!(log.len(), count, "{name}");
    let mut seen = BTreeSet::new();
    let mut next = vec![0; writers];
    for back in (0..count).rev() {
        let found = session.get(&At::back(back as u64)).unwrap();
        assert!(seen.insert(found.id));
        let writer = (0..writers)
            .find(|writer| found.document.to_json() == value(*writer, next[*writer]))
            .expect("the next one of some writer");
        next[writer] += 1;
    }
    assert_eq!(next, vec![steps; writers]);
    assert_eq!(session.audit(None).unwrap().fault, None);
}

#[test]
fn threads_and_processes_on_one_session_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    // Two openings of a store are to each other as two processes are.
    let openings = [Sessions::at(&store).unwrap(), Sessions::at(&store).unwrap()];
    std::thread::scope(|scope| {
        for writer in 0..6 {
            let session = openings[writer % 2].session("one").unwrap();
            scope.spawn(move || {
                for step in 0..15 {
                    let kind = PutKind::ALL[step % 3];
                    let put = Put::new(kind, What::Value(value(writer, step)));
                    let answer = session.put(&put).unwrap();
                    assert!(answer.id().is_some() && answer.fallback.is_none(), "{answer:?}");
                    session.get(&At::latest()).unwrap();
                }
            });
        }
    });
    check(&Sessions::at(&store).unwrap(), "one", 6, 15);
}

#[test]
fn sessions_do_not_disturb_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let sessions = Sessions::at(&folder.path().join("store")).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let session = sessions.session(&format!("s{writer}")).unwrap();
            scope.spawn(move || {
                for step in 0..20 {
                    session.put(&Put::automatic(value(0, step))).unwrap();
                }
                session.rollback(None, &At::back(3), "").unwrap();
                session
                    .rollback(None, &At::Id(session.get(&At::latest()).unwrap().id), "")
                    .unwrap();
            });
        }
    });
    for writer in 0..8 {
        let session = sessions.existing(&format!("s{writer}")).unwrap();
        assert_eq!(session.get(&At::latest()).unwrap().document.to_json(), value(0, 16));
        assert_eq!(session.log(&LogOptions::default()).unwrap().len(), 22);
        assert_eq!(session.audit(None).unwrap().fault, None);
    }
    assert_eq!(sessions.list().unwrap().len(), 8);
}

#[test]
fn who_was_overtaken_is_told_and_an_expectation_is_a_conflict() {
    let log = Arc::new(MemoryLog::default());
    let [one, two] = [over(&log, StateSettings::default()), over(&log, StateSettings::default())];
    let [one, two] = [one.session("s").unwrap(), two.session("s").unwrap()];
    let first = one.put(&Put::automatic(value(0, 0))).unwrap().id();
    assert_eq!(two.put(&Put::automatic(value(1, 0))).unwrap().others, 0, "it had not looked yet");
    two.put(&Put::automatic(value(1, 1))).unwrap();
    let expecting = Put { expect: first, ..Put::automatic(value(0, 1)) };
    let moved = one.put(&expecting);
    assert!(
        matches!(&moved, Err(StateError::Moved { process, when, .. })
            if *process == std::process::id() && when.0 > 0),
        "{moved:?}"
    );
    let answer = one.put(&Put::automatic(value(0, 2))).unwrap();
    assert_eq!(answer.others, 2);
    // The same value as another process has just saved is skipped.
    two.put(&Put::automatic(value(1, 3))).unwrap();
    let same = one.put(&Put::automatic(value(1, 3))).unwrap();
    assert!(matches!(same.outcome, Outcome::Skipped { reason: SkipReason::Same, .. }), "{same:?}");
}

#[test]
fn a_large_group_answers_each_put_in_its_place() {
    let sessions = over(&Arc::new(MemoryLog::default()), StateSettings::default());
    for round in 0..3 {
        // Two of one session, and one that does not fit, among many.
        let put = |n: usize| {
            let session = sessions.session(&format!("s{}", n % 99)).unwrap();
            let edits = vec![crate::document::Edit::Remove { pointer: "/none".parse().unwrap() }];
            match n {
                50 => (session, Put::new(PutKind::Manual, What::Edits { base: None, edits })),
                n => (session, Put::automatic(value(n, round))),
            }
        };
        let puts: Vec<_> = (0..100).map(put).collect();
        let answers = sessions.put_all(&puts);
        assert_eq!(answers.len(), puts.len());
        for (n, answer) in answers.iter().enumerate() {
            assert_eq!(answer.is_err(), n == 50, "{n}: {answer:?}");
        }
        for n in (1..99).filter(|n| *n != 50) {
            let found = sessions.existing(&format!("s{n}")).unwrap().get(&At::latest()).unwrap();
            assert_eq!(found.document.to_json(), value(n, round));
        }
        let twice = sessions.existing("s0").unwrap();
        assert_eq!(twice.get(&At::latest()).unwrap().document.to_json(), value(99, round));
    }
}
