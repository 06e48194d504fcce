//! Collection beside writers, readers and other collections. Who comes when is forced, never left to
//! chance: a writer that found an object stored waits until the collection has come to a certain
//! moment, and commits then.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};

use super::collect::{
    NOW, advance, assert_whole, collect, collect_watched, history, keep, put_folder, stored,
};
use super::{fresh, open};
use crate::base::id::{BlobId, OperationId, SnapshotId, TreeId};
use crate::object::operation::Operation;
use crate::object::snapshot::Snapshot;
use crate::object::traits::{Fetch, ObjectError, put_blob};
use crate::store::collect::sweep::{Moment, Setting};
use crate::store::{Collected, Keep, Store};

/// A writer in a process of its own: it finds the tree of `one` stored, says so, waits to be told,
/// and commits a snapshot of it.
fn writer(root: &Path, parent: SnapshotId, seen: Sender<()>, go: Receiver<()>) -> SnapshotId {
    let store = open(root);
    let writer = store.writer().unwrap();
    let before = stored(&store);
    let tree: TreeId = put_folder(&writer, "one");
    assert!(writer.contains(tree.object()).unwrap());
    writer.flush().unwrap();
    assert_eq!(stored(&store), before, "it relies on what is stored");
    seen.send(()).unwrap();
    go.recv().unwrap();
    advance(&writer, Some(parent), "one").0
}

/// When the writer begins: it has seen that the tree is stored before what follows is done.
#[derive(Clone, Copy, PartialEq)]
enum Begin {
    BeforePlan,
    BeforeCollecting,
    WhenCopied,
}

/// Lets a writer begin then, and commit when the collection reaches that moment. What it relied on
/// is nothing that the plan keeps.
fn race(begin: Begin, commit: Moment) -> Collected {
    let (_folder, store) = fresh();
    let made = history(&store, &["one", "two"]);
    let tree = Snapshot::fetch(&store, made[0].0).unwrap().tree.object();
    let kept = keep(&[made[0].1, made[1].1], &[made[1].0]);
    let (seen, was_seen) = channel();
    let (go, told) = channel();
    let (root, parent) = (store.root().to_owned(), made[1].0);
    std::thread::scope(|scope| {
        let mut running = None;
        let mut waiting = Some((seen, told));
        let mut start = || {
            let (seen, told) = waiting.take().unwrap();
            running = Some(scope.spawn(|| writer(&root, parent, seen, told)));
            was_seen.recv().unwrap();
        };
        if begin == Begin::BeforePlan {
            start();
        }
        let plan = store.plan_collection(kept).unwrap();
        assert!(plan.numbers.going > 0);
        if begin == Begin::BeforeCollecting {
            start();
        }
        let mut moments = Vec::new();
        let done = collect_watched(&store, plan, &mut |moment| {
            if moment == Moment::Copied && begin == Begin::WhenCopied {
                start();
            }
            if moment == commit && !moments.contains(&moment) {
                go.send(()).unwrap();
            }
            moments.push(moment);
        });
        let again = running.unwrap().join().unwrap();
        assert!(moments.contains(&commit), "{moments:?}");
        // Whoever opens the store afterwards has all of it.
        let store = open(store.root());
        assert_whole(&store, again);
        assert_whole(&store, made[1].0);
        let report = store.check(&|_| ()).unwrap();
        assert!(report.is_sound(), "{report:?}");
        // And it stays when it is collected again, where the tree of the other goes for good.
        let last = keep(&[], &[again]);
        collect(&store, last);
        assert_whole(&store, again);
        assert!(store.fetch(tree).is_ok());
        done
    })
}

#[test]
fn what_a_writer_saw_before_the_plan_survives() {
    let done = race(Begin::BeforePlan, Moment::Copied);
    assert_eq!(done.postponed, 0);
}

#[test]
fn what_a_writer_saw_between_plan_and_collection_survives() {
    let done = race(Begin::BeforeCollecting, Moment::Copied);
    assert_eq!(done.postponed, 0);
}

#[test]
fn what_a_writer_saw_while_copies_were_made_survives() {
    let done = race(Begin::WhenCopied, Moment::Copied);
    assert_eq!(done.postponed, 0);
}

/// Whoever says what is kept has looked at the log a moment before the store does.
#[test]
fn what_was_committed_before_the_plan_and_after_the_log_was_read_survives() {
    let (_folder, store) = fresh();
    let made = history(&store, &["one", "two"]);
    let kept = keep(&[made[0].1, made[1].1], &[made[1].0]);
    let writer = open(store.root());
    let writer = writer.writer().unwrap();
    let (three, _) = advance(&writer, Some(made[1].0), "three");
    let (four, last) = advance(&writer, Some(three), "four");
    drop(writer);
    let done = collect(&store, kept);
    assert_eq!(done.postponed, 0);
    assert_whole(&store, four);
    assert_whole(&store, three);
    // An undo of the last one finds all that it needs.
    let parent = Operation::fetch(&store, last).unwrap().parents[0];
    assert!(store.fetch(parent.object()).is_ok());
    assert!(store.check(&|_| ()).unwrap().is_sound());
}

#[test]
fn a_writer_is_waited_for_wherever_it_began() {
    for begin in [Begin::BeforePlan, Begin::BeforeCollecting, Begin::WhenCopied] {
        assert_eq!(race(begin, Moment::Waiting).postponed, 0);
    }
}

