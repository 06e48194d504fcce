//! Git in a view: where it works, what its commands may see, and how commits made there are kept.
//!
//! An overlay view shows the workspace's own git folder, under a layer. A slot gets a git folder of
//! its own, made anew for each use: nothing that an earlier command left in it lives on. In a slot
//! of a workspace below git's top level there is none, because the slot shows only a part.
//!
//! **Invariant**: of the user's repository nothing is written but objects and references below
//! `refs/exp/`. What a command left in the view's git folder is read as bare files, never by git.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::open::{Stand, View};
use crate::engine::events::{Event, Watch};
use crate::engine::report::KeptCommit;
use crate::engine::{Engine, EngineError};
use crate::object::snapshot::GitHead;
use crate::run::git::{self, GitPlace, Wanted};
use crate::run::{Cancel, Command};
use crate::workspace::isolate::merged_file;

/// References that one view may leave at most. Each is looked at by a git of its own.
const KEPT_MAX: usize = 64;

/// Variables that would lead a command's git to another repository than the one around it.
const POINTERS: [&str; 8] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
];

/// Where git stood when a view was opened.
pub(in crate::engine) struct GitStart {
    /// The commit of HEAD.
    head: Option<String>,
    /// All references of a slot. A layer needs none: it holds only what was written.
    references: BTreeMap<String, String>,
}

/// The git folder that a view showed, as files.
struct ViewGit {
    /// Where it lay in the view.
    place: GitPlace,
    /// What was written in the view; for a slot all of it.
    upper: PathBuf,
    /// What lies underneath.
    lower: Option<PathBuf>,
}

impl Engine {
    /// Makes git ready in a view, and notes where it stands.
    pub(super) fn start_git(&self, stand: &Stand) -> Result<Option<GitStart>, EngineError> {
        let Some(place) = &self.place.git else { return Ok(None) };
        let failed = |what, path: &Path| {
            let path = path.to_owned();
            move |source| EngineError::File { what, path, source }
        };
        let head = git::head(place).map_err(failed("read HEAD in", &place.git_dir))?;
        let head = head.and_then(|head| head.commit().map(str::to_owned));
        let references = match stand {
            Stand::Overlay { .. } => BTreeMap::new(),
            Stand::Copy { .. } if !self.is_git_top(place) => return Ok(None),
            Stand::Copy { slot, .. } => {
                let folder = slot.files();
                let made = git::make_own(place, &folder);
                match made.map_err(failed("make", &folder.join(".git")))? {
                    Some(references) => references,
                    None => return Ok(None),
                }
            }
        };
        Ok(Some(GitStart { head, references }))
    }

    /// Where git stands in a slot: as in the workspace, where the slot gets a repository of its own.
    pub(super) fn git_head_of_slot(&self) -> Option<GitHead> {
        let place = self.place.git.as_ref()?;
        self.is_git_top(place).then(|| self.git_head()).flatten()
    }

    fn is_git_top(&self, place: &GitPlace) -> bool {
        let real = |path: &Path| path.canonicalize().ok();
        real(&place.top).is_some_and(|top| real(&self.place.root) == Some(top))
    }
}

/// Commands of a view see the repository around them and no other: not one that `exp` itself was
/// pointed at (in a hook of git, say), nor one around the folder of slots (a home under git).
pub(super) fn set_git_environment(command: &mut Command, stand: &Stand) {
    command.environment.extend(POINTERS.map(|name| (OsString::from(name), None)));
    if let Stand::Copy { slot, .. } = stand
        && let Some(around) = slot.files().parent()
    {
        let ceiling = around.as_os_str().to_owned();
        command.environment.push(("GIT_CEILING_DIRECTORIES".into(), Some(ceiling)));
    }
}

