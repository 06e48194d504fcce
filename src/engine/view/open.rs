//! A view that is open: the commands that run in it, what they wrote, what it shows at last.

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::backend::{choice, view_folder};
use super::git::{GitStart, set_git_environment};
use super::logs;
use crate::base::id::TreeId;
use crate::base::mount::MountPlan;
use crate::base::path::TreePath;
use crate::engine::still::{Moment, Purpose};
use crate::engine::take::Taken;
use crate::engine::{Engine, EngineError};
use crate::object::traits::Put;
use crate::object::tree;
use crate::run::{self, Cancel, Command, Finished, Program};
pub use crate::workspace::isolate::Backend;
use crate::workspace::isolate::{Layer, Note, Slot, capture_upper};
use crate::workspace::{KeepOut, Rules, StatCache, capture};

/// The first port that a view may use, and how many each has to itself.
const PORTS: (usize, usize) = (20_000, 100);

/// How many blocks of ports are given out before they are given out again.
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
    ports: usize,
    /// What tells this view from all others: process and number.
    pub(super) number: String,
    /// Where git stood when it was opened; none where git does not work in it.
    pub(super) git: Option<GitStart>,
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

    /// Opens a view of a tree. Without a wish for a backend the better one that works is taken.
    pub(in crate::engine) fn open_view<'a>(
        &'a self,
        taken: &'a Taken,
        tree: TreeId,
        label: &str,
        wish: Option<Backend>,
        purpose: Purpose,
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
        let opened = match backend {
            Backend::Overlay => self.prove_still(taken, purpose)?,
            Backend::Copy => None,
        };
        let (stand, folder) = match opened {
            Some(_) => (self.stand_overlay(taken, tree, &state, number)?, self.place.root.clone()),
            None => self.stand_copy(taken, tree, &state)?,
        };
        let git = self.start_git(&stand)?;
        fs::create_dir_all(temporary.join("run")).map_err(|source| EngineError::File {
            what: "make",
            path: temporary.clone(),
            source,
        })?;
        let ports = PORTS.0 + (std::process::id() as usize + number) % PORT_BLOCKS * PORTS.1;
        let label = label.to_owned();
        let (log, number) = (None, format!("{}-{number}", std::process::id()));
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
            ports,
            number,
            git,
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
        let own = folder.join(format!("{name}.{}.log", self.number));
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
            Stand::Overlay { upper, note, .. } => {
                let rules = KeepOut::new(&taken.rules);
                let base = self.tree;
                let keep_out = |path: &TreePath, is_folder: bool| {
                    let out = rules.keeps_out(path, is_folder).unwrap_or(false);
                    // What the tree already has is tracked, whatever the rules say.
                    out && !matches!(tree::lookup(objects, base, path), Ok(Some(_)))
                };
                Ok(capture_upper(objects, upper, *note, &keep_out)?.tree)
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
