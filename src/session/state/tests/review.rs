//! What a review found: scenarios in which a state was lost, or something untrue was said.

use super::*;
use crate::base::limits::STATE_BRANCHES_MAX;
use crate::document::Edit;
use crate::session::state::*;

/// In its patch a value stands two levels deeper than in its state.
#[test]
fn the_deepest_state_can_be_read_from_its_patch() {
    let log = Arc::new(MemoryLog::default());
    let session = over(&log, StateSettings::default()).session("s").unwrap();
    let large = format!("\"large\":\"{}\"", "x".repeat(4_000));
    session.put(&Put::manual(json(&format!("{{{large}}}")))).unwrap();
    let deep = format!("{{{large},\"deep\":{}{}}}", "[".repeat(127), "]".repeat(127));
    let answer = session.put(&Put::manual(json(&deep))).unwrap();
    assert!(matches!(answer.outcome, Outcome::Saved { body: BodyKind::Patch, .. }), "{answer:?}");
    let other = over(&log, StateSettings::default()).session("s").unwrap();
    assert_eq!(other.get(&At::latest()).unwrap().document.to_json(), json(&deep));
}

/// What others saved meanwhile is looked at before a put is refused.
#[test]
fn a_put_is_not_refused_for_what_its_handle_did_not_look_at() {
    let log = Arc::new(MemoryLog::default());
    let sessions = over(&log, StateSettings::default());
    let session = sessions.session("s").unwrap();
    session.put(&Put::manual(json(r#"{"a":1}"#))).unwrap();
    let other = over(&log, StateSettings::default()).session("s").unwrap();
    let newest = other.put(&Put::manual(json(r#"{"a":1,"list":[]}"#))).unwrap().id();
    let put = Put { expect: newest, ..Put::manual(json(r#"{"a":2,"list":[]}"#)) };
    let answer = session.put(&put).unwrap();
    assert_eq!(answer.others, 1);
    let newest = other.put(&Put::manual(json(r#"{"new":[]}"#))).unwrap().id();
    let edit = Edit::Append { pointer: "/new".parse().unwrap(), value: Json::from(1) };
    let edits = |base| What::Edits { base, edits: vec![edit.clone()] };
    // With that base, and with whatever is the newest.
    session.put(&Put::new(PutKind::Manual, edits(newest))).unwrap();
    other.put(&Put::manual(json(r#"{"new":[]}"#))).unwrap();
    session.put(&Put::new(PutKind::Manual, edits(None))).unwrap();
    let newest = other.put(&Put::manual(json(r#"{"a":3}"#))).unwrap().id();
    let put = Put { expect: newest, ..Put::manual(json(r#"{"a":4}"#)) };
    let answers = sessions.put_all(&[(session.clone(), put)]);
    assert!(answers[0].is_ok(), "{answers:?}");
    // What is refused still says who was quicker.
    let stale = Put { expect: newest, ..Put::manual(json("1")) };
    assert!(matches!(session.put(&stale), Err(StateError::Moved { .. })));
}

/// An entry that cannot be read may have moved the branch before that moment.
#[test]
fn the_state_of_a_moment_is_not_guessed_across_damage() {
    let log = Arc::new(MemoryLog::default());
    let session = over(&log, StateSettings::default()).session("s").unwrap();
    let mut times = Vec::new();
    for step in 0..4 {
        let id = session.put(&Put::manual(Json::from(step))).unwrap().id().unwrap();
        times.push(session.meta(&At::Id(id)).unwrap().when);
    }
    log.damage(2);
    let session = over(&log, StateSettings::default()).session("s").unwrap();
    let at = |time| session.meta(&At::Time { branch: None, time }).map(|meta| meta.sequence);
    assert_eq!(at(times[0]).unwrap(), 0, "entry 1 is later, and so is all behind it");
    let unknown = at(times[2]);
    assert!(matches!(unknown, Err(StateError::Damaged { sequence: 2, .. })), "{unknown:?}");
    assert_eq!(at(times[3]).unwrap(), 3);
}

/// A false number costs no memory.
#[test]
fn an_entry_far_ahead_of_its_place_is_damage() {
    let log = Arc::new(MemoryLog::default());
    let session = over(&log, StateSettings::default()).session("s").unwrap();
    for step in 0..2 {
        session.put(&Put::manual(Json::from(step))).unwrap();
    }
    let mut entry = wire::Entry::decode(&log.payload(1)).unwrap();
    entry.sequence = u64::from(u32::MAX);
    log.tamper(1, entry.encode().unwrap());
    let session = over(&log, StateSettings::default()).session("s").unwrap();
    let latest = session.get(&At::latest());
    assert!(matches!(latest, Err(StateError::Damaged { sequence: 1, .. })), "{latest:?}");
    let fault = session.audit(None).unwrap().fault.unwrap();
    assert_eq!(fault.sequence, 1, "{fault:?}");
}

/// Where an item goes or comes, others stand elsewhere: that counts, whatever stood there.
#[test]
fn a_list_that_grows_or_shrinks_at_an_ignored_position_counts() {
    let log = Arc::new(MemoryLog::default());
    let session = over(&log, ignoring(&["/items/0", "/log/*", "/n/7"])).session("s").unwrap();
    let first = r#"{"items":["a","b"],"log":[1,2],"n":{"7":1}}"#;
    session.put(&Put::manual(json(first))).unwrap();
    for (value, is_saved) in [
        (r#"{"items":["x","b"],"log":[1,2],"n":{"7":1}}"#, false),
        (r#"{"items":["x","b"],"log":[3],"n":{"7":2}}"#, false),
        (r#"{"items":["a","b"],"log":[],"n":{"7":1}}"#, false),
        (r#"{"items":["b"],"log":[1,2],"n":{"7":1}}"#, true),
        (r#"{"items":["a","b"],"log":[1,2],"n":{"7":1}}"#, true),
        (r#"{"items":["a"],"log":[1,2],"n":{"7":1}}"#, true),
        (r#"{"items":{"0":"a"},"log":[1,2],"n":{"7":1}}"#, true),
    ] {
        let answer = session.put(&Put { explain: true, ..Put::automatic(json(value)) }).unwrap();
        assert_eq!(answer.id().is_some(), is_saved, "{value}: {:?}", answer.explain);
    }
}

#[test]
fn a_tag_is_not_lost_with_a_put_that_changes_nothing() {
    let log = Arc::new(MemoryLog::default());
    let session = over(&log, StateSettings::default()).session("s").unwrap();
    session.put(&Put::manual(json("1"))).unwrap();
    let put = Put { tags: vec![label("keep")], ..Put::automatic(json("1")) };
    let id = session.put(&put).unwrap().id().unwrap();
    assert_eq!(session.meta(&At::Tag(label("keep"))).unwrap().id, id);
}

/// Branches are numbered in two bytes: what comes after the last number is refused, not mistaken.
#[test]
fn more_branches_than_a_session_has_numbers_for_are_refused() {
    let session =
        over(&Arc::new(MemoryLog::default()), StateSettings::default()).session("s").unwrap();
    let first = session.put(&Put::manual(json("1"))).unwrap().id().unwrap();
    let name = |n: usize| label(&format!("b{n}"));
    for n in 1..STATE_BRANCHES_MAX {
        session.branch(&name(n), &At::Id(first), "").unwrap();
    }
    let refused = session.branch(&label("more"), &At::Id(first), "");
    assert!(matches!(refused, Err(StateError::TooManyBranches { .. })), "{refused:?}");
    let refused = session.put(&Put::manual(json("2")).on(label("more")));
    assert!(matches!(refused, Err(StateError::TooManyBranches { .. })), "{refused:?}");
    let last = name(STATE_BRANCHES_MAX - 1);
    session.put(&Put::manual(json("3")).on(last.clone())).unwrap();
    assert_eq!(session.get(&At::branch(last)).unwrap().document.to_json(), json("3"));
    assert_eq!(session.get(&At::latest()).unwrap().id, first);
}

#[test]
fn a_group_takes_no_session_of_another_opening() {
    let log = Arc::new(MemoryLog::default());
    let [here, there] = [(); 2].map(|()| over(&log, StateSettings::default()));
    let puts = [
        (here.session("a").unwrap(), Put::manual(json("1"))),
        (there.session("b").unwrap(), Put::manual(json("2"))),
    ];
    let answers = here.put_all(&puts);
    assert!(answers[0].is_ok(), "{:?}", answers[0]);
    assert!(matches!(answers[1], Err(StateError::Elsewhere { .. })), "{:?}", answers[1]);
    assert!(there.existing("b").is_err());
}

#[test]
fn a_merge_of_what_is_there_already_still_demands_what_was_expected() {
    let session =
        over(&Arc::new(MemoryLog::default()), StateSettings::default()).session("s").unwrap();
    let first = session.put(&Put::manual(json(r#"{"a":1}"#))).unwrap().id();
    session.branch(&label("idea"), &At::latest(), "").unwrap();
    let second = session.put(&Put::manual(json(r#"{"a":2}"#))).unwrap().id();
    let merge = |expect| {
        let (into, favour, message) = (None, None, String::new());
        session.merge(&MergeOptions { from: label("idea"), into, favour, message, expect })
    };
    assert!(matches!(merge(second), Ok(Merged::UpToDate(_))));
    let refused = merge(first);
    assert!(matches!(refused, Err(StateError::Moved { .. })), "{refused:?}");
}
