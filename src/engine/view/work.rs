//! What a view is told about itself when it is opened: on which branch it works and from where, or
//! that a tree is only measured in it.

use std::path::PathBuf;

use super::identity::{Identity, Work, bytes_of};
use crate::base::id::SnapshotId;
use crate::base::limits::VIEW_DEPTH_MAX;
use crate::base::name::Label;
use crate::engine::{Engine, EngineError};
use crate::object::snapshot::GitHead;

/// What a command works on in a view.
#[derive(Clone, Debug)]
pub(in crate::engine) struct WorkOn {
    /// The branch.
    pub branch: Label,
    /// The snapshot that the view shows at first.
    pub base: SnapshotId,
    /// The head of the branch at that moment.
    pub head: SnapshotId,
    /// The experiment and the approach, where it is one's.
    pub approach: Option<(String, String)>,
    /// Whether what the command leaves is recorded.
    pub keeps: bool,
    /// The command, for people.
    pub message: String,
}

/// What a view shows.
pub(super) struct Shown<'a> {
    pub label: &'a str,
    /// None where a tree is only measured.
    pub on: Option<&'a WorkOn>,
    /// What tells it from all others that are open.
    pub number: usize,
}

/// Where the parts of a view lie.
pub(super) struct Places {
    /// The workspace's folder, as the view shows it.
    pub root: PathBuf,
    /// Where the store can be written from within.
    pub store: PathBuf,
    /// For what its own workspace remembers.
    pub registration: PathBuf,
    /// Where what it writes comes to lie.
    pub files: PathBuf,
    /// Where git stands in it.
    pub git_head: Option<GitHead>,
}

impl Engine {
    /// How many views lie around this process.
    fn depth(&self) -> u32 {
        self.place.view.as_ref().map_or(0, |view| view.depth)
    }

    /// Refuses one view more in the others than there may be.
    pub(super) fn check_depth(&self) -> Result<(), EngineError> {
        if self.depth() < VIEW_DEPTH_MAX {
            return Ok(());
        }
        let what = "no view can be opened in this one".to_owned();
        let why = format!("{VIEW_DEPTH_MAX} lie one in the other already");
        Err(EngineError::Refused { what, why })
    }

    /// The identity of a view that is being opened.
    pub(super) fn identity(&self, shown: &Shown<'_>, places: &Places) -> Identity {
        let around = &self.surroundings;
        let work = |on: &WorkOn| {
            let unique = format!("{} {} {}", shown.label, shown.number, around.now().0);
            Work {
                workspace: Identity::workspace_name(on.approach.is_some(), &unique),
                store: bytes_of(&places.store),
                state: bytes_of(&self.view_folder()),
                registration: bytes_of(&places.registration),
                files: bytes_of(&places.files),
                branch: on.branch.clone(),
                base: on.base,
                head: on.head,
                git_head: places.git_head.clone(),
                approach: on.approach.clone(),
                keeps: on.keeps,
                message: on.message.clone(),
                who: around.who.clone(),
                session: around.session.clone(),
                global_excludes: around.global_excludes.as_deref().map(bytes_of),
            }
        };
        Identity {
            label: shown.label.to_owned(),
            root: bytes_of(&places.root),
            store: bytes_of(&self.place.usual_store()),
            outer: self.place.workspace.clone(),
            depth: self.depth() + 1,
            work: shown.on.map(work),
        }
    }
}
