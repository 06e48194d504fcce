//! Git in a view: where it works, and what its commands may see. How commits made there are kept says
//! `commits.rs`.
//!
//! An overlay view shows the workspace's own git folder, under a layer. A slot gets a git folder of
//! its own, made anew for each use: nothing that an earlier command left in it lives on. In a slot
//! of a workspace below git's top level there is none, because the slot shows only a part.
//!
//! Writes nothing of the user's repository.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use super::open::Stand;
use crate::engine::{Engine, EngineError};
use crate::object::snapshot::GitHead;
use crate::run::Command;
use crate::run::git::{self, GitPlace};

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
    pub(super) head: Option<String>,
    /// All references of a slot. A layer needs none: it holds only what was written.
    pub(super) references: BTreeMap<String, String>,
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
