//! The catalogue is no truth: without it, with a damaged one, or while a stuck process holds it,
//! every verb answers as before; those that count build one of their own, and say so. `fsck --rebuild`
//! is busy then; it changes no name, tag, verdict or operation.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]
#![allow(missing_docs)]

mod common;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use common::{Bench, text};
use serde_json::Value;

/// Those that never open the catalogue.
const QUIET: [&[&str]; 10] = [
    &["branch"],
    &["tag"],
    &["log", "--all"],
    &["op", "log"],
    &["rank"],
    &["experiments"],
    &["show", "@"],
    &["diff", "main", "e1/a"],
    &["status"],
    &["state", "get"],
];

fn filled() -> Bench {
    let bench = Bench::project();
    bench.ok(&["try", "a=echo 9 > value.txt", "b=echo 11 > value.txt"]);
    bench.ok(&["select"]);
    bench.ok(&["merge", "--selected"]);
    bench.ok(&["tag", "best", "-m", "the best"]);
    bench.ok(&["state", "put", "--set", "/n=1", "--files"]);
    bench.write("value.txt", "7\n");
    bench.ok(&["snapshot", "-m", "seven"]);
    bench.ok(&["switch", "e1/b"]);
    bench.ok(&["stats"]);
    bench
}

fn answers(bench: &Bench) -> Vec<Value> {
    QUIET.iter().map(|words| bench.json(words)).collect()
}

/// The answers are those of before; says which one is not.
#[track_caller]
fn same(bench: &Bench, right: &[Value], when: &str) {
    for (words, right) in QUIET.iter().zip(right) {
        assert!(bench.json(words) == *right, "{when}: {words:?} answers otherwise");
    }
}

/// What `stats` counts, less how the store lies on the disk, and what it says of the catalogue.
fn counts(bench: &Bench) -> (Vec<Value>, Vec<Value>) {
    let report = bench.json(&["stats"]);
    let parts = ["snapshots", "sessions", "origins", "verdicts", "operations", "objects"];
    let notices = report["notices"].as_array().unwrap().clone();
    (parts.iter().map(|part| report[part].clone()).collect(), notices)
}

fn sled(bench: &Bench) -> PathBuf {
    bench.root().join(".exp/catalogue/sled")
}

/// What lies in `tmp/` of catalogues of processes' own.
fn own_catalogues(bench: &Bench) -> Vec<String> {
    let entries = fs::read_dir(bench.root().join(".exp/tmp")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.starts_with("catalogue-")).collect();
    names.sort();
    names
}

/// Each file of the database in that folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_file()).collect()
}

