//! Forgetting: nothing of the content is left in any pack, nothing else is lost, and a power cut leaves
//! the content with or without its tombstone, or gone with it.

use std::path::Path;
use std::sync::Arc;

use super::collect::{assert_whole, collect, history, keep};
use super::crash::{CONFIG, leave_out_each_sync};
use super::{folder_in_memory, fresh, open, quick};
use crate::base::codec::blob_id;
use crate::base::fault::{CrashPoint, RecordingDisk, crash_points};
use crate::base::id::{BlobId, Kind};
use crate::base::time::Timestamp;
use crate::object::tombstone::{Farewell, Tombstone};
use crate::object::traits::{Fetch, ObjectError, Put, put_blob};
use crate::store::Store;
use crate::store::blob::{noise, recipe_of};

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
    let never = blob_id(b"never");
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
fn a_piece_that_is_a_small_file_of_its_own_stays() {
    let (_folder, store) = fresh();
    let content = noise(3 << 20);
    let large = put(&store, &[&content])[0];
    let recipe = crate::store::blob::recipe_of(&store, large).unwrap().unwrap();
    let last = recipe.pieces.last().unwrap();
    let writer = store.writer().unwrap();
    let entry = crate::object::tree::TreeEntry {
        name: b"small"[..].into(),
        kind: crate::object::tree::EntryKind::File,
        hash: last.blob.0,
        length: last.length,
    };
    crate::object::tree::build(&writer, vec![entry]).unwrap();
    writer.flush().unwrap();
    drop(writer);
    let done = store.forget(&[large], "ann", NOW).unwrap();
    assert_eq!(done.objects, recipe.pieces.len(), "the recipe, and all pieces but one");
    assert!(is_gone(&store, large));
    assert_eq!(store.fetch(last.blob.object()).unwrap().len() as u64, last.length);
    // Named itself it goes.
    store.forget(&[last.blob], "ann", NOW).unwrap();
    assert!(is_gone(&store, last.blob));
}

/// Whether these bytes are anywhere in the blocks of the packs, or in a half-made file.
fn is_anywhere(store: &Store, content: &[u8]) -> bool {
    let has = |bytes: &[u8]| bytes.windows(content.len()).any(|window| window == content);
    let packs = store.packs.rescan().unwrap();
    let in_packs = packs.iter().any(|pack| {
        let open = pack.open().unwrap();
        (0..open.blocks().len()).any(|number| has(&open.block(number as u32).unwrap()))
    });
    let tmp = std::fs::read_dir(store.layout().tmp()).unwrap();
    in_packs || tmp.into_iter().any(|file| has(&std::fs::read(file.unwrap().path()).unwrap()))
}

#[test]
fn no_byte_of_it_is_left_and_fsck_knows_why() {
    let (_folder, store) = fresh();
    // Records quote the beginning of it and no more.
    let content = "two, and behind that what nobody may see";
    let made = history(&store, &["one", content, "three"]);
    let hidden = b"what nobody may see";
    let files = [content.to_owned(), format!("deep {content}")];
    let files = files.map(|file| blob_id(file.as_bytes()));
    assert!(is_anywhere(&store, hidden));
    std::fs::write(store.layout().tmp().join("pack-1-1"), content).unwrap();
    store.forget(&files, "ann", NOW).unwrap();
    assert!(!is_anywhere(&store, hidden));
    let report = store.check(&|_| ()).unwrap();
    assert!(report.is_sound() && report.leftovers.is_empty(), "{report:?}");
    assert_eq!(report.tombstones, 2);
    [made[0].0, made[2].0].iter().for_each(|id| assert_whole(&store, *id));
    // It may come again, and is then there; fsck says so, and it can be forgotten once more.
    put(&store, &[content.as_bytes()]);
    let report = open(store.root()).check(&|_| ()).unwrap();
    assert!(report.is_sound() && report.leftovers == [files[0].object()], "{report:?}");
    store.forget(&files, "ann", NOW).unwrap();
    // A collection keeps the tombstones as long as something names the files.
    collect(&store, keep(&[], &[made[1].0, made[2].0]));
    assert!(files.iter().all(|file| is_gone(&store, *file)));
    collect(&store, keep(&[], &[made[2].0]));
    assert!(files.iter().all(|file| !is_gone(&store, *file)), "nothing names them");
}

#[test]
fn what_a_collection_let_go_of_is_said_to_be_forgotten_from_then_on() {
    let (_folder, store) = fresh();
    let large = put(&store, &[&noise(3 << 20)])[0];
    let retention = Tombstone {
        kind: Kind::Blob as u8,
        why: Farewell::Retention,
        who: "gc".to_owned(),
        when: NOW,
    };
    let writer = store.writer().unwrap();
    retention.put(&writer, large.object()).unwrap();
    writer.flush().unwrap();
    drop(writer);
    store.forget(&[large], "ann", NOW).unwrap();
    let Err(ObjectError::Gone { tombstone, .. }) = open(store.root()).fetch(large.object()) else {
        panic!("it is there")
    };
    assert_eq!((tombstone.why, tombstone.who.as_str()), (Farewell::Forgotten, "ann"));
    assert_eq!(store.check(&|_| ()).unwrap().tombstones, 1);
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
            let id = blob_id(content).object();
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

/// Captured again on purpose it is stored, and its tombstone does not make each capture store it anew.
#[test]
fn a_large_file_that_came_back_is_stored_once() {
    let (_folder, store) = fresh();
    let content = noise(5 << 20);
    let capture = |large: &[u8]| {
        let writer = store.writer().unwrap();
        let is_known = writer.contains(blob_id(large).object()).unwrap();
        writer.put_blob_from(&mut &*large).unwrap();
        writer.flush().unwrap();
        is_known
    };
    assert!(!capture(&content));
    let blob = blob_id(&content);
    store.forget(&[blob], "ann", Timestamp(9)).unwrap();
    assert!(matches!(store.fetch(blob.object()), Err(ObjectError::Gone { .. })));
    assert!(!capture(&content), "it is not there");
    let bytes = || store.packs.rescan().unwrap().iter().map(|pack| pack.bytes).sum::<u64>();
    let once = bytes();
    for _ in 0..3 {
        assert!(capture(&content), "it is there again");
        assert_eq!(bytes(), once);
    }
    // A piece that is not there is a reason to store the whole again.
    let recipe = recipe_of(&store, blob).unwrap().unwrap();
    store.forget(&[recipe.pieces[1].blob], "ann", Timestamp(9)).unwrap();
    assert!(!capture(&content));
    assert_eq!(*open(store.root()).fetch(blob.object()).unwrap(), content);
}
