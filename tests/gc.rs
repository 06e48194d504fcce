//! `exp gc`: what nothing names loses its files when it is old; what is named, tagged, in use, or the
//! base of a merge keeps them; the graph stays whole.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;
#[path = "gc/gone.rs"]
mod gone;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use common::Bench;

/// Everything is too old at once, and one operation can be undone.
const NOTHING_STAYS: &str = "[retention]\nage = \"1ms\"\nmanual = false\noperations = 1\n\
     operations_least = 1\n";

fn settings(bench: &Bench, text: &str) {
    fs::write(bench.root().join(".exp/config.toml"), text).unwrap();
}

/// What a hook records: a snapshot that nobody asked for.
fn hook(bench: &Bench, content: &str) -> String {
    bench.write("value.txt", content);
    let mut command = bench.command(&["hook", "post", "--json"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"{\"tool_name\":\"Bash\"}").unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    bench.json(&["log", "-n", "1"])["entries"][0]["id"].as_str().unwrap().to_owned()
}

/// Every file of the store but the catalogue, which any verb may bring forward.
fn stored(bench: &Bench) -> BTreeMap<String, u64> {
    fn add(folder: &Path, into: &mut BTreeMap<String, u64>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            match path.is_dir() {
                true if !path.ends_with("catalogue") && !path.ends_with("locks") => {
                    add(&path, into)
                }
                true => {}
                false => {
                    into.insert(path.display().to_string(), entry.metadata().unwrap().len());
                }
            }
        }
    }
    let mut all = BTreeMap::new();
    add(&bench.root().join(".exp"), &mut all);
    all
}

