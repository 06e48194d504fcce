//! Which files of a workspace are captured: the rules, and how they are asked.
//!
//! Precedence, first answer wins: `.expignore` (the deepest folder first); the secrets (files
//! only); `.gitignore` (the deepest folder first, up to git's top level); `info/exclude`; the
//! global excludes. A `!pattern` in an `.expignore` captures what any later rule would leave out,
//! a secret included: that is said on purpose, by name.
//!
//! What git tracks, or the base has, is captured whatever the rules say: see `scan`. Matching is
//! git's (see `ignore`); a file of rules is read into patterns only when a name has to be decided.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::error::WorkspaceError;
use super::handle::Root;
use super::ignore::{Patterns, Said};
use super::record::Ruled;
use crate::base::codec;
use crate::base::id::Hash;
use crate::base::limits::RULES_BYTES_MAX;
use crate::base::path::TreePath;
use crate::base::regular;

/// Where the rules come from.
#[derive(Clone, Debug, Default)]
pub struct RuleOptions {
    /// Git's ignore file for all repositories of the user.
    pub global_excludes: Option<PathBuf>,
    /// The git folder that has `info/exclude` (the common one of a worktree).
    pub git_dir: Option<PathBuf>,
    /// Git's top level, where the workspace is it or lies below it: `.gitignore` files on the way
    /// apply, too.
    pub git_top: Option<PathBuf>,
    /// The store; never entered.
    pub store: Option<PathBuf>,
    /// Patterns, as in a `.gitignore`, of files that are not captured; see [`default_secrets`].
    pub secrets: Vec<String>,
    /// What git tracks: captured although ignored or named like a secret.
    pub tracked: Arc<BTreeSet<TreePath>>,
}

/// The patterns of secrets that hold unless the configuration says otherwise. Templates
/// (`.env.example` and its like) and public keys are no secrets. Only these `id_` names are keys:
/// `id_*` would hide source files such as `id_map.rs`.
pub fn default_secrets() -> Vec<String> {
    const PATTERNS: [&str; 21] = [
        ".env",
        ".env.*",
        ".env-*",
        ".env_*",
        ".envrc",
        "!.env.example",
        "!.env.sample",
        "!.env.template",
        "!.env.dist",
        "*.pem",
        "*.p12",
        "*.pfx",
        "id_rsa",
        "id_dsa",
        "id_ecdsa",
        "id_ecdsa_sk",
        "id_ed25519",
        "id_ed25519_sk",
        ".netrc",
        ".pgpass",
        ".git-credentials",
    ];
    PATTERNS.map(str::to_owned).to_vec()
}

/// The ignore rules of one workspace, less those in its own folders, which the walk finds.
pub struct Rules {
    pub(super) root: Arc<Root>,
    pub(super) tracked: Arc<BTreeSet<TreePath>>,
    /// The folder below the root that holds the store, and its name there.
    pub(super) store: Option<(TreePath, Vec<u8>)>,
    secrets: Matcher,
    /// `info/exclude`, then the global excludes, below every `.gitignore`.
    excludes: Vec<Matcher>,
    /// The scope of the root's parents.
    outer: Arc<Scope>,
}

