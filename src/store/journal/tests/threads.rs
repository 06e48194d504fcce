//! Many threads, and many journals as in many processes: nothing is lost, nothing doubled.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::super::{Journal, JournalError};
use super::{small, stream};
use crate::base::fault::RecordingDisk;
use crate::store::Store;
use crate::store::tests::fresh;

const THREADS: usize = 6;
const EACH: usize = 60;

/// Counts up in one stream until it has appended its share: what was overtaken is tried again.
fn count_up(journal: &Journal, name: &str, is_synced: bool) {
    let mut last = None;
    let mut done = 0;
    while done < EACH {
        match journal.append(stream(name), last, &[done as u8]) {
            Ok(at) => {
                (last, done) = (Some(at), done + 1);
                if is_synced {
                    journal.sync().unwrap();
                }
            }
            Err(JournalError::Moved { last: now, .. }) => last = now,
            Err(e) => panic!("{e}"),
        }
    }
}

#[test]
fn threads_of_several_processes_share_one_stream_by_turns() {
    let (_home, store) = fresh();
    let journals = [small(&store), small(&store)];
    thread::scope(|scope| {
        for number in 0..THREADS {
            let journal = &journals[number % 2];
            scope.spawn(move || count_up(journal, "shared", number % 3 == 0));
        }
    });
    for journal in [&journals[0], &journals[1], &small(&store)] {
        let places = journal.positions(stream("shared"), None).unwrap();
        assert_eq!(places.len(), THREADS * EACH);
        let mut seen = [0; EACH];
        places.iter().for_each(|at| seen[journal.read(*at).unwrap()[0] as usize] += 1);
        assert_eq!(seen, [THREADS; EACH]);
    }
    assert!(store.check(&|_| ()).unwrap().is_sound());
}

#[test]
fn readers_never_see_a_hole_while_others_write() {
    let (_home, store) = fresh();
    let left = AtomicUsize::new(THREADS / 2);
    let (writer, reader) = (small(&store), small(&store));
    thread::scope(|scope| {
        for number in 0..THREADS / 2 {
            let (writer, left) = (&writer, &left);
            scope.spawn(move || {
                count_up(writer, &number.to_string(), true);
                left.fetch_sub(1, Ordering::SeqCst);
            });
        }
        scope.spawn(|| {
            while left.load(Ordering::SeqCst) > 0 {
                for number in 0..THREADS / 2 {
                    let places = reader.positions(stream(&number.to_string()), None).unwrap();
                    for (count, at) in places.into_iter().enumerate() {
                        assert_eq!(reader.read(at).unwrap(), [count as u8]);
                    }
                }
                thread::yield_now();
            }
        });
    });
    let shown = |number: usize| reader.positions(stream(&number.to_string()), None).unwrap().len();
    assert!((0..THREADS / 2).all(|number| shown(number) == EACH));
}

/// All threads append first; then one sync covers them all, and the others find nothing to do.
#[test]
fn one_sync_covers_all_that_was_appended_before() {
    let (_home, store) = fresh();
    let disk = std::sync::Arc::new(RecordingDisk::new(store.root()));
    let store = Store::open(store.root(), disk.clone()).unwrap();
    let journal = Journal::open(&store).unwrap();
    for number in 0..20 {
        journal.append(stream(&number.to_string()), None, b"x").unwrap();
    }
    assert_eq!(disk.syncs(), 0);
    thread::scope(|scope| {
        (0..THREADS).for_each(|_| drop(scope.spawn(|| journal.sync().unwrap())));
    });
    assert_eq!(disk.syncs(), 3, "the segment, its name, the name of the folder");
    journal.append(stream("more"), None, b"x").unwrap();
    journal.sync().unwrap();
    assert_eq!(disk.syncs(), 4, "names are durable once for all");
}

#[test]
fn who_waits_too_long_is_told_who_holds_the_lock() {
    let (_home, store) = fresh();
    let journal = Journal::open(&store).unwrap();
    let first = journal.append(stream("a"), None, b"x").unwrap();
    let path = store.layout().locks().join("journal");
    let held = std::fs::File::open(path).unwrap();
    held.lock().unwrap();
    let said = journal.append(stream("a"), Some(first), b"y").unwrap_err();
    assert!(matches!(&said, JournalError::Store(e) if e.is_busy()), "{said}");
    assert!(said.to_string().contains(&format!("(process {})", std::process::id())), "{said}");
    held.unlock().unwrap();
    journal.append(stream("a"), Some(first), b"y").unwrap();
}
