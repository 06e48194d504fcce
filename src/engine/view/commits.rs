//! Keeps what git has of a command's work in a view: commits, tags, notes, stashes, also those of
//! submodules and of other repositories inside.
//!
//! **Invariant**: of the user's repositories nothing is written but objects and references below
//! `refs/exp/`. What a command left in a view's git folder is read as bare files, never by git. What cannot
//! be brought is set aside, and said, before the view goes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::git::GitStart;
use super::left::Left;
use super::open::{Stand, View};
use super::references::{self, ViewGit};
use crate::base::path::TreePath;
use crate::engine::Engine;
use crate::engine::events::{Event, Watch};
use crate::engine::report::KeptCommit;
use crate::run::Cancel;
use crate::run::git::{self, GitPlace, Wanted};
use crate::workspace::isolate::{Layer, Slot, remove_stubborn};

/// Folders of submodules in each other at most, names with `/` included.
const MODULE_FOLDERS_MAX: usize = 16;

/// Repositories inside one view that are looked at.
const REPOSITORIES_MAX: usize = 256;

/// Whose work it is, and where what happens is told.
struct Keeper<'a> {
    engine: &'a Engine,
    label: &'a str,
    watch: Watch<'a>,
}

impl View<'_> {
    /// Brings commits that were made in it into the user's repository, as `refs/exp/<branch>`, and
    /// says so. What cannot be brought is set aside, and that is said, too. Without a commit this
    /// costs reading a few small files.
    pub fn keep_commits(&self, watch: Watch<'_>) {
        let (Some(user), Some(start)) = (&self.engine.place.git, &self.git) else { return };
        let view = match &self.stand {
            Stand::Overlay { layer, .. } => of_layer(user, layer),
            Stand::Copy { slot, .. } => Some(of_slot(slot)),
        };
        let keeper = Keeper { engine: self.engine, label: &self.label, watch };
        if let Some(view) = view {
            keeper.keep(&view, user, start, None);
        }
    }

    /// The same of other repositories in the view, whose git folders the last capture met.
    pub fn keep_commits_inside(&self, watch: Watch<'_>) {
        let keeper = Keeper { engine: self.engine, label: &self.label, watch };
        let (upper, has_lower) = match &self.stand {
            Stand::Overlay { upper, .. } => (upper.clone(), true),
            Stand::Copy { slot, .. } => (slot.files(), false),
        };
        keeper.keep_inside(&upper, has_lower, self.repositories());
    }
}

impl Engine {
    /// The same of a view whose process died. `at` is the commit on which git stood in it at first,
    /// `repositories` are the git folders that its capture met.
    pub(in crate::engine) fn keep_commits_left(
        &self,
        left: &Left,
        label: &str,
        files: &Path,
        at: Option<String>,
        repositories: &[TreePath],
        watch: Watch<'_>,
    ) {
        let keeper = Keeper { engine: self, label, watch };
        if let Some(user) = &self.place.git {
            let view = match left {
                Left::Layer(layer) => of_layer(user, layer),
                Left::Slot(slot) => Some(of_slot(slot)),
            };
            let start = GitStart { head: at, references: BTreeMap::new() };
            if let Some(view) = view {
                keeper.keep(&view, user, &start, None);
            }
        }
        keeper.keep_inside(files, matches!(left, Left::Layer(_)), repositories);
    }
}

fn of_layer(user: &GitPlace, layer: &Layer) -> Option<ViewGit> {
    let upper = if user.is_outside() {
        layer.git_upper()
    } else {
        let top = user.top.canonicalize().ok()?;
        layer.upper().join(user.common_dir.strip_prefix(top).ok()?)
    };
    Some(ViewGit { place: user.clone(), upper, lower: Some(user.common_dir.clone()) })
}

fn of_slot(slot: &Slot) -> ViewGit {
    ViewGit::alone(&slot.files(), &slot.files().join(".git"))
}

