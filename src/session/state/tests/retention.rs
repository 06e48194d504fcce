//! Letting go of old states: what is kept can be read as before, what is gone is said to be, and an
//! audit tells it from tampering.

use std::sync::Arc;

use super::{json, label};
use crate::base::disk::RealDisk;
use crate::base::time::StepClock;
use crate::document::Json;
use crate::session::state::{
    At, LogOptions, Put, PutKind, Session, Sessions, StateError, StateFacts, StateSettings, What,
};
use crate::store::Store;
use crate::store::journal::Journal;

/// A value of some size that does not compress and is unlike that of any other number.
fn value(number: u64) -> Json {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = String::new();
    while text.len() < 400_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.push_str(&format!("{state:016x}"));
    }
    json(&format!("{{\"number\": {number}, \"text\": \"{text}\"}}"))
}

fn fresh() -> (tempfile::TempDir, Store) {
    let home = tempfile::tempdir().unwrap();
    let store = Store::create(&home.path().join("exp"), Arc::new(RealDisk), "").unwrap();
    (home, store)
}

fn open(store: &Store) -> (Sessions, Journal) {
    let again = Store::open(store.root(), store.disk().clone()).unwrap();
    let journal = Journal::open(&again).unwrap();
    let clock = Arc::new(StepClock::default());
    (Sessions::open(Arc::new(again), "ann", clock, StateSettings::default()).unwrap(), journal)
}

fn put(session: &Session, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let put = Put::new(PutKind::Automatic, What::Value(value(number)));
        session.put(&put).unwrap();
    }
}

fn number_of(session: &Session, at: &At) -> Result<u64, StateError> {
    let found = session.get(at)?.document.to_json();
    let Json::Map(fields) = found else { panic!("a map") };
    let Json::Number(number) = &fields["number"] else { panic!("a number") };
    Ok(number.as_str().parse().unwrap())
}

/// Keeps the newest ones, the tagged ones, and the heads.
fn newest(count: usize) -> impl Fn(&str, &[StateFacts]) -> Vec<bool> {
    move |_, facts| {
        let stays = |(at, one): (usize, &StateFacts)| {
            at + count >= facts.len() || one.is_tagged || one.is_head
        };
        facts.iter().enumerate().map(stays).collect()
    }
}

#[test]
fn what_is_kept_can_be_read_and_what_is_gone_is_said_to_be() {
    let (_folder, store) = fresh();
    let (sessions, journal) = open(&store);
    let session = sessions.session("run").unwrap();
    put(&session, 0..50);
    sessions.sync().unwrap();
    let before = journal.statistics().unwrap().bytes;
    let plan = sessions.let_go(&journal, &newest(10), true).unwrap();
    assert_eq!(journal.statistics().unwrap().bytes, before);
    let done = sessions.let_go(&journal, &newest(10), false).unwrap();
    assert!(done.segments >= 1 && done.states > 10, "{done:?}");
    assert_eq!((plan.segments, plan.states), (done.segments, done.states));
    assert_eq!(journal.statistics().unwrap().bytes, before - done.bytes);
    // In another process, with and without the index that this one has kept.
    let (sessions, _) = open(&store);
    let session = sessions.existing("run").unwrap();
    for back in 0..10 {
        assert_eq!(number_of(&session, &At::back(back)).unwrap(), 49 - back);
    }
    let error = number_of(&session, &At::back(49)).unwrap_err();
    assert!(error.to_string().contains("retention let go of it"), "{error}");
    let log = session.log(&LogOptions::default()).unwrap();
    assert_eq!(log.len() as u64, 50 - done.states);
    let audit = session.audit(None).unwrap();
    assert_eq!((audit.fault, audit.let_go), (None, done.states));
    let check = store.check(&|_| {}).unwrap();
    assert_eq!(check.problems, vec![]);
    // The session goes on, and its numbers with it.
    put(&session, 50..51);
    assert_eq!(session.meta(&At::latest()).unwrap().sequence, 50);
    assert_eq!(number_of(&open(&store).0.existing("run").unwrap(), &At::latest()).unwrap(), 50);
}

#[test]
fn a_tagged_state_stays_with_all_that_it_stands_on() {
    let (_folder, store) = fresh();
    let (sessions, journal) = open(&store);
    let session = sessions.session("run").unwrap();
    put(&session, 0..5);
    // A patch of the one before.
    let edit =
        crate::document::Edit::Set { pointer: "/number".parse().unwrap(), value: json("1000") };
    let edits = What::Edits { edits: vec![edit], base: None };
    session.put(&Put::new(PutKind::Automatic, edits)).unwrap();
    session.tag(&At::latest(), &label("kept")).unwrap();
    put(&session, 5..60);
    let done = sessions.let_go(&journal, &newest(2), false).unwrap();
    assert!(done.segments >= 1, "{done:?}");
    let (sessions, _) = open(&store);
    let session = sessions.existing("run").unwrap();
    assert_eq!(number_of(&session, &At::Tag(label("kept"))).unwrap(), 1000);
    assert_eq!(number_of(&session, &At::latest()).unwrap(), 59);
    assert_eq!(session.audit(None).unwrap().fault, None);
}

#[test]
fn a_session_of_which_nothing_is_kept_goes_and_may_come_again() {
    let (_folder, store) = fresh();
    let (sessions, journal) = open(&store);
    let (old, young) = (sessions.session("old").unwrap(), sessions.session("young").unwrap());
    put(&old, 0..30);
    put(&young, 0..30);
    let keep_young = |name: &str, facts: &[StateFacts]| vec![name == "young"; facts.len()];
    assert!(sessions.let_go(&journal, &keep_young, false).unwrap().segments >= 1);
    let (others, _) = open(&store);
    let left = others.list().unwrap().into_iter().map(|facts| facts.name).collect::<Vec<_>>();
    // What shares a segment with the other session may be there still.
    assert!(left.contains(&"young".to_owned()));
    assert_eq!(number_of(&others.existing("young").unwrap(), &At::latest()).unwrap(), 29);
    for back in 0..30 {
        number_of(&others.existing("young").unwrap(), &At::back(back)).unwrap();
    }
    // A process that had it open, and knows no better, goes on all the same.
    put(&old, 30..31);
    assert_eq!(number_of(&old, &At::latest()).unwrap(), 30);
    assert_eq!(number_of(&open(&store).0.existing("old").unwrap(), &At::latest()).unwrap(), 30);
}
