//! A view that is open: the commands that run in it, what they wrote, what it shows at last.

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::backend::{choice, view_folder};
use super::captured::{Captured, capture_layer};
use super::git::{GitStart, set_git_environment};
use super::identity::{Identity, Work, remove};
use super::logs;
use super::work::{Shown, WorkOn};
use crate::base::id::TreeId;
use crate::base::limits::REPORT_BYTES_MAX;
use crate::base::mount::MountPlan;
use crate::base::path::TreePath;
use crate::base::regular;
use crate::engine::still::{Moment, Purpose};
use crate::engine::take::Taken;
use crate::engine::{Engine, EngineError};
use crate::object::snapshot::Snapshot;
use crate::object::traits::Put;
use crate::run::{self, Cancel, Command, Finished, Program};
pub use crate::workspace::isolate::Backend;
use crate::workspace::isolate::{Layer, Note, Number, Slot, remove_stubborn};
use crate::workspace::{Rules, StatCache, capture};

/// The first port that a view may use, and how many each has to itself.
const PORTS: (usize, usize) = (20_000, 100);

/// How many blocks of ports there are, and so how many views of a user can be open at once.
const PORT_BLOCKS: usize = 400;

/// What a view stands on.
pub(super) enum Stand {
    /// `upper` is the workspace's part of the layer's upper.
    Overlay {
        layer: Layer,
        plan: MountPlan,
        note: Note,
        upper: PathBuf,
    },
    Copy {
        slot: Slot,
        cache: Box<StatCache>,
        rules: Box<Rules>,
    },
}

impl Stand {
    /// What it is as a workspace, as its identity says.
    fn identity(&self, store: &Path) -> Result<Option<Work>, EngineError> {
        let path = match self {
            Self::Overlay { layer, .. } => layer.identity(),
            Self::Copy { slot, .. } => slot.identity(),
        };
        Ok(Identity::read(&path, Some(store))?.and_then(|identity| identity.work))
    }
}

/// A view that is open.
pub(in crate::engine) struct View<'a> {
    pub(super) engine: &'a Engine,
    taken: &'a Taken,
    pub(super) label: String,
    pub(super) stand: Stand,
    purpose: Purpose,
    /// For one that stands on the workspace: when that was proved to be what was captured.
    opened: Option<Moment>,
    /// The workspace's place in the view.
    folder: PathBuf,
    /// The tree that it showed when it was opened.
    tree: TreeId,
    /// Its own folder for temporary files.
    temporary: PathBuf,
    /// What ran last: its log, held open, because another process may put its own at that path.
    log: Option<fs::File>,
    /// What tells this view from all others that are open.
    pub(super) number: Number,
    /// What it is as a workspace, where somebody works in it.
    work: Option<Work>,
    /// Where git stood when it was opened; none where git does not work in it.
    pub(super) git: Option<GitStart>,
    /// What the last capture could not take, in sentences.
    left_out: Vec<String>,
    /// Git folders of repositories inside that it met.
    repositories: Vec<TreePath>,
}

/// What tells one writing of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Written {
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Engine {
    pub(in crate::engine) fn view_folder(&self) -> PathBuf {
        view_folder(&self.surroundings, &self.place)
    }

    /// Opens a view in which a tree is measured. Without a wish for a backend the better one that
    /// works is taken.
    pub(in crate::engine) fn open_view<'a>(
        &'a self,
        taken: &'a Taken,
        tree: TreeId,
        label: &str,
        wish: Option<Backend>,
    ) -> Result<View<'a>, EngineError> {
        let opened = self.open_any(taken, tree, label, None, wish);
        opened.map_err(|error| self.let_go_rather(tree, error))
    }

    /// Opens a view in which somebody works on a branch: exp can be used there.
    pub(in crate::engine) fn open_work<'a>(
        &'a self,
        taken: &'a Taken,
        tree: TreeId,
        on: &WorkOn,
        wish: Option<Backend>,
    ) -> Result<View<'a>, EngineError> {
        self.check_depth()?;
        let opened = self.open_any(taken, tree, on.branch.as_str(), Some(on), wish);
        opened.map_err(|error| self.let_go_rather(tree, error))
    }

    fn open_any<'a>(
        &'a self,
        taken: &'a Taken,
        tree: TreeId,
        label: &str,
        on: Option<&WorkOn>,
        wish: Option<Backend>,
    ) -> Result<View<'a>, EngineError> {
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
        // One pool for all stores of a user: ports are the machine's.
        let numbers = state.parent().unwrap_or(&state).join("ports");
        let number = Number::take(&*self.surroundings.disk, &numbers, PORT_BLOCKS)?;
        let about = Shown { label, on, number: number.get() };
        let temporary = state.join("tmp").join(number.get().to_string());
        remove_stubborn(&temporary)?;
        let purpose = if on.is_some() { Purpose::Run } else { Purpose::Measure };
        let opened = match backend {
            Backend::Overlay => self.prove_still(taken, purpose)?,
            Backend::Copy => None,
        };
        let (stand, folder) = match opened {
            Some(_) => (self.stand_overlay(taken, tree, &state, &about)?, self.place.root.clone()),
            None => self.stand_copy(taken, tree, &state, &about)?,
        };
        let git = self.start_git(&stand)?;
        fs::create_dir_all(temporary.join("run")).map_err(|source| EngineError::File {
            what: "make",
            path: temporary.clone(),
            source,
        })?;
        let work = match on {
            Some(_) => stand.identity(&self.place.store)?,
            None => None,
        };
        let (label, log) = (label.to_owned(), None);
        Ok(View {
            engine: self,
            taken,
            label,
            stand,
            purpose,
            opened,
            folder,
            tree,
            temporary,
            log,
            number,
            work,
            git,
            left_out: Vec::new(),
            repositories: Vec::new(),
        })
    }
}

