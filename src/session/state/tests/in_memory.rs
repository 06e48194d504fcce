//! A history in memory against deep copies.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::base::limits::HISTORY_STEPS_MAX;
use crate::document::{Document, Edit, Pointer};
use crate::session::state::{History, HistoryError};

#[derive(Clone, Debug)]
enum Step {
    Set { key: u8, value: i64 },
    Append { key: u8, value: i64 },
    Remove { key: u8 },
    Checkpoint,
    Rollback { steps: usize },
    Branch { name: u8 },
    Switch { name: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..8_u8, any::<i64>()).prop_map(|(key, value)| Step::Set { key, value }),
        2 => (0..8_u8, any::<i64>()).prop_map(|(key, value)| Step::Append { key, value }),
        1 => (0..8_u8).prop_map(|key| Step::Remove { key }),
        4 => Just(Step::Checkpoint),
        2 => (0..6_usize).prop_map(|steps| Step::Rollback { steps }),
        1 => (0..3_u8).prop_map(|name| Step::Branch { name }),
        1 => (0..3_u8).prop_map(|name| Step::Switch { name }),
    ]
}

/// A branch as deep copies of its states, oldest first.
type Copies = Vec<Json>;

fn name(at: u8) -> crate::base::name::Label {
    label(&format!("b{at}"))
}

/// The same edit, on a document and on a plain map. None where neither takes it.
fn edit(step: &Step, document: &mut Document, copy: &mut Json) {
    let Json::Map(entries) = copy else { panic!("it is a map") };
    let place = |key: u8| Pointer::of([format!("k{key}")]);
    match step {
        Step::Set { key, value } => {
            let value = Json::from(*value);
            let edit = Edit::Set { pointer: place(*key), value: value.clone() };
            document.edit(&[edit]).unwrap();
            entries.insert(format!("k{key}"), value);
        }
        Step::Append { key, value } => {
            let value = Json::from(*value);
            let edit = Edit::Append { pointer: Pointer::of(["list"]), value: value.clone() };
            let list = entries.entry("list".to_owned()).or_insert_with(|| {
                let pointer = Pointer::of(["list"]);
                document.edit(&[Edit::Set { pointer, value: Json::List(Vec::new()) }]).unwrap();
                Json::List(Vec::new())
            });
            let Json::List(items) = list else { panic!("it is a list") };
            document.edit(&[edit]).unwrap();
            items.push(value);
            let _ = key;
        }
        Step::Remove { key } => {
            let done = document.edit(&[Edit::Remove { pointer: place(*key) }]);
            assert_eq!(done.is_ok(), entries.remove(&format!("k{key}")).is_some());
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(150) })]

    #[test]
    fn going_back_is_exact(steps in proptest::collection::vec(step(), 1..120)) {
        let empty = Document::new();
        let mut history = History::new(&empty);
        let (mut document, mut copy) = (empty.clone(), empty.to_json());
        let mut line: Copies = vec![copy.clone()];
        let mut branches: BTreeMap<u8, Copies> = BTreeMap::new();
        let mut current = None;
        for step in &steps {
            match step {
                Step::Checkpoint => {
                    history.checkpoint(&document);
                    line.push(copy.clone());
                }
                Step::Rollback { steps } => {
                    let gone = history.rollback(*steps).cloned();
                    if *steps < line.len() {
                        line.truncate(line.len() - steps);
                        document = gone.unwrap();
                        copy = line.last().unwrap().clone();
                    } else {
                        prop_assert_eq!(gone, Err(HistoryError::TooFar { steps: line.len() - 1 }));
                    }
                }
                Step::Branch { name: at } => {
                    let is_new = current != Some(*at) && !branches.contains_key(at);
                    prop_assert_eq!(history.branch(name(*at)).is_ok(), is_new);
                    if is_new {
                        branches.insert(*at, line.clone());
                    }
                }
                Step::Switch { name: at } => {
                    let there = history.switch(&name(*at)).cloned();
                    if current == Some(*at) {
                        document = there.unwrap();
                    } else if let Some(other) = branches.remove(at) {
                        let left = std::mem::replace(&mut line, other);
                        if let Some(current) = current.replace(*at) {
                            branches.insert(current, left);
                        }
                        document = there.unwrap();
                    } else {
                        prop_assert!(there.is_err());
                        continue;
                    }
                    copy = line.last().unwrap().clone();
                }
                edits => edit(edits, &mut document, &mut copy),
            }
            prop_assert_eq!(&document.to_json(), &copy);
            prop_assert_eq!(&history.document().to_json(), line.last().unwrap());
        }
    }
}

#[test]
fn the_newest_steps_are_kept_and_branches_stay_where_they_are() {
    let mut document = Document::new();
    let mut history = History::new(&document);
    for at in 0..1_000 {
        history.branch(label(&format!("b{at}"))).unwrap();
    }
    assert!(matches!(history.branch(label("b0")), Err(HistoryError::BranchExists { .. })));
    for at in 0..HISTORY_STEPS_MAX as i64 + 10 {
        let (pointer, value) = (Pointer::of(["at"]), Json::from(at));
        document.edit(&[Edit::Set { pointer, value }]).unwrap();
        assert_eq!(history.checkpoint(&document), at as u64 + 1);
    }
    assert_eq!(history.get(10), None);
    assert_eq!(history.get(11).unwrap().to_json(), json(r#"{"at":10}"#));
    let steps = HISTORY_STEPS_MAX - 1;
    let too_far = history.rollback(HISTORY_STEPS_MAX).cloned();
    assert_eq!(too_far, Err(HistoryError::TooFar { steps }));
    assert_eq!(history.rollback(steps).unwrap().to_json(), json(r#"{"at":10}"#));
    // The step of this branch is gone, its state is not.
    assert_eq!(history.switch(&label("b7")).unwrap().to_json(), json("{}"));
    assert_eq!(history.rollback(1).cloned(), Err(HistoryError::TooFar { steps: 0 }));
    let step = history.checkpoint(&document);
    assert_eq!((history.step(), history.get(step)), (step, Some(&document)));
    assert_eq!(history.rollback(1).cloned(), Err(HistoryError::TooFar { steps: 0 }));
}
