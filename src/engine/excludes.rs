//! The user's ignore file for all repositories, as git resolves it for one: `core.excludesFile`, wherever
//! it is set, or the usual place. Asked of git once for each state of its configuration, and remembered.
//!
//! A wrong memory is not possible as long as stamps tell: it counts only while every file that git read
//! (included ones, too), every file that git would read if it were there, HEAD (which conditions of
//! includes ask for) and the variables that git obeys are as they were.
//!
//! **Format** of the memo: a digest in hexadecimal, a line break; what it is the digest of: the stamps,
//! the files, the answer, each ended by a zero byte, lists by two.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Surroundings;
use super::discover::Place;
use super::tracked::keep;
use crate::base::codec::digest;
use crate::base::limits::SETTINGS_BYTES_MAX;
use crate::base::regular;
use crate::run::{Cancel, git};

const PURPOSE: &str = "excludes";

/// The file; none where there is none.
pub(super) fn excludes_of(place: &Place, surroundings: &Surroundings) -> Option<PathBuf> {
    let usual = surroundings.global_excludes.clone();
    // In a view the exp outside has said it: the view may hide what it was read from.
    let Some(git) = place.git.as_ref().filter(|_| place.view.is_none()) else { return usual };
    let memo = place.registration().join("excludes");
    let known = regular::read(&memo, SETTINGS_BYTES_MAX).ok();
    if let Some(found) = known.and_then(|bytes| remembered(&bytes, git, surroundings)) {
        return found.or(usual);
    }
    let Ok((found, files)) = git::excludes_file(&git.top, &Cancel::new()) else { return usual };
    let stamps = stamps(&files, git, surroundings);
    // A memo that cannot be written costs asking again.
    let _ = keep(&*surroundings.disk, &memo, &encode(&stamps, &files, found.as_deref()));
    found.or(usual)
}

/// What says that git would answer as it did.
fn stamps(read: &[PathBuf], git: &git::GitPlace, surroundings: &Surroundings) -> String {
    let mut text = String::new();
    let variable = |name: &str| surroundings.variable(name).cloned().unwrap_or_default();
    for (name, value) in &surroundings.environment {
        let name = name.to_string_lossy();
        if name.starts_with("GIT_CONFIG") || name == "HOME" || name == "XDG_CONFIG_HOME" {
            text.push_str(&format!("{name}={value:?}\n"));
        }
    }
    let home = surroundings.home.clone().unwrap_or_default();
    let possible = [
        home.join(".gitconfig"),
        home.join(".config/git/config"),
        Path::new(&variable("XDG_CONFIG_HOME")).join("git/config"),
        PathBuf::from("/etc/gitconfig"),
        git.common_dir.join("config"),
        git.git_dir.join("config.worktree"),
        git.git_dir.join("HEAD"),
    ];
    for path in possible.iter().chain(read) {
        let stamp = std::fs::metadata(path).map_or_else(
            |_| "-".to_owned(),
            |m| {
                format!(
                    "{} {} {}.{} {}",
                    m.ino(),
                    m.len(),
                    m.mtime(),
                    m.mtime_nsec(),
                    m.ctime_nsec()
                )
            },
        );
        text.push_str(&format!("{path:?} {stamp}\n"));
    }
    text
}

fn encode(stamps: &str, files: &[PathBuf], found: Option<&Path>) -> Vec<u8> {
    let mut body = [stamps.as_bytes(), b"\0"].concat();
    for file in files {
        body.extend_from_slice(file.as_os_str().as_bytes());
        body.push(0);
    }
    body.push(0);
    body.extend_from_slice(found.map_or(&b""[..], |found| found.as_os_str().as_bytes()));
    [digest(PURPOSE, &body).hex().as_bytes(), b"\n", &body].concat()
}

/// What a memo says, if it holds: the file, or that git names none.
fn remembered(
    bytes: &[u8],
    git: &git::GitPlace,
    surroundings: &Surroundings,
) -> Option<Option<PathBuf>> {
    let line = bytes.iter().position(|byte| *byte == b'\n')?;
    let (seal, body) = (&bytes[..line], &bytes[line + 1..]);
    if seal != digest(PURPOSE, body).hex().as_bytes() {
        return None;
    }
    let mut parts = body.split(|byte| *byte == 0);
    let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
    let stamped = parts.next()?;
    let files: Vec<PathBuf> =
        parts.by_ref().take_while(|part| !part.is_empty()).map(path).collect();
    let found = parts.next()?;
    if stamps(&files, git, surroundings).as_bytes() != stamped {
        return None;
    }
    Some((!found.is_empty()).then(|| path(found)))
}
