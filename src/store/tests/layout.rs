//! Making and opening a store, and what is refused.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::Arc;

use super::{fresh, open};
use crate::base::disk::RealDisk;
use crate::base::fault::{Failure, RecordingDisk};
use crate::object::traits::{Fetch, ObjectError};
use crate::store::{LockFile, Sharing, Store, StoreError};

#[test]
fn a_new_store_is_private_and_empty() {
    let (_folder, store) = fresh();
    let mode = |name: &str| {
        std::fs::metadata(store.root().join(name)).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(
        (mode(""), mode("packs"), mode("format"), mode("config.toml")),
        (0o700, 0o700, 0o600, 0o600)
    );
    assert_eq!(std::fs::read_to_string(store.root().join("format")).unwrap(), "exp store 1\n");
    assert_eq!(store.current().unwrap(), None);
    let names = store.names().unwrap();
    assert!(store.fetch(names.object()).is_ok(), "the empty map can be fetched");
    assert!(store.check(&|_| ()).unwrap().is_sound());
}

#[test]
fn a_half_made_store_is_none_and_is_finished() {
    let (_folder, store) = fresh();
    let root = store.root();
    std::fs::remove_file(root.join("format")).unwrap();
    std::fs::remove_dir(root.join("stat")).unwrap();
    let opened = Store::open(root, Arc::new(RealDisk));
    assert!(matches!(opened, Err(StoreError::NotAStore { .. })));
    Store::create(root, Arc::new(RealDisk), "# none\n").unwrap();
    assert!(root.join("stat").is_dir());
    let again = Store::create(root, Arc::new(RealDisk), "# none\n");
    assert!(matches!(again, Err(StoreError::IsAStore { .. })));
}

#[test]
fn of_many_that_make_one_store_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("exp");
    let make = || Store::create(&root, super::quick(folder.path()), "# none\n").map(|_| ());
    let made: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(make)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1, "{made:?}");
    let others = made.iter().filter_map(|made| made.as_ref().err());
    assert!(others.into_iter().all(|e| matches!(e, StoreError::IsAStore { .. })), "{made:?}");
}

#[test]
fn what_is_no_store_or_not_ours_is_refused() {
    let (folder, store) = fresh();
    let root = store.root();
    let refused = |root: &std::path::Path| Store::open(root, Arc::new(RealDisk)).unwrap_err();
    assert!(matches!(refused(folder.path()), StoreError::NotAStore { .. }));
    assert!(matches!(refused(&folder.path().join("none")), StoreError::NotAStore { .. }));
    std::fs::write(root.join("format"), "exp store 2\n").unwrap();
    assert!(matches!(refused(root), StoreError::NewerFormat { found: 2, .. }));
    std::fs::write(root.join("format"), "exp").unwrap();
    assert!(matches!(refused(root), StoreError::Corrupt { .. }));
    std::fs::write(root.join("format"), "exp store 1\n").unwrap();
    // Only root can give a folder away; for others the refusal is not to be had in a test.
    if std::fs::metadata(root).unwrap().uid() == 0 {
        std::os::unix::fs::chown(root, Some(4242), None).unwrap();
        assert!(matches!(refused(root), StoreError::ForeignOwner { owner: 4242, .. }));
    }
}

#[test]
fn a_full_disk_is_said_and_ends_all_writing() {
    let (folder, store) = fresh();
    let failure = Failure { at: 1, errno: 28, is_lasting: false };
    let disk = Arc::new(RecordingDisk::failing(folder.path(), failure));
    let store = Store::open(store.root(), disk).unwrap();
    let writer = store.writer().unwrap();
    let failed = super::commit_branch(&writer, "main", None, "a").unwrap_err();
    assert!(failed.is_full(), "{failed}");
    let again = writer.flush().unwrap_err();
    assert!(matches!(again, ObjectError::Poisoned { .. }), "{again}");
    drop(writer);
    let reopened = open(store.root());
    assert_eq!(reopened.current().unwrap(), None);
    assert!(reopened.check(&|_| ()).unwrap().is_sound());
}

#[test]
fn who_holds_a_workspace_is_named() {
    let (_folder, store) = fresh();
    let held = store.lock_workspace("w1", "merge", Sharing::Exclusive, 2).unwrap();
    let other = open(store.root());
    let Err(StoreError::Busy { holder, .. }) =
        other.lock_workspace("w1", "status", Sharing::Exclusive, 2)
    else {
        panic!("the lock was given twice");
    };
    assert_eq!(holder.verb.as_deref(), Some("merge"));
    assert_eq!(holder.pid, Some(std::process::id()));
    assert!(
        other.lock_workspace("w2", "status", Sharing::Exclusive, 2).is_ok(),
        "another workspace is free"
    );
    drop(held);
    assert!(other.lock_workspace("w1", "status", Sharing::Exclusive, 2).is_ok());
}

#[test]
fn stale_files_go_and_files_in_use_stay() {
    let (_folder, store) = fresh();
    let tmp = store.root().join("tmp");
    std::fs::write(tmp.join("pack-stale"), b"x").unwrap();
    std::fs::write(tmp.join("pack-held"), b"x").unwrap();
    let held = std::fs::File::open(tmp.join("pack-held")).unwrap();
    held.lock().unwrap();
    let _writer = store.writer().unwrap();
    assert!(!tmp.join("pack-stale").exists() && tmp.join("pack-held").exists());
}

/// Else those that share it one after another would keep whoever wants it alone out for ever.
#[test]
fn whoever_waits_for_a_workspace_alone_comes_before_those_that_come_later() {
    let (_folder, store) = fresh();
    let root = store.root().to_owned();
    let held = store.lock_workspace("w", "snapshot", Sharing::Shared, 1).unwrap();
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let locked = |sharing, who: &'static str| {
        let (root, order) = (root.clone(), order.clone());
        std::thread::spawn(move || {
            let lock = open(&root).lock_workspace("w", who, sharing, 10_000).unwrap();
            order.lock().unwrap().push(who);
            drop(lock);
        })
    };
    let alone = locked(Sharing::Exclusive, "alone");
    let door = LockFile::of_turn(&store.layout().locks(), "w");
    // Until it stands at the door.
    while door.lock(Sharing::Exclusive, 1).is_ok() {
        std::thread::yield_now();
    }
    let later = locked(Sharing::Shared, "later");
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert!(order.lock().unwrap().is_empty(), "neither has come in");
    // In passing it is shared all the same.
    assert!(store.lock_workspace("w", "hook", Sharing::Shared, 1).is_ok());
    drop(held);
    alone.join().unwrap();
    later.join().unwrap();
    assert_eq!(*order.lock().unwrap(), ["alone", "later"]);
}
