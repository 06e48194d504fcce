//! What can go wrong in a verb, by what the caller can do about it.
//!
//! A conflict, a failed command and "nothing better found" are results, not errors. Hints are
//! given on the top floor.

use std::path::PathBuf;

use super::report::count;
use crate::base::id::SnapshotId;
use crate::base::name::BadLabel;
use crate::base::regular::unreadable;
use crate::document::{DocumentError, PatchError};
use crate::engine::config::ConfigError;
use crate::graph::GraphError;
use crate::merge::MergeError;
use crate::object::traits::ObjectError;
use crate::run::RunError;
use crate::session::state::StateError;
use crate::store::bundle::BundleError;
use crate::store::catalogue::CatalogueError;
use crate::store::journal::JournalError;
use crate::store::{CommitError, StoreError};
use crate::workspace::isolate::IsolateError;
use crate::workspace::{RestoreError, WorkspaceError};

/// Which sort of error it is: the exit code is decided by it (design.md §11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// The request makes no sense, or not here, for this user or with this program.
    Usage,
    /// Something moved or stands in the way.
    Conflict,
    /// There is no such thing.
    NotFound,
    /// Somebody else is at it.
    Busy,
    /// Stored bytes are wrong.
    Corrupt,
    /// The disk or a quota is full.
    Full,
    /// The system refused.
    System,
    /// Somebody interrupted it.
    Interrupted,
}

