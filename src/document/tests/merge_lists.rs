//! Merging lists: by identity, by position, and what is a conflict.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::model::{json, value};
use super::patch_laws::{components, plain_list};
use crate::document::{DocumentConflict, Json, ListKeys, build, merge, read};
use crate::object::memory::MemoryObjects;

/// The merged value, or the places in conflict.
fn merged(base: &Json, ours: &Json, theirs: &Json) -> Result<Json, Vec<DocumentConflict>> {
    let objects = MemoryObjects::new();
    let id = |value| build(&objects, value).unwrap();
    let keys = ListKeys::default();
    let result = merge(&objects, id(base), id(ours), id(theirs), &keys).unwrap();
    assert_eq!(result.document.is_none(), !result.conflicts.is_empty());
    result.document.map(|id| read(&objects, id).unwrap()).ok_or(result.conflicts)
}

/// Merges lists whose items are known by `id`: `3` is an item, `3=x` one with a value.
fn merged_items(texts: [&str; 3]) -> Result<String, Vec<String>> {
    let item = |word: &str| {
        let (id, value) = word.split_once('=').unwrap_or((word, ""));
        [("id", Json::from(id)), ("v", Json::from(value))].into_iter().collect::<Json>()
    };
    let list = |text: &str| {
        let items = text.split_whitespace().map(item).collect();
        [("l", Json::List(items))].into_iter().collect::<Json>()
    };
    let [base, ours, theirs] = texts.map(list);
    let word = |item: &Json| {
        let Json::Map(fields) = item else { panic!("{item:?}") };
        match (&fields["id"], &fields["v"]) {
            (Json::String(id), Json::String(v)) if v.is_empty() => id.clone(),
            (Json::String(id), Json::String(v)) => format!("{id}={v}"),
            other => panic!("{other:?}"),
        }
    };
    match merged(&base, &ours, &theirs) {
        Ok(Json::Map(all)) => match &all["l"] {
            Json::List(items) => Ok(items.iter().map(word).collect::<Vec<_>>().join(" ")),
            other => panic!("{other:?}"),
        },
        Ok(other) => panic!("{other:?}"),
        Err(conflicts) => Err(conflicts.iter().map(|c| c.pointer.to_string()).collect()),
    }
}

#[test]
fn items_that_are_known_are_merged_one_by_one() {
    for (texts, expected) in [
        (["a b c", "a=1 b c", "a b c=2"], "a=1 b c=2"),
        (["a b c", "a b", "b c"], "b"),
        (["a b", "a b x", "a b y"], "a b x y"),
        (["a b", "x a b", "y a b"], "x y a b"),
        (["a b", "a x1 x2 b", "a y1 y2 b"], "a x1 x2 y1 y2 b"),
        (["", "x y", "z"], "x y z"),
        (["a b", "a b x", "a b x"], "a b x"),
        (["a b c", "c a b", "a b=1 c x"], "c x a b=1"),
        (["a b c", "a b=1 c x", "c a b"], "c x a b=1"),
        (["a b c", "c b a", "c b a=1"], "c b a=1"),
        (["a b c", "a c", "a b x c"], "a x c"),
        (["a b c", "a x c", "a c"], "a x c"),
        (["a b c", "b", "c b a"], "b"),
        (["a b c d", "d a b c", "a b c"], "a b c"),
    ] {
        assert_eq!(merged_items(texts).as_deref(), Ok(expected), "{texts:?}");
    }
}

