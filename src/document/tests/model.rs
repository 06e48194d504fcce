//! Plain values as the model: what an edit, a pointer and a difference mean without any tree.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::base::id::DocumentId;
use crate::document::{
    Document, DocumentChange, DocumentError, Edit, Json, Pointer, pointer::position,
};
use crate::object::traits::Put;

/// Changes a stored document in memory and stores it again.
pub(super) fn change(
    objects: &(impl Put + ?Sized),
    id: DocumentId,
    edits: &[Edit],
) -> Result<DocumentId, DocumentError> {
    let mut document = Document::open(objects, id)?;
    document.edit(edits)?;
    document.store(objects)
}

pub(super) fn json(text: &str) -> Json {
    Json::parse(text.as_bytes()).unwrap()
}

pub(super) fn pointer(text: &str) -> Pointer {
    text.parse().unwrap()
}

pub(super) fn set(at: &str, value: impl Into<Json>) -> Edit {
    Edit::Set { pointer: pointer(at), value: value.into() }
}

pub(super) fn insert(at: &str, value: impl Into<Json>) -> Edit {
    Edit::Insert { pointer: pointer(at), value: value.into() }
}

pub(super) fn remove(at: &str) -> Edit {
    Edit::Remove { pointer: pointer(at) }
}

/// The place in a value, as a reader without any tree would find it.
pub(super) fn at_mut<'v>(value: &'v mut Json, parts: &[String]) -> Option<&'v mut Json> {
    let Some((first, rest)) = parts.split_first() else {
        return Some(value);
    };
    match value {
        Json::Map(entries) => at_mut(entries.get_mut(first)?, rest),
        Json::List(items) => at_mut(items.get_mut(position(first)? as usize)?, rest),
        _ => None,
    }
}

/// Applies an edit to a plain value; none where it does not fit.
pub(super) fn model_edit(value: &mut Json, edit: &Edit) -> Option<()> {
    let Some((last, way)) = edit.pointer().parts().split_last() else {
        let Edit::Set { value: new, .. } = edit else { return None };
        *value = new.clone();
        return Some(());
    };
    match (at_mut(value, way)?, edit) {
        (Json::Map(entries), Edit::Set { value, .. }) => {
            entries.insert(last.clone(), value.clone());
        }
        (Json::Map(entries), Edit::Remove { .. }) => drop(entries.remove(last)?),
        (Json::List(items), Edit::Insert { value, .. }) => {
            let position = position(last).map(|at| at as usize);
            let at = if last == "-" { items.len() } else { position? };
            (at <= items.len()).then(|| items.insert(at, value.clone()))?;
        }
        (Json::List(items), Edit::Set { value, .. }) => {
            *items.get_mut(position(last)? as usize)? = value.clone();
        }
        (Json::List(items), Edit::Remove { .. }) => {
            let at = position(last)? as usize;
            (at < items.len()).then(|| drop(items.remove(at)))?;
        }
        _ => return None,
    }
    Some(())
}

pub(super) fn scalar() -> impl Strategy<Value = Json> {
    let text = prop_oneof!["[a-z]{0,12}", "\\PC{0,8}", "[a-c]{480,520}", "x{1020,1030}"];
    prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i32>().prop_map(|n| Json::from(i64::from(n))),
        Just(json("1.50e+3")),
        text.prop_map(Json::String),
    ]
}

pub(super) fn value() -> impl Strategy<Value = Json> {
    scalar().prop_recursive(4, 200, 40, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..40).prop_map(Json::List),
            prop::collection::btree_map("[a-e]{0,3}", inner, 0..40).prop_map(Json::Map),
        ]
    })
}

