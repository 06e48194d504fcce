//! Bad input: one message with what to do, the documented code, nothing changed.

use super::common::Bench;
use super::common::state::{files, word};
use super::{compact, put, put_raw, workspace};

/// Gives the line's message and hint; the session is as before.
fn refused(bench: &Bench, code: i32, arguments: &[&str], words: &[&str]) -> String {
    let before = trail(bench);
    let text = bench.complains(code, arguments);
    for part in words {
        assert!(text.contains(part), "exp {arguments:?} does not say `{part}`:\n{text}");
    }
    assert!(text.starts_with("error: ") && !text.contains("panicked"), "{text}");
    let error = bench.json_exits(code, arguments);
    assert_eq!(error["error"]["code"], code, "{error:#}");
    assert_eq!(trail(bench), before, "exp {arguments:?} changed something");
    text
}

/// The digests of all sessions.
fn trail(bench: &Bench) -> String {
    bench.json(&["audit"])["sessions"].to_string()
}

/// A workspace with a session of two states.
fn furnished() -> Bench {
    let bench = workspace();
    put(&bench, r#"{"plan":["a"],"n":1}"#, &["--tag", "first"]);
    put(&bench, r#"{"plan":["a"],"n":2}"#, &[]);
    bench
}

#[test]
fn texts_that_are_no_json() {
    let bench = furnished();
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let long_key = format!("{{\"{}\":1}}", "k".repeat(70_000));
    for (text, words) in [
        ("{\n  \"a\": ,\n}", &["`state.json` is no JSON", "line 2, column 8"][..]),
        ("{\"a\":1,\n\"a\":2}", &["line 2, column 1", "stands twice"]),
        ("{\"a\":01}", &["line 1, column 6"]),
        ("", &["line 1, column 1"]),
        (&deep, &["128"]),
        (&long_key, &["65536 bytes"]),
    ] {
        bench.write("state.json", text);
        refused(&bench, 2, &["state", "put", "state.json"], words);
    }
    std::fs::write(bench.root().join("state.json"), [b'"', 0xff, b'"']).unwrap();
    refused(&bench, 2, &["state", "put", "state.json"], &["not UTF-8"]);
    refused(&bench, 4, &["state", "put", "nowhere.json"], &["nowhere.json"]);
    let output = put_raw(&bench, "{", &[]);
    assert!(super::common::text(&output.stderr).contains("`standard input` is no JSON"));
    refused(&bench, 2, &["state", "put", "--set", "/a=b"], &["is no JSON", "a text has quotes"]);
    refused(&bench, 2, &["state", "put", "--set", "/a"], &["has no value", "POINTER=JSON"]);
}

#[test]
fn a_state_that_is_too_large_is_not_read_as_a_whole() {
    let bench = furnished();
    let large = std::fs::File::create(bench.root().join("large.json")).unwrap();
    large.set_len((1 << 30) + 1).unwrap();
    let before = trail(&bench);
    let said = bench.complains(2, &["state", "put", "large.json"]);
    assert!(said.contains("too large for a state") && said.contains("1073741824 bytes"), "{said}");
    assert_eq!(trail(&bench), before);
}

#[test]
fn places_that_are_not_there() {
    let bench = furnished();
    for change in [
        ["--set", "/no/where=1"],
        ["--remove", "/nowhere"],
        ["--append", "/n=1"],
        ["--set", "/plan/7=1"],
    ] {
        let path = change[1].split('=').next().unwrap();
        let put = ["state", "put", change[0], change[1]];
        refused(&bench, 2, &put, &["could not change", path, "nothing was changed"]);
    }
    // All or none.
    refused(&bench, 2, &["state", "put", "--set", "/n=3", "--remove", "/nowhere"], &["/nowhere"]);
    refused(&bench, 2, &["state", "put", "--set", "n=3"], &["JSON pointer", "/"]);
    refused(&bench, 4, &["state", "get", "--pointer", "/nowhere"], &["/nowhere", "exp state get"]);
    refused(&bench, 2, &["state", "get", "--pointer", "n"], &["JSON pointer"]);
}

#[test]
fn patches_that_do_not_apply() {
    let bench = furnished();
    let patch = |text: &str| bench.write("patch.json", text);
    let put = ["state", "put", "--patch", "patch.json"];
    patch(r#"[{"op":"add","path":"/x","value":1},{"op":"remove","path":"/nowhere"}]"#);
    refused(&bench, 2, &put, &["operation 2", "/nowhere", "nothing was changed"]);
    patch(r#"[{"op":"test","path":"/n","value":1},{"op":"replace","path":"/n","value":9}]"#);
    refused(&bench, 3, &put, &["operation 1", "test"]);
    patch(r#"[{"op":"frobnicate","path":"/n"}]"#);
    refused(&bench, 2, &put, &["`patch.json` is no RFC 6902 patch", "operation 1", "frobnicate"]);
    patch(r#"{"n":1}"#);
    refused(&bench, 2, &put, &["`patch.json`", "no list of operations"]);
    patch("[{\n");
    refused(&bench, 2, &put, &["`patch.json` is no JSON", "line 2, column 1"]);
    assert_eq!(compact(&bench, &[]), r#"{"n":2,"plan":["a"]}"#);
}

#[test]
fn sessions_states_and_branches_that_are_unknown() {
    let bench = furnished();
    for verb in [
        &["get"][..],
        &["log"],
        &["diff", "first"],
        &["rollback", "--back", "1"],
        &["branch"],
        &["branch", "new"],
        &["merge", "idea"],
        &["tag", "new"],
        &["mark", "latest", "--valid", "-m", "x"],
    ] {
        let named = [&["state"], verb, &["--session", "ome"]].concat();
        refused(&bench, 4, &named, &["no session `ome`", "did you mean one?"]);
        let named = [&["state"], verb, &["--session", "elsewhere"]].concat();
        refused(&bench, 4, &named, &["no session `elsewhere`", "there are: one"]);
    }
    refused(&bench, 4, &["state", "search", "--session", "ome"], &["did you mean one?"]);
    refused(&bench, 4, &["audit", "--session", "ome"], &["did you mean one?"]);
    refused(&bench, 4, &["state", "get", "nope"], &["no state `nope`", "exp state log"]);
    refused(&bench, 4, &["state", "get", "0123456789"], &["0123456789"]);
    refused(&bench, 4, &["state", "get", "--back", "9"], &["exp state log"]);
    refused(&bench, 4, &["state", "get", "--at", "2001-01-01"], &["exp state log"]);
    refused(
        &bench,
        4,
        &["state", "get", "--branch", "mian"],
        &["no branch `mian`", "did you mean main"],
    );
    refused(&bench, 4, &["state", "merge", "nope"], &["no branch `nope`"]);
    let words = ["no branch `mian`", "did you mean main"];
    refused(&bench, 4, &["state", "put", "--set", "/n=3", "--branch", "mian"], &words);
    bench.ok(&["state", "branch", "idea"]);
    refused(&bench, 3, &["state", "branch", "idea"], &["branch `idea` already", "--branch"]);
    refused(&bench, 2, &["state", "put", "exp.toml", "--session", ""], &["session"]);
    refused(
        &bench,
        2,
        &["state", "put", "--set", "/n=1", "--session", "a\nb"],
        &["cannot name a session"],
    );
    refused(&bench, 2, &["state", "branch", "a b"], &["is no name"]);
    refused(&bench, 2, &["state", "get", "--at", "yesterday"], &["is no moment", "10m"]);
    refused(&bench, 4, &["state", "watch", "--stop"], &["exp state watch FILE"]);
    refused(&bench, 4, &["state", "watch", "nowhere.json"], &["nowhere.json"]);
    refused(&bench, 2, &["audit", "--session", "one", "--expect", "abc"], &["is no digest"]);
}

#[test]
fn another_state_than_the_expected_one_is_a_conflict_that_names_who() {
    let bench = furnished();
    let put = ["state", "put", "--set", "/n=3", "--expect", "first"];
    let said = refused(&bench, 3, &put, &["branch `main`", "session `one`", "process"]);
    assert!(said.contains("tester was quicker. It is "), "{said}");
    let head = word(&bench.json(&["state", "get"])["state"]["id"]);
    bench.ok(&["state", "put", "--set", "/n=3", "--expect", &head[..12]]);
}

#[test]
fn a_command_line_that_makes_no_sense() {
    let bench = furnished();
    for arguments in [
        &["state"][..],
        &["state", "put"],
        &["state", "put", "a.json", "--set", "/a=1"],
        &["state", "put", "--set", "/a=1", "--patch", "p.json"],
        &["state", "put", "a.json", "--kind", "sometimes"],
        &["state", "get", "first", "--back", "1"],
        &["state", "get", "--back", "1", "--at", "1h"],
        &["state", "get", "--check", "true"],
        &["state", "mark", "first"],
        &["state", "mark", "first", "--valid", "--invalid", "-m", "x"],
        &["state", "mark", "first", "--valid"],
        &["state", "watch"],
        &["state", "diff"],
        &["state", "rollback", "first", "--across-head"],
        &["audit", "--expect", "abc"],
    ] {
        let said = bench.complains(2, arguments);
        assert!(said.contains("Usage") || said.contains("--help"), "{arguments:?}: {said}");
    }
    let said = {
        let mut command = bench.command(&["state", "get"]);
        super::common::text(&command.env("EXP_STATE_QUICK", "maybe").output().unwrap().stderr)
    };
    assert!(
        said.contains("EXP_STATE_QUICK is `maybe`") && said.contains("`on` or `off`"),
        "{said}"
    );
}

#[test]
fn a_wrong_configuration_is_said_with_its_place() {
    let bench = furnished();
    bench.write("exp.toml", "[state]\nignore = [\"/a\", \"b\"]\n");
    refused(&bench, 2, &["state", "put", "--set", "/n=3"], &["exp.toml: line 2, column 17", "`b`"]);
    // States can be looked at, files saved and brought back all the same.
    bench.ok(&["state", "get"]);
    bench.ok(&["snapshot"]);
    bench.ok(&["rollback", "--to", "@-"]);
}

#[test]
fn looking_at_what_is_not_there_makes_nothing() {
    let bench = workspace();
    let store = bench.root().join(".exp");
    let names = || {
        let mut names: Vec<_> = files(&store).into_keys().collect();
        names.retain(|name| !name.starts_with(b"locks") && !name.starts_with(b"stat"));
        names
    };
    let before = names();
    for verb in [&["state", "get"][..], &["state", "log"]] {
        bench.exits(4, verb);
    }
    assert!(bench.ok(&["state", "sessions"]).contains("exp state put"));
    assert!(bench.ok(&["state", "search"]).contains("No state"));
    assert!(bench.ok(&["audit"]).contains("No sessions"));
    bench.ok(&["rollback", "--to", "@"]);
    let outside = Bench::empty();
    for verb in [&["state", "get"][..], &["state", "put", "x.json"], &["audit"]] {
        assert!(outside.complains(4, verb).contains("exp init"));
    }
    let after: Vec<_> = names().into_iter().filter(|name| name.starts_with(b"journal")).collect();
    let journal: Vec<_> = before.into_iter().filter(|name| name.starts_with(b"journal")).collect();
    assert_eq!(after, journal);
}
