//! Brings commits that were made over a repository, in an object folder of their own, into it; or, where
//! there is no such repository, into one that is made for them.
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
    /// The commit, hexadecimal; for a tag with a message its own object.
    pub commit: String,
    /// Whether the name itself is what was made (a tag): it is kept even where the repository has the
    /// commit.
    pub is_name: bool,
}

/// Finds which of `$COMMITS` bring something new, or are wanted by name, stores what is reachable from
/// them, makes sure that nothing is missing, and prints them. What `$KNOWN` leads to came from elsewhere.
const STORE: &str = r#"
new= known=
for commit in $KNOWN; do
  g cat-file -e "$commit" 2> /dev/null && known="$known $commit"
done
for commit in $COMMITS; do
  case " $NAMED " in *" $commit "*) new="$new $commit"; continue;; esac
  found=$(g rev-list --max-count=1 "$commit" --not --all $known $new) || exit 1
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

/// Copies what Git LFS keeps beside the objects, if it is what its name says; a file that is there stays.
const LARGE: &str = r#"
cd "$FROM" || exit 1
find . -type f -path './??/??/*' ! -name '*[!0-9a-f]*' | while read -r file; do
  test ! -e "$TO/$file" || continue
  said=$(sha256sum < "$file") || exit 1
  test "${said%% *}" = "${file##*/}" || continue
  mkdir -p "$TO/${file%/*}" && cp -- "$file" "$TO/$file.exp" && mv -- "$TO/$file.exp" "$TO/$file" || exit 1
done
"#;

/// What runs git in all: no hook, no side effect, and synced.
const GIT: &str = "g() { git -c core.hooksPath=/dev/null -c core.fsmonitor=false -c gc.auto=0 \
                   -c core.commitGraph=false -c core.multiPackIndex=false -c core.fsync=all \"$@\"; }\n";

/// Brings what is new among the wanted commits, in order, and sets their references. Gives those
/// that were set: a commit that the repository has in its history already, that one before it has, or
/// to which a `known` one leads (it was fetched from elsewhere) is not wanted any more.
///
/// # Errors
/// [`RunError::Helper`] with what git said. Then no reference was moved.
pub fn bring(
    place: &GitPlace,
    objects: &Path,
    wanted: &[Wanted],
    known: &[String],
    cancel: &Cancel,
) -> Result<Vec<Wanted>, RunError> {
    let commits: Vec<&str> = wanted.iter().map(|one| one.commit.as_str()).collect();
    let hexadecimal = |commit: &str| commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    let are_commits = commits.iter().all(|commit| hexadecimal(commit))
        && known.iter().all(|commit| hexadecimal(commit));
    if !are_commits || !wanted.iter().all(|one| is_reference(&one.reference)) {
        return Err(RunError::Plan("a commit or reference is none".to_owned()));
    }
    let run = |script: &str, values: &[(&str, String)], shown: &str| {
        let mut command = Command::shell(format!("{GIT}{script}"), &place.top);
        let mut set = |name: &str, value: OsString| {
            command.environment.push((name.into(), Some(value)));
        };
        set("GIT_DIR", place.git_dir.clone().into());
        // A submodule's configuration leads to a folder that may not be there.
        set("GIT_WORK_TREE", place.top.clone().into());
        set("GIT_ALTERNATE_OBJECT_DIRECTORIES", quoted(objects));
        set("GIT_NO_REPLACE_OBJECTS", "1".into());
        set("GIT_NO_LAZY_FETCH", "1".into());
        values.iter().for_each(|(name, value)| set(name, value.into()));
        answer(command, shown, cancel)
    };
    let named = wanted.iter().filter(|one| one.is_name).map(|one| one.commit.as_str());
    let named = named.collect::<Vec<_>>().join(" ");
    let values = [("COMMITS", commits.join(" ")), ("KNOWN", known.join(" ")), ("NAMED", named)];
    let stored = run(STORE, &values, "git pack-objects")?;
    let stored = String::from_utf8_lossy(&stored).into_owned();
    let is_stored = |one: &&Wanted| stored.lines().any(|line| line == one.commit);
    let mut kept: Vec<Wanted> = Vec::new();
    for one in wanted.iter().filter(is_stored) {
        if one.is_name || !kept.iter().any(|known| known.commit == one.commit) {
            kept.push(one.clone());
        }
    }
    if !kept.is_empty() {
        let line = |one: &Wanted| format!("update {} {}", one.reference, one.commit);
        let moves: Vec<String> = kept.iter().map(line).collect();
        run(POINT, &[("MOVES", moves.join("\n"))], "git update-ref")?;
    }
    Ok(kept)
}

/// Copies the contents that Git LFS keeps in `from`, a folder `lfs/objects` of a view, into the
/// repository: a commit has only their names.
///
/// # Errors
/// [`RunError::Helper`] with what was said.
pub fn bring_large(place: &GitPlace, from: &Path, cancel: &Cancel) -> Result<(), RunError> {
    let mut command = Command::shell(LARGE, &place.top);
    command.environment.push(("FROM".into(), Some(from.into())));
    let to = place.common_dir.join("lfs/objects");
    command.environment.push(("TO".into(), Some(to.into())));
    answer(command, "cp", cancel).map(|_| ())
}

/// Makes a repository without files, which `bring` can fill: for commits in `objects`, of a
/// repository that there is nowhere else.
///
/// # Errors
/// [`RunError::Helper`] with what git said.
pub fn make_bare(at: &Path, is_sha256: bool, cancel: &Cancel) -> Result<GitPlace, RunError> {
    let format = if is_sha256 { "sha256" } else { "sha1" };
    let mut words: Vec<OsString> = ["git", "init", "-q", "--bare", "--template=", "-b", "main"]
        .map(OsString::from)
        .into_iter()
        .collect();
    words.extend([format!("--object-format={format}").into(), "--".into(), at.into()]);
    let folder = at.parent().unwrap_or(at);
    answer(Command::argv(words, folder), "git init", cancel)?;
    let at = at.to_owned();
    Ok(GitPlace { top: at.clone(), git_dir: at.clone(), common_dir: at })
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
