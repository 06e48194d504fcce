//! Git's references, read from its files: HEAD, branches, tags.
//!
//! The files need not lie in the repository: those of a view lie in a layer over it, and the caller
//! says where ([`See`]). Then they are what a command left, so nothing in them is believed: a name
//! must be one that git allows, a commit must be digits. Starts nothing.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{GitPlace, is_absence};
use crate::base::regular;

/// Symbolic references that are followed at most; git itself stops at five.
const REFERENCES_MAX: usize = 5;

/// Folders of references in each other at most.
const FOLDERS_MAX: usize = 32;

/// Bytes of a file of references at most: some three million of them.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// What HEAD is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GitHead {
    /// On a branch; without commit when nothing was ever committed on it.
    Branch {
        /// The whole reference, such as `refs/heads/main`.
        reference: String,
        /// The commit, hexadecimal.
        commit: Option<String>,
    },
    /// On a commit.
    Detached {
        /// The commit, hexadecimal.
        commit: String,
    },
}

impl GitHead {
    /// The commit, where there is one.
    pub fn commit(&self) -> Option<&str> {
        match self {
            Self::Branch { commit, .. } => commit.as_deref(),
            Self::Detached { commit } => Some(commit),
        }
    }
}

/// Where a file of a repository lies, by its path there; none where there is none.
pub type See<'a> = &'a dyn Fn(&Path) -> io::Result<Option<PathBuf>>;

/// Reads what HEAD is. None for a repository whose references are not in files (`reftable`) or
/// damaged.
///
/// # Errors
/// Those of reading.
pub fn head(place: &GitPlace) -> io::Result<Option<GitHead>> {
    head_through(place, &as_it_is)
}

/// The same, of files that lie elsewhere.
///
/// # Errors
/// Those of reading.
pub fn head_through(place: &GitPlace, see: See<'_>) -> io::Result<Option<GitHead>> {
    let Some(text) = read_text(&place.git_dir.join("HEAD"), see)? else { return Ok(None) };
    let Some(reference) = text.strip_prefix("ref:") else {
        return Ok(commit_in(&text).map(|commit| GitHead::Detached { commit }));
    };
    let reference = reference.trim().to_owned();
    if reference == "refs/heads/.invalid" {
        return Ok(None);
    }
    let commit = resolve(place, &reference, see)?;
    Ok(Some(GitHead::Branch { reference, commit }))
}

/// The commit (or other object) that a reference of the repository names.
///
/// # Errors
/// Those of reading.
pub fn commit_of(place: &GitPlace, reference: &str) -> io::Result<Option<String>> {
    resolve(place, reference, &as_it_is)
}

fn as_it_is(path: &Path) -> io::Result<Option<PathBuf>> {
    Ok(Some(path.to_owned()))
}

fn resolve(place: &GitPlace, reference: &str, see: See<'_>) -> io::Result<Option<String>> {
    let mut reference = reference.to_owned();
    for _ in 0..REFERENCES_MAX {
        // Never out of the git folder, whatever a file says; and what git would not read is no name.
        if !is_reference(&reference) {
            return Ok(None);
        }
        // A worktree has a few references of its own.
        let own = read_text(&place.git_dir.join(&reference), see)?;
        let text = match own {
            Some(text) => Some(text),
            None => read_text(&place.common_dir.join(&reference), see)?,
        };
        match text {
            None => return packed_one(place, &reference, see),
            Some(text) => match text.strip_prefix("ref:") {
                Some(next) => reference = next.trim().to_owned(),
                None => return Ok(commit_in(&text)),
            },
        }
    }
    Ok(None)
}

fn packed_one(place: &GitPlace, wanted: &str, see: See<'_>) -> io::Result<Option<String>> {
    let text = read_text(&place.common_dir.join("packed-refs"), see)?.unwrap_or_default();
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    Ok(lines.find(|(_, name)| *name == wanted).and_then(|(commit, _)| commit_in(commit)))
}

/// The references that stand in one file together, with what they name.
///
/// # Errors
/// Those of reading.
pub fn packed(place: &GitPlace, see: See<'_>) -> io::Result<BTreeMap<String, String>> {
    let text = read_text(&place.common_dir.join("packed-refs"), see)?.unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    let named = lines.filter(|(_, name)| is_reference(name));
    let found = named.filter_map(|(commit, name)| Some((name.to_owned(), commit_in(commit)?)));
    Ok(found.collect())
}

