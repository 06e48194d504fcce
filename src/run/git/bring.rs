//! Brings commits that were made over a repository, in an object folder of their own, into it.
//!
//! What lies in that folder is what a command left: git is run with the user's repository as its git
//! folder, and the other one is only a place for objects. Neither hooks nor configuration of the
//! other are read, and none of its commit graphs or indexes over packs are believed.
//!
//! **Invariant**: a reference moves only when all that is reachable from its commit is in the
//! repository, hashed anew and synced, as after a fetch.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use super::refs::is_reference;
use super::{GitPlace, answer};
use crate::run::command::{Cancel, Command, RunError};

/// A reference that shall name a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The reference, such as `refs/exp/e1/map`.
    pub reference: String,
    /// The commit, hexadecimal.
    pub commit: String,
}

/// Finds which of `$COMMITS` bring something new, stores what is reachable from them, makes sure that
/// nothing is missing, and prints them.
const STORE: &str = r#"
new=
for commit in $COMMITS; do
  found=$(g rev-list --max-count=1 "$commit" --not --all $new) || exit 1
  test -z "$found" || new="$new $commit"
done
test -n "$new" || exit 0
g rev-list --objects $new --not --all | g pack-objects --stdout -q --delta-base-offset |
  g index-pack --stdin > /dev/null || exit 1
unset GIT_ALTERNATE_OBJECT_DIRECTORIES
g rev-list --objects --quiet $new --not --all || exit 1
printf '%s\n' $new
"#;

/// With a reflog, so that a commit kept before is still found.
const POINT: &str = r#"printf '%s\n' "$MOVES" | g update-ref --create-reflog -m exp --stdin"#;

/// What runs git in both: no hook, no side effect, and synced.
const GIT: &str = "g() { git -c core.hooksPath=/dev/null -c core.fsmonitor=false -c gc.auto=0 \
                   -c core.commitGraph=false -c core.multiPackIndex=false -c core.fsync=all \"$@\"; }\n";

/// Brings what is new among the wanted commits, in order, and sets their references. Gives those
/// that were set: a commit that the repository has in its history already, or that one before it
/// has, is not wanted any more.
///
/// # Errors
/// [`RunError::Helper`] with what git said. Then no reference was moved.
pub fn bring(
    place: &GitPlace,
    objects: &Path,
    wanted: &[Wanted],
    cancel: &Cancel,
) -> Result<Vec<Wanted>, RunError> {
    let commits: Vec<&str> = wanted.iter().map(|one| one.commit.as_str()).collect();
    let hexadecimal = |commit: &&str| commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !commits.iter().all(hexadecimal) || !wanted.iter().all(|one| is_reference(&one.reference)) {
        return Err(RunError::Plan("a commit or reference is none".to_owned()));
    }
    let run = |script: &str, name: &str, value: String, shown: &str| {
        let mut command = Command::shell(format!("{GIT}{script}"), &place.top);
        let mut set = |name: &str, value: OsString| {
            command.environment.push((name.into(), Some(value)));
        };
        set("GIT_DIR", place.git_dir.clone().into());
        set("GIT_ALTERNATE_OBJECT_DIRECTORIES", quoted(objects));
        set("GIT_NO_REPLACE_OBJECTS", "1".into());
        set("GIT_NO_LAZY_FETCH", "1".into());
        set(name, value.into());
        answer(command, shown, cancel)
    };
    let stored = run(STORE, "COMMITS", commits.join(" "), "git pack-objects")?;
    let stored = String::from_utf8_lossy(&stored).into_owned();
    let is_stored = |one: &&Wanted| stored.lines().any(|line| line == one.commit);
    let mut kept: Vec<Wanted> = Vec::new();
    for one in wanted.iter().filter(is_stored) {
        if !kept.iter().any(|known| known.commit == one.commit) {
            kept.push(one.clone());
        }
    }
    if !kept.is_empty() {
        let line = |one: &Wanted| format!("update {} {}", one.reference, one.commit);
        let moves: Vec<String> = kept.iter().map(line).collect();
        run(POINT, "MOVES", moves.join("\n"), "git update-ref")?;
    }
    Ok(kept)
}

/// A path as git reads it in a list separated by colons.
fn quoted(path: &Path) -> OsString {
    let mut text = vec![b'"'];
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'"' | b'\\' => text.extend_from_slice(&[b'\\', *byte]),
            b'\n' => text.extend_from_slice(b"\\n"),
            _ => text.push(*byte),
        }
    }
    text.push(b'"');
    OsString::from_vec(text)
}