fn ids(bench: &Bench) -> Vec<String> {
    let log = bench.json(&["log", "--all", "-n", "1000"]);
    let entries = log["entries"].as_array().unwrap();
    entries.iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn old_snapshots_that_nothing_names_lose_their_files_and_stay_in_the_graph() {
    let bench = Bench::project();
    let old: Vec<_> = (1..6).map(|value| hook(&bench, &format!("{value}\n"))).collect();
    let before = ids(&bench);
    settings(&bench, NOTHING_STAYS);
    let report = bench.json(&["gc"]);
    // The one that the newest operation can be undone to stays, too.
    assert_eq!(report["let_go"][0]["snapshots"], 4, "{report:#}");
    assert!(report["operations_let_go"].as_u64().unwrap() >= 5);
    let (was, is) = (&report["before"]["objects"], &report["after"]["objects"]);
    assert!(was.as_u64() > is.as_u64(), "{report:#}");
    // The graph is whole, the newest has its files, the others say what became of theirs.
    assert_eq!(ids(&bench), before);
    bench.ok(&["fsck"]);
    bench.ok(&["rollback", "--to", &old[4]]);
    let said = bench.complains(4, &["rollback", "--to", &old[1]]);
    assert!(said.contains("let go by retention"), "{said}");
    assert_eq!(bench.read("value.txt"), "5\n");
    let page = bench.ok(&["show", &old[1]]);
    assert!(page.contains("let go"), "{page}");
    bench.complains(4, &["diff", &old[1], &old[4]]);
    // What the rollback has made of no use goes; after that a collection finds nothing more.
    bench.ok(&["gc"]);
    let again = bench.json(&["gc"]);
    assert_eq!(again["before"]["objects"], again["after"]["objects"], "{again:#}");
    assert_eq!(ids(&bench), before);
    bench.ok(&["fsck", "--rebuild"]);
}

#[test]
fn a_plan_changes_nothing_and_says_what_goes() {
    let bench = Bench::project();
    (1..4).for_each(|value| drop(hook(&bench, &format!("{value}\n"))));
    settings(&bench, NOTHING_STAYS);
    let before = stored(&bench);
    let plan = bench.json(&["gc", "--dry-run"]);
    assert!(plan["after"].is_null() && plan["objects_going"].as_u64().unwrap() > 0, "{plan:#}");
    let page = bench.ok(&["gc", "--dry-run"]);
    assert!(page.contains("would") && page.contains("2 too old"), "{page}");
    assert_eq!(stored(&bench), before);
}

#[test]
fn with_the_defaults_nothing_young_goes() {
    let bench = Bench::project();
    let old: Vec<_> = (1..4).map(|value| hook(&bench, &format!("{value}\n"))).collect();
    let report = bench.json(&["gc"]);
    assert_eq!(report["let_go"].as_array().unwrap().len(), 0, "{report:#}");
    assert_eq!(report["operations_let_go"], 0);
    bench.ok(&["rollback", "--to", &old[0]]);
    assert_eq!(bench.read("value.txt"), "1\n");
    bench.ok(&["undo"]);
    assert_eq!(bench.read("value.txt"), "3\n");
}

#[test]
fn what_is_tagged_and_what_can_be_undone_to_keeps_its_files() {
    let bench = Bench::project();
    let tagged = hook(&bench, "1\n");
    bench.ok(&["tag", "kept", &tagged]);
    hook(&bench, "2\n");
    hook(&bench, "3\n");
    bench.ok(&["rollback", "--to", "@-"]);
    settings(&bench, NOTHING_STAYS);
    bench.ok(&["gc"]);
    bench.ok(&["undo"]);
    assert_eq!(bench.read("value.txt"), "3\n");
    bench.ok(&["rollback", "--to", "kept"]);
    assert_eq!(bench.read("value.txt"), "1\n");
    // One step is all that the log has.
    bench.ok(&["gc"]);
    bench.ok(&["undo"]);
    bench.complains(4, &["undo"]);
    bench.ok(&["fsck"]);
}

#[test]
fn the_base_of_a_merge_keeps_its_files() {
    let bench = Bench::project();
    let base = hook(&bench, "1\n");
    bench.ok(&["branch", "side", "--from", &base]);
    bench.write("main.txt", "main\n");
    bench.ok(&["snapshot", "-m", "main"]);
    bench.ok(&["switch", "side"]);
    bench.write("side.txt", "side\n");
    bench.ok(&["snapshot", "-m", "side"]);
    bench.ok(&["switch", "main"]);
    settings(&bench, NOTHING_STAYS);
    let report = bench.json(&["gc"]);
    assert!(report["kept"].to_string().contains("where histories part"), "{report:#}");
    bench.ok(&["merge", "side"]);
    assert_eq!(
        (bench.read("main.txt"), bench.read("side.txt")),
        ("main\n".into(), "side\n".into())
    );
}

#[test]
fn the_last_good_snapshot_keeps_its_files() {
    let bench = Bench::project();
    hook(&bench, "1\n");
    bench.ok(&["eval"]);
    let good = bench.json(&["log", "-n", "1"])["entries"][0]["id"].as_str().unwrap().to_owned();
    bench.write("tests.txt", "bad a\nbad b\nbad c\nok d\n");
    for value in 2..5 {
        hook(&bench, &format!("{value}\n"));
    }
    settings(&bench, NOTHING_STAYS);
    let report = bench.json(&["gc"]);
    assert!(report["kept"].to_string().contains("last good"), "{report:#}");
    bench.exits(1, &["guard"]);
    assert_eq!(bench.read("value.txt"), "1\n");
    assert_eq!(bench.json(&["status"])["snapshot"]["id"], good);
}

/// Where two branches have parted, each has its own way back, also behind the other one's.
#[test]
fn the_last_good_snapshot_of_each_branch_keeps_its_files() {
    let bench = Bench::project();
    hook(&bench, "1\n");
    bench.ok(&["eval"]);
    let good = bench.json(&["log", "-n", "1"])["entries"][0]["id"].as_str().unwrap().to_owned();
    // Nobody has measured the place where they part.
    let fork = hook(&bench, "2\n");
    bench.ok(&["branch", "z-side", "--from", &fork]);
    hook(&bench, "0\n");
    bench.ok(&["eval"]);
    bench.ok(&["switch", "z-side"]);
    bench.write("tests.txt", "bad a\nbad b\nbad c\nok d\n");
    hook(&bench, "3\n");
    hook(&bench, "4\n");
    bench.ok(&["branch", "other"]);
    settings(&bench, NOTHING_STAYS);
    bench.ok(&["gc"]);
    bench.ok(&["rollback"]);
    assert_eq!(bench.json(&["status"])["snapshot"]["id"], good);
    assert_eq!(bench.read("value.txt"), "1\n");
}

#[test]
fn what_the_newest_snapshot_is_compared_with_keeps_its_files() {
    let bench = Bench::project();
    (1..4).for_each(|value| drop(hook(&bench, &format!("{value}\n"))));
    // The newest operation is about something else.
    bench.ok(&["branch", "other", "--from", "@~3"]);
    settings(&bench, NOTHING_STAYS);
    let report = bench.json(&["gc"]);
    assert!(report["let_go"][0]["snapshots"].as_u64() > Some(0), "{report:#}");
    bench.ok(&["eval"]);
    let shown = bench.json(&["show"]);
    assert_eq!(shown["changes"].as_array().unwrap().len(), 1, "{shown:#}");
}

/// Bytes that cannot be compressed, the same each time.
fn noise(count: usize) -> Vec<u8> {
    let mut seed = 1_u64;
    let step = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as u8
    };
    std::iter::repeat_with(step).take(count).collect()
}

