//! Putting, getting, going back.

use super::*;
use crate::base::time::Timestamp;
use crate::document::Edit;
use crate::session::state::*;

fn state(step: i64) -> Json {
    let fields = (0..40).map(|at| (format!("field {at}"), Json::from(at)));
    fields.chain([("step".to_owned(), Json::from(step))]).collect()
}

fn saved(answer: &Answer) -> (BodyKind, u64) {
    match answer.outcome {
        Outcome::Saved { body, bytes, .. } => (body, bytes),
        Outcome::Skipped { .. } => panic!("it was skipped: {answer:?}"),
    }
}

#[test]
fn what_is_put_is_found_by_every_way() {
    let log = Arc::new(MemoryLog::default());
    let sessions = over(&log, StateSettings::default());
    let session = sessions.session("plan of ann").unwrap();
    let mut ids = Vec::new();
    for step in 0..5 {
        let put = Put::automatic(state(step)).because(format!("step {step}"));
        ids.push(session.put(&put).unwrap().id().unwrap());
    }
    // Another process reads it from the journal.
    let other = over(&log, StateSettings::default());
    for session in [session, other.existing("plan of ann").unwrap()] {
        let found = session.get(&At::latest()).unwrap();
        assert_eq!((found.id, found.document.to_json()), (ids[4], state(4)));
        assert_eq!(found.meta.message, "step 4");
        assert_eq!(found.meta.parents, [ids[3]]);
        assert_eq!(found.meta.process, std::process::id());
        assert_eq!(session.get(&At::back(3)).unwrap().document.to_json(), state(1));
        assert_eq!(session.get(&At::Id(ids[2])).unwrap().document.to_json(), state(2));
        let prefix = At::Prefix(ids[3].hex()[..20].to_owned());
        assert_eq!(session.get(&prefix).unwrap().id, ids[3]);
        let when = session.meta(&At::Id(ids[1])).unwrap().when;
        for (nanos, id) in [(0, ids[1]), (1, ids[1]), (-1, ids[0])] {
            let at = At::Time { branch: None, time: Timestamp(when.0 + nanos) };
            assert_eq!(session.get(&at).unwrap().id, id, "{nanos}");
        }
        assert!(matches!(session.get(&At::back(5)), Err(StateError::UnknownState { .. })));
        let ambiguous = session.get(&At::Prefix(String::new()));
        assert!(matches!(ambiguous, Err(StateError::UnknownState { .. })), "{ambiguous:?}");
        let early = At::Time { branch: None, time: Timestamp(-1) };
        assert!(matches!(session.get(&early), Err(StateError::UnknownState { .. })));
    }
}

#[test]
fn a_step_costs_its_change_and_every_65th_is_whole() {
    let log = Arc::new(MemoryLog::default());
    let session = over(&log, StateSettings::default()).session("s").unwrap();
    let bodies: Vec<_> =
        (0..131).map(|step| saved(&session.put(&Put::automatic(state(step))).unwrap()).0).collect();
    for (at, body) in bodies.iter().enumerate() {
        let expected = if at % 65 == 0 { BodyKind::Whole } else { BodyKind::Patch };
        assert_eq!(*body, expected, "{at}");
    }
    let (_, bytes) = saved(&session.put(&Put::automatic(state(200))).unwrap());
    assert!(bytes < 500, "{bytes}");
    let session = over(&log, StateSettings::default()).session("s").unwrap();
    for step in (0..131).rev() {
        let found = session.get(&At::back(131 - step)).unwrap();
        assert_eq!(found.document.to_json(), state(step as i64));
        let whole = state(step as i64).compact().len() as u64;
        assert!(found.meta.bytes.abs_diff(whole) < 8, "{} {whole}", found.meta.bytes);
    }
    // A change of most of it is put as a whole.
    let other: Json = (0..40).map(|at| (format!("field {at}"), Json::from("other"))).collect();
    assert_eq!(saved(&session.put(&Put::automatic(other)).unwrap()).0, BodyKind::Whole);
}

