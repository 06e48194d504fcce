//! Forgetting: nothing of the content is left in any pack, nothing else is lost, and a power cut leaves
//! the content with or without its tombstone, or gone with it.

use std::path::Path;
use std::sync::Arc;

use super::crash::{CONFIG, leave_out_each_sync};
use super::{folder_in_memory, fresh, open, quick};
use crate::base::fault::{CrashPoint, RecordingDisk, crash_points};
use crate::base::id::BlobId;
use crate::base::time::Timestamp;
use crate::object::traits::{Fetch, ObjectError, put_blob};
use crate::store::Store;
use crate::store::blob::noise;

const NOW: Timestamp = Timestamp(1_700_000_000_000_000_000);

fn put(store: &Store, contents: &[&[u8]]) -> Vec<BlobId> {
    let writer = store.writer().unwrap();
    let ids = contents.iter().map(|content| put_blob(&writer, content.to_vec()).unwrap()).collect();
    writer.flush().unwrap();
    ids
}

fn is_gone(store: &Store, blob: BlobId) -> bool {
    matches!(store.fetch(blob.object()), Err(ObjectError::Gone { .. }))
}

#[test]
fn it_is_gone_from_every_pack_and_nothing_else_is() {
    let (_folder, store) = fresh();
    let first = put(&store, &[b"secret", b"open"]);
    let second = put(&store, &[b"more", b"another secret"]);
    let done = store.forget(&[first[0], second[1]], "ann", NOW).unwrap();
    assert_eq!((done.objects, done.packs, done.damaged.len()), (2, 2, 0));
    for store in [&store, &open(store.root())] {
        assert!(is_gone(store, first[0]) && is_gone(store, second[1]));
        assert_eq!(*store.fetch(first[1].object()).unwrap(), b"open");
        assert_eq!(*store.fetch(second[0].object()).unwrap(), b"more");
    }
    // Stored again it is there again, and can be forgotten again.
    assert_eq!(put(&store, &[b"secret"]), [first[0]]);
    assert_eq!(*open(store.root()).fetch(first[0].object()).unwrap(), b"secret");
    store.forget(&[first[0]], "ann", NOW).unwrap();
    assert!(is_gone(&store, first[0]));
    // What was never there gets no tombstone.
    let never = crate::base::codec::blob_id(b"never");
    assert_eq!(store.forget(&[never], "ann", NOW).unwrap().objects, 0);
    assert!(matches!(store.fetch(never.object()), Err(ObjectError::Missing { .. })));
}

#[test]
fn a_piece_that_another_file_needs_stays() {
    let (_folder, store) = fresh();
    let base = noise(3 << 20);
    let mut other = base.clone();
    other[2_900_000..].reverse();
    let ids = put(&store, &[&base, &other]);
    store.forget(&[ids[0]], "ann", NOW).unwrap();
    assert!(is_gone(&store, ids[0]));
    assert!(*store.fetch(ids[1].object()).unwrap() == other);
    assert!(store.check(&|_| {}).unwrap().is_sound());
    let done = store.forget(&[ids[1]], "ann", NOW).unwrap();
    assert!(done.objects > 5);
    let left = store.statistics().unwrap().bytes();
    assert!(left < 1_000, "{left} bytes are left");
}

#[test]
fn nobody_writes_while_something_is_forgotten() {
    let (_folder, store) = fresh();
    let ids = put(&store, &[b"secret"]);
    let _writer = store.writer().unwrap();
    // Another opening, as another process has it.
    let error = open(store.root()).forget(&ids, "ann", NOW).unwrap_err();
    assert!(error.is_busy(), "{error}");
}

fn home() -> tempfile::TempDir {
    let home = folder_in_memory();
    let root = home.path().join("exp");
    let store = Store::create(&root, quick(&root), CONFIG).unwrap();
    put(&store, &[b"secret", b"open"]);
    put(&store, &[b"secret too", b"more"]);
    home
}

fn secrets() -> Vec<BlobId> {
    [b"secret".as_slice(), b"secret too"].map(crate::base::codec::blob_id).to_vec()
}

fn forget(root: &Path, disk: &Arc<RecordingDisk>) {
    let store = Store::open(root, disk.clone()).unwrap();
    store.forget(&secrets(), "ann", NOW).unwrap();
    disk.mark("forgotten");
}

fn fault(root: &Path, point: &CrashPoint) -> Option<String> {
    let store = open(root);
    let look = || -> Result<(), String> {
        for content in [b"open", b"more"] {
            let id = crate::base::codec::blob_id(content).object();
            store.fetch(id).map_err(|e| format!("lost: {e}"))?;
        }
        for secret in secrets() {
            match store.fetch(secret.object()) {
                Err(ObjectError::Gone { .. }) => {}
                Ok(_) if point.marks.is_empty() => {}
                Ok(_) => return Err("acknowledged, and there again".to_owned()),
                Err(error) => return Err(error.to_string()),
            }
        }
        store.forget(&secrets(), "ann", NOW).map_err(|e| e.to_string())?;
        let is_left = secrets().into_iter().any(|secret| !is_gone(&store, secret));
        if is_left { Err("it cannot be done again".to_owned()) } else { Ok(()) }
    };
    look().err()
}

#[test]
fn a_crash_while_something_is_forgotten_loses_nothing_else() {
    let (home, scratch) = (home(), folder_in_memory());
    let run = |disk: Arc<RecordingDisk>| forget(&home.path().join("exp"), &disk);
    let states = crash_points(home.path(), scratch.path(), run, |state, point| {
        if let Some(fault) = fault(&state.join("exp"), point) {
            panic!("after {} changes (last: {}): {fault}", point.at, point.last);
        }
    });
    assert!(states.unwrap() > 20);
}

#[test]
fn no_sync_of_forgetting_can_be_left_out() {
    let syncs = leave_out_each_sync(home, forget, fault);
    // Tombstones; each of two packs, and the folder before the old one goes; the folder.
    assert_eq!(syncs, 1 + 2 * 2 + 1);
}