/// A large pack of which little is dead is not written anew: directories lie on in it, and some of
/// their files are gone.
#[test]
fn what_lies_on_in_part_is_said_to_be_let_go_and_no_damage() {
    let bench = Bench::project();
    hook(&bench, "1\n");
    fs::write(bench.root().join("large.bin"), noise(17 << 20)).unwrap();
    let part = hook(&bench, "1\n");
    (2..6).for_each(|value| drop(hook(&bench, &format!("{value}\n"))));
    settings(&bench, NOTHING_STAYS);
    bench.ok(&["gc"]);
    for verb in [&["rollback", "--to", &part][..], &["diff", &part], &["eval", &part]] {
        let said = bench.complains(4, verb);
        assert!(said.contains("let go by retention"), "{verb:?}: {said}");
    }
    assert_eq!(bench.read("value.txt"), "5\n");
    let page = bench.ok(&["show", &part]);
    assert!(page.contains("none: was let go by retention on "), "{page}");
    let page = bench.ok(&["compare", &part, "main"]);
    assert!(page.contains("files of a: none: was let go by retention on "), "{page}");
    bench.ok(&["fsck"]);
    // What is captured again is there again, though its tombstone lies beside it.
    bench.write("value.txt", "1\n");
    bench.ok(&["snapshot", "-m", "as it was"]);
    let shown = bench.json(&["show", &part]);
    assert!(shown["gone"].is_null() && shown["files"].as_u64().unwrap() > 5, "{shown:#}");
}

/// What was measured stays, whatever became of the files: so does what it is compared by.
#[test]
fn what_was_measured_is_compared_without_the_files() {
    let bench = Bench::project();
    let old: Vec<_> = [20, 10, 8, 5].map(|value| hook(&bench, &format!("{value}\n"))).into();
    bench.ok(&["eval", &old[1]]);
    bench.ok(&["eval", &old[3]]);
    settings(&bench, NOTHING_STAYS);
    bench.ok(&["gc"]);
    let shown = bench.json(&["show", &old[1]]);
    assert_eq!(shown["gone"]["why"], "was let go by retention", "{shown:#}");
    for (a, b) in [(&old[1], &old[3]), (&old[3], &old[1])] {
        let compared = bench.json(&["compare", a, b]);
        let (gone, there) = if *a == old[1] { ("a_gone", "b_gone") } else { ("b_gone", "a_gone") };
        assert_eq!(compared[gone], shown["gone"], "{compared:#}");
        assert!(compared[there].is_null() && compared["changes"] == serde_json::json!([]));
        let ratio = if *a == old[1] { 0.5 } else { 2.0 };
        assert_eq!(compared["metrics"][0]["ratio"], ratio, "{compared:#}");
    }
    let page = bench.ok(&["compare", &old[3], &old[1]]);
    assert!(page.contains("files of b: none: was let go") && !page.contains("differ"), "{page}");
}

#[test]
fn a_state_with_files_keeps_them() {
    let bench = Bench::project();
    bench.write("plan.json", "{\"step\": 1}\n");
    bench.ok(&["state", "put", "plan.json", "--files"]);
    let state = bench.json(&["state", "get"])["state"]["id"].as_str().unwrap().to_owned();
    (1..4).for_each(|value| drop(hook(&bench, &format!("{value}\n"))));
    settings(&bench, NOTHING_STAYS);
    bench.ok(&["gc"]);
    bench.ok(&["rollback", "--to", &state]);
    assert_eq!(bench.read("value.txt"), "10\n");
}

