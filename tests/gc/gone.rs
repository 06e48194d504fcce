//! What is answered about snapshots that are gone, all of them or in part.

use std::fs;
use std::sync::Arc;

use expdag::base::disk::RealDisk;
use expdag::base::id::{Hash, Kind, TreeId};
use expdag::base::time::Timestamp;
use expdag::object::experiment::Experiment;
use expdag::object::names::{self, NameKey, NameValue};
use expdag::object::operation::OperationKind;
use expdag::object::snapshot::Snapshot;
use expdag::object::tombstone::{Farewell, Tombstone};
use expdag::store::{Change, NameMove, Store};

use super::common::Bench;
use super::{NOTHING_STAYS, hook, ids, noise, settings};

/// The record of a snapshot may lie on in a pack that stays, though no name leads to it any more and
/// some of its files are gone. Whoever still has its id is told so, and makes no name of it.
#[test]
fn a_snapshot_that_nothing_led_to_any_more_is_no_snapshot_again() {
    let bench = Bench::project();
    bench.ok(&["branch", "side"]);
    bench.ok(&["switch", "side"]);
    hook(&bench, "1\n");
    fs::write(bench.root().join("large.bin"), noise(17 << 20)).unwrap();
    let dead = hook(&bench, "1\n");
    bench.ok(&["eval", &dead]);
    let before = bench.outside("before");
    bench.ok(&["export", "-o", before.to_str().unwrap(), "side"]);
    bench.ok(&["switch", "main"]);
    fs::write(bench.root().join("large.bin"), noise(17 << 20)).unwrap();
    bench.ok(&["snapshot", "-m", "large"]);
    bench.ok(&["branch", "-d", "side"]);
    bench.ok(&["branch", "a"]);
    bench.ok(&["branch", "b"]);
    settings(&bench, NOTHING_STAYS);
    bench.ok(&["gc"]);
    bench.ok(&["fsck"]);
    assert!(!ids(&bench).contains(&dead));
    let names = bench.ok(&["tag"]) + &bench.ok(&["branch"]);
    let bundle = bench.outside("bundle");
    for verb in [
        &["tag", "back", &dead][..],
        &["tag", "back", &dead[..12]],
        &["branch", "back", "--from", &dead],
        &["rollback", "--to", &dead],
        &["merge", &dead, "--no-eval"],
        &["eval", &dead],
        &["show", &dead],
        &["log", &dead],
        &["export", "-o", bundle.to_str().unwrap(), &dead],
    ] {
        for said in [bench.complains(4, verb), bench.complains(4, verb)] {
            assert!(
                said.contains(&dead) && said.contains("let go by retention"),
                "{verb:?}: {said}"
            );
        }
        bench.ok(&["gc"]);
    }
    assert_eq!(bench.ok(&["tag"]) + &bench.ok(&["branch"]), names);
    bench.ok(&["fsck"]);
    bench.ok(&["fsck", "--rebuild"]);
    assert!(!ids(&bench).contains(&dead));
    // With its bundle from before it is whole again.
    bench.ok(&["import", before.to_str().unwrap()]);
    bench.ok(&["tag", "back", &dead]);
    bench.ok(&["gc"]);
    bench.ok(&["rollback", "--to", "back"]);
    assert_eq!(bench.read("value.txt"), "1\n");
    bench.ok(&["fsck"]);
}

/// No experiment of this store loses files; one that came from elsewhere may never have had them.
#[test]
fn an_experiment_is_ranked_without_the_files() {
    let bench = Bench::project();
    bench.ok(&["try", "fast=echo 5 > value.txt; echo x > x.txt", "slow=echo 20 > value.txt"]);
    let before = bench.json(&["rank", "e1"]);
    let_go_of_the_first_candidate(&bench);
    let after = bench.json(&["rank", "e1"]);
    for (was, is) in [0, 1].map(|at| (&before["rows"][at], &after["rows"][at])) {
        for field in ["approach", "place", "verdict", "metrics", "tests"] {
            assert_eq!(was[field], is[field], "{after:#}");
        }
    }
    assert_eq!(after["rows"][0]["gone"]["why"], "was let go by retention", "{after:#}");
    assert!(after["rows"][1]["gone"].is_null(), "{after:#}");
    let page = bench.ok(&["rank", "e1"]);
    assert!(page.contains("what it changes is not known: its tree was let go by"), "{page}");
    bench.ok(&["experiment", "show", "e1"]);
}

/// Puts a snapshot of files that are gone in the place of what the first approach of `e1` left.
fn let_go_of_the_first_candidate(bench: &Bench) {
    let store = Store::open(&bench.root().join(".exp"), Arc::new(RealDisk)).unwrap();
    let key = NameKey::Experiment("e1".to_owned());
    let found = names::get(&store, store.names().unwrap(), &key).unwrap();
    let Some(NameValue::Experiment(id)) = found else { panic!("no experiment") };
    let writer = store.writer().unwrap();
    let mut experiment = Experiment::fetch(&writer, id).unwrap();
    let candidate = experiment.approaches[0].candidate.unwrap();
    let mut snapshot = Snapshot::fetch(&writer, candidate).unwrap();
    snapshot.tree = TreeId(Hash([9; 32]));
    let (why, who) = (Farewell::Retention, "tester".to_owned());
    let tombstone = Tombstone { kind: Kind::Tree as u8, why, who, when: Timestamp(1) };
    tombstone.put(&writer, snapshot.tree.object()).unwrap();
    experiment.approaches[0].candidate = Some(snapshot.put(&writer).unwrap());
    let new = Some(NameValue::Experiment(experiment.put(&writer).unwrap()));
    let change = Change {
        moves: vec![NameMove { key, expected: found, new }],
        kind: OperationKind::Verb,
        verb: "import".to_owned(),
        summary: String::new(),
        who: "tester".to_owned(),
        session: "two".to_owned(),
        workspace: None,
        when: Timestamp(1),
    };
    writer.commit(change).unwrap();
}
