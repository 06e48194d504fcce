//! What we ask of git: where a repository is, what HEAD is, which ignored files it tracks; and what
//! views need of it (a git folder of their own, commits brought home).
//!
//! Places and references are read from git's files, because commands that take a few milliseconds
//! cannot start a program for them. Only where git's own rules are needed is git asked, with hooks
//! and the system's configuration off. In a repository nothing is changed but by `bring`, which adds
//! objects and moves references below `refs/exp/`, no others.

mod bring;
mod own;
mod refs;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::command::{Cancel, Command, Outcome, RunError, Stdio};
use super::process::run;
use crate::base::limits::SETTINGS_BYTES_MAX;
use crate::base::path::TreePath;
use crate::base::regular;

pub use bring::{Wanted, bring, bring_large, make_bare};
pub use own::make_own;
pub use refs::{GitHead, See, commit_of, head, head_through, is_reference, loose, packed};

/// Seconds that a question may take.
const QUESTION_SECONDS: u64 = 120;

/// Where a repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitPlace {
    /// The working tree's top folder.
    pub top: PathBuf,
    /// The git folder of this working tree: HEAD and index are here.
    pub git_dir: PathBuf,
    /// The git folder that all worktrees share: references and objects are here.
    pub common_dir: PathBuf,
}

impl GitPlace {
    /// Whether this is a worktree beside the main one.
    pub fn is_linked_worktree(&self) -> bool {
        self.git_dir != self.common_dir
    }

    /// Whether the git folder lies elsewhere than in the working tree (a worktree, a submodule, a
    /// separate git folder), so that a view of the tree alone would not cover it.
    pub fn is_outside(&self) -> bool {
        !self.common_dir.starts_with(&self.top)
    }
}

/// Finds the repository whose working tree holds a folder: walks up to the first `.git` that is
/// one. None without. Does not obey `GIT_DIR`: that names a repository for git, not for a folder.
///
/// # Errors
/// Those of reading: what cannot be read is not absent. A `.git` file that points nowhere is none, as
/// for git.
pub fn discover(path: &Path) -> Result<Option<GitPlace>, RunError> {
    for top in path.ancestors() {
        let entry = top.join(".git");
        let failed = |source| RunError::Git { path: entry.clone(), source };
        if let Some(place) = place_at(top, &entry).map_err(failed)? {
            return Ok(is_trusted(&place).map_err(failed)?.then_some(place));
        }
    }
    Ok(None)
}

/// The repository whose working tree begins at a folder, or whose git folder it is.
///
/// # Errors
/// Those of [`discover`].
pub fn here(folder: &Path) -> Result<Option<GitPlace>, RunError> {
    let failed = |source| RunError::Git { path: folder.to_owned(), source };
    let place = match place_at(folder, &folder.join(".git")).map_err(failed)? {
        Some(place) => place,
        None => match fs::symlink_metadata(folder.join("HEAD")) {
            Ok(_) if !folder.join("objects").is_dir() => return Ok(None),
            Ok(_) => {
                let folder = fs::canonicalize(folder).map_err(failed)?;
                GitPlace { top: folder.clone(), git_dir: folder.clone(), common_dir: folder }
            }
            Err(error) if is_absence(&error) => return Ok(None),
            Err(error) => return Err(failed(error)),
        },
    };
    Ok(is_trusted(&place).map_err(failed)?.then_some(place))
}

