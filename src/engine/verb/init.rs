//! `exp init`: makes a folder a workspace.
//!
//! Shows what will be captured before it captures, and asks where that is much. Refuses the root,
//! the home folder, and what belongs to another user.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::base::id::NamesId;
use crate::base::limits::SETTINGS_BYTES_MAX;
use crate::base::name::Label;
use crate::base::path::TreePath;
use crate::base::regular;
use crate::engine::config::{Config, DEFAULT_SETTINGS, ProjectKind, default_text, guess};
use crate::engine::context::CONFIG_FILE;
use crate::engine::discover::Place;
use crate::engine::report::ShownPath;
use crate::engine::take::rules_of;
use crate::engine::transact::{Act, branch_move};
use crate::engine::view::probe;
use crate::engine::{Engine, EngineError, Surroundings};
use crate::object::names::{self, NameValue};
use crate::object::snapshot::Origin;
use crate::object::tree;
use crate::store::{Store, StoreError};
use crate::workspace::{FolderTotals, Survey, survey, survey_of, write_whole};

/// Above this many bytes `init` asks.
pub const ASK_BYTES: u64 = 2 << 30;

/// Above this many files `init` asks.
pub const ASK_FILES: u64 = 200_000;

/// What can be asked of `init`.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The folder; the present one if none is given.
    pub folder: Option<PathBuf>,
    /// Go ahead however much it is.
    pub yes: bool,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The workspace.
    pub workspace: PathBuf,
    /// Where the store lies.
    pub store: PathBuf,
    /// Files that were captured, or would be in a dry run.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The largest folders at the top: path, files, bytes.
    pub largest: Vec<(ShownPath, u64, u64)>,
    /// How much is ignored and so not captured, topmost only.
    pub ignored: usize,
    /// Files that look like secrets and are not captured.
    pub secrets: Vec<ShownPath>,
    /// Which views work here: `overlay` or `copy`, and why.
    pub backend: String,
    /// The kinds of project from which stages were guessed.
    pub guessed: Vec<String>,
    /// The stages of `exp.toml`.
    pub stages: Vec<String>,
    /// Whether `exp.toml` was written.
    pub wrote_config: bool,
    /// The first snapshot; none in a dry run.
    pub snapshot: Option<String>,
}

/// Makes a workspace.
///
/// # Errors
/// [`EngineError::Refused`] for `/`, the home folder, another user's or a missing folder;
/// [`EngineError::NeedsConsent`] above [`ASK_BYTES`] or [`ASK_FILES`] without `yes`;
/// [`EngineError::AlreadyAWorkspace`].
pub fn run(surroundings: Surroundings, options: &Options) -> Result<Report, EngineError> {
    run_with(surroundings, options, || Ok(()))
}

/// As [`run`]; what `prepare` writes into the folder, once it is sure that a workspace is made, is in
/// its first snapshot.
///
/// # Errors
/// Those of [`run`] and of `prepare`.
pub fn run_with(
    surroundings: Surroundings,
    options: &Options,
    prepare: impl FnOnce() -> Result<(), EngineError>,
) -> Result<Report, EngineError> {
    let mut plan = plan(&surroundings, options)?;
    // Who asked for it however much it is does not wait for a walk that counts.
    if options.dry_run || !options.yes {
        let found = survey(&rules_of(&plan.place, &surroundings, &plan.config)?)?;
        plan.report.count(&found);
    }
    let report = &plan.report;
    if options.dry_run {
        return Ok(plan.report);
    }
    if !options.yes && (report.bytes > ASK_BYTES || report.files > ASK_FILES) {
        return Err(EngineError::NeedsConsent(question(report)));
    }
    prepare()?;
    apply(surroundings, plan)
}

/// A workspace made inside of a view would be gone with it.
fn refuse_in_view(root: &Path, surroundings: &Surroundings) -> Result<(), EngineError> {
    let inside = |view| {
        let why = "and a workspace made in it would go with it";
        Err(EngineError::InsideView { view, why })
    };
    if let Some(view) = &surroundings.inside_view {
        return inside(view.clone());
    }
    match Place::find(&Surroundings { folder: root.to_owned(), ..surroundings.clone() }) {
        Ok(Place { view: Some(view), .. }) => inside(view.label),
        _ => Ok(()),
    }
}