impl Keeper<'_> {
    /// Keeps what one repository has, and what its submodules have. `name` is none for the workspace's
    /// own.
    fn keep(&self, view: &ViewGit, user: &GitPlace, start: &GitStart, name: Option<&str>) {
        let objects = view.upper.join("objects");
        if !is_folder(&view.upper) {
            return;
        }
        self.keep_submodules(view, user);
        // Without an object of its own there is no commit of its own; but a name may have been given.
        if !is_folder(&objects) && !is_folder(&view.upper.join("refs/tags")) {
            return;
        }
        if references::are_hidden(&view.upper) {
            let why = "its references are in a form that exp does not read (reftable)";
            return self.set_aside(view, why, "fsck --unreachable", name);
        }
        let wanted = match view.wanted(user, start, &references::reference_of(self.label)) {
            Ok(wanted) if wanted.is_empty() => return,
            Ok(wanted) => wanted,
            Err(error) => return self.set_aside(view, &error.to_string(), "log HEAD", name),
        };
        let known = view.fetched().unwrap_or_default();
        // Not the caller's wish to stop: what an interrupted command committed is kept, too.
        let cancel = Cancel::new();
        let large = view.upper.join("lfs/objects");
        let brought = git::bring(user, &objects, &wanted, &known, &cancel).and_then(|kept| {
            if !kept.is_empty() && is_folder(&large) {
                git::bring_large(user, &large, &cancel)?;
            }
            Ok(kept)
        });
        match brought {
            Ok(kept) => kept.into_iter().for_each(|one| self.say_kept(one, name)),
            Err(error) => self.set_aside(view, &error.to_string(), &log_of(&wanted[0]), name),
        }
    }

    fn say_kept(&self, Wanted { reference, commit, .. }: Wanted, name: Option<&str>) {
        let repository = name.map(str::to_owned);
        let kept = KeptCommit { reference, commit, repository };
        (self.watch)(Event::CommitKept { branch: self.label.to_owned(), kept });
    }

    /// Those whose git folders lie below another's: `modules/NAME`, which may have a `/`.
    fn keep_submodules(&self, view: &ViewGit, user: &GitPlace) {
        let mut folders = vec![(PathBuf::from("modules"), 0)];
        let mut met = 0;
        while let Some((below, depth)) = folders.pop() {
            let upper = view.upper.join(&below);
            if upper.join("objects").exists() || upper.join("HEAD").exists() {
                met += 1;
                let name = below.strip_prefix("modules").unwrap_or(&below);
                let name = format!("submodule `{}`", name.display());
                self.keep_other(view.below(&below), &user.common_dir.join(&below), &name);
            } else if depth < MODULE_FOLDERS_MAX && met < REPOSITORIES_MAX {
                let deeper = folders_in(&upper).into_iter();
                folders.extend(deeper.map(|name| (below.join(name), depth + 1)));
            }
        }
    }

    /// Those that lie among the files, by their git folders.
    fn keep_inside(&self, upper: &Path, has_lower: bool, repositories: &[TreePath]) {
        for path in repositories.iter().take(REPOSITORIES_MAX) {
            let (git, outside) = (path.under(upper), path.under(&self.engine.place.root));
            let (Some(top), Some((folder, _))) = (outside.parent(), path.split()) else { continue };
            // That of the workspace, or a file that says where one is.
            let is_own =
                self.engine.place.git.is_some() && path.split().is_some_and(|(f, _)| f.is_root());
            if is_own || !is_folder(&git) {
                continue;
            }
            let mut view = ViewGit::alone(top, &outside);
            view.upper = git;
            view.lower = has_lower.then(|| outside.clone()).filter(|lower| is_folder(lower));
            self.keep_other(view, top, &format!("repository `{}`", folder.display()));
        }
    }

    /// Keeps what a repository has that is not the workspace's own: in the user's, where there is one at
    /// that place, else in one that is made for it.
    fn keep_other(&self, view: ViewGit, users: &Path, name: &str) {
        match git::here(users) {
            Ok(Some(user)) => {
                let head = git::head(&user).ok().flatten();
                let head = head.and_then(|head| head.commit().map(str::to_owned));
                let start = GitStart { head, references: BTreeMap::new() };
                self.keep(&view, &user, &start, Some(name));
            }
            Ok(None) => self.keep_alone(&view, name),
            Err(error) => self.set_aside(&view, &error.to_string(), "log HEAD", Some(name)),
        }
    }

    /// Keeps commits of a repository that the workspace does not have. What came from elsewhere alone,
    /// as in a clone in which nobody committed, is not work.
    fn keep_alone(&self, view: &ViewGit, name: &str) {
        let objects = view.upper.join("objects");
        if !is_folder(&objects) {
            return;
        }
        if references::are_hidden(&view.upper) {
            let why = "its references are in a form that exp does not read (reftable)";
            return self.set_aside(view, why, "log --all", Some(name));
        }
        let found = view.all().and_then(|wanted| Ok((wanted, view.fetched()?)));
        let (wanted, known) = match found {
            Ok(found) => found,
            Err(error) => return self.set_aside(view, &error.to_string(), "log HEAD", Some(name)),
        };
        let fetched: BTreeSet<&String> = known.iter().collect();
        let wanted: Vec<_> =
            wanted.into_iter().filter(|one| !fetched.contains(&one.commit)).collect();
        let Some(first) = wanted.first() else { return };
        let (place, cancel) = (self.place_aside(".git"), Cancel::new());
        let gathered = place.as_ref().map_err(ToString::to_string).and_then(|place| {
            let made = git::make_bare(place, first.commit.len() == 64, &cancel);
            let made = made.map_err(|error| error.to_string())?;
            let bring = |wanted: &[Wanted]| {
                let kept = git::bring(&made, &objects, wanted, &known, &cancel);
                kept.map_err(|error| error.to_string())
            };
            let mut kept = bring(&wanted)?;
            if !kept.is_empty() {
                // Somebody committed, so all its names are wanted.
                let named = |one: &Wanted| Wanted { is_name: true, ..one.clone() };
                kept = bring(&wanted.iter().map(named).collect::<Vec<_>>())?;
            }
            Ok((made.top, kept))
        });
        match gathered {
            Ok((place, kept)) if kept.is_empty() => drop(remove_stubborn(&place)),
            Ok((place, _)) => (self.watch)(Event::Notice(format!(
                "the {name} of {}, which the workspace does not have, is kept with its commits: `git clone \
                 '{}'`",
                self.label,
                place.display()
            ))),
            Err(error) => {
                let _ = place.map(|place| remove_stubborn(&place));
                self.set_aside(view, &error, &log_of(first), Some(name));
            }
        }
    }

    /// A name in the folder of what is set aside.
    fn place_aside(&self, ending: &str) -> std::io::Result<PathBuf> {
        let folder = self.engine.view_folder().join("kept");
        fs::create_dir_all(&folder)?;
        let (label, now) = (self.label.replace('/', "%"), self.engine.surroundings.now().0);
        let free = |number: &usize| !folder.join(file_of(&label, now, *number, ending)).exists();
        let number = (0..REPOSITORIES_MAX).find(free).unwrap_or(REPOSITORIES_MAX);
        Ok(folder.join(file_of(&label, now, number, ending)))
    }

    /// Moves the view's git folder to where no view is, so that nothing is lost with the view.
    fn set_aside(&self, view: &ViewGit, reason: &str, shown_by: &str, name: Option<&str>) {
        let moved = self.place_aside("").and_then(|kept| {
            fs::rename(&view.upper, &kept)?;
            Ok(kept)
        });
        let label = self.label;
        let of = name.map_or_else(|| label.to_owned(), |name| format!("the {name} of {label}"));
        (self.watch)(Event::Notice(match moved {
            Ok(kept) if view.lower.is_none() && name.is_some() => format!(
                "could not bring the commits of {of} into a repository: {reason}; they are kept: `git \
                 --git-dir='{}' {shown_by}` shows them",
                kept.display()
            ),
            Ok(kept) => format!(
                "could not bring the commits of {of} into the repository: {reason}; they are kept: \
                 `GIT_ALTERNATE_OBJECT_DIRECTORIES='{}' git {shown_by}` shows them",
                kept.join("objects").display()
            ),
            Err(error) => format!(
                "could not bring the commits of {of} into the repository: {reason}; they could not be \
                 set aside either: {error}"
            ),
        }));
    }
}

/// What shows a commit.
fn log_of(wanted: &Wanted) -> String {
    format!("log {}", wanted.commit)
}

fn file_of(label: &str, now: i64, number: usize, ending: &str) -> String {
    match number {
        0 => format!("{label}-{now}{ending}"),
        _ => format!("{label}-{now}-{number}{ending}"),
    }
}

/// The names of the folders in one; none where it cannot be listed.
fn folders_in(folder: &Path) -> Vec<std::ffi::OsString> {
    let listing = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = listing.filter(|item| item.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|item| item.file_name()).collect()
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|facts| facts.is_dir())
}
