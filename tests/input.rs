//! Bad input: one clear message with what to do, the documented exit code, nothing changed; and a
//! dry run of every verb that writes nothing.

#![allow(clippy::unwrap_used, reason = "what is not as it must be ends the test")]

mod common;

#[path = "input/dry_run.rs"]
mod dry_run;
#[path = "input/store.rs"]
mod store;

use common::Bench;
use common::state::{Files, State, files, word};
use serde_json::Value;

/// Runs a command that must be refused: as text and as JSON, with that exit code, a message that
/// contains those words, one that says what to do, and nothing changed by either.
fn refused(bench: &Bench, code: i32, arguments: &[&str], words: &[&str]) -> Value {
    let before = everything(bench);
    let text = bench.complains(code, arguments);
    for part in words {
        assert!(text.contains(part), "exp {arguments:?} does not say `{part}`:\n{text}");
    }
    assert!(text.starts_with("error: "), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    let error = bench.json_exits(code, arguments);
    assert_eq!(error["error"]["code"], code, "{error:#}");
    assert!(error["error"]["category"].is_string() && error["version"] == 1, "{error:#}");
    let said = format!("{}{}", error["error"]["message"], error["error"]["hint"]);
    assert!(said.len() > 10 && !said.contains("error:"), "{error:#}");
    assert_eq!(everything(bench), before, "exp {arguments:?} changed something");
    error["error"].clone()
}

/// All files of the workspace and all of its store but what are only caches and locks.
fn everything(bench: &Bench) -> (Files, Files) {
    let mut store = files(&bench.root().join(".exp"));
    store.retain(|name, _| {
        let name = String::from_utf8_lossy(name).into_owned();
        let is_lock = name.starts_with("locks") || name == "catalogue/lock";
        let is_cache = name.starts_with("stat/") && name.ends_with("/cache");
        !is_lock && !is_cache && !name.starts_with("catalogue/sled")
    });
    (files(&bench.root()), store)
}

/// A workspace with a branch, a tag and an experiment.
fn furnished() -> Bench {
    let bench = Bench::project();
    bench.ok(&["try", "a=echo 5 > value.txt", "b=echo 20 > value.txt"]);
    bench.ok(&["branch", "idea"]);
    bench.ok(&["exec", "idea", "--", "sh", "-c", "echo n > new.txt"]);
    bench.ok(&["tag", "first"]);
    bench
}

#[test]
fn not_a_workspace() {
    let bench = Bench::empty();
    let verbs: [&[&str]; 22] = [
        &["status"],
        &["snapshot"],
        &["log"],
        &["show"],
        &["diff"],
        &["branch"],
        &["switch", "a"],
        &["try", "a=true"],
        &["eval"],
        &["rank"],
        &["select"],
        &["merge", "a"],
        &["rollback"],
        &["guard"],
        &["undo"],
        &["redo"],
        &["op", "log"],
        &["tag"],
        &["fsck"],
        &["stats"],
        &["deinit"],
        &["deinit", "--yes"],
    ];
    for verb in verbs {
        let text = bench.complains(4, verb);
        assert!(text.contains("not in a workspace") && text.contains("exp init"), "{text}");
        assert_eq!(bench.json_exits(4, verb)["error"]["category"], "not-found");
    }
    bench.exits(125, &["exec", "a", "--", "true"]);
    assert!(files(&bench.root()).is_empty() && !bench.exists(".exp"));
}

#[test]
fn folders_that_are_never_a_workspace() {
    let bench = Bench::empty();
    let text = bench.complains(2, &["init", "/"]);
    assert!(text.contains('/'), "{text}");
    let home = bench.outside("home");
    bench.complains(2, &["init", home.to_str().unwrap()]);
    assert_eq!(files(&home).len(), 0);
    let text = bench.complains(4, &["-C", "nowhere", "status"]);
    assert!(text.contains("nowhere"), "{text}");
    bench.exits(4, &["init", "nowhere"]);
}

#[test]
fn a_demo_goes_into_a_folder_that_is_empty() {
    let bench = Bench::project();
    let text = bench.complains(2, &["demo", "."]);
    assert!(text.contains("not empty") && text.contains("name another folder"), "{text}");
    assert!(!text.contains("bug") && !bench.exists("Cargo.toml"), "{text}");
}

#[test]
fn names_that_are_unknown() {
    let bench = furnished();
    let cases: [(&[&str], &[&str]); 17] = [
        (&["show", "nope"], &["no snapshot, branch or tag `nope`", "exp log --all"]),
        (&["show", "mian"], &["did you mean main?"]),
        (&["show", "main~99"], &["main~99"]),
        (&["show", "@~x"], &["@~x"]),
        (&["show", "deadbeef99"], &["deadbeef99"]),
        (&["log", "nope"], &["`nope`"]),
        (&["diff", "nope"], &["`nope`"]),
        (&["switch", "nope"], &["no branch `nope`"]),
        (&["branch", "new", "--from", "nope"], &["`nope`"]),
        (&["branch", "--delete", "nope"], &["no branch `nope`"]),
        (&["branch", "--rename", "nope", "new"], &["no branch `nope`"]),
        (&["tag", "new", "nope"], &["`nope`"]),
        (&["tag", "--delete", "nope"], &["no tag `nope`"]),
        (&["merge", "nope"], &["`nope`"]),
        (&["rollback", "--to", "nope"], &["`nope`"]),
        (&["undo", "0123456789"], &["no operation `0123456789`", "exp op log"]),
        (&["snapshot", "--state", "nope.json"], &["nope.json"]),
    ];
    for (arguments, words) in cases {
        refused(&bench, 4, arguments, words);
    }
    refused(&bench, 4, &["rank", "e99"], &["no experiment `e99`"]);
    refused(&bench, 4, &["select", "e99"], &["no experiment `e99`"]);
    refused(&bench, 4, &["select", "--approach", "nope"], &["no approach `nope`"]);
    refused(&bench, 4, &["merge", "--selected"], &["no selection", "exp select"]);
    refused(&bench, 4, &["show", "--state"], &["no state document", "--state FILE"]);
    refused(&bench, 4, &["redo"], &["no undo to take back"]);
    refused(&bench, 125, &["exec", "nope", "--", "true"], &["no branch `nope`"]);
}

#[test]
fn names_that_are_malformed() {
    let bench = furnished();
    let long = "x".repeat(201);
    let bad =
        ["", "a b", "../x", "/x", "x/", "a//b", "@", "a~1", "-", ".x", "x.lock", "a\tb", &long];
    for name in bad {
        if !name.starts_with('-') {
            let new = format!("{name}/");
            refused(&bench, 2, &["branch", "--rename", "idea", &new], &["is no name"]);
        }
        for verb in ["branch", "tag"] {
            refused(&bench, 2, &[verb, "--", name], &["is no name"]);
        }
    }
    refused(&bench, 2, &["snapshot", "--tag", "a b"], &["is no name"]);
    for approach in ["nocommand", "=true", "a/b=true", "a=", "a b=true", "a=  "] {
        refused(&bench, 2, &["try", approach], &[]);
    }
}

#[test]
fn names_that_are_taken() {
    let bench = furnished();
    bench.write("new.txt", "new\n");
    refused(&bench, 3, &["branch", "idea"], &["branch `idea` exists", "another name"]);
    refused(&bench, 3, &["branch", "--rename", "idea", "main"], &["branch `main` exists"]);
    refused(&bench, 3, &["tag", "first"], &["tag `first` exists"]);
    refused(&bench, 3, &["snapshot", "--tag", "first"], &["tag `first` exists"]);
    refused(&bench, 3, &["init"], &["a workspace already", "exp status"]);
    // A name means one thing: a tag that hides behind a branch could not be reached.
    refused(&bench, 3, &["branch", "first"], &["tag `first` exists"]);
    refused(&bench, 3, &["branch", "--rename", "idea", "first"], &["tag `first` exists"]);
    refused(&bench, 3, &["tag", "idea"], &["branch `idea` exists"]);
    refused(&bench, 3, &["snapshot", "--tag", "idea"], &["branch `idea` exists"]);
    refused(&bench, 2, &["try", "a=true", "b=true", "a=false"], &["`a` is given twice"]);
}

#[test]
fn names_that_are_ambiguous() {
    let mut bench = furnished();
    bench.ok(&["tag", "b", "first"]);
    // A whole name comes before the short name of an experiment's branch.
    let first = bench.json(&["show", "first"])["id"].clone();
    assert_eq!(bench.json(&["show", "b"])["id"], first);
    for name in ["x/same", "y/same"] {
        bench.ok(&["branch", name]);
    }
    bench.as_session("two", |bench| {
        let words = ["`same` is ambiguous", "x/same", "y/same", "the whole name"];
        refused(bench, 2, &["show", "same"], &words);
        refused(bench, 2, &["switch", "same"], &words);
        refused(bench, 2, &["branch", "--delete", "same"], &words);
    });
    refused(&bench, 4, &["show", "abc"], &["`abc`"]);
}

#[test]
fn a_command_line_that_cannot_be_read() {
    let bench = furnished();
    let cases: [&[&str]; 13] = [
        &["frobnicate"],
        &[],
        &["exec"],
        &["exec", "idea", "--"],
        &["switch"],
        &["switch", "a", "b"],
        &["log", "-n", "x"],
        &["branch", "--from", "@"],
        &["merge"],
        &["merge", "idea", "--selected"],
        &["try"],
        &["status", "--frobnicate"],
        &["eval", "--backend", "zfs"],
    ];
    for arguments in cases {
        let before = everything(&bench);
        let said = bench.complains(2, arguments);
        assert!(said.contains("Usage") || said.contains("--help"), "{arguments:?}: {said}");
        let error = bench.json_exits(2, arguments);
        assert_eq!(error["error"]["code"], 2, "{arguments:?}");
        assert_eq!(error["error"]["category"], "usage");
        let message = word(&error["error"]["message"]);
        assert!(message.len() > 10 && !message.contains('\n'), "{message:?}");
        assert_eq!(everything(&bench), before);
    }
    // After `--` it is the command's.
    let said = bench.complains(2, &["frobnicate", "--", "--json"]);
    assert!(said.contains("frobnicate"), "{said}");
    assert!(bench.ok(&["--json", "--help"]).contains("Usage"));
    refused(&bench, 2, &["try", "a=true", "--jobs", "0"], &["--jobs 0", "at least 1"]);
    for time in ["5parsecs", "0s", "10", "-1s", ""] {
        let flag = format!("--timeout={time}");
        refused(&bench, 2, &["try", "a=true", &flag], &["is no time", "90s"]);
        refused(&bench, 2, &["guard", &flag, "--", "true"], &["is no time"]);
    }
    bench.write("bad.json", "{\"a\": ");
    refused(&bench, 2, &["snapshot", "--state", "bad.json"], &["no JSON", "line"]);
    bench.write("good.json", "{\"a\": 1}");
    bench.ok(&["snapshot", "--state", "good.json"]);
    refused(&bench, 2, &["show", "--pointer", "a"], &["JSON pointer", "/"]);
    refused(&bench, 4, &["show", "--pointer", "/b"], &["`/b`", "--state"]);
}

#[test]
fn a_configuration_that_is_wrong() {
    let bench = furnished();
    bench.ok(&["select"]);
    let stage = "[[stage]]\nname = \"s\"\nkind = \"gate\"\nrun = \"true\"\n";
    let cases = [
        (format!("{stage}tiemout = \"20s\"\n"), "tiemout"),
        (format!("frobnicate = 1\n{stage}"), "frobnicate"),
        (format!("{stage}timeout = \"20 parsecs\"\n"), "20 parsecs"),
        (format!("{stage}timeout = 20\n"), "line 5"),
        (format!("{stage}{stage}"), "`s`"),
        ("[[stage]]\nname = \"s\"\nkind = \"guess\"\nrun = \"true\"\n".to_owned(), "guess"),
        ("[[stage]]\nname = \"s\"\nkind = \"gate\"\n".to_owned(), "run"),
        ("[[stage]\n".to_owned(), "line 1"),
    ];
    for (text, part) in cases {
        bench.write("exp.toml", &text);
        for verb in [&["eval"] as &[&str], &["guard"], &["try", "c=true"]] {
            let before = State::of(&bench).files;
            let said = bench.complains(2, verb);
            assert!(said.contains("exp.toml") && said.contains(part), "{verb:?}: {said}");
            assert_eq!(bench.json_exits(2, verb)["error"]["category"], "usage");
            assert_eq!(State::of(&bench).files, before);
        }
    }
    // Work can be saved and left all the same.
    bench.ok(&["snapshot"]);
    bench.ok(&["switch", "idea"]);
    bench.ok(&["undo"]);
    bench.write("exp.toml", "");
    let said = bench.complains(2, &["eval"]);
    assert!(said.contains("names no stage") && said.contains("[[stage]]"), "{said}");
    std::fs::remove_file(bench.root().join("exp.toml")).unwrap();
    for verb in [&["eval"] as &[&str], &["try", "c=true"]] {
        let said = bench.complains(2, verb);
        assert!(said.contains("there is no `exp.toml`") && said.contains("exp guide"), "{said}");
    }
}

#[test]
fn a_wrong_config_of_an_older_snapshot_is_named_as_that() {
    let bench = furnished();
    let config = bench.read("exp.toml");
    bench.write("exp.toml", "[[stage]]\nnam = 1\n");
    bench.ok(&["snapshot"]);
    let log = bench.json(&["log"]);
    let id = &log["entries"][0]["id"].as_str().unwrap()[..12];
    bench.write("exp.toml", &config);
    let said = bench.complains(2, &["guard"]);
    let wanted = format!("could not read exp.toml of snapshot {id}: line 2, column 1: ");
    assert!(said.contains(&wanted), "{said}");
    // The files' own one is named as before.
    bench.write("exp.toml", "[[stage]]\nnam = 1\n");
    let said = bench.complains(2, &["guard"]);
    assert!(said.contains("could not read exp.toml: line 2"), "{said}");
}

#[test]
fn a_command_that_does_not_exist() {
    let bench = furnished();
    for backend in ["overlay", "copy"] {
        let overlay = bench.json(&["doctor"])["checks"]
            .as_array()
            .unwrap()
            .iter()
            .any(|check| check["what"] == "overlay" && check["well"] == true);
        if backend == "overlay" && !overlay {
            continue;
        }
        let exec = ["exec", "idea", "--backend", backend, "--"];
        let run = |words: &[&'static str]| [&exec as &[&str], words].concat();
        let said = bench.complains(127, &run(&["frobnicate-it"]));
        assert!(said.contains("did not run") && said.contains("frobnicate-it"), "{said}");
        let said = bench.complains(126, &run(&["./value.txt"]));
        assert!(said.contains("did not run"), "{said}");
        bench.exits(3, &run(&["sh", "-c", "exit 3"]));
    }
    refused(&bench, 125, &["exec", "main", "--", "true"], &["workspace is on", "exp snapshot"]);
    let said = bench.complains(2, &["guard", "--", "frobnicate-it"]);
    assert!(said.contains("did not run") && said.contains("frobnicate-it"), "{said}");
}
