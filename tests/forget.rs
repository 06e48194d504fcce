//! `exp forget`: a secret that was captured is taken out of packs, logs and bundles; the history around
//! it stays.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::fs;
use std::path::Path;

use common::{Bench, text};

const SECRET: &str = "api_token = \"correct-horse-battery-staple\"\n";
const VALUE: &[u8] = b"correct-horse-battery-staple";

/// A project in whose history a secret was captured twice, in two versions, printed into a log, and
/// then removed from the files.
fn leaked() -> Bench {
    let bench = Bench::project();
    bench.write("config.ini", &format!("{SECRET}mode = 1\n"));
    bench.write("build.sh", "cat config.ini 2>/dev/null || true\n");
    bench.ok(&["snapshot", "-m", "oops"]);
    bench.write("config.ini", &format!("{SECRET}mode = 2\n"));
    bench.ok(&["snapshot", "-m", "again"]);
    bench.ok(&["tag", "leaked"]);
    bench.ok(&["eval"]);
    bench.write("config.ini", "mode = 3\n");
    bench.write("build.sh", "true\n");
    bench.ok(&["snapshot", "-m", "without"]);
    bench
}

/// Whether a file below a folder holds these bytes, compressed by zstd in any frame of it or plain.
fn holds(folder: &Path, wanted: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() {
            return holds(&path, wanted);
        }
        let bytes = fs::read(&path).unwrap();
        has(&bytes, wanted)
            || (0..bytes.len().saturating_sub(4)).any(|at| {
                bytes[at..].starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
                    && zstd::stream::read::Decoder::new(&bytes[at..]).is_ok_and(|decoder| {
                        let mut content = Vec::new();
                        let _ =
                            std::io::Read::read_to_end(&mut decoder.single_frame(), &mut content);
                        has(&content, wanted)
                    })
            })
    })
}

fn has(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|part| part == wanted)
}

