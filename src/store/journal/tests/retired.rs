//! Segments that are let go of: all of their frames go, no other does, whatever cuts it short.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use super::super::{Journal, JournalError, Position, check};
use super::{push, segment, small, stream};
use crate::base::fault::{CrashPoint, RecordingDisk, crash_points, crash_points_of};
use crate::store::Store;
use crate::store::tests::{folder_in_memory, fresh, quick};

fn filled(journal: &Journal) -> Vec<Position> {
    let payload = |number: u8| vec![number; 300];
    let places = (0..20).map(|number| {
        let name = if number % 2 == 0 { "even" } else { "odd" };
        push(journal, name, &payload(number)).unwrap()
    });
    let places = places.collect();
    journal.sync().unwrap();
    places
}

fn retire(journal: &Journal, numbers: &[u32]) -> usize {
    let decide = || Ok::<_, JournalError>(numbers.iter().copied().collect::<BTreeSet<_>>());
    journal.retire(decide).unwrap().segments
}

fn shown(journal: &Journal) -> Vec<Position> {
    let mut places = Vec::new();
    for name in ["even", "odd"] {
        places.extend(journal.positions(stream(name), None).unwrap());
    }
    places.sort_unstable();
    for at in &places {
        journal.read(*at).unwrap();
    }
    places
}

#[test]
fn what_was_let_go_of_is_gone_for_all_and_nothing_else_is() {
    let (_folder, store) = fresh();
    let journal = small(&store);
    let places = filled(&journal);
    let sealed = journal.sealed().unwrap();
    assert!(sealed.len() >= 5, "{sealed:?}");
    let other = small(&store);
    shown(&other);
    // In the middle, so that what stands before is proved by a header that is gone.
    let going = [sealed[1], sealed[2], 999];
    assert_eq!(retire(&journal, &going), 2);
    let left: Vec<_> = places.iter().copied().filter(|at| !going.contains(&at.segment)).collect();
    assert!(left.len() < places.len());
    for journal in [&journal, &small(&store)] {
        assert_eq!(shown(journal), left);
    }
    assert!(!segment(&store, sealed[1]).exists());
    let found = check(&store.layout().journal()).unwrap();
    assert_eq!((found.damaged, found.unfinished), (vec![], vec![]));
    // Who had looked before goes on, and so does who looks now.
    push(&small(&store), "even", b"next").unwrap();
    let at = push(&other, "odd", b"more").unwrap();
    assert_eq!(small(&store).read(at).unwrap(), b"more");
    let after = Some(places[0]);
    assert!(journal.is_retired_between(after, at).unwrap());
    assert!(!journal.is_retired_between(Some(*left.last().unwrap()), at).unwrap());
}

#[test]
fn rot_at_the_end_of_a_segment_is_seen_although_the_next_one_is_gone() {
    let (_folder, store) = fresh();
    let journal = small(&store);
    filled(&journal);
    let sealed = journal.sealed().unwrap();
    retire(&journal, &[sealed[2]]);
    let path = segment(&store, sealed[1]);
    super::change(&path, |bytes| {
        let last = bytes.len() - 40;
        bytes[last] ^= 1;
    });
    std::fs::remove_file(super::index(&store, sealed[1])).unwrap();
    let found = check(&store.layout().journal()).unwrap();
    assert_eq!(found.damaged.len(), 1, "{found:?}");
    assert_eq!(found.damaged[0].0, path);
}

#[test]
fn a_list_that_rotted_is_named_and_loses_no_frame_that_is_there() {
    let (_folder, store) = fresh();
    let journal = small(&store);
    filled(&journal);
    let sealed = journal.sealed().unwrap();
    retire(&journal, &[sealed[0]]);
    let left = shown(&journal);
    let path = store.layout().journal().join("retired");
    let sound = std::fs::read(&path).unwrap();
    for at in 0..sound.len() {
        super::change(&path, |bytes| bytes[at] ^= 0x10);
        let found = check(&store.layout().journal()).unwrap();
        assert!(found.damaged.iter().any(|(file, _)| *file == path), "{at}");
        assert_eq!(shown(&small(&store)), left);
        std::fs::write(&path, &sound).unwrap();
    }
}

