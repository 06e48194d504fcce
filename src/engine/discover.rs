//! Which workspace and which store a folder belongs to.
//!
//! In a view the identity that lies there says both, and comes before git: a slot may have a
//! repository of its own, and the usual place of the store cannot be written. Otherwise, in a
//! git repository the store lies in `<git common dir>/exp`, where no cleaning command reaches it;
//! elsewhere in `.exp`. Guarantees the same answer from any folder below the workspace. Reads only;
//! starts no program.

use std::path::{Path, PathBuf};

use crate::base::codec::digest;
use crate::engine::view::{Identity, Work, path_of};
use crate::engine::{EngineError, Surroundings};
use crate::run::git::{GitPlace, discover};
use crate::store::Store;

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
    /// Whose view it is, where it is one.
    pub view: Option<Box<Identity>>,
}

impl Place {
    /// The place that `root` is, or would be, as a workspace.
    ///
    /// # Errors
    /// [`EngineError::Run`] when git's folder cannot be looked at.
    pub fn of(root: &Path, surroundings: &Surroundings) -> Result<Self, EngineError> {
        let git = discover(root)?;
        let plain = root.join(STORE_FOLDER);
        let store = match (&surroundings.store, &git) {
            (Some(store), _) => surroundings.folder.join(store),
            (None, Some(git)) => git.common_dir.join("exp"),
            (None, None) => plain.clone(),
        };
        // A folder that became a repository later keeps its store where it was made.
        if surroundings.store.is_none() && git.is_some() && !Store::is_any(&store)? {
            let workspace = name_of(root, None, false);
            let was = Self {
                root: root.to_owned(),
                store: plain,
                git: git.clone(),
                workspace,
                view: None,
            };
            if was.is_registered()? {
                return Ok(was);
            }
        }
        let workspace = name_of(root, git.as_ref(), surroundings.store.is_some());
        Ok(Self { root: root.to_owned(), store, git, workspace, view: None })
    }

    /// The place that a view is for those inside of it.
    fn in_view(root: &Path, identity: Identity) -> Result<Self, EngineError> {
        // A slot's own repository counts, not one that the slots happen to lie in.
        let git = discover(root)?;
        let git = git.filter(|git| git.top == root || !is_slot(root));
        let (store, workspace) = match &identity.work {
            Some(work) => (path_of(&work.store), work.workspace.clone()),
            None => (path_of(&identity.store), identity.outer.clone()),
        };
        let view = Some(Box::new(identity));
        Ok(Self { root: root.to_owned(), store, git, workspace, view })
    }

    /// The view, where it is one to work in.
    pub fn work(&self) -> Option<&Work> {
        self.view.as_ref()?.work.as_ref()
    }

    /// The store's folder as it may lie inside the workspace: never captured.
    pub fn usual_store(&self) -> PathBuf {
        self.view.as_ref().map_or_else(|| self.store.clone(), |view| path_of(&view.store))
    }

    /// Whether the workspace is known to its store: each one has a folder under `stat/`.
    ///
    /// # Errors
    /// [`EngineError::File`] for a store that cannot be looked at: that is not one that is absent.
    pub fn is_registered(&self) -> Result<bool, EngineError> {
        if !Store::is_any(&self.store)? {
            return Ok(false);
        }
        let path = self.registration();
        path.try_exists().map_err(|source| EngineError::File { what: "look at", path, source })
    }

    /// The file whose existence says that the store knows this workspace. A view has its own, in a
    /// folder that goes with it.
    pub fn registration(&self) -> PathBuf {
        if let Some(work) = self.work() {
            return path_of(&work.registration);
        }
        self.store.join("stat").join(&self.workspace)
    }

    /// The workspace that a folder belongs to: the nearest one upwards.
    ///
    /// # Errors
    /// [`EngineError::NotAWorkspace`]; [`EngineError::Refused`] when the variables of a view and
    /// what is found do not agree.
    pub fn find(surroundings: &Surroundings) -> Result<Self, EngineError> {
        for folder in surroundings.folder.ancestors() {
            if let Some(identity) = Identity::of_slot(folder)? {
                return Self::checked(folder, identity, surroundings);
            }
            let place = Self::of(folder, surroundings)?;
            if !place.is_registered()? {
                continue;
            }
            return match Identity::in_store(&place.store)? {
                Some(identity) if same(&path_of(&identity.root), folder) => {
                    Self::checked(folder, identity, surroundings)
                }
                Some(identity) => Err(elsewhere(&identity.label, folder)),
                None => {
                    match surroundings.inside_view.as_ref().or(surroundings.inside_branch.as_ref())
                    {
                        Some(claim) => Err(elsewhere(claim, folder)),
                        None => Ok(place),
                    }
                }
            };
        }
        Err(EngineError::NotAWorkspace(surroundings.folder.clone()))
    }

    fn checked(
        root: &Path,
        identity: Identity,
        surroundings: &Surroundings,
    ) -> Result<Self, EngineError> {
        identity.check_claim("EXP_VIEW", surroundings.inside_view.as_ref())?;
        identity.check_claim("EXP_BRANCH", surroundings.inside_branch.as_ref())?;
        Self::in_view(root, identity)
    }
}

fn is_slot(root: &Path) -> bool {
    matches!(Identity::of_slot(root), Ok(Some(_)))
}

fn same(a: &Path, b: &Path) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// A process of a view that works in another workspace, which it would take for its own.
fn elsewhere(view: &str, folder: &Path) -> EngineError {
    EngineError::Refused {
        what: format!("this process belongs to the view of `{view}`"),
        why: format!(
            "and `{}` is not in it; unset EXP_VIEW and EXP_BRANCH only if that is meant",
            folder.display()
        ),
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