#[test]
fn a_running_view_keeps_what_it_stands_on() {
    let bench = Bench::project();
    let base = hook(&bench, "1\n");
    bench.ok(&["branch", "side", "--from", &base]);
    for value in 2..5 {
        hook(&bench, &format!("{value}\n"));
    }
    settings(&bench, NOTHING_STAYS);
    let (begun, end) = (bench.outside("begun"), bench.outside("end"));
    let script = format!(
        "touch {begun}; while ! test -e {end}; do :; done; cat value.txt; echo new > new.txt",
        begun = begun.display(),
        end = end.display(),
    );
    let mut command = bench.command(&["exec", "side", "--", "sh", "-c", &script]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !begun.exists() {
        std::thread::yield_now();
    }
    // The branch goes, and with it the only name that leads there.
    bench.ok(&["branch", "--delete", "side"]);
    bench.ok(&["gc"]);
    bench.ok(&["gc"]);
    fs::write(end, "").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(common::text(&output.stdout), "1\n");
    bench.ok(&["fsck"]);
}

/// What was measured has no name before what it is measured for has: a collection may come in between.
#[test]
fn what_a_base_was_measured_as_is_there_when_it_is_entered() {
    let bench = Bench::project();
    // Stages that write into the files are not remembered.
    bench.write("notes.txt", "");
    bench.write("test.sh", &format!("echo more >> notes.txt\n{}", bench.read("test.sh")));
    let (begun, end) = (bench.outside("begun"), bench.outside("end"));
    let build =
        format!("touch {}; while ! test -e {}; do :; done\n", begun.display(), end.display());
    fs::write(bench.outside("build.sh"), build).unwrap();
    let approach = format!("slow=cp {} build.sh", bench.outside("build.sh").display());
    bench.ok(&["try", &approach, "--no-eval"]);
    let mut command = bench.command(&["eval", "e1/slow"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !begun.exists() {
        std::thread::yield_now();
    }
    bench.ok(&["gc"]);
    fs::write(end, "").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", common::text(&output.stderr));
    bench.ok(&["fsck"]);
    assert!(bench.exits(1, &["rank", "e1"]).contains("(base)"));
    bench.ok(&["gc"]);
}

/// What keeps a full store full is named, and what is said to make room does.
#[test]
fn a_store_that_stays_full_says_what_keeps_it_so() {
    let bench = Bench::project();
    bench.ok(&["branch", "side"]);
    bench.ok(&["switch", "side"]);
    fs::write(bench.root().join("large"), noise(600_000)).unwrap();
    bench.ok(&["snapshot", "-m", "large"]);
    bench.ok(&["switch", "main"]);
    bench.ok(&["tag", "spare"]);
    let quota = "quota = \"500000B\"\n";
    settings(&bench, quota);
    bench.write("value.txt", "8\n");
    let said = bench.complains(7, &["snapshot"]);
    assert!(said.contains("`operations_least`") && said.contains("exp doctor"), "{said}");
    bench.ok(&["branch", "--delete", "side"]);
    for words in [&["gc", "--dry-run"][..], &["gc"]] {
        let said = bench.ok(words);
        assert!(said.contains("% of the quota of 488.3 KiB"), "{said}");
        assert!(said.contains("`operations_least` (100)") && said.contains(".exp/config.toml"));
    }
    settings(&bench, &format!("{quota}[retention]\noperations = 1\noperations_least = 1\n"));
    // The newest operation can always be undone.
    assert!(bench.ok(&["gc"]).contains("can always be undone"));
    bench.ok(&["tag", "--delete", "spare"]);
    assert!(!bench.ok(&["gc", "--dry-run"]).contains("of the quota"));
    let said = bench.ok(&["gc"]);
    assert!(said.contains("freed") && !said.contains("of the quota"), "{said}");
    bench.write("value.txt", "9\n");
    bench.ok(&["snapshot", "-m", "room again"]);
}

#[test]
fn a_collection_without_work_offers_none() {
    let bench = Bench::project();
    bench.ok(&["gc"]);
    let said = bench.ok(&["gc", "--dry-run"]);
    assert!(said.contains("Nothing would be let go of") && !said.contains("does it"), "{said}");
    let said = bench.ok(&["gc"]);
    assert!(said.contains("nothing freed") && said.contains("Done."), "{said}");
}

#[test]
fn settings_that_are_not_understood_let_go_of_nothing() {
    let bench = Bench::project();
    settings(&bench, "[retention]\nage = \"soon\"\n");
    let before = stored(&bench);
    let said = bench.complains(2, &["gc"]);
    assert!(said.contains("config.toml") && said.contains("line 2"), "{said}");
    assert_eq!(stored(&bench), before);
}

#[test]
fn old_states_go_and_those_that_were_asked_for_stay() {
    let bench = Bench::project();
    // Some megabytes, so that segments are full: they go as wholes.
    let state = |number: usize| {
        let mut seed = number as u64 * 7 + 1;
        let word = |_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            format!("{seed:016x}")
        };
        let text: String = (0..40_000).map(word).collect();
        bench.write("plan.json", &format!("{{\"number\": {number}, \"text\": \"{text}\"}}"));
    };
    state(0);
    bench.ok(&["state", "put", "plan.json", "-m", "asked for"]);
    for number in 1..34 {
        state(number);
        bench.ok(&["state", "put", "plan.json", "--kind", "automatic"]);
    }
    let before = bench.json(&["stats"])["journal_bytes"].as_u64().unwrap();
    assert_eq!(bench.json(&["gc"])["states_let_go"], 0, "all are young");
    settings(&bench, "[retention.states]\nage = \"1ms\"\n");
    let plan = bench.json(&["gc", "--dry-run"]);
    let done = bench.json(&["gc"]);
    assert_eq!(plan["states_let_go"], done["states_let_go"]);
    assert!(done["states_let_go"].as_u64().unwrap() > 5, "{done:#}");
    let after = bench.json(&["stats"])["journal_bytes"].as_u64().unwrap();
    assert!(after < before, "{after} of {before}");
    let log = bench.ok(&["state", "log", "-n", "100"]);
    assert!(log.contains("asked for"), "{log}");
    bench.ok(&["audit"]);
    bench.ok(&["fsck"]);
}
