//! Power cuts under the verbs: at every change that a verb makes to the disk, in every order that
//! the missing syncs allow (see `base::fault`).
//!
//! The rule: opening the workspace again gives the old state or the new one, names and files
//! together; what was not captured is still there; the store is sound; no intent is left; and the
//! snapshot that follows records no half-restored tree.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

#[path = "crash/bundles.rs"]
mod bundles;
mod library;
#[path = "crash/states.rs"]
mod states;

use std::cell::OnceCell;
use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use expdag::base::disk::Disk;
use expdag::base::fault::{
    CrashPoint, Failure, Mutation, RecordingDisk, crash_points, crash_points_of,
};
use expdag::base::id::{NamesId, TreeId};
use expdag::engine::verb::{deinit, init};
use expdag::engine::{Engine, EngineError, Surroundings};
use expdag::object::names::{self, NameKey, NameValue};
use expdag::object::operation::Operation;
use expdag::object::snapshot::Snapshot;

use library::{
    Bed, Files, edit, files_of, in_memory, merge_in, names as names_now, one, other, quick,
    redo_one, roll_back, surroundings, switch_to, take_snapshot, two_branches, undo_one,
};

/// States that are right: after each operation that the verb committed, with the files and the
/// tree that a snapshot of them has.
struct Expected {
    right: Vec<Right>,
}

struct Right {
    names: NamesId,
    files: Files,
    tree: TreeId,
}

impl Expected {
    /// What a verb that began at `before` with `files` has committed since. All but its last
    /// operation saved work and left the files alone.
    fn since(engine: &Engine, before: NamesId, files: &Files) -> Self {
        let mut committed = vec![names_now(engine)];
        let mut next = engine.store().current().unwrap().map(|current| current.operation);
        while *committed.last().unwrap() != before {
            let operation = Operation::fetch(engine.store(), next.unwrap()).unwrap();
            committed.push(operation.before);
            next = operation.parents.first().copied();
        }
        committed.reverse();
        let after = files_of(engine.root());
        let last = committed.len() - 1;
        let end = tree_of(engine);
        let is_still = after == *files;
        let start = if is_still { end } else { tree_at(engine, committed[last - 1]).unwrap() };
        let right = |(at, names): (usize, &NamesId)| match at == last {
            true => Right { names: *names, files: after.clone(), tree: end },
            false => Right { names: *names, files: files.clone(), tree: start },
        };
        Self { right: committed.iter().enumerate().map(right).collect() }
    }

    /// What is wrong with a state that a crash left.
    fn fault(&self, root: &Path, state: &Path, point: &CrashPoint) -> Option<String> {
        self.prove(root, state, point.is_end()).err().map(|fault| fault.to_string())
    }

    fn prove(&self, root: &Path, state: &Path, is_end: bool) -> Proof {
        let engine = Engine::open(surroundings(root, state, quick(root)))?;
        let found = engine.store().names()?;
        let Some(at) = self.right.iter().position(|right| right.names == found) else {
            return Err("the names are neither old nor new".into());
        };
        if is_end && at + 1 < self.right.len() {
            return Err("what was acknowledged is gone".into());
        }
        let right = &self.right[at];
        let files = files_of(engine.root());
        if files != right.files {
            let differs = |path: &&String| files.get(*path) != right.files.get(*path);
            let paths: Vec<_> = files.keys().chain(right.files.keys()).filter(differs).collect();
            return Err(format!("the files {paths:?} do not go with the names").into());
        }
        sound(&engine)?;
        let report = take_snapshot(&engine)?;
        if !report.skipped.is_empty() {
            return Err(format!("{:?}", report.skipped).into());
        }
        match tree_at(&engine, engine.store().names()?)? == right.tree {
            true => Ok(()),
            false => Err("the next snapshot records another tree".into()),
        }
    }
}

