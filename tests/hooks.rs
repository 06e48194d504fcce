//! Hooks as real agents call them: inputs with the fields and order that agents were seen to send
//! (`tests/hooks/README.md` names the sources), replayed through the command. A hook must record
//! what a tool did, and must never be in an agent's way, whatever it is given.
#![allow(clippy::unwrap_used, reason = "a helper of tests is a test")]

mod common;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{Bench, text};

/// Gives a command an input. It must exit with 0 and say nothing on standard output, which agents
/// read as an answer. Returns what it said on standard error.
fn silent(mut command: Command, input: &[u8]) -> String {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "", "an agent reads it as an answer");
    text(&output.stderr)
}

/// The input of that name for a workspace.
fn input(root: &Path, name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hooks").join(name);
    let input = std::fs::read_to_string(file.with_extension("json")).unwrap();
    serde_json::from_str::<serde_json::Value>(&input).unwrap();
    input.replace("{root}", root.to_str().unwrap())
}

/// Replays an input, from a folder that is no workspace: the input alone says where the agent works.
fn replay(bench: &Bench, call: &str, name: &str) {
    let command = bench.command_in(&bench.outside("home"), &["hook", call]);
    let said = silent(command, input(&bench.root(), name).as_bytes());
    assert_eq!(said, "", "{name}");
}

/// The snapshot where the workspace stands: message, session, number of changes.
fn last(bench: &Bench) -> (String, String, usize) {
    let shown = bench.json(&["show"]);
    let word = |key: &str| shown[key].as_str().unwrap().to_owned();
    (word("message"), word("session"), shown["changes"].as_array().unwrap().len())
}

/// Whether the files are those of the last snapshot.
fn is_recorded(bench: &Bench) -> bool {
    bench.json(&["status"])["changes"].as_array().unwrap().is_empty()
}

#[track_caller]
fn records(name: &str, changes: &[(&str, &str)], message: &str, session: &str) {
    let bench = Bench::project();
    for (path, content) in changes {
        bench.write(path, content);
    }
    replay(&bench, "post", name);
    assert_eq!(last(&bench), (message.to_owned(), session.to_owned(), changes.len()), "{name}");
    assert!(is_recorded(&bench), "{name}");
}

const CLAUDE: &str = "6f0c2f3e-0000-4000-8000-000000000001";
const CODEX: &str = "01a00000-0000-7000-8000-000000000001";

#[test]
fn what_a_tool_changed_is_recorded_whichever_agent_says_so() {
    let value = [("value.txt", "9\n")];
    records("claude-edit", &value, "Edit value.txt", CLAUDE);
    records("claude-write", &[("notes.txt", "error\n")], "Write notes.txt", CLAUDE);
    let tests = [("tests.txt", "ok first\nok b\nok c\nok last\n")];
    records("claude-multiedit", &tests, "MultiEdit tests.txt", CLAUDE);
    let notebook = [("plan.ipynb", "{\"cells\":[]}")];
    records("claude-notebook", &notebook, "NotebookEdit plan.ipynb", CLAUDE);
    records("codex-bash", &[("made.txt", "")], "Bash touch made.txt", CODEX);
    let patch = [("value.txt", "8\n"), ("new.txt", "hello\n")];
    records("codex-apply-patch", &patch, "apply_patch value.txt new.txt", CODEX);
    let gemini = "00000000-0000-4000-8000-000000000003";
    records("gemini-replace", &value, "replace value.txt", gemini);
    let cursor = "00000000-0000-4000-8000-000000000004";
    records("cursor-file-edit", &value, "afterFileEdit value.txt", cursor);
}

