//! Single cases: thresholds, bounds, errors, conflicts.

use std::collections::BTreeSet;

use super::model::{change, insert, json, model_edit, pointer, remove, set};
use crate::base::id::DocumentId;
use crate::document::read::Reading;
use crate::document::{DocumentError, Json, ListKeys, build, get, merge, read, totals};
use crate::object::document::{ListItem, Slot};
use crate::object::memory::MemoryObjects;
use crate::object::sequence;
use crate::object::traits::Put;

#[test]
fn a_container_leaves_its_parent_and_comes_back_at_the_threshold() {
    let objects = MemoryObjects::new();
    for parent in [r#"{"v":{}}"#, r#"{"v":[]}"#] {
        let mut plain = json(parent);
        let mut id = build(&objects, &plain).unwrap();
        let is_list = parent.contains('[');
        let mut nodes = BTreeSet::new();
        let mut edits = Vec::new();
        for n in 0..60 {
            edits.push(if is_list { insert("/v/-", n) } else { set(&format!("/v/{n:03}"), n) });
        }
        for n in (0..60).rev() {
            edits.push(if is_list { remove("/v/0") } else { remove(&format!("/v/{n:03}")) });
        }
        for edit in edits {
            model_edit(&mut plain, &edit).unwrap();
            id = change(&objects, id, &[edit]).unwrap();
            assert_eq!(id, build(&MemoryObjects::new(), &plain).unwrap(), "{}", plain.compact());
            nodes.insert(totals(&objects, id).unwrap().nodes);
        }
        assert_eq!(totals(&objects, id).unwrap().nodes, 1);
        assert!(nodes.len() > 2, "it never left its parent: {nodes:?}");
        assert_eq!(id, build(&objects, &json(parent)).unwrap());
    }
}