/// The tree that a snapshot of the files has. Not always that of the position: a folder that had to
/// stay, since an unrecorded file is in it, is recorded as an empty one.
fn tree_of(engine: &Engine) -> TreeId {
    let around = engine.surroundings().clone();
    let aside = Engine::open(Surroundings { disk: quick(engine.root()), ..around }).unwrap();
    take_snapshot(&aside).unwrap();
    tree_at(&aside, names_now(&aside)).unwrap()
}

type Proof<T = ()> = Result<T, Box<dyn Error>>;

/// A store in which nothing is wrong and no restore half-done.
fn sound(engine: &Engine) -> Proof {
    let report = engine.store().check(&|_| ())?;
    if !report.is_sound() {
        return Err(format!("{:?}", report.problems).into());
    }
    for entry in std::fs::read_dir(engine.store().layout().intents())? {
        if entry?.path().extension().is_some_and(|extension| extension == "intent") {
            return Err("an intent is left".into());
        }
    }
    Ok(())
}

/// The tree of the snapshot at which the workspace stood at some moment.
fn tree_at(engine: &Engine, at: NamesId) -> Proof<TreeId> {
    let key = NameKey::Position(engine.workspace().to_owned());
    match names::get(engine.store(), at, &key)? {
        Some(NameValue::Position(position)) => {
            Ok(Snapshot::fetch(engine.store(), position.snapshot)?.tree)
        }
        other => Err(format!("no position: {other:?}").into()),
    }
}

type Verb = fn(&Engine) -> Result<(), EngineError>;

/// Runs a verb on a recording disk; tells what is right after it.
fn recorded(bed: &Bed, disk: Arc<dyn Disk>, verb: Verb) -> Expected {
    let plain = bed.open("one");
    let (before, files) = (names_now(&plain), bed.files());
    let engine = Engine::open(surroundings(&bed.root(), &bed.state(), disk)).unwrap();
    verb(&engine).unwrap();
    Expected::since(&engine, before, &files)
}

/// Crashes a verb everywhere. Returns how many changes to the disk it makes, and in how many
/// different states it was begun again.
fn crash(prepare: fn() -> Bed, verb: Verb) -> (usize, usize) {
    let (bed, scratch) = (prepare(), in_memory());
    let (expected, mut all) = (OnceCell::new(), 0);
    let run = |disk: Arc<RecordingDisk>| {
        assert!(expected.set(recorded(&bed, disk, verb)).is_ok());
    };
    let states = crash_points(&bed.root(), scratch.path(), run, |root, point| {
        all = point.all;
        let state = scratch.path().join("outside");
        if let Some(fault) = expected.get().unwrap().fault(root, &state, point) {
            panic!("after {} of {all} changes (last: {}): {fault}", point.at, point.last);
        }
    });
    (all, states.unwrap())
}

