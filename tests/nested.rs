//! `exp` inside of a view: what is recorded there belongs to the view's branch, and the workspace
//! outside never notices.
#![allow(clippy::unwrap_used, reason = "a helper of tests is a test")]

mod common;

use std::process::Output;

use common::{Bench, text};
use serde_json::Value;

const EXP: &str = env!("CARGO_BIN_EXE_exp");

/// A workspace with the branch `idea`, and the backend in which its views are opened.
fn bench() -> Bench {
    let bench = Bench::project();
    bench.ok(&["branch", "idea"]);
    bench
}

/// Runs a script in a view of a branch, on one of the backends. `exp` is a command in it.
fn script(bench: &Bench, backend: &str, branch: &str, lines: &str) -> Output {
    let script = format!("set -eu\nexp() {{ {EXP} \"$@\"; }}\n{lines}");
    bench.run(&["exec", branch, "--backend", backend, "--", "sh", "-c", &script])
}

/// The same; it must succeed.
fn inside(bench: &Bench, backend: &str, branch: &str, lines: &str) -> String {
    let output = script(bench, backend, branch, lines);
    assert!(
        output.status.success(),
        "{backend}: {lines}\n{}\n{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// The messages of a branch, newest first.
fn messages(bench: &Bench, branch: &str) -> Vec<String> {
    let log = bench.json(&["log", branch]);
    let message = |entry: &Value| entry["message"].as_str().unwrap().to_owned();
    log["entries"].as_array().unwrap().iter().map(message).collect()
}

/// Nothing of a view stays behind, and the workspace is as it was.
fn is_untouched(bench: &Bench) {
    assert_eq!(bench.read("value.txt"), "10\n");
    let status = bench.json(&["status"]);
    assert_eq!(status["branch"], "main");
    assert_eq!(status["changes"], serde_json::json!([]));
    assert_eq!(bench.json(&["fsck"])["problems"].as_array().unwrap().len(), 0);
}

#[test]
fn a_snapshot_inside_moves_the_views_branch_and_the_rest_follows_it() {
    for backend in ["overlay", "copy"] {
        let bench = bench();
        inside(
            &bench,
            backend,
            "idea",
            "echo 8 > value.txt; exp snapshot -m first; echo 7 > value.txt; exp snapshot -m second
             echo 6 > value.txt",
        );
        let all = messages(&bench, "idea");
        assert_eq!(all[1..], ["second", "first", "first snapshot"], "{backend}");
        assert!(bench.ok(&["diff", "main", "idea"]).contains("+6"));
        inside(&bench, backend, "idea", "echo 5 > value.txt; exp snapshot -m last");
        assert_eq!(messages(&bench, "idea")[0], "last", "{backend}: nothing is recorded twice");
        is_untouched(&bench);
    }
}

#[test]
fn undo_inside_takes_back_the_inner_step_alone() {
    for backend in ["overlay", "copy"] {
        let bench = bench();
        bench.write("mine.txt", "the workspace's own step\n");
        bench.ok(&["snapshot", "-m", "outside"]);
        inside(
            &bench,
            backend,
            "idea",
            "echo 8 > value.txt; exp snapshot -m first; echo 7 > value.txt; exp snapshot -m second
             exp branch other; exp undo; exp undo; test $(cat value.txt) = 7
             test \"$(exp log --json | grep -c second)\" = 0
             exp rollback --to main~; test $(cat value.txt) = 10; exp undo; test $(cat value.txt) = 7
             exp redo; exp undo; exp undo
             code=0; exp undo || code=$?; test $code = 4",
        );
        // What was there at the end is kept, over the branch as the last undo left it.
        assert_eq!(messages(&bench, "idea")[1..], ["first snapshot"], "{backend}");
        assert!(bench.ok(&["diff", "main~", "idea"]).contains("+7"));
        assert!(bench.exists("mine.txt"));
        bench.ok(&["undo"]);
        assert!(bench.ok(&["diff", "main~", "idea", "--names"]).is_empty(), "the `exec` itself");
        assert_eq!(messages(&bench, "main"), ["outside", "first snapshot"]);
        is_untouched(&bench);
    }
}

#[test]
fn what_is_looked_at_inside_is_the_view() {
    for backend in ["overlay", "copy"] {
        let bench = bench();
        let out = inside(
            &bench,
            backend,
            "idea",
            "echo 8 > value.txt; exp snapshot -m seen >&2; echo 7 > value.txt
             exp status --json | grep '\"branch\": \"idea\"'; exp diff | grep '^[-+][0-9]'
             exp log | grep seen; exp show @ | grep seen; exp doctor | grep 'this is a view already'",
        );
        assert!(out.contains("-8") && out.contains("+7"), "{backend}: {out}");
        is_untouched(&bench);
    }
}

#[test]
fn the_store_cannot_be_hurt_and_an_empty_environment_does_not_hide_the_view() {
    for backend in ["overlay", "copy"] {
        let bench = bench();
        inside(
            &bench,
            backend,
            "idea",
            &format!(
                "rm -rf .exp 2> /dev/null || true; echo 8 > value.txt
                 env -i PATH=\"$PATH\" {EXP} snapshot -m clean
                 cd /; code=0; env -i PATH=\"$PATH\" {EXP} -C \"$PWD\" status || code=$?; test $code = 4"
            ),
        );
        assert_eq!(messages(&bench, "idea"), ["clean", "first snapshot"], "{backend}");
        assert_eq!(bench.json(&["show", "idea"])["session"], bench.session.as_str());
        is_untouched(&bench);
    }
}

#[test]
fn variables_must_agree_with_the_view_and_some_verbs_are_for_outside() {
    for backend in ["overlay", "copy"] {
        let bench = bench();
        let work = bench.root();
        inside(
            &bench,
            backend,
            "idea",
            &format!(
                "refused() {{ want=$1; shift; code=0; \"$@\" > out 2>&1 || code=$?; test $code = $want; }}
                 refused 2 env EXP_BRANCH=main {EXP} snapshot -m wrong
                 refused 2 env EXP_VIEW=main {EXP} status
                 grep -q 'this is the view of `idea`' out
                 refused 5 {EXP} init; refused 5 {EXP} deinit --yes; refused 5 {EXP} switch main
                 refused 5 {EXP} branch --delete idea
                 grep -q 'this is the view of `idea`' out; rm out
                 if [ {backend} = copy ]; then cd {}; refused 2 {EXP} snapshot -m there; rm out; fi",
                work.display()
            ),
        );
        assert_eq!(messages(&bench, "idea"), ["first snapshot"], "{backend}");
        is_untouched(&bench);
    }
}

#[test]
fn a_view_that_only_measures_records_nothing() {
    let bench = Bench::project();
    let gate = format!("{EXP} status > /dev/null && ! {EXP} snapshot -m sly 2> sly.txt");
    let config = common::CONFIG.replace("sh build.sh", &gate);
    bench.write("exp.toml", &config);
    for backend in ["overlay", "copy"] {
        bench.ok(&["eval", "--again", "--backend", backend]);
    }
    assert!(!messages(&bench, "main").contains(&"sly".to_owned()));
}

#[test]
fn approaches_inside_an_approach_are_run_chosen_and_merged() {
    for backend in ["overlay", "copy"] {
        let bench = Bench::project();
        let nested = format!(
            "map=set -eu; echo one > one.txt; {EXP} try 'low=echo 3 > value.txt' 'high=echo 20 > value.txt' >&2
             {EXP} select >&2; {EXP} merge --selected >&2; test $(cat value.txt) = 3"
        );
        let tried = bench.json(&["try", &nested, "plain=echo 5 > value.txt", "--backend", backend]);
        assert_eq!(tried["ranking"]["winner"], "map", "{backend}: {tried:#}");
        assert_eq!(bench.json(&["select"])["table"]["experiment"], "e1");
        bench.ok(&["merge", "--selected"]);
        assert_eq!(bench.read("value.txt"), "3\n");
        assert_eq!(bench.read("one.txt"), "one\n");
        assert!(bench.ok(&["experiments"]).contains("e2"));
        bench.ok(&["undo"]);
        assert_eq!(bench.json(&["fsck"])["problems"].as_array().unwrap().len(), 0);
        is_untouched(&bench);
    }
}

#[test]
fn undo_outside_takes_back_a_race_whose_approaches_recorded_steps() {
    let bench = Bench::project();
    let steps = |name: &str, value: &str| {
        format!("{name}=echo {value} > value.txt; {EXP} snapshot -m {name} && echo more > more.txt")
    };
    bench.ok(&["try", &steps("a", "8"), &steps("b", "7"), "--jobs", "2"]);
    for name in ["a", "b"] {
        assert_eq!(messages(&bench, &format!("e1/{name}"))[1..], [name, "first snapshot"]);
    }
    bench.ok(&["undo"]);
    bench.exits(4, &["log", "e1/a"]);
    bench.exits(4, &["experiment", "show", "e1"]);
    bench.ok(&["redo"]);
    assert_eq!(messages(&bench, "e1/b").len(), 3);
    bench.ok(&["branch", "later", "--from", "e1/a"]);
    is_untouched(&bench);
}

#[test]
fn approaches_that_record_at_the_same_time_do_not_meet() {
    for backend in ["overlay", "copy"] {
        let bench = Bench::project();
        let there = bench.outside("there");
        std::fs::create_dir(&there).unwrap();
        // Each waits for the others, so that all record at once.
        let steps = |name: &str| {
            format!(
                "{name}=set -e; touch {0}/{name}; until test $(ls {0} | wc -l) = 3; do :; done
                 echo $EXP_PORT_BASE > port.txt; echo $TMPDIR > tmp.txt
                 for n in 1 2 3 4 5; do echo {name}$n > step.txt; {EXP} snapshot -m {name}$n; done",
                there.display()
            )
        };
        let all = ["a", "b", "c"].map(steps);
        let arguments = ["try", "--no-eval", "--jobs", "3", "--backend", backend];
        bench.ok(&[&arguments[..], &all.each_ref().map(String::as_str)].concat());
        for name in ["a", "b", "c"] {
            let found = messages(&bench, &format!("e1/{name}"));
            let wanted: Vec<_> = (1..=5).rev().map(|n| format!("{name}{n}")).collect();
            assert_eq!(found[..5], wanted, "{backend}");
            assert_eq!(found[5..], ["first snapshot"], "{backend}");
        }
        for (one, other) in [("e1/a", "e1/b"), ("e1/b", "e1/c"), ("e1/a", "e1/c")] {
            let differs = bench.ok(&["diff", one, other, "--names"]);
            assert!(differs.contains("port.txt") && differs.contains("tmp.txt"), "{differs}");
        }
        is_untouched(&bench);
    }
}

#[test]
fn views_lie_in_views_only_so_deep() {
    let bench = bench();
    let mut script =
        format!("code=0; {EXP} branch last && {EXP} exec last -- true 2> err || code=$?; cat err");
    for _ in 0..4 {
        script = format!(
            "{EXP} branch deep$$ && {EXP} exec deep$$ -- sh -c '{}'",
            script.replace('\'', "'\\''")
        );
    }
    let output = script_plain(&bench, &script);
    let out = text(&output.stdout) + &text(&output.stderr);
    assert!(out.contains("lie one in the other already"), "{out}");
    is_untouched(&bench);
}

/// Runs a text in the shell, in the workspace itself.
fn script_plain(bench: &Bench, lines: &str) -> Output {
    let mut command = bench.command(&[]);
    let environment: Vec<_> = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    command = std::process::Command::new("sh");
    command.args(["-c", lines]).current_dir(bench.root()).env_clear().envs(environment);
    command.output().unwrap()
}

/// Waits until a process has made a file, and kills it.
fn kill_once(mut child: std::process::Child, made: &std::path::Path) {
    while !made.exists() {
        assert_eq!(child.try_wait().unwrap(), None, "it ended before it was killed");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn what_was_not_to_be_recorded_is_not_recorded_after_a_kill_either() {
    for backend in ["overlay", "copy"] {
        let bench = bench();
        let started = bench.outside("started");
        let lines = format!(
            "echo 8 > value.txt; {EXP} snapshot -m asked > /dev/null; echo 7 > value.txt
             touch {}; while :; do :; done",
            started.display()
        );
        let mut command = bench.command(&["exec", "idea", "--no-capture", "--backend", backend]);
        command.args(["--", "sh", "-c", &lines]).stderr(std::process::Stdio::null());
        kill_once(command.spawn().unwrap(), &started);
        assert_eq!(text(&bench.run(&["status"]).stderr), "", "{backend}");
        assert_eq!(messages(&bench, "idea"), ["asked", "first snapshot"], "{backend}");
        let left = bench.ok(&["exec", "idea", "--backend", backend, "--", "cat", "value.txt"]);
        assert!(left.contains('8'), "{backend}: {left}");
        is_untouched(&bench);
    }
}

#[test]
fn what_a_killed_race_had_written_is_saved() {
    for backend in ["overlay", "copy"] {
        let bench = Bench::project();
        let started = bench.outside("started");
        let go = bench.outside("go");
        let stuck = format!(
            "stuck=echo 8 > value.txt; {EXP} snapshot -m step && echo 3 > value.txt; touch {}; \
             until test -e {}; do :; done; echo 4 > value.txt",
            started.display(),
            go.display()
        );
        let mut race = bench.command(&["try", &stuck, "--backend", backend]);
        race.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        kill_once(race.spawn().unwrap(), &started);
        let said = bench.run(&["status"]);
        let said = text(&said.stderr) + &text(&said.stdout);
        assert_eq!(said.matches("saved on `e1/stuck`").count(), 1, "{backend}: {said}");
        assert_eq!(messages(&bench, "e1/stuck")[1..], ["step", "first snapshot"]);
        let rows = &bench.json_exits(1, &["rank", "e1"])["rows"];
        assert_eq!(rows[0]["state"], "interrupted", "{backend}: it is no longer said to wait");
        let head = &bench.json(&["show", "e1/stuck"])["id"];
        assert_eq!(&rows[0]["candidate"], head, "{backend}: {rows:#}");
        let page = bench.exits(1, &["rank", "e1"]);
        assert!(page.contains("interrupted; `exp try --resume e1` runs it again"), "{page}");
        assert!(bench.ok(&["diff", "main", "e1/stuck"]).contains("+3"), "{backend}");
        assert_eq!(text(&bench.run(&["status"]).stderr), "", "it is said once");
        std::fs::write(go, "").unwrap();
        let resumed = bench.json(&["try", "--resume", "e1", "--backend", backend]);
        assert_eq!(resumed["ranking"]["winner"], "stuck", "{backend}: {resumed:#}");
        is_untouched(&bench);
    }
}

#[test]
fn what_another_process_recorded_meanwhile_is_never_lost() {
    for backend in ["overlay", "copy"] {
        let bench = bench();
        let (there, go) = (bench.outside("there"), bench.outside("go"));
        let lines = format!(
            "echo 8 > value.txt; touch {}; until test -e {}; do :; done
             code=0; {EXP} snapshot -m late || code=$?; echo $code > code.txt",
            there.display(),
            go.display()
        );
        let mut command = bench.command(&["exec", "idea", "--backend", backend, "--"]);
        command.args(["sh", "-c", &lines]).stderr(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        while !there.exists() {
            assert_eq!(child.try_wait().unwrap(), None, "it ended too early");
            std::thread::yield_now();
        }
        inside(&bench, backend, "idea", "echo 7 > value.txt; exp snapshot -m first");
        std::fs::write(go, "").unwrap();
        let said = text(&child.wait_with_output().unwrap().stderr);
        assert!(said.contains("what the command left is branch `idea-"), "{backend}: {said}");
        assert_eq!(messages(&bench, "idea"), ["first", "first snapshot"], "{backend}");
        let branches = bench.json(&["branch"]);
        let names = branches["branches"].as_array().unwrap().iter().map(|b| b["name"].as_str());
        let aside: Vec<_> = names.flatten().filter(|name| name.starts_with("idea-")).collect();
        assert_eq!(aside.len(), 1, "{backend}: nothing is recorded twice: {aside:?}");
        let kept = bench.ok(&["diff", "main", aside[0]]);
        assert!(kept.contains("+8") && kept.contains("+3"), "{backend}, exit 3 inside: {kept}");
        assert_eq!(text(&bench.run(&["status"]).stderr), "", "nothing is left to be saved");
        is_untouched(&bench);
    }
}

#[test]
fn caches_and_hooks_work_in_views_of_views() {
    for backend in ["overlay", "copy"] {
        let bench = Bench::project();
        bench.write("exp.toml", &format!("[workspace]\nwarm = [\"cache\"]\n{}", common::CONFIG));
        bench.write(".gitignore", "cache/\n");
        bench.write("cache/x", "warm\n");
        let hook = r#"{"session_id":"agent","hook_event_name":"PostToolUse","tool_name":"Bash","tool_input":{"command":"make"},"tool_response":{}}"#;
        let outer = format!(
            "outer=set -eu; echo 8 > value.txt; echo '{hook}' | {EXP} hook post
             {EXP} try --no-eval 'inner=cp cache/x seen.txt' >&2; {EXP} merge inner >&2"
        );
        bench.ok(&["try", &outer, "--backend", backend]);
        bench.ok(&["merge", "outer"]);
        assert_eq!(bench.read("seen.txt"), "warm\n", "{backend}");
        assert!(messages(&bench, "main").contains(&"Bash make".to_owned()), "{backend}");
        assert_eq!(bench.json(&["fsck"])["problems"].as_array().unwrap().len(), 0);
    }
}

#[test]
fn what_approaches_of_a_killed_approach_had_written_is_saved_too() {
    for backend in ["overlay", "copy"] {
        let bench = Bench::project();
        let started = bench.outside("started");
        let deep =
            format!("deep=echo 3 > value.txt; touch {}; while :; do :; done", started.display());
        let outer = format!("outer=echo 8 > value.txt; {EXP} try --no-eval \"{deep}\"");
        let mut race = bench.command(&["try", &outer, "--no-eval", "--backend", backend]);
        race.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        kill_once(race.spawn().unwrap(), &started);
        // What ran in the folders ends a moment after the one that started it.
        let mut said = String::new();
        for _ in 0..2_000 {
            said += &text(&bench.run(&["status"]).stderr);
            if said.contains("e2/deep") {
                break;
            }
        }
        assert!(bench.ok(&["diff", "main", "e1/outer"]).contains("+8"), "{backend}: {said}");
        assert!(bench.ok(&["diff", "main", "e2/deep"]).contains("+3"), "{backend}: {said}");
        assert_eq!(messages(&bench, "e2/deep")[1..], ["before try", "first snapshot"]);
        is_untouched(&bench);
    }
}

/// A newer exp may have written it, or a power cut torn it: that is no reason to throw work away.
#[test]
fn a_view_of_which_nobody_can_say_whose_it_is_stays() {
    for backend in ["overlay", "copy"] {
        let bench = Bench::project();
        let started = bench.outside("started");
        let lines = format!(
            "work=echo 3 > value.txt; echo mine > mine.txt; touch {}; while :; do :; done",
            started.display()
        );
        let mut race = bench.command(&["try", &lines, "--no-eval", "--backend", backend]);
        race.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        kill_once(race.spawn().unwrap(), &started);
        let mut views = Vec::new();
        for kind in ["views", "slots"] {
            for store in std::fs::read_dir(bench.outside("state/exp")).unwrap() {
                let folder = store.unwrap().path().join(kind);
                let Ok(listing) = std::fs::read_dir(folder) else { continue };
                views.extend(listing.map(|view| view.unwrap().path()));
            }
        }
        let view = views.iter().find(|view| view.join("identity").exists()).unwrap();
        std::fs::write(view.join("identity"), "xpview\u{2}of a newer version").unwrap();
        let said = text(&bench.run(&["status"]).stderr);
        assert!(said.contains("stays there, not saved"), "{backend}: {said}");
        bench.ok(&["try", "other=echo 4 > value.txt", "--no-eval", "--backend", backend]);
        let files = [view.join("upper/mine.txt"), view.join("files/mine.txt")];
        assert!(files.iter().any(|file| file.exists()), "{backend}: the work is there");
    }
}
