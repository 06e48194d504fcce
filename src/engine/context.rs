//! An open workspace: its place, its store, its names. What every verb begins with.
//!
//! **Invariant**: an [`Engine`] exists only when no restore is half-done: opening finishes or
//! takes back what a crash left, before anything is captured.

use std::path::Path;

use super::config::{Config, ConfigError, Settings};
use super::discover::Place;
use super::recover::recover;
use super::{Category, EngineError, Surroundings, settings};
use crate::base::id::{NamesId, SnapshotId, TreeId};
use crate::base::limits::SETTINGS_BYTES_MAX;
use crate::base::limits::{WORKSPACE_LOCK_TRIES_BRIEF, WORKSPACE_LOCK_TRIES_MAX};
use crate::base::name::Label;
use crate::base::path::TreePath;
use crate::base::regular;
use crate::document::ListKeys;
use crate::object::names::{self, NameKey, NameValue, Position};
use crate::object::snapshot::Snapshot;
use crate::object::traits::Fetch;
use crate::object::tree;
use crate::store::Store;

/// The name of the configuration file in a workspace.
pub const CONFIG_FILE: &str = "exp.toml";

/// How far back the snapshot of a wrong configuration is looked for.
const NAMED_STEPS_MAX: usize = 100;

/// An open workspace.
pub struct Engine {
    pub(super) surroundings: Surroundings,
    pub(super) place: Place,
    pub(super) store: Store,
    /// What the store says of itself, or why that is not understood.
    pub(super) settings: Result<Settings, ConfigError>,
    /// How many times the workspace's lock is tried.
    pub(super) lock_tries: usize,
    /// What a crash had left and opening put right, in sentences.
    pub recovered: Vec<String>,
}

/// Where the workspace stands: the position and the snapshot it names.
#[derive(Clone, Debug)]
pub struct Standing {
    /// All names at that moment.
    pub names: NamesId,
    /// The position.
    pub position: Position,
    /// The snapshot that the files were last captured or restored as.
    pub snapshot: Snapshot,
}

impl Engine {
    /// Opens the workspace that `surroundings.folder` lies in.
    ///
    /// # Errors
    /// [`EngineError::NotAWorkspace`]; the store's (newer version, another owner, busy, damaged).
    pub fn open(surroundings: Surroundings) -> Result<Self, EngineError> {
        Self::open_waiting(surroundings, WORKSPACE_LOCK_TRIES_MAX)
    }

