//! What a view's git folder names that the user's does not: branches, tags, notes, stashes, HEADs.
//!
//! Read as bare files: what a command left there is obeyed by nobody. Starts nothing, writes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::git::GitStart;
use crate::base::limits::SETTINGS_BYTES_MAX;
use crate::base::regular;
use crate::run::git::{self, GitPlace, Wanted};
use crate::workspace::isolate::merged_file;

/// References that one view may leave at most: they go to a git in one line.
const KEPT_MAX: usize = 1_024;

/// Where references of remote repositories are.
const REMOTES: &str = "refs/remotes/";

/// References that say what git is in the middle of, or what others have.
const NOT_WORK: [&str; 5] =
    [REMOTES, "refs/bisect/", "refs/rewritten/", "refs/prefetch/", "refs/worktree/"];

/// The git folder that a view showed, as files.
pub(super) struct ViewGit {
    /// Where it lay in the view.
    pub(super) place: GitPlace,
    /// What was written in the view; without `lower` all of it.
    pub(super) upper: PathBuf,
    /// What lies underneath.
    pub(super) lower: Option<PathBuf>,
}

impl ViewGit {
    /// One under which nothing lies.
    pub(super) fn alone(top: &Path, git: &Path) -> Self {
        let (top, git) = (top.to_owned(), git.to_owned());
        let place = GitPlace { top, git_dir: git.clone(), common_dir: git.clone() };
        Self { place, upper: git, lower: None }
    }

    /// A git folder that lies in this one.
    pub(super) fn below(&self, path: &Path) -> Self {
        let git = self.place.common_dir.join(path);
        let lower = self.lower.as_ref().map(|lower| lower.join(path));
        Self {
            upper: self.upper.join(path),
            lower: lower.filter(|lower| lower.join("HEAD").exists()),
            ..Self::alone(&git, &git)
        }
    }

    fn see(&self, path: &Path) -> io::Result<Option<PathBuf>> {
        match path.strip_prefix(&self.place.common_dir) {
            Ok(below) => {
                merged_file(&self.upper, self.lower.as_deref(), below).map_err(io::Error::other)
            }
            Err(_) => Ok(None),
        }
    }

    /// The references that differ from the user's, HEAD first, as they shall be kept: `own` for HEAD,
    /// `own@` and their name for others.
    pub(super) fn wanted(
        &self,
        user: &GitPlace,
        start: &GitStart,
        own: &str,
    ) -> io::Result<Vec<Wanted>> {
        let mut wanted = Vec::new();
        let head = git::head_through(&self.place, &|path| self.see(path))?;
        if let Some(commit) = head.as_ref().and_then(git::GitHead::commit) {
            let now = git::head(user)?;
            let now = now.as_ref().and_then(git::GitHead::commit);
            if Some(commit) != start.head.as_deref() && Some(commit) != now {
                wanted.push(commit_at(own.to_owned(), commit));
            }
        }
        let users = git::packed(user, &|path| Ok(Some(path.to_owned())))?;
        let has_fetched = self.has_fetched(user);
        for (name, commit) in self.written()? {
            // A new branch at the old place is no new commit, but a tag there is a new name.
            let is_tag = name.starts_with("refs/tags/");
            let old = start.head.as_ref() == Some(&commit) && !is_tag;
            let known = old
                || start.references.get(&name) == Some(&commit)
                || users.get(&name) == Some(&commit);
            if known || git::commit_of(user, &name)?.as_ref() == Some(&commit) {
                continue;
            }
            // What an `exp` within the view kept keeps its name, unless that stands for another.
            let is_ours = name.starts_with("refs/exp/") && git::commit_of(user, &name)?.is_none();
            let short = name.trim_start_matches("refs/");
            let reference = if is_ours { name } else { format!("{own}@{short}") };
            // Where something was fetched tags may have come with it, and do not count by name.
            wanted
                .push(Wanted { is_name: is_tag && !has_fetched, ..commit_at(reference, &commit) });
        }
        let more = self.stashed(user)?.into_iter().chain(self.worktrees(user)?);
        wanted.extend(more.map(|(name, commit)| commit_at(format!("{own}@{name}"), &commit)));
        bounded(wanted)
    }

    /// All references of a repository that the user does not have, by their names there.
    pub(super) fn all(&self) -> io::Result<Vec<Wanted>> {
        let head = git::head_through(&self.place, &|path| self.see(path))?;
        let mut wanted = Vec::new();
        if let Some(git::GitHead::Detached { commit }) = &head {
            wanted.push(commit_at("refs/heads/detached".to_owned(), commit));
        }
        let written = self.written()?.into_iter();
        wanted.extend(written.map(|(name, commit)| commit_at(name, &commit)));
        bounded(wanted)
    }

    /// The commits of remote repositories that the view knew: who made them has them.
    pub(super) fn fetched(&self) -> io::Result<Vec<String>> {
        let remotes = self.upper.join("refs/remotes");
        let mut found = git::packed(&self.place, &|path| self.see(path))?;
        if is_folder(&remotes) {
            found.extend(git::loose(&remotes, "refs/remotes")?);
        }
        found.retain(|name, text| name.starts_with(REMOTES) && is_commit(text));
        let commits: BTreeSet<String> = found.into_values().collect();
        Ok(commits.into_iter().take(KEPT_MAX).collect())
    }

