//! A disk that fails: each change that `snapshot` and `switch` make fails in turn, once or from then
//! on. The error says which sort it is, files and names are as before, and the next command works.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod library;

use std::sync::Arc;

use expdag::base::fault::{Failure, RecordingDisk};
use expdag::base::id::NamesId;
use expdag::base::name::Label;
use expdag::engine::verb::branch;
use expdag::engine::{Category, Engine, EngineError};
use expdag::object::operation::{Operation, OperationKind};

use library::{Bed, edit, names, surroundings, switch_to, take_snapshot, two_branches};

type Verb = fn(&Engine) -> Result<(), EngineError>;

fn edited() -> Bed {
    let bed = two_branches();
    edit(&bed, "plain", "un-captured\n");
    edit(&bed, "gone/.env", "SECRET=1\n");
    bed
}

fn failing(bed: &Bed, failure: Failure) -> (Engine, Arc<RecordingDisk>) {
    let disk = Arc::new(RecordingDisk::failing(&bed.root(), failure));
    let around = surroundings(&bed.root(), &bed.state(), disk.clone());
    (Engine::open(around).unwrap(), disk)
}

/// Whether nothing has moved since but what saved un-captured work.
fn only_saved_since(engine: &Engine, before: NamesId) -> bool {
    let mut at = names(engine);
    let mut next = engine.store().current().unwrap().map(|current| current.operation);
    while at != before {
        let operation = Operation::fetch(engine.store(), next.unwrap()).unwrap();
        if operation.kind != OperationKind::Capture {
            return false;
        }
        (at, next) = (operation.before, operation.parents.first().copied());
    }
    true
}

fn no_intent(engine: &Engine) -> bool {
    let intents = std::fs::read_dir(engine.store().layout().intents()).unwrap();
    intents.flatten().all(|entry| entry.path().extension().is_none_or(|word| word != "intent"))
}

/// Fails each change in turn. Returns how many there are.
fn fail_each_change(verb: Verb, errno: i32, category: Category, is_lasting: bool) -> usize {
    let after = {
        let bed = edited();
        verb(&bed.open("one")).unwrap();
        bed.files()
    };
    for at in 0.. {
        let bed = edited();
        let (before, files) = (names(&bed.open("one")), bed.files());
        let (engine, disk) = failing(&bed, Failure { at, errno, is_lasting });
        let result = verb(&engine);
        if disk.tried() <= at {
            result.unwrap();
            return at;
        }
        let here = format!("change {at} failed: {result:?}");
        let is_done = result.is_ok();
        if is_done || !is_lasting {
            assert_eq!(bed.files(), if is_done { &after } else { &files }.clone(), "{here}");
        }
        let next = bed.open("one");
        assert!(next.store().check(&|_| ()).unwrap().is_sound(), "{here}");
        if let Err(error) = &result {
            assert_eq!(error.category(), category, "{here}");
            // Where the disk died between the last change and its sync nobody can know; then files
            // and names are the new ones, together.
            let is_old = only_saved_since(&next, before);
            assert!(is_old || is_lasting, "{here}");
            assert_eq!(bed.files(), if is_old { &files } else { &after }.clone(), "{here}");
            verb(&next).unwrap_or_else(|again| panic!("{here}, and then {again}"));
        }
        assert_eq!(bed.files(), after, "{here}");
        take_snapshot(&next).unwrap_or_else(|again| panic!("{here}, and then {again}"));
        assert!(no_intent(&next), "{here}");
    }
    unreachable!("a verb has an end")
}

fn fail_in_each_way(verb: Verb) -> usize {
    let ways = [(libc::ENOSPC, Category::Full), (libc::EIO, Category::System)];
    let fail = |(errno, category)| {
        let once = fail_each_change(verb, errno, category, false);
        assert_eq!(fail_each_change(verb, errno, category, true), once);
        once
    };
    ways.map(fail)[0]
}

#[test]
fn a_snapshot_that_fails_changes_nothing() {
    let changes = fail_in_each_way(|engine| take_snapshot(engine).map(|_| ()));
    assert!(changes > 10, "{changes}");
}

#[test]
fn a_switch_that_fails_changes_nothing() {
    let changes = fail_in_each_way(|engine| switch_to(engine, "other").map(|_| ()));
    assert!(changes > 40, "{changes}");
}

/// It captured the half-restored tree as the user's work.
#[test]
fn an_engine_that_was_open_before_a_restore_died_puts_it_right() {
    for at in 0.. {
        let bed = edited();
        let (long_open, files) = (bed.open("two"), bed.files());
        let (engine, disk) = failing(&bed, Failure { at, errno: libc::EIO, is_lasting: true });
        if switch_to(&engine, "other").is_ok() {
            if disk.tried() <= at {
                return;
            }
            continue;
        }
        take_snapshot(&long_open).unwrap();
        let position = long_open.standing().unwrap().position;
        if position.branch.as_str() == "other" {
            // The disk died after the last change of the commit: all of it is there.
            continue;
        }
        assert_eq!(bed.files(), files, "change {at} failed");
        assert!(no_intent(&long_open), "change {at} failed");
        let seen = switch_to(&long_open, "other").unwrap();
        assert_eq!(seen.captured, None, "change {at} failed");
    }
}

/// The files were taken back although the names had moved with them.
#[test]
fn an_intent_that_comes_back_after_its_commit_takes_nothing_back() {
    for at in 0.. {
        let bed = two_branches();
        let (engine, disk) = failing(&bed, Failure { at, errno: libc::EIO, is_lasting: false });
        let done = switch_to(&engine, "other").is_ok();
        assert!(disk.tried() > at, "the removal of the intent is a change that can fail");
        if !done || no_intent(&engine) {
            continue;
        }
        // Its removal failed. Somebody goes on, who does not lock the workspace.
        let from = "other".to_owned();
        let to = Label::new("renamed").unwrap();
        branch::run(&engine, &branch::Options::Rename { from, to, dry_run: false }).unwrap();
        let files = bed.files();
        let next = bed.open("one");
        assert_eq!(bed.files(), files);
        assert!(no_intent(&next));
        return;
    }
}
