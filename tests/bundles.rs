//! Bundles from one workspace to another, through the real command line: `export` and `import`.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by it")]

mod common;
#[path = "bundles/foreign.rs"]
mod foreign;
#[path = "bundles/hostile.rs"]
mod hostile;
#[path = "bundles/made.rs"]
mod made;
#[path = "../src/base/fuzz.rs"]
mod mutate;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::Bench;
use serde_json::Value;

fn git(bench: &Bench, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@example.org"]).args(arguments);
    let output =
        command.current_dir(bench.root()).env("HOME", bench.outside("home")).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", common::text(&output.stderr));
}

/// A project in a git repository.
fn in_git() -> Bench {
    let bench = Bench::empty();
    git(&bench, &["init", "-q", "-b", "main"]);
    bench.write("a.txt", "in git\n");
    git(&bench, &["add", "."]);
    git(&bench, &["commit", "-qm", "first"]);
    bench.ok(&["init", "--yes"]);
    bench
}

/// A plain workspace with one file.
fn plain() -> Bench {
    let bench = Bench::empty();
    bench.write("b.txt", "plain\n");
    bench.ok(&["init", "--yes"]);
    bench
}

fn to(bench: &Bench, name: &str) -> String {
    bench.outside(name).to_str().unwrap().to_owned()
}

/// Exports into a file outside of the workspace; its path.
fn export(bench: &Bench, name: &str, arguments: &[&str]) -> String {
    let file = to(bench, name);
    bench.ok(&[&["export", "-o", &file], arguments].concat());
    file
}

/// What became of each name: `branch main: new`.
fn outcomes(report: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let item = |item: &Value| {
        let kept = item["kept_as"].as_str().map_or(String::new(), |name| format!(" as {name}"));
        let foreign = if item["foreign"].is_string() { " (foreign)" } else { "" };
        format!(
            "{} {}: {}{kept}{foreign}",
            text(&item["kind"]),
            text(&item["name"]),
            text(&item["outcome"])
        )
    };
    report["items"].as_array().unwrap().iter().map(item).collect()
}

fn source(report: &Value) -> String {
    report["source"].as_str().unwrap().to_owned()
}

fn sound(bench: &Bench) {
    assert!(bench.ok(&["fsck"]).contains("All is well."));
}

/// The operation that is newest.
fn newest(bench: &Bench) -> Value {
    bench.json(&["op", "log", "-n", "1"])["operations"][0].clone()
}

fn tree_of(bench: &Bench, what: &str) -> Value {
    bench.json(&["show", what])["tree"].clone()
}

#[test]
fn a_bundle_goes_from_a_git_repository_to_a_plain_folder_and_back() {
    let (a, b) = (in_git(), plain());
    a.ok(&["branch", "idea"]);
    a.ok(&["tag", "v1", "-m", "works"]);
    a.write("a.txt", "more\n");
    a.ok(&["snapshot", "-m", "more"]);
    for json_lines in [false, true] {
        let arguments: &[&str] = if json_lines { &["--json-lines"] } else { &[] };
        let file = export(&a, "all", arguments);
        assert_eq!(fs::read(&file).unwrap()[0] == b'{', json_lines);
        let looked = b.json(&["import", &file, "--dry-run"]);
        assert!(looked["operation"].is_null());
        let report = b.json(&["import", &file]);
        let from = source(&report);
        assert_eq!(looked["items"], report["items"]);
        let there = |name: &str, first: &str| match json_lines {
            true => format!(
                "{name}: there already{}",
                if first.contains(" as ") { &first[11..] } else { "" }
            ),
            false => format!("{name}: {first}"),
        };
        let beside = format!("kept beside as main+{from}");
        assert_eq!(
            outcomes(&report),
            [there("branch idea", "new"), there("branch main", &beside), there("tag v1", "new"),]
        );
        assert_eq!(report["operation"].is_null(), json_lines, "the second time nothing is new");
        assert_eq!(tree_of(&b, &format!("main+{from}")), tree_of(&a, "main"));
        assert_eq!(tree_of(&b, "v1"), tree_of(&a, "v1"));
        assert_eq!(b.read("b.txt"), "plain\n");
        sound(&b);
    }
    // And back: `idea` moves forward there, since nobody stands on it.
    b.ok(&["switch", "idea"]);
    b.write("c.txt", "from b\n");
    b.ok(&["snapshot", "-m", "from b"]);
    let back = export(&b, "back", &["idea"]);
    let report = a.json(&["import", &back]);
    assert_eq!(outcomes(&report), ["branch idea: moved forward"]);
    assert_eq!(tree_of(&a, "idea"), tree_of(&b, "idea"));
    sound(&a);
    // What is behind moves nothing.
    let report = a.json(&["import", &export(&a, "own", &[])]);
    assert!(outcomes(&report).iter().all(|line| line.ends_with("there already")), "{report:#}");
    assert!(report["operation"].is_null());
}

