//! Properties: one value, one id; differences lead from one value to the other.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::model::{at_mut, change, fitting, replayed, some_place, step, value};
use crate::document::{Json, ListKeys, build, diff, get, merge, read, totals, verify};
use crate::object::memory::MemoryObjects;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

proptest! {
    #![proptest_config(config(40))]

    #[test]
    fn one_value_has_one_id_whatever_edits_led_there(
        before in value(),
        steps in prop::collection::vec(step(), 1..6),
        together in any::<bool>(),
    ) {
        let objects = MemoryObjects::new();
        let (mut plain, mut id) = (before.clone(), build(&objects, &before).unwrap());
        let mut all = Vec::new();
        for step in &steps {
            let edits = fitting(&mut plain, step);
            if together {
                all.extend(edits);
            } else {
                id = change(&objects, id, &edits).unwrap();
            }
        }
        let id = change(&objects, id, &all).unwrap();
        prop_assert_eq!(&read(&objects, id).unwrap(), &plain);
        let fresh = MemoryObjects::new();
        prop_assert_eq!(id, build(&fresh, &plain).unwrap());
        let counted = totals(&fresh, id).unwrap();
        prop_assert_eq!((counted.nodes + counted.texts) as usize, fresh.count());
        verify(&objects, id).unwrap();
    }

    #[test]
    fn a_difference_leads_from_one_to_the_other(
        before in value(),
        steps in prop::collection::vec(step(), 1..5),
    ) {
        let objects = MemoryObjects::new();
        let mut after = before.clone();
        for step in &steps {
            fitting(&mut after, step);
        }
        let ids = (build(&objects, &before).unwrap(), build(&objects, &after).unwrap());
        let changes = diff(&objects, ids.0, ids.1).unwrap();
        prop_assert_eq!(changes.is_empty(), before == after);
        prop_assert_eq!(replayed(&before, &changes), after);
    }

    #[test]
    fn a_pointer_finds_what_a_plain_value_has(
        value in value(),
        picks in prop::collection::vec(any::<u16>(), 0..5),
        is_new in any::<bool>(),
    ) {
        let objects = MemoryObjects::new();
        let id = build(&objects, &value).unwrap();
        let at = some_place(&value, &picks, is_new);
        let mut plain = value;
        let expected = at_mut(&mut plain, at.parts()).map(|found| found.clone());
        prop_assert_eq!(get(&objects, id, &at).unwrap(), expected);
    }
}

proptest! {
    #![proptest_config(config(12))]

    #[test]
    fn merging_is_symmetric_and_keeps_both(
        base in prop::collection::btree_map("[a-z]{1,2}", value(), 0..30),
        ours in prop::collection::btree_map("[a-z]{1,2}", value(), 0..4),
        theirs in prop::collection::btree_map("[A-Z]{1,2}", value(), 0..4),
    ) {
        let objects = MemoryObjects::new();
        let id = |parts: &[&BTreeMap<String, Json>]| {
            let mut all = BTreeMap::new();
            parts.iter().for_each(|part| all.extend((*part).clone()));
            build(&objects, &Json::Map(all)).unwrap()
        };
        let (b, o, t) = (id(&[&base]), id(&[&base, &ours]), id(&[&base, &theirs]));
        let keys = ListKeys::default();
        let merged = merge(&objects, b, o, t, &keys).unwrap();
        prop_assert_eq!(&merged.conflicts, &[]);
        prop_assert_eq!(merged.document, Some(id(&[&base, &ours, &theirs])));
        prop_assert_eq!(merge(&objects, b, t, o, &keys).unwrap(), merged);
    }
}
