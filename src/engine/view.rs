//! Running a command in a view: a branch's files as the command sees them.
//!
//! Two ways to show a tree. *Overlay*: mounted over the workspace's own path, standing live on the
//! workspace, with the difference written into the upper layer. *Copy*: a slot, a folder of its own
//! that is brought to the tree by writing only the difference.
//!
//! **Invariant**: a live view is opened only on a workspace that was just proved to equal its
//! capture; whoever believes what ran in it proves that again (`Engine::is_still`).

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::config::Config;
use super::discover::Place;
use super::take::{Taken, rules_of};
use super::{Engine, EngineError, Surroundings};
use crate::base::codec::digest;
use crate::base::id::TreeId;
use crate::base::mount::MountPlan;
use crate::base::name::Label;
use crate::base::path::TreePath;
use crate::object::memory::Scratch;
use crate::object::traits::Put;
use crate::object::tree;
use crate::run::{self, Cancel, Command, Finished, Program};
pub use crate::workspace::isolate::Backend;
use crate::workspace::isolate::{
    Choice, Facts, Layer, Layers, Note, Slot, SlotPool, UpperPlan, ViewPlan, capture_upper, choose,
    copy_warm, mount_plan, prepare_upper, probe_key, remove_stubborn,
};
use crate::workspace::{
    Capture, Durability, KeepOut, Rules, StatCache, apply_restore, capture, plan_restore,
};

/// Slots that one store's copy backend keeps.
const SLOTS_MAX: usize = 64;

/// The first port that a view may use, and how many each has to itself.
const PORTS: (usize, usize) = (20_000, 100);

/// How many blocks of ports are given out before they are given out again.
const PORT_BLOCKS: usize = 400;

/// What a view stands on.
enum Stand {
    Overlay { layer: Layer, plan: MountPlan, note: Note },
    Copy { slot: Slot, cache: Box<StatCache>, rules: Box<Rules> },
}

/// A view that is open.
pub(super) struct View<'a> {
    engine: &'a Engine,
    taken: &'a Taken,
    label: String,
    stand: Stand,
    /// The workspace's place in the view.
    folder: PathBuf,
    /// The tree that it showed when it was opened.
    tree: TreeId,
    /// Its own folder for temporary files.
    temporary: PathBuf,
    /// What ran last: its log, held open, because another process may put its own at that path.
    log: Option<fs::File>,
    ports: usize,
    /// What tells this view from all others: process and number.
    number: String,
}

/// What tells one writing of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// The folder in which layers, slots and temporary files of a store's views lie.
fn view_folder(surroundings: &Surroundings, place: &Place) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    let store = place.store.canonicalize().unwrap_or_else(|_| place.store.clone());
    let id = digest("view folder", store.as_os_str().as_bytes()).hex();
    surroundings.state.join(&id[..12])
}

/// What speaks for and against the overlay backend here. The trial view is remembered for the
/// kernel, user and path that it was made with.
fn choice(surroundings: &Surroundings, place: &Place) -> Choice {
    let folder = view_folder(surroundings, place);
    let kernel = rustix::system::uname();
    let user = rustix::process::geteuid();
    let key = probe_key(&kernel.release().to_string_lossy(), user.as_raw(), &folder);
    let memo = folder.join(format!("probe-{key}"));
    let probed = match fs::read_to_string(&memo) {
        Ok(text) if text == "ok" => Ok(()),
        Ok(reason) if !reason.is_empty() => Err(reason),
        // An empty one is being written, or was when something crashed.
        _ => {
            let probed = probe_now(&folder);
            let text = probed.as_ref().err().map_or("ok", String::as_str);
            let _ = fs::write(&memo, text);
            probed
        }
    };
    let mounts = fs::read("/proc/self/mountinfo").ok();
    choose(&Facts {
        workspace: &place.root,
        state: &folder,
        mounts: mounts.as_deref(),
        probed: &probed,
        foreign: None,
        is_root: user.is_root(),
    })
}

fn probe_now(folder: &Path) -> Result<(), String> {
    let scratch = folder.join(format!("probe.{}", std::process::id()));
    fs::create_dir_all(&scratch).map_err(|error| format!("`{}`: {error}", scratch.display()))?;
    let probed = run::probe(&scratch);
    remove_all(&scratch);
    probed
}

/// Removes a folder in which the kernel may have left one of mode 000.
fn remove_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let _ = fs::set_permissions(folder.join("work/work"), fs::Permissions::from_mode(0o700));
    let _ = fs::remove_dir_all(folder);
}

