//! Searching states.

use super::*;
use crate::session::state::*;

fn filled() -> Sessions {
    let sessions = over(&Arc::new(MemoryLog::default()), StateSettings::default());
    let put = |name: &str, put: &Put| {
        sessions.session(name).unwrap().put(put).unwrap();
    };
    put("a", &Put::manual(json(r#"{"plan":"Wash","n":1}"#)).because("first Draft"));
    let tagged = Put {
        tags: vec![label("good"), label("v1")],
        ..Put::manual(json(r#"{"plan":"Wash","n":2}"#))
    };
    put("a", &tagged);
    put("a", &Put::automatic(json(r#"{"plan":"Wash","n":2,"Größe":[true]}"#)));
    put("b", &Put::recovery(json(r#"{"plan":"dry the dishes"}"#)).on(label("idea")));
    let long = format!(r#"{{"plan":"{}"}}"#, "x".repeat(300));
    put("b", &Put { tags: vec![label("good")], ..Put::automatic(json(&long)) });
    sessions
}

fn found(sessions: &Sessions, query: &Query) -> Vec<(String, u64)> {
    let found = sessions.search(query).unwrap();
    found.into_iter().map(|meta| (meta.session, meta.sequence)).collect()
}

#[test]
fn each_condition_narrows() {
    let sessions = filled();
    let check = |query: Query, expected: &[(&str, u64)]| {
        let expected: Vec<_> =
            expected.iter().map(|(name, at)| ((*name).to_owned(), *at)).collect();
        assert_eq!(found(&sessions, &query), expected, "{query:?}");
    };
    let text = |text: &str| Query { text: Some(text.to_owned()), ..Query::default() };
    check(Query::default(), &[("b", 1), ("b", 0), ("a", 2), ("a", 1), ("a", 0)]);
    check(
        Query { sessions: vec!["a".into()], limit: 2, ..Query::default() },
        &[("a", 2), ("a", 1)],
    );
    check(Query { tags: vec![label("good")], ..Query::default() }, &[("b", 1), ("a", 1)]);
    check(Query { tags: vec![label("good"), label("v1")], ..Query::default() }, &[("a", 1)]);
    check(Query { branch: Some(label("idea")), ..Query::default() }, &[("b", 0)]);
    check(Query { kind: Some(PutKind::Recovery), ..Query::default() }, &[("b", 0)]);
    check(text("DRAFT"), &[("a", 0)]);
    check(text("grösse"), &[]);
    check(text("GRÖẞE"), &[("a", 2)]);
    check(text("wash"), &[("a", 0)]);
    check(text("/n"), &[("a", 1)]);
    check(text("dishes"), &[("b", 0)]);
    let sorted = |sort, is_ascending| Query { sort, is_ascending, limit: 1, ..Query::default() };
    check(sorted(Sort::Size, false), &[("b", 1)]);
    check(sorted(Sort::Size, true), &[("a", 0)]);
    check(sorted(Sort::Changes, false), &[("a", 0)]);
    check(sorted(Sort::Time, true), &[("a", 0)]);
    let all = sessions.search(&Query { is_ascending: true, ..Query::default() }).unwrap();
    let (from, until) = (Some(all[1].when), Some(all[3].when));
    check(Query { from, until, ..Query::default() }, &[("b", 0), ("a", 2), ("a", 1)]);
    let unknown = sessions.search(&Query { sessions: vec!["c".into()], ..Query::default() });
    assert!(matches!(unknown, Err(StateError::UnknownSession { .. })));
}
