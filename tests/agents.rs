//! What agents and those who steer them use besides the main loop: experiments looked at, branches
//! compared, shells in branches, hooks, and `exp` inside of a view.
#![allow(clippy::unwrap_used, reason = "a helper of tests is a test")]

mod common;

use std::io::Write;
use std::process::Stdio;

use common::{Bench, text};

fn raced() -> Bench {
    let bench = Bench::project();
    bench.ok(&["try", "fast=echo 5 > value.txt", "wrong=sed -i 's/ok [abc]/bad x/' tests.txt"]);
    bench
}

#[test]
fn experiments_are_listed_shown_and_written_as_a_page() {
    let bench = raced();
    bench.ok(&["select"]);
    let list = bench.json(&["experiments"]);
    assert_eq!(list["experiments"][0]["experiment"], "e1");
    assert_eq!(list["experiments"][0]["selected"], "fast");
    let page = bench.outside("page.html");
    let shown = bench.json(&["experiment", "show", "e1", "--html", page.to_str().unwrap()]);
    assert_eq!(shown["table"]["winner"], "fast");
    assert_eq!(shown["commands"][0]["command"], "echo 5 > value.txt");
    let html = std::fs::read_to_string(page).unwrap();
    assert!(html.contains("<svg") && html.contains("echo 5 &gt; value.txt"), "{html}");
    assert!(!html.contains("http://") && !html.contains("<script"), "it fetches nothing");
    bench.exits(4, &["experiment", "show", "e9"]);
}

#[test]
fn two_candidates_are_compared() {
    let bench = raced();
    let compared = bench.json(&["compare", "fast", "wrong"]);
    assert_eq!(compared["a_tests"], serde_json::json!([4, 0]));
    // Three tests of one name.
    assert_eq!(compared["only_b_fails"].as_array().unwrap().len(), 3, "{compared:#}");
    assert_eq!(compared["changes"].as_array().unwrap().len(), 2);
    let page = bench.ok(&["compare", "main", "fast"]);
    assert!(page.contains("10 → 5 points (-50 %)"), "{page}");
}

#[test]
fn a_shell_in_a_branch_records_what_it_changed() {
    let bench = Bench::project();
    bench.ok(&["branch", "idea"]);
    let mut command = bench.command(&["shell", "idea"]);
    let mut child = command.env("SHELL", "/bin/sh").stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"echo mine > mine.txt\nexit 3\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert!(!bench.exists("mine.txt"));
    assert!(bench.ok(&["diff", "main", "idea", "--names"]).contains("mine.txt"));
}

#[test]
fn in_a_view_the_branch_is_known_and_the_store_is_safe() {
    let bench = raced();
    let exp = env!("CARGO_BIN_EXE_exp");
    let script = format!(
        "{exp} status --json > status.json; {exp} diff --names > diff.txt; \
         {exp} snapshot -m inside; echo $? > code.txt"
    );
    bench.ok(&["exec", "e1/fast", "--", "sh", "-c", &script]);
    bench.ok(&["switch", "e1/fast"]);
    assert_eq!(bench.read("code.txt"), "0\n");
    assert_eq!(bench.json(&["show", "e1/fast~1"])["message"], "inside");
    let status: serde_json::Value = serde_json::from_str(&bench.read("status.json")).unwrap();
    assert_eq!(status["branch"], "e1/fast");
    assert_eq!(bench.read("diff.txt"), "added    diff.txt\nadded    status.json\n");
    assert_eq!(bench.json(&["fsck"])["problems"].as_array().unwrap().len(), 0);
}

