//! A view by overlay: mounted over the workspace's own path, standing live on the workspace.
//!
//! In a git repository the view covers git's top level, so that git works in it, and where the git
//! folder lies elsewhere (a linked worktree, a submodule, a separate folder) that as well: a commit
//! made in the view must not move the user's branch.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::identity::Identity;
use super::open::Stand;
use super::work::{Places, Shown};
use crate::base::disk::Disk;
use crate::base::id::TreeId;
use crate::base::limits::LOCK_TRIES_MAX;
use crate::base::mount::Bind;
use crate::base::name::Label;
use crate::base::path::TreePath;
use crate::engine::config::Config;
use crate::engine::take::{Taken, is_input};
use crate::engine::{Engine, EngineError};
use crate::workspace::isolate::{
    IsolateError, Layer, Layers, Note, UpperPlan, ViewPlan, mount_plan, prepare_upper,
};

/// Where exp inside of a view writes the store. Elsewhere it is read-only there, so that a command
/// that cleans up, in the workspace or in the user's state folder, cannot take history away. This
/// folder is there on every Linux, holds nothing that builds and tests read, and nobody cleans it; the
/// mount is the view's alone.
const INNER_STORE: &str = "/proc/fs";

impl Engine {
    /// Prepares a layer in which the workspace shows a tree.
    pub(super) fn stand_overlay(
        &self,
        taken: &Taken,
        wanted: TreeId,
        state: &Path,
        about: &Shown<'_>,
    ) -> Result<Stand, EngineError> {
        let disk = &*self.surroundings.disk;
        let layers = Layers::new(state);
        // What a process that died left, unless work in it is still to be saved.
        for idle in layers.idle()? {
            if let Ok(layer) = layers.take(disk, &idle)
                && !holds_work(&layer, &self.place.store)?
            {
                layer.remove(disk)?;
            }
        }
        let layer = new_layer(disk, &layers, about.number, &self.place.store)?;
        let shown = taken.capture.tree;
        let mask =
            self.mask(taken, || new_layer(disk, &layers, about.number, &self.place.store))?;
        let (top, upper) = covered(self, &layer)?;
        prepare_upper(
            disk,
            &self.store,
            &UpperPlan {
                upper: &upper,
                lower: &self.place.root,
                shown,
                wanted,
                // The mask below does it.
                hide: &[],
                unprivileged: !rustix::process::geteuid().is_root(),
            },
        )?;
        let note = Note { base: wanted, shown };
        layer.set_note(disk, note)?;
        let more = self.identify(&layer, about, &upper)?;
        let git = self.place.git.as_ref().filter(|git| git.is_outside());
        let plan = mount_plan(
            &layer,
            ViewPlan {
                workspace: &top,
                lowers: mask.into_iter().chain([top.clone()]).collect(),
                git: git.map(|git| git.common_dir.as_path()),
                store: &self.place.store,
                more,
            },
        );
        Ok(Stand::Overlay { layer, plan, note, upper })
    }

    /// Writes whose view it is, and gives what is bound for that: the identity into the store, and
    /// where somebody works there the store itself at a place that only exp knows.
    fn identify(
        &self,
        layer: &Layer,
        about: &Shown<'_>,
        upper: &Path,
    ) -> Result<Vec<Bind>, EngineError> {
        let disk = &*self.surroundings.disk;
        let (registration, private) = (layer.inner(disk)?, PathBuf::from(INNER_STORE));
        let places = Places {
            root: self.place.root.clone(),
            store: private.clone(),
            registration,
            files: upper.to_owned(),
            git_head: self.git_head(),
        };
        self.identity(about, &places).write(disk, &layer.identity(), &self.place.store)?;
        let target = Identity::target(disk, &self.place.store)?;
        let mut binds = vec![Bind { source: layer.identity(), target, read_only: true }];
        if about.on.is_some() {
            let source = self.place.store.clone();
            binds.push(Bind { source, target: private, read_only: false });
        }
        Ok(binds)
    }
}

/// The folder that a view covers, and the part of its upper that is the workspace's. For a
/// workspace below git's top level the folders on the way get the modes that they have
/// underneath: an upper folder's own are what a view shows.
pub(super) fn covered(engine: &Engine, layer: &Layer) -> Result<(PathBuf, PathBuf), EngineError> {
    let (root, disk) = (&engine.place.root, &*engine.surroundings.disk);
    let top = engine.place.git.as_ref().and_then(|git| git.top.canonicalize().ok());
    let Some((top, below)) = top.and_then(|top| {
        let below = root.strip_prefix(&top).ok()?.to_owned();
        Some((top, below))
    }) else {
        return Ok((root.clone(), layer.upper()));
    };
    let (mut upper, mut under) = (layer.upper(), top.clone());
    copy_mode(disk, &under, &upper)?;
    for part in below.components() {
        (upper, under) = (upper.join(part), under.join(part));
        let made = disk.create_dir(&upper, 0o700);
        made.map_err(|source| EngineError::File { what: "make", path: upper.clone(), source })?;
        copy_mode(disk, &under, &upper)?;
    }
    Ok((top, upper))
}

/// A layer in which nothing is. One whose work is not saved yet keeps its name.
fn new_layer(
    disk: &dyn Disk,
    layers: &Layers,
    number: usize,
    store: &Path,
) -> Result<Layer, EngineError> {
    for attempt in 0..LOCK_TRIES_MAX {
        match layers.take(disk, &Label::new(format!("v{number}-{attempt}"))?) {
            Ok(layer) if !holds_work(&layer, store)? => return Ok(layer),
            // Somebody looks whether a process left it.
            Ok(_) | Err(IsolateError::Busy { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(IsolateError::Busy { path: PathBuf::from(format!("v{number}")) }.into())
}

/// Whether somebody worked in it: whoever ends the view in order removes the layer.
fn holds_work(layer: &Layer, store: &Path) -> Result<bool, EngineError> {
    let place = layer.identity();
    Ok(match Identity::read(&place, Some(store))? {
        Some(identity) => identity.work.is_some(),
        // Torn, or of another version: it may hold work.
        None => place.exists(),
    })
}

fn copy_mode(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), EngineError> {
    let mode = fs::metadata(from).map(|meta| meta.permissions().mode() & 0o7777);
    mode.and_then(|mode| disk.set_mode(to, mode)).map_err(|source| EngineError::File {
        what: "set the mode of",
        path: to.to_owned(),
        source,
    })
}

/// What is ignored in the workspace and shall not be seen in a view.
pub(super) fn hidden(taken: &Taken, config: &Config) -> Vec<TreePath> {
    let left_out = taken.capture.ignored.iter().chain(&taken.capture.secrets);
    left_out.filter(|path| !is_input(path, config)).cloned().collect()
}
