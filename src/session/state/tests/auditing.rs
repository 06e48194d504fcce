//! The audit names the first entry that is not as it was written.

use super::*;
use crate::session::state::wire::{Act, Body, Content, Entry, digest};
use crate::session::state::*;

fn state(step: i64) -> Json {
    json(&format!(
        r#"{{"list":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20],"step":{step}}}"#
    ))
}

fn filled() -> (Arc<MemoryLog>, Session) {
    let log = Arc::new(MemoryLog::default());
    let session = over(&log, StateSettings::default()).session("s").unwrap();
    for step in 0..4 {
        session.put(&Put::manual(state(step)).because("why")).unwrap();
    }
    session.rollback(None, &At::back(1), "back").unwrap();
    session.tag(&At::latest(), &label("t")).unwrap();
    session.put(&Put::automatic(state(9))).unwrap();
    (log, session)
}

fn fault(session: &Session) -> Option<u64> {
    session.audit(None).unwrap().fault.map(|fault| fault.sequence)
}

/// Rewrites an entry, and all that follow so that the chain is whole again.
fn rewrite(log: &MemoryLog, from: usize, change: impl FnOnce(&mut Entry)) {
    let mut change = Some(change);
    let mut before = None;
    for number in from..log.count() {
        let mut entry = Entry::decode(&log.payload(number)).unwrap();
        if let Some(change) = change.take() {
            change(&mut entry);
        }
        if let Some(before) = before {
            entry.before = before;
        }
        let payload = entry.encode().unwrap();
        before = Some(digest(&payload));
        log.tamper(number, payload);
    }
}

#[test]
fn a_sound_session_has_no_fault_and_says_all() {
    let (log, session) = filled();
    let trail = session.audit(None).unwrap();
    assert_eq!(trail.fault, None);
    assert_eq!(trail.entries.len(), 7);
    assert_eq!(trail.newest, Some(digest(&log.payload(6))));
    let first = &trail.entries[0].entry;
    assert_eq!((first.who.as_str(), first.process), ("ann", std::process::id()));
    assert!(matches!(&first.event, LogEvent::Put(meta) if meta.message == "why"));
    assert!(matches!(&trail.entries[4].entry.event, LogEvent::Move { from: Some(_), .. }));
    for entry in &trail.entries {
        assert_eq!(session.audit(entry.digest).unwrap().fault, None);
    }
}

#[test]
fn each_way_to_tamper_is_named_by_its_entry() {
    let who = |entry: &mut Entry| entry.who = "eve".to_owned();
    let forged = |entry: &mut Entry| {
        let Act::Put(put) = &mut entry.act else { panic!("it is no state") };
        let patch = r#"[{"op":"replace","path":"/step","value":7}]"#;
        put.body = Body::Patch(Content::of(patch.to_owned()));
    };
    type Tamper<'a> = &'a dyn Fn(&MemoryLog);
    let cases: [(&str, u64, Tamper<'_>); 7] = [
        ("damaged", 3, &|log| log.damage(3)),
        ("removed", 2, &|log| log.remove(2)),
        ("the value changed, the chain whole", 2, &|log| rewrite(log, 2, forged)),
        ("who changed, the chain whole", 1, &|log| rewrite(log, 1, who)),
        ("an act rewritten alone shows in the next", 5, &|log| {
            let mut entry = Entry::decode(&log.payload(4)).unwrap();
            who(&mut entry);
            log.tamper(4, entry.encode().unwrap());
        }),
        ("two entries change places", 1, &|log| {
            let (a, b) = (log.payload(1), log.payload(2));
            log.tamper(1, b);
            log.tamper(2, a);
        }),
        ("no entry at all", 6, &|log| log.tamper(6, b"other".to_vec())),
    ];
    for (name, sequence, tamper) in cases {
        let (log, session) = filled();
        assert_eq!(fault(&session), None);
        tamper(&log);
        assert_eq!(fault(&session), Some(sequence), "{name}");
        let again = over(&log, StateSettings { verify: false, ..StateSettings::default() });
        assert_eq!(fault(&again.session("s").unwrap()), Some(sequence), "{name}, unchecked");
    }
}

#[test]
fn what_nothing_inside_can_show_the_expected_digest_shows() {
    let (log, session) = filled();
    let newest = session.audit(None).unwrap().newest;
    log.remove(6);
    let session_cut = over(&log, StateSettings::default()).session("s").unwrap();
    assert_eq!(fault(&session_cut), None);
    assert_eq!(session_cut.audit(newest).unwrap().fault.unwrap().sequence, 6);
    drop(session);
    // The last act rewritten, with nothing behind it.
    let (log, session) = filled();
    let newest = session.audit(None).unwrap().newest;
    log.remove(6);
    rewrite(&log, 5, |entry| entry.who = "eve".to_owned());
    assert_eq!(fault(&session), None);
    assert!(session.audit(newest).unwrap().fault.is_some());
}
