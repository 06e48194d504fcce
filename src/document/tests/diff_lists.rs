//! Differences of lists whose items are known by a field.

use proptest::prelude::*;

use super::model::{at_mut, json};
use super::patch_laws::components;
use crate::document::{DocumentChange, Json, ListKeys, build, diff, diff_by};
use crate::object::memory::MemoryObjects;

fn changes(before: &Json, after: &Json) -> Vec<DocumentChange> {
    let objects = MemoryObjects::new();
    let ids = (build(&objects, before).unwrap(), build(&objects, after).unwrap());
    let by_default = diff_by(&objects, ids.0, ids.1, &ListKeys::by_position()).unwrap();
    assert_eq!(diff(&objects, ids.0, ids.1).unwrap(), by_default);
    diff_by(&objects, ids.0, ids.1, &ListKeys::default()).unwrap()
}

fn shown(change: &DocumentChange) -> String {
    let text = |side: &Option<Json>| side.as_ref().map_or_else(|| "-".to_owned(), Json::compact);
    match &change.from {
        Some(from) => format!("{} from {from}", change.pointer),
        None => format!("{} {} {}", change.pointer, text(&change.before), text(&change.after)),
    }
}

#[test]
fn added_removed_moved_and_changed_items_are_named() {
    let before = json(r#"{"l":[{"id":1},{"id":2,"x":1},{"id":3},{"id":4}]}"#);
    let after = json(r#"{"l":[{"id":4,"x":9},{"id":0},{"id":2,"x":7},{"id":3}]}"#);
    let shown: Vec<_> = changes(&before, &after).iter().map(shown).collect();
    assert_eq!(
        shown,
        [r#"/l/0 {"id":1} -"#, "/l/0 from /l/3", "/l/0/x - 9", r#"/l/1 - {"id":0}"#, "/l/2/x 1 7",]
    );
}

#[test]
fn a_list_that_a_field_does_not_name_is_compared_by_position() {
    let shown: Vec<_> = changes(&json(r#"[{"id":1},{"id":1}]"#), &json(r#"[{"id":1},{"id":2}]"#))
        .iter()
        .map(shown)
        .collect();
    assert_eq!(shown, ["/1/id 1 2"]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    /// What a change says of each side is what stands there.
    #[test]
    fn what_is_named_stands_there(mut before in components(), mut after in components()) {
        let found = changes(&before, &after);
        prop_assert_eq!(found.is_empty(), before == after);
        for change in &found {
            let there = |value: &mut Json| at_mut(value, change.pointer.parts()).map(|v| v.clone());
            if change.after.is_some() {
                prop_assert_eq!(there(&mut after), change.after.clone());
            } else if change.before.is_some() && change.pointer.parts().len() == 2 {
                prop_assert_eq!(there(&mut before), change.before.clone());
            }
            if let Some(from) = &change.from {
                let id = |value: &mut Json, at: &[String]| {
                    at_mut(value, at).and_then(|item| at_mut(item, &["id".to_owned()]).map(|v| v.clone()))
                };
                let new = id(&mut after, change.pointer.parts());
                prop_assert!(new.is_some());
                prop_assert_eq!(id(&mut before, from.parts()), new);
            }
        }
    }
}