#[test]
fn nothing_here_is_overwritten() {
    let (a, b) = (plain(), plain());
    for (bench, content) in [(&a, "of a\n"), (&b, "of b\n")] {
        bench.write("b.txt", content);
        bench.ok(&["snapshot", "-m", "own", "--tag", "v1"]);
        bench.ok(&["branch", "idea"]);
    }
    let file = export(&a, "a", &[]);
    let report = b.json(&["import", &file]);
    let from = source(&report);
    assert_eq!(
        outcomes(&report),
        ["idea", "main", "v1"].map(|name| {
            let kind = if name == "v1" { "tag" } else { "branch" };
            format!("{kind} {name}: kept beside as {name}+{from}")
        })
    );
    assert_eq!(tree_of(&b, &format!("v1+{from}")), tree_of(&a, "v1"));
    assert_ne!(tree_of(&b, "v1"), tree_of(&a, "v1"));
    // Further on the same way: what was kept beside follows; what stands elsewhere there stays.
    a.write("b.txt", "further\n");
    a.ok(&["snapshot", "-m", "further"]);
    let report = b.json(&["import", &export(&a, "a", &["main"])]);
    assert_eq!(outcomes(&report), [format!("branch main: moved forward as main+{from}")]);
    // One operation each, which undo takes back.
    assert_eq!(newest(&b)["verb"], "import");
    b.ok(&["undo"]);
    let older = export(&a, "older", &["main~1"]);
    let report = b.json(&["import", &older]);
    assert_eq!(outcomes(&report)[0].split(':').next_back(), Some(" new"), "{report:#}");
    b.ok(&["undo"]);
    b.ok(&["undo"]);
    let branches = b.ok(&["branch"]);
    assert!(!branches.contains('+'), "{branches}");
    sound(&b);
}

#[test]
fn a_branch_on_which_a_workspace_stands_does_not_move_under_it() {
    let a = plain();
    let b = plain();
    let report = b.json(&["import", &export(&a, "first", &["main"])]);
    let beside = format!("main+{}", source(&report));
    b.ok(&["switch", &beside]);
    a.write("b.txt", "further\n");
    a.ok(&["snapshot", "-m", "further"]);
    let report = b.json(&["import", &export(&a, "second", &["main"])]);
    let line = outcomes(&report).remove(0);
    assert!(line.contains("kept beside as") && line.ends_with(".2"), "{line}");
    assert_eq!(b.read("b.txt"), "plain\n");
    assert!(b.ok(&["status"]).contains(&beside));
    b.ok(&["merge", &format!("{beside}.2")]);
    assert_eq!(b.read("b.txt"), "further\n");
}

