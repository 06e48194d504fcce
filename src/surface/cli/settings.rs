//! Our entries in a coding agent's settings: put in, taken out, and everything else in the file as it
//! was, byte for byte.
//!
//! **Compatibility**: `hooks`, its events and matchers as Claude Code documents them.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::json_text::{self, Spot};
use super::own_file;
use crate::engine::EngineError;

/// The tools that can change files.
const MATCHER: &str = "Edit|MultiEdit|Write|NotebookEdit|Bash";

/// The agent's settings for one project and one user, from the workspace's folder.
const SETTINGS: &str = ".claude/settings.local.json";

/// Seconds after which the agent goes on without the hook.
const TIMEOUT_SECONDS: u64 = 10;

/// The events, each with the command that it calls.
const EVENTS: [(&str, &str); 2] =
    [("PreToolUse", "exp hook pre"), ("PostToolUse", "exp hook post")];

#[derive(Serialize)]
struct Entry {
    matcher: &'static str,
    hooks: [Call; 1],
}

#[derive(Serialize)]
struct Call {
    r#type: &'static str,
    command: &'static str,
    timeout: u64,
}

fn entry(command: &'static str) -> Entry {
    let call = Call { r#type: "command", command, timeout: TIMEOUT_SECONDS };
    Entry { matcher: MATCHER, hooks: [call] }
}

/// The text with our entries; none where it holds something else than objects and lists of hooks.
fn with_entries(text: &str) -> Option<String> {
    let mut text = text.to_owned();
    for (event, command) in EVENTS {
        let settings = object(&text, Spot::of(&text)?)?;
        let Some(hooks) = settings.member("hooks") else {
            let empty = std::collections::BTreeMap::<&str, &str>::new();
            text = json_text::with(&text, &settings, Some("hooks"), &empty);
            let settings = Spot::of(&text)?;
            let hooks = settings.member("hooks")?;
            text = json_text::with(&text, hooks, Some(event), &[entry(command)]);
            continue;
        };
        is(&text, hooks, '{')?;
        match hooks.member(event) {
            None => text = json_text::with(&text, hooks, Some(event), &[entry(command)]),
            Some(list) => {
                is(&text, list, '[')?;
                let calls = list.values().filter_map(|entry| entry.member("hooks"));
                if !calls.flat_map(Spot::values).any(|call| is_call(&text, call, command)) {
                    text = json_text::with(&text, list, None, &entry(command));
                }
            }
        }
    }
    Some(text)
}

/// Whether an entry calls just that command: perhaps by a path to `exp`, perhaps with flags behind. A
/// person's own call in which ours stands somewhere is not ours.
fn is_call(text: &str, call: &Spot, command: &str) -> bool {
    let Some(spot) = call.member("command") else { return false };
    let said = serde_json::from_str::<String>(&text[spot.range.clone()]).unwrap_or_default();
    let mut said = said.split_whitespace();
    let is_next = |word: &str| {
        said.next().is_some_and(|next| next == word || next.ends_with(&format!("/{word}")))
    };
    command.split(' ').all(is_next) && said.all(|word| word.starts_with('-'))
}

fn object(text: &str, spot: Spot) -> Option<Spot> {
    is(text, &spot, '{')?;
    Some(spot)
}

fn is(text: &str, spot: &Spot, opening: char) -> Option<()> {
    text[spot.range.clone()].starts_with(opening).then_some(())
}

/// The text without our entries, and without what only they were in.
fn without_entries(text: &str) -> Option<String> {
    let mut text = text.to_owned();
    for (event, command) in EVENTS {
        while let Some(less) = without_one(&text, event, command) {
            text = less;
        }
    }
    Some(text)
}

/// The text without the first call of a command at an event; none where there is no more.
fn without_one(text: &str, event: &str, command: &str) -> Option<String> {
    let settings = Spot::of(text)?;
    let hooks = settings.member("hooks")?;
    let list = hooks.member(event)?;
    let is_ours = |call: &Spot| is_call(text, call, command);
    let found = list.values().enumerate().find_map(|(number, entry)| {
        let calls = entry.member("hooks")?;
        Some((number, calls, calls.values().position(is_ours)?))
    });
    let (number, calls, call) = found?;
    Some(if calls.len() > 1 {
        json_text::without(text, calls, call)
    } else if list.len() > 1 {
        json_text::without(text, list, number)
    } else if hooks.len() > 1 {
        json_text::without(text, hooks, hooks.position(event)?)
    } else {
        json_text::without(text, &settings, settings.position("hooks")?)
    })
}

/// Puts our entries into the agent's settings below a workspace. Returns the file and whether it had
/// to be changed.
///
/// # Errors
/// [`EngineError::Refused`] for settings that are no JSON object, have comments, are read-only or a
/// link that leads nowhere; the system's.
pub fn install(root: &Path, dry_run: bool) -> Result<(PathBuf, bool), EngineError> {
    change(root, dry_run, with_entries)
}

/// Takes our entries out again.
///
/// # Errors
/// Those of [`install`].
pub fn uninstall(root: &Path, dry_run: bool) -> Result<(PathBuf, bool), EngineError> {
    change(root, dry_run, without_entries)
}

fn change(
    root: &Path,
    dry_run: bool,
    how: fn(&str) -> Option<String>,
) -> Result<(PathBuf, bool), EngineError> {
    let path = root.join(SETTINGS);
    let refuse = |why: String| {
        let what = format!("`{}` cannot be changed", path.display());
        EngineError::Refused { what, why }
    };
    let before = own_file::read(&path)?;
    let old = before.as_deref().filter(|text| !text.trim().is_empty()).unwrap_or("{}\n");
    serde_json::from_str::<serde_json::Value>(old).map_err(|error| {
        refuse(format!(
            "it is not plain JSON ({error}); comments are not JSON: take them out first"
        ))
    })?;
    let new = how(old).ok_or_else(|| {
        refuse("it is no JSON object with lists of hooks; mend it first".to_owned())
    })?;
    // What was put together by hand is read again before it takes the place of a person's file.
    serde_json::from_str::<serde_json::Value>(&new)
        .map_err(|error| refuse(format!("the result would be no JSON ({error})")))?;
    if old == new {
        return Ok((path, false));
    }
    own_file::target(&path, root)?;
    if !dry_run {
        own_file::replace(&path, root, &new)?;
    }
    Ok((path, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_can_be_taken_out_again() {
        for text in [
            "{}\n",
            "{\"z\":1,\"a\":{\"b\":[]}}",
            "{\n    \"permissions\": {\"deny\": [], \"allow\": [\"Bash(ls)\", \"Read\"]},\n    \"model\": \"x\"\n}\n",
            "{\n\t\"hooks\": {\n\t\t\"Stop\": [],\n\t\t\"PostToolUse\": [\n\t\t\t{ \"hooks\": [{ \"type\": \"command\", \"command\": \"fmt\" }] }\n\t\t]\n\t}\n}",
        ] {
            let with = with_entries(text).unwrap();
            assert_eq!(with_entries(&with).unwrap(), with);
            let settings: serde_json::Value = serde_json::from_str(&with).unwrap();
            for (event, command) in EVENTS {
                let entries = settings["hooks"][event].as_array().unwrap();
                assert_eq!(entries.last().unwrap()["hooks"][0]["command"], command);
            }
            let without = without_entries(&with).unwrap();
            let value: serde_json::Value = serde_json::from_str(&without).unwrap();
            assert_eq!(value, serde_json::from_str::<serde_json::Value>(text).unwrap());
        }
        // A person's own call of us among other things is theirs.
        let own = r#"{"hooks":{"PostToolUse":[{"hooks":[{"type":"command","command":"log 'exp hook post ran'"}]}]}}"#;
        let with = with_entries(own).unwrap();
        assert!(with.contains("\"exp hook post\""), "{with}");
        assert_eq!(without_entries(&with).unwrap(), own);
        let by_path =
            r#"{"hooks":{"PreToolUse":[{"hooks":[{"command":"/opt/exp hook pre --json"}]}]}}"#;
        assert!(!with_entries(by_path).unwrap().contains("\"exp hook pre\""));
        for text in ["[]", "{\"hooks\": 1}", "{\"hooks\": {\"PreToolUse\": {}}}"] {
            assert!(with_entries(text).is_none(), "{text}");
        }
    }
}