/// Gives a hook its input.
fn hook(bench: &Bench, call: &str, input: &str) {
    let mut command = bench.command(&["hook", call]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn hooks_record_what_a_tool_changed_and_nothing_when_it_failed() {
    let bench = Bench::project();
    let input = |event: &str, response: &str| {
        format!(
            r#"{{"session_id":"agent","transcript_path":"/none","cwd":{:?},"permission_mode":
            "default","hook_event_name":"{event}","tool_name":"Bash","tool_input":{{"command":
            "make all","description":"Build"}},"tool_response":{response}}}"#,
            bench.root().to_str().unwrap()
        )
    };
    bench.write("mine.txt", "before the tool\n");
    hook(&bench, "pre", &input("PreToolUse", "{}"));
    bench.write("tests.txt", "ok a\n");
    bench.write("side-effect.txt", "the command says nothing of it\n");
    hook(&bench, "post", &input("PostToolUse", r#"{"stdout":"","interrupted":false}"#));
    let shown = bench.json(&["show"]);
    assert_eq!(shown["message"], "Bash make all");
    assert_eq!(shown["session"], "agent");
    assert_eq!(shown["changes"].as_array().unwrap().len(), 2);
    assert_eq!(bench.json(&["show", "@-"])["message"], "before Bash make all");
    bench.write("half.txt", "left by a tool that failed\n");
    hook(&bench, "post", &input("PostToolUse", r#"{"success":false}"#));
    assert_eq!(bench.json(&["show"])["message"], "Bash make all");
    let mut bench = bench;
    bench.as_session("agent", |bench| bench.ok(&["undo"]));
    assert_eq!(bench.read("tests.txt"), "ok a\nok b\nok c\nok d\n");
    assert!(!bench.exists("side-effect.txt") && bench.exists("mine.txt"));
    hook(&bench, "post", "this is no JSON at all {");
    assert!(bench.ok(&["hook", "install"]).contains("settings.local.json"));
}

#[test]
fn the_logs_of_an_approach_are_shown_and_followed_while_it_runs() {
    let bench = Bench::project();
    bench.ok(&["try", "loud=echo from the command; echo 5 > value.txt"]);
    let all = bench.ok(&["logs", "loud"]);
    assert!(all.contains("== approach") && all.contains("from the command"), "{all}");
    assert!(bench.ok(&["logs", "e1/loud", "test"]).contains("test a ... ok"));
    bench.exits(4, &["logs", "e1/loud", "nonsense"]);
    bench.exits(4, &["logs", "nothing"]);
    // It waits for a file outside of its view, which comes only once the follower has its line.
    let go = bench.outside("go");
    let slow = format!("slow=echo first; until test -e {}; do :; done; echo last", go.display());
    let mut race = bench.command(&["try", &slow, "--no-eval"]).spawn().unwrap();
    let started = || bench.run(&["logs", "e2/slow"]).stdout.starts_with(b"first");
    assert!((0..2_000).any(|_| started()), "it was never seen: {:?}", race.try_wait());
    let mut command = bench.command(&["logs", "e2/slow", "--follow"]);
    let follower = command.stdout(Stdio::piped()).spawn().unwrap();
    std::fs::write(go, "").unwrap();
    assert_eq!(text(&follower.wait_with_output().unwrap().stdout), "first\nlast\n");
    assert!(race.wait().unwrap().success());
}

#[test]
fn an_edit_of_one_file_is_recorded_alone_and_the_rest_with_the_next_command() {
    let bench = Bench::project();
    let input = |event: &str, tool: &str, subject: &str| {
        let root = bench.root();
        format!(
            r#"{{"session_id":"agent","cwd":{root:?},"hook_event_name":"{event}","tool_name":"{tool}",
            "tool_input":{{{subject}}},"tool_response":{{}}}}"#
        )
    };
    let edit = format!(r#""file_path":{:?}"#, bench.root().join("sub/new.txt"));
    hook(&bench, "pre", &input("PreToolUse", "Write", &edit));
    assert_eq!(bench.json(&["show"])["message"], "first snapshot", "nothing was there to save");
    bench.write("sub/new.txt", "by the tool\n");
    bench.write("value.txt", "9\n");
    hook(&bench, "post", &input("PostToolUse", "Write", &edit));
    let shown = bench.json(&["show"]);
    assert_eq!(shown["message"], "Write sub/new.txt");
    assert_eq!(shown["changes"].as_array().unwrap().len(), 1, "{shown:#}");
    assert!(bench.ok(&["status"]).contains("value.txt"), "still told as a change");
    hook(&bench, "pre", &input("PreToolUse", "Bash", r#""command":"ls""#));
    let shown = bench.json(&["show"]);
    assert_eq!(shown["message"], "before Bash ls");
    assert_eq!(shown["changes"].as_array().unwrap().len(), 1, "{shown:#}");
    // Removed, by a tool that says it edits: only a walk tells what else is gone.
    std::fs::remove_file(bench.root().join("sub/new.txt")).unwrap();
    hook(&bench, "post", &input("PostToolUse", "Edit", &edit));
    assert_eq!(bench.json(&["show"])["message"], "Edit sub/new.txt");
    assert_eq!(bench.json(&["status"])["changes"].as_array().unwrap().len(), 0);
    // A file that is left out by a rule, and one outside.
    bench.write(".gitignore", "*.log\n");
    bench.ok(&["snapshot"]);
    for path in [bench.root().join("x.log"), bench.outside("elsewhere")] {
        std::fs::write(&path, "x").unwrap();
        hook(&bench, "post", &input("PostToolUse", "Write", &format!(r#""file_path":{path:?}"#)));
    }
    assert_eq!(bench.json(&["status"])["changes"].as_array().unwrap().len(), 0);
}

#[test]
fn logs_of_a_run_that_was_killed_end_and_are_marked_and_go_with_the_next_run() {
    let bench = Bench::project();
    let go = bench.outside("go");
    let slow = format!("slow=echo first; until test -e {}; do :; done; echo last", go.display());
    let mut race = bench.command(&["try", &slow, "--no-eval"]).spawn().unwrap();
    let started = || bench.run(&["logs", "e1/slow"]).stdout.starts_with(b"first");
    assert!((0..2_000).any(|_| started()), "it was never seen: {:?}", race.try_wait());
    assert_eq!(bench.json(&["logs", "e1/slow"])["logs"][0]["running"], true);
    let mut command = bench.command(&["logs", "e1/slow", "--follow"]);
    let follower = command.stdout(Stdio::piped()).spawn().unwrap();
    race.kill().unwrap();
    race.wait().unwrap();
    let followed = text(&follower.wait_with_output().unwrap().stdout);
    assert!(
        followed.starts_with("first\n== cut off") || followed.starts_with("== approach, cut off")
    );
    let logs = bench.json(&["logs", "e1/slow"]);
    let first = &logs["logs"][0];
    assert_eq!((&first["running"], &first["cut_off"]), (&false.into(), &true.into()), "{logs:#}");
    let page = bench.ok(&["logs", "e1/slow", "approach"]);
    assert!(page.contains("cut off") && page.contains("first\n"), "{page}");
    std::fs::write(go, "").unwrap();
    bench.ok(&["try", "--resume", "e1", "--no-eval"]);
    assert_eq!(bench.ok(&["logs", "e1/slow"]), "first\nlast\n");
    let folder = std::path::PathBuf::from(first["path"].as_str().unwrap());
    let left = std::fs::read_dir(folder.parent().unwrap()).unwrap().count();
    assert_eq!(left, 1, "what the killed run left is tidied");
}

/// The instructions of agents get a section of their own, and nothing else in them changes.
#[test]
fn init_puts_a_section_into_the_instructions_of_agents() {
    let bench = Bench::empty();
    assert!(bench.ok(&["init", "--agents", "--dry-run"]).contains("would be made"));
    assert!(!bench.exists("AGENTS.md"));
    assert!(bench.ok(&["init", "--agents"]).contains("AGENTS.md: made"));
    let section = bench.ok(&["guide", "--agents"]);
    assert_eq!(bench.read("AGENTS.md"), section);
    for word in ["exp try", "exp rank", "exp select", "exp guard", "exp undo", "EXP_SESSION"] {
        assert!(section.contains(word), "{word}");
    }
    let changes = bench.json(&["status"])["changes"].as_array().unwrap().len();
    assert_eq!(changes, 0, "it is in the first snapshot");

    bench.write("AGENTS.md", "# Ours\r\n<!-- exp:begin -->\r\nold\r\n<!-- exp:end -->\r\nNo tabs");
    assert_eq!(bench.json(&["init", "--agents", "--dry-run"])["agents"]["change"], "replaced");
    assert!(bench.read("AGENTS.md").contains("old"));
    bench.ok(&["init", "--agents"]);
    let text = bench.read("AGENTS.md");
    assert_eq!(text, format!("# Ours\r\n{}No tabs", section.replace('\n', "\r\n")));
    assert_eq!(bench.json(&["init", "--agents"])["agents"]["change"], "unchanged");

    bench.write("AGENTS.md", "# Ours, without an end");
    assert_eq!(bench.json(&["init", "--agents"])["agents"]["change"], "added");
    assert_eq!(bench.read("AGENTS.md"), format!("# Ours, without an end\n\n{section}"));
    bench.write("AGENTS.md", "<!-- exp:begin -->\nno end\n");
    assert!(bench.complains(2, &["init", "--agents"]).contains("exp:end"));
    assert_eq!(bench.read("AGENTS.md"), "<!-- exp:begin -->\nno end\n");
    bench.exits(3, &["init"]);
}

#[test]
fn init_offers_the_section_until_it_is_there_and_a_link_stays_a_link() {
    let bench = Bench::empty();
    assert!(bench.ok(&["init"]).contains("exp init --agents"));
    let bench = Bench::empty();
    bench.write("CLAUDE.md", "# Rules\n");
    let link = bench.root().join("AGENTS.md");
    std::os::unix::fs::symlink("CLAUDE.md", &link).unwrap();
    bench.ok(&["init", "--agents"]);
    assert!(bench.read("CLAUDE.md").starts_with("# Rules\n\n<!-- exp:begin -->"));
    assert_eq!(std::fs::read_link(&link).unwrap().to_str(), Some("CLAUDE.md"));
    bench.ok(&["deinit", "--yes"]);
    assert!(!bench.ok(&["init"]).contains("init --agents"), "it is there");
    bench.ok(&["deinit", "--yes"]);
    std::fs::remove_file(bench.root().join("CLAUDE.md")).unwrap();
    assert!(bench.complains(2, &["init", "--agents"]).contains("leads nowhere"));
    assert!(!bench.exists(".exp"), "nothing was made");
}

/// Settings belong to a person: our entries come and go, every other byte stays.
#[test]
fn hooks_are_put_into_settings_and_taken_out_of_them() {
    let bench = Bench::project();
    let path = ".claude/settings.local.json";
    bench.ok(&["hook", "install", "--dry-run"]);
    assert!(!bench.exists(path));
    bench.ok(&["hook", "install"]);
    let made: serde_json::Value = serde_json::from_str(&bench.read(path)).unwrap();
    let entry = &made["hooks"]["PostToolUse"][0];
    assert_eq!(entry["hooks"][0]["command"], "exp hook post");
    assert!(entry["matcher"].as_str().unwrap().contains("NotebookEdit"));

    let old = "{\r\n\t\"zeta\": [1, 2],\r\n\t\"hooks\": {\"Stop\": [ ]},\r\n\t\"alpha\": 1e3\r\n}";
    bench.write(path, old);
    bench.ok(&["hook", "install"]);
    let new = bench.read(path);
    let (start, end) = old.split_at(old.find("[ ]").unwrap() + 3);
    assert!(new.starts_with(start) && new.ends_with(end), "{new}");
    assert!(bench.ok(&["hook", "install"]).contains("already"));
    assert_eq!(bench.read(path), new);
    assert!(bench.ok(&["hook", "uninstall", "--dry-run"]).contains("would take"));
    bench.ok(&["hook", "uninstall"]);
    assert_eq!(bench.read(path), old);
    assert_eq!(bench.json(&["hook", "uninstall"])["changed"], false);
}

#[test]
fn settings_that_cannot_be_changed_are_named_and_left_alone() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let bench = Bench::project();
    let path = ".claude/settings.local.json";
    for (text, word) in [
        ("{\n  // mine\n  \"model\": \"x\"\n}\n", "comments"),
        ("{\"hooks\": []}", "lists of hooks"),
        ("[1]", "lists of hooks"),
        ("{\"a\": 1,}", "not plain JSON"),
    ] {
        bench.write(path, text);
        let said = bench.complains(2, &["hook", "install"]);
        assert!(said.contains(word) && said.contains("settings.local.json"), "{said}");
        assert_eq!(bench.read(path), text);
    }
    bench.write(path, "{}");
    let file = bench.root().join(path);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o444)).unwrap();
    assert!(bench.complains(2, &["hook", "install"]).contains("read-only"));
    assert_eq!(bench.read(path), "{}");
    std::fs::remove_file(&file).unwrap();
    std::fs::write(bench.outside("shared.json"), "{}").unwrap();
    std::fs::set_permissions(bench.outside("shared.json"), PermissionsExt::from_mode(0o600))
        .unwrap();
    symlink(bench.outside("shared.json"), &file).unwrap();
    let said = bench.complains(2, &["hook", "install"]);
    assert!(said.contains("outside of the workspace"), "{said}");
    assert_eq!(std::fs::read_to_string(bench.outside("shared.json")).unwrap(), "{}");
    std::fs::remove_file(&file).unwrap();
    // A folder on the way.
    std::fs::remove_dir(file.parent().unwrap()).unwrap();
    std::fs::create_dir(bench.outside("elsewhere")).unwrap();
    symlink(bench.outside("elsewhere"), file.parent().unwrap()).unwrap();
    assert!(bench.complains(2, &["hook", "install"]).contains("leads out"));
    assert_eq!(std::fs::read_dir(bench.outside("elsewhere")).unwrap().count(), 0);
    std::fs::remove_file(file.parent().unwrap()).unwrap();
    // Inside of the workspace the link stays, and what it leads to changes.
    bench.write("shared.json", "{}");
    let shared = bench.root().join("shared.json");
    std::fs::set_permissions(&shared, PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    symlink("../shared.json", &file).unwrap();
    bench.ok(&["hook", "install"]);
    assert!(file.is_symlink());
    assert!(std::fs::read_to_string(&shared).unwrap().contains("exp hook pre"));
    assert_eq!(std::fs::metadata(&shared).unwrap().permissions().mode() & 0o777, 0o600);
}