#[test]
fn increments_build_on_each_other_and_on_nothing_else() {
    let (a, b) = (plain(), plain());
    let full = export(&a, "full", &["main"]);
    a.ok(&["tag", "one"]);
    a.write("b.txt", "two\n");
    a.ok(&["snapshot", "-m", "two", "--tag", "two"]);
    let next = export(&a, "next", &["main", "--since", "one"]);
    a.write("c.txt", "three\n");
    a.ok(&["snapshot", "-m", "three"]);
    let last = export(&a, "last", &["main", "--since", "two"]);
    let refused = b.complains(4, &["import", &last]);
    assert!(refused.contains("(`two`), which is not here"), "{refused}");
    assert!(refused.contains("hint:"), "{refused}");
    b.complains(4, &["import", &next, "--dry-run"]);
    b.ok(&["import", &full]);
    b.complains(4, &["import", &last]);
    b.ok(&["import", &next]);
    let report = b.json(&["import", &last]);
    let beside = format!("main+{}", source(&report));
    assert_eq!(outcomes(&report), [format!("branch main: moved forward as {beside}")]);
    // One snapshot, one folder, one file.
    assert_eq!(report["new_objects"], 3);
    assert_eq!(tree_of(&b, &beside), tree_of(&a, "main"));
    sound(&b);
}

/// Everything is too old at once.
fn collected(bench: &Bench) {
    let limits =
        "[retention]\nage = \"1ms\"\nmanual = false\noperations = 1\noperations_least = 1\n";
    std::fs::write(bench.root().join(".exp/config.toml"), limits).unwrap();
    // The newest operation can be undone, so what it moved from stays.
    bench.ok(&["branch", "mark"]);
    bench.ok(&["gc"]);
}

/// Who makes an increment takes for granted what its base has; a receiver may have let go of that.
#[test]
fn what_an_increment_takes_for_granted_and_was_let_go_here_is_refused() {
    let (a, b) = (plain(), plain());
    a.write("b.txt", "one\n");
    a.ok(&["snapshot", "-m", "one", "--tag", "one"]);
    let full = export(&a, "full", &["main"]);
    a.write("b.txt", "two\n");
    a.write("c.txt", "two\n");
    a.ok(&["snapshot", "-m", "two"]);
    // What stands just before a head keeps its files.
    a.write("b.txt", "two and a half\n");
    a.ok(&["snapshot", "-m", "two and a half"]);
    let two = export(&a, "two", &["main", "--since", "one"]);
    // Back to what the base is, as a whole and in one file.
    std::fs::remove_file(a.root().join("c.txt")).unwrap();
    a.write("b.txt", "one\n");
    a.ok(&["snapshot", "-m", "as one", "--tag", "as-one"]);
    let whole = export(&a, "whole", &["main", "--since", "one"]);
    a.write("c.txt", "three\n");
    a.ok(&["snapshot", "-m", "three"]);
    let part = export(&a, "part", &["main", "--since", "as-one"]);
    b.ok(&["import", &full]);
    b.ok(&["import", &two]);
    collected(&b);
    let before = b.ok(&["branch"]);
    for arguments in [&["import", &whole][..], &["import", &whole, "--dry-run"]] {
        let said = b.complains(4, arguments);
        assert!(said.contains("was let go here"), "{said}");
        assert!(said.contains("made without --since"), "{said}");
    }
    assert_eq!(b.ok(&["branch"]), before);
    // With all of it the files come back.
    b.ok(&["import", &export(&a, "all", &["as-one"])]);
    assert_eq!(tree_of(&b, "as-one"), tree_of(&a, "as-one"));
    b.ok(&["import", &part]);
    sound(&b);
}

#[test]
fn one_file_that_an_increment_takes_for_granted_and_was_let_go_here_is_refused() {
    let (a, b) = (plain(), plain());
    a.write("b.txt", "one\n");
    a.ok(&["snapshot", "-m", "one", "--tag", "one"]);
    let full = export(&a, "full", &["main"]);
    a.write("b.txt", "two\n");
    a.ok(&["snapshot", "-m", "two"]);
    // What stands just before a head keeps its files.
    a.write("b.txt", "two and a half\n");
    a.ok(&["snapshot", "-m", "two and a half"]);
    let two = export(&a, "two", &["main", "--since", "one"]);
    a.write("b.txt", "one\n");
    a.write("c.txt", "three\n");
    a.ok(&["snapshot", "-m", "three"]);
    let three = export(&a, "three", &["main", "--since", "one"]);
    b.ok(&["import", &full]);
    b.ok(&["import", &two]);
    collected(&b);
    let said = b.complains(4, &["import", &three]);
    assert!(said.contains("was let go here"), "{said}");
    sound(&b);
}

