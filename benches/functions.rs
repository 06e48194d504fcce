//! What single functions cost, without processes: `cargo bench --bench functions`.
//!
//! Sizes are those of a large project (10,000 entries, 5,000 files). Stores lie in temporary
//! folders and sync for real; so commits measure the disk as well.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use divan::Bencher;
use expdag::base::disk::RealDisk;
use expdag::base::id::TreeId;
use expdag::base::path::TreePath;
use expdag::base::time::{Clock, SystemClock};
use expdag::document::{Document, Edit, Json, Pointer};
use expdag::engine::verb::{init, snapshot};
use expdag::engine::{Engine, Surroundings};
use expdag::merge::merge_text;
use expdag::object::memory::MemoryObjects;
use expdag::object::traits::put_blob;
use expdag::object::tree::{self, EntryKind, Leaf};
use expdag::store::Store;
use expdag::workspace::{RuleOptions, Rules, StatCache, capture};

fn main() {
    divan::main();
}

/// Files in folders of 50.
fn leaves(objects: &MemoryObjects, count: usize) -> BTreeMap<TreePath, Leaf> {
    let leaf = |at: usize| {
        let path = format!("folder_{:03}/file_{at:05}.rs", at / 50);
        let content = format!("content {at}\n").into_bytes();
        let length = content.len() as u64;
        let blob = put_blob(objects, content).expect("memory takes all");
        let path = TreePath::new(path.as_bytes()).expect("a path");
        (path, Leaf::Blob(EntryKind::File, blob, length))
    };
    (0..count).map(leaf).collect()
}

fn built(objects: &MemoryObjects, leaves: &BTreeMap<TreePath, Leaf>) -> TreeId {
    let empty = tree::empty(objects).expect("memory takes all");
    tree::edit(objects, empty, leaves).expect("memory takes all")
}

/// The edit of one file in the middle.
fn one_edit(objects: &MemoryObjects) -> BTreeMap<TreePath, Leaf> {
    let blob = put_blob(objects, b"changed\n".to_vec()).expect("memory takes all");
    let path = TreePath::new(b"folder_100/file_05000.rs").expect("a path");
    BTreeMap::from([(path, Leaf::Blob(EntryKind::File, blob, 8))])
}

#[divan::bench]
fn tree_build_10000(bencher: Bencher) {
    let objects = MemoryObjects::new();
    let leaves = leaves(&objects, 10_000);
    bencher.bench(|| built(&objects, &leaves));
}

#[divan::bench]
fn tree_edit_one_of_10000(bencher: Bencher) {
    let objects = MemoryObjects::new();
    let root = built(&objects, &leaves(&objects, 10_000));
    let edit = one_edit(&objects);
    bencher.bench(|| tree::edit(&objects, root, &edit));
}

#[divan::bench]
fn tree_diff_one_of_10000(bencher: Bencher) {
    let objects = MemoryObjects::new();
    let root = built(&objects, &leaves(&objects, 10_000));
    let after = tree::edit(&objects, root, &one_edit(&objects)).expect("memory takes all");
    bencher.bench(|| tree::diff(&objects, root, after));
}

fn write_files(folder: &Path, count: usize) {
    for at in 0..count {
        let place = folder.join(format!("folder_{:03}", at / 50));
        fs::create_dir_all(&place).expect("a folder");
        fs::write(place.join(format!("file_{at:05}.rs")), format!("content {at}\n"))
            .expect("a file");
    }
}

#[divan::bench]
fn capture_unchanged_5000(bencher: Bencher) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_files(folder.path(), 5_000);
    let objects = MemoryObjects::new();
    let rules = Rules::load(folder.path(), &RuleOptions::default()).expect("no rules");
    let mut cache = StatCache::empty(SystemClock.now());
    let first = capture(&objects, &rules, &mut cache, None).expect("a capture");
    bencher.bench_local(|| {
        cache.advance(SystemClock.now());
        capture(&objects, &rules, &mut cache, Some(first.tree))
    });
}

#[divan::bench(sample_count = 50)]
fn snapshot_one_file_of_500(bencher: Bencher) {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let project = scratch.path().join("project");
    write_files(&project, 500);
    let around = Surroundings::plain(project.clone(), scratch.path().join("state"), "bench");
    init::run(around.clone(), &init::Options::default()).expect("a workspace");
    let engine = Engine::open(around).expect("a workspace");
    let mut count = 0;
    bencher.bench_local(|| {
        count += 1;
        fs::write(project.join("folder_005/file_00250.rs"), format!("{count}\n")).expect("a file");
        snapshot::run(&engine, &snapshot::Options::default()).expect("a snapshot")
    });
}

#[divan::bench(sample_count = 50)]
fn store_flush_of_one_object(bencher: Bencher) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store =
        Store::create(&folder.path().join("store"), Arc::new(RealDisk), "").expect("a store");
    let mut count = 0;
    bencher.bench_local(|| {
        count += 1;
        let writer = store.writer().expect("a writer");
        put_blob(&writer, format!("{count}").into_bytes()).expect("room on the disk");
        writer.flush().expect("room on the disk");
    });
}

#[divan::bench]
fn document_change_one_of_2000(bencher: Bencher) {
    let objects = MemoryObjects::new();
    let part = |c: i64| {
        let fields = (0..100).map(|f| (format!("field_{f:03}"), Json::from(c * 1_000 + f)));
        (format!("part_{c:02}"), fields.collect::<Json>())
    };
    let state: Json = (0..20).map(part).collect();
    let first = Document::of(&state).expect("a value within the bounds");
    first.store(&objects).expect("memory takes all");
    let pointer: Pointer = "/part_07/field_050".parse().expect("a pointer");
    let mut value = 0;
    bencher.bench_local(|| {
        value += 1;
        let edit = Edit::Set { pointer: pointer.clone(), value: Json::from(value) };
        let mut document = first.clone();
        document.edit(&[edit]).expect("the place is there");
        document.store(&objects)
    });
}

#[divan::bench]
fn merge_text_2000_lines(bencher: Bencher) {
    let text = |changed: usize| {
        let line = |at| match at == changed {
            true => format!("line {at} changed\n"),
            false => format!("line {at}\n"),
        };
        (0..2_000).map(line).collect::<String>()
    };
    let (base, ours, theirs) = (text(usize::MAX), text(500), text(1_500));
    bencher.bench(|| merge_text(base.as_bytes(), ours.as_bytes(), theirs.as_bytes()));
}
