//! A view in a slot: a folder of its own that is brought to a tree by writing only the difference,
//! so that what was built in it stays warm.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::open::Stand;
use super::work::{Places, Shown};
use crate::base::id::TreeId;
use crate::base::path::TreePath;
use crate::engine::config::Config;
use crate::engine::discover::Place;
use crate::engine::take::{Taken, is_input, rules_of};
use crate::engine::{Engine, EngineError};
use crate::object::memory::Scratch;
use crate::object::tree;
use crate::workspace::isolate::{Slot, SlotPool, copy_warm, make_accessible, remove_stubborn};
use crate::workspace::{
    Capture, Durability, RestoreError, SkipReason, StatCache, apply_restore, capture, plan_restore,
};

/// Slots that one store's copy backend keeps.
pub(super) const SLOTS_MAX: usize = 64;

impl Engine {
    /// Brings a slot to a tree, with the inputs that configuration names.
    pub(super) fn stand_copy(
        &self,
        taken: &Taken,
        wanted: TreeId,
        state: &Path,
        about: &Shown<'_>,
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
        let mut bring = || -> Result<(), EngineError> {
            let mut found = capture(&objects, &rules, &mut cache, Some(holds))?;
            if clear_leavings(&folder, &found, &config)? {
                // What the base had there is gone now.
                found = capture(&objects, &rules, &mut cache, Some(holds))?;
            }
            let plan = plan_restore(&objects, found.tree, wanted)?;
            apply_restore(disk, &objects, &folder, &plan, &mut cache, Durability::Disposable)
                .map_err(EngineError::from_restore)?;
            Ok(())
        };
        match bring() {
            // What ran here last has taken rights away.
            Err(error) if is_forbidden(&error) => {
                make_accessible(&folder)?;
                bring()?;
            }
            brought => brought?,
        }
        slot.set_holds(disk, Some(wanted))?;
        bring_inputs(&self.place.root, &folder, taken, &config)?;
        self.identify_slot(&slot, about)?;
        let (cache, rules) = (Box::new(cache), Box::new(rules));
        Ok((Stand::Copy { slot, cache, rules }, folder))
    }
}

impl Engine {
    /// Writes whose view a slot is now, last of all: until then nothing in it is anybody's work.
    fn identify_slot(&self, slot: &Slot, about: &Shown<'_>) -> Result<(), EngineError> {
        let disk = &*self.surroundings.disk;
        let places = Places {
            root: slot.files(),
            store: self.place.store.clone(),
            registration: slot.inner(disk)?,
            files: slot.files(),
            git_head: self.git_head_of_slot(),
        };
        self.identity(about, &places).write(disk, &slot.identity(), &self.place.store)
    }
}

fn is_forbidden(error: &EngineError) -> bool {
    let denied = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
    matches!(error, EngineError::Restore(RestoreError::ReadOnly { .. }))
        || error.system().is_some_and(denied)
}

/// Brings warm folders, where the slot has none yet, and kept files into a slot.
fn bring_inputs(
    workspace: &Path,
    folder: &Path,
    taken: &Taken,
    config: &Config,
) -> Result<(), EngineError> {
    for path in taken.capture.ignored.iter().chain(&taken.capture.secrets) {
        let (from, to) = (path.under(workspace), path.under(folder));
        let is_folder = from.is_dir() && !from.is_symlink();
        if !is_input(path, config) || (is_folder && to.exists()) {
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
    Ok(())
}

/// Removes from a slot what an earlier run left there, ignored: the next one would be measured
/// with it. Warm folders stay; kept files are copied anew.
fn clear_leavings(folder: &Path, found: &Capture, config: &Config) -> Result<bool, EngineError> {
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
    // What no capture takes: pipes, what is nested too deeply, what is sparse, git folders.
    let odd = |why: &SkipReason| *why != SkipReason::Store;
    let odd: Vec<_> = found.skipped.iter().filter(|(_, why)| odd(why)).collect();
    for (path, _) in &odd {
        let place = path.under(folder);
        match place.symlink_metadata() {
            Ok(meta) if meta.is_dir() => remove_stubborn(&place)?,
            Ok(_) => fs::remove_file(&place).map_err(|source| EngineError::File {
                what: "remove",
                path: place,
                source,
            })?,
            Err(_) => {}
        }
    }
    Ok(!odd.is_empty())
}
