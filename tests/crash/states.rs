//! Files and state together under power cuts: whatever is left, the session is whole and its state
//! the old or the new one; once acknowledged, the new one.

use std::cell::OnceCell;
use std::path::Path;
use std::sync::Arc;

use expdag::base::fault::{RecordingDisk, crash_points};
use expdag::engine::Engine;
use expdag::engine::verb::audit;
use expdag::engine::verb::state::{Change, Input, Which, get, put, rollback};
use expdag::run::Cancel;
use expdag::session::state::PutKind;

use super::library::{Bed, in_memory, one, other, quick, roll_back, surroundings, take_snapshot};
use super::{Proof, Verb, recorded, tried};

fn put(engine: &Engine, value: u32, files: bool, tag: Option<&str>) {
    put::run(
        engine,
        &put::Options {
            input: Input::Changes(vec![Change::Set(format!("/n={value}"))]),
            kind: PutKind::Manual,
            branch: None,
            message: String::new(),
            tags: tag.map(|tag| tag.parse().unwrap()).into_iter().collect(),
            expect: None,
            files,
            explain: false,
        },
    )
    .unwrap();
}

/// State 1 with the first files, then other files with state 2.
fn known() -> Bed {
    let bed = Bed::with(&one());
    let engine = bed.open("one");
    put(&engine, 1, true, Some("first"));
    bed.make(&other());
    put(&engine, 2, false, None);
    take_snapshot(&engine).unwrap();
    bed
}

fn state(engine: &Engine) -> Proof<String> {
    let report = get::run(engine, &get::Options::default(), &Cancel::new())?;
    Ok(report.value.ok_or("no state")?.compact())
}

/// Crashes a verb everywhere; the state must be one of those, and at the end the last.
fn crash_both(verb: Verb, right: &[&str]) -> (usize, usize) {
    let (bed, scratch) = (known(), in_memory());
    let (expected, mut all) = (OnceCell::new(), 0);
    let run = |disk: Arc<RecordingDisk>| {
        assert!(expected.set(recorded(&bed, disk, verb)).is_ok());
    };
    let prove = |root: &Path, outside: &Path, is_end: bool| -> Proof {
        let engine = Engine::open(surroundings(root, outside, quick(root)))?;
        let found = state(&engine)?;
        let allowed = if is_end { &right[right.len() - 1..] } else { right };
        if !allowed.contains(&found.as_str()) {
            return Err(format!("the state is {found}").into());
        }
        let audited = audit::run(&engine, &audit::Options::default())?;
        if audited.is_sound() { Ok(()) } else { Err(format!("{audited:?}").into()) }
    };
    let states = crash_points(&bed.root(), scratch.path(), run, |root, point| {
        all = point.all;
        let outside = scratch.path().join("outside");
        let fault = prove(root, &outside, point.is_end()).err().map(|fault| fault.to_string());
        let fault = fault.or_else(|| expected.get().unwrap().fault(root, &outside, point));
        if let Some(fault) = fault {
            panic!("after {} of {all} changes (last: {}): {fault}", point.at, point.last);
        }
    });
    (all, states.unwrap())
}

#[test]
fn a_state_with_files_is_there_with_both_or_not_at_all() {
    let verb: Verb = |engine| {
        put(engine, 3, true, None);
        Ok(())
    };
    tried("state put --files", crash_both(verb, &[r#"{"n":2}"#, r#"{"n":3}"#]), 12);
}

#[test]
fn a_rollback_of_both_leaves_a_whole_session() {
    let verb: Verb = |engine| {
        let which = Which::named("first");
        let options = rollback::Options { which, files: true, ..Default::default() };
        rollback::run(engine, &options).map(|_| ())
    };
    tried("state rollback --files", crash_both(verb, &[r#"{"n":2}"#, r#"{"n":1}"#]), 40);
}

#[test]
fn a_rollback_of_the_files_leaves_a_whole_session() {
    let verb: Verb = |engine| roll_back(engine, "@-").map(|_| ());
    tried("rollback with a state", crash_both(verb, &[r#"{"n":2}"#, r#"{"n":1}"#]), 40);
}
