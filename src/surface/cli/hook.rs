//! The hook protocol of coding agents: JSON on standard input around each tool. `settings.rs` makes
//! the entries that ask for it.
//!
//! **Compatibility**: the fields are those that Claude Code documents for `PreToolUse`,
//! `PostToolUse` and `PostToolUseFailure` (<https://docs.anthropic.com/en/docs/claude-code/hooks>),
//! and those by which Codex, Gemini CLI and Cursor differ (`tests/hooks/README.md` has the sources);
//! what is missing or unknown is passed over.

use std::path::PathBuf;

use serde_json::Value;

use crate::engine::verb::hook::Options;

/// Tools, and events without one, that write just the file that they name; of Claude Code, Gemini
/// CLI and Cursor.
const EDITORS: [&str; 7] =
    ["Edit", "MultiEdit", "Write", "NotebookEdit", "write_file", "replace", "afterFileEdit"];

/// What an agent said.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// About the tool.
    pub options: Options,
    /// The folder that the agent works in.
    pub folder: Option<PathBuf>,
    /// The agent's session.
    pub session: Option<String>,
}

/// Keys of a tool's input that say what it is about, the most telling first.
const SUBJECTS: [&str; 6] =
    ["file_path", "notebook_path", "filePath", "path", "command", "absolute_path"];

/// Keys under which an editing tool names its file.
const FILES: [&str; 2] = ["file_path", "notebook_path"];

/// Reads what an agent said. Nothing that can be read is an empty answer: a hook never fails
/// because of its input.
pub fn read(text: &[u8]) -> Said {
    let value: Value = serde_json::from_slice(text).unwrap_or(Value::Null);
    let word = |value: &Value| value.as_str().filter(|word| !word.is_empty()).map(str::to_owned);
    // Cursor gives the fields of a tool beside the event instead of below `tool_input`.
    let inputs = [&value["tool_input"], &value];
    let first = |keys: &[&str]| {
        inputs.iter().find_map(|input| keys.iter().find_map(|key| word(&input[*key])))
    };
    let subject = first(&SUBJECTS);
    let event = word(&value["hook_event_name"]);
    let failed = is_failure(event.as_deref().unwrap_or_default(), &value["tool_response"]);
    let tool = word(&value["tool_name"]).or(event).unwrap_or_default();
    // Any other tool may write more than it says.
    let file = first(&FILES).filter(|_| EDITORS.contains(&tool.as_str())).map(PathBuf::from);
    let subject = subject.map(|subject| one_line(&subject)).unwrap_or_default();
    Said {
        options: Options { tool, subject, file, failed },
        folder: word(&value["cwd"])
            .or_else(|| word(&value["workspace_roots"][0]))
            .map(PathBuf::from),
        session: word(&value["session_id"]).or_else(|| word(&value["conversation_id"])),
    }
}

/// Whether a tool failed or was cut short. Claude Code and Cursor have an event of its own for that,
/// Gemini CLI an `error` with a message; Codex tells no failure of a command.
fn is_failure(event: &str, response: &Value) -> bool {
    let error = match &response["error"] {
        Value::Null => false,
        Value::Bool(failed) => *failed,
        Value::String(text) => !text.is_empty(),
        _ => true,
    };
    error
        || event.eq_ignore_ascii_case("PostToolUseFailure")
        || response["success"] == false
        || response["is_error"] == true
        || response["isError"] == true
        || response["interrupted"] == true
}

/// A subject as one line of a message: a patch by the files it names, a script by its first line.
fn one_line(subject: &str) -> String {
    if subject.starts_with("*** Begin Patch") {
        let files = subject.lines().filter_map(|line| {
            let (what, file) = line.strip_prefix("*** ")?.split_once(" File: ")?;
            matches!(what, "Add" | "Update" | "Delete").then(|| file.trim())
        });
        return files.collect::<Vec<_>>().join(" ");
    }
    let mut lines = subject.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or_default().trim();
    let more = if lines.next().is_some() { " …" } else { "" };
    format!("{first}{more}")
}

#[cfg(test)]
mod tests {
    use crate::base::fuzz::fuzz;
    use std::path::Path;

    use super::*;

    #[test]
    fn what_an_agent_says_is_read() {
        let said = read(
            br#"{"session_id":"abc","transcript_path":"/t.jsonl","cwd":"/w","permission_mode":
            "default","hook_event_name":"PostToolUse","tool_name":"Write","tool_input":{"file_path":
            "/w/a.txt","content":"x"},"tool_response":{"filePath":"/w/a.txt","success":true}}"#,
        );
        assert_eq!(said.options.tool, "Write");
        assert_eq!(said.options.subject, "/w/a.txt");
        assert!(!said.options.failed);
        assert_eq!(said.folder.as_deref(), Some(Path::new("/w")));
        assert_eq!(said.session.as_deref(), Some("abc"));
    }

    #[test]
    fn a_tool_that_failed_is_seen_and_nonsense_is_no_error() {
        assert!(read(br#"{"tool_response":{"success":false}}"#).options.failed);
        assert!(read(br#"{"hook_event_name":"PostToolUseFailure"}"#).options.failed);
        assert!(!read(b"nonsense").options.failed);
    }

    /// Whatever an agent says, the answer is one; a hook never fails because of its input.
    #[test]
    fn fuzzed_inputs_are_read() {
        let sample = br#"{"session_id":"s","cwd":"/w","hook_event_name":"PostToolUse","tool_name":
            "Edit","tool_input":{"file_path":"/w/a","edits":[{"new_string":"\u00e4"}]},"tool_response":
            {"success":true,"error":null,"interrupted":false}}"#;
        fuzz("hook", &[sample.to_vec()], (0, 3_000), |bytes| {
            let said = read(bytes);
            said.session.is_some() || said.folder.is_some()
        });
    }
}
