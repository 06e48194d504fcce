//! The journal between real processes (a test starts itself as several writers, and kills one),
//! and what `exp fsck` says of it.
#![allow(clippy::unwrap_used, reason = "a helper of tests is a test")]
#![allow(missing_docs)]

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use common::Bench;
use expdag::base::disk::RealDisk;
use expdag::store::Store;
use expdag::store::journal::{Journal, JournalError, Position, StreamId};

const ROOT: &str = "EXPDAG_TEST_JOURNAL";
const COUNT: &str = "EXPDAG_TEST_JOURNAL_COUNT";
const TEST: &str = "processes_share_the_journal_and_one_that_is_killed_costs_nothing";
/// What each writer appends that is not killed.
const EACH: u32 = 200;
/// How many entries of the one that is killed are waited for.
const ENOUGH: usize = 50;

fn open(root: &Path) -> (Store, Journal) {
    let store = Store::open(root, Arc::new(RealDisk)).unwrap();
    let journal = Journal::open(&store).unwrap();
    (store, journal)
}

fn shared() -> StreamId {
    StreamId::of_name("shared")
}

/// Appends its process id and a number that counts up.
fn write(root: &Path, count: u32) {
    let (_store, journal) = open(root);
    let mut last = None;
    let mut number = 0;
    while number < count {
        let payload = [std::process::id().to_le_bytes(), number.to_le_bytes()].concat();
        match journal.append(shared(), last, &payload) {
            Ok(at) => (last, number) = (Some(at), number + 1),
            Err(JournalError::Moved { last: now, .. }) => last = now,
            Err(e) => panic!("{e}"),
        }
        if number % 20 == 0 {
            journal.sync().unwrap();
        }
    }
}

fn start(root: &Path, count: u32) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([TEST, "--exact"]).env(ROOT, root).env(COUNT, count.to_string());
    command.stdout(std::process::Stdio::null()).spawn().unwrap()
}

/// The numbers of each process, in the order of the journal.
fn found(journal: &Journal) -> BTreeMap<u32, Vec<u32>> {
    let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
    let mut found: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let places: Vec<Position> = journal.positions(shared(), None).unwrap();
    for at in places {
        let payload = journal.read(at).unwrap();
        found.entry(number(&payload[..4])).or_default().push(number(&payload[4..]));
    }
    found
}

#[test]
fn processes_share_the_journal_and_one_that_is_killed_costs_nothing() {
    if let (Ok(root), Ok(count)) = (std::env::var(ROOT), std::env::var(COUNT)) {
        return write(Path::new(&root), count.parse().unwrap());
    }
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("exp");
    Store::create(&root, Arc::new(RealDisk), "# none\n").unwrap();
    let (store, journal) = open(&root);
    let mut killed = start(&root, u32::MAX);
    let mut others = [start(&root, EACH), start(&root, EACH)];
    let of = |id: u32| found(&journal).remove(&id).unwrap_or_default();
    for _ in 0..60_000 {
        if of(killed.id()).len() >= ENOUGH || killed.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let left = of(killed.id());
    assert!(left.len() >= ENOUGH && left.iter().copied().eq(0..left.len() as u32), "{left:?}");
    for other in &mut others {
        assert!(other.wait().unwrap().success());
        assert!(of(other.id()).into_iter().eq(0..EACH));
    }
    assert_eq!(of(killed.id()), left, "what was seen stays");
    write(&root, EACH);
    assert!(of(std::process::id()).into_iter().eq(0..EACH));
    let report = store.check(&|_| ()).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
    assert_eq!(report.frames, left.len() + 3 * EACH as usize);
}

/// What `exp fsck` says of the journal: whole, with an end that was cut short, with rot.
#[test]
fn fsck_names_what_is_wrong_with_the_journal() {
    let bench = Bench::project();
    let root = bench.root().join(".exp");
    let (_store, journal) = open(&root);
    let mut last = None;
    for number in 0..3_u8 {
        last = Some(journal.append(shared(), last, &[number; 64]).unwrap());
        journal.sync().unwrap();
    }
    let page = bench.ok(&["fsck"]);
    assert!(page.contains("Read 3 frames in 1 segment of the journal."), "{page}");
    let path = root.join("journal/00000001.log");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[last.unwrap().offset as usize + 136] = 1;
    std::fs::write(&path, &bytes).unwrap();
    let page = bench.ok(&["fsck"]);
    assert!(page.contains("is not whole, as a crash leaves it") && page.contains("well"), "{page}");
    bytes[150] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let page = bench.exits(6, &["fsck"]);
    assert!(page.contains("journal/00000001.log`: bytes 64 to 200 are damaged"), "{page}");
    assert!(page.contains("Read 2 frames") && !page.contains("All is well"), "{page}");
}

/// The segments deleted by hand: the measurements beside them say that states are lost.
#[test]
fn states_that_are_gone_with_their_segments_are_missed() {
    let mut bench = Bench::project();
    let journal = bench.root().join(".exp/journal");
    for number in 0..3 {
        bench.ok(&["state", "put", "--set", &format!("/n={number}")]);
    }
    bench.ok(&["fsck"]);
    bench.ok(&["audit"]);
    std::fs::remove_file(journal.join("00000001.log")).unwrap();
    let page = bench.exits(6, &["fsck"]);
    assert!(page.contains("/journal`: 3 states are not there that `metrics`"), "{page}");
    assert!(!page.contains("All is well"), "{page}");
    let page = bench.exits(6, &["audit"]);
    assert!(page.contains("Not sound:") && page.contains("3 states are not there"), "{page}");
    // Who goes on in another session does not hide it.
    bench.as_session("two", |bench| bench.ok(&["state", "put", "--set", "/n=9"]));
    let page = bench.exits(6, &["fsck"]);
    assert!(page.contains("3 states are not there"), "{page}");
    // Without the measurements nothing tells it from a journal that never was.
    std::fs::remove_file(journal.join("metrics")).unwrap();
    bench.ok(&["fsck"]);
}
