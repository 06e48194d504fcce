//! Bringing branches together.

use super::*;
use crate::session::state::*;

fn session() -> Session {
    over(&Arc::new(MemoryLog::default()), StateSettings::default()).session("s").unwrap()
}

fn put(session: &Session, branch: &str, text: &str) -> crate::base::id::SnapshotId {
    session.put(&Put::manual(json(text)).on(label(branch))).unwrap().id().unwrap()
}

fn into_main(favour: Option<Favour>) -> MergeOptions {
    MergeOptions {
        from: label("idea"),
        into: None,
        favour,
        message: "it works".into(),
        expect: None,
    }
}

fn saved(merged: Merged) -> Answer {
    match merged {
        Merged::Saved(answer) => answer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_two_branches_changed_comes_together() {
    let session = session();
    let base = put(&session, "main", r#"{"a":1,"b":1,"list":[{"id":1,"x":1},{"id":2,"x":1}]}"#);
    session.branch(&label("idea"), &At::latest(), "").unwrap();
    let ours = put(&session, "main", r#"{"a":2,"b":1,"list":[{"id":1,"x":2},{"id":2,"x":1}]}"#);
    put(&session, "idea", r#"{"a":1,"b":1,"list":[{"id":2,"x":1},{"id":1,"x":1}]}"#);
    let theirs = put(&session, "idea", r#"{"a":1,"b":2,"list":[{"id":2,"x":3},{"id":1,"x":1}]}"#);
    let answer = saved(session.merge(&into_main(None)).unwrap());
    assert!(matches!(answer.outcome, Outcome::Saved { .. }));
    let found = session.get(&At::latest()).unwrap();
    let expected = r#"{"a":2,"b":2,"list":[{"id":2,"x":3},{"id":1,"x":2}]}"#;
    assert_eq!(found.document.to_json(), json(expected));
    assert_eq!(found.meta.parents, [ours, theirs]);
    assert_eq!(found.meta.message, "it works");
    // Again there is nothing to do; and the base is what was merged last.
    let again = session.merge(&into_main(None)).unwrap();
    assert!(matches!(again, Merged::UpToDate(id) if id == found.id), "{again:?}");
    put(&session, "idea", r#"{"a":1,"b":3,"list":[]}"#);
    let merged = session.merge(&into_main(None)).unwrap();
    let Merged::Conflicts { base: common, conflicts } = merged else { panic!("{merged:?}") };
    assert_eq!(common, Some(theirs));
    assert!(conflicts.iter().all(|c| c.pointer.to_string().starts_with("/list")), "{conflicts:?}");
    assert_ne!(common, Some(base));
}

#[test]
fn a_conflict_is_a_value_and_a_side_can_be_favoured() {
    for (favour, a, list) in [(Favour::Ours, 2, "[1,2,7]"), (Favour::Theirs, 3, "[1,9,3]")] {
        let session = session();
        put(&session, "main", r#"{"a":1,"b":1,"gone":1,"list":[1,2,3]}"#);
        session.branch(&label("idea"), &At::latest(), "").unwrap();
        let ours = put(&session, "main", r#"{"a":2,"b":2,"list":[1,2,7]}"#);
        put(&session, "idea", r#"{"a":3,"b":1,"c":1,"gone":2,"list":[1,9,3],"list2":[]}"#);
        let merged = session.merge(&into_main(None)).unwrap();
        let Merged::Conflicts { conflicts, .. } = merged else { panic!("{merged:?}") };
        assert!(conflicts.iter().any(|c| c.pointer.to_string() == "/a"), "{conflicts:?}");
        assert_eq!(session.get(&At::latest()).unwrap().id, ours, "nothing was saved");
        saved(session.merge(&into_main(Some(favour))).unwrap());
        let found = session.get(&At::latest()).unwrap().document.to_json();
        let gone = if favour == Favour::Ours { "" } else { r#""gone":2,"# };
        let both = if conflicts.iter().any(|c| c.pointer.to_string().starts_with("/list")) {
            list
        } else {
            "[1,9,7]"
        };
        let expected = format!(r#"{{"a":{a},"b":2,"c":1,{gone}"list":{both},"list2":[]}}"#);
        assert_eq!(found, json(&expected), "{favour:?}");
    }
}

#[test]
fn branches_without_a_common_state_are_merged_from_nothing() {
    let session = session();
    put(&session, "main", r#"{"a":1}"#);
    put(&session, "idea", r#"{"b":1}"#);
    saved(session.merge(&into_main(None)).unwrap());
    let found = session.get(&At::latest()).unwrap();
    assert_eq!(found.document.to_json(), json(r#"{"a":1,"b":1}"#));
    let wrong = MergeOptions { expect: Some(found.meta.parents[1]), ..into_main(None) };
    put(&session, "idea", r#"{"b":2}"#);
    let moved = session.merge(&wrong);
    assert!(matches!(moved, Err(StateError::Moved { .. })), "{moved:?}");
}