#[test]
fn only_automatic_puts_without_a_change_that_counts_are_skipped() {
    let log = Arc::new(MemoryLog::default());
    let settings = ignoring(&["/updated_at", "/meta/*/seen", "/**/counter"]);
    let session = over(&log, settings).session("s").unwrap();
    let skipped = |session: &Session, text: &str| {
        let answer = session.put(&Put { explain: true, ..Put::automatic(json(text)) }).unwrap();
        match answer.outcome {
            Outcome::Saved { .. } => None,
            Outcome::Skipped { reason, .. } => Some((reason, answer.explain)),
        }
    };
    let first = r#"{"updated_at":1,"meta":{"a":{"seen":1,"x":1}},"deep":{"counter":1}}"#;
    assert_eq!(skipped(&session, first), None);
    let (reason, explain) = skipped(&session, first).unwrap();
    assert_eq!(reason, SkipReason::Same);
    assert_eq!(explain, ["nothing changed", "skipped: nothing changed since the last saved state"]);
    let recovery = Put { explain: true, ..Put::recovery(json(first)) };
    assert_eq!(
        session.put(&recovery).unwrap().explain,
        ["nothing changed", "nothing counts, but a recovery one is never skipped", "saved as same"]
    );
    let noise = r#"{"updated_at":2,"meta":{"a":{"seen":2,"x":1}},"deep":{"counter":9}}"#;
    let (reason, explain) = skipped(&session, noise).unwrap();
    assert_eq!(reason, SkipReason::OnlyIgnored);
    assert_eq!(
        explain,
        [
            "replace /deep/counter (ignored)",
            "replace /meta/a/seen (ignored)",
            "replace /updated_at (ignored)",
            "skipped: only ignored places changed since the last saved state"
        ]
    );
    assert_eq!(session.get(&At::latest()).unwrap().document.to_json(), json(first));
    let counts = r#"{"updated_at":3,"meta":{"a":{"seen":3,"x":2}},"deep":{"counter":9}}"#;
    assert_eq!(skipped(&session, counts), None, "with what counts all of it is saved");
    assert_eq!(session.get(&At::latest()).unwrap().document.to_json(), json(counts));
    for put in [Put::manual(json(counts)), Put::recovery(json(counts))] {
        assert_eq!(saved(&session.put(&put).unwrap()).0, BodyKind::Same);
    }
    assert_eq!(session.get(&At::latest()).unwrap().document.to_json(), json(counts));
    assert_eq!(log.count(), 5);
}

#[test]
fn on_the_plain_path_each_put_is_whole() {
    let log = Arc::new(MemoryLog::default());
    let settings = StateSettings { quick: false, ..ignoring(&["/step"]) };
    let session = over(&log, settings).session("s").unwrap();
    for step in [1, 1, 2] {
        assert_eq!(saved(&session.put(&Put::automatic(state(step))).unwrap()).0, BodyKind::Whole);
    }
    assert_eq!(session.get(&At::back(1)).unwrap().document.to_json(), state(1));
    // What one path wrote the other reads and goes on from.
    let session = over(&log, StateSettings::default()).session("s").unwrap();
    assert_eq!(saved(&session.put(&Put::automatic(state(3))).unwrap()).0, BodyKind::Patch);
}

