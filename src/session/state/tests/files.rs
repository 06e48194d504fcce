//! Files and state in one snapshot: one id for both.

use super::*;
use crate::base::name::Label;
use crate::base::time::Timestamp;
use crate::document::Document;
use crate::object::snapshot::{Origin, Snapshot, Tier};
use crate::object::traits::put_blob;
use crate::object::tree::{EntryKind, TreeEntry, build};
use crate::session::state::*;

/// A workspace's snapshot with one file and a state.
fn snapshot(objects: &MemoryObjects, state: Option<&Document>) -> crate::base::id::SnapshotId {
    let blob = put_blob(objects, b"fn main() {}".to_vec()).unwrap();
    let entry =
        TreeEntry { name: b"main.rs"[..].into(), kind: EntryKind::File, hash: blob.0, length: 12 };
    let snapshot = Snapshot {
        parents: Vec::new(),
        tree: crate::base::id::TreeId(build(objects, vec![entry]).unwrap().hash),
        state: state.map(|document| document.store(objects).unwrap()),
        git_head: None,
        branch: Label::new("main").unwrap(),
        origin: Origin::Manual,
        tier: Tier::Checkpoint,
        who: "ann".to_owned(),
        session: "s".to_owned(),
        when: Timestamp(1),
        message: String::new(),
    };
    snapshot.put(objects).unwrap()
}

fn sessions_over(log: &Arc<MemoryLog>, objects: &Arc<MemoryObjects>) -> Sessions {
    let parts = Parts {
        log: log.clone(),
        objects: objects.clone(),
        who: "ann".to_owned(),
        clock: Arc::new(StepClock::default()),
        settings: StateSettings::default(),
        metrics: None,
    };
    Sessions::from_parts(parts).unwrap()
}

fn over_objects(log: &Arc<MemoryLog>, objects: &Arc<MemoryObjects>) -> Session {
    sessions_over(log, objects).session("s").unwrap()
}

#[test]
fn a_state_with_files_has_the_id_of_its_snapshot() {
    let (log, objects) = (Arc::new(MemoryLog::default()), Arc::new(MemoryObjects::new()));
    let session = over_objects(&log, &objects);
    let document = Document::of(&json(r#"{"plan":1}"#)).unwrap();
    let files = snapshot(&objects, Some(&document));
    let put = |files, value: &str| Put { files: Some(files), ..Put::manual(json(value)) };
    session.put(&Put::manual(json(r#"{"plan":0}"#))).unwrap();
    let answer = session.put(&put(files, r#"{"plan":1}"#)).unwrap();
    assert_eq!(answer.id(), Some(files));
    // The state is the same, the files are not said to be.
    let again =
        session.put(&Put { kind: PutKind::Automatic, ..put(files, r#"{"plan":1}"#) }).unwrap();
    assert!(matches!(again.outcome, Outcome::Saved { body: BodyKind::Same, .. }));
    session.put(&Put::manual(json(r#"{"plan":2}"#))).unwrap();
    for session in [session, over_objects(&log, &objects)] {
        let found = session.get(&At::Id(files)).unwrap();
        assert!(found.meta.has_files && found.document.is_same(&document));
        assert!(!session.get(&At::latest()).unwrap().meta.has_files);
        assert_eq!(session.audit(None).unwrap().fault, None);
        // A snapshot of another state, or of none, is refused.
        for wrong in [snapshot(&objects, None), files] {
            let refused = session.put(&put(wrong, r#"{"plan":3}"#));
            assert!(matches!(refused, Err(StateError::OtherFiles { .. })), "{refused:?}");
        }
    }
    // Where the snapshot is gone, that is said.
    let without = over_objects(&log, &Arc::new(MemoryObjects::new()));
    assert!(matches!(without.get(&At::Id(files)), Err(StateError::Objects(_))));
    assert_eq!(without.audit(None).unwrap().fault.unwrap().sequence, 1);
    assert_eq!(without.get(&At::latest()).unwrap().document.to_json(), json(r#"{"plan":2}"#));
}

/// One snapshot that is gone keeps nobody from the other states.
#[test]
fn a_state_whose_files_are_gone_is_passed_over_where_only_sound_ones_are_asked_for() {
    let (log, objects) = (Arc::new(MemoryLog::default()), Arc::new(MemoryObjects::new()));
    let session = over_objects(&log, &objects);
    let document = Document::of(&json(r#"{"plan":1}"#)).unwrap();
    let files = Some(snapshot(&objects, Some(&document)));
    let sound = session.put(&Put::manual(json(r#"{"plan":0}"#))).unwrap().id().unwrap();
    session.put(&Put { files, ..Put::manual(json(r#"{"plan":1}"#)) }).unwrap();
    let without = sessions_over(&log, &Arc::new(MemoryObjects::new()));
    let latest = without.session("s").unwrap().latest_valid(None, |_| true).unwrap();
    assert_eq!(latest.id, sound);
    let query = Query { text: Some("plan".to_owned()), ..Query::default() };
    let found = without.search(&query).unwrap();
    assert_eq!(found.last().map(|meta| meta.id), Some(sound));
}
