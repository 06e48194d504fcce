//! The story of a session, option by option.

use serde_json::json;

use super::common::state::{array, word};
use super::{compact, put, short, workspace};

/// What an agent does in a run: it puts steps, looks back, goes back, tries another way, and brings
/// that in.
#[test]
fn a_session_from_its_first_state_to_a_merge() {
    let bench = workspace();
    let first = put(&bench, r#"{"plan":["read"],"step":1}"#, &["-m", "begin", "--tag", "start"]);
    assert_eq!(
        (&first["saved"], &first["sequence"], &first["body"]),
        (&json!(true), &json!(0), &json!("whole"))
    );
    let page = bench.ok(&["state", "put", "--set", "/step=2", "--append", "/plan=\"write\""]);
    assert!(
        page.starts_with("saved ") && page.contains("in session one: 2 fields changed"),
        "{page}"
    );
    assert_eq!(compact(&bench, &[]), r#"{"plan":["read","write"],"step":2}"#);
    assert_eq!(compact(&bench, &["start"]), r#"{"plan":["read"],"step":1}"#);
    assert_eq!(compact(&bench, &["--back", "1"]), compact(&bench, &[&short(&first)]));
    assert_eq!(compact(&bench, &["latest", "--pointer", "/plan/1"]), "\"write\"");
    let diff = bench.ok(&["state", "diff", "start"]);
    assert!(diff.contains("2 places differ\n/plan/1\n+ \"write\"\n/step\n- 1\n+ 2\n"), "{diff}");
    // Another way, and both together.
    let page = bench.ok(&["state", "branch", "idea", "--at", "start"]);
    assert!(page.contains("Began idea at") && page.contains("--branch idea"), "{page}");
    bench.ok(&["state", "put", "--set", "/note=\"by idea\"", "--branch", "idea"]);
    bench.ok(&["state", "merge", "idea", "-m", "both"]);
    assert_eq!(compact(&bench, &[]), r#"{"note":"byidea","plan":["read","write"],"step":2}"#);
    assert!(bench.ok(&["state", "merge", "idea"]).contains("All of idea is in main already"));
    // Back, and forward again.
    let page = bench.ok(&["state", "rollback", "start", "-m", "wrong way"]);
    assert!(page.contains("Back to state") && page.contains("goes forward again"), "{page}");
    assert_eq!(compact(&bench, &[]), r#"{"plan":["read"],"step":1}"#);
    let forward = page.split("rollback ").nth(1).unwrap().split('`').next().unwrap();
    bench.ok(&["state", "rollback", forward]);
    assert_eq!(compact(&bench, &["--pointer", "/step"]), "2");
    let log = bench.json(&["state", "log"]);
    let acts: Vec<_> = array(&log["entries"]).iter().map(|entry| word(&entry["act"])).collect();
    assert_eq!(acts, ["move", "move", "put", "put", "move", "put", "put"]);
    let heads = bench.json(&["state", "branch"]);
    let names: Vec<_> = array(&heads["branches"]).iter().map(|b| word(&b["name"])).collect();
    assert_eq!(names, ["idea", "main"]);
    // And all of it is in the trail, oldest first.
    let trail = bench.json(&["audit", "--session", "one"]);
    assert_eq!((&trail["verified"], &trail["fault"]), (&json!(7), &json!(null)), "{trail:#}");
    assert_eq!(trail["entries"][0]["why"], "begin");
    assert_eq!(trail["entries"][5]["why"], "wrong way");
}

/// An answer says what became of a put, why, and what it cost.
#[test]
fn the_answer_of_a_put_says_what_became_of_it() {
    let bench = workspace();
    bench.write("exp.toml", "[state]\nignore = [\"/seen\", \"/**/at\"]\n");
    let first = put(&bench, r#"{"a":{"at":1},"seen":1}"#, &[]);
    let automatic = |value: &str| put(&bench, value, &["--kind", "automatic", "--explain"]);
    let same = automatic(r#"{"seen":1,"a":{"at":1}}"#);
    assert_eq!((&same["saved"], &same["id"]), (&json!(false), &first["id"]));
    assert_eq!(same["reason"], "nothing changed since the last saved state");
    let ignored = automatic(r#"{"seen":2,"a":{"at":2}}"#);
    assert_eq!(ignored["reason"], "only ignored places changed since the last saved state");
    assert!(!array(&ignored["explain"]).is_empty());
    let saved = automatic(r#"{"seen":3,"a":{"at":2,"b":true}}"#);
    assert_eq!(saved["saved"], true);
    assert!(saved["fields_changed"].as_u64() > Some(0) && saved["stored_bytes"].as_u64() > Some(0));
    assert!(saved["duration_us"].is_u64());
    // Others than automatic ones are never skipped.
    for kind in ["manual", "recovery"] {
        let answer = put(&bench, r#"{"seen":3,"a":{"at":2,"b":true}}"#, &["--kind", kind]);
        assert_eq!((&answer["saved"], &answer["body"]), (&json!(true), &json!("same")), "{kind}");
    }
    let page = bench.ok(&["state", "put", "--set", "/seen=9", "--kind", "automatic"]);
    assert!(page.starts_with("skipped in session one: only ignored places changed"), "{page}");
}

/// The quick path can be switched off by configuration and environment; the environment wins.
#[test]
fn the_quick_path_is_switched_by_file_and_environment() {
    let bench = workspace();
    put(&bench, r#"{"a":1}"#, &[]);
    let body = |bench: &super::Bench, variable: Option<&str>, value: u32| {
        let set = format!("/a={value}");
        let mut command = bench.command(&["--json", "state", "put", "--set", &set]);
        command.envs(variable.map(|value| ("EXP_STATE_QUICK", value)));
        let output = command.output().unwrap();
        let text = super::common::text(&output.stdout);
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
        word(&answer["body"])
    };
    // A state of a few bytes is kept whole whatever happens, so this one is larger.
    put(&bench, &format!(r#"{{"a":1,"long":"{}"}}"#, "x".repeat(2_000)), &[]);
    assert_eq!(body(&bench, None, 2), "patch");
    assert_eq!(body(&bench, Some("off"), 3), "whole");
    bench.write("exp.toml", "[state]\nquick = false\n");
    assert_eq!(body(&bench, None, 4), "whole");
    assert_eq!(body(&bench, Some("on"), 5), "patch");
    // Switched off, nothing is skipped either.
    let answer = put(&bench, &bench.ok(&["state", "get"]), &["--kind", "automatic"]);
    assert_eq!(answer["saved"], true);
}

/// Which state: by id, time, steps, tag, branch, and the newest that is valid.
#[test]
fn a_state_is_found_by_whatever_is_known_of_it() {
    let bench = workspace();
    let all: Vec<_> = (1..=4).map(|n| put(&bench, &format!("{{\"n\":{n}}}"), &[])).collect();
    let whens = bench.json(&["state", "log"]);
    let second = &whens["entries"][2]["when"].to_string();
    assert_eq!(compact(&bench, &["--at", second]), "{\"n\":2}");
    assert_eq!(compact(&bench, &[all[2]["id"].as_str().unwrap()]), "{\"n\":3}");
    bench.ok(&["state", "tag", "good", &short(&all[1])]);
    assert_eq!(compact(&bench, &["good"]), "{\"n\":2}");
    bench.ok(&["state", "tag", "good", "--delete"]);
    assert!(bench.complains(4, &["state", "get", "good"]).contains("exp state log"));
    bench.ok(&["state", "mark", "latest", "--invalid", "-m", "half"]);
    assert_eq!(compact(&bench, &["--valid"]), "{\"n\":3}");
    bench.ok(&["state", "mark", &short(&all[3]), "--valid", "-m", "not so bad"]);
    assert_eq!(compact(&bench, &["--valid"]), "{\"n\":4}");
    // A check sees the state on its standard input.
    assert_eq!(compact(&bench, &["--valid", "--check", "grep -q '\"n\": 2'"]), "{\"n\":2}");
    let none = ["state", "get", "--valid", "--check", "cat > /dev/null; false"];
    assert!(bench.exits(1, &none).contains("No state is valid. 4 states tried."));
    assert_eq!(bench.json_exits(1, &none)["state"], json!(null));
    let slow = ["state", "get", "--valid", "--check", "sleep 60", "--timeout", "100ms"];
    assert!(bench.exits(1, &slow).contains("No state is valid"));
    let page = bench.ok(&["state", "rollback", "--valid"]);
    assert!(page.contains(&short(&all[3])), "{page}");
    bench.ok(&["state", "get", "-o", "out.json", "--pointer", "/n"]);
    assert_eq!(bench.read("out.json"), "4\n");
}

/// Numbers, strings and keys come back as they were put.
#[test]
fn values_come_back_exactly() {
    let bench = workspace();
    let value = r#"{"a":12345678901234567890123,"b":-0,"c":1e400,"d":1.10,"e\u0000/~":"\ud83d\ude00\u0007","f":[[],{}]}"#;
    put(&bench, value, &[]);
    let text = bench.ok(&["state", "get"]);
    for part in ["12345678901234567890123", "-0", "1e400", "1.10", "😀"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(bench.ok(&["--json", "state", "get"]).contains("\"a\": 12345678901234567890123,"));
    assert_eq!(put(&bench, &text, &["--kind", "automatic"])["saved"], false);
}

/// Differences as places, as RFC 6902 and as RFC 7396 lead from one to the other.
#[test]
fn a_difference_in_three_forms() {
    let bench = workspace();
    put(&bench, r#"{"a":1,"list":[1,2,3],"gone":true}"#, &["--tag", "x"]);
    put(&bench, r#"{"a":2,"list":[1,3],"new":{"b":null}}"#, &["--tag", "y"]);
    let patch = bench.ok(&["state", "diff", "x", "y", "--patch"]);
    bench.write("patch.json", &patch);
    bench.ok(&["state", "rollback", "x"]);
    bench.ok(&["state", "put", "--patch", "patch.json"]);
    assert_eq!(compact(&bench, &[]), compact(&bench, &["y"]));
    let said = bench.complains(2, &["state", "diff", "x", "y", "--merge-patch"]);
    assert!(said.contains("null") && said.contains("--patch"), "{said}");
    let back = bench.ok(&["state", "diff", "y", "x", "--merge-patch"]);
    assert!(back.contains("\"new\": null") && back.contains("\"gone\": true"), "{back}");
    let places = bench.json(&["state", "diff", "x", "y"]);
    let has = |pointer: &str, before: &str| {
        array(&places["places"]).iter().any(|p| p["pointer"] == pointer && p["before"] == before)
    };
    assert!(has("/a", "1") && has("/gone", "true"), "{places:#}");
    assert!(bench.ok(&["state", "diff", "y"]).contains("have the same value"));
}

/// Conflicts are listed with all sides, nothing is changed, and a side can be favoured.
#[test]
fn a_merge_with_conflicts() {
    let bench = workspace();
    put(&bench, r#"{"a":1,"b":1}"#, &[]);
    bench.ok(&["state", "branch", "idea"]);
    bench.ok(&["state", "put", "--set", "/a=2", "--branch", "idea"]);
    let ours = put(&bench, r#"{"a":3,"b":1}"#, &[]);
    let page = bench.exits(3, &["state", "merge", "idea"]);
    assert!(
        page.starts_with("1 conflict between idea and main; nothing was changed:\n/a\n"),
        "{page}"
    );
    let said = bench.json_exits(3, &["state", "merge", "idea"]);
    let conflict = &said["conflicts"][0];
    let sides = (&conflict["base"], &conflict["ours"], &conflict["theirs"]);
    assert_eq!(sides, (&json!("1"), &json!("3"), &json!("2")));
    assert_eq!(bench.json(&["state", "branch"])["branches"][1]["head"], ours["id"]);
    bench.ok(&["state", "merge", "idea", "--favour", "theirs"]);
    assert_eq!(compact(&bench, &[]), r#"{"a":2,"b":1}"#);
}

/// States are found over sessions by text, tag, kind, time and order.
#[test]
fn states_are_searched() {
    let mut bench = workspace();
    put(&bench, r#"{"topic":"parser"}"#, &["-m", "first", "--tag", "good"]);
    put(&bench, r#"{"topic":"parser","more":"xxxxxxxxxxxxxxxxxxxxxxxx"}"#, &["--kind", "recovery"]);
    bench.as_session("two", |bench| put(bench, r#"{"topic":"lexer"}"#, &["-m", "other"]));
    let found = |flags: &[&str]| {
        let found = bench.json(&[&["state", "search"], flags].concat());
        array(&found["states"]).iter().map(|s| word(&s["message"])).collect::<Vec<_>>()
    };
    assert_eq!(found(&[]), ["other", "", "first"]);
    assert_eq!(found(&["LEXER"]), ["other"]);
    assert_eq!(found(&["--session", "one", "--tag", "good"]), ["first"]);
    assert_eq!(found(&["--kind", "recovery"]), [""]);
    assert_eq!(found(&["--sort", "size", "--limit", "1"]), [""]);
    assert_eq!(found(&["--reverse"]), ["first", "", "other"]);
    assert_eq!(found(&["--session", "one", "--session", "two", "--since", "1h"]).len(), 3);
    assert_eq!(found(&["--until", "1h"]).len(), 0);
    let page = bench.ok(&["state", "search", "-n", "2"]);
    assert!(page.contains("more with --limit"), "{page}");
    assert!(bench.ok(&["state", "search", "nothing of this"]).contains("No state is like that"));
    let page = bench.ok(&["state", "sessions"]);
    assert!(page.contains("@  one") && page.contains("two"), "{page}");
    // Another session is named where it is meant.
    assert_eq!(compact(&bench, &["--session", "two"]), r#"{"topic":"lexer"}"#);
    let stats = bench.json(&["stats"]);
    assert_eq!(stats["states"][1]["saved"], 2, "{stats:#}");
    assert!(bench.ok(&["stats"]).contains("2 sessions of states"));
}