#[test]
fn edits_and_patches_change_the_last_state_or_nothing() {
    let log = Arc::new(MemoryLog::default());
    let session = over(&log, StateSettings::default()).session("s").unwrap();
    let set = |pointer: &str, value: i64| Edit::Set {
        pointer: pointer.parse().unwrap(),
        value: Json::from(value),
    };
    let edits = |base, edits| Put::new(PutKind::Automatic, What::Edits { base, edits });
    let first = session.put(&edits(None, vec![set("/a", 1)])).unwrap().id().unwrap();
    let second = session.put(&edits(Some(first), vec![set("/b", 2)])).unwrap().id().unwrap();
    assert_eq!(session.get(&At::latest()).unwrap().document.to_json(), json(r#"{"a":1,"b":2}"#));
    let stale = session.put(&edits(Some(first), vec![set("/c", 3)]));
    assert!(
        matches!(&stale, Err(StateError::Moved { found, process, who, .. })
            if *found == Some(second) && *process == std::process::id() && who == "ann"),
        "{stale:?}"
    );
    let unfit = session.put(&edits(None, vec![set("/c", 3), set("/x/y", 4)]));
    assert!(matches!(unfit, Err(StateError::Document(_))), "{unfit:?}");
    let patch = crate::document::Patch::parse(br#"[{"op":"remove","path":"/z"}]"#).unwrap();
    let unfit = session.put(&Put::new(PutKind::Manual, What::Patch { base: None, patch }));
    assert!(unfit.is_err(), "{unfit:?}");
    assert_eq!(log.count(), 2);
    let patch = crate::document::Patch::parse(br#"[{"op":"remove","path":"/a"}]"#).unwrap();
    session.put(&Put::new(PutKind::Manual, What::Patch { base: Some(second), patch })).unwrap();
    assert_eq!(session.get(&At::latest()).unwrap().document.to_json(), json(r#"{"b":2}"#));
}

#[test]
fn rollback_branch_tag_and_mark_are_entries_that_undo_nothing() {
    let log = Arc::new(MemoryLog::default());
    let session = over(&log, StateSettings::default()).session("s").unwrap();
    let ids: Vec<_> =
        (0..4).map(|step| session.put(&Put::manual(state(step))).unwrap().id().unwrap()).collect();
    let moved = session.rollback(None, &At::back(2), "it went wrong").unwrap();
    assert_eq!((moved.from, moved.to), (Some(ids[3]), ids[1]));
    assert_eq!(session.get(&At::latest()).unwrap().id, ids[1]);
    assert_eq!(session.get(&At::Id(ids[3])).unwrap().document.to_json(), state(3));
    let again = session.put(&Put::automatic(state(9))).unwrap().id().unwrap();
    assert_eq!(session.meta(&At::latest()).unwrap().parents, [ids[1]]);

    session.branch(&label("idea"), &At::Id(ids[2]), "another way").unwrap();
    let exists = session.branch(&label("idea"), &At::latest(), "");
    assert!(matches!(exists, Err(StateError::BranchExists { .. })));
    session.put(&Put::automatic(state(7)).on(label("idea"))).unwrap();
    assert_eq!(session.get(&At::latest()).unwrap().id, again);
    let near = session.get(&At::branch(label("ideas")));
    assert!(matches!(near, Err(StateError::UnknownBranch { near, .. }) if near == ["idea"]));

    session.tag(&At::Id(ids[0]), &label("start")).unwrap();
    session.tag(&At::Id(ids[2]), &label("start")).unwrap();
    assert_eq!(session.get(&At::Tag(label("start"))).unwrap().id, ids[2]);
    let before = log.count();
    session.tag(&At::Id(ids[2]), &label("start")).unwrap();
    assert_eq!(log.count(), before, "it had it");
    session.untag(&At::Id(ids[2]), &label("start")).unwrap();
    assert_eq!(session.get(&At::Tag(label("start"))).unwrap().id, ids[0]);
    assert_eq!(session.meta(&At::Id(ids[0])).unwrap().tags, [label("start")]);

    session.mark(&At::latest(), false, "tests fail").unwrap();
    let branch = None;
    assert_eq!(session.get(&At::Valid { branch }).unwrap().id, ids[1]);
    let small = |document: &crate::document::Document| document.to_json() == state(0);
    assert_eq!(session.latest_valid(None, small).unwrap().id, ids[0]);
    session.mark(&At::latest(), true, "they pass").unwrap();
    assert_eq!(session.get(&At::Valid { branch: None }).unwrap().id, again);

    let check = |session: &Session| {
        let words: Vec<_> = session.log(&LogOptions::default()).unwrap();
        let words: Vec<_> = words.iter().map(|entry| word(&entry.event)).collect();
        assert_eq!(words.len(), log.count());
        assert_eq!(words[..2], ["mark", "mark"]);
        assert!(words.contains(&"move main from old".to_owned()), "{words:?}");
        assert!(words.contains(&"move idea".to_owned()), "{words:?}");
        let main = LogOptions { branch: Some(label("main")), limit: 2 };
        let main: Vec<_> = session.log(&main).unwrap();
        assert_eq!(main.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [5, 1]);
        let branches = session.branches().unwrap();
        assert_eq!(branches.iter().map(|b| b.name.as_str()).collect::<Vec<_>>(), ["idea", "main"]);
        assert_eq!(branches[1].head, again);
        let patch = session.diff(&At::Id(ids[0]), &At::Id(ids[3])).unwrap();
        assert_eq!(patch.compact(), r#"[{"op":"replace","path":"/step","value":3}]"#);
    };
    check(&session);
    check(&over(&log, StateSettings::default()).session("s").unwrap());
}

fn word(event: &LogEvent) -> String {
    match event {
        LogEvent::Put(_) => "put".to_owned(),
        LogEvent::Move { branch, from: None, .. } => format!("move {branch}"),
        LogEvent::Move { branch, .. } => format!("move {branch} from old"),
        LogEvent::Tag { .. } => "tag".to_owned(),
        LogEvent::Mark { .. } => "mark".to_owned(),
        LogEvent::LetGo { .. } => "let go".to_owned(),
        LogEvent::Damaged { what } => what.clone(),
    }
}

#[test]
fn names_are_checked_and_unknown_sessions_have_near_ones() {
    let log = Arc::new(MemoryLog::default());
    let sessions = over(&log, StateSettings::default());
    let long = "x".repeat(201);
    for bad in ["", "a\nb", "\u{7f}", long.as_str()] {
        assert!(matches!(sessions.session(bad), Err(StateError::BadName { .. })), "{bad:?}");
    }
    sessions.session("planner").unwrap().put(&Put::manual(state(0))).unwrap();
    sessions.session("größe ✓").unwrap().put(&Put::manual(state(0))).unwrap();
    let unknown = sessions.existing("planer");
    assert!(
        matches!(&unknown, Err(StateError::UnknownSession { near, .. }) if near == &["planner"]),
        "{unknown:?}"
    );
    let names: Vec<_> = sessions.list().unwrap().into_iter().map(|facts| facts.name).collect();
    assert_eq!(names, ["größe ✓", "planner"]);
}

#[test]
fn a_library_user_needs_nothing_but_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let sessions = Sessions::at(&store).unwrap();
    let session = sessions.session("s").unwrap();
    let id = session.put(&Put::manual(state(1))).unwrap().id().unwrap();
    session.put(&Put::automatic(state(2))).unwrap();
    session.put(&Put::automatic(state(2))).unwrap();
    // Two openings of one store see each other's states, as two processes do.
    let others = Sessions::at(&store).unwrap();
    let other = others.session("s").unwrap();
    assert_eq!(other.get(&At::Id(id)).unwrap().document.to_json(), state(1));
    other.put(&Put::automatic(state(3))).unwrap();
    let answer = session.put(&Put::automatic(state(4))).unwrap();
    assert_eq!(answer.others, 1);
    assert_eq!(session.get(&At::back(1)).unwrap().document.to_json(), state(3));
    sessions.close().unwrap();
    let closed = session.put(&Put::automatic(state(5)));
    assert!(matches!(closed, Err(StateError::Closed)));
    let statistics = others.statistics("s");
    assert_eq!((statistics.puts, statistics.saved, statistics.skipped), (4, 3, 1));
    assert!(statistics.bytes > 0 && statistics.duration.max >= statistics.duration.p50);
}
