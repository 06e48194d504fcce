//! Power cuts at every change that a session makes to the disk, in every order that the missing
//! syncs allow: what was promised to be durable is there, and nothing stands behind a hole.

use std::path::Path;

use super::*;
use crate::base::disk::RealDisk;
use crate::base::fault::{CrashPoint, RecordingDisk, crash_points};
use crate::base::time::SystemClock;
use crate::session::state::*;
use crate::store::Store;

const KINDS: [PutKind; 8] = [
    PutKind::Automatic,
    PutKind::Manual,
    PutKind::Automatic,
    PutKind::Automatic,
    PutKind::Recovery,
    PutKind::Automatic,
    PutKind::Manual,
    PutKind::Automatic,
];

fn value(step: usize) -> Json {
    json(&format!(r#"{{"fixed":"{}","step":{step}}}"#, "x".repeat(200)))
}

fn put_all(root: &Path, disk: &Arc<RecordingDisk>) {
    let store = Arc::new(Store::open(root, disk.clone()).unwrap());
    let clock = Arc::new(SystemClock);
    let sessions = Sessions::open(store, "ann", clock, StateSettings::default()).unwrap();
    let session = sessions.session("s").unwrap();
    for (step, kind) in KINDS.into_iter().enumerate() {
        session.put(&Put::new(kind, What::Value(value(step)))).unwrap();
        disk.mark("put");
        if kind != PutKind::Automatic {
            disk.mark(&format!("durable {}", step + 1));
        }
    }
    sessions.close().unwrap();
    disk.mark(&format!("durable {}", KINDS.len()));
}

/// The first states are there, as many as were durable or more, and the session goes on.
fn check(state: &Path, point: &CrashPoint) {
    let begun = 1 + point.marks.iter().filter(|mark| *mark == "put").count();
    let mut durable = point.marks.iter().filter_map(|mark| mark.strip_prefix("durable "));
    let durable: usize = durable.next_back().map_or(0, |count| count.parse().unwrap());
    let sessions = Sessions::at(&state.join("exp")).unwrap();
    let session = sessions.session("s").unwrap();
    let log = match session.log(&LogOptions::default()) {
        Err(StateError::UnknownSession { .. }) => Vec::new(),
        log => log.unwrap(),
    };
    let at = format!("{point:?}");
    assert!((durable..=begun).contains(&log.len()), "{} entries, {at}", log.len());
    for step in 0..log.len() {
        let found = session.get(&At::back((log.len() - 1 - step) as u64)).unwrap();
        assert_eq!(found.document.to_json(), value(step), "{at}");
    }
    let answer = session.put(&Put::manual(value(99))).unwrap();
    assert_eq!(answer.fallback, None, "{at}");
    let trail = session.audit(None).unwrap();
    assert_eq!((trail.entries.len(), trail.fault), (log.len() + 1, None), "{at}");
}

#[test]
fn after_any_power_cut_what_was_durable_is_there_and_whole() {
    let (home, scratch) = (folder(), folder());
    let root = home.path().join("exp");
    Store::create(&root, Arc::new(RealDisk), "# none\n").unwrap();
    let run = |disk: Arc<RecordingDisk>| put_all(&root, &disk);
    let states = crash_points(home.path(), scratch.path(), run, check).unwrap();
    assert!(states > 50, "{states}");
}

/// A folder in memory where there is one: thousands of states are written.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.unwrap()
}
