//! Properties of patches: a difference leads exactly to the other value, and back.

use proptest::prelude::*;

use super::model::{fitting, json, some_place, step, value};
use crate::document::{
    Document, Json, ListKeys, Patch, PatchOp, apply_merge_patch, merge_patch_between,
};

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

/// Applies the difference forth and back, as text in between.
fn leads_forth_and_back(before: &Json, after: &Json, keys: &ListKeys) -> Patch {
    let patch = Patch::between(before, after, keys);
    assert_eq!(patch.0.is_empty(), before == after);
    let read = Patch::parse(patch.compact().as_bytes()).unwrap();
    assert_eq!(read, patch);
    assert_eq!(read.apply(before).unwrap(), *after);
    let back = patch.reversed(before).unwrap();
    assert_eq!(back.apply(after).unwrap(), *before);
    assert_eq!(back.reversed(after).unwrap().apply(before).unwrap(), *after);
    patch
}

/// A list of components: known by `id`, in any order, each with a few fields.
pub(super) fn components() -> impl Strategy<Value = Json> {
    let fields = prop::collection::btree_map("[x-z]", 0..3_i64, 0..3);
    let component = |(id, fields): (i64, std::collections::BTreeMap<String, i64>)| {
        let fields = fields.into_iter().map(|(key, value)| (key, Json::from(value)));
        [("id".to_owned(), Json::from(id))].into_iter().chain(fields).collect::<Json>()
    };
    prop::collection::btree_map(0..14_i64, fields, 0..14)
        .prop_map(move |all| all.into_iter().map(component).collect::<Vec<_>>())
        .prop_shuffle()
        .prop_map(|items| [("list", Json::List(items))].into_iter().collect())
}

/// Few different values, so that lists have much in common.
pub(super) fn plain_list() -> impl Strategy<Value = Json> {
    let item = prop_oneof![
        (0..4_i64).prop_map(Json::from),
        (0..3_i64).prop_map(|n| [("n", Json::from(n)), ("m", Json::from(1))].into_iter().collect()),
    ];
    prop::collection::vec(item, 0..10).prop_map(Json::List)
}

proptest! {
    #![proptest_config(config(60))]

    #[test]
    fn a_patch_leads_from_one_value_to_another(
        before in value(),
        other in value(),
        steps in prop::collection::vec(step(), 1..5),
    ) {
        let mut after = before.clone();
        for step in &steps {
            fitting(&mut after, step);
        }
        leads_forth_and_back(&before, &after, &ListKeys::default());
        leads_forth_and_back(&before, &other, &ListKeys::default());
    }
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn lists_with_identity_are_led_over(before in components(), after in components()) {
        let patch = leads_forth_and_back(&before, &after, &ListKeys::default());
        let kept = |op: &&PatchOp| matches!(op, PatchOp::Move { .. });
        prop_assert!(patch.0.iter().filter(kept).count() < 14);
    }

    #[test]
    fn lists_without_identity_are_led_over(before in plain_list(), after in plain_list()) {
        leads_forth_and_back(&before, &after, &ListKeys::by_position());
        leads_forth_and_back(&before, &after, &ListKeys::everywhere("n"));
    }

    #[test]
    fn a_merge_patch_leads_from_one_value_to_another(before in components(), after in components()) {
        let patch = merge_patch_between(&before, &after).unwrap();
        prop_assert_eq!(apply_merge_patch(&before, &patch), after);
    }
}

/// Operations, most of which fit.
#[derive(Clone, Debug)]
struct Draw {
    kind: u8,
    from: (Vec<u16>, bool),
    to: (Vec<u16>, bool),
    value: i64,
}

fn draw() -> impl Strategy<Value = Draw> {
    let place = || (prop::collection::vec(any::<u16>(), 0..4), any::<bool>());
    (0..6_u8, place(), place(), 0..3_i64).prop_map(|(kind, from, to, value)| Draw {
        kind,
        from,
        to,
        value,
    })
}

