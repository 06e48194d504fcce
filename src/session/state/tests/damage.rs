//! What cannot be read is named, passed over only where that was asked for, and never handed out.

use super::*;
use crate::session::state::wire::{Act, Entry};
use crate::session::state::*;

fn state(step: i64) -> Json {
    let fields = (0..40).map(|at| (format!("field {at}"), Json::from(at)));
    fields.chain([("step".to_owned(), Json::from(step))]).collect()
}

fn filled(count: i64) -> (Arc<MemoryLog>, Session) {
    let log = Arc::new(MemoryLog::default());
    let session = over(&log, StateSettings::default()).session("s").unwrap();
    for step in 0..count {
        session.put(&Put::automatic(state(step))).unwrap();
    }
    let session = over(&log, StateSettings::default()).session("s").unwrap();
    (log, session)
}

/// Changes an entry as one would who can reckon the journal's digests.
fn forge(log: &MemoryLog, number: usize, change: impl FnOnce(&mut Entry)) {
    let mut entry = Entry::decode(&log.payload(number)).unwrap();
    change(&mut entry);
    log.tamper(number, entry.encode().unwrap());
}

#[test]
fn a_last_state_that_cannot_be_read_makes_the_next_one_whole_and_that_is_said() {
    let (log, session) = filled(5);
    log.damage(4);
    let lost = session.get(&At::latest());
    assert!(matches!(lost, Err(StateError::Damaged { sequence: 4, .. })), "{lost:?}");
    let valid = session.get(&At::Valid { branch: None }).unwrap();
    assert_eq!(valid.document.to_json(), state(3));
    // Edits have nothing to stand on.
    let edits = What::Edits { base: None, edits: Vec::new() };
    let refused = session.put(&Put::new(PutKind::Manual, edits));
    assert!(matches!(refused, Err(StateError::Damaged { sequence: 4, .. })), "{refused:?}");
    let answer = session.put(&Put::automatic(state(3))).unwrap();
    let fallback = answer.fallback.clone().unwrap();
    assert!(fallback.contains("entry 4 of session `s` is damaged"), "{fallback}");
    assert!(matches!(answer.outcome, Outcome::Saved { body: BodyKind::Whole, sequence: 5, .. }));
    assert_eq!(session.get(&At::latest()).unwrap().document.to_json(), state(3));
    // From there on all is as usual, for others, too.
    let session = over(&log, StateSettings::default()).session("s").unwrap();
    let answer = session.put(&Put::automatic(state(6))).unwrap();
    assert_eq!(answer.fallback, None);
    assert!(matches!(answer.outcome, Outcome::Saved { body: BodyKind::Patch, .. }));
    let words: Vec<_> = session.log(&LogOptions::default()).unwrap();
    assert!(matches!(words[2].event, LogEvent::Damaged { .. }), "{:?}", words[2]);
}

#[test]
fn a_damaged_state_takes_only_those_that_stand_on_it() {
    let (log, session) = filled(70);
    let ids: Vec<_> = (0..70).map(|step| session.meta(&At::back(69 - step)).unwrap().id).collect();
    log.damage(66);
    let session = over(&log, StateSettings::default()).session("s").unwrap();
    for (step, id) in ids.iter().enumerate() {
        match session.get(&At::Id(*id)) {
            Ok(found) => assert_eq!(found.document.to_json(), state(step as i64)),
            // The entry that cannot be read does not tell its id any more.
            Err(StateError::Uncertain { sequence, .. }) => assert_eq!((step, sequence), (66, 66)),
            Err(StateError::Damaged { sequence, .. }) => {
                assert!((67..70).contains(&step) && sequence == 66, "{step} {sequence}");
            }
            Err(error) => panic!("{step}: {error}"),
        }
    }
    let across = session.get(&At::back(20));
    assert!(matches!(across, Err(StateError::Damaged { sequence: 66, .. })), "{across:?}");
    assert_eq!(session.get(&At::Valid { branch: None }).unwrap().id, ids[65]);
    let answer = session.put(&Put::automatic(state(70))).unwrap();
    assert!(answer.fallback.is_some_and(|why| why.contains("entry 66")));
    assert!(session.get(&At::latest()).is_ok());
}

