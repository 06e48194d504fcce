//! Changed intents, stat caches, notes and ignore rules: refused, as if there were none, or used.

use crate::base::codec;
use crate::base::disk::RealDisk;
use crate::base::fuzz::{folder, fuzz, sealed};
use crate::base::id::{Hash, TreeId};
use crate::base::time::Timestamp;
use crate::object::names::{NameValue, Position};
use crate::workspace::{Intent, RuleOptions, Rules, StatCache, WorkspaceError, capture, survey};

#[test]
fn a_changed_intent_is_refused_or_says_the_same_again() {
    let folder = folder();
    let position = |byte| {
        NameValue::Position(Position {
            branch: crate::base::name::Label::new("main").unwrap(),
            snapshot: crate::base::id::SnapshotId(Hash([byte; 32])),
            git_head: None,
            path: b"/w"[..].into(),
        })
    };
    let intent = Intent {
        workspace: "main".to_owned(),
        root: b"/w"[..].into(),
        from: TreeId(Hash([1; 32])),
        to: TreeId(Hash([2; 32])),
        before: Some(position(3)),
        after: position(4),
        verb: "switch".to_owned(),
        when: Timestamp(5),
    };
    let path = intent.write(&RealDisk, folder.path()).unwrap();
    let sample = std::fs::read(&path).unwrap();
    let seal = |bytes: &[u8]| codec::digest("intent", bytes).0;
    let accepted = fuzz("intent", &[sample], (9, 1_500), |bytes| {
        std::fs::write(&path, sealed(bytes, seal)).unwrap();
        match Intent::read_all(folder.path()) {
            Ok(found) => found.len() == 1,
            Err(WorkspaceError::Intent { .. }) => false,
            Err(error) => panic!("{error}"),
        }
    });
    assert!(accepted > 50, "{accepted}");
}

/// A capture by a cache that was changed and put right captures what is there, or what the cache
/// may say: files that did not change since. Never does it fail.
#[test]
fn a_capture_by_a_changed_stat_cache_does_not_fail() {
    let folder = folder();
    let root = folder.path().join("w");
    std::fs::create_dir_all(root.join("deep")).unwrap();
    for (path, content) in [("a", "1"), ("deep/b", "2"), ("deep/c", "3"), (".gitignore", "x\n")] {
        std::fs::write(root.join(path), content).unwrap();
    }
    let path = folder.path().join("cache");
    let later = Timestamp(i64::MAX);
    let objects = crate::object::memory::MemoryObjects::new();
    let rules = || Rules::load(&root, &RuleOptions::default()).unwrap();
    let take = || {
        let mut cache = StatCache::load(&path, later);
        let captured = capture(&objects, &rules(), &mut cache, None);
        let _ = cache.save(&RealDisk, &path);
        captured.is_ok()
    };
    assert!(take() && take());
    let sample = std::fs::read(&path).unwrap();
    let seal = |bytes: &[u8]| codec::digest("stat cache", bytes).0;
    fuzz("stat cache", &[sample], (8, 300), |bytes| {
        std::fs::write(&path, sealed(bytes, seal)).unwrap();
        let captured = take();
        assert!(captured, "a cache kept files from being captured");
        captured
    });
}

#[test]
fn changed_ignore_files_leave_a_survey_that_ends() {
    let folder = folder();
    let root = folder.path();
    for path in ["a.log", "b/c/d.txt", "build/out", "[x]/y", "e\\f"] {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "1").unwrap();
    }
    let sample =
        b"*.log\n!a.log\n/build/\n**/c/**\n[x]/[a-z]\n# word\n\\#y\nb/\n  \nfoo**bar\n{a,b}\n";
    fuzz("ignore file", &[sample.to_vec()], (0, 400), |bytes| {
        std::fs::write(root.join(".gitignore"), bytes).unwrap();
        std::fs::write(root.join(".expignore"), bytes).unwrap();
        let rules = Rules::load(root, &RuleOptions::default()).unwrap();
        survey(&rules).is_ok()
    });
}
