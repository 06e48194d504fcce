//! A view by overlay: mounted over the workspace's own path, standing live on the workspace.
//!
//! In a git repository the view covers git's top level, so that git works in it, and where the git
//! folder lies elsewhere (a linked worktree, a submodule, a separate folder) that as well: a commit
//! made in the view must not move the user's branch.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::open::Stand;
use crate::base::disk::Disk;
use crate::base::id::TreeId;
use crate::base::name::Label;
use crate::base::path::TreePath;
use crate::engine::config::Config;
use crate::engine::take::{Taken, is_input};
use crate::engine::{Engine, EngineError};
use crate::workspace::isolate::{
    Layer, Layers, Note, UpperPlan, ViewPlan, mount_plan, prepare_upper,
};

impl Engine {
    /// Prepares a layer in which the workspace shows a tree.
    pub(super) fn stand_overlay(
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
        let mask = Label::new(format!("v{}-{number}-mask", std::process::id()))?;
        let mask = self.mask(taken, &layers, &mask)?;
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
        let git = self.place.git.as_ref().filter(|git| git.is_outside());
        let plan = mount_plan(
            &layer,
            ViewPlan {
                workspace: &top,
                lowers: mask.into_iter().chain([top.clone()]).collect(),
                git: git.map(|git| git.common_dir.as_path()),
                store: &self.place.store,
                more: Vec::new(),
            },
        );
        Ok(Stand::Overlay { layer, plan, note, upper })
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