#[test]
fn what_both_sides_changed_otherwise_is_a_conflict() {
    for (texts, places) in [
        (["a b", "a b=1", "a b=2"], &["/l/1/v"][..]),
        (["a b c", "b c", "c a=1 b"], &["/l/0"]),
        (["a b c", "c a b=1", "a c"], &["/l/2"]),
        (["a b", "a b x=1", "a b x=2"], &["/l/2/v"]),
        (["a b c", "c a b", "b a c"], &["/l"]),
    ] {
        let expected: Vec<_> = places.iter().map(ToString::to_string).collect();
        assert_eq!(merged_items(texts), Err(expected), "{texts:?}");
    }
    let conflicts = merged(
        &json(r#"[{"id":1,"v":1},{"id":2}]"#),
        &json(r#"[{"id":2}]"#),
        &json(r#"[{"id":1,"v":2},{"id":2}]"#),
    );
    let [conflict] = &conflicts.unwrap_err()[..] else { panic!("one conflict") };
    assert_eq!(conflict.pointer.to_string(), "/0");
    assert_eq!(conflict.base, Some(json(r#"{"id":1,"v":1}"#)));
    assert_eq!((&conflict.ours, &conflict.theirs), (&None, &Some(json(r#"{"id":1,"v":2}"#))));
}

#[test]
fn lists_without_identity_are_merged_where_nothing_is_guessed() {
    for (base, ours, theirs, expected) in [
        ("[1,2,3]", "[9,2,3]", "[1,2,8]", "[9,2,8]"),
        ("[1,2,3]", "[9,2,7]", "[9,8,3]", "[9,8,7]"),
        ("[1,2]", "[1,2,3,4]", "[9,2]", "[9,2,3,4]"),
        ("[1,2]", "[1,9]", "[1,2,3]", "[1,9,3]"),
        ("[1,2,3]", "[0,1,2,3]", "[1,2,3,4]", "[0,1,2,3,4]"),
        ("[1,2,3,4]", "[2,3,4]", "[1,2,3]", "[2,3]"),
        ("[1,2,3,4]", "[1,2,7,8,4]", "[4,2,3,4]", "[4,2,7,8,4]"),
        ("[1,1,1,2,5]", "[1,1,2,5]", "[1,1,1,2,9]", "[1,1,2,9]"),
    ] {
        for (a, b) in [(ours, theirs), (theirs, ours)] {
            assert_eq!(
                merged(&json(base), &json(a), &json(b)),
                Ok(json(expected)),
                "{base} {a} {b}"
            );
        }
    }
}

#[test]
fn lists_without_identity_are_a_conflict_otherwise() {
    for (base, ours, theirs, places) in [
        // Both appended: which comes first?
        ("[1]", "[1,2]", "[1,3]", &[""][..]),
        // One added what the other has changed or removed, or next to it.
        ("[1,2]", "[1,5,2]", "[1]", &[""]),
        ("[1,2,3]", "[2,3]", "[9,2,3]", &[""]),
        ("[1,2,3]", "[1,3]", "[9,2,3]", &[""]),
        // Which of the equal items was removed?
        ("[1,1,1]", "[1,1]", "[1,1,9]", &[""]),
        ("[1,1,1,2,5]", "[1,1,2,5]", "[9,1,1,2,5]", &[""]),
        ("[1,1,1,2,5]", "[1,1,2,5]", "[0,1,1,1,2,5]", &[""]),
        // Where was it added?
        ("[1,1,5]", "[1,1,1,5]", "[9,1,5]", &[""]),
        // One position, two values; and it is not looked into.
        ("[1,2]", "[1,3]", "[1,4]", &["/1"]),
        (r#"[{"a":1,"b":1}]"#, r#"[{"a":2,"b":1}]"#, r#"[{"a":1,"b":2}]"#, &["/0"]),
        ("[1,2,3]", "[2,1,3]", "[9,8,3]", &["/0", "/1"]),
        // Neither was there before.
        (r#"{}"#, r#"{"l":[1]}"#, r#"{"l":[2]}"#, &["/l"]),
        (r#"{"l":1}"#, r#"{"l":[1]}"#, r#"{"l":[2]}"#, &["/l"]),
    ] {
        let found = merged(&json(base), &json(ours), &json(theirs)).map_err(|conflicts| {
            conflicts.iter().map(|conflict| conflict.pointer.to_string()).collect::<Vec<_>>()
        });
        let expected: Vec<_> = places.iter().map(ToString::to_string).collect();
        assert_eq!(found, Err(expected), "{base} {ours} {theirs}");
    }
}

/// The items of a list by id.
fn by_id(value: &Json) -> BTreeMap<String, Json> {
    let Json::Map(all) = value else { panic!("{value:?}") };
    let Json::List(items) = &all["list"] else { panic!("{value:?}") };
    let id = |item: &Json| match item {
        Json::Map(fields) => (fields["id"].compact(), item.clone()),
        other => panic!("{other:?}"),
    };
    items.iter().map(id).collect()
}

/// Conflicts without their places, which a side names by its own positions.
fn sides(conflicts: Vec<DocumentConflict>, is_swapped: bool) -> Vec<[String; 3]> {
    let text = |side: Option<Json>| side.map_or_else(String::new, |value| value.compact());
    let mut all: Vec<_> = conflicts
        .into_iter()
        .map(|c| {
            let (ours, theirs) = if is_swapped { (c.theirs, c.ours) } else { (c.ours, c.theirs) };
            [text(c.base), text(ours), text(theirs)]
        })
        .collect();
    all.sort();
    all
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

/// A base with ids 0 to 9, and what two sides do: each to its own ids.
#[derive(Clone, Debug)]
struct TwoSides {
    base: Json,
    ours: Json,
    theirs: Json,
    expected: BTreeMap<String, Json>,
}

fn two_sides() -> impl Strategy<Value = TwoSides> {
    // Of each id: who touches it and how.
    let act = (any::<bool>(), 0..4_u8);
    let added = || prop::collection::btree_map(0..5_usize, 0..11_usize, 0..4);
    (prop::collection::vec(act, 10), added(), added()).prop_map(|(acts, ours, theirs)| {
        let item = |id: &str, value: i64| {
            [("id", Json::from(id)), ("value", Json::from(value))].into_iter().collect::<Json>()
        };
        let side = |is_ours: bool, added: &BTreeMap<usize, usize>| {
            let mut items = Vec::new();
            for (at, (owner, act)) in acts.iter().enumerate() {
                let id = format!("{at}");
                match if *owner == is_ours { *act } else { 0 } {
                    1 => items.push(item(&id, 1)),
                    2 => {}
                    _ => items.push(item(&id, 0)),
                }
            }
            for (name, at) in added {
                let id = format!("{}{name}", if is_ours { "o" } else { "t" });
                items.insert((*at).min(items.len()), item(&id, 5));
            }
            items
        };
        let wrap = |items: Vec<Json>| [("list", Json::List(items))].into_iter().collect::<Json>();
        let base: Vec<Json> = (0..10).map(|at| item(&format!("{at}"), 0)).collect();
        let mut expected = by_id(&wrap(side(true, &ours)));
        expected.extend(by_id(&wrap(side(false, &theirs))));
        for (at, (_, act)) in acts.iter().enumerate() {
            let key = Json::from(format!("{at}").as_str()).compact();
            match act {
                1 => drop(expected.insert(key, item(&format!("{at}"), 1))),
                2 => drop(expected.remove(&key)),
                _ => {}
            }
        }
        TwoSides {
            base: wrap(base),
            ours: wrap(side(true, &ours)),
            theirs: wrap(side(false, &theirs)),
            expected,
        }
    })
}

fn ids(value: &Json) -> Vec<String> {
    let Json::Map(all) = value else { panic!("{value:?}") };
    let Json::List(items) = &all["list"] else { panic!("{value:?}") };
    let id = |item: &Json| match item {
        Json::Map(fields) => fields["id"].compact(),
        other => panic!("{other:?}"),
    };
    items.iter().map(id).collect()
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn what_two_sides_do_to_different_items_is_all_there(case in two_sides()) {
        let TwoSides { base, ours, theirs, expected } = case;
        let found = merged(&base, &ours, &theirs).unwrap();
        prop_assert_eq!(by_id(&found), expected);
        // Each side's order is kept.
        let order = ids(&found);
        let present: BTreeSet<&String> = order.iter().collect();
        for side in [&ours, &theirs] {
            let kept: Vec<String> = ids(side).into_iter().filter(|id| present.contains(id)).collect();
            let own: BTreeSet<&String> = kept.iter().collect();
            let among: Vec<String> = order.iter().filter(|id| own.contains(id)).cloned().collect();
            prop_assert_eq!(among, kept);
        }
    }

    #[test]
    fn merging_is_symmetric(base in components(), ours in components(), theirs in components()) {
        match (merged(&base, &ours, &theirs), merged(&base, &theirs, &ours)) {
            (Ok(a), Ok(b)) => prop_assert_eq!(by_id(&a), by_id(&b)),
            (Err(a), Err(b)) => prop_assert_eq!(sides(a, false), sides(b, true)),
            (a, b) => prop_assert!(false, "{a:?} {b:?}"),
        }
    }

    #[test]
    fn merging_lists_without_identity_is_symmetric(
        base in plain_list(),
        ours in plain_list(),
        theirs in plain_list(),
    ) {
        match (merged(&base, &ours, &theirs), merged(&base, &theirs, &ours)) {
            (Ok(a), Ok(b)) => prop_assert_eq!(a, b),
            (Err(a), Err(b)) => prop_assert_eq!(sides(a, false), sides(b, true)),
            (a, b) => prop_assert!(false, "{a:?} {b:?}"),
        }
    }

    #[test]
    fn a_side_that_changed_nothing_gives_way(base in components(), side in components()) {
        prop_assert_eq!(merged(&base, &side, &base), Ok(side.clone()));
        prop_assert_eq!(merged(&base, &base, &side), Ok(side.clone()));
        prop_assert_eq!(merged(&base, &side, &side), Ok(side));
    }
}

proptest! {
    #![proptest_config(config(30))]

    #[test]
    fn any_side_that_changed_nothing_gives_way(base in value(), side in value()) {
        prop_assert_eq!(merged(&base, &side, &base), Ok(side.clone()));
        prop_assert_eq!(merged(&base, &base, &side), Ok(side.clone()));
    }
}