#[test]
fn snapshots_that_come_without_their_files_are_named() {
    let (a, b) = (plain(), plain());
    for word in ["one", "two", "three"] {
        a.write("b.txt", word);
        a.ok(&["snapshot", "-m", word]);
    }
    collected(&a);
    let bundle = export(&a, "thin", &["main"]);
    let one = a.json(&["log"])["entries"][2]["id"].as_str().unwrap().to_owned();
    for arguments in [&["import", &bundle, "--dry-run"][..], &["import", &bundle]] {
        let report = b.json(arguments);
        let without: Vec<_> = report["without"].as_array().unwrap().iter().collect();
        assert!(without.contains(&&serde_json::json!(one)), "{report:#}");
        assert!(!without.contains(&&a.json(&["show", "main"])["id"]), "{report:#}");
    }
    let page = b.ok(&["import", &bundle]);
    assert!(page.contains("came without files") && page.contains(&one[..12]), "{page}");
    sound(&b);
}

#[test]
fn states_travel_with_their_snapshots_and_an_empty_workspace_is_enough() {
    let (a, b) = (plain(), Bench::empty());
    a.write("state.json", r#"{"plan":["read","write"],"step":7}"#);
    a.ok(&["snapshot", "--state", "state.json", "-m", "with a state"]);
    let nowhere = b.complains(4, &["import", &export(&a, "all", &[])]);
    assert!(nowhere.contains("exp init"), "{nowhere}");
    b.ok(&["init", "--yes"]);
    let report = b.json(&["import", &to(&a, "all")]);
    let beside = format!("main+{}", source(&report));
    assert!(b.ok(&["show", &beside, "--state"]).contains("\"step\": 7"));
    sound(&b);
    // An empty workspace can be exported as well.
    let empty = Bench::empty();
    empty.ok(&["init", "--yes"]);
    b.ok(&["import", &export(&empty, "empty", &[])]);
    sound(&b);
}

#[test]
fn a_large_file_and_a_pipe() {
    let (a, b) = (plain(), plain());
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    })
    .take(20 << 20)
    .collect();
    fs::write(a.root().join("large"), &noise).unwrap();
    a.ok(&["snapshot", "-m", "large"]);
    let mut from = a.command(&["export", "-o", "-"]).stdout(Stdio::piped()).spawn().unwrap();
    let out = from.stdout.take().unwrap();
    let output = b.command(&["--json", "import", "-"]).stdin(out).output().unwrap();
    assert!(from.wait().unwrap().success());
    assert!(output.status.success(), "{}", common::text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    b.ok(&["switch", &format!("main+{}", source(&report))]);
    assert!(fs::read(b.root().join("large")).unwrap() == noise);
    sound(&b);
}