    /// Opens it for what must not keep anybody: it is busy soon where another verb holds the workspace.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub fn open_in_passing(surroundings: Surroundings) -> Result<Self, EngineError> {
        Self::open_waiting(surroundings, WORKSPACE_LOCK_TRIES_BRIEF)
    }

    fn open_waiting(surroundings: Surroundings, tries: usize) -> Result<Self, EngineError> {
        let mut engine = Self::open_read_only(surroundings)?;
        engine.lock_tries = tries;
        engine.recovered = recover(&engine)?;
        if engine.refuse_in_view().is_ok() {
            engine.recovered.extend(engine.rescue());
        }
        Ok(engine)
    }

    /// Opens it for reading alone: a half-done restore is left as it is.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub fn open_read_only(mut surroundings: Surroundings) -> Result<Self, EngineError> {
        let place = Place::find(&surroundings)?;
        if let Some(work) = place.work() {
            work.inform(&mut surroundings);
        }
        let store = Store::open(&place.store, surroundings.disk.clone())?;
        Ok(Self::of(surroundings, place, store))
    }

    /// Of its parts. Nothing is put right.
    pub(super) fn of(surroundings: Surroundings, place: Place, store: Store) -> Self {
        let settings = settings::read(&store);
        let (lock_tries, recovered) = (WORKSPACE_LOCK_TRIES_MAX, Vec::new());
        Self { surroundings, place, store, settings, lock_tries, recovered }
    }

    /// Opens it for a verb that only looks: while another process restores, that is shown as it is
    /// at that moment instead of being refused as busy.
    ///
    /// # Errors
    /// As [`Engine::open`], but not busy for a restore that runs.
    pub fn open_to_look(surroundings: Surroundings) -> Result<Self, EngineError> {
        match Self::open_in_passing(surroundings.clone()) {
            Err(error) if error.category() == Category::Busy => Self::open_read_only(surroundings),
            opened => opened,
        }
    }

    /// The workspace's folder.
    pub fn root(&self) -> &Path {
        &self.place.root
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The workspace's name in the store.
    pub fn workspace(&self) -> &str {
        &self.place.workspace
    }

    /// What the engine was told about the world.
    pub fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    /// Refuses in a view in which a tree is only measured: there the store is bound read-only.
    pub(super) fn refuse_in_view(&self) -> Result<(), EngineError> {
        match &self.place.view {
            Some(view) if view.work.is_none() => {
                let why = "in which files are measured and nothing can be recorded";
                Err(EngineError::InsideView { view: view.label.clone(), why })
            }
            _ => Ok(()),
        }
    }

    /// Refuses in every view what makes sense only outside of it.
    pub(super) fn refuse_in_every_view(&self, why: &'static str) -> Result<(), EngineError> {
        match &self.place.view {
            Some(view) => Err(EngineError::InsideView { view: view.label.clone(), why }),
            None => Ok(()),
        }
    }

    pub(super) fn position_key(&self) -> NameKey {
        NameKey::Position(self.place.workspace.clone())
    }

    /// Where the workspace stands at this moment.
    ///
    /// # Errors
    /// [`EngineError::NotAWorkspace`] when the store has no position for it.
    pub fn standing(&self) -> Result<Standing, EngineError> {
        let names = self.store.names()?;
        let Some(position) = self.position_in(names)? else {
            return Err(EngineError::NotAWorkspace(self.place.root.clone()));
        };
        let position = self.position_in_view(names, position)?;
        let snapshot = Snapshot::fetch(&self.store, position.snapshot)?;
        Ok(Standing { names, position, snapshot })
    }

    /// The workspace's position among some names. A view in which nothing was recorded yet has none
    /// there, and stands where it was opened.
    pub(super) fn position_in(&self, names: NamesId) -> Result<Option<Position>, EngineError> {
        Ok(match names::get(&self.store, names, &self.position_key())? {
            Some(NameValue::Position(position)) => Some(position),
            _ => self.place.work().map(|work| work.first_position(&self.place.root)),
        })
    }

    /// Where a view measures the files of a branch they are that branch's, whatever the workspace
    /// outside is on.
    fn position_in_view(&self, names: NamesId, outside: Position) -> Result<Position, EngineError> {
        let view = self.place.view.as_ref().filter(|view| view.work.is_none());
        let Some(Ok(branch)) = view.map(|view| Label::new(view.label.as_str())) else {
            return Ok(outside);
        };
        Ok(match self.branch_head(names, &branch)? {
            Some(snapshot) => Position { branch, snapshot, ..outside },
            None => outside,
        })
    }

    /// Where the workspace's own branch must stand for a verb to move it. In a view that is where
    /// the view left it: what another process recorded there meanwhile must not be lost.
    pub(super) fn own_head(&self, standing: &Standing) -> Result<Option<SnapshotId>, EngineError> {
        let Some(work) = self.place.work() else {
            return self.branch_head(standing.names, &standing.position.branch);
        };
        let recorded = names::get(&self.store, standing.names, &self.position_key())?.is_some();
        Ok(Some(if recorded { standing.position.snapshot } else { work.head }))
    }

    /// The snapshot at the head of a branch.
    pub(super) fn branch_head(
        &self,
        names: NamesId,
        branch: &Label,
    ) -> Result<Option<SnapshotId>, EngineError> {
        match names::get(&self.store, names, &NameKey::Branch(branch.clone()))? {
            Some(NameValue::Branch(snapshot)) => Ok(Some(snapshot)),
            _ => Ok(None),
        }
    }

    /// The configuration as it stands in a tree; none where the tree has no such file.
    ///
    /// # Errors
    /// [`EngineError::Config`] with line and column; the store's.
    pub fn config_in(&self, tree: TreeId) -> Result<Option<Config>, EngineError> {
        let path = TreePath::new(CONFIG_FILE.as_bytes()).unwrap_or_default();
        let entry = tree::lookup(&self.store, tree, &path)?;
        let Some(blob) = entry.and_then(|entry| entry.blob()) else {
            return Ok(None);
        };
        let mut text = Vec::new();
        self.store.fetch_blob_to(blob, &mut text)?;
        Ok(Some(Config::parse(&String::from_utf8_lossy(&text))?))
    }

    /// The configuration by which something is judged against a base: that of the base, so that
    /// nobody passes by changing the rules. Without one there, that of the workspace.
    pub(super) fn config_of_base(&self, base: Option<TreeId>) -> Result<Config, EngineError> {
        // A wrong file in the workspace is said, whoever's rules are applied.
        let present = self.config()?;
        let of_base = match base {
            Some(tree) => match self.config_in(tree) {
                Err(EngineError::Config(fault)) => {
                    return Err(fault.in_file(&self.recorded_config(tree)?).into());
                }
                read => read?,
            },
            None => None,
        };
        Ok(of_base.unwrap_or(present))
    }

    /// What a recorded configuration is called, since the workspace's may be another by now: the
    /// nearest snapshot with that tree names it.
    fn recorded_config(&self, tree: TreeId) -> Result<String, EngineError> {
        let mut next = Some(self.standing()?.position.snapshot);
        for _ in 0..NAMED_STEPS_MAX {
            let Some(id) = next else { break };
            let snapshot = Snapshot::fetch(&self.store, id)?;
            if snapshot.tree == tree {
                return Ok(format!("{CONFIG_FILE} of snapshot {}", id.short()));
            }
            next = snapshot.parents.first().copied();
        }
        Ok(format!("{CONFIG_FILE} of the snapshot that is compared with"))
    }

    /// Why nothing can be evaluated: there is no configuration, or it names no stage.
    pub(super) fn no_stages(&self) -> EngineError {
        match self.place.root.join(CONFIG_FILE).symlink_metadata() {
            Ok(_) => EngineError::NoStages,
            Err(_) => EngineError::NoConfig,
        }
    }

    /// The configuration as it stands in the workspace; the default without a file.
    ///
    /// # Errors
    /// [`EngineError::Config`] with line and column.
    pub fn config(&self) -> Result<Config, EngineError> {
        let path = self.place.root.join(CONFIG_FILE);
        match regular::read_text(&path, SETTINGS_BYTES_MAX) {
            Ok(text) => Ok(Config::parse(&text)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Config::default()),
            Err(source) => Err(EngineError::File { what: "read", path, source }),
        }
    }

    /// By which field the items of lists in states are known. A wrong configuration is said by the
    /// verbs that it decides something for.
    pub(super) fn list_keys(&self) -> ListKeys {
        self.config().map(|config| config.state.identity).unwrap_or_default()
    }
}