fn rewrite(path: &Path, change: impl Fn(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[test]
fn without_a_catalogue_or_with_a_damaged_one_all_is_answered_as_before() {
    let bench = filled();
    let (right, counted) = (answers(&bench), counts(&bench).0);
    type Harm<'h> = (&'h str, &'h dyn Fn());
    let folder = sled(&bench);
    let each =
        |change: &dyn Fn(&mut Vec<u8>)| files(&folder).iter().for_each(|f| rewrite(f, change));
    let harms: [Harm<'_>; 7] = [
        ("deleted whole", &|| fs::remove_dir_all(folder.parent().unwrap()).unwrap()),
        ("deleted", &|| fs::remove_dir_all(&folder).unwrap()),
        ("files deleted", &|| files(&folder).iter().for_each(|f| fs::remove_file(f).unwrap())),
        ("cut", &|| each(&|bytes| bytes.truncate(bytes.len() / 3))),
        ("zeroed", &|| each(&|bytes| bytes.fill(0))),
        ("garbage", &|| each(&|bytes| bytes.fill(b'g'))),
        ("emptied", &|| each(&Vec::clear)),
    ];
    let mut noticed = 0;
    for (name, harm) in harms {
        harm();
        same(&bench, &right, name);
        let (found, notices) = counts(&bench);
        assert_eq!(found, counted, "{name}");
        noticed += notices.len();
        assert_eq!(counts(&bench), (counted.clone(), Vec::new()), "{name}: the second time");
    }
    assert!(noticed > 0, "no damage was noticed");
}

/// A process that holds it and never lets go: our lock, or sled's own.
#[test]
fn a_catalogue_that_a_stuck_process_holds_changes_no_answer() {
    let bench = filled();
    for path in [bench.root().join(".exp/catalogue/lock"), sled(&bench).join("db")] {
        let right = answers(&bench);
        let held = File::options().read(true).write(true).open(&path).unwrap();
        held.lock().unwrap();
        same(&bench, &right, &path.display().to_string());
        bench.write("more.txt", &format!("{}\n", path.display()));
        bench.ok(&["snapshot", "-m", "more"]);
        bench.ok(&["undo"]);
        bench.ok(&["fsck"]);
        if path.ends_with("db") {
            // Who holds that alone has let go of the rest: another database takes its place.
            assert_eq!(counts(&bench).1.len(), 1, "it is said");
        } else {
            let (found, notices) = counts(&bench);
            let said = notices.iter().map(Value::to_string).collect::<String>();
            assert!(notices.len() == 1 && said.contains("another process holds"), "{said}");
            assert!(bench.ok(&["stats", "--alone"]).contains("counted without it"));
            let said = bench.complains(5, &["fsck", "--rebuild"]);
            assert!(said.contains("catalogue") && said.contains("in use"), "{said}");
            let said = text(&bench.run(&["doctor"]).stdout);
            assert!(said.contains("it is in use") && said.contains("exp stats"), "{said}");
            drop(held);
            assert_eq!(counts(&bench).0, found, "the numbers are others while it is held");
            assert_eq!(own_catalogues(&bench), Vec::<String>::new());
            continue;
        }
        drop(held);
        assert_eq!(counts(&bench).1, Vec::<Value>::new());
    }
}

/// What a process that died left of a catalogue of its own goes; what one that lives has does not.
#[test]
fn a_catalogue_of_a_dead_process_is_removed() {
    let bench = filled();
    let tmp = bench.root().join(".exp/tmp");
    fs::create_dir(tmp.join("catalogue-1-0")).unwrap();
    for name in ["catalogue-1-1", "catalogue-1-2"] {
        fs::create_dir_all(tmp.join(name).join("sled/blobs")).unwrap();
    }
    File::create(tmp.join("catalogue-1-1/lock")).unwrap();
    let held = File::create(tmp.join("catalogue-1-2/lock")).unwrap();
    held.lock().unwrap();
    counts(&bench);
    assert_eq!(own_catalogues(&bench), ["catalogue-1-2"]);
    drop(held);
    bench.ok(&["stats"]);
    assert_eq!(own_catalogues(&bench), Vec::<String>::new());
}

#[test]
fn a_rebuilt_catalogue_gives_the_same_names_verdicts_history_and_undo() {
    let bench = filled();
    let (right, counted) = (answers(&bench), counts(&bench).0);
    for harm in [false, true] {
        if harm {
            files(&sled(&bench)).iter().for_each(|file| rewrite(file, |bytes| bytes.fill(7)));
        }
        let said = bench.ok(&["fsck", "--rebuild"]);
        assert!(said.contains("built anew"), "{said}");
        same(&bench, &right, "rebuilt");
        assert_eq!(counts(&bench), (counted.clone(), Vec::new()));
    }
    // The switch is taken back, files included, and done again.
    bench.ok(&["undo"]);
    assert_eq!(bench.read("value.txt"), "7\n");
    bench.ok(&["redo"]);
    assert_eq!(bench.read("value.txt"), "11\n");
}

/// What `stats` says from what it remembers is what it says without; the log is as long as it is.
#[track_caller]
fn remembered_is_right(bench: &Bench, after: &str) {
    let all = |bench: &Bench| {
        let mut report = bench.json(&["stats"]);
        report.as_object_mut().unwrap().remove("notices");
        report
    };
    let remembered = all(bench);
    let log = bench.json(&["op", "log", "-n", "1000"])["operations"].as_array().unwrap().len();
    assert_eq!(remembered["operations"], log, "after {after}");
    let (folder, aside) = (bench.root().join(".exp/catalogue"), bench.outside("aside"));
    fs::rename(&folder, &aside).unwrap();
    assert_eq!(remembered, all(bench), "after {after}");
    fs::remove_dir_all(&folder).unwrap();
    fs::rename(&aside, &folder).unwrap();
}

#[test]
fn what_is_remembered_is_what_counting_anew_gives() {
    let bench = filled();
    remembered_is_right(&bench, "the beginning");
    // Many small packs, which are brought together on the way.
    for value in 0..20 {
        bench.write("value.txt", &format!("value {value}\n"));
        bench.ok(&["snapshot", "-m", "one of many"]);
        if value % 3 == 0 {
            remembered_is_right(&bench, "a snapshot");
        }
    }
    let bundle = bench.outside("all.bundle").display().to_string();
    bench.ok(&["export", "main", "-o", &bundle]);
    let steps: [&[&str]; 10] = [
        &["undo"],
        &["undo"],
        &["redo"],
        &["tag", "--delete", "best"],
        &["eval"],
        &["gc"],
        &["import", &bundle],
        &["gc", "--repack"],
        &["branch", "other"],
        &["fsck", "--rebuild"],
    ];
    for step in steps {
        bench.ok(step);
        remembered_is_right(&bench, &step.join(" "));
    }
    // The log loses its old end and has the same newest operation; then it grows again.
    let settings =
        "[retention]\nage = \"1ms\"\nmanual = false\noperations = 3\noperations_least = 1\n";
    fs::write(bench.root().join(".exp/config.toml"), settings).unwrap();
    let before = bench.json(&["stats"])["operations"].as_u64().unwrap();
    let report = bench.json(&["gc"]);
    assert!(report["operations_let_go"].as_u64().unwrap() > 10, "{report:#}");
    remembered_is_right(&bench, "gc");
    assert!(bench.json(&["stats"])["operations"].as_u64().unwrap() < before - 10);
    for value in 0..3 {
        bench.ok(&["branch", &format!("late-{value}")]);
        remembered_is_right(&bench, "a branch after gc");
        bench.ok(&["gc"]);
        remembered_is_right(&bench, "gc again");
    }
    bench.ok(&["undo"]);
    remembered_is_right(&bench, "undo after gc");
}