/// The references that stand in files of their own below a folder, each with its file's text: what
/// it names, or `ref: ` and another. `name` is the folder's own, such as `refs/heads`.
///
/// # Errors
/// Those of reading.
pub fn loose(folder: &Path, name: &str) -> io::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![(folder.to_owned(), name.to_owned(), 0)];
    while let Some((folder, name, depth)) = folders.pop() {
        let listing = match fs::read_dir(&folder) {
            Ok(listing) => listing,
            Err(error) if is_absence(&error) => continue,
            Err(error) => return Err(error),
        };
        for item in listing {
            let item = item?;
            let Ok(part) = std::str::from_utf8(item.file_name().as_bytes()).map(str::to_owned)
            else {
                continue;
            };
            let (path, name) = (item.path(), format!("{name}/{part}"));
            let kind = item.file_type()?;
            if kind.is_dir() && depth < FOLDERS_MAX {
                folders.push((path, name, depth + 1));
            } else if kind.is_file()
                && is_reference(&name)
                && let Some(text) = read_text(&path, &as_it_is)?
            {
                found.insert(name, text.trim().to_owned());
            }
        }
    }
    Ok(found)
}

/// Whether git takes a text for the name of a reference (`git check-ref-format`).
pub fn is_reference(name: &str) -> bool {
    let bad = |c: char| c <= ' ' || c == '\x7f' || "~^:?*[\\".contains(c);
    let bad_part = |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with(".lock");
    name.starts_with("refs/")
        && !name.contains(bad)
        && !name.contains("..")
        && !name.contains("@{")
        && !name.ends_with('.')
        && !name.split('/').any(bad_part)
}

fn commit_in(text: &str) -> Option<String> {
    let text = text.trim();
    let is_hash = matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
    is_hash.then(|| text.to_owned())
}

fn read_text(file: &Path, see: See<'_>) -> io::Result<Option<String>> {
    let Some(file) = see(file)? else { return Ok(None) };
    let read = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        regular::open(&file)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Ok(bytes) if bytes.len() as u64 > FILE_BYTES_MAX => Err(io::ErrorKind::FileTooLarge.into()),
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fuzz::{folder, fuzz};

    /// Names go to `git update-ref` one a line: none may end its line or begin another command.
    #[test]
    fn names_are_those_that_git_allows() {
        for good in ["refs/heads/main", "refs/exp/e1/map", "refs/exp/e1/map@heads/a+b", "refs/ö"] {
            assert!(is_reference(good), "{good}");
        }
        for bad in [
            "main",
            "refs/",
            "refs/a b",
            "refs/a\nb",
            "refs/a..b",
            "refs/a/",
            "refs//a",
            "refs/.a",
            "refs/a.lock",
            "refs/a.lock/b",
            "refs/a.",
            "refs/a@{1}",
            "refs/a~1",
            "refs/a\\b",
        ] {
            assert!(!is_reference(bad), "{bad}");
        }
    }

    #[test]
    fn fuzzed_references_name_commits_or_nothing() {
        let folder = folder();
        let git = folder.path().to_owned();
        let place = GitPlace { top: git.clone(), git_dir: git.clone(), common_dir: git.clone() };
        let (first, second) = ("1".repeat(40), "ab".repeat(20));
        let packed_refs = format!(
            "# pack-refs with: peeled fully-peeled sorted \n{first} refs/heads/main\n\
             {second} refs/tags/v1\n^{first}\n{second} refs/exp/a@heads/b\n"
        );
        let heads = ["ref: refs/heads/main\n".to_owned(), format!("{second}\n")];
        let is_commit = |text: &str| commit_in(text).is_some_and(|commit| commit == text);
        fs::write(git.join("HEAD"), &heads[0]).unwrap();
        fuzz("packed-refs", &[packed_refs.clone().into_bytes()], (0, 2_000), |bytes| {
            fs::write(git.join("packed-refs"), bytes).unwrap();
            let found = packed(&place, &as_it_is).unwrap();
            assert!(found.iter().all(|(name, commit)| is_reference(name) && is_commit(commit)));
            matches!(head(&place).unwrap(), Some(GitHead::Branch { commit: Some(_), .. }))
        });
        fs::write(git.join("packed-refs"), packed_refs).unwrap();
        fuzz("HEAD", &heads.map(String::into_bytes), (0, 2_000), |bytes| {
            fs::write(git.join("HEAD"), bytes).unwrap();
            match head(&place).unwrap() {
                Some(GitHead::Branch { commit, .. }) => commit.is_none_or(|text| is_commit(&text)),
                Some(GitHead::Detached { commit }) => is_commit(&commit),
                None => false,
            }
        });
    }
}