/// The repository whose working tree begins at a folder, if one does.
fn place_at(top: &Path, entry: &Path) -> io::Result<Option<GitPlace>> {
    {
        let git_dir = match fs::metadata(entry) {
            Ok(metadata) if metadata.is_dir() => entry.to_owned(),
            Ok(_) => match pointed_at(entry, "gitdir: ")? {
                Some(target) => top.join(target),
                None => return Ok(None),
            },
            Err(error) if is_absence(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        match fs::symlink_metadata(git_dir.join("HEAD")) {
            Ok(_) => {}
            Err(error) if is_absence(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
        let git_dir = fs::canonicalize(git_dir)?;
        let common_dir = match pointed_at(&git_dir.join("commondir"), "")? {
            Some(target) => fs::canonicalize(git_dir.join(target))?,
            None => git_dir.clone(),
        };
        Ok(Some(GitPlace { top: top.to_owned(), git_dir, common_dir }))
    }
}

/// Whether git would work in a repository: it is ours, or its owner is one that the person trusts by
/// git's `safe.directory`. Else its configuration could run commands, and a store put there would be
/// somebody else's.
fn is_trusted(place: &GitPlace) -> io::Result<bool> {
    let us = rustix::process::geteuid().as_raw();
    for path in [&place.git_dir, &place.top] {
        if fs::metadata(path)?.uid() != us {
            // Rare, so git is asked; and with the machine's configuration, where it may stand.
            let mut command = Command::argv(["git", "rev-parse", "--git-dir"], &place.top);
            command.environment.push(("GIT_CONFIG_NOSYSTEM".into(), None));
            return Ok(answer(command, "git rev-parse", &Cancel::new()).is_ok());
        }
    }
    Ok(true)
}

fn pointed_at(file: &Path, prefix: &str) -> io::Result<Option<PathBuf>> {
    let bytes = match regular::read(file, SETTINGS_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(error) if is_absence(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let target = bytes.strip_prefix(prefix.as_bytes()).map(<[u8]>::trim_ascii_end);
    let target = target.filter(|target| !target.is_empty());
    Ok(target.map(|target| PathBuf::from(std::ffi::OsStr::from_bytes(target))))
}

fn is_absence(error: &io::Error) -> bool {
    use io::ErrorKind::{IsADirectory, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | IsADirectory)
}

/// The files below `top` that git tracks although an ignore rule matches them, relative to `top`.
/// Asks git. They must be captured: git would miss them.
///
/// # Errors
/// [`RunError::Helper`] when git is missing or says no.
pub fn tracked_but_ignored(top: &Path, cancel: &Cancel) -> Result<BTreeSet<TreePath>, RunError> {
    let listed = ask(top, &["ls-files", "-z", "-c", "-i", "--exclude-standard"], cancel)?;
    let names = listed.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.filter_map(|name| TreePath::new(name).ok()).collect())
}

/// The user's ignore file for all repositories as git resolves it for one (`core.excludesFile`), and the
/// files that its configuration was read from, those that are included among them. Asks git.
///
/// # Errors
/// [`RunError::Helper`] when git is missing or says no.
pub fn excludes_file(
    top: &Path,
    cancel: &Cancel,
) -> Result<(Option<PathBuf>, Vec<PathBuf>), RunError> {
    let whole = |arguments: &[&str]| {
        let words = ["git", "config"].iter().chain(arguments).copied();
        let mut command = Command::argv(words, top);
        command.environment.push(("GIT_CONFIG_NOSYSTEM".into(), None));
        answer(command, &format!("git config {}", arguments.join(" ")), cancel)
    };
    let path = |bytes: &[u8]| top.join(std::ffi::OsStr::from_bytes(bytes));
    let listed = whole(&["--includes", "--show-origin", "--list", "-z"])?;
    let origins = listed.split(|byte| *byte == 0).step_by(2);
    let mut files: Vec<PathBuf> =
        origins.filter_map(|origin| origin.strip_prefix(b"file:")).map(path).collect();
    files.dedup();
    // Git ends with 1 where nothing is set.
    let found = whole(&["--includes", "--path", "-z", "--get", "core.excludesFile"]).ok();
    let found = found.and_then(|bytes| bytes.strip_suffix(b"\0").map(path));
    Ok((found, files))
}

/// Runs a git command that only reads, and gives its standard output.
fn ask(folder: &Path, arguments: &[&str], cancel: &Cancel) -> Result<Vec<u8>, RunError> {
    let fixed = [
        "git",
        "-c",
        "core.hooksPath=/dev/null",
        "-c",
        "core.fsmonitor=false",
        "-c",
        "protocol.allow=never",
        "-c",
        "core.sshCommand=false",
        "-c",
        "core.alternateRefsCommand=",
    ];
    let words = fixed.iter().chain(arguments).copied();
    answer(Command::argv(words, folder), &format!("git {}", arguments.join(" ")), cancel)
}

/// Runs a command that is made of git's, `shown` in errors, and gives its standard output.
fn answer(mut command: Command, shown: &str, cancel: &Cancel) -> Result<Vec<u8>, RunError> {
    command.stdio = Stdio::Separate;
    command.limit = Some(Duration::from_secs(QUESTION_SECONDS));
    let fixed = ENVIRONMENT.iter().map(|(name, value)| ((*name).into(), value.map(Into::into)));
    command.environment.splice(0..0, fixed);
    let helper = |reason: String| RunError::Helper { command: shown.to_owned(), reason };
    let finished = run(&command, cancel, &mut |_| {})?;
    match finished.outcome {
        Outcome::Exited(0) if finished.stdout_truncated => {
            Err(helper("its answer is too long".to_owned()))
        }
        Outcome::Exited(0) => Ok(finished.stdout),
        Outcome::DidNotStart { reason, .. } => Err(helper(reason)),
        Outcome::Cancelled => Err(helper("it was cancelled".to_owned())),
        _ => Err(helper(String::from_utf8_lossy(&finished.tail).trim().to_owned())),
    }
}

/// So that the answer is that of this folder and of no other setting: variables that point at
/// another repository or index are removed, too. Nothing is fetched: a repository that somebody
/// prepared may name a command as its remote.
const ENVIRONMENT: [(&str, Option<&str>); 16] = [
    ("GIT_CONFIG_NOSYSTEM", Some("1")),
    ("GIT_NO_LAZY_FETCH", Some("1")),
    ("GIT_ALLOW_PROTOCOL", Some("")),
    ("GIT_SSH_COMMAND", Some("false")),
    ("GIT_PAGER", Some("cat")),
    ("GIT_EXTERNAL_DIFF", None),
    ("GIT_OPTIONAL_LOCKS", Some("0")),
    ("GIT_TERMINAL_PROMPT", Some("0")),
    ("LC_ALL", Some("C")),
    ("GIT_DIR", None),
    ("GIT_WORK_TREE", None),
    ("GIT_INDEX_FILE", None),
    ("GIT_COMMON_DIR", None),
    ("GIT_NAMESPACE", None),
    ("GIT_OBJECT_DIRECTORY", None),
    ("GIT_ALTERNATE_OBJECT_DIRECTORIES", None),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs git commands, one a line, with an identity.
    fn git(folder: &Path, lines: &str) -> String {
        let prelude = "set -e; git() { command git -c user.name=n -c user.email=e@e -c \
                       init.defaultBranch=main -c protocol.file.allow=always \"$@\"; }\n";
        let mut command = Command::shell(format!("{prelude}{lines}"), folder);
        command.environment = vec![
            ("GIT_CONFIG_NOSYSTEM".into(), Some("1".into())),
            ("GIT_CONFIG_GLOBAL".into(), Some("/dev/null".into())),
        ];
        let finished = run(&command, &Cancel::new(), &mut |_| {}).unwrap();
        let text = String::from_utf8_lossy(&finished.stdout).trim().to_owned();
        assert!(finished.outcome.is_success(), "{text}");
        text
    }

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = fs::canonicalize(folder.path()).unwrap();
        (folder, path)
    }

    #[test]
    fn places_are_those_that_git_says() {
        let (_folder, at) = folder();
        git(
            &at,
            "git init -q r && cd r && git commit -q --allow-empty -m x && mkdir sub && cd .. \n\
             git -C r worktree add -q ../tree 2>/dev/null\n\
             git init -q --separate-git-dir apart separate\n\
             git clone -q r sup && git -C sup submodule --quiet add \"$PWD/r\" inner 2>/dev/null",
        );
        for name in ["r", "r/sub", "tree", "separate", "sup", "sup/inner"] {
            let place = discover(&at.join(name)).unwrap().unwrap();
            let said = git(
                &at.join(name),
                "git rev-parse --path-format=absolute --show-toplevel --git-dir --git-common-dir",
            );
            let ours = [&place.top, &place.git_dir, &place.common_dir];
            assert_eq!(ours.map(|p| p.display().to_string()).join("\n"), said, "{name}");
        }
        let place = |name: &str| discover(&at.join(name)).unwrap().unwrap();
        assert!(place("tree").is_linked_worktree() && place("tree").is_outside());
        assert!(!place("separate").is_linked_worktree() && place("separate").is_outside());
        assert!(!place("r").is_outside());
        assert_eq!(discover(&at).unwrap(), None);
    }

    #[test]
    fn head_is_what_git_says() {
        let (_folder, at) = folder();
        git(&at, "git init -q .");
        let head_here = || head(&discover(&at).unwrap().unwrap()).unwrap().unwrap();
        let unborn = GitHead::Branch { reference: "refs/heads/main".into(), commit: None };
        assert_eq!(head_here(), unborn);
        let commit = git(&at, "git commit -q --allow-empty -m x; git rev-parse HEAD");
        assert_eq!(head_here().commit(), Some(commit.as_str()));
        git(&at, "git pack-refs --all; test ! -e .git/refs/heads/main");
        assert_eq!(head_here().commit(), Some(commit.as_str()));
        git(&at, "git checkout -q --detach");
        assert_eq!(head_here(), GitHead::Detached { commit });
    }

    #[test]
    fn a_reference_does_not_lead_out() {
        let (_folder, at) = folder();
        git(
            &at,
            "git init -q r; git -C r rev-parse --git-dir >/dev/null; echo ref: refs/../../x > r/.git/HEAD",
        );
        fs::write(at.join("r/x"), "0".repeat(40)).unwrap();
        let place = discover(&at.join("r")).unwrap().unwrap();
        assert_eq!(head(&place).unwrap().unwrap().commit(), None);
    }

    #[test]
    fn ignored_files_that_git_tracks_are_found() {
        let (_folder, at) = folder();
        git(
            &at,
            "git init -q .; echo '*.log' > .gitignore; echo x > a.log; echo x > b.log; mkdir d; \
             echo x > 'd/c d.log'; echo x > e; git add -f a.log 'd/c d.log' e",
        );
        let found = tracked_but_ignored(&at, &Cancel::new()).unwrap();
        let shown: Vec<_> = found.iter().map(TreePath::display).collect();
        assert_eq!(shown, ["a.log", "d/c d.log"]);
        let error = tracked_but_ignored(Path::new("/"), &Cancel::new()).unwrap_err().to_string();
        assert!(error.starts_with("could not run `git ls-files"), "{error}");
    }
}
