//! Documents in memory: the same values and ids as stored ones, whatever led there.

use proptest::prelude::*;

use super::model::{fitting, insert, json, model_edit, pointer, remove, set, step, value};
use crate::document::{Document, DocumentError, Edit, Json, ListKeys, Patch, build, read, verify};
use crate::object::counting::Counting;
use crate::object::memory::MemoryObjects;
use crate::object::traits::Fetch;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

proptest! {
    #![proptest_config(config(60))]

    #[test]
    fn edits_in_memory_lead_to_the_id_of_the_value(
        before in value(),
        steps in prop::collection::vec((step(), any::<bool>(), any::<bool>()), 1..8),
    ) {
        let mut plain = before.clone();
        let mut document = Document::of(&before).unwrap();
        let mut kept = Vec::new();
        for (step, settle, keep) in &steps {
            if *settle {
                document.id().unwrap();
            }
            if *keep {
                kept.push((document.clone(), plain.clone()));
            }
            let edits = fitting(&mut plain, step);
            document.edit(&edits).unwrap();
        }
        kept.push((document, plain));
        for (document, plain) in kept {
            prop_assert_eq!(&document.to_json(), &plain);
            let objects = MemoryObjects::new();
            let id = document.id().unwrap();
            prop_assert_eq!(id, build(&MemoryObjects::new(), &plain).unwrap());
            prop_assert_eq!(document.store(&objects).unwrap(), id);
            prop_assert_eq!(&read(&objects, id).unwrap(), &plain);
            verify(&objects, id).unwrap();
            let opened = Document::open(&objects, id).unwrap();
            prop_assert_eq!(opened.id().unwrap(), id);
            prop_assert!(opened.is_same(&document));
        }
    }

    #[test]
    fn a_whole_value_in_place_of_another_is_that_value(
        before in value(),
        steps in prop::collection::vec(step(), 0..4),
        other in value(),
        settle in any::<bool>(),
    ) {
        let mut near = before.clone();
        for step in &steps {
            fitting(&mut near, step);
        }
        let document = Document::of(&before).unwrap();
        if settle {
            document.id().unwrap();
        }
        for after in [near, other] {
            let replaced = document.replaced(&after).unwrap();
            prop_assert_eq!(&replaced.to_json(), &after);
            prop_assert_eq!(replaced.id().unwrap(), build(&MemoryObjects::new(), &after).unwrap());
            prop_assert_eq!(replaced.is_same(&document), after == before);
        }
        prop_assert_eq!(document.to_json(), before);
    }

    #[test]
    fn edits_of_several_keys_commute(
        numbers in prop::collection::btree_map("[a-z]{1,3}", any::<i32>(), 1..120),
        rotate in any::<usize>(),
    ) {
        let edit = |(key, number): (&String, &i32)| set(&format!("/m/{key}"), i64::from(*number));
        let mut edits: Vec<Edit> = numbers.iter().map(edit).collect();
        let start = Document::of(&json(r#"{"m":{}}"#)).unwrap();
        let (mut one, mut other) = (start.clone(), start);
        one.edit(&edits).unwrap();
        let middle = rotate % edits.len();
        edits.rotate_left(middle);
        edits.reverse();
        edits.iter().for_each(|edit| other.edit(std::slice::from_ref(edit)).unwrap());
        prop_assert_eq!(one.id().unwrap(), other.id().unwrap());
    }
}

#[test]
fn an_append_to_a_list_of_15_000_stores_one_path() {
    let items: Vec<Json> = (0..15_000_i64).map(Json::from).collect();
    let objects = Counting::default();
    let mut document = Document::of(&Json::List(items.clone())).unwrap();
    document.store(&objects).unwrap();
    let mut plain = Json::List(items);
    let mut most = 0;
    for n in 0..200 {
        objects.reset();
        let edit = Edit::Append { pointer: pointer(""), value: Json::from(n) };
        document.edit(&[edit]).unwrap();
        let id = document.store(&objects).unwrap();
        most = most.max(objects.new_bytes());
        model_edit(&mut plain, &insert("/-", n)).unwrap();
        if n % 50 == 0 {
            assert_eq!(id, build(&MemoryObjects::new(), &plain).unwrap());
        }
    }
    assert!(most < 6_000, "{most}");
}

#[test]
fn editing_one_field_touches_one_path_however_large_the_document_is() {
    for components in [20, 100, 1_000] {
        let component = |c: i64| {
            let fields = (0..100).map(|f| (format!("field_{f:03}"), Json::from(c * 1_000 + f)));
            (format!("component_{c:04}"), fields.collect::<Json>())
        };
        let state: Json = (0..components).map(component).collect();
        let objects = Counting::default();
        let mut document = Document::of(&state).unwrap();
        document.store(&objects).unwrap();
        objects.reset();
        document.edit(&[set("/component_0007/field_050", 1)]).unwrap();
        document.store(&objects).unwrap();
        assert!(objects.new_bytes() < 7_000, "{components}: {}", objects.new_bytes());
    }
}

#[test]
fn all_edits_are_applied_or_none() {
    let start = json(r#"{"list":[1,2],"map":{"a":1},"text":"x"}"#);
    let document = Document::of(&start).unwrap();
    let step = |from: &str, to: &str| Edit::Move { from: pointer(from), to: pointer(to) };
    let test = |at: &str, value: Json| Edit::Test { pointer: pointer(at), value };
    for (edit, reason) in [
        (remove("/none"), "there is nothing to remove"),
        (step("/none", "/x"), "there is nothing to remove"),
        (step("/map", "/map/a/b"), "a value cannot be moved into itself"),
        (step("/text", "/list/7"), "it is no position up to the end of the list"),
        (step("/text", "/map/a/x"), "it would stand inside a scalar"),
        (test("/text", Json::from("y")), "another value stands there than the test says"),
        (test("/gone", Json::Null), "nothing stands there to be tested"),
        (insert("/map/b", 1), "only lists are inserted into; a key is set"),
    ] {
        let mut changed = document.clone();
        let error = changed.edit(&[set("/new", 1), edit]).unwrap_err().to_string();
        assert!(error.ends_with(reason), "{error}");
        assert_eq!(changed.to_json(), start);
    }
    let mut changed = document;
    let append = Edit::Append { pointer: pointer("/list"), value: Json::from(3) };
    let edits = [
        append,
        step("/list/0", "/list/-"),
        step("/map/a", "/b"),
        test("/list", json("[2,3,1]")),
        step("/map", "/list/1"),
    ];
    changed.edit(&edits).unwrap();
    assert_eq!(changed.to_json(), json(r#"{"b":1,"list":[2,{},3,1],"text":"x"}"#));
}

/// What stood inside its parent becomes the root, and the root a part: both know their other form.
#[test]
fn a_part_becomes_the_whole_and_the_whole_a_part() {
    let objects = MemoryObjects::new();
    let many: Vec<Json> = (0..100).map(|_| Json::Null).collect();
    for part in [json(r#"{"a":[1,{"b":2}]}"#), Json::List(many), json("[]"), Json::from("x")] {
        let whole: Json = [("part", part.clone())].into_iter().collect();
        let id = build(&objects, &whole).unwrap();
        let mut document = Document::open(&objects, id).unwrap();
        document.edit(&[Edit::Move { from: pointer("/part"), to: pointer("") }]).unwrap();
        let expected = build(&MemoryObjects::new(), &part).unwrap();
        assert_eq!(document.id().unwrap(), expected);
        assert_eq!(document.store(&objects).unwrap(), expected);
        assert!(objects.contains(expected.object()).unwrap());
        let opened = Document::open(&objects, expected).unwrap();
        let again = opened.replaced(&whole).unwrap();
        assert_eq!(again.id().unwrap(), id);
    }
}

#[test]
fn bounds_hold_in_memory() {
    let nested = |levels: usize| json(&("[".repeat(levels) + &"]".repeat(levels)));
    let deepest = Document::of(&nested(128)).unwrap();
    let in_list = Json::List(vec![nested(128)]);
    for refused in [
        Document::of(&in_list).map(drop),
        deepest.replaced(&in_list).map(drop),
        Document::of(&json(r#"{"a":[]}"#)).unwrap().edit(&[insert("/a/0", nested(127))]),
    ] {
        assert!(matches!(refused, Err(DocumentError::TooDeep)), "{refused:?}");
    }
    let mut whole = Document::of(&json(r#"{"a":{}}"#)).unwrap();
    whole.edit(&[set("/b", nested(127))]).unwrap();
    let deeper = whole.edit(&[Edit::Move { from: pointer("/b"), to: pointer("/a/b") }]);
    assert!(matches!(deeper, Err(DocumentError::TooDeep)), "{deeper:?}");
    let long_key = format!("/{}", "k".repeat((64 << 10) + 1));
    assert!(matches!(whole.edit(&[set(&long_key, 1)]), Err(DocumentError::LongKey)));
}

#[test]
fn numbers_and_strings_are_kept_as_they_were_given() {
    let text = r#"{"big":123456789012345678901234567890,"e":1e400,"i":-9223372036854775808,"long":"LONG","u":18446744073709551615,"z":-0}"#;
    let text = text.replace("LONG", &"\u{10ffff}\u{0}é".repeat(300).replace('\0', "\\u0000"));
    let document = Document::of(&json(&text)).unwrap();
    let objects = MemoryObjects::new();
    let id = document.store(&objects).unwrap();
    for document in [document, Document::open(&objects, id).unwrap()] {
        assert_eq!(document.to_json().compact(), text);
    }
}

proptest! {
    #![proptest_config(config(80))]

    #[test]
    fn a_patch_between_two_states_leads_from_one_to_the_other(
        before in value(),
        steps in prop::collection::vec(step(), 0..5),
        other in value(),
        settle in any::<bool>(),
    ) {
        let start = Document::of(&before).unwrap();
        if settle {
            start.id().unwrap();
        }
        let mut plain = before;
        let mut near = start.clone();
        for step in &steps {
            near.edit(&fitting(&mut plain, step)).unwrap();
        }
        let apart = Document::of(&other).unwrap();
        let far = start.replaced(&other).unwrap();
        for end in [near, apart, far] {
            for (from, to) in [(&start, &end), (&end, &start)] {
                let patch = from.patch_to(to, &ListKeys::by_position());
                prop_assert_eq!(patch.0.is_empty(), from.is_same(to));
                let mut patched = from.clone();
                patched.apply(&patch).unwrap();
                prop_assert_eq!(&patched, to);
                prop_assert_eq!(patched.id().unwrap(), to.id().unwrap());
                prop_assert_eq!(patch.apply(&from.to_json()).unwrap(), to.to_json());
            }
        }
    }
}

#[test]
fn a_patch_says_what_was_done_and_no_more() {
    let many: Vec<Json> = (0..15_000_i64).map(Json::from).collect();
    let fields = (0..3_000).map(|n| (format!("k{n}"), Json::from(n)));
    let start = Document::of(
        &[("list", Json::List(many)), ("map", fields.collect())].into_iter().collect(),
    )
    .unwrap();
    start.id().unwrap();
    let append = || Edit::Append { pointer: pointer("/list"), value: Json::from(1) };
    for (edits, expected) in [
        (vec![append()], r#"[{"op":"add","path":"/list/15000","value":1}]"#),
        (vec![insert("/list/7000", 1)], r#"[{"op":"add","path":"/list/7000","value":1}]"#),
        (vec![remove("/list/0")], r#"[{"op":"remove","path":"/list/0"}]"#),
        (vec![set("/list/9", "x")], r#"[{"op":"replace","path":"/list/9","value":"x"}]"#),
        (
            vec![set("/map/k17", 1), set("/map/new", 2), remove("/map/k999")],
            r#"[{"op":"replace","path":"/map/k17","value":1},{"op":"remove","path":"/map/k999"},{"op":"add","path":"/map/new","value":2}]"#,
        ),
        (vec![set("/map/k5", 6), set("/map/k5", 5)], "[]"),
    ] {
        let mut end = start.clone();
        end.edit(&edits).unwrap();
        assert_eq!(start.patch_to(&end, &ListKeys::by_position()).compact(), expected);
        end.id().unwrap();
        assert_eq!(start.patch_to(&end, &ListKeys::by_position()).compact(), expected);
        let whole = start.replaced(&end.to_json()).unwrap();
        assert_eq!(start.patch_to(&whole, &ListKeys::by_position()).compact(), expected);
    }
}

#[test]
fn a_patch_that_does_not_fit_names_its_operation_and_changes_nothing() {
    let start = json(r#"{"a":[1],"s":"x"}"#);
    for (ops, reason) in [
        (
            r#"[{"op":"add","path":"/n","value":1},{"op":"replace","path":"/x","value":1}]"#,
            "operation 2 of the patch (`replace` at `/x`): there is nothing to replace",
        ),
        (r#"[{"op":"test","path":"/s","value":"y"}]"#, "another value stands there"),
        (r#"[{"op":"copy","from":"/no","path":"/y"}]"#, "nothing stands there"),
        (r#"[{"op":"add","path":"/a/2","value":1}]"#, "no position up to the end"),
    ] {
        let mut document = Document::of(&start).unwrap();
        let error = document.apply(&Patch::parse(ops.as_bytes()).unwrap()).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
        assert_eq!(document.to_json(), start);
    }
    let double = r#"{"op":"copy","from":"","path":"/a/0"}"#;
    let bomb = format!("[{}]", vec![double; 64].join(","));
    let mut document = Document::of(&start).unwrap();
    let refused = document.apply(&Patch::parse(bomb.as_bytes()).unwrap()).unwrap_err();
    assert!(refused.to_string().contains("stand for too much"), "{refused}");
}