/// A map with one string of 475 bytes encodes to 512 as one leaf: the last that stands inside.
#[test]
fn the_threshold_is_exact_for_what_grows_and_what_shrinks() {
    let objects = MemoryObjects::new();
    let of = |length: usize| json(&format!(r#"{{"v":{{"a":"{}"}}}}"#, "x".repeat(length)));
    let nodes = |id| totals(&objects, id).unwrap().nodes;
    for (from, to, expected) in [(476, 475, 1), (475, 476, 2), (474, 475, 1), (477, 476, 2)] {
        let id = build(&objects, &of(from)).unwrap();
        let id = change(&objects, id, &[set("/v/a", "x".repeat(to).as_str())]).unwrap();
        assert_eq!(id, build(&objects, &of(to)).unwrap(), "{from} to {to}");
        assert_eq!(nodes(id), expected, "{from} to {to}");
    }
}

#[test]
fn scalar_roots_and_long_strings() {
    let objects = MemoryObjects::new();
    let long = "ä".repeat(1_000);
    for value in [Json::Null, json("-0.0"), Json::from("x"), Json::from(long.as_str())] {
        let id = build(&objects, &value).unwrap();
        assert_eq!(read(&objects, id).unwrap(), value);
        assert_eq!(get(&objects, id, &pointer("/a")).unwrap(), None);
        let list = change(&objects, id, &[set("", vec![value.clone()])]).unwrap();
        assert_eq!(get(&objects, list, &pointer("/0")).unwrap(), Some(value));
    }
    assert_ne!(
        build(&objects, &json("1.0")).unwrap(),
        build(&objects, &json("1")).unwrap(),
        "numbers keep their text"
    );
}

#[test]
fn edits_that_do_not_fit_are_named_and_nothing_changes() {
    let objects = MemoryObjects::new();
    let id = build(&objects, &json(r#"{"a":{"b":[1,2]},"s":"x"}"#)).unwrap();
    for (edit, reason) in [
        (remove(""), "the whole document can only be set"),
        (remove("/x"), "there is nothing to remove"),
        (set("/x/y", 1), "nothing stands on the way there"),
        (set("/s/y", 1), "it would stand inside a scalar"),
        (insert("/a/c", 1), "only lists are inserted into; a key is set"),
        (insert("/a/b/3", 1), "it is no position up to the end of the list"),
        (insert("/a/b/01", 1), "it is no position up to the end of the list"),
        (set("/a/b/2", 1), "it is no position in the list"),
        (set("/a/b/-", 1), "it is no position in the list"),
        (remove("/a/b/2"), "it is no position in the list"),
    ] {
        let pointer = edit.pointer().to_string();
        let error = change(&objects, id, &[set("/new", 1), edit]).unwrap_err().to_string();
        assert_eq!(error, format!("could not change `{pointer}`: {reason}"));
    }
}

#[test]
fn depth_is_bounded_everywhere() {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    let objects = MemoryObjects::new();
    let deepest = json(&nested(128));
    let id = build(&objects, &deepest).unwrap();
    assert_eq!(read(&objects, id).unwrap(), deepest);
    assert!(Json::parse(nested(129).as_bytes()).is_err());
    assert!(Json::parse("[".repeat(1_000_000).as_bytes()).is_err());
    let too_deep = Json::List(vec![deepest.clone()]);
    assert!(matches!(build(&objects, &too_deep), Err(DocumentError::TooDeep)));
    let shallow = build(&objects, &json("{}")).unwrap();
    let refused = change(&objects, shallow, &[set("/a", deepest)]);
    assert!(matches!(refused, Err(DocumentError::TooDeep)));
}

/// A hostile document that stands for 2^100 values in 100 nodes.
#[test]
fn shared_nodes_cannot_fill_the_memory() {
    let objects = MemoryObjects::new();
    let padding = || (0..64).map(|_| ListItem { value: Slot::String("x".repeat(1_000)) });
    let mut below = sequence::build(&objects, padding()).unwrap().hash;
    for _ in 0..100 {
        let item = || ListItem { value: Slot::Node(DocumentId(below)) };
        let items: Vec<_> = (0..16).map(|_| item()).collect();
        below = sequence::build(&objects, items).unwrap().hash;
    }
    let slot = Slot::Node(DocumentId(below));
    let started = Reading::within(&objects, 4 << 20).slot(slot, 0);
    assert!(matches!(started, Err(DocumentError::TooLarge)), "{started:?}");
    assert!(totals(&objects, DocumentId(below)).unwrap().nodes < 1_000);
}

#[test]
fn conflicts_are_named_with_all_three_sides() {
    let objects = MemoryObjects::new();
    let id = |text: &str| build(&objects, &json(text)).unwrap();
    let merged = |base: &str, ours: &str, theirs: &str| {
        merge(&objects, id(base), id(ours), id(theirs), &ListKeys::default()).unwrap()
    };
    for (base, ours, theirs, expected) in [
        (r#"{"a":1}"#, r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":2}"#),
        (r#"{"a":1}"#, r#"{}"#, r#"{"a":1,"b":2}"#, r#"{"b":2}"#),
        (r#"{"a":1}"#, r#"{"a":3}"#, r#"{"a":3}"#, r#"{"a":3}"#),
        (r#"{}"#, r#"{"m":{"x":1}}"#, r#"{"m":{"y":2}}"#, r#"{"m":{"x":1,"y":2}}"#),
        (r#"{"l":[1]}"#, r#"{"l":[1]}"#, r#"{"l":[2,1]}"#, r#"{"l":[2,1]}"#),
        ("1", "1", "[2]", "[2]"),
    ] {
        let result = merged(base, ours, theirs);
        assert_eq!(result.document, Some(id(expected)), "{base} {ours} {theirs} {result:?}");
    }
    let result = merged(
        r#"{"a":{"x":1,"y":1},"l":[1]}"#,
        r#"{"a":{"x":2,"y":1},"l":[1,2]}"#,
        r#"{"a":{"x":3},"l":[1,3]}"#,
    );
    assert_eq!(result.document, None);
    let named: Vec<_> = result.conflicts.iter().map(|c| c.pointer.to_string()).collect();
    assert_eq!(named, ["/a/x", "/l"]);
    let first = &result.conflicts[0];
    assert_eq!(
        (&first.base, &first.ours, &first.theirs),
        (&Some(json("1")), &Some(json("2")), &Some(json("3")))
    );
    let gone = merged(r#"{"a":1}"#, "{}", r#"{"a":2}"#);
    assert_eq!(gone.conflicts[0].ours, None);
}

/// Work in memory over a store goes through a trait object, too.
#[test]
fn a_store_may_be_unsized() {
    let objects: &dyn Put = &MemoryObjects::new();
    let id = build(objects, &json("[1]")).unwrap();
    assert_eq!(
        read(objects, change(objects, id, &[insert("/0", 2)]).unwrap()).unwrap(),
        json("[2,1]")
    );
}