/// A shell command says nothing of the files that it changed: all are looked at. What stood there
/// before is a snapshot of its own, so that undo takes back the tool alone.
#[test]
fn the_side_effects_of_a_command_are_told_from_what_stood_there() {
    let mut bench = Bench::project();
    bench.write("mine.txt", "written by a person\n");
    replay(&bench, "pre", "claude-bash-pre");
    assert_eq!(last(&bench), ("before Bash make all …".to_owned(), CLAUDE.to_owned(), 1));
    replay(&bench, "pre", "claude-bash-pre");
    bench.write("out/a.o", "object\n");
    bench.write("value.txt", "3\n");
    replay(&bench, "post", "claude-bash");
    assert_eq!(last(&bench), ("Bash make all …".to_owned(), CLAUDE.to_owned(), 2));
    replay(&bench, "post", "claude-bash");
    let count = bench.json(&["log"])["entries"].as_array().unwrap().len();
    assert_eq!(count, 3, "the first one, before the tool, after it");
    bench.as_session(CLAUDE, |bench| bench.ok(&["undo"]));
    assert_eq!(bench.read("value.txt"), "10\n");
    assert!(bench.exists("mine.txt") && !bench.exists("out/a.o"));
}

#[test]
fn after_a_tool_that_failed_nothing_is_recorded() {
    let bench = Bench::project();
    bench.write("half.txt", "half done\n");
    let failures =
        ["claude-bash-failure", "claude-bash-interrupted", "gemini-error", "cursor-failure"];
    for name in failures {
        replay(&bench, "post", name);
        assert_eq!(last(&bench).0, "first snapshot", "{name}");
    }
    replay(&bench, "pre", "claude-bash-pre");
    assert_eq!(last(&bench).0, "before Bash make all …", "it is seen before the next tool");
}

#[test]
fn no_input_is_in_the_way_of_an_agent() {
    let bench = Bench::project();
    let deep = "[".repeat(100_000);
    let broken: [&[u8]; 9] = [
        b"",
        b"\0\xff\xfe",
        b"no JSON {",
        b"[1, 2]",
        b"null",
        br#"{"tool_input":[],"tool_response":7,"cwd":{},"session_id":5,"hook_event_name":[]}"#,
        br#"{"cwd":"relative/and/missing","tool_input":{"command":""}}"#,
        br#"{"session_id":"\u001b[31m red","cwd":""}"#,
        deep.as_bytes(),
    ];
    for (number, input) in broken.into_iter().enumerate() {
        bench.write("count.txt", &format!("{number}\n"));
        for call in ["pre", "post"] {
            silent(bench.command(&["hook", call]), input);
        }
    }
    assert_eq!(last(&bench).0, "before a tool");
    assert!(is_recorded(&bench));
    assert!(!bench.ok(&["op", "log"]).contains('\u{1b}'));
    bench.write("count.txt", "unknown event\n");
    replay(&bench, "post", "claude-session-start");
    assert_eq!(last(&bench).0, "SessionStart");
}

/// Whole files come along; of a message only the beginning is kept.
#[test]
fn an_input_of_ten_megabytes_is_read_and_kept_short() {
    let bench = Bench::project();
    bench.write("value.txt", "9\n");
    let large = "x".repeat(10 << 20);
    let edit = input(&bench.root(), "claude-edit").replace(r#""10\n""#, &format!("{large:?}"));
    assert!(edit.len() > 10 << 20);
    assert_eq!(silent(bench.command(&["hook", "post"]), edit.as_bytes()), "");
    assert_eq!(last(&bench).0, "Edit value.txt");
    bench.write("value.txt", "8\n");
    let long = format!(r#"{{"tool_name":"Bash","tool_input":{{"command":"{large}"}}}}"#);
    silent(bench.command(&["hook", "post"]), long.as_bytes());
    assert!(last(&bench).0.len() < 200, "{}", last(&bench).0.len());
}

#[test]
fn outside_of_a_workspace_and_in_a_folder_that_is_gone_nothing_happens() {
    let bench = Bench::empty();
    for call in ["pre", "post"] {
        replay(&bench, call, "claude-bash");
        let gone = bench.outside("gone");
        std::fs::create_dir(&gone).unwrap();
        let script = r#"cd "$1" && rmdir "$1" && exec "$2" hook "$3""#;
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]).arg(&gone);
        command.args([env!("CARGO_BIN_EXE_exp"), call]);
        assert!(silent(command, b"{}").contains("nothing was recorded"));
    }
    assert!(!bench.exists(".exp"));
}