/// A place that often exists: `pick` leads down the value.
pub(super) fn some_place(value: &Json, picks: &[u16], is_new: bool) -> Pointer {
    let mut at = (Pointer::root(), value);
    for pick in picks {
        let pick = usize::from(*pick);
        at = match at.1 {
            Json::Map(entries) if !entries.is_empty() => {
                let (key, value) = entries.iter().nth(pick % entries.len()).unwrap();
                (at.0.join(key.clone()), value)
            }
            Json::List(items) if !items.is_empty() => {
                let position = pick % items.len();
                (at.0.join(position.to_string()), &items[position])
            }
            _ => break,
        };
    }
    match (is_new, at.1) {
        (true, Json::Map(_)) => at.0.join(format!("n{}", picks.first().unwrap_or(&0) % 50)),
        (true, Json::List(_)) => at.0.join("-"),
        _ => at.0,
    }
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Set(Vec<u16>, bool, Json),
    Insert(Vec<u16>, bool, Json),
    Remove(Vec<u16>),
    /// Removes so many siblings one by one, so that nodes shrink into their parents.
    RemoveMany(Vec<u16>, u8),
    /// Sets so many keys, so that they leave them again.
    Grow(Vec<u16>, u8),
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let picks = || prop::collection::vec(any::<u16>(), 0..4);
    prop_oneof![
        3 => (picks(), any::<bool>(), value()).prop_map(|(p, new, v)| Step::Set(p, new, v)),
        3 => (picks(), any::<bool>(), value()).prop_map(|(p, new, v)| Step::Insert(p, new, v)),
        2 => picks().prop_map(Step::Remove),
        2 => (picks(), 1..60_u8).prop_map(|(p, n)| Step::RemoveMany(p, n)),
        2 => (picks(), 1..60_u8).prop_map(|(p, n)| Step::Grow(p, n)),
    ]
}

/// Edits that fit the value, one after the other; changes the value as they do.
pub(super) fn fitting(value: &mut Json, step: &Step) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut apply = |value: &mut Json, edit: Edit| {
        if model_edit(value, &edit).is_some() {
            edits.push(edit);
        }
    };
    match step {
        Step::Set(picks, is_new, new) => {
            let pointer = some_place(value, picks, *is_new);
            apply(value, Edit::Set { pointer, value: new.clone() });
        }
        Step::Insert(picks, is_new, new) => {
            let pointer = some_place(value, picks, *is_new);
            apply(value, Edit::Insert { pointer, value: new.clone() });
        }
        Step::Remove(picks) => {
            let pointer = some_place(value, picks, false);
            apply(value, Edit::Remove { pointer });
        }
        Step::RemoveMany(picks, count) => {
            for n in 0..u16::from(*count) {
                let mut picks = picks.clone();
                picks.push(n);
                let pointer = some_place(value, &picks, false);
                apply(value, Edit::Remove { pointer });
            }
        }
        Step::Grow(picks, count) => {
            let at = some_place(value, picks, false);
            for n in 0..u16::from(*count) {
                let new = Json::from(i64::from(n));
                let pointer = at.join(format!("g{n}"));
                apply(value, Edit::Set { pointer, value: new.clone() });
                apply(value, Edit::Insert { pointer: at.join("-"), value: new });
            }
        }
    }
    edits
}

/// Applies changes as a reader of them would.
pub(super) fn replayed(before: &Json, changes: &[DocumentChange]) -> Json {
    let mut value = before.clone();
    let mut gone: BTreeMap<Pointer, usize> = BTreeMap::new();
    for change in changes {
        let Some((last, way)) = change.pointer.parts().split_last() else {
            assert_eq!(change.before.as_ref(), Some(&value));
            value = change.after.clone().unwrap();
            continue;
        };
        let place = at_mut(&mut value, way).unwrap();
        match (place, &change.before, &change.after) {
            (Json::Map(entries), before, Some(after)) => {
                assert_eq!(entries.insert(last.clone(), after.clone()).as_ref(), before.as_ref());
            }
            (Json::Map(entries), before, None) => {
                assert_eq!(entries.remove(last).as_ref(), before.as_ref());
            }
            (Json::List(items), before, after) => {
                let at: usize = last.parse().unwrap();
                let removed = gone.entry(Pointer::of(way)).or_default();
                match (before, after) {
                    (Some(old), Some(new)) => {
                        assert_eq!(&std::mem::replace(&mut items[at], new.clone()), old);
                    }
                    (None, Some(new)) => items.insert(at, new.clone()),
                    (Some(old), None) => {
                        assert_eq!(&items.remove(at - *removed), old);
                        *removed += 1;
                    }
                    (None, None) => panic!("a change of nothing"),
                }
            }
            other => panic!("{other:?}"),
        }
    }
    value
}
