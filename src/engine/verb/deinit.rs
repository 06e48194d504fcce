//! `exp deinit`: removes the store of a workspace. Shows what would be lost; the files stay.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::base::id::Kind;
use crate::engine::view::is_of_view;
use crate::engine::{Engine, EngineError};
use crate::object::names;
use crate::store::Sharing;

/// What can be asked of `deinit`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Really remove it.
    pub yes: bool,
}

/// What is, or was, lost.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The store's folder.
    pub store: PathBuf,
    /// Snapshots in it.
    pub snapshots: u64,
    /// Bytes on the disk.
    pub bytes: u64,
    /// Branches.
    pub branches: usize,
    /// Experiments.
    pub experiments: usize,
    /// Other workspaces that use the same store.
    pub other_workspaces: Vec<String>,
    /// Whether it was removed.
    pub removed: bool,
}

/// Shows what would be lost, or removes it.
///
/// # Errors
/// [`EngineError::Refused`] when other workspaces use the store; busy.
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    engine.refuse_in_every_view("and the store is that of the workspace outside")?;
    let names = engine.store.names()?;
    let statistics = engine.store.statistics()?;
    let own = format!("position/{}", engine.workspace());
    let others = names::list(&engine.store, names, "position/")?;
    // Those of views lock the workspace itself as long as they last.
    let is_of_view = |key: &str| key.strip_prefix("position/").is_some_and(is_of_view);
    let is_other = |key: &String| *key != own && !is_of_view(key);
    let mut report = Report {
        store: engine.place.store.clone(),
        snapshots: statistics.kinds.get(&Kind::Snapshot).map_or(0, |kind| kind.objects),
        bytes: statistics.pack_bytes,
        branches: engine.branches(names)?.len(),
        experiments: engine.experiments(names)?.len(),
        other_workspaces: others.into_iter().map(|e| e.key).filter(is_other).collect(),
        removed: false,
    };
    if !options.yes {
        return Ok(report);
    }
    if !report.other_workspaces.is_empty() {
        let what = "the store cannot be removed".to_owned();
        let why = format!("it also serves {}", report.other_workspaces.join(", "));
        return Err(EngineError::Refused { what, why });
    }
    let _lock = engine.lock("deinit", Sharing::Exclusive)?;
    forget(engine)?;
    for folder in [engine.view_folder(), report.store.clone()] {
        match std::fs::remove_dir_all(&folder) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => {
                return Err(EngineError::File { what: "remove", path: folder, source });
            }
        }
    }
    report.removed = true;
    Ok(report)
}

/// Takes away, durably and in this order, the registration, without which the folder is no
/// workspace, and the heads, without which the store is an empty one. So if the rest of the removal
/// is cut short, what is left neither counts nor stands in the way of another `init`.
fn forget(engine: &Engine) -> Result<(), EngineError> {
    let disk = &*engine.surroundings.disk;
    let layout = engine.store.layout();
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| EngineError::File { what: "remove", path, source }
    };
    let empty = |folder: &Path| -> std::io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            disk.remove_file(&entry?.path())?;
        }
        Ok(())
    };
    let registration = engine.place.registration();
    empty(&registration)
        .and_then(|()| disk.remove_dir(&registration))
        .and_then(|()| disk.sync_dir(&layout.stat()))
        .map_err(failed(&registration))?;
    let heads = layout.heads();
    empty(&heads).and_then(|()| disk.sync_dir(&heads)).map_err(failed(&heads))
}