/// Which views work here, in words, for `init`.
pub(super) fn probe(surroundings: &Surroundings, place: &Place) -> String {
    let choice = choice(surroundings, place);
    match choice.hindrances.first() {
        None => choice.backend.to_string(),
        Some(first) => format!("{} ({first})", choice.backend),
    }
}

/// Each backend and whether it works here, for `doctor`.
pub(super) fn probe_backends(
    surroundings: &Surroundings,
    place: &Place,
) -> Vec<(&'static str, Result<String, String>)> {
    let choice = choice(surroundings, place);
    let reasons: Vec<_> = choice.hindrances.iter().map(ToString::to_string).collect();
    let overlay = match reasons.is_empty() {
        true => Ok("views at the workspace's own path".to_owned()),
        false => Err(reasons.join("; ")),
    };
    let slots = view_folder(surroundings, place).join("slots");
    vec![("overlay", overlay), ("copy", Ok(format!("folders in {}", slots.display())))]
}

impl Engine {
    pub(super) fn view_folder(&self) -> PathBuf {
        view_folder(&self.surroundings, &self.place)
    }

    /// Whether the workspace's files still are what was captured.
    pub(super) fn is_still(&self, taken: &Taken) -> Result<bool, EngineError> {
        let objects = Scratch::over(&self.store);
        let now = self.take(&objects, &self.config_or_default(), taken.capture.tree)?;
        Ok(now.capture.tree == taken.capture.tree)
    }

    /// Opens a view of a tree. Without a wish for a backend the better one that works is taken.
    pub(super) fn open_view<'a>(
        &'a self,
        taken: &'a Taken,
        tree: TreeId,
        label: &str,
        wish: Option<Backend>,
    ) -> Result<View<'a>, EngineError> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let choice = choice(&self.surroundings, &self.place);
        let backend = match wish {
            Some(Backend::Overlay) if choice.backend != Backend::Overlay => {
                let what = "the overlay backend does not work here".to_owned();
                let reasons: Vec<_> = choice.hindrances.iter().map(ToString::to_string).collect();
                return Err(EngineError::Refused { what, why: reasons.join("; ") });
            }
            Some(backend) => backend,
            None => choice.backend,
        };
        let state = self.view_folder();
        let temporary = state.join("tmp").join(format!("{}-{number}", std::process::id()));
        let (stand, folder) = match backend {
            Backend::Overlay if self.is_still(taken)? => {
                (self.stand_overlay(taken, tree, &state, number)?, self.place.root.clone())
            }
            _ => self.stand_copy(taken, tree, &state)?,
        };
        fs::create_dir_all(temporary.join("run")).map_err(|source| EngineError::File {
            what: "make",
            path: temporary.clone(),
            source,
        })?;
        let ports = PORTS.0 + (std::process::id() as usize + number) % PORT_BLOCKS * PORTS.1;
        let label = label.to_owned();
        let (log, number) = (None, format!("{}-{number}", std::process::id()));
        Ok(View { engine: self, taken, label, stand, folder, tree, temporary, log, ports, number })
    }

    fn stand_overlay(
        &self,
        taken: &Taken,
        wanted: TreeId,
        state: &Path,
        number: usize,
    ) -> Result<Stand, EngineError> {
        let disk = &*self.surroundings.disk;
        let layers = Layers::new(state);
        // What a process that died left: its results were captured, or never finished.
        for idle in layers.idle()? {
            if let Ok(layer) = layers.take(disk, &idle) {
                layer.remove(disk)?;
            }
        }
        let layer = layers.take(disk, &Label::new(format!("v{}-{number}", std::process::id()))?)?;
        let shown = taken.capture.tree;
        let config = self.config_or_default();
        let hide = self.hidden(taken, &config);
        let upper = layer.upper();
        prepare_upper(
            disk,
            &self.store,
            &UpperPlan {
                upper: &upper,
                lower: &self.place.root,
                shown,
                wanted,
                hide: &hide,
                unprivileged: !rustix::process::geteuid().is_root(),
            },
        )?;
        let note = Note { base: wanted, shown };
        layer.set_note(disk, note)?;
        let lowers = vec![self.place.root.clone()];
        let plan = mount_plan(
            &layer,
            ViewPlan {
                workspace: &self.place.root,
                lowers,
                git: None,
                store: &self.place.store,
                more: Vec::new(),
            },
        );
        Ok(Stand::Overlay { layer, plan, note })
    }

    /// What is ignored in the workspace and shall not be seen in a view.
    fn hidden(&self, taken: &Taken, config: &Config) -> Vec<TreePath> {
        let unseen = |path: &&TreePath| !is_input(path, config);
        let left_out = taken.capture.ignored.iter().chain(&taken.capture.secrets);
        left_out.filter(unseen).cloned().collect()
    }

    fn stand_copy(
        &self,
        taken: &Taken,
        wanted: TreeId,
        state: &Path,
    ) -> Result<(Stand, PathBuf), EngineError> {
        let disk = &*self.surroundings.disk;
        let slot = SlotPool::new(state, SLOTS_MAX).take(disk, Some(wanted))?;
        let folder = slot.files();
        let config = self.config_or_default();
        let place = Place { root: folder.clone(), git: None, ..self.place.clone() };
        let rules = rules_of(&place, &self.surroundings, &config)?;
        let now = self.surroundings.now();
        let mut cache = StatCache::load(&slot.stat_cache(), now);
        let objects = Scratch::over(&self.store);
        let holds = match slot.holds()? {
            Some(tree) => tree,
            None => tree::empty(&objects)?,
        };
        slot.set_holds(disk, None)?;
        let found = capture(&objects, &rules, &mut cache, Some(holds))?;
        clear_leavings(&folder, &found, &config)?;
        let plan = plan_restore(&objects, found.tree, wanted)?;
        apply_restore(disk, &objects, &folder, &plan, &mut cache, Durability::Disposable)
            .map_err(EngineError::from_restore)?;
        slot.set_holds(disk, Some(wanted))?;
        for path in taken.capture.ignored.iter().chain(&taken.capture.secrets) {
            let (from, to) = (path.under(&self.place.root), path.under(&folder));
            let is_folder = from.is_dir() && !from.is_symlink();
            if !is_input(path, &config) || (is_folder && to.exists()) {
                continue;
            }
            if let Some(parent) = to.parent() {
                let made = fs::create_dir_all(parent);
                made.map_err(|source| EngineError::File {
                    what: "make",
                    path: parent.to_owned(),
                    source,
                })?;
            }
            if is_folder {
                // Renamed when it is whole: half of it would be taken for all by the next use.
                let half = folder.with_file_name("warming");
                remove_stubborn(&half)?;
                copy_warm(&from, &half)?;
                fs::rename(&half, &to).map_err(|source| EngineError::File {
                    what: "rename",
                    path: to.clone(),
                    source,
                })?;
            } else {
                let copied = fs::copy(&from, &to);
                copied.map_err(|source| EngineError::File { what: "copy", path: to, source })?;
            }
        }
        let (cache, rules) = (Box::new(cache), Box::new(rules));
        Ok((Stand::Copy { slot, cache, rules }, folder))
    }
}