/// Why a verb could not be done.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No store belongs to the folder.
    #[error("`{0}` is not in a workspace")]
    NotAWorkspace(PathBuf),
    /// There is a store already.
    #[error("`{0}` is a workspace already")]
    AlreadyAWorkspace(PathBuf),
    /// A rule forbids it.
    #[error("{what}: {why}")]
    Refused {
        /// What was asked for.
        what: String,
        /// The rule.
        why: String,
    },
    /// The folder belongs to another user.
    #[error("`{path}` cannot be a workspace: it belongs to another user (uid {owner})")]
    ForeignFolder {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// A question must be answered first.
    #[error("{0}")]
    NeedsConsent(String),
    /// Nothing goes by that name.
    #[error("there is no {what} `{name}`")]
    NotFound {
        /// `branch`, `snapshot`, `experiment` and so on.
        what: &'static str,
        /// What was given.
        name: String,
        /// Names that are near it.
        near: Vec<String>,
    },
    /// There is no log of an approach, because its command has not begun.
    #[error("could not show a log of `{branch}`: it has not begun")]
    NotBegun {
        /// Its branch.
        branch: String,
        /// Its experiment.
        experiment: String,
        /// Whether something runs in the workspace that may still begin it.
        is_racing: bool,
    },
    /// Several things go by that name.
    #[error("`{name}` is ambiguous: {}", candidates.join(", "))]
    Ambiguous {
        /// What was given.
        name: String,
        /// What it could mean.
        candidates: Vec<String>,
    },
    /// A name is taken.
    #[error("the {what} `{name}` exists already")]
    Exists {
        /// `branch` or `tag`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Another workspace of this store stands on a branch: each would go on from where it stands itself.
    #[error("branch `{branch}` cannot be taken: workspace `{workspace}` is on it")]
    Taken {
        /// The branch.
        branch: String,
        /// Who is on it.
        workspace: String,
    },
    /// A name was moved by somebody else meanwhile, or since.
    #[error("`{name}` was moved by {by}")]
    Moved {
        /// The name.
        name: String,
        /// Who, when, by which verb.
        by: String,
    },
    /// Files that are not recorded stand where files must be written.
    #[error("{} not recorded in the way: {}", count(paths.len(), "file"), shown(paths))]
    InTheWay {
        /// Which ones.
        paths: Vec<String>,
    },
    /// The content of a file of a snapshot was forgotten, and all of its files are needed.
    #[error("`{path}` {why}, so the files of that snapshot are not all there")]
    ForgottenFile {
        /// Which.
        path: String,
        /// By whom and when.
        why: String,
    },
    /// The workspace was changed by somebody while it was worked on.
    #[error("`{path}` was changed by somebody meanwhile; all files are as they were before")]
    ChangedMeanwhile {
        /// The first such path.
        path: String,
    },
    /// This process runs inside a view, where this cannot be done.
    #[error("this is the view of `{view}`, {why}")]
    InsideView {
        /// Its label.
        view: String,
        /// The rest of the sentence.
        why: &'static str,
    },
    /// The state of git is another one than the snapshot's.
    #[error("git's HEAD has moved since `{}` ({why})", snapshot.short())]
    AcrossHead {
        /// The snapshot to go back to.
        snapshot: SnapshotId,
        /// From where to where.
        why: String,
    },
    /// No snapshot is known to be good.
    #[error("no snapshot before this one is known to be good, so nothing was changed")]
    NoGoodNode,
    /// The store's quota is nearly used, so what nobody asked for is not recorded.
    #[error("the store uses {percent} % of its quota")]
    Short {
        /// Percent of the quota.
        percent: u64,
    },
    /// `exp.toml` is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is nothing to evaluate with.
    #[error("`exp.toml` names no stage, so nothing can be evaluated")]
    NoStages,
    /// There is no configuration at all.
    #[error("there is no `exp.toml`, so nothing can be evaluated")]
    NoConfig,
    /// A label is none.
    #[error(transparent)]
    Label(#[from] BadLabel),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The catalogue could not be asked.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// An object could not be had or stored.
    #[error(transparent)]
    Objects(#[from] ObjectError),
    /// The workspace could not be read or written.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// Files of the workspace could not be changed.
    #[error(transparent)]
    Restore(RestoreError),
    /// A view could not be made.
    #[error(transparent)]
    Isolate(#[from] IsolateError),
    /// A command could not be run at all.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A merge could not be computed.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// The DAG could not be walked.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A document could not be read or built.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A file outside the store could not be read or written.
    #[error("could not {what} `{path}`: {source}")]
    File {
        /// The verb: `read`, `write`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A session has no entry, so there is none.
    #[error("there is no session `{name}`: nothing was ever put into it")]
    NoSession {
        /// What was asked for.
        name: String,
        /// Names near it.
        near: Vec<String>,
        /// Sessions that exist, the one that was written to last first.
        known: Vec<String>,
    },
    /// A session refuses or fails.
    #[error(transparent)]
    State(#[from] StateError),
    /// A bundle is refused or could not be written. Nothing of it is here.
    #[error(transparent)]
    Bundle(BundleError),
    /// Somebody interrupted it; what was finished is kept.
    #[error("interrupted")]
    Interrupted,
}

fn shown(paths: &[String]) -> String {
    let first: Vec<_> = paths.iter().take(5).map(|path| format!("`{path}`")).collect();
    let more = if paths.len() > 5 { ", …" } else { "" };
    format!("{}{more}", first.join(", "))
}

impl EngineError {
    /// Which sort it is.
    pub fn category(&self) -> Category {
        match self {
            Self::NotAWorkspace(_)
            | Self::NotFound { .. }
            | Self::NotBegun { .. }
            | Self::NoSession { .. } => Category::NotFound,
            Self::State(error) => self.category_of_state(error),
            // All others are about a text that somebody gave.
            Self::Document(error) if !matches!(error, DocumentError::Object(_)) => Category::Usage,
            Self::File { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                Category::NotFound
            }
            Self::File { source, .. } if unreadable(source).is_some() => Category::Usage,
            Self::AlreadyAWorkspace(_)
            | Self::Exists { .. }
            | Self::Taken { .. }
            | Self::Moved { .. }
            | Self::InTheWay { .. }
            | Self::AcrossHead { .. }
            | Self::ChangedMeanwhile { .. } => Category::Conflict,
            Self::Refused { .. }
            | Self::ForeignFolder { .. }
            | Self::NeedsConsent(_)
            | Self::Ambiguous { .. }
            | Self::Config(_)
            | Self::NoStages
            | Self::NoConfig
            | Self::Label(_) => Category::Usage,
            Self::InsideView { .. }
            | Self::Isolate(IsolateError::Busy { .. })
            | Self::Catalogue(CatalogueError::Busy { .. }) => Category::Busy,
            Self::NoGoodNode | Self::ForgottenFile { .. } => Category::NotFound,
            Self::Bundle(error) => match error {
                BundleError::NotABundle | BundleError::Version { .. } => Category::Usage,
                BundleError::Damaged { .. } | BundleError::Incomplete { .. } => Category::Corrupt,
                BundleError::Prerequisite { .. } | BundleError::LetGo { .. } => Category::NotFound,
                _ => self.category_below(),
            },
            Self::Short { .. } => Category::Full,
            Self::Interrupted => Category::Interrupted,
            other => other.category_below(),
        }
    }

    /// The category of what a session says.
    fn category_of_state(&self, error: &StateError) -> Category {
        match error {
            StateError::UnknownSession { .. }
            | StateError::UnknownState { .. }
            | StateError::UnknownBranch { .. } => Category::NotFound,
            StateError::BadName { .. }
            | StateError::Ambiguous { .. }
            | StateError::TooLong { .. }
            | StateError::TooManyBranches { .. }
            | StateError::Elsewhere { .. }
            | StateError::OtherFiles { .. }
            | StateError::IntervalRuns { .. } => Category::Usage,
            // A `test` that fails says that somebody was quicker.
            StateError::Document(DocumentError::Patch(PatchError::Apply {
                name: "test", ..
            }))
            | StateError::BranchExists { .. }
            | StateError::Moved { .. } => Category::Conflict,
            StateError::Document(error) if !matches!(error, DocumentError::Object(_)) => {
                Category::Usage
            }
            StateError::Busy { .. } => Category::Busy,
            StateError::Damaged { .. } | StateError::Uncertain { .. } => Category::Corrupt,
            StateError::Journal(error) if error.is_corruption() => Category::Corrupt,
            _ => self.category_below(),
        }
    }

    /// Whether the store's quota refused it, as opposed to a disk that is full.
    pub fn is_quota(&self) -> bool {
        let mut cause = Some(self.first_cause());
        while let Some(error) = cause {
            if error.downcast_ref::<ObjectError>().is_some_and(ObjectError::is_quota)
                || error.downcast_ref::<StoreError>().is_some_and(StoreError::is_quota)
            {
                return true;
            }
            cause = error.source();
        }
        matches!(self, Self::Short { .. })
    }

    /// What the system said, where it is a failure of the system.
    pub fn system(&self) -> Option<&std::io::Error> {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = cause {
            if let Some(io) = error.downcast_ref::<std::io::Error>() {
                return Some(io);
            }
            cause = error.source();
        }
        None
    }

    /// The category of an error that comes from a lower floor.
    fn category_below(&self) -> Category {
        let mut cause = Some(self.first_cause());
        while let Some(error) = cause {
            if let Some(category) = category_of(error) {
                return category;
            }
            cause = error.source();
        }
        Category::System
    }
}

impl EngineError {
    /// The lower floor's error itself: `source` passes over one that is shown as it is.
    fn first_cause(&self) -> &(dyn std::error::Error + 'static) {
        match self {
            Self::Store(StoreError::Objects(error))
            | Self::Objects(error)
            | Self::Workspace(WorkspaceError::Objects(error))
            | Self::Restore(RestoreError::Objects(error))
            | Self::Isolate(IsolateError::Object(error))
            | Self::Document(DocumentError::Object(error))
            | Self::State(StateError::Objects(error)) => error,
            Self::State(StateError::Store(error))
            | Self::State(StateError::Journal(JournalError::Store(error))) => error,
            Self::State(error) => error,
            Self::Store(error) => error,
            Self::Workspace(error) => error,
            Self::Restore(error) => error,
            Self::Isolate(error) => error,
            Self::Document(error) => error,
            Self::Catalogue(error) => error,
            Self::Run(error) => error,
            Self::Merge(error) => error,
            Self::Graph(error) => error,
            Self::Bundle(error) => error,
            other => other,
        }
    }
}

fn category_of(error: &(dyn std::error::Error + 'static)) -> Option<Category> {
    if let Some(io) = error.downcast_ref::<std::io::Error>() {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        if unreadable(io).is_some() {
            return Some(Category::Usage);
        }
        return matches!(io.kind(), StorageFull | QuotaExceeded).then_some(Category::Full);
    }
    if let Some(objects) = error.downcast_ref::<ObjectError>() {
        if objects.is_corruption() || matches!(objects, ObjectError::Missing { .. }) {
            return Some(Category::Corrupt);
        }
        if matches!(objects, ObjectError::Gone { .. }) {
            return Some(Category::NotFound);
        }
        let full = objects.is_quota()
            || objects.io().is_some_and(|io| category_of(io) == Some(Category::Full));
        return full.then_some(Category::Full);
    }
    if let Some(WorkspaceError::Intent { .. }) = error.downcast_ref::<WorkspaceError>() {
        return Some(Category::Corrupt);
    }
    error.downcast_ref::<StoreError>().and_then(category_of_store)
}

fn category_of_store(error: &StoreError) -> Option<Category> {
    if error.is_full() {
        return Some(Category::Full);
    }
    if error.is_busy() {
        return Some(Category::Busy);
    }
    let is_elsewhere = matches!(
        error,
        StoreError::NewerFormat { .. }
            | StoreError::ForeignOwner { .. }
            | StoreError::Link { .. }
            | StoreError::NotEmpty { .. }
    );
    if is_elsewhere || error.is_read_only() {
        return Some(Category::Usage);
    }
    let is_damage = error.is_corruption() || matches!(error, StoreError::Diverged { .. });
    is_damage.then_some(Category::Corrupt)
}

impl EngineError {
    /// The engine's error for one of a restore.
    pub(super) fn from_restore(error: RestoreError) -> Self {
        match error {
            RestoreError::Changed { path } => Self::ChangedMeanwhile { path: path.display() },
            RestoreError::Objects(error) => Self::Objects(error),
            other => Self::Restore(other),
        }
    }
}

impl From<CommitError> for EngineError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Moved { key, by } => {
                let by = by.map_or_else(
                    || "somebody".to_owned(),
                    |moved| {
                        let (id, operation) = *moved;
                        let who = &operation.session;
                        format!("`{}` of session {who} (operation {})", operation.verb, id.short())
                    },
                );
                Self::Moved { name: key.text(), by }
            }
            CommitError::Objects(error) => Self::Objects(error),
            CommitError::Store(error) => Self::Store(error),
        }
    }
}
