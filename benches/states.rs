//! What a step of an agent costs in memory, and in a session: `cargo bench --bench states`.
//!
//! The state is the one of the founding documents: components with 100 fields each, of which three
//! change in a step. Beside the engine's own work stand a plain clone of the value and a full
//! serialisation of it, in the same run. Sessions lie in a temporary folder (`TMPDIR`); nothing here
//! waits for a disk, as automatic puts do not: `benches/states.sh` measures durable ones.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use expdag::base::name::Label;
use expdag::document::{Document, Edit, Json, ListKeys, Pointer};
use expdag::session::state::{At, History, Put, PutKind, Session, Sessions, What};

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

/// The same as most programs hold it.
fn serde_state(components: i64) -> serde_json::Value {
    serde_json::from_str(&state(components).compact()).expect("JSON")
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
    let value = serde_state(components);
    bencher.bench_local(|| black_box(&value).clone());
}

#[divan::bench(args = COMPONENTS)]
fn full_serialisation(bencher: Bencher, components: i64) {
    let value = state(components);
    bencher.bench_local(|| black_box(&value).compact());
}

#[divan::bench(args = COMPONENTS)]
fn full_serialisation_of_serde_json(bencher: Bencher, components: i64) {
    let value = serde_state(components);
    bencher.bench_local(|| serde_json::to_vec(black_box(&value)));
}

fn names(count: usize) -> Vec<Label> {
    let name = |n| Label::new(format!("attempt-{n}")).expect("a good name");
    (0..count).map(name).collect()
}

#[divan::bench]
fn thousand_branches_of_one_state(bencher: Bencher) {
    let history = History::new(&settled(20));
    let names = names(1_000);
    bencher
        .counter(ItemsCount::new(names.len()))
        .with_inputs(|| (history.clone(), names.clone()))
        .bench_local_values(|(mut history, names)| {
            for name in names {
                history.branch(name).expect("a new name");
            }
            history
        });
}

const STEPS_BACK: [usize; 3] = [1, 10, 100];

#[divan::bench(args = STEPS_BACK)]
fn rollback_in_memory(bencher: Bencher, steps: usize) {
    let mut document = settled(20);
    let mut history = History::new(&document);
    for step in 1..=200 {
        document.edit(&edits(step, 20)).expect("the places are there");
        history.checkpoint(&document);
    }
    bencher
        .with_inputs(|| history.clone())
        .bench_local_refs(|history| history.rollback(steps).expect("steps that are kept").clone());
}

#[divan::bench(args = STEPS_BACK)]
fn rollback_among_deep_copies(bencher: Bencher, steps: usize) {
    let kept = vec![state(20); 201];
    bencher.bench_local(|| black_box(&kept)[200 - steps].clone());
}

/// A session in a folder that goes with it, with one state.
fn session(components: i64) -> (tempfile::TempDir, Sessions, Session) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let sessions = Sessions::at(folder.path()).expect("a store can be made");
    let session = sessions.session("bench").expect("a good name");
    session.put(&Put::manual(state(components))).expect("it is saved");
    (folder, sessions, session)
}

#[divan::bench(args = COMPONENTS)]
fn automatic_put_of_edits(bencher: Bencher, components: i64) {
    let (_folder, _sessions, session) = session(components);
    let mut step = 0;
    bencher
        .with_inputs(|| {
            step += 1;
            let edits = edits(step, components);
            Put::new(PutKind::Automatic, What::Edits { base: None, edits })
        })
        .bench_local_refs(|put| session.put(put).expect("it is saved"));
}

#[divan::bench(args = COMPONENTS)]
fn automatic_put_of_a_document(bencher: Bencher, components: i64) {
    let (_folder, _sessions, session) = session(components);
    let mut document = settled(components);
    let mut step = 0;
    bencher
        .with_inputs(|| {
            step += 1;
            document.edit(&edits(step, components)).expect("the places are there");
            Put::new(PutKind::Automatic, What::Document(document.clone()))
        })
        .bench_local_refs(|put| session.put(put).expect("it is saved"));
}

/// Two values in turns, so that each put differs from the last in three fields.
#[divan::bench(args = COMPONENTS)]
fn automatic_put_of_the_whole_value(bencher: Bencher, components: i64) {
    let (_folder, _sessions, session) = session(components);
    let mut other = settled(components);
    other.edit(&edits(1, components)).expect("the places are there");
    let puts = [Put::automatic(other.to_json()), Put::automatic(state(components))];
    let mut step = 0;
    bencher.bench_local(|| {
        step += 1;
        session.put(&puts[(step + 1) % 2]).expect("it is saved")
    });
}

#[divan::bench(args = COMPONENTS)]
fn put_that_is_skipped(bencher: Bencher, components: i64) {
    let (_folder, _sessions, session) = session(components);
    let put = Put::automatic(state(components));
    bencher.bench_local(|| session.put(&put).expect("it is skipped"));
}

#[divan::bench(args = COMPONENTS)]
fn latest_from_memory(bencher: Bencher, components: i64) {
    let (_folder, _sessions, session) = session(components);
    bencher.bench_local(|| session.get(&At::latest()).expect("it is there"));
}

/// With opening the store, through 50 patches.
#[divan::bench(args = COMPONENTS)]
fn latest_from_disk(bencher: Bencher, components: i64) {
    let (folder, sessions, session) = session(components);
    for step in 1..=50 {
        let edits = edits(step, components);
        let put = Put::new(PutKind::Automatic, What::Edits { base: None, edits });
        session.put(&put).expect("it is saved");
    }
    sessions.close().expect("it is durable");
    bencher.bench_local(|| {
        let sessions = Sessions::at(folder.path()).expect("the store is there");
        let session = sessions.session("bench").expect("a good name");
        session.get(&At::latest()).expect("it is there")
    });
}
