//! Power cuts: at every change that the journal makes to the disk, in every order that the missing
//! syncs allow.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use super::super::{Journal, Position, missing};
use super::{SMALL, push, stream};
use crate::base::fault::{CrashPoint, Failure, RecordingDisk, crash_points, crash_points_of};
use crate::object::traits::put_blob;
use crate::store::Store;
use crate::store::tests::{folder_in_memory, quick};

/// Frames of a run: streams and lengths of payloads. Some fill a segment.
const FRAMES: [(&str, usize); 14] = [
    ("a", 10),
    ("b", 70),
    ("a", 0),
    ("a", 300),
    ("c", 33),
    ("b", 900),
    ("a", 64),
    ("b", 1),
    ("c", 500),
    ("a", 200),
    ("a", 250),
    ("b", 2500),
    ("a", 8),
    ("c", 20),
];
/// After which of them everything is synced.
const SYNCED: [usize; 6] = [0, 2, 3, 7, 9, 12];

/// The payload of a frame, unlike that of any other.
fn payload(number: usize) -> Vec<u8> {
    (0..FRAMES[number].1).map(|at| (at * 7 + number * 31 + 1) as u8).collect()
}

fn open(root: &Path) -> Result<(Store, Journal), String> {
    let store = Store::open(root, quick(root)).map_err(|e| e.to_string())?;
    let journal = Journal::with_bounds(&store, SMALL);
    Ok((store, journal))
}

/// A home with a store that has no journal yet.
fn home() -> tempfile::TempDir {
    let home = folder_in_memory();
    let root = home.path().join("exp");
    Store::create(&root, quick(&root), "# none\n").unwrap();
    home
}

/// Appends the frames, through so many journals as that many processes would, and notes what was
/// acknowledged.
fn append_frames(root: &Path, disk: &Arc<RecordingDisk>, processes: usize) {
    let store = Store::open(root, disk.clone()).unwrap();
    let journals: Vec<_> = (0..processes).map(|_| Journal::with_bounds(&store, SMALL)).collect();
    for (number, (name, _)) in FRAMES.iter().enumerate() {
        let journal = &journals[number / 3 % processes];
        let last = journal.positions(stream(name), None).unwrap().last().copied();
        journal.append(stream(name), last, &payload(number)).unwrap();
        disk.mark("appended");
        if SYNCED.contains(&number) {
            journal.sync().unwrap();
            disk.mark(&format!("synced {}", number + 1));
        }
    }
}

/// All frames that a journal shows, in the order of their places.
fn shown(journal: &Journal) -> Result<Vec<Vec<u8>>, String> {
    let mut places: Vec<Position> = Vec::new();
    for stream in journal.streams().map_err(|e| e.to_string())? {
        places.extend(journal.positions(stream, None).map_err(|e| e.to_string())?);
    }
    places.sort_unstable();
    places.into_iter().map(|at| journal.read(at).map_err(|e| format!("{at:?}: {e}"))).collect()
}

/// How many frames were begun at a crash, and how many of them were acknowledged as durable.
fn counts(point: &CrashPoint) -> (usize, usize) {
    let begun = 1 + point.marks.iter().filter(|mark| *mark == "appended").count();
    let mut synced = point.marks.iter().filter_map(|mark| mark.strip_prefix("synced "));
    (begun, synced.next_back().map_or(0, |count| count.parse().unwrap()))
}

/// The rule: the first frames are there, as many as were synced or more, none that was not begun,
/// and none behind one that is gone.
fn check_prefix(
    journal: &Journal,
    all: &[Vec<u8>],
    (begun, synced): (usize, usize),
) -> Result<usize, String> {
    let found = shown(journal)?;
    if found.len() < synced || found.len() > begun {
        return Err(format!("{} frames, {synced} synced, {begun} begun", found.len()));
    }
    match (0..found.len()).find(|&number| found[number] != all[number]) {
        Some(wrong) => Err(format!("frame {wrong} of {} is another one", found.len())),
        None => Ok(found.len()),
    }
}

fn fault(root: &Path, point: &CrashPoint) -> Option<String> {
    let check = || -> Result<(), String> {
        let (store, journal) = open(root)?;
        let missing = missing(&store.layout().journal()).map_err(|e| e.to_string())?;
        if !missing.is_empty() {
            return Err(format!("{missing:?} are missed"));
        }
        let all: Vec<_> = (0..FRAMES.len()).map(payload).collect();
        let count = check_prefix(&journal, &all, counts(point))?;
        go_on(root, &journal, all[..count].to_vec())
    };
    check().err()
}

/// Work goes on where it was, and all of it is seen by the next one.
fn go_on(root: &Path, journal: &Journal, mut frames: Vec<Vec<u8>>) -> Result<(), String> {
    for (number, name) in ["a", "b", "a"].iter().enumerate() {
        frames.push(format!("{number} after the crash").into_bytes());
        push(journal, name, &frames[frames.len() - 1]).map_err(|e| e.to_string())?;
        journal.sync().map_err(|e| e.to_string())?;
    }
    if shown(journal)? != frames || shown(&open(root)?.1)? != frames {
        return Err("what was appended after the crash is not all there is".to_owned());
    }
    Ok(())
}

#[test]
fn after_a_crash_what_was_synced_is_there_and_nothing_stands_behind_a_hole() {
    let (home, scratch) = (home(), folder_in_memory());
    let run = |disk: Arc<RecordingDisk>| append_frames(&home.path().join("exp"), &disk, 2);
    let states = crash_points(home.path(), scratch.path(), run, |state, point| {
        if let Some(fault) = fault(&state.join("exp"), point) {
            panic!("after {} changes (last: {}): {fault}", point.at, point.last);
        }
    });
    assert!(states.unwrap() > 200);
}