impl View<'_> {
    /// Brings commits that were made in it into the user's repository, as `refs/exp/<branch>`, and
    /// says so. What cannot be brought is set aside, and that is said, too. Without a commit this
    /// costs reading a few small files.
    pub fn keep_commits(&self, watch: Watch<'_>) {
        let (Some(user), Some(start)) = (&self.engine.place.git, &self.git) else { return };
        let Some(view) = self.git_of(user) else { return };
        let objects = view.upper.join("objects");
        // Without an object of its own there is no commit of its own.
        if !is_folder(&view.upper) || !is_folder(&objects) {
            return;
        }
        let wanted = match view.wanted(user, start, &self.label) {
            Ok(wanted) if wanted.is_empty() => return,
            Ok(wanted) => wanted,
            Err(error) => return self.set_aside(&view, &error.to_string(), "HEAD", watch),
        };
        // Not the caller's wish to stop: what an interrupted command committed is kept, too.
        match git::bring(user, &objects, &wanted, &Cancel::new()) {
            Ok(kept) => {
                for Wanted { reference, commit } in kept {
                    let (branch, kept) = (self.label.clone(), KeptCommit { reference, commit });
                    watch(Event::CommitKept { branch, kept });
                }
            }
            Err(error) => self.set_aside(&view, &error.to_string(), &wanted[0].commit, watch),
        }
    }

    fn git_of(&self, user: &GitPlace) -> Option<ViewGit> {
        match &self.stand {
            Stand::Overlay { layer, .. } => {
                let upper = if user.is_outside() {
                    layer.git_upper()
                } else {
                    let top = user.top.canonicalize().ok()?;
                    layer.upper().join(user.common_dir.strip_prefix(top).ok()?)
                };
                let lower = Some(user.common_dir.clone());
                Some(ViewGit { place: user.clone(), upper, lower })
            }
            Stand::Copy { slot, .. } => {
                let top = slot.files();
                let git = top.join(".git");
                let place = GitPlace { top, git_dir: git.clone(), common_dir: git.clone() };
                Some(ViewGit { place, upper: git, lower: None })
            }
        }
    }

    /// Moves the view's git folder to where no view is, so that nothing is lost with the view.
    fn set_aside(&self, view: &ViewGit, reason: &str, commit: &str, watch: Watch<'_>) {
        let folder = self.engine.view_folder().join("kept");
        let (label, now) = (self.label.replace('/', "%"), self.engine.surroundings.now().0);
        let kept = folder.join(format!("{label}-{now}"));
        let moved = fs::create_dir_all(&folder).and_then(|()| fs::rename(&view.upper, &kept));
        let label = &self.label;
        watch(Event::Notice(match moved {
            Ok(()) => format!(
                "could not bring the commits of {label} into the repository: {reason}; they are kept: \
                 `GIT_ALTERNATE_OBJECT_DIRECTORIES='{}' git log {commit}` shows them",
                kept.join("objects").display()
            ),
            Err(error) => format!(
                "could not bring the commits of {label} into the repository: {reason}; they could not be \
                 set aside either: {error}"
            ),
        }));
    }
}

impl ViewGit {
    /// The references that differ from the user's, HEAD first, as they shall be kept.
    fn wanted(&self, user: &GitPlace, start: &GitStart, label: &str) -> io::Result<Vec<Wanted>> {
        let see = |path: &Path| match path.strip_prefix(&self.place.common_dir) {
            Ok(below) => {
                merged_file(&self.upper, self.lower.as_deref(), below).map_err(io::Error::other)
            }
            Err(_) => Ok(None),
        };
        let mut wanted = Vec::new();
        let head = git::head_through(&self.place, &see)?;
        if let Some(commit) = head.as_ref().and_then(git::GitHead::commit) {
            let now = git::head(user)?;
            let now = now.as_ref().and_then(git::GitHead::commit);
            if Some(commit) != start.head.as_deref() && Some(commit) != now {
                let reference = reference_of(label);
                wanted.push(Wanted { reference, commit: commit.to_owned() });
            }
        }
        for (name, commit) in self.written(&see)? {
            // A new branch at the old place is no new commit.
            let old = start.head.as_ref() == Some(&commit);
            let known = old || start.references.get(&name) == Some(&commit);
            if known || git::commit_of(user, &name)?.as_ref() == Some(&commit) {
                continue;
            }
            // What an `exp` within the view kept keeps its name, unless that stands for another.
            let is_ours = name.starts_with("refs/exp/") && git::commit_of(user, &name)?.is_none();
            let short = name.trim_start_matches("refs/");
            let reference = if is_ours { name } else { format!("{}@{short}", reference_of(label)) };
            wanted.push(Wanted { reference, commit });
        }
        if wanted.len() > KEPT_MAX {
            return Err(io::Error::other(format!("it left more than {KEPT_MAX} branches")));
        }
        Ok(wanted)
    }

    /// Branches, the stash and what an `exp` kept, as far as they were written in the view.
    fn written(&self, see: git::See<'_>) -> io::Result<BTreeMap<String, String>> {
        let packed = see(&self.place.common_dir.join("packed-refs"))?;
        let mut found = match packed.is_some_and(|file| file.starts_with(&self.upper)) {
            true => git::packed(&self.place, see)?,
            false => BTreeMap::new(),
        };
        let refs = self.upper.join("refs");
        if is_folder(&refs) {
            found.extend(git::loose(&refs, "refs")?);
        }
        let is_commit =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit());
        let is_kept = |name: &str| {
            let folders = ["refs/heads/", "refs/exp/"];
            folders.iter().any(|folder| name.starts_with(folder)) || name == "refs/stash"
        };
        found.retain(|name, text| is_kept(name) && is_commit(text));
        Ok(found)
    }
}

/// The reference for a branch of ours. Most labels are names that git allows; in others each `.` is
/// written `%2E`, which no label has.
fn reference_of(label: &str) -> String {
    let plain = format!("refs/exp/{label}");
    if git::is_reference(&plain) { plain } else { plain.replace('.', "%2E") }
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