#[test]
fn a_journal_that_lost_its_last_segment_goes_on_behind_what_was_let_go_of() {
    let (_folder, store) = fresh();
    let journal = small(&store);
    filled(&journal);
    let sealed = journal.sealed().unwrap();
    retire(&journal, &sealed);
    drop(journal);
    for file in std::fs::read_dir(store.layout().journal()).unwrap().map(Result::unwrap) {
        if file.path().extension().is_some_and(|extension| extension == "log") {
            std::fs::remove_file(file.path()).unwrap();
        }
    }
    let found = check(&store.layout().journal()).unwrap().damaged;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, segment(&store, sealed.last().unwrap() + 1));
    let at = push(&small(&store), "even", b"new").unwrap();
    assert!(at.segment > *sealed.last().unwrap(), "{at:?}");
    assert_eq!(shown(&small(&store)), [at]);
}

#[test]
fn a_list_that_rotted_is_not_written_over() {
    let (_folder, store) = fresh();
    let journal = small(&store);
    filled(&journal);
    let sealed = journal.sealed().unwrap();
    retire(&journal, &[sealed[0]]);
    let path = store.layout().journal().join("retired");
    super::change(&path, |bytes| bytes[20] ^= 1);
    let rotten = std::fs::read(&path).unwrap();
    let error = journal.retire(|| Ok::<_, JournalError>(BTreeSet::from([sealed[1]]))).unwrap_err();
    assert!(error.is_corruption(), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), rotten);
    assert!(segment(&store, sealed[1]).exists());
}

/// Lets go of two segments through a disk, and tells what was there and what is to be left.
struct Crash {
    home: tempfile::TempDir,
    places: Vec<Position>,
    going: [u32; 2],
}

impl Crash {
    fn new() -> Self {
        let home = folder_in_memory();
        let root = home.path().join("exp");
        let store = Store::create(&root, quick(&root), "").unwrap();
        let journal = small(&store);
        let places = filled(&journal);
        let sealed = journal.sealed().unwrap();
        Self { home, places, going: [sealed[0], sealed[3]] }
    }

    fn after(&self) -> Vec<Position> {
        let stays = |at: &&Position| !self.going.contains(&at.segment);
        self.places.iter().filter(stays).copied().collect()
    }

    fn run(&self, disk: Arc<RecordingDisk>) {
        let store = Store::open(&self.home.path().join("exp"), disk.clone()).unwrap();
        retire(&small(&store), &self.going);
        disk.mark("retired");
    }

    /// What is wrong with a state that a crash left; else how many frames it has.
    fn look(&self, state: &Path, point: &CrashPoint) -> Result<usize, String> {
        let root = state.join("exp");
        let store = Store::open(&root, quick(&root)).unwrap();
        let (journal, after) = (small(&store), self.after());
        let mut found = Vec::new();
        for name in ["even", "odd"] {
            found.extend(journal.positions(stream(name), None).unwrap());
        }
        found.sort_unstable();
        if found != self.places && found != after {
            return Err(format!("{} frames after {}", found.len(), point.last));
        }
        if point.marks.iter().any(|mark| mark == "retired") && found != after {
            return Err("acknowledged and there again".to_owned());
        }
        for at in &found {
            journal.read(*at).map_err(|e| e.to_string())?;
        }
        let damaged = check(&store.layout().journal()).unwrap().damaged;
        if !damaged.is_empty() {
            return Err(format!("{damaged:?}"));
        }
        // Whoever comes next can do it again.
        retire(&journal, &self.going);
        assert_eq!(shown(&journal), after);
        Ok(found.len())
    }
}

#[test]
fn a_crash_leaves_a_segment_whole_or_gone() {
    let (crash, scratch) = (Crash::new(), folder_in_memory());
    let mut seen = BTreeSet::new();
    let states = crash_points(
        crash.home.path(),
        scratch.path(),
        |disk| crash.run(disk),
        |state, point| {
            seen.insert(crash.look(state, point).unwrap_or_else(|fault| panic!("{fault}")));
        },
    );
    assert!(states.unwrap() > 10 && seen.len() == 2, "{seen:?}");
}

#[test]
fn no_sync_of_letting_go_can_be_left_out() {
    let mut forgotten = 0;
    loop {
        let (crash, scratch) = (Crash::new(), folder_in_memory());
        let root = crash.home.path();
        let disk = Arc::new(RecordingDisk::forgetting(root, forgotten));
        let mut noticed = false;
        let recorded = disk.clone();
        crash_points_of(
            disk,
            root,
            scratch.path(),
            |disk| crash.run(disk),
            |state, point| {
                noticed |= crash.look(state, point).is_err();
                if noticed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            },
        )
        .unwrap();
        if recorded.syncs() <= forgotten {
            break;
        }
        assert!(noticed, "sync {forgotten} can be left out");
        forgotten += 1;
    }
    assert_eq!(forgotten, 2);
}