impl Rules {
    /// Reads the files of rules outside of the workspace. An absent one is an empty one.
    ///
    /// # Errors
    /// The root cannot be opened; a file of rules exists and cannot be read.
    pub fn load(root: &Path, options: &RuleOptions) -> Result<Self, WorkspaceError> {
        let handle = Arc::new(Root::open(root)?);
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let place = real(root);
        let top = options.git_top.as_deref().map(real).filter(|top| place.starts_with(top));
        let top = top.unwrap_or_else(|| place.clone());
        let below = |from: &Path| prefix_of(place.strip_prefix(from).unwrap_or(Path::new("")));
        let mut excludes = Vec::new();
        let exclude = options.git_dir.as_ref().map(|dir| dir.join("info/exclude"));
        for path in [exclude, options.global_excludes.clone()].into_iter().flatten() {
            excludes.push(Matcher::of_content(below(&top), read_outer(&path)?));
        }
        let secrets = options.secrets.join("\n").into_bytes();
        let secrets = Matcher::of_content(Vec::new(), secrets);
        let mut digest = secrets.digest.0.to_vec();
        excludes.iter().for_each(|matcher| digest.extend_from_slice(&matcher.digest.0));
        let digest = codec::digest("rules", &digest);
        let mut outer = Arc::new(Scope { parent: None, git: None, exp: None, digest });
        for folder in upper_folders(&top, &place) {
            let content = read_outer(&folder.join(".gitignore"))?;
            let git = Matcher::of_content(below(&folder), content);
            outer = Scope::inside(&outer, Some(git), None);
        }
        let store = options.store.as_deref().map(real);
        let store = store.as_deref().and_then(|store| store.strip_prefix(&place).ok());
        let store = store.and_then(|path| TreePath::new(path.as_os_str().as_bytes()).ok());
        let store = store.as_ref().and_then(TreePath::split);
        let store = store.map(|(folder, name)| (folder, name.to_vec()));
        let tracked = Arc::clone(&options.tracked);
        Ok(Self { root: handle, tracked, store, secrets, excludes, outer })
    }

    /// A file of rules as it stands in the workspace; none where there is none.
    pub(super) fn read_file(&self, path: &TreePath) -> Result<Option<Vec<u8>>, WorkspaceError> {
        super::handle::absent_is_none(self.root.read_small(path, RULES_BYTES_MAX))
            .map_err(WorkspaceError::disk("read", &self.root.place(path)))
    }

    /// Whether a path lies in the store, where that stands in the workspace.
    pub(super) fn is_in_store(&self, path: &TreePath) -> bool {
        self.store.as_ref().is_some_and(|(folder, name)| path.is_within(&folder.join(name)))
    }

    /// The scope of the root before its own files of rules are found.
    pub(super) fn outer(&self) -> &Arc<Scope> {
        &self.outer
    }

    /// What the rules say of a name in a folder that is not left out itself.
    pub(super) fn decide(
        &self,
        scope: &Scope,
        path: &TreePath,
        is_folder: bool,
    ) -> Result<Ruled, WorkspaceError> {
        let scopes = || std::iter::successors(Some(scope), |scope| scope.parent.as_deref());
        for matcher in scopes().filter_map(|scope| scope.exp.as_ref()) {
            if let Some(answer) = matcher.ask(&self.root, path, is_folder)? {
                return Ok(answer);
            }
        }
        let is_secret = || self.secrets.ask(&self.root, path, false);
        if !is_folder && is_secret()? == Some(Ruled::Ignored) {
            return Ok(Ruled::Secret);
        }
        let git = scopes().filter_map(|scope| scope.git.as_ref());
        for matcher in git.chain(&self.excludes) {
            if let Some(answer) = matcher.ask(&self.root, path, is_folder)? {
                return Ok(answer);
            }
        }
        Ok(Ruled::Included)
    }
}

/// The folders from git's top level to the one above the workspace, outermost first.
fn upper_folders(top: &Path, place: &Path) -> Vec<PathBuf> {
    let above = place.ancestors().skip(1);
    let mut folders: Vec<PathBuf> =
        above.take_while(|folder| folder.starts_with(top)).map(Path::to_owned).collect();
    folders.reverse();
    folders
}

fn prefix_of(path: &Path) -> Vec<u8> {
    let mut prefix = path.as_os_str().as_bytes().to_vec();
    if !prefix.is_empty() {
        prefix.push(b'/');
    }
    prefix
}

fn read_outer(path: &Path) -> Result<Vec<u8>, WorkspaceError> {
    let read = || -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        regular::open(path)?.take(RULES_BYTES_MAX).read_to_end(&mut content)?;
        Ok(content)
    };
    match read() {
        Ok(content) => Ok(content),
        Err(error) if super::handle::is_absent(&error) => Ok(Vec::new()),
        Err(error) => Err(WorkspaceError::disk("read", path)(error)),
    }
}

