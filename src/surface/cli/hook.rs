//! The hook protocol of coding agents: JSON on standard input around each tool, and the entry in
//! the agent's settings that asks for it.
//!
//! **Compatibility**: the fields are those that Claude Code documents for `PreToolUse`,
//! `PostToolUse` and `PostToolUseFailure` (<https://docs.anthropic.com/en/docs/claude-code/hooks>);
//! what is missing or unknown is passed over.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::engine::EngineError;
use crate::engine::verb::hook::Options;

/// The tools that can change files.
const MATCHER: &str = "Edit|MultiEdit|Write|NotebookEdit|Bash";

/// Of these the ones that write just the file that they name.
const EDITORS: [&str; 4] = ["Edit", "MultiEdit", "Write", "NotebookEdit"];

/// The agent's settings for one project and one user, from the workspace's folder.
const SETTINGS: &str = ".claude/settings.local.json";

/// Seconds after which the agent goes on without the hook.
const TIMEOUT_SECONDS: u64 = 10;

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

/// Reads what an agent said. Nothing that can be read is an empty answer: a hook never fails
/// because of its input.
pub fn read(text: &str) -> Said {
    let value: Value = serde_json::from_str(text).unwrap_or(Value::Null);
    let word = |value: &Value| value.as_str().map(str::to_owned);
    let input = &value["tool_input"];
    let subject = ["file_path", "notebook_path", "command", "path"];
    let subject = subject.iter().find_map(|key| word(&input[*key])).unwrap_or_default();
    let response = &value["tool_response"];
    let failed = value["hook_event_name"] == "PostToolUseFailure"
        || response["success"] == false
        || response["is_error"] == true
        || response["error"].is_string();
    let tool = word(&value["tool_name"]).unwrap_or_default();
    let file = ["file_path", "notebook_path"].iter().find_map(|key| word(&input[*key]));
    // Any other tool may write more than it says.
    let file = file.filter(|_| EDITORS.contains(&tool.as_str())).map(PathBuf::from);
    Said {
        options: Options { tool, subject, file, failed },
        folder: word(&value["cwd"]).map(PathBuf::from),
        session: word(&value["session_id"]),
    }
}

/// The agent's settings with our two entries, other entries as they were.
fn with_entries(mut settings: Value) -> Option<Value> {
    let hooks = settings.as_object_mut()?.entry("hooks").or_insert_with(|| json!({}));
    for (event, command) in [("PreToolUse", "exp hook pre"), ("PostToolUse", "exp hook post")] {
        let entries = hooks.as_object_mut()?.entry(event).or_insert_with(|| json!([]));
        let entries = entries.as_array_mut()?;
        if !entries.iter().any(|entry| entry.to_string().contains(command)) {
            let call = json!({ "type": "command", "command": command, "timeout": TIMEOUT_SECONDS });
            entries.push(json!({ "matcher": MATCHER, "hooks": [call] }));
        }
    }
    Some(settings)
}

/// Writes the entries into the agent's settings below a workspace. Returns the file and whether it
/// had to be changed.
///
/// # Errors
/// [`EngineError::Refused`] for settings that are no JSON object; the system's.
pub fn install(root: &Path, dry_run: bool) -> Result<(PathBuf, bool), EngineError> {
    let path = root.join(SETTINGS);
    let file = |what, source| EngineError::File { what, path: path.clone(), source };
    let before = match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(file("read", error)),
    };
    let old = before
        .as_ref()
        .map_or(Some(Value::Object(Map::new())), |text| serde_json::from_str::<Value>(text).ok());
    let Some(new) = old.clone().and_then(with_entries) else {
        return Err(EngineError::Refused {
            what: format!("`{}` cannot be changed", path.display()),
            why: "it is no JSON object with lists of hooks; mend it first".to_owned(),
        });
    };
    if old.as_ref() == Some(&new) && before.is_some() {
        return Ok((path, false));
    }
    if !dry_run {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| file("make the folder of", error))?;
        }
        let beside = path.with_extension("json.exp-tmp");
        std::fs::write(&beside, format!("{new:#}\n")).map_err(|error| file("write", error))?;
        std::fs::rename(&beside, &path).map_err(|error| file("write", error))?;
    }
    Ok((path, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_says_is_read() {
        let said = read(
            r#"{"session_id":"abc","transcript_path":"/t.jsonl","cwd":"/w","permission_mode":
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
        assert!(read(r#"{"tool_response":{"success":false}}"#).options.failed);
        assert!(read(r#"{"hook_event_name":"PostToolUseFailure"}"#).options.failed);
        assert!(!read("nonsense").options.failed);
    }

    #[test]
    fn installing_keeps_what_is_there_and_is_done_once() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".claude")).unwrap();
        let path = folder.path().join(SETTINGS);
        std::fs::write(&path, r#"{"model":"x","hooks":{"Stop":[]}}"#).unwrap();
        assert!(install(folder.path(), false).unwrap().1);
        let text = std::fs::read_to_string(&path).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["model"], "x");
        assert_eq!(value["hooks"]["PreToolUse"][0]["hooks"][0]["command"], "exp hook pre");
        assert!(!install(folder.path(), false).unwrap().1, "a second time changes nothing");
        std::fs::write(&path, "[]").unwrap();
        assert!(install(folder.path(), false).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "[]");
    }
}