impl View<'_> {
    /// Whether what it stands on was written by nobody else since it was opened.
    pub fn stood_still(&self) -> Result<bool, EngineError> {
        match &self.opened {
            Some(moment) => self.engine.stood_still(self.taken, moment, self.purpose),
            None => Ok(true),
        }
    }

    /// What it is as a workspace, where somebody works in it.
    pub fn work(&self) -> Option<&Work> {
        self.work.as_ref()
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
        set("EXP_PORT_BASE", (PORTS.0 + self.number.get() * PORTS.1).to_string().into());
        set("TMPDIR", self.temporary.clone().into());
        set("XDG_RUNTIME_DIR", self.temporary.join("run").into());
        set("PWD", self.folder.clone().into());
        // A build folder shared by all branches would hand one branch another's code.
        command.environment.push(("CARGO_TARGET_DIR".into(), None));
        set_git_environment(&mut command, &self.stand);
        command
    }

    /// Runs a command in it; its whole output goes to a log of that name.
    pub fn run(
        &mut self,
        command: Command,
        name: &str,
        cancel: &Cancel,
    ) -> Result<Finished, EngineError> {
        self.run_watched(command, name, cancel, &mut |_| {})
    }

    /// The same; `watch` gets each piece of output as it comes.
    pub fn run_watched(
        &mut self,
        mut command: Command,
        name: &str,
        cancel: &Cancel,
        watch: &mut dyn FnMut(&[u8]),
    ) -> Result<Finished, EngineError> {
        // No label has a `%`, so that two labels never share a folder.
        let folder = self.engine.store.root().join("runs").join(self.label.replace('/', "%"));
        fs::create_dir_all(&folder).map_err(|source| EngineError::File {
            what: "make",
            path: folder.clone(),
            source,
        })?;
        let name = logs::stem(name);
        let failed = |what, path: &Path| {
            let path = path.to_owned();
            move |source| EngineError::File { what, path, source }
        };
        // Under a name of its own until it is read: others evaluate under the same label.
        let own = folder.join(format!("{name}.{}.log", self.number.get()));
        command.log = Some(own.clone());
        let finished = run::run(&command, cancel, watch)?;
        match fs::File::open(&own) {
            Ok(log) => self.log = Some(log),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => self.log = None,
            Err(source) => return Err(failed("open", &own)(source)),
        }
        if self.log.is_some() {
            let log = folder.join(format!("{name}.log"));
            fs::rename(&own, &log).map_err(failed("write", &log))?;
            logs::tidy(&folder);
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
            Stand::Overlay { upper, .. } => path.under(upper),
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
    pub fn read_new(
        &self,
        path: &TreePath,
        before: Option<Written>,
    ) -> Option<std::io::Result<Vec<u8>>> {
        match self.written(path) {
            now if now == before => None,
            _ => Some(regular::read(&self.written_at(path), REPORT_BYTES_MAX)),
        }
    }

    /// The tree that was recorded last in it, if exp was used there.
    fn recorded(&self) -> Result<Option<TreeId>, EngineError> {
        let Some(work) = &self.work else { return Ok(None) };
        match self.engine.position_of_view(work)? {
            Some(at) => Ok(Some(Snapshot::fetch(&self.engine.store, at.snapshot)?.tree)),
            None => Ok(None),
        }
    }

    /// What the last capture could not take, and why: a sentence for each.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// The git folders of repositories inside that the last capture met.
    pub(super) fn repositories(&self) -> &[TreePath] {
        &self.repositories
    }

    /// The tree that it shows now.
    pub fn capture(&mut self, objects: &impl Put) -> Result<TreeId, EngineError> {
        let taken = self.taken;
        let recorded = self.recorded()?.unwrap_or(self.tree);
        match &mut self.stand {
            Stand::Overlay { upper, note, .. } => {
                let rules = (&taken.rules, taken.capture.ignored.as_slice());
                let captured = capture_layer(objects, upper, *note, rules, [self.tree, recorded])?;
                (self.left_out, self.repositories) = (captured.left_out, captured.repositories);
                Ok(captured.tree)
            }
            Stand::Copy { cache, rules, .. } => {
                cache.advance(self.engine.surroundings.now());
                let found = capture(objects, rules, cache, Some(recorded))?;
                let captured = Captured::of_slot(found);
                (self.left_out, self.repositories) = (captured.left_out, captured.repositories);
                Ok(captured.tree)
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
                remove(disk, &slot.identity())?;
                let _ = cache.save(disk, &slot.stat_cache());
            }
        }
        Ok(())
    }
}
