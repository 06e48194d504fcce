//! Moving names: alone, at once with others, over leftovers of a crash.

use super::{branch, change, commit_branch, fresh, open};
use crate::object::names::{self, NameValue};
use crate::object::operation::Operation;
use crate::store::{CommitError, NameMove, StoreError};

#[test]
fn a_commit_moves_names_and_says_from_where() {
    let (_folder, store) = fresh();
    let writer = store.writer().unwrap();
    let (first, one) = commit_branch(&writer, "main", None, "a").unwrap();
    let (second, two) = commit_branch(&writer, "main", Some(first), "b").unwrap();
    let other = open(store.root());
    let current = other.current().unwrap().unwrap();
    assert_eq!((current.operation, current.names), (two.operation, two.names));
    let operation = Operation::fetch(&other, two.operation).unwrap();
    assert_eq!((operation.parents, operation.before), (vec![one.operation], one.names));
    let value = names::get(&other, two.names, &branch("main")).unwrap();
    assert_eq!(value, Some(NameValue::Branch(second)));
    let heads = std::fs::read_dir(store.root().join("heads")).unwrap();
    assert_eq!(heads.count(), 1, "the head before is gone");
    let report = other.check(&|_| ()).unwrap();
    assert!(report.is_sound() && report.unreferenced == 0, "{report:?}");
}

#[test]
fn a_name_that_was_moved_meanwhile_stays_and_the_mover_is_named() {
    let (_folder, store) = fresh();
    let writer = store.writer().unwrap();
    let (first, _) = commit_branch(&writer, "main", None, "a").unwrap();
    let other = open(store.root());
    let (_, two) = commit_branch(&other.writer().unwrap(), "main", Some(first), "b").unwrap();
    commit_branch(&writer, "side", None, "c").unwrap();
    let failed = commit_branch(&writer, "main", Some(first), "d").unwrap_err();
    let CommitError::Moved { key, by } = failed else { panic!("{failed}") };
    assert_eq!((key, by.unwrap().0), (branch("main"), two.operation));
    let removed =
        NameMove { key: branch("none"), expected: Some(NameValue::Branch(first)), new: None };
    let failed = writer.commit(change(vec![removed])).unwrap_err();
    assert!(matches!(failed, CommitError::Moved { by: None, .. }), "nobody ever moved it");
}

#[test]
fn writers_at_once_all_land() {
    let (_folder, store) = fresh();
    let root = store.root();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                let store = open(root);
                let writer = store.writer().unwrap();
                let mut seen = None;
                for n in 0..6 {
                    let name = format!("b{thread}");
                    let content = format!("{thread} {n}");
                    seen = Some(commit_branch(&writer, &name, seen, &content).unwrap().0);
                }
            });
        }
        scope.spawn(|| {
            // A reader never sees less than before.
            let store = open(root);
            let mut count = 0;
            for _ in 0..50 {
                let names = store.names().unwrap();
                let now = names::list(&store, names, "branch/").unwrap().len();
                assert!(now >= count);
                count = now;
            }
        });
    });
    let names = names::list(&store, store.names().unwrap(), "branch/").unwrap();
    assert_eq!(names.len(), 4);
    let mut operations = 0;
    let mut next = store.current().unwrap().map(|current| current.operation);
    while let Some(id) = next {
        operations += 1;
        next = Operation::fetch(&store, id).unwrap().parents.first().copied();
    }
    assert_eq!(operations, 4 * 6, "each commit is in the log");
    assert!(store.check(&|_| ()).unwrap().is_sound());
}

#[test]
fn of_two_that_move_one_name_one_is_told() {
    let (_folder, store) = fresh();
    let root = store.root();
    let commit = move |content: &'static str| {
        let store = open(root);
        let writer = store.writer().unwrap();
        commit_branch(&writer, "main", None, content).map(|_| ())
    };
    let (a, b) = std::thread::scope(|scope| {
        let (a, b) = (scope.spawn(move || commit("a")), scope.spawn(move || commit("b")));
        (a.join().unwrap(), b.join().unwrap())
    });
    assert!(a.is_ok() != b.is_ok());
    let failed = a.and(b).unwrap_err();
    assert!(matches!(failed, CommitError::Moved { by: Some(_), .. }), "{failed}");
}

#[test]
fn an_ancestor_that_a_crash_left_is_passed_over_and_removed() {
    let (_folder, store) = fresh();
    let writer = store.writer().unwrap();
    let (a, one) = commit_branch(&writer, "main", None, "a").unwrap();
    let (b, _) = commit_branch(&writer, "main", Some(a), "b").unwrap();
    let (c, three) = commit_branch(&writer, "main", Some(b), "c").unwrap();
    let heads = store.root().join("heads");
    std::fs::write(heads.join(one.operation.hex()), b"").unwrap();
    assert_eq!(open(store.root()).current().unwrap().unwrap().operation, three.operation);
    commit_branch(&writer, "main", Some(c), "d").unwrap();
    assert_eq!(std::fs::read_dir(&heads).unwrap().count(), 1);
}

#[test]
fn heads_that_share_no_line_are_named() {
    let (_folder, store) = fresh();
    let writer = store.writer().unwrap();
    let (_, one) = commit_branch(&writer, "main", None, "a").unwrap();
    let mut operation = Operation::fetch(&store, one.operation).unwrap();
    operation.summary = "an import".to_owned();
    let other = operation.put(&writer).unwrap();
    writer.flush().unwrap();
    std::fs::write(store.root().join("heads").join(other.hex()), b"").unwrap();
    let store = open(store.root());
    let Err(StoreError::Diverged { heads }) = store.current() else { panic!("not seen") };
    assert!(heads.contains(&one.operation) && heads.contains(&other));
    assert!(!store.check(&|_| ()).unwrap().is_sound());
}
