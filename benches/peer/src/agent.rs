//! A run of an agent, made from a seed: 1,000 steps over a state that grows from 50 to 200 KB.
//!
//! The state has a plan, the components of a blueprint, a trace and a conversation that are appended
//! to, market data, and counters and times that change with each step. In half of the steps nothing
//! else changes: design papers put that share between 40 and 75 of 100.

use expdag::document::{Edit, Json, Pointer, PointerPattern};
use serde_json::{Map, Value, json};

/// Steps of a run.
pub const STEPS: usize = 1_000;

/// Places whose change alone is not worth a state.
pub const IGNORED: [&str; 4] = ["/updated_at", "/meta/*", "/market/*/seen_at", "/plan/*/heartbeat"];

/// Numbers from a seed (SplitMix64).
pub struct Seed(pub u64);

impl Seed {
    /// The next one below a bound.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// A sentence of that many words.
    fn words(&mut self, count: u64) -> String {
        const WORDS: [&str; 32] = [
            "the",
            "order",
            "price",
            "step",
            "fetch",
            "plan",
            "market",
            "retry",
            "of",
            "component",
            "result",
            "was",
            "checked",
            "against",
            "limit",
            "and",
            "then",
            "tool",
            "returned",
            "field",
            "changed",
            "with",
            "an",
            "error",
            "after",
            "second",
            "attempt",
            "passed",
            "signal",
            "window",
            "moved",
            "to",
        ];
        let words: Vec<_> = (0..count).map(|_| WORDS[self.below(32) as usize]).collect();
        words.join(" ")
    }
}

/// What one step does to the state, place by place.
#[derive(Clone)]
pub enum Change {
    Set(Vec<String>, Value),
    Append(Vec<String>, Value),
}

fn set(place: &[&str], value: impl Into<Value>) -> Change {
    Change::Set(place.iter().map(|part| (*part).to_owned()).collect(), value.into())
}

fn append(list: &str, value: Value) -> Change {
    Change::Append(vec![list.to_owned()], value)
}

/// The patterns of [`IGNORED`].
pub fn ignored() -> Vec<PointerPattern> {
    IGNORED.iter().map(|text| text.parse().expect("a pattern")).collect()
}

/// The state before the first step: some 50 KB.
pub fn first() -> Value {
    let mut seed = Seed(1);
    let component = |seed: &mut Seed| {
        let field =
            |f: u64, seed: &mut Seed| (format!("parameter_{f:02}"), json!(seed.below(1_000_000)));
        let fields: Map<_, _> = (0..30).map(|f| field(f, seed)).collect();
        json!({ "kind": seed.words(2), "note": seed.words(12), "fields": fields })
    };
    let components: Map<_, _> =
        (0..58).map(|c| (format!("component_{c:02}"), component(&mut seed))).collect();
    let task = |n: u64, seed: &mut Seed| {
        (format!("task_{n:02}"), json!({ "goal": seed.words(10), "state": "open", "heartbeat": 0 }))
    };
    let plan: Map<_, _> = (0..25).map(|n| task(n, &mut seed)).collect();
    let quote = |n: u64, seed: &mut Seed| {
        (
            format!("symbol_{n:02}"),
            json!({ "bid": seed.below(90_000), "ask": seed.below(90_000), "seen_at": 0 }),
        )
    };
    let market: Map<_, _> = (0..50).map(|n| quote(n, &mut seed)).collect();
    json!({
        "updated_at": 0, "meta": { "step": 0, "tokens": 0, "elapsed_ms": 0 }, "plan": plan,
        "blueprint": components, "market": market, "trace": [], "conversation": [],
    })
}

/// What each step changes. `idle` of 100 steps leave nothing that counts.
pub fn steps(count: usize, idle: u64) -> Vec<Vec<Change>> {
    let mut seed = Seed(2);
    (1..=count).map(|step| one(step, idle, &mut seed)).collect()
}

fn one(step: usize, idle: u64, seed: &mut Seed) -> Vec<Change> {
    let now = 1_800_000_000_000_u64 + step as u64 * 7_013;
    let symbol = format!("symbol_{:02}", seed.below(50));
    let mut changes = vec![
        set(&["updated_at"], now),
        set(&["meta", "step"], step),
        set(&["meta", "tokens"], step * 1_357),
        set(&["meta", "elapsed_ms"], step * 7_013),
        set(&["market", &symbol, "seen_at"], now),
    ];
    if seed.below(100) < idle {
        return changes;
    }
    let words = 8 + seed.below(10);
    changes.push(append("trace", json!({ "at": now, "step": step, "what": seed.words(words) })));
    let words = 10 + seed.below(30);
    let role = ["assistant", "tool"][step % 2];
    changes.push(append("conversation", json!({ "role": role, "text": seed.words(words) })));
    let component = format!("component_{:02}", seed.below(58));
    for _ in 0..=seed.below(3) {
        let field = format!("parameter_{:02}", seed.below(30));
        let place = ["blueprint", &component, "fields", &field];
        changes.push(set(&place, seed.below(1_000_000)));
    }
    changes.push(set(&["market", &symbol, "bid"], seed.below(90_000)));
    if seed.below(5) == 0 {
        let task = format!("task_{:02}", seed.below(25));
        let state = ["open", "running", "done"][seed.below(3) as usize];
        changes.push(set(&["plan", &task, "state"], state));
    }
    changes
}

/// Changes serde_json's value in place, as an agent without sessions does.
pub fn change_value(value: &mut Value, changes: &[Change]) {
    for change in changes {
        let (Change::Set(place, new) | Change::Append(place, new)) = change;
        let at = place.iter().fold(&mut *value, |at, part| &mut at[part.as_str()]);
        match change {
            Change::Set(..) => *at = new.clone(),
            Change::Append(..) => at.as_array_mut().expect("a list").push(new.clone()),
        }
    }
}

/// The engine's value of serde_json's.
pub fn json_of(value: &Value) -> Json {
    match value {
        Value::Object(entries) => {
            entries.iter().map(|(key, value)| (key, json_of(value))).collect()
        }
        Value::Array(items) => items.iter().map(json_of).collect::<Vec<_>>().into(),
        Value::String(text) => text.as_str().into(),
        Value::Number(number) => number.as_i64().expect("a whole number").into(),
        Value::Bool(is_so) => (*is_so).into(),
        Value::Null => Json::Null,
    }
}

/// The changes as edits.
pub fn edits(changes: &[Change]) -> Vec<Edit> {
    let edit = |change: &Change| match change {
        Change::Set(place, value) => {
            Edit::Set { pointer: Pointer::of(place), value: json_of(value) }
        }
        Change::Append(place, value) => {
            Edit::Append { pointer: Pointer::of(place), value: json_of(value) }
        }
    };
    changes.iter().map(edit).collect()
}

/// Changes the engine's value in place.
pub fn change_json(json: &mut Json, changes: &[Change]) {
    fn within<'a>(at: &'a mut Json, part: &String) -> &'a mut Json {
        match at {
            Json::Map(entries) => entries.get_mut(part).expect("a place that is there"),
            _ => panic!("a map"),
        }
    }
    for change in changes {
        let (Change::Set(place, new) | Change::Append(place, new)) = change;
        let at = place.iter().fold(&mut *json, within);
        match (change, at) {
            (Change::Append(..), Json::List(items)) => items.push(json_of(new)),
            (_, at) => *at = json_of(new),
        }
    }
}
