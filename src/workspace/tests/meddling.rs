//! Somebody else changes the workspace in the middle of a restore: when contents are written, and
//! before they get their names.

use std::sync::Mutex;

use super::*;
use crate::base::id::ObjectId;
use crate::object::traits::{Fetch, ObjectError};

/// Objects; when the first of them is fetched, something happens.
struct Meddling<'a> {
    objects: &'a MemoryObjects,
    then: Mutex<Option<Box<dyn FnOnce() + Send + 'a>>>,
}

impl Fetch for Meddling<'_> {
    fn fetch(&self, id: ObjectId) -> Result<Arc<Vec<u8>>, ObjectError> {
        if let Some(then) = self.then.lock().unwrap().take() {
            then();
        }
        self.objects.fetch(id)
    }

    fn contains(&self, id: ObjectId) -> Result<bool, ObjectError> {
        self.objects.contains(id)
    }
}

/// Restores `first` where `second` stands, with something happening in the middle.
fn restore_while(
    bench: &mut Bench,
    (from, to): (TreeId, TreeId),
    then: impl FnOnce() + Send,
) -> Result<RestoreReport, RestoreError> {
    let plan = plan_restore(&bench.objects, from, to).unwrap();
    let objects = Meddling { objects: &bench.objects, then: Mutex::new(Some(Box::new(then))) };
    let (root, cache) = (bench.folder.path(), &mut bench.cache);
    apply_restore(&RealDisk, &objects, root, &plan, cache, Durability::Durable)
}

/// A workspace with `a/one` and `a/two`, and one with neither but the folder.
fn two_files(bench: &mut Bench) -> (TreeId, TreeId) {
    bench.write("a/kept", "kept");
    bench.write("a/one", "recorded");
    bench.write("a/two", "recorded");
    let full = bench.capture(None).tree;
    fs::remove_file(bench.at("a/one")).unwrap();
    fs::remove_file(bench.at("a/two")).unwrap();
    (bench.capture(Some(full)).tree, full)
}

#[test]
fn a_file_that_appears_where_nothing_stood_is_not_replaced() {
    let mut bench = Bench::new();
    let way = two_files(&mut bench);
    let late = bench.at("a/two");
    let appears = || fs::write(late, "somebody's").unwrap();
    let error = restore_while(&mut bench, way, appears).unwrap_err();
    assert!(matches!(&error, RestoreError::Changed { path } if path.display() == "a/two"));
    assert_eq!(bench.read("a/two"), "somebody's");
}

#[test]
fn a_folder_that_is_exchanged_for_a_link_leads_nowhere() {
    let mut bench = Bench::new();
    let way = two_files(&mut bench);
    let outside = tempfile::tempdir().unwrap();
    let (folder, aside, link) = (bench.at("a"), bench.at("aside"), outside.path().to_owned());
    let exchange = move || {
        fs::rename(&folder, aside).unwrap();
        std::os::unix::fs::symlink(link, folder).unwrap();
    };
    let error = restore_while(&mut bench, way, exchange).unwrap_err();
    assert!(matches!(error, RestoreError::Changed { .. }), "{error}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    assert_eq!(bench.read("aside/kept"), "kept");
}

#[test]
fn many_files_at_once_do_not_replace_one_that_appears_either() {
    let mut bench = Bench::new();
    bench.write("a/kept", "kept");
    let empty = bench.capture(None).tree;
    (0..200).for_each(|number| bench.write(&format!("a/{number}"), format!("content {number}")));
    let full = bench.capture(Some(empty)).tree;
    (0..200).for_each(|number| fs::remove_file(bench.at(&format!("a/{number}"))).unwrap());
    let late = bench.at("a/150");
    let appears = || fs::write(late, "somebody's").unwrap();
    let error = restore_while(&mut bench, (empty, full), appears).unwrap_err();
    assert!(matches!(&error, RestoreError::Changed { path } if path.display() == "a/150"));
    assert_eq!(bench.read("a/150"), "somebody's");
}