#[test]
fn where_writers_do_not_pause_nothing_goes_and_the_next_time_it_does() {
    let (_folder, store) = fresh();
    let made = history(&store, &["one", "two", "three"]);
    let kept = || keep(&[made[2].1], &[made[2].0]);
    let before = stored(&store);
    let busy = open(store.root());
    let writer = busy.writer().unwrap();
    let plan = store.plan_collection(kept()).unwrap();
    let setting = Setting { tries: 1, group_bytes_min: u64::MAX, watch: &mut |_| () };
    let done = store.collect_in(plan, "ann", NOW, setting).unwrap();
    assert_eq!(done.postponed, 2, "{done:?}");
    assert!(before.is_subset(&stored(&store)));
    // What the writer has seen since is worth what it was before.
    let (again, _) = advance(&writer, Some(made[2].0), "one");
    drop(writer);
    let done = collect(&store, keep(&[], &[again]));
    assert_eq!(done.postponed, 0);
    assert_whole(&store, again);
    assert!(store.check(&|_| ()).unwrap().is_sound());
    let tree = Snapshot::fetch(&store, made[1].0).unwrap().tree.object();
    assert!(matches!(store.fetch(tree), Err(ObjectError::Gone { .. })));
}

/// Between two groups a dead directory may be there whose files are gone.
#[test]
fn a_writer_that_comes_between_two_groups_relies_on_nothing_that_is_half_gone() {
    let (_folder, store) = fresh();
    let (padding, files, trees) = two_packs(&store);
    let made = history(&store, &["two"]);
    let kept = Keep { objects: vec![padding.object()], ..keep(&[made[0].1], &[made[0].0]) };
    let plan = store.plan_collection(kept).unwrap().rewriting_all();
    let mut came: Vec<(SnapshotId, OperationId)> = Vec::new();
    let watch = &mut |moment| {
        if moment != Moment::Removed || !came.is_empty() {
            return;
        }
        let other = open(store.root());
        let there = [&files, &trees].map(|pack| pack.exists());
        assert_eq!(there, [false, true], "the files went first");
        let writer = other.writer().unwrap();
        came.push(advance(&writer, Some(made[0].0), "one"));
    };
    let setting = Setting { tries: 1, group_bytes_min: 0, watch };
    let done = store.collect_in(plan, "ann", NOW, setting).unwrap();
    assert_eq!(done.postponed, 0);
    assert_whole(&open(store.root()), came[0].0);
    assert!(store.check(&|_| ()).unwrap().is_sound());
}

#[test]
fn the_second_of_two_collections_waits_and_finds_the_rest() {
    let (_folder, store) = fresh();
    let made = history(&store, &["one", "two", "three"]);
    let other = open(store.root());
    let other = &other;
    let late = other.plan_collection(keep(&[], &[made[2].0])).unwrap();
    let plan = store.plan_collection(keep(&[], &[made[1].0, made[2].0])).unwrap();
    let (begun, has_begun) = channel();
    std::thread::scope(|scope| {
        let second = scope.spawn(move || {
            has_begun.recv().unwrap();
            other.collect(late, "bob", NOW).unwrap()
        });
        collect_watched(&store, plan, &mut |moment| {
            if moment == Moment::Copied {
                begun.send(()).unwrap();
                assert!(matches!(open(store.root()).compact(), Ok(0)), "nor is compacted");
            }
        });
        let done = second.join().unwrap();
        assert_eq!(done.postponed, 0);
    });
    assert_whole(&store, made[2].0);
    let tree = |at: usize| Snapshot::fetch(&store, made[at].0).unwrap().tree.object();
    assert!(matches!(store.fetch(tree(0)), Err(ObjectError::Gone { .. })));
    assert!(matches!(store.fetch(tree(1)), Err(ObjectError::Gone { .. })));
    assert!(store.check(&|_| ()).unwrap().is_sound());
}

#[test]
fn readers_go_on_whether_they_had_the_pack_open_or_not() {
    let (_folder, store) = fresh();
    let made = history(&store, &["one", "two", "three"]);
    // One has all packs open, one knows their names alone, one nothing.
    let (opened, listed, new) = (open(store.root()), open(store.root()), open(store.root()));
    let gone = Snapshot::fetch(&store, made[0].0).unwrap().tree.object();
    made.iter().for_each(|(id, _)| assert_whole(&opened, *id));
    listed.packs.packs().unwrap();
    collect(&store, keep(&[], &[made[2].0]));
    assert!(opened.fetch(gone).is_ok(), "who has it open reads on");
    for reader in [&opened, &listed, &new] {
        assert_whole(reader, made[2].0);
        assert_eq!(Snapshot::fetch(reader, made[0].0).unwrap().message, "one");
    }
    assert!(matches!(listed.fetch(gone), Err(ObjectError::Gone { .. })));
    // But whoever begins to write looks anew: what is only open is not stored.
    let writer = opened.writer().unwrap();
    assert!(!writer.contains(gone).unwrap());
    let (again, _) = advance(&writer, Some(made[2].0), "one");
    assert_whole(&new, again);
}

/// Puts the files of `one` into a large pack, with something to fill it, and its directories into
/// another; returns what fills it and the names of both.
fn two_packs(store: &Store) -> (BlobId, PathBuf, PathBuf) {
    let names = || -> Vec<PathBuf> {
        store.packs.rescan().unwrap().iter().map(|pack| pack.path.clone()).collect()
    };
    let writer = store.writer().unwrap();
    for content in ["in each of them", "one", "deep one"] {
        put_blob(&writer, content.as_bytes().to_vec()).unwrap();
    }
    let padding = put_blob(&writer, crate::store::blob::noise(200_000)).unwrap();
    writer.flush().unwrap();
    let files = names().remove(0);
    put_folder(&writer, "one");
    writer.flush().unwrap();
    let trees = names().into_iter().find(|name| *name != files).unwrap();
    (padding, files, trees)
}