#[test]
fn what_was_forged_has_another_id() {
    let put = |entry: &mut Entry, change: &dyn Fn(&mut super::super::wire::PutAct)| match &mut entry
        .act
    {
        Act::Put(put) => change(put),
        _ => panic!("it is no state"),
    };
    let patch = br#"[{"op":"replace","path":"/step","value":9}]"#.to_vec();
    let other = wire::Content::of(String::from_utf8(patch).unwrap());
    let changes: [&dyn Fn(&mut Entry); 5] = [
        &|entry| entry.who = "eve".to_owned(),
        &|entry| entry.when.0 += 1,
        &|entry| put(entry, &|put| put.message = "other".to_owned()),
        &|entry| put(entry, &|put| put.kind = PutKind::Manual),
        &|entry| put(entry, &|put| put.body = wire::Body::Patch(other.clone())),
    ];
    for (at, change) in changes.iter().enumerate() {
        let (log, session) = filled(3);
        forge(&log, 2, change);
        let read = session.get(&At::latest());
        assert!(matches!(read, Err(StateError::Damaged { sequence: 2, .. })), "{at}: {read:?}");
        assert_eq!(session.get(&At::back(1)).unwrap().document.to_json(), state(1));
    }
    // Without checking values, only the circumstances are.
    let (log, _) = filled(3);
    forge(&log, 2, changes[4]);
    let settings = StateSettings { verify: false, ..StateSettings::default() };
    let session = over(&log, settings).session("s").unwrap();
    assert_eq!(session.get(&At::latest()).unwrap().document.to_json(), state(9));
}

#[test]
fn entries_that_are_missing_or_of_others_keep_the_numbers_of_the_rest() {
    let (log, _) = filled(6);
    log.remove(2);
    forge(&log, 4, |entry| entry.session = "other".to_owned());
    let session = over(&log, StateSettings::default()).session("s").unwrap();
    assert_eq!(session.get(&At::latest()).map(|found| found.meta.sequence).ok(), None);
    let kinds: Vec<_> = session.log(&LogOptions::default()).unwrap();
    let damaged: Vec<_> = kinds
        .iter()
        .filter(|entry| matches!(entry.event, LogEvent::Damaged { .. }))
        .map(|entry| entry.sequence)
        .collect();
    assert_eq!(damaged, [4, 2]);
    assert_eq!(session.get(&At::Valid { branch: None }).unwrap().document.to_json(), state(1));
    let answer = session.put(&Put::automatic(state(9))).unwrap();
    assert!(matches!(answer.outcome, Outcome::Saved { sequence: 6, body: BodyKind::Whole, .. }));
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let (log, session) = filled(2);
    let mut payload = log.payload(1);
    payload[3] = 9;
    log.tamper(1, payload);
    let session = over(&log, StateSettings::default()).session(session.name()).unwrap();
    let refused = session.put(&Put::automatic(state(5))).unwrap_err().to_string();
    assert!(refused.contains("format version 9"), "{refused}");
    assert_eq!(log.count(), 2);
}

/// With the real journal: bytes of its file are changed, so that the last state is a patch of one
/// that cannot be read.
#[test]
fn a_damaged_journal_is_noticed_and_gone_on_from() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    {
        let sessions = Sessions::at(&store).unwrap();
        let session = sessions.session("s").unwrap();
        for step in 0..5 {
            let message = format!("step number {step}");
            session.put(&Put::manual(state(step)).because(message)).unwrap();
        }
    }
    let segments = std::fs::read_dir(store.join("journal")).unwrap();
    let mut changed = 0;
    for segment in segments.map(|entry| entry.unwrap().path()) {
        let mut bytes = std::fs::read(&segment).unwrap();
        let wanted = b"step number 3";
        if let Some(at) = bytes.windows(wanted.len()).position(|window| window == wanted) {
            bytes[at] ^= 1;
            std::fs::write(&segment, bytes).unwrap();
            changed += 1;
        }
    }
    assert_eq!(changed, 1);
    let sessions = Sessions::at(&store).unwrap();
    let session = sessions.session("s").unwrap();
    let answer = session.put(&Put::manual(state(3))).unwrap();
    assert_eq!(session.get(&At::latest()).unwrap().document.to_json(), state(3));
    assert!(answer.fallback.is_some_and(|why| why.contains("entry 3")));
    let words: Vec<_> = session.log(&LogOptions::default()).unwrap();
    assert!(matches!(words[2].event, LogEvent::Damaged { .. }), "{:?}", words[2]);
}
