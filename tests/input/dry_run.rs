//! A dry run of every verb that has one, byte for byte.

use super::common::Bench;
use super::common::state::files;
use super::{everything, furnished};

#[test]
fn a_dry_run_writes_nothing() {
    let bench = furnished();
    bench.ok(&["select"]);
    bench.ok(&["eval"]);
    bench.ok(&["tag", "second"]);
    bench.write("tests.txt", "bad a\nok b\nok c\nok d\n");
    bench.write("deep/new.txt", "new\n");
    bench.write("state.json", "{\"plan\": 1}\n");
    let outside = files(&bench.outside("state"));
    let before = everything(&bench);
    let verbs: [(&[&str], &str); 22] = [
        (&["snapshot"], "Would record 3 changed files"),
        (&["snapshot", "--state", "state.json", "--tag", "t"], "Would record"),
        (&["branch", "new"], "Would"),
        (&["branch", "--delete", "idea"], "Would"),
        (&["branch", "--rename", "idea", "plan"], "Would"),
        (&["switch", "idea"], "Would switch"),
        (&["try", "c=true"], "Would"),
        (&["eval"], "Would"),
        (&["eval", "idea"], "Would"),
        (&["select"], "Would"),
        (&["select", "--approach", "b"], "Would"),
        (&["merge", "idea"], "Would"),
        (&["merge", "--selected"], "Would"),
        (&["rollback"], "Would go back"),
        (&["rollback", "--to", "first"], "Would go back"),
        (&["guard"], "Would evaluate"),
        (&["undo"], "Would take back"),
        (&["tag", "new"], "Would"),
        (&["tag", "--delete", "first"], "Would"),
        (&["deinit"], "Would be lost"),
        (&["forget", "value.txt"], "Would be forgotten"),
        (&["forget", "value.txt", "--yes"], "Would be forgotten"),
    ];
    for (verb, says) in verbs {
        let dry = [verb, &["--dry-run"]].concat();
        let page = bench.ok(&dry);
        assert!(page.contains(says), "{verb:?}: {page}");
        bench.json(&dry);
        assert_eq!(everything(&bench), before, "{verb:?} wrote something");
    }
    let said = bench.complains(0, &["exec", "idea", "--dry-run", "--", "touch", "made"]);
    assert_eq!(said, "idea: would run `touch made`\n");
    assert_eq!(everything(&bench), before);
    bench.ok(&["deinit", "--yes", "--dry-run"]);
    assert_eq!(everything(&bench), before);
    assert_eq!(files(&bench.outside("state")), outside);
    bench.ok(&["undo"]);
    let before = everything(&bench);
    assert!(bench.ok(&["redo", "--dry-run"]).contains("Would do again"));
    assert_eq!(everything(&bench), before);
}

#[test]
fn a_dry_run_of_init_writes_nothing() {
    let bench = Bench::empty();
    bench.write("Makefile", "test:\n\ttrue\n");
    let before = files(&bench.root());
    let page = bench.ok(&["init", "--dry-run"]);
    assert!(page.contains("Would capture 1 file"), "{page}");
    assert_eq!(files(&bench.root()), before);
    assert!(!bench.exists(".exp"));
}
