//! Changed entries, kept indexes and measurements: a session over them answers or says what is
//! damaged.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::base::codec;
use crate::base::fuzz::{folder, fuzz, sealed};
use crate::base::limits::STATE_INDEX_KEEP_ENTRIES;
use crate::session::state::measure;
use crate::session::state::wire::Entry;
use crate::session::state::{At, LogOptions, Put, PutKind, Session, What};

/// Asks a session everything; whether its newest state could be had.
fn ask(session: &Session) -> bool {
    let latest = session.get(&At::latest());
    let _ = session.log(&LogOptions::default());
    let _ = (session.branches(), session.audit(None));
    let _ = session.latest_valid(None, |_| true);
    let _ = (session.meta(&At::back(3)), session.meta(&At::Tag(label("t"))));
    let _ = session.meta(&At::Time { branch: None, time: crate::base::time::Timestamp(1) });
    latest.is_ok()
}

#[test]
fn a_session_over_a_changed_entry_answers_or_says_what_is_damaged() {
    let log = Arc::new(MemoryLog::default());
    let session = over(&log, StateSettings::default()).session("s").unwrap();
    let value = |n: usize| {
        json(&format!("{{\"n\":{n},\"list\":[1,2,{n}],\"text\":\"{}\"}}", "x".repeat(40)))
    };
    (0..4).for_each(|n| drop(session.put(&Put::automatic(value(n))).unwrap()));
    session.tag(&At::latest(), &label("t")).unwrap();
    session.branch(&label("idea"), &At::back(1), "why").unwrap();
    session.put(&Put::new(PutKind::Manual, What::Value(value(9)))).unwrap();
    let frames: Vec<_> = (0..log.count()).map(|at| log.payload(at)).collect();
    let number = |sample: &[u8]| Entry::decode(sample).unwrap().sequence as usize;
    // An entry is tried where it stood: its number is its fourth field, which mostly stays.
    let samples: Vec<_> = frames.iter().map(|frame| frame.to_vec()).collect();
    let mut turn = 0;
    let accepted = fuzz("session entry", &samples, (13, 150), |bytes| {
        let at = match Entry::decode(bytes) {
            Ok(entry) => {
                assert_eq!(entry.encode().unwrap(), bytes, "another encoding was accepted");
                (entry.sequence as usize).min(frames.len() - 1)
            }
            Err(_) => turn % frames.len(),
        };
        turn += 1;
        log.tamper(at, bytes.to_vec());
        let session = over(&log, StateSettings::default()).session("s").unwrap();
        let answered = ask(&session);
        log.tamper(at, frames[at].clone());
        answered
    });
    assert!(accepted > 10, "{accepted}");
    assert_eq!(number(&frames[3]), 3);
}

/// The file of a kept index, and the digest that ends it put right.
#[test]
fn a_changed_index_that_was_kept_is_not_believed_or_answers() {
    let folder = folder();
    let store = folder.path().join("store");
    {
        let sessions = Sessions::at(&store).unwrap();
        let session = sessions.session("s").unwrap();
        for step in 0..STATE_INDEX_KEEP_ENTRIES + 5 {
            session.put(&Put::automatic(json(&format!("{{\"step\":{step}}}")))).unwrap();
        }
        session.branch(&label("idea"), &At::back(5), "why").unwrap();
        session.tag(&At::back(9), &label("t")).unwrap();
        sessions.close().unwrap();
    }
    // It is kept by who reads so many entries.
    assert!(ask(&Sessions::at(&store).unwrap().session("s").unwrap()));
    let is_kept = |path: &Path| path.extension().is_some_and(|extension| extension == "session");
    let listed = std::fs::read_dir(store.join("journal")).unwrap();
    let path = listed.map(|entry| entry.unwrap().path()).find(|path| is_kept(path)).unwrap();
    let sample = std::fs::read(&path).unwrap();
    fuzz("kept index", &[sample], (4, 30), |bytes| {
        let seal = |bytes: &[u8]| codec::digest("session index", bytes).0;
        std::fs::write(&path, sealed(bytes, seal)).unwrap();
        ask(&Sessions::at(&store).unwrap().session("s").unwrap())
    });
}

#[test]
fn changed_measurements_are_passed_over() {
    let stream = super::super::log::stream_of("s");
    let measured = measure::Measure {
        fate: measure::Fate::Saved,
        kind: 1,
        stream,
        when: crate::base::time::Timestamp(7),
        micros: 40,
        fields: 2,
        bytes: 300,
        dropped: 0,
        process: 9,
    };
    let sample = [measured.encode(), measured.encode(), measured.encode()].concat();
    fuzz("measurements", &[sample], (0, 2_000), |bytes| {
        let found = measure::all(bytes);
        assert!(found.iter().all(|found| *found == measured), "nobody measured that");
        !found.is_empty()
    });
}
