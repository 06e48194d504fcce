//! The kept index of a long session: the same answers with it and without, and never believed where
//! the journal says otherwise.

use std::path::{Path, PathBuf};

use super::*;
use crate::base::disk::RealDisk;
use crate::base::limits::STATE_INDEX_KEEP_ENTRIES;
use crate::session::state::index::SlotKind;
use crate::session::state::log::stream_of;
use crate::session::state::{kept, *};
use crate::store::Store;
use crate::store::journal::Journal;

fn value(step: usize) -> Json {
    json(&format!(r#"{{"fixed":"{}","step":{step}}}"#, "x".repeat(100)))
}

fn files(store: &Path) -> Vec<PathBuf> {
    let all = std::fs::read_dir(store.join("journal")).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| path.extension().is_some_and(|extension| extension == "session")).collect()
}

/// All that a session says.
fn said(store: &Path) -> String {
    let sessions = Sessions::at(store).unwrap();
    let session = sessions.existing("s").unwrap();
    let log = session.log(&LogOptions::default()).unwrap();
    let latest = session.get(&At::latest()).unwrap();
    let tagged = session.meta(&At::Tag(label("t"))).unwrap();
    let time = At::Time { branch: Some(label("idea")), time: tagged.when };
    let branches = session.branches().unwrap();
    let valid = session.latest_valid(None, |_| true).unwrap().id;
    let time = session.meta(&time).map_err(|error| error.to_string());
    format!("{log:?} {:?} {tagged:?} {time:?} {branches:?} {valid}", latest.meta)
}

#[test]
fn it_changes_no_answer_and_is_not_believed_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let count = STATE_INDEX_KEEP_ENTRIES as usize + 20;
    {
        let sessions = Sessions::at(&store).unwrap();
        let session = sessions.session("s").unwrap();
        for step in 0..count {
            session.put(&Put::automatic(value(step))).unwrap();
        }
        session.branch(&label("idea"), &At::back(5), "why").unwrap();
        session.tag(&At::back(9), &label("t")).unwrap();
        session.rollback(None, &At::back(3), "back").unwrap();
        session.put(&Put::automatic(value(999)).on(label("idea"))).unwrap();
        let merge = MergeOptions {
            from: label("idea"),
            into: None,
            favour: Some(Favour::Theirs),
            message: String::new(),
            expect: None,
        };
        session.merge(&merge).unwrap();
        session.mark(&At::latest(), false, "bad").unwrap();
    }
    assert_eq!(files(&store), Vec::<PathBuf>::new());
    let without = said(&store);
    let kept = files(&store);
    assert_eq!(kept.len(), 1);
    let bytes = std::fs::read(&kept[0]).unwrap();
    assert_eq!(said(&store), without);
    // Entries that came since are read.
    {
        let sessions = Sessions::at(&store).unwrap();
        sessions.session("s").unwrap().put(&Put::automatic(value(1_000))).unwrap();
    }
    assert_eq!(std::fs::read(&kept[0]).unwrap(), bytes, "one entry is not worth it");
    let with = said(&store);
    std::fs::remove_file(&kept[0]).unwrap();
    assert_eq!(said(&store), with);
    // Any changed byte, and that of another store with other entries, is passed over.
    for at in (0..bytes.len()).step_by(997) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        std::fs::write(&kept[0], &changed).unwrap();
        let sessions = Sessions::at(&store).unwrap();
        let session = sessions.existing("s").unwrap();
        assert_eq!(session.get(&At::latest()).unwrap().document.to_json(), value(1_000));
    }
    let other = folder.path().join("other");
    {
        let sessions = Sessions::at(&other).unwrap();
        let session = sessions.session("s").unwrap();
        for step in 0..count + 10 {
            session.put(&Put::automatic(value(step + 1))).unwrap();
        }
        session.tag(&At::latest(), &label("t")).unwrap();
    }
    let truth = said(&other);
    std::fs::write(other.join("journal").join(kept[0].file_name().unwrap()), &bytes).unwrap();
    assert_eq!(said(&other), truth);
}

/// Who can write such a file can make it say anything: nobody walks in a circle for it.
#[test]
fn one_that_does_not_lead_back_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store");
    {
        let sessions = Sessions::at(&root).unwrap();
        let session = sessions.session("s").unwrap();
        for step in 0..3 {
            session.put(&Put::automatic(value(step))).unwrap();
        }
        session.tag(&At::latest(), &label("t")).unwrap();
    }
    let journal = Journal::open(&Store::open(&root, Arc::new(RealDisk)).unwrap()).unwrap();
    let (beside, of) = (root.join("journal"), ("s", stream_of("s")));
    let sessions = Sessions::at(&root).unwrap();
    let session = sessions.session("s").unwrap();
    let kinds = {
        let index = session.known().unwrap();
        kept::keep(&beside, of, &index, u64::MAX);
        index.slots.iter().map(|slot| slot.kind.clone()).collect::<Vec<_>>()
    };
    assert!(kept::load(&beside, of, &journal).is_some());
    for (number, kind) in kinds.iter().enumerate() {
        let SlotKind::Put { id, branch, why, .. } = *kind else { continue };
        for to in [number as u32, 9] {
            for kind in [
                SlotKind::Put { id, parent: Some(to), branch, depth: 1, why },
                SlotKind::Move { branch, to },
            ] {
                let mut index = kept::load(&beside, of, &journal).unwrap();
                index.slots[number].kind = kind;
                let other = tempfile::tempdir().unwrap();
                kept::keep(other.path(), of, &index, u64::MAX);
                assert_eq!(std::fs::read_dir(other.path()).unwrap().count(), 1);
                assert!(kept::load(other.path(), of, &journal).is_none(), "{number} {to}");
            }
        }
    }
}

/// So one that names a segment which is not there proves that it was lost.
#[test]
fn it_is_kept_only_of_what_is_known_to_be_durable() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store");
    let read = || {
        let sessions = Sessions::at(&root).unwrap();
        sessions.existing("s").unwrap().log(&LogOptions::default()).unwrap().len()
    };
    {
        let sessions = Sessions::at(&root).unwrap();
        let session = sessions.session("s").unwrap();
        let count = STATE_INDEX_KEEP_ENTRIES as usize + 20;
        let put = |step| (session.clone(), Put::automatic(value(step)));
        let puts: Vec<_> = (0..count).map(put).collect();
        assert!(sessions.put_all(&puts).iter().all(Result::is_ok));
    }
    // Written at once: no frame says that one before it is durable.
    let count = read();
    assert_eq!(files(&root), Vec::<PathBuf>::new());
    {
        let sessions = Sessions::at(&root).unwrap();
        sessions.session("s").unwrap().put(&Put::automatic(value(1_000))).unwrap();
    }
    assert_eq!(read(), count + 1);
    assert_eq!(files(&root).len(), 1);
    let store = Store::open(&root, Arc::new(RealDisk)).unwrap();
    assert_eq!(lost(&store).unwrap(), vec![]);
    let segment = store.layout().journal().join("00000001.log");
    std::fs::remove_file(&segment).unwrap();
    let found = lost(&store).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, segment);
    assert!(found[0].1.contains("session `s`"), "{found:?}");
}