/// The rules in force in one folder. Folders without rules of their own share their parent's.
pub(super) struct Scope {
    parent: Option<Arc<Scope>>,
    git: Option<Matcher>,
    exp: Option<Matcher>,
    /// Says which rules decide here: equal digests, equal answers for equal names.
    pub(super) digest: Hash,
}

impl Scope {
    /// The scope of a folder with files of rules of its own.
    pub(super) fn inside(
        parent: &Arc<Scope>,
        git: Option<Matcher>,
        exp: Option<Matcher>,
    ) -> Arc<Self> {
        let mut bytes = parent.digest.0.to_vec();
        for matcher in [&git, &exp] {
            bytes.push(u8::from(matcher.is_some()));
            bytes.extend_from_slice(matcher.as_ref().map_or(&[][..], |m| &m.digest.0[..]));
        }
        let digest = codec::digest("rules", &bytes);
        Arc::new(Self { parent: Some(Arc::clone(parent)), git, exp, digest })
    }
}

/// One file of rules, compiled when it is first asked.
pub(super) struct Matcher {
    /// Bytes of a path before those that count from the folder of the rules.
    skip: usize,
    /// What stands between the folder of the rules and the root, where they lie above it.
    prefix: Vec<u8>,
    source: Source,
    digest: Hash,
    compiled: OnceLock<Patterns>,
}

/// Bytes of a path before what counts from a folder on.
fn skip_of(folder: &TreePath) -> usize {
    match folder.as_bytes().len() {
        0 => 0,
        depth => depth + 1,
    }
}

enum Source {
    Content(Vec<u8>),
    File(TreePath),
}

impl Matcher {
    fn of_content(prefix: Vec<u8>, content: Vec<u8>) -> Self {
        let digest = codec::blob_id(&content).0;
        let source = Source::Content(content);
        Self { skip: 0, prefix, source, digest, compiled: OnceLock::new() }
    }

    /// Of a file of rules in a folder, from what it holds.
    pub(super) fn of_folder(folder: &TreePath, content: Vec<u8>) -> Self {
        Self { skip: skip_of(folder), ..Self::of_content(Vec::new(), content) }
    }

    /// Of a file in the workspace whose content has that hash.
    pub(super) fn of_file(folder: &TreePath, name: &[u8], digest: Hash) -> Self {
        let skip = skip_of(folder);
        let source = Source::File(folder.join(name));
        Self { skip, prefix: Vec::new(), source, digest, compiled: OnceLock::new() }
    }

    fn ask(
        &self,
        root: &Root,
        path: &TreePath,
        is_folder: bool,
    ) -> Result<Option<Ruled>, WorkspaceError> {
        let compiled = match self.compiled.get() {
            Some(compiled) => compiled,
            None => {
                let compiled = self.compile(root)?;
                self.compiled.get_or_init(|| compiled)
            }
        };
        if compiled.is_empty() {
            return Ok(None);
        }
        let below = path.as_bytes().get(self.skip..).unwrap_or_default();
        let whole;
        let below = if self.prefix.is_empty() {
            below
        } else {
            whole = [&self.prefix, below].concat();
            &whole
        };
        Ok(compiled.ask(below, is_folder).map(|said| match said {
            Said::Ignored => Ruled::Ignored,
            Said::Included => Ruled::Included,
        }))
    }

    fn compile(&self, root: &Root) -> Result<Patterns, WorkspaceError> {
        let read;
        let content = match &self.source {
            Source::Content(content) => content,
            Source::File(path) => {
                let place = root.place(path);
                read = super::handle::absent_is_none(root.read_small(path, RULES_BYTES_MAX))
                    .map_err(WorkspaceError::disk("read", &place))?
                    .unwrap_or_default();
                &read
            }
        };
        Ok(Patterns::parse(content))
    }
}
