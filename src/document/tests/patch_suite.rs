//! The public test suite of RFC 6902 (`tests/samples/json_patch/`).

use std::collections::BTreeMap;

use crate::document::{Document, Json, ListKeys, Patch, PatchError};

const SUITE: [(&str, &str); 2] = [
    ("tests", include_str!("../../../tests/samples/json_patch/tests.json")),
    ("spec_tests", include_str!("../../../tests/samples/json_patch/spec_tests.json")),
];

struct Case {
    name: String,
    doc: Json,
    patch: Json,
    /// What comes out; none where the patch must be refused.
    expected: Option<Json>,
}

/// The texts of the maps of a list: two of them have a key twice, so that the list is no JSON to us.
fn items(list: &str) -> Vec<&str> {
    let (mut items, mut depth, mut begin) = (Vec::new(), 0, 0);
    let (mut is_string, mut is_escaped) = (false, false);
    for (at, character) in list.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = is_string,
            '"' => is_string = !is_string,
            '{' | '[' if !is_string => {
                depth += 1;
                if depth == 2 {
                    begin = at;
                }
            }
            '}' | ']' if !is_string => {
                depth -= 1;
                if depth == 1 {
                    items.push(&list[begin..=at]);
                }
            }
            _ => {}
        }
    }
    items
}

fn case(name: String, members: &BTreeMap<String, Json>) -> Case {
    let (doc, patch) = (members["doc"].clone(), members["patch"].clone());
    let expected = match (members.get("expected"), members.contains_key("error")) {
        (Some(expected), false) => Some(expected.clone()),
        (None, true) => None,
        // A few of the suite only `test`: nothing changes.
        (None, false) => Some(doc.clone()),
        (Some(_), true) => panic!("{name} expects a value and an error"),
    };
    Case { name, doc, patch, expected }
}

/// All cases, and how many of the suite are no JSON to us.
fn cases() -> (Vec<Case>, usize) {
    let (mut cases, mut refused) = (Vec::new(), 0);
    for (file, text) in SUITE {
        for (at, item) in items(text).into_iter().enumerate() {
            match Json::parse(item.as_bytes()) {
                Ok(Json::Map(members)) => {
                    let name = format!("{file} {at} {:?}", members.get("comment"));
                    cases.push(case(name, &members));
                }
                Ok(other) => panic!("{file} {at} is no map: {other:?}"),
                // The suite expects an error: an operation has `op` twice.
                Err(error) => {
                    assert_eq!(error.reason, "the key stands twice in its map", "{item}");
                    assert!(item.contains("two 'op' members"), "{item}");
                    refused += 1;
                }
            }
        }
    }
    (cases, refused)
}

fn applied(case: &Case) -> Result<Json, PatchError> {
    Patch::from_json(&case.patch)?.apply(&case.doc)
}

/// The same on a document; one that refuses a patch is as it was.
fn in_memory(case: &Case) -> Option<Json> {
    let patch = Patch::from_json(&case.patch).ok()?;
    let mut document = Document::of(&case.doc).unwrap();
    let applied = document.apply(&patch);
    if applied.is_err() {
        assert_eq!(document.to_json(), case.doc, "{}", case.name);
    }
    applied.ok().map(|()| document.to_json())
}

#[test]
fn every_case_gives_what_it_expects() {
    let (cases, refused) = cases();
    let applied_count = cases.iter().filter(|case| case.expected.is_some()).count();
    assert_eq!((applied_count, cases.len(), refused), (70, 93, 2), "all 95 cases are looked at");
    for case in &cases {
        assert_eq!(applied(case).ok(), case.expected, "{}: {:?}", case.name, applied(case));
        assert_eq!(in_memory(case), case.expected, "{}", case.name);
    }
}

#[test]
fn every_patch_of_the_suite_can_be_taken_back_and_found_again() {
    for case in cases().0 {
        let Some(expected) = &case.expected else { continue };
        let patch = Patch::from_json(&case.patch).unwrap();
        assert_eq!(Patch::parse(patch.compact().as_bytes()).unwrap(), patch, "{}", case.name);
        let back = patch.reversed(&case.doc).unwrap();
        assert_eq!(back.apply(expected).unwrap(), case.doc, "{}", case.name);
        let found = Patch::between(&case.doc, expected, &ListKeys::default());
        assert_eq!(found.apply(&case.doc).unwrap(), *expected, "{}", case.name);
    }
}