struct Plan {
    place: Place,
    config: Config,
    /// The text of `exp.toml`, where there is none yet.
    new_config: Option<String>,
    report: Report,
}

fn plan(surroundings: &Surroundings, options: &Options) -> Result<Plan, EngineError> {
    let folder = surroundings.folder.join(options.folder.clone().unwrap_or_default());
    let root = checked_root(&folder, surroundings)?;
    refuse_in_view(&root, surroundings)?;
    let place = Place::of(&root, surroundings)?;
    if place.is_registered()? {
        return Err(EngineError::AlreadyAWorkspace(root));
    }
    let kinds = guessed(&root)?;
    let existing = read_config(&root)?;
    let new_config = existing.is_none().then(|| default_text(&kinds));
    let config = Config::parse(existing.as_ref().or(new_config.as_ref()).map_or("", |t| t))?;
    let report = Report {
        workspace: place.root.clone(),
        store: place.store.clone(),
        backend: probe(surroundings, &place),
        guessed: kinds.iter().map(|kind| format!("{kind:?}").to_lowercase()).collect(),
        stages: config.stages.iter().map(|stage| stage.name.clone()).collect(),
        wrote_config: new_config.is_some(),
        ..Report::default()
    };
    Ok(Plan { place, config, new_config, report })
}

fn apply(surroundings: Surroundings, plan: Plan) -> Result<Report, EngineError> {
    let Plan { place, new_config, mut report, .. } = plan;
    let disk = surroundings.disk.clone();
    if let Some(text) = new_config {
        write_whole(&*disk, &place.root, CONFIG_FILE, text.as_bytes())?;
    }
    // A store that lacks its last file, from an `init` cut short, is finished by the same call.
    let store = match Store::open(&place.store, disk.clone()) {
        Ok(store) => store,
        Err(StoreError::NotAStore { .. }) => {
            Store::create(&place.store, disk.clone(), DEFAULT_SETTINGS)?
        }
        Err(error) => return Err(error.into()),
    };
    let engine = Engine::of(surroundings, place, store);
    report.snapshot = Some(first_snapshot(&engine, &mut report)?);
    Ok(report)
}

/// Captures the files as the first snapshot. The workspace's registration comes last of all, so
/// that an `init` cut short can be given again: one that had committed lacks nothing else.
fn first_snapshot(engine: &Engine, report: &mut Report) -> Result<String, EngineError> {
    let now = names::get(&engine.store, engine.store.names()?, &engine.position_key())?;
    let config = engine.config()?;
    if let Some(NameValue::Position(position)) = now {
        report.count(&survey(&engine.rules(&config)?)?);
        register(engine)?;
        return Ok(position.snapshot.hex());
    }
    let writer = engine.writer()?;
    let base = tree::empty(&writer)?;
    let mut taken = engine.take(&writer, &config, base)?;
    report.count(&survey_of(&taken.capture, &taken.cache));
    let names = engine.store.names()?;
    let branch = free_branch(engine, names)?;
    let message = "first snapshot".to_owned();
    let tree = taken.capture.tree;
    let snapshot = engine.new_snapshot(Vec::new(), tree, &branch, Origin::Initial, message);
    let id = snapshot.put(&writer)?;
    let position = engine.position(&branch, id, snapshot.git_head.clone());
    let moves = vec![branch_move(&branch, None, Some(id)), engine.position_move(None, position)];
    engine.commit(&writer, moves, Act::verb("init", "made the workspace"))?;
    register(engine)?;
    engine.keep_cache(&mut taken);
    Ok(id.hex())
}

/// Makes the workspace known to its store, durably.
fn register(engine: &Engine) -> Result<(), EngineError> {
    let (disk, path) = (&*engine.surroundings.disk, engine.place.registration());
    let made = if path.exists() { Ok(()) } else { disk.create_dir(&path, 0o700) };
    made.and_then(|()| disk.sync_dir(&engine.store.layout().stat()))
        .map_err(|source| EngineError::File { what: "write", path, source })
}