/// Leaves out each sync of a verb in turn; returns those whose absence nothing noticed, and how
/// many there are.
fn leave_out_each_sync(prepare: fn() -> Bed, verb: Verb) -> (Vec<usize>, usize) {
    let syncs = syncs(prepare, verb);
    let goes_unnoticed = |sync: &usize| {
        let (bed, scratch) = (prepare(), in_memory());
        let disk = Arc::new(RecordingDisk::forgetting(&bed.root(), *sync));
        let expected = OnceCell::new();
        let run = |disk: Arc<RecordingDisk>| {
            assert!(expected.set(recorded(&bed, disk, verb)).is_ok());
        };
        let mut noticed = false;
        let check = |root: &Path, point: &CrashPoint| {
            // Up to there nothing is different.
            if point.at < syncs[*sync] {
                return ControlFlow::Continue(());
            }
            let state = scratch.path().join("outside");
            noticed = expected.get().unwrap().fault(root, &state, point).is_some();
            if noticed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        crash_points_of(disk.clone(), &bed.root(), scratch.path(), run, check).unwrap();
        assert_eq!(disk.syncs(), syncs.len());
        !noticed
    };
    ((0..syncs.len()).filter(goes_unnoticed).collect(), syncs.len())
}

/// After how many changes each sync of a verb comes.
fn syncs(prepare: fn() -> Bed, verb: Verb) -> Vec<usize> {
    let bed = prepare();
    let disk = Arc::new(RecordingDisk::new(&bed.root()));
    recorded(&bed, disk.clone(), verb);
    syncs_among(&disk.recorded())
}

fn syncs_among(all: &[Mutation]) -> Vec<usize> {
    let is_sync = |change: &Mutation| {
        use Mutation::{SyncAll, SyncDir, SyncFile};
        matches!(change, SyncAll { .. } | SyncDir { .. } | SyncFile { .. })
    };
    all.iter().enumerate().filter(|(_, change)| is_sync(change)).map(|(at, _)| at).collect()
}

/// How many changes of the disk each verb makes here, so that none goes missing unseen: a crash was
/// tried after each of them.
#[track_caller]
fn tried(verb: &str, (points, states): (usize, usize), least: usize) {
    println!("{verb}: {points} crash points, {states} states");
    assert!(points >= least, "{verb}: only {points} crash points ({states} states)");
    assert!(states >= points, "{verb}: each point in several states ({states})");
}

/// Work that was not captured, and in a folder that disappears a file that never is.
fn edited() -> Bed {
    let bed = two_branches();
    edit(&bed, "plain", "un-captured\n");
    edit(&bed, "gone/.env", "SECRET=1\n");
    bed
}

#[test]
fn snapshot_leaves_the_old_state_or_the_new_one() {
    let verb: Verb = |engine| take_snapshot(engine).map(|_| ());
    tried("snapshot", crash(edited, verb), 10);
}

#[test]
fn switch_leaves_the_old_state_or_the_new_one() {
    let verb: Verb = |engine| switch_to(engine, "other").map(|_| ());
    tried("switch", crash(edited, verb), 40);
}

/// A branch beside which `main` has gone on.
fn diverged() -> Bed {
    let bed = two_branches();
    edit(&bed, "ours", "ours alone\n");
    take_snapshot(&bed.open("one")).unwrap();
    edit(&bed, "plain", "un-captured\n");
    bed
}

#[test]
fn merge_leaves_the_old_state_or_the_new_one() {
    let verb: Verb = |engine| {
        let report = merge_in(engine, "other")?;
        assert_eq!(report.outcome, "merged");
        Ok(())
    };
    tried("merge", crash(diverged, verb), 40);
}

fn switched() -> Bed {
    let bed = two_branches();
    switch_to(&bed.open("one"), "other").unwrap();
    edit(&bed, "plain", "un-captured\n");
    bed
}

#[test]
fn undo_leaves_the_old_state_or_the_new_one() {
    let verb: Verb = |engine| undo_one(engine).map(|_| ());
    tried("undo", crash(switched, verb), 40);
}

fn undone() -> Bed {
    let bed = two_branches();
    let engine = bed.open("one");
    switch_to(&engine, "other").unwrap();
    undo_one(&engine).unwrap();
    bed
}

#[test]
fn redo_leaves_the_old_state_or_the_new_one() {
    let verb: Verb = |engine| redo_one(engine).map(|_| ());
    tried("redo", crash(undone, verb), 30);
}

/// Only an executable bit has changed on the way: no content is written.
fn moded() -> Bed {
    let bed = Bed::with(&one());
    let mut files = one();
    files.insert("same".to_owned(), library::Node::File(b"same on both".to_vec(), true));
    bed.make(&files);
    take_snapshot(&bed.open("one")).unwrap();
    bed
}

#[test]
fn rollback_leaves_the_old_state_or_the_new_one() {
    let verb: Verb = |engine| roll_back(engine, "@-").map(|_| ());
    tried("rollback", crash(clean_after_two, verb), 30);
    tried("rollback of a mode", crash(moded, verb), 10);
}

fn clean_after_two() -> Bed {
    let bed = Bed::with(&one());
    bed.make(&other());
    take_snapshot(&bed.open("one")).unwrap();
    bed
}

/// Proves that `init` was done, or was not and can be given again.
fn prove_init(root: &Path, state: &Path, (before, after): (&Files, &Files), is_end: bool) -> Proof {
    let around = || surroundings(root, state, quick(root));
    if let Err(error) = Engine::open(around()).and_then(|engine| engine.standing()) {
        if is_end {
            return Err(error.into());
        }
        // The workspace is not there. Of the files, at most the new `exp.toml` is: whole.
        let mut found = files_of(root);
        found.retain(|path, _| !path.starts_with(".exp-tmp-"));
        if found != *before && found != *after {
            return Err(format!("the files are others: {found:?}").into());
        }
        init::run(around(), &init::Options::default())?;
    }
    let engine = Engine::open(around())?;
    let files = files_of(root);
    if files != *after {
        return Err(format!("the files are others: {files:?}").into());
    }
    if take_snapshot(&engine)?.created {
        return Err("the first snapshot is of other files".into());
    }
    sound(&engine)
}

/// A folder with everything but a configuration.
fn unconfigured() -> (Bed, Files) {
    let bed = Bed::empty();
    let mut files = one();
    files.remove("exp.toml");
    bed.make(&files);
    (bed, files)
}

#[test]
fn init_can_be_given_again_wherever_it_was_cut_short() {
    let ((bed, files), scratch) = (unconfigured(), in_memory());
    let (after, mut all) = (OnceCell::new(), 0);
    let run = |disk: Arc<RecordingDisk>| {
        let around = surroundings(&bed.root(), &bed.state(), disk);
        init::run(around, &init::Options::default()).unwrap();
        assert!(after.set(bed.files()).is_ok());
    };
    let states = crash_points(&bed.root(), scratch.path(), run, |root, point| {
        all = point.all;
        let state = scratch.path().join("outside");
        let right = (&files, after.get().unwrap());
        if let Err(fault) = prove_init(root, &state, right, point.is_end()) {
            panic!("after {} of {all} changes (last: {}): {fault}", point.at, point.last);
        }
    });
    tried("init", (all, states.unwrap()), 20);
}

/// One of `init`'s syncs is not needed here: that of the folder with the new `exp.toml`, since making
/// the store inside it syncs the same folder again (in a git repository the store lies elsewhere).
#[test]
fn no_other_sync_of_init_can_be_left_out() {
    let init_on = |bed: &Bed, disk: Arc<RecordingDisk>| {
        let around = surroundings(&bed.root(), &bed.state(), disk);
        init::run(around, &init::Options::default()).unwrap();
    };
    let (bed, _) = unconfigured();
    let disk = Arc::new(RecordingDisk::new(&bed.root()));
    init_on(&bed, disk.clone());
    let syncs = syncs_among(&disk.recorded());
    let goes_unnoticed = |sync: &usize| {
        let ((bed, files), scratch) = (unconfigured(), in_memory());
        let disk = Arc::new(RecordingDisk::forgetting(&bed.root(), *sync));
        let (after, mut noticed) = (OnceCell::new(), false);
        let run = |disk: Arc<RecordingDisk>| {
            init_on(&bed, disk);
            assert!(after.set(bed.files()).is_ok());
        };
        let check = |root: &Path, point: &CrashPoint| {
            if point.at < syncs[*sync] {
                return ControlFlow::Continue(());
            }
            let (state, right) = (scratch.path().join("outside"), (&files, after.get().unwrap()));
            noticed = prove_init(root, &state, right, point.is_end()).is_err();
            if noticed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        crash_points_of(disk, &bed.root(), scratch.path(), run, check).unwrap();
        !noticed
    };
    let unnoticed: Vec<_> = (0..syncs.len()).filter(goes_unnoticed).collect();
    assert_eq!((unnoticed, syncs.len()), (vec![1], 11));
}

#[test]
fn no_sync_of_a_snapshot_can_be_left_out() {
    let verb: Verb = |engine| take_snapshot(engine).map(|_| ());
    assert_eq!(leave_out_each_sync(edited, verb), (Vec::new(), 3), "pack, packs, heads");
}

#[test]
fn no_sync_of_a_switch_can_be_left_out() {
    let verb: Verb = |engine| switch_to(engine, "other").map(|_| ());
    assert_eq!(leave_out_each_sync(edited, verb), (Vec::new(), 17));
}

#[test]
fn no_sync_of_a_merge_can_be_left_out() {
    let verb: Verb = |engine| merge_in(engine, "other").map(|_| ());
    assert_eq!(leave_out_each_sync(diverged, verb), (Vec::new(), 17));
}

#[test]
fn no_sync_of_an_undo_can_be_left_out() {
    let verb: Verb = |engine| undo_one(engine).map(|_| ());
    assert_eq!(leave_out_each_sync(switched, verb), (Vec::new(), 18));
}

/// A switch dies with its disk, and the machine once more while the workspace is opened again.
#[test]
fn a_recovery_that_is_cut_short_is_begun_again() {
    let (mut points, mut states) = (0, 0);
    for at in (0..).step_by(6) {
        let (bed, scratch) = (two_branches(), in_memory());
        let files = bed.files();
        let failure = Failure { at, errno: libc::EIO, is_lasting: true };
        let disk = Arc::new(RecordingDisk::failing(&bed.root(), failure));
        let dying = Engine::open(surroundings(&bed.root(), &bed.state(), disk.clone())).unwrap();
        let result = switch_to(&dying, "other");
        if disk.tried() <= at {
            break;
        }
        let reader = Engine::open_read_only(bed.surroundings()).unwrap();
        if result.is_ok() || reader.standing().unwrap().position.branch.as_str() == "other" {
            continue;
        }
        let (names, mut all) = (names_now(&reader), 0);
        let tree = tree_at(&reader, names).unwrap();
        let expected = Expected { right: vec![Right { names, files, tree }] };
        let run = |disk: Arc<RecordingDisk>| {
            Engine::open(surroundings(&bed.root(), &bed.state(), disk)).unwrap();
        };
        let checked = crash_points(&bed.root(), scratch.path(), run, |root, point| {
            all = point.all;
            let state = scratch.path().join("outside");
            if let Some(fault) = expected.fault(root, &state, point) {
                panic!("died after {at} changes, then after {}: {fault}", point.at);
            }
        });
        states += checked.unwrap();
        points += all;
    }
    tried("recovery of a switch", (points, states), 40);
}

/// Only by what goes through the seam: the rest of the removal comes after it, and then nothing
/// counts any more.
#[test]
fn deinit_leaves_a_workspace_or_one_that_can_be_made_anew() {
    let (bed, scratch) = (edited(), in_memory());
    let files = bed.files();
    let mut all = 0;
    let run = |disk: Arc<RecordingDisk>| {
        let engine = Engine::open(surroundings(&bed.root(), &bed.state(), disk)).unwrap();
        assert!(deinit::run(&engine, &deinit::Options { yes: true }).unwrap().removed);
    };
    let states = crash_points(&bed.root(), scratch.path(), run, |root, point| {
        all = point.all;
        let around = || surroundings(root, &scratch.path().join("outside"), quick(root));
        let prove = || -> Proof {
            if let Err(error) = Engine::open(around()) {
                assert!(matches!(error, EngineError::NotAWorkspace(_)), "{error}");
                init::run(around(), &init::Options::default())?;
            } else if point.is_end() {
                return Err("it is still a workspace".into());
            }
            let engine = Engine::open(around())?;
            assert_eq!(files_of(root), files);
            take_snapshot(&engine)?;
            sound(&engine)
        };
        if let Err(fault) = prove() {
            panic!("after {} of {all} changes (last: {}): {fault}", point.at, point.last);
        }
    });
    tried("deinit", (all, states.unwrap()), 5);
}
