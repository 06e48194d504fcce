//! What a command leaves in its view, however odd: the rest of its work is recorded, what no tree can
//! have is named with the reason, nothing that is only unreadable counts as deleted, and the view can be
//! used again. On both backends, as root and as somebody else.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::fs;
use std::os::unix::fs::MetadataExt;

use common::{Bench, text};

const BACKENDS: [&str; 2] = ["overlay", "copy"];

/// A workspace with a few files and the branch `x`.
fn bench() -> Bench {
    let bench = Bench::empty();
    for (path, content) in [("a", "a\n"), ("src/1", "1\n"), ("src/2", "2\n")] {
        bench.write(path, content);
    }
    bench.write("exp.toml", "[[stage]]\nname = \"t\"\nkind = \"gate\"\nrun = \"test -e a\"\n");
    bench.ok(&["init"]);
    bench.ok(&["branch", "x"]);
    bench
}

/// Whether a backend works on this machine.
fn works(bench: &Bench, backend: &str) -> bool {
    backend == "copy"
        || bench.run(&["exec", "x", "--backend", "overlay", "--", "true"]).status.success()
}

/// Runs a shell command in the branch and gives exp's report.
fn leaves(bench: &Bench, backend: &str, script: &str) -> serde_json::Value {
    bench.json(&["exec", "x", "--backend", backend, "--", "sh", "-c", script])
}

fn notes(report: &serde_json::Value) -> String {
    report["notes"].to_string()
}

/// The names that differ between the two branches.
fn changed(bench: &Bench) -> String {
    bench.ok(&["diff", "main", "x", "--names"])
}

#[test]
fn what_a_command_closed_is_recorded_and_not_deleted() {
    for backend in BACKENDS {
        let bench = bench();
        if !works(&bench, backend) {
            continue;
        }
        leaves(
            &bench,
            backend,
            "echo new > src/3; echo z > closed; chmod 000 src closed; echo b > b",
        );
        let changed = changed(&bench);
        assert!(!changed.contains("removed"), "{backend}: {changed}");
        assert!(changed.contains("b"), "{backend}: {changed}");
        bench.ok(&["merge", "x", "--no-eval"]);
        assert_eq!(bench.read("src/1"), "1\n", "{backend}");
        // The next command finds a view that works.
        assert_eq!(leaves(&bench, backend, "cat src/2")["exit"], 0, "{backend}");
    }
}

#[test]
fn what_no_tree_can_have_is_named_and_the_rest_is_recorded() {
    for backend in BACKENDS {
        let bench = bench();
        if !works(&bench, backend) {
            continue;
        }
        let script = "echo work > result; rm a; mkfifo a; truncate -s 1T sparse; mkdir .GIT; \
             echo x > .GIT/config; i=0; while [ $i -lt 300 ]; do mkdir d && cd d || exit 1; i=$((i+1)); done";
        let report = leaves(&bench, backend, script);
        let notes = notes(&report);
        for named in ["`a`", "`sparse`", "`d/d/"] {
            assert!(notes.contains(named), "{backend}: {named} in {notes}");
        }
        let changed = changed(&bench);
        assert!(changed.contains("result") && !changed.contains("GIT"), "{backend}: {changed}");
        for verb in [&["status"][..], &["gc"], &["fsck"]] {
            bench.ok(verb);
        }
        for _ in 0..2 {
            bench.ok(&["try", "ok=true", "--backend", backend]);
        }
    }
}

#[test]
fn attributes_that_mean_something_to_the_kernel_hide_nothing() {
    for backend in BACKENDS {
        let bench = bench();
        if !works(&bench, backend) {
            continue;
        }
        let script = "echo 3 > src/3; for name in user.overlay.opaque trusted.overlay.opaque; do \
             setfattr -n $name -v y src 2>/dev/null; done; true";
        leaves(&bench, backend, script);
        let changed = changed(&bench);
        assert!(changed.contains("src/3") && !changed.contains("removed"), "{backend}: {changed}");
    }
}

#[test]
fn a_command_that_cleans_the_users_state_takes_no_history_away() {
    let bench = bench();
    if !works(&bench, "overlay") {
        return;
    }
    bench.write("a", "two\n");
    bench.ok(&["snapshot", "-m", "important"]);
    let state = bench.outside("state");
    for script in [
        format!("rm -rf '{}'", state.display()),
        "rm -rf .exp .git/exp".to_owned(),
        format!(
            "find '{}' -name '*.pack' -delete",
            bench.outside("work").parent().unwrap().display()
        ),
    ] {
        bench.run(&["exec", "x", "--backend", "overlay", "--", "sh", "-c", &script]);
        assert!(bench.ok(&["log"]).contains("important"), "{script}");
        assert!(bench.ok(&["fsck"]).contains("All is well."), "{script}");
    }
}

#[test]
fn two_names_of_one_file_are_brought_back_at_once() {
    let bench = Bench::empty();
    bench.write("h1", "good\n");
    fs::hard_link(bench.root().join("h1"), bench.root().join("h2")).unwrap();
    bench.ok(&["init"]);
    bench.write("h1", "bad\n");
    bench.ok(&["rollback", "--to", "@"]);
    assert_eq!((bench.read("h1"), bench.read("h2")), ("good\n".to_owned(), "good\n".to_owned()));
}

#[test]
fn a_sparse_file_in_the_workspace_is_named_and_not_read() {
    let bench = bench();
    let file = fs::File::create(bench.root().join("disk.img")).unwrap();
    file.set_len(1 << 40).unwrap();
    if file.metadata().unwrap().blocks() > 1 << 20 {
        return;
    }
    bench.write("a", "two\n");
    let report = bench.json(&["snapshot"]);
    assert!(report["skipped"].to_string().contains("disk.img"), "{report:#}");
    assert_eq!(bench.json(&["status"])["skipped"].as_array().unwrap().len(), 1);
    let output = bench.run(&["diff", "@-", "@"]);
    assert!(text(&output.stdout).contains("+two"));
}

/// Only a copy's command can reach the process that keeps it.
#[test]
fn an_approach_that_kills_what_keeps_it_is_alone_in_that() {
    let bench = bench();
    let kills = "kills=echo half > half; kill -9 $PPID; sleep 3";
    let words = ["try", kills, "other=echo whole > whole", "--backend", "copy"];
    let report = bench.json(&words);
    let approaches = report["approaches"].as_array().unwrap();
    let shown = |at: usize| approaches[at]["state"].as_str().unwrap_or_default().to_owned();
    assert!(shown(0).contains("killed") || shown(0) == "done", "{report:#}");
    assert_eq!(shown(1), "done", "{report:#}");
    let names = bench.ok(&["diff", "main", "e1/kills", "--names"]);
    assert!(names.contains("half"), "{names}");
    assert!(bench.ok(&["diff", "main", "e1/other", "--names"]).contains("whole"));
    let stage = "[[stage]]\nname = \"t\"\nkind = \"gate\"\nrun = \"kill -9 $PPID; sleep 3\"\n";
    bench.write("exp.toml", stage);
    let said = text(&bench.run(&["eval", "--backend", "copy"]).stdout);
    assert!(!said.contains("verdict: bad"), "{said}");
}