/// `main`, or for a further workspace of the same store its own name.
fn free_branch(engine: &Engine, names: NamesId) -> Result<Label, EngineError> {
    let main = Label::new("main")?;
    if engine.branch_head(names, &main)?.is_none() {
        return Ok(main);
    }
    let own = Label::new(engine.workspace())?;
    match engine.branch_head(names, &own)? {
        None => Ok(own),
        Some(_) => Err(EngineError::Exists { what: "branch", name: own.to_string() }),
    }
}

/// The variable that allows folders of other users.
const SAFE_DIRECTORY: &str = "EXP_SAFE_DIRECTORY";

fn checked_root(folder: &Path, surroundings: &Surroundings) -> Result<PathBuf, EngineError> {
    let refuse = |why: &str| {
        let what = format!("`{}` cannot be a workspace", folder.display());
        Err(EngineError::Refused { what, why: why.to_owned() })
    };
    let root = match folder.canonicalize() {
        Ok(root) if root.is_dir() => root,
        Ok(_) => return refuse("it is no folder"),
        Err(source) => {
            return Err(EngineError::File { what: "open", path: folder.to_owned(), source });
        }
    };
    if root.parent().is_none() {
        return refuse("it is the root of all files");
    }
    let home = surroundings.home.as_ref().and_then(|home| home.canonicalize().ok());
    if home.as_ref() == Some(&root) {
        return refuse("it is your home folder; choose a project inside it");
    }
    if home.is_some_and(|home| home.starts_with(&root)) {
        return refuse("your home folder lies inside it");
    }
    let owner = std::fs::metadata(&root)
        .map_err(|source| EngineError::File { what: "read", path: root.clone(), source })?
        .uid();
    if owner != rustix::process::geteuid().as_raw() && !is_allowed(&root, surroundings) {
        return Err(EngineError::ForeignFolder { path: root, owner });
    }
    Ok(root)
}

/// Whether the person says that another user's folder is to be worked in: `EXP_SAFE_DIRECTORY` names it,
/// or is `*`.
fn is_allowed(root: &Path, surroundings: &Surroundings) -> bool {
    let Some(listed) = surroundings.variable(SAFE_DIRECTORY) else { return false };
    listed.as_bytes().split(|byte| *byte == b':').any(|path| {
        let path = Path::new(OsStr::from_bytes(path));
        path.as_os_str() == "*" || path.canonicalize().is_ok_and(|path| path == root)
    })
}

/// The kinds of project that the files at the root tell.
fn guessed(root: &Path) -> Result<Vec<ProjectKind>, EngineError> {
    let failed = |source| EngineError::File { what: "list", path: root.to_owned(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root).map_err(failed)? {
        names.extend(entry.map_err(failed)?.file_name().to_str().map(str::to_owned));
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Ok(guess(&names, |name| regular::read_text(&root.join(name), SETTINGS_BYTES_MAX).ok()))
}

fn read_config(root: &Path) -> Result<Option<String>, EngineError> {
    let path = root.join(CONFIG_FILE);
    match regular::read_text(&path, SETTINGS_BYTES_MAX) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(EngineError::File { what: "read", path, source }),
    }
}

impl Report {
    fn count(&mut self, found: &Survey) {
        let shown = |path: &TreePath| ShownPath(path.clone());
        let largest = |folder: &FolderTotals| (shown(&folder.path), folder.files, folder.bytes);
        self.files = found.files;
        self.bytes = found.bytes;
        self.largest = found.largest_folders.iter().map(largest).collect();
        self.ignored = found.ignored.len();
        self.secrets = found.secrets.iter().map(shown).collect();
    }
}

fn question(report: &Report) -> String {
    let gib = report.bytes as f64 / f64::from(1 << 30);
    format!("{} files with {gib:.1} GiB would be captured, which is much", report.files)
}
