//! Bundles under power cuts: a file is there whole or not at all, an import is done or was not.

use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use expdag::base::fault::{CrashPoint, RecordingDisk, crash_points, crash_points_of};
use expdag::engine::Engine;
use expdag::engine::verb::export::{self, Target};
use expdag::engine::verb::import;
use expdag::run::Cancel;
use expdag::store::bundle::inspect;

use super::library::{Bed, in_memory, one, other, quick, surroundings, take_snapshot};
use super::{Proof, Verb, crash, edited, leave_out_each_sync, tried};

/// What another workspace has: two snapshots.
fn bundle() -> &'static [u8] {
    static BUNDLE: OnceLock<Vec<u8>> = OnceLock::new();
    BUNDLE.get_or_init(|| {
        let bed = Bed::with(&one());
        bed.make(&other());
        let engine = bed.open("one");
        take_snapshot(&engine).unwrap();
        let mut bytes = Vec::new();
        let target = Target::Stream(&mut bytes);
        export::run(&engine, &export::Options::default(), target, &Cancel::new()).unwrap();
        bytes
    })
}

const IMPORT: Verb = |engine| {
    let from = BufReader::new(bundle());
    let report = import::run(engine, &import::Options::default(), from, &Cancel::new())?;
    assert!(report.operation.is_some());
    Ok(())
};

#[test]
fn import_leaves_the_old_names_or_the_new_ones() {
    tried("import", crash(edited, IMPORT), 5);
}

#[test]
fn no_sync_of_an_import_can_be_left_out() {
    assert_eq!(leave_out_each_sync(edited, IMPORT), (Vec::new(), 3), "pack, packs, heads");
}

/// A workspace beside whose files an older bundle lies.
fn with_an_older_one() -> Bed {
    let bed = Bed::with(&one());
    std::fs::write(bed.root().join("bundle"), bundle()).unwrap();
    bed
}

fn export_on(bed: &Bed, disk: Arc<RecordingDisk>) {
    let engine = Engine::open(surroundings(&bed.root(), &bed.state(), disk)).unwrap();
    let target = Target::File(bed.root().join("bundle"));
    export::run(&engine, &export::Options::default(), target, &Cancel::new()).unwrap();
}

/// The file is the old one or the new one, whole; and the store goes by the name that the new one says.
fn prove(root: &Path, state: &Path, is_end: bool) -> Proof {
    let bytes = std::fs::read(root.join("bundle"))?;
    let engine = Engine::open(surroundings(root, state, quick(root)))?;
    let source = engine.store().source()?;
    if bytes == bundle() {
        return if is_end { Err("what was acknowledged is gone".into()) } else { Ok(()) };
    }
    let manifest = inspect(&bytes)?.manifest;
    match source {
        Some(source) if source == manifest.source => Ok(()),
        other => Err(format!("the store is {other:?}").into()),
    }
}

#[test]
fn export_leaves_the_old_file_or_the_new_one() {
    let (bed, scratch) = (with_an_older_one(), in_memory());
    let mut all = 0;
    let run = |disk: Arc<RecordingDisk>| export_on(&bed, disk);
    let states = crash_points(&bed.root(), scratch.path(), run, |root, point| {
        all = point.all;
        if let Err(fault) = prove(root, &scratch.path().join("outside"), point.is_end()) {
            panic!("after {} of {all} changes (last: {}): {fault}", point.at, point.last);
        }
    });
    tried("export", (all, states.unwrap()), 5);
}

#[test]
fn no_sync_of_an_export_can_be_left_out() {
    for sync in 0.. {
        let (bed, scratch) = (with_an_older_one(), in_memory());
        let disk = Arc::new(RecordingDisk::forgetting(&bed.root(), sync));
        let mut noticed = false;
        let check = |root: &Path, point: &CrashPoint| {
            noticed = prove(root, &scratch.path().join("outside"), point.is_end()).is_err();
            if noticed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let run = |disk: Arc<RecordingDisk>| export_on(&bed, disk);
        crash_points_of(disk.clone(), &bed.root(), scratch.path(), run, check).unwrap();
        if disk.syncs() <= sync {
            assert_eq!((noticed, sync), (false, 4), "source, store, bundle, its folder");
            return;
        }
        assert!(noticed, "nothing notices that sync {sync} is left out");
    }
}