    /// Whether the command may have fetched from a remote repository.
    fn has_fetched(&self, user: &GitPlace) -> bool {
        let read = |path: PathBuf| regular::read(&path, SETTINGS_BYTES_MAX).ok();
        let here = read(self.upper.join("FETCH_HEAD"));
        here.is_some() && here != read(user.git_dir.join("FETCH_HEAD"))
    }

    /// Branches, tags, notes, the stash and what an `exp` kept, as far as they were written in the view.
    fn written(&self) -> io::Result<BTreeMap<String, String>> {
        let packed = self.see(&self.place.common_dir.join("packed-refs"))?;
        let mut found = match packed.is_some_and(|file| file.starts_with(&self.upper)) {
            true => git::packed(&self.place, &|path| self.see(path))?,
            false => BTreeMap::new(),
        };
        let refs = self.upper.join("refs");
        if is_folder(&refs) {
            found.extend(git::loose(&refs, "refs")?);
        }
        let is_work = |name: &str| !NOT_WORK.iter().any(|folder| name.starts_with(folder));
        found.retain(|name, text| is_work(name) && is_commit(text));
        Ok(found)
    }

    /// Stashes below the newest, which only the log of the stash names.
    fn stashed(&self, user: &GitPlace) -> io::Result<Vec<(String, String)>> {
        const LOG: &str = "logs/refs/stash";
        let read = |place: Option<PathBuf>| match place {
            Some(place) => match regular::read(&place, SETTINGS_BYTES_MAX) {
                Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
                Err(error) => Err(error),
            },
            None => Ok(String::new()),
        };
        let here = read(self.see(&self.place.common_dir.join(LOG))?)?;
        let users = read(Some(user.common_dir.join(LOG)))?;
        let commits = |text: &str| -> Vec<String> {
            let made = text.lines().filter_map(|line| line.split(' ').nth(1));
            made.filter(|text| is_commit(text)).map(str::to_owned).collect()
        };
        let known: BTreeSet<String> = commits(&users).into_iter().collect();
        let older = commits(&here).into_iter().rev().enumerate().skip(1);
        let older = older.filter(|(_, commit)| !known.contains(commit));
        Ok(older.map(|(number, commit)| (format!("stash.{number}"), commit)).collect())
    }

    /// Worktrees made in the view that stand on no branch.
    fn worktrees(&self, user: &GitPlace) -> io::Result<Vec<(String, String)>> {
        let mut found = Vec::new();
        let listing = match fs::read_dir(self.upper.join("worktrees")) {
            Ok(listing) => listing,
            Err(error) if is_absence(&error) => return Ok(found),
            Err(error) => return Err(error),
        };
        for item in listing {
            let name = item?.file_name();
            let below = Path::new("worktrees").join(&name).join("HEAD");
            let Some(place) = self.see(&self.place.common_dir.join(&below))? else { continue };
            let bytes = regular::read(&place, SETTINGS_BYTES_MAX)?;
            let text = String::from_utf8_lossy(&bytes).trim().to_owned();
            let users = regular::read(&user.common_dir.join(&below), SETTINGS_BYTES_MAX);
            if is_commit(&text) && users.ok() != Some(bytes) {
                let name: String = name.to_string_lossy().chars().map(plain).collect();
                found.push((format!("worktrees/{name}"), text));
            }
        }
        Ok(found)
    }
}

fn commit_at(reference: String, commit: &str) -> Wanted {
    Wanted { reference, commit: commit.to_owned(), is_name: false }
}

fn bounded(wanted: Vec<Wanted>) -> io::Result<Vec<Wanted>> {
    if wanted.len() > KEPT_MAX {
        return Err(io::Error::other(format!("it left more than {KEPT_MAX} branches and tags")));
    }
    Ok(wanted)
}

/// What may stand in the name of a reference.
fn plain(character: char) -> char {
    if character.is_ascii_alphanumeric() || character == '_' { character } else { '-' }
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether references of a git folder were written in a way that we do not read.
pub(super) fn are_hidden(git: &Path) -> bool {
    is_folder(&git.join("reftable"))
}

/// The reference for a branch of ours. Most labels are names that git allows; in others each `.` is
/// written `%2E`, which no label has.
pub(super) fn reference_of(label: &str) -> String {
    let plain = format!("refs/exp/{label}");
    if git::is_reference(&plain) { plain } else { plain.replace('.', "%2E") }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|facts| facts.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_label_has_a_reference() {
        assert_eq!(reference_of("e1/map"), "refs/exp/e1/map");
        assert_eq!(reference_of("v1..2"), "refs/exp/v1%2E%2E2");
        assert!(["a.lock/b", "x.", "a..b"].map(reference_of).iter().all(|r| git::is_reference(r)));
    }
}