/// A second crash, while work goes on after the first.
#[test]
fn after_another_crash_the_same_holds() {
    let (home, scratch) = (home(), folder_in_memory());
    let run = |disk: Arc<RecordingDisk>| append_frames(&home.path().join("exp"), &disk, 2);
    let (mut number, mut states) = (0, 0);
    let checked = crash_points(home.path(), scratch.path(), run, |state, _| {
        number += 1;
        if number % 23 == 0 {
            states += crash_again(state);
        }
    });
    assert!(checked.unwrap() > 200 && states > 500, "{states}");
}

fn crash_again(state: &Path) -> usize {
    let (root, scratch) = (state.join("exp"), folder_in_memory());
    let mut all = shown(&open(&root).unwrap().1).unwrap();
    let before = all.len();
    all.extend((0..4).map(|number| vec![number + 1; 200 * usize::from(number)]));
    let run = |disk: Arc<RecordingDisk>| {
        let store = Store::open(&root, disk.clone()).unwrap();
        let journal = Journal::with_bounds(&store, SMALL);
        for (number, payload) in all.iter().enumerate().skip(before) {
            push(&journal, "a", payload).unwrap();
            disk.mark("appended");
            if number % 2 == 0 {
                journal.sync().unwrap();
                disk.mark(&format!("synced {}", number + 1));
            }
        }
    };
    let states = crash_points(state, scratch.path(), run, |state, point| {
        let (_store, journal) = open(&state.join("exp")).unwrap();
        let (begun, synced) = counts(point);
        let found = check_prefix(&journal, &all, (before + begun, before.max(synced)));
        assert!(found.is_ok(), "{found:?} at {point:?}");
    });
    states.unwrap()
}

#[test]
fn no_sync_of_the_journal_can_be_left_out() {
    for sync in 0.. {
        let (home, scratch) = (home(), folder_in_memory());
        let disk = Arc::new(RecordingDisk::forgetting(home.path(), sync));
        let mut noticed = false;
        let check = |state: &Path, point: &CrashPoint| {
            noticed = fault(&state.join("exp"), point).is_some();
            if noticed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let run = |disk: Arc<RecordingDisk>| append_frames(&home.path().join("exp"), &disk, 1);
        crash_points_of(disk.clone(), home.path(), scratch.path(), run, check).unwrap();
        if disk.syncs() <= sync {
            assert!(!noticed, "nothing was left out");
            assert!(sync > SYNCED.len());
            return;
        }
        assert!(noticed, "nothing notices that sync {sync} is left out");
    }
}

/// Not a crash, but an error of the disk, at every change in turn.
#[test]
fn a_failed_write_ends_the_appends_of_its_process_alone() {
    for at in 0.. {
        let home = home();
        let root = home.path().join("exp");
        let failure = Failure { at, errno: libc::EIO, is_lasting: false };
        let disk = Arc::new(RecordingDisk::failing(home.path(), failure));
        let store = Store::open(&root, disk.clone()).unwrap();
        let journal = Journal::with_bounds(&store, SMALL);
        let mut last = std::collections::HashMap::new();
        let mut done = Vec::new();
        let failed = FRAMES.iter().enumerate().find_map(|(number, (name, _))| {
            let appended = journal.append(stream(name), last.get(name).copied(), &payload(number));
            let appended = appended.map(|at| last.insert(name, at));
            done.extend(appended.is_ok().then(|| payload(number)));
            appended.err().or_else(|| journal.sync().err())
        });
        if disk.tried() <= at {
            assert!(failed.is_none());
            return;
        }
        if failed.is_none() {
            // It was an index, which nothing needs.
            assert_eq!(done.len(), FRAMES.len(), "change {at}");
            assert_eq!(shown(&open(&root).unwrap().1).unwrap(), done, "change {at}");
            continue;
        }
        assert!(journal.append(stream("z"), None, b"more").is_err(), "it writes no more");
        let put = put_blob(&store.writer().unwrap(), b"more".to_vec());
        assert!(put.is_err(), "nor does it to packs");
        let (_store, other) = open(&root).unwrap();
        assert_eq!(shown(&other).unwrap(), done, "change {at}");
        assert_eq!(shown(&journal).unwrap(), done, "change {at}");
        go_on(&root, &other, done).unwrap();
    }
}

/// What was appended before a failed write is not called durable by a sync that finds nothing to do.
#[test]
fn a_sync_after_a_failed_write_does_not_say_that_earlier_appends_are_durable() {
    let mut failed = 0;
    for at in 0..20 {
        let home = home();
        let failure = Failure { at, errno: libc::ENOSPC, is_lasting: false };
        let disk = Arc::new(RecordingDisk::failing(home.path(), failure));
        let store = Store::open(&home.path().join("exp"), disk).unwrap();
        let journal = Journal::with_bounds(&store, SMALL);
        let first = journal.append(stream("a"), None, b"not synced");
        if first.is_ok() && journal.append(stream("b"), None, &[7; 400]).is_err() {
            failed += 1;
            assert!(journal.sync().is_err(), "after the failure of change {at}");
            journal.positions(stream("a"), None).unwrap();
            assert!(journal.sync().is_err(), "after looking again, change {at}");
        }
    }
    assert!(failed > 0);
}
