//! Which workspace and which store a folder belongs to.
//!
//! In a git repository the store lies in `<git common dir>/exp`, where no cleaning command
//! reaches it; elsewhere in `.exp`. Guarantees the same answer from any folder below the
//! workspace. Reads only; starts no program.

use std::path::{Path, PathBuf};

use crate::base::codec::digest;
use crate::engine::{EngineError, Surroundings};
use crate::run::git::{GitPlace, discover};

/// The name of the store's folder outside git.
pub const STORE_FOLDER: &str = ".exp";

/// A workspace and where its store lies or would lie.
#[derive(Clone, Debug)]
pub struct Place {
    /// The workspace's folder.
    pub root: PathBuf,
    /// The store's folder.
    pub store: PathBuf,
    /// The git repository around or at it.
    pub git: Option<GitPlace>,
    /// The workspace's name in the store: `main`, `worktree-x`, with a digest of the path below
    /// git's top level for a subfolder. A store moves with its workspace, so no path is in it.
    pub workspace: String,
}

impl Place {
    /// The place that `root` is, or would be, as a workspace.
    pub fn of(root: &Path, surroundings: &Surroundings) -> Self {
        let git = discover(root).ok().flatten();
        let store = match (&surroundings.store, &git) {
            (Some(store), _) => surroundings.folder.join(store),
            (None, Some(git)) => git.common_dir.join("exp"),
            (None, None) => root.join(STORE_FOLDER),
        };
        let workspace = name_of(root, git.as_ref(), surroundings.store.is_some());
        Self { root: root.to_owned(), store, git, workspace }
    }

    /// Whether the workspace is known to its store: each one has a folder under `stat/`.
    pub fn is_registered(&self) -> bool {
        self.store.join("format").exists() && self.registration().exists()
    }

    /// The file whose existence says that the store knows this workspace.
    pub fn registration(&self) -> PathBuf {
        self.store.join("stat").join(&self.workspace)
    }

    /// The workspace that a folder belongs to: the nearest one upwards.
    ///
    /// # Errors
    /// [`EngineError::NotAWorkspace`].
    pub fn find(surroundings: &Surroundings) -> Result<Self, EngineError> {
        for folder in surroundings.folder.ancestors() {
            let place = Self::of(folder, surroundings);
            if place.is_registered() {
                return Ok(place);
            }
        }
        Err(EngineError::NotAWorkspace(surroundings.folder.clone()))
    }
}

fn name_of(root: &Path, git: Option<&GitPlace>, store_elsewhere: bool) -> String {
    let by_path = |prefix: &str, bytes: &[u8]| {
        format!("{prefix}-{}", &digest("workspace", bytes).hex()[..12])
    };
    use std::os::unix::ffi::OsStrExt;
    let Some(git) = git else {
        let bytes = root.as_os_str().as_bytes();
        return if store_elsewhere { by_path("path", bytes) } else { "main".to_owned() };
    };
    if store_elsewhere {
        return by_path("path", root.as_os_str().as_bytes());
    }
    let base = match git.git_dir.file_name() {
        Some(name) if git.git_dir != git.common_dir => {
            let text = name.to_string_lossy();
            let safe = |c: char| if c.is_alphanumeric() || c == '-' { c } else { '_' };
            format!("worktree-{}", text.chars().map(safe).collect::<String>())
        }
        _ => "main".to_owned(),
    };
    match root.strip_prefix(&git.top) {
        Ok(below) if !below.as_os_str().is_empty() => by_path(&base, below.as_os_str().as_bytes()),
        _ => base,
    }
}
