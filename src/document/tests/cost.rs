//! What a step of an agent costs: bytes that are new, objects that are fetched.

use super::model::{change, pointer, set};
use crate::document::{Edit, Json, build, diff, get};
use crate::object::counting::Counting;

/// The state of an agent: 20 components with 100 fields, 50 KB of JSON.
fn agent_state() -> Json {
    let component = |c: i64| {
        let field = move |f: i64| {
            (format!("field_{f:03}"), Json::from(1_000_000_000 + c * 1_000_003 + f * 7_919))
        };
        (format!("component_{c:02}"), (0..100).map(field).collect::<Json>())
    };
    (0..20).map(component).collect()
}

struct Steps {
    random: u64,
}

impl Steps {
    /// xorshift64 (Marsaglia 2003), so that the run is the same everywhere.
    fn next(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % below
    }

    fn edits(&mut self) -> Vec<Edit> {
        let count = 1 + self.next(3);
        let edit = |_| {
            let at = format!("/component_{:02}/field_{:03}", self.next(20), self.next(100));
            set(&at, self.next(1_000_000_000) as i64)
        };
        (0..count).map(edit).collect()
    }
}

#[test]
fn a_step_of_an_agent_stores_under_six_thousand_bytes() {
    let objects = Counting::default();
    let state = agent_state();
    assert!((45_000..60_000).contains(&state.compact().len()), "{}", state.compact().len());
    let mut id = build(&objects, &state).unwrap();
    let mut steps = Steps { random: 0x5eed };
    let (mut most, mut sum) = (0, 0);
    for _ in 0..200 {
        objects.reset();
        id = change(&objects, id, &steps.edits()).unwrap();
        most = most.max(objects.new_bytes());
        sum += objects.new_bytes();
    }
    assert!(sum / 200 < 3_500, "{}", sum / 200);
    assert!(most < 6_000, "{most}");
    objects.reset();
    get(&objects, id, &pointer("/component_07/field_050")).unwrap();
    assert!(objects.fetched() < 10, "{}", objects.fetched());
}

#[test]
fn comparing_two_states_visits_what_differs() {
    let objects = Counting::default();
    let before = build(&objects, &agent_state()).unwrap();
    let after = change(&objects, before, &[set("/component_07/field_050", 1)]).unwrap();
    objects.reset();
    let changes = diff(&objects, before, after).unwrap();
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].pointer.to_string(), "/component_07/field_050");
    assert!(objects.fetched() < 20, "{}", objects.fetched());
}