fn op(value: &Json, draw: &Draw) -> PatchOp {
    let from = some_place(value, &draw.from.0, draw.from.1 && draw.kind == 5);
    let path = some_place(value, &draw.to.0, draw.to.1);
    let value = Json::from(draw.value);
    match draw.kind {
        0 => PatchOp::Add { path, value },
        1 => PatchOp::Remove { path },
        2 => PatchOp::Replace { path, value },
        3 => PatchOp::Move { from, path },
        4 => PatchOp::Copy { from, path },
        _ => PatchOp::Test { path: from, value },
    }
}

/// Small, nested lists and maps.
fn small() -> impl Strategy<Value = Json> {
    (0..3_i64).prop_map(Json::from).prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::List),
            prop::collection::btree_map("[a-c]", inner, 0..4).prop_map(Json::Map),
        ]
    })
}

proptest! {
    #![proptest_config(config(1_000))]

    /// Any operations: on a plain value and on a document the same, and all of them can be taken back.
    #[test]
    fn any_patch_is_applied_alike_and_taken_back(
        before in small(),
        draws in prop::collection::vec(draw(), 1..6),
    ) {
        let (mut after, mut ops) = (before.clone(), Vec::new());
        for draw in &draws {
            let op = op(&after, draw);
            let mut document = Document::of(&after).unwrap();
            let in_memory = document.apply(&Patch(vec![op.clone()])).map(|()| document.to_json());
            match (Patch(vec![op.clone()]).apply(&after), in_memory) {
                (Ok(plain), Ok(live)) => {
                    prop_assert_eq!(&plain, &live, "{:?}", op);
                    after = plain;
                    ops.push(op);
                }
                (Err(_), Err(_)) => {}
                (plain, live) => prop_assert!(false, "{:?}: {:?} {:?}", op, plain, live),
            }
        }
        let patch = Patch(ops);
        prop_assert_eq!(&patch.apply(&before).unwrap(), &after);
        let back = patch.reversed(&before).unwrap();
        prop_assert_eq!(&back.apply(&after).unwrap(), &before, "{} {}", patch.compact(), back.compact());
        let mut document = Document::of(&after).unwrap();
        document.apply(&back).unwrap();
        prop_assert_eq!(document.to_json(), before);
    }
}

#[test]
fn a_difference_is_small() {
    let keys = ListKeys::default();
    for (before, after, expected) in [
        (
            r#"{"a":1,"b":2}"#,
            r#"{"a":1,"b":3,"c":4}"#,
            r#"[{"op":"replace","path":"/b","value":3},{"op":"add","path":"/c","value":4}]"#,
        ),
        ("1", "1.0", r#"[{"op":"replace","path":"","value":1.0}]"#),
        (
            r#"[{"id":1},{"id":2},{"id":3}]"#,
            r#"[{"id":3},{"id":1},{"id":2}]"#,
            r#"[{"from":"/2","op":"move","path":"/0"}]"#,
        ),
        (
            r#"[{"id":1},{"id":2},{"id":3}]"#,
            r#"[{"id":2},{"id":3,"x":0},{"id":4}]"#,
            r#"[{"op":"remove","path":"/0"},{"op":"add","path":"/2","value":{"id":4}},{"op":"add","path":"/1/x","value":0}]"#,
        ),
        ("[1,2,3,4]", "[0,1,2,3,4]", r#"[{"op":"add","path":"/0","value":0}]"#),
        (
            "[1,2,3,4,5]",
            "[1,3,4,9]",
            r#"[{"op":"remove","path":"/1"},{"op":"replace","path":"/3","value":9}]"#,
        ),
        (r#"{"a":[1,2]}"#, r#"{"a":[]}"#, r#"[{"op":"replace","path":"/a","value":[]}]"#),
        (r#"{"a":1}"#, r#"{"b":1}"#, r#"[{"op":"replace","path":"","value":{"b":1}}]"#),
    ] {
        let patch = Patch::between(&json(before), &json(after), &keys);
        assert_eq!(patch.to_json(), json(expected), "{before} {after}: {}", patch.compact());
    }
}