/// Removes from a slot what an earlier run left there, ignored: the next one would be measured
/// with it. Warm folders stay; kept files are copied anew.
fn clear_leavings(folder: &Path, found: &Capture, config: &Config) -> Result<(), EngineError> {
    let git = TreePath::new(&b".git"[..]).ok();
    for path in found.ignored.iter().chain(&found.secrets).chain(&git) {
        let place = path.under(folder);
        match place.symlink_metadata() {
            Ok(meta) if meta.is_dir() && !is_input(path, config) => remove_stubborn(&place)?,
            Ok(meta) if !meta.is_dir() => {
                let removed = fs::remove_file(&place);
                removed.map_err(|source| EngineError::File {
                    what: "remove",
                    path: place,
                    source,
                })?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether something ignored is an input that views show: a warm folder or a kept file.
fn is_input(path: &TreePath, config: &Config) -> bool {
    let name = path.split().map_or_else(Vec::new, |(_, name)| name.to_vec());
    let listed = |list: &[String]| {
        list.iter().any(|item| {
            let item = item.trim_end_matches('/').as_bytes();
            item == path.as_bytes() || item == name
        })
    };
    listed(&config.workspace.warm) || listed(&config.workspace.keep)
}

impl View<'_> {
    /// Whether it stands on the workspace itself.
    pub fn is_live(&self) -> bool {
        matches!(self.stand, Stand::Overlay { .. })
    }

    /// How it is made, in words.
    pub fn describe(&self) -> &'static str {
        match self.stand {
            Stand::Overlay { .. } => "overlay, live",
            Stand::Copy { .. } => "copy",
        }
    }

    /// A command that runs in it.
    pub fn command(&self, program: Program) -> Command {
        let mut command = Command::new(program, &self.folder);
        if let Stand::Overlay { plan, .. } = &self.stand {
            command.mount = Some(plan.clone());
        }
        let mut set = |name: &str, value: OsString| {
            command.environment.push((name.into(), Some(value)));
        };
        set("EXP_VIEW", self.label.clone().into());
        set("EXP_BRANCH", self.label.clone().into());
        set("EXP_PORT_BASE", self.ports.to_string().into());
        set("TMPDIR", self.temporary.clone().into());
        set("XDG_RUNTIME_DIR", self.temporary.join("run").into());
        set("PWD", self.folder.clone().into());
        // A build folder shared by all branches would hand one branch another's code.
        command.environment.push(("CARGO_TARGET_DIR".into(), None));
        command
    }

    /// Runs a command in it; its whole output goes to a log of that name.
    pub fn run(
        &mut self,
        mut command: Command,
        name: &str,
        cancel: &Cancel,
    ) -> Result<Finished, EngineError> {
        // No label has a `%`, so that two labels never share a folder.
        let folder = self.engine.store.root().join("runs").join(self.label.replace('/', "%"));
        fs::create_dir_all(&folder).map_err(|source| EngineError::File {
            what: "make",
            path: folder.clone(),
            source,
        })?;
        let name = name.replace(|c: char| !c.is_alphanumeric() && c != '-', "_");
        let failed = |what, path: &Path| {
            let path = path.to_owned();
            move |source| EngineError::File { what, path, source }
        };
        // Under a name of its own until it is read: others evaluate under the same label.
        let own = folder.join(format!("{name}.{}.log", self.number));
        command.log = Some(own.clone());
        let finished = run::run(&command, cancel, &mut |_| {})?;
        match fs::File::open(&own) {
            Ok(log) => self.log = Some(log),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => self.log = None,
            Err(source) => return Err(failed("open", &own)(source)),
        }
        if self.log.is_some() {
            let log = folder.join(format!("{name}.log"));
            fs::rename(&own, &log).map_err(failed("write", &log))?;
        }
        Ok(finished)
    }

    /// The whole output of what ran last, as text.
    pub fn last_log(&self) -> std::io::Result<String> {
        let mut bytes = Vec::new();
        if let Some(log) = &self.log {
            let mut log = log;
            log.seek(SeekFrom::Start(0))?;
            log.read_to_end(&mut bytes)?;
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Where a file that is written in the view comes to lie.
    fn written_at(&self, path: &TreePath) -> PathBuf {
        match &self.stand {
            Stand::Overlay { layer, .. } => path.under(&layer.upper()),
            Stand::Copy { slot, .. } => path.under(&slot.files()),
        }
    }

    /// How a file was written last; none when nothing in this view wrote it.
    pub fn written(&self, path: &TreePath) -> Option<Written> {
        let meta = fs::metadata(self.written_at(path)).ok()?;
        Some(Written {
            inode: meta.ino(),
            length: meta.len(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        })
    }

    /// A file that was written since `before` was asked; one that stood there before is not
    /// given: an old report must not be taken for a new one.
    pub fn read_new(&self, path: &TreePath, before: Option<Written>) -> Option<Vec<u8>> {
        match self.written(path) {
            now if now == before => None,
            _ => fs::read(self.written_at(path)).ok(),
        }
    }

    /// The tree that it shows now.
    pub fn capture(&mut self, objects: &impl Put) -> Result<TreeId, EngineError> {
        let taken = self.taken;
        match &mut self.stand {
            Stand::Overlay { layer, note, .. } => {
                let rules = KeepOut::new(&taken.rules);
                let base = self.tree;
                let keep_out = |path: &TreePath, is_folder: bool| {
                    let out = rules.keeps_out(path, is_folder).unwrap_or(false);
                    // What the tree already has is tracked, whatever the rules say.
                    out && !matches!(tree::lookup(objects, base, path), Ok(Some(_)))
                };
                Ok(capture_upper(objects, &layer.upper(), *note, &keep_out)?.tree)
            }
            Stand::Copy { cache, rules, .. } => {
                cache.advance(self.engine.surroundings.now());
                Ok(capture(objects, rules, cache, Some(self.tree))?.tree)
            }
        }
    }

    /// Takes it down. What was not captured is lost.
    pub fn close(self) -> Result<(), EngineError> {
        let disk = &*self.engine.surroundings.disk;
        let _ = fs::remove_dir_all(&self.temporary);
        match self.stand {
            Stand::Overlay { layer, .. } => layer.remove(disk)?,
            Stand::Copy { slot, mut cache, .. } => {
                let _ = cache.save(disk, &slot.stat_cache());
            }
        }
        Ok(())
    }
}
