//! The state of the founding documents: 20 components with 100 fields each, of which three change
//! in a step. Once as the engine's value, once as serde_json's.

use expdag::document::{Edit, Json, Pointer};
use serde_json::Value;

pub const COMPONENTS: i64 = 20;

/// A change of one field.
pub struct Change {
    component: String,
    field: String,
    value: i64,
}

fn component(c: i64) -> String {
    format!("component_{c:04}")
}

fn field(f: i64) -> String {
    format!("field_{f:03}")
}

/// That many components.
pub fn json(components: i64) -> Json {
    let number = |c: i64, f: i64| Json::from(1_000_000_000 + c * 1_000_003 + f * 7_919);
    let fields = |c: i64| (0..100).map(|f| (field(f), number(c, f))).collect::<Json>();
    (0..components).map(|c| (component(c), fields(c))).collect()
}

/// The same for serde_json.
pub fn value(components: i64) -> Value {
    serde_json::from_str(&json(components).compact()).expect("JSON")
}

/// The three fields that a step changes: other ones in each.
pub fn changes(step: usize, components: i64) -> [Change; 3] {
    [0, 1, 2].map(|n| {
        let at = step as i64 * 3 + n;
        Change {
            component: component(at * 7 % components),
            field: field(at * 13 % 100),
            value: 1_000_000_000 + at * 101,
        }
    })
}

/// The changes as edits.
pub fn edits(step: usize, components: i64) -> Vec<Edit> {
    let edit = |change: Change| Edit::Set {
        pointer: Pointer::of([change.component, change.field]),
        value: Json::from(change.value),
    };
    changes(step, components).into_iter().map(edit).collect()
}

/// The changes as a patch of RFC 6902.
pub fn patch(step: usize, components: i64) -> String {
    let op = |change: Change| {
        let Change { component, field, value } = change;
        format!(r#"{{"op":"replace","path":"/{component}/{field}","value":{value}}}"#)
    };
    format!("[{}]", changes(step, components).map(op).join(","))
}

/// Changes the engine's value in place.
pub fn change_json(json: &mut Json, step: usize, components: i64) {
    let Json::Map(parts) = json else { panic!("a map") };
    for change in changes(step, components) {
        let Some(Json::Map(fields)) = parts.get_mut(&change.component) else { panic!("a map") };
        fields.insert(change.field, Json::from(change.value));
    }
}

/// Changes serde_json's value in place.
pub fn change_value(value: &mut Value, step: usize, components: i64) {
    for change in changes(step, components) {
        value[&change.component][&change.field] = Value::from(change.value);
    }
}