#[test]
fn what_is_wrong_with_a_bundle_is_said_and_nothing_comes_of_it() {
    let (a, b) = (plain(), plain());
    let file = export(&a, "all", &[]);
    let bytes = fs::read(&file).unwrap();
    let before = newest(&b);
    let middle = bytes.len() / 2;
    let flipped = [&bytes[..middle], &[bytes[middle] ^ 1], &bytes[middle + 1..]].concat();
    let newer = [&bytes[..8], &[9], &bytes[9..]].concat();
    let cases: [(i32, &str, &[u8]); 6] = [
        (6, "is damaged", &flipped),
        (6, "cut short", &bytes[..middle]),
        (6, "stands behind", &[&bytes[..], &[0]].concat()),
        (2, "version 9", &newer),
        (2, "no bundle", b"something else entirely"),
        (2, "no bundle", b""),
    ];
    let changed = to(&b, "changed");
    for (code, word, bytes) in cases {
        fs::write(&changed, bytes).unwrap();
        let said = b.complains(code, &["import", &changed]);
        assert!(said.contains(word) && said.contains("hint:"), "{word}: {said}");
        b.complains(code, &["import", &changed, "--dry-run"]);
        assert_eq!(b.json_exits(code, &["import", &changed])["error"]["code"], code);
    }
    b.complains(4, &["import", &to(&b, "nowhere")]);
    let said = b.complains(2, &["import", &file, "--trust", "somebody"]);
    assert!(said.contains("the bundle says"), "{said}");
    assert_eq!(newest(&b), before);
    let tmp = fs::read_dir(b.root().join(".exp/tmp")).unwrap().count();
    assert_eq!(tmp, 0);
    b.complains(4, &["export", "-o", &to(&b, "x"), "nothing-of-that-name"]);
    b.complains(4, &["export", "-o", &to(&b, "no/folder/x")]);
    b.complains(2, &["export", "-o", &to(&b, "work")]);
    b.complains(2, &["export"]);
    b.complains(2, &["--json", "export", "-o", "-"]);
    assert!(!Path::new(&to(&b, "x")).exists());
}

#[test]
fn imports_at_the_same_moment_do_what_one_does() {
    let (a, b) = (plain(), plain());
    a.ok(&["branch", "idea"]);
    let (all, idea) = (export(&a, "all", &[]), export(&a, "idea", &["idea"]));
    let spawn = |file: &String| {
        let mut command = b.command(&["--json", "import", file]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let running: Vec<_> = [&all, &idea, &all, &idea].map(spawn).into_iter().collect();
    let mut committed = 0;
    for child in running {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", common::text(&output.stderr));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        committed += usize::from(!report["operation"].is_null());
    }
    let operations = b.json(&["op", "log"])["operations"].as_array().unwrap().len();
    assert_eq!(operations, 1 + committed);
    assert!((1..=2).contains(&committed), "{committed}");
    let branches = b.json(&["branch"])["branches"].as_array().unwrap().len();
    assert_eq!(branches, 3, "main, idea and main beside");
    sound(&b);
}

#[test]
fn a_terminal_gets_no_bundle() {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let a = plain();
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let terminal = fs::File::options().write(true).open(name.to_str().unwrap()).unwrap();
    let output = a.command(&["export", "-o", "-"]).stdout(terminal).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(common::text(&output.stderr).contains("is a terminal"));
    assert!(!a.exists(".exp/source"), "nothing was begun");
}

fn leftovers(folder: &Path) -> Vec<PathBuf> {
    let is_half =
        |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(".exp-tmp");
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(is_half).collect()
}

#[test]
fn an_export_replaces_its_file_as_a_whole_and_leaves_nothing_beside() {
    let a = plain();
    let file = export(&a, "all", &[]);
    let first = fs::read(&file).unwrap();
    a.complains(4, &["export", "-o", &file, "nothing"]);
    assert_eq!(fs::read(&file).unwrap(), first);
    let said = a.json(&["export", "-o", &file, "--dry-run"]);
    assert_eq!(
        (said["written"].as_bool(), said["branches"][0].as_str()),
        (Some(false), Some("main"))
    );
    assert_eq!(fs::read(&file).unwrap(), first);
    let said = a.json(&["export", "-o", &file, "--json-lines"]);
    assert_eq!(said["bundle_bytes"].as_u64().unwrap(), fs::metadata(&file).unwrap().len());
    assert_eq!(leftovers(&a.outside("")), [] as [PathBuf; 0]);
    let inside = a.ok(&["export", "-o", "in-it"]);
    assert!(inside.contains("lies in the workspace"), "{inside}");
    assert!(a.ok(&["export", "-o", &file]).contains("source:"));
}