#[test]
fn a_secret_is_gone_from_the_store_and_the_history_stays() {
    let bench = leaked();
    let store = bench.root().join(".exp");
    assert!(holds(&store, VALUE), "the test looks in the right place");
    let before = bench.ok(&["log", "--all"]);
    let plan = bench.json(&["forget", "config.ini"]);
    assert_eq!(plan["forgotten"], false);
    // The version without it stands at that path, too.
    assert_eq!(plan["contents"].as_array().unwrap().len(), 3, "{plan:#}");
    assert!(holds(&store, VALUE), "a plan changes nothing");
    let ids: Vec<String> = plan["contents"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|content| content["in_workspace"] == false)
        .map(|content| content["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 2);
    let done = bench.json(&["forget", &ids[0], &ids[1][..12], "--yes"]);
    assert_eq!(done["forgotten"], true);
    assert!(done["packs"].as_u64().unwrap() > 0 && !done["logs"].as_array().unwrap().is_empty());
    assert!(!holds(&store, VALUE));
    assert_eq!(bench.ok(&["log", "--all"]), before);
    bench.ok(&["fsck"]);
    // Who comes back to such a snapshot is told what does not come with it.
    let said = bench.ok(&["rollback", "--to", "leaked"]);
    assert!(said.contains("config.ini was forgotten"), "{said}");
    assert_eq!(bench.read("config.ini"), "mode = 3\n");
    bench.ok(&["undo"]);
    bench.ok(&["show", "leaked"]);
    bench.ok(&["gc"]);
    assert!(!holds(&store, VALUE));
    bench.ok(&["fsck", "--rebuild"]);
    // Once more, there is nothing left to forget.
    let said = text(&bench.run(&["forget", &ids[0], "--yes"]).stderr);
    assert!(said.contains("there is no"), "{said}");
}

/// One that was killed leaves a log half written; whoever forgets next goes on, and takes that away.
#[test]
fn what_a_forget_that_was_killed_left_is_no_obstacle() {
    let bench = leaked();
    let plan = bench.json(&["forget", "config.ini"]);
    let logs = plan["logs"].as_array().unwrap();
    assert!(!logs.is_empty());
    let halves: Vec<_> = logs
        .iter()
        .map(|log| Path::new(log.as_str().unwrap()).with_extension("log-new"))
        .inspect(|half| fs::write(half, format!("half of it, and {SECRET}")).unwrap())
        .collect();
    assert_eq!(bench.json(&["forget", "config.ini"]), plan, "a half log is no log");
    assert!(halves.iter().all(|half| half.exists()), "a plan changes nothing");
    bench.ok(&["forget", "config.ini", "--yes"]);
    assert!(halves.iter().all(|half| !half.exists()));
    assert!(!holds(&bench.root().join(".exp"), VALUE));
    bench.ok(&["fsck"]);
}

/// What cannot be written is named by its own path.
#[test]
fn a_log_that_cannot_be_written_is_named() {
    let bench = leaked();
    let log = bench.json(&["forget", "config.ini"])["logs"][0].as_str().unwrap().to_owned();
    fs::create_dir(Path::new(&log).with_extension("log-new")).unwrap();
    let said = bench.complains(9, &["forget", "config.ini", "--yes"]);
    let half = Path::new(&log).with_extension("log-new");
    assert!(said.contains(half.to_str().unwrap()), "{said}");
    assert!(holds(&bench.root().join(".exp"), VALUE), "nothing was forgotten");
}

#[test]
fn what_the_workspace_still_has_is_said() {
    let bench = leaked();
    bench.write("config.ini", &format!("{SECRET}mode = 2\n"));
    let page = bench.ok(&["forget", "config.ini"]);
    assert!(page.contains("the workspace still has it") && page.contains("--yes"), "{page}");
    bench.ok(&["forget", "config.ini", "--yes"]);
    // Captured again, it is there again: that was said.
    bench.ok(&["snapshot", "-m", "again"]);
    bench.ok(&["fsck"]);
    assert!(holds(&bench.root().join(".exp"), VALUE));
    bench.ok(&["forget", "config.ini", "--yes"]);
    assert!(!holds(&bench.root().join(".exp"), VALUE));
    bench.ok(&["fsck"]);
}

/// What the note says to do, does it; a rule alone does not.
#[test]
fn a_rule_keeps_out_only_what_is_not_captured() {
    let bench = leaked();
    let store = bench.root().join(".exp");
    bench.write("config.ini", SECRET);
    bench.ok(&["snapshot", "-m", "with"]);
    bench.write(".expignore", "config.ini\n");
    let page = bench.ok(&["forget", "config.ini", "--yes"]);
    assert!(page.contains("Remove the file and record that with `exp snapshot`"), "{page}");
    bench.ok(&["snapshot", "-m", "a rule alone"]);
    assert!(holds(&store, VALUE));
    fs::remove_file(bench.root().join("config.ini")).unwrap();
    bench.ok(&["snapshot", "-m", "without"]);
    let plan = bench.json(&["forget", "config.ini"]);
    let ids = plan["contents"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap());
    bench.ok(&[&["forget", "--yes"], &ids.collect::<Vec<_>>()[..]].concat());
    bench.write("config.ini", SECRET);
    bench.write("other.txt", "x\n");
    bench.ok(&["snapshot", "-m", "a new one"]);
    assert!(!holds(&store, VALUE));
}

/// A file that the workspace still has, and that a capture took for stored because the snapshot before
/// has it.
fn settled_and_forgotten() -> Bench {
    let bench = Bench::project();
    bench.ok(&["branch", "without"]);
    bench.write("config.ini", SECRET);
    // As young as the capture it would be read again by the next one.
    let read = || bench.json(&["snapshot", "-m", "with"])["read_files"].as_u64().unwrap();
    assert!((0..1_000).any(|_| read() == 0), "files are read again and again");
    bench.ok(&["forget", "config.ini", "--yes"]);
    assert!(!holds(&bench.root().join(".exp"), VALUE));
    bench
}

#[test]
fn what_the_workspace_still_has_is_recorded_again_by_the_next_snapshot() {
    let bench = settled_and_forgotten();
    bench.write("other.txt", "x\n");
    bench.ok(&["snapshot", "-m", "more"]);
    assert!(holds(&bench.root().join(".exp"), VALUE));
    bench.ok(&["fsck"]);
}

/// What is not stored is never taken away, whatever the snapshots say.
#[test]
fn what_was_forgotten_and_stands_here_is_stored_before_it_goes() {
    let bench = settled_and_forgotten();
    bench.ok(&["switch", "without"]);
    assert!(!bench.exists("config.ini"));
    bench.ok(&["switch", "main"]);
    assert_eq!(bench.read("config.ini"), SECRET);
    bench.ok(&["fsck"]);
}

#[test]
fn a_snapshot_is_gone_back_to_without_what_was_forgotten_of_it() {
    let bench = leaked();
    bench.ok(&["forget", "config.ini", "--yes"]);
    let plan = bench.json(&["rollback", "--to", "leaked", "--dry-run"]);
    assert_eq!(plan["changes"][0]["path"], "config.ini", "{plan:#}");
    assert_eq!(plan["changes"][0]["change"], "forgotten", "{plan:#}");
    let page = bench.ok(&["rollback", "--to", "leaked"]);
    assert!(page.contains("config.ini was forgotten, and stays as it is here"), "{page}");
    // The rest is what it was; nobody's file goes for something that cannot come.
    assert!(bench.read("build.sh").contains("cat config.ini"));
    assert_eq!(bench.read("config.ini"), "mode = 3\n");
    bench.ok(&["undo"]);
    assert_eq!(
        (bench.read("build.sh"), bench.read("config.ini")),
        ("true\n".into(), "mode = 3\n".into())
    );
    fs::remove_file(bench.root().join("config.ini")).unwrap();
    bench.ok(&["rollback", "--to", "leaked"]);
    assert!(!bench.exists("config.ini"));
    // A view shows all files or none.
    bench.ok(&["branch", "old", "--from", "leaked"]);
    let said = bench.complains(125, &["exec", "old", "--", "true"]);
    assert!(said.contains("`config.ini` was forgotten by tester"), "{said}");
    bench.ok(&["fsck"]);
}

#[test]
fn a_bundle_is_written_anew_without_it() {
    let bench = leaked();
    let bundles = [bench.outside("one.bundle"), bench.outside("two.jsonl")];
    let paths = bundles.each_ref().map(|path| path.to_str().unwrap());
    bench.ok(&["export", "-o", paths[0]]);
    bench.ok(&["export", "--json-lines", "-o", paths[1]]);
    fs::create_dir(bench.outside("bundles")).unwrap();
    let before = bundles.each_ref().map(|path| fs::read(path).unwrap());
    let arguments = ["forget", "config.ini", "--bundle", paths[0], "--bundle", paths[1]];
    let plan = bench.json(&arguments);
    assert_eq!(plan["bundles"][0][1], 3, "{plan:#}");
    assert_eq!(bundles.each_ref().map(|path| fs::read(path).unwrap()), before);
    bench.ok(&[&arguments[..], &["--yes"]].concat());
    for path in &bundles {
        fs::rename(path, bench.outside("bundles").join(path.file_name().unwrap())).unwrap();
    }
    assert!(!holds(&bench.outside("bundles"), VALUE));
    // It can be imported as before; what was forgotten is not there.
    for name in ["one.bundle", "two.jsonl"] {
        let other = Bench::project();
        let bundle = bench.outside("bundles").join(name);
        other.ok(&["import", bundle.to_str().unwrap()]);
        other.ok(&["fsck"]);
        assert!(other.ok(&["tag"]).contains("leaked"));
        other.ok(&["rollback", "--to", "leaked"]);
        assert!(!other.exists("config.ini") && other.exists("build.sh"));
    }
}

#[test]
fn a_folder_a_large_file_and_what_is_not_there() {
    let bench = Bench::project();
    let noise: String =
        (0..400_000_u64).map(|n| format!("{:x}", n.wrapping_mul(0x9e37_79b9))).collect();
    bench.write("keys/large", &noise);
    bench.write("keys/small", SECRET);
    bench.write("kept/same", SECRET);
    bench.ok(&["snapshot", "-m", "keys"]);
    fs::remove_dir_all(bench.root().join("keys")).unwrap();
    bench.ok(&["snapshot", "-m", "no keys"]);
    let plan = bench.ok(&["forget", "keys"]);
    // The same content stands elsewhere, and goes there, too.
    assert!(plan.contains("kept/same") && plan.contains("keys/small"), "{plan}");
    bench.ok(&["forget", "keys", "--yes"]);
    assert!(!holds(&bench.root().join(".exp"), VALUE));
    assert!(!holds(&bench.root().join(".exp"), &noise.as_bytes()[1_000_000..1_000_100]));
    bench.ok(&["fsck"]);
    let said = bench.complains(4, &["forget", "nowhere.txt"]);
    assert!(said.contains("nowhere.txt"), "{said}");
    bench.complains(2, &["forget"]);
}
