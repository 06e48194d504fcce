//! What a step of an agent costs in memory: `cargo bench --bench states`.
//!
//! The state is the one of the founding documents: components with 100 fields each, of which three
//! change in a step. Beside the engine's own work stand a plain clone of the value and a full
//! serialisation of it, in the same run.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use expdag::document::{Document, Edit, Json, ListKeys, Pointer};

fn main() {
    divan::main();
}

const COMPONENTS: [i64; 3] = [20, 100, 1_000];

fn state(components: i64) -> Json {
    let component = |c: i64| {
        let field = move |f: i64| {
            (format!("field_{f:03}"), Json::from(1_000_000_000 + c * 1_000_003 + f * 7_919))
        };
        (format!("component_{c:04}"), (0..100).map(field).collect::<Json>())
    };
    (0..components).map(component).collect()
}

/// Three fields of three components, other ones in each step.
fn edits(step: i64, components: i64) -> Vec<Edit> {
    let edit = |n: i64| {
        let at = step * 3 + n;
        let (c, f) = (at * 7 % components, at * 13 % 100);
        let part = [format!("component_{c:04}"), format!("field_{f:03}")];
        Edit::Set { pointer: Pointer::of(part), value: Json::from(step) }
    };
    (0..3).map(edit).collect()
}

/// A document whose hashes are known, as one that was just saved.
fn settled(components: i64) -> Document {
    let document = Document::of(&state(components)).expect("a value within the bounds");
    document.id().expect("a value that can be encoded");
    document
}

#[divan::bench(args = COMPONENTS)]
fn tracked_edit_and_snapshot(bencher: Bencher, components: i64) {
    let mut document = settled(components);
    let mut kept = std::collections::VecDeque::from(vec![document.clone(); 1_000]);
    let mut step = 0;
    bencher
        .with_inputs(|| {
            step += 1;
            edits(step, components)
        })
        .bench_local_refs(|edits| {
            document.edit(edits).expect("the places are there");
            kept.push_back(document.clone());
            kept.pop_front()
        });
}

#[divan::bench(args = COMPONENTS)]
fn tracked_edit_and_id(bencher: Bencher, components: i64) {
    let mut document = settled(components);
    let mut step = 0;
    bencher
        .with_inputs(|| {
            step += 1;
            edits(step, components)
        })
        .bench_local_refs(|edits| {
            document.edit(edits).expect("the places are there");
            document.id()
        });
}

#[divan::bench(args = COMPONENTS)]
fn patch_between_two_steps(bencher: Bencher, components: i64) {
    let before = settled(components);
    let mut after = before.clone();
    after.edit(&edits(1, components)).expect("the places are there");
    let keys = ListKeys::by_position();
    bencher.bench_local(|| black_box(&before).patch_to(black_box(&after), &keys));
}

#[divan::bench(args = COMPONENTS)]
fn from_the_whole_value(bencher: Bencher, components: i64) {
    let before = settled(components);
    let mut after = before.clone();
    after.edit(&edits(1, components)).expect("the places are there");
    let after = after.to_json();
    bencher.bench_local(|| black_box(&before).replaced(black_box(&after)));
}

#[divan::bench(args = COMPONENTS)]
fn plain_clone(bencher: Bencher, components: i64) {
    let value = state(components);
    bencher.bench_local(|| black_box(&value).clone());
}

#[divan::bench(args = COMPONENTS)]
fn plain_clone_of_serde_json(bencher: Bencher, components: i64) {
    let value: serde_json::Value =
        serde_json::from_str(&state(components).compact()).expect("JSON");
    bencher.bench_local(|| black_box(&value).clone());
}

#[divan::bench(args = COMPONENTS)]
fn full_serialisation(bencher: Bencher, components: i64) {
    let value = state(components);
    bencher.bench_local(|| black_box(&value).compact());
}

#[divan::bench(args = COMPONENTS)]
fn full_serialisation_of_serde_json(bencher: Bencher, components: i64) {
    let value: serde_json::Value =
        serde_json::from_str(&state(components).compact()).expect("JSON");
    bencher.bench_local(|| serde_json::to_vec(black_box(&value)));
}

#[divan::bench]
fn thousand_branches_of_one_state(bencher: Bencher) {
    let document = settled(20);
    let names: Vec<String> = (0..1_000).map(|n| format!("attempt-{n}")).collect();
    bencher.counter(ItemsCount::new(1_000_usize)).bench_local(|| {
        let branch = |name: &String| (name.clone(), document.clone());
        names.iter().map(branch).collect::<std::collections::BTreeMap<_, _>>()
    });
}
