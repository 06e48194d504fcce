//! Which backend works here: asked once for each kernel, user and path, and explained.

use std::fs;
use std::path::{Path, PathBuf};

use super::identity::path_of;
use crate::base::codec::digest;
use crate::engine::Surroundings;
use crate::engine::discover::Place;
use crate::run;
use crate::workspace::isolate::{Choice, Facts, choose, probe_key};

/// The folder in which layers, slots and temporary files of a store's views lie.
pub(super) fn view_folder(surroundings: &Surroundings, place: &Place) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    if let Some(work) = place.work() {
        return path_of(&work.state);
    }
    let store = place.store.canonicalize().unwrap_or_else(|_| place.store.clone());
    let id = digest("view folder", store.as_os_str().as_bytes()).hex();
    surroundings.state.join(&id[..12])
}

/// What speaks for and against the overlay backend here. The trial view is remembered for the
/// kernel, user and path that it was made with.
pub(super) fn choice(surroundings: &Surroundings, place: &Place) -> Choice {
    let folder = view_folder(surroundings, place);
    let kernel = rustix::system::uname();
    let user = rustix::process::geteuid();
    let key = probe_key(&kernel.release().to_string_lossy(), user.as_raw(), &folder);
    let memo = folder.join(format!("probe-{key}"));
    let inside = place.view.is_some();
    let probed = match fs::read_to_string(&memo) {
        _ if inside => Ok(()),
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
        inside,
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
pub fn probe(surroundings: &Surroundings, place: &Place) -> String {
    let choice = choice(surroundings, place);
    match choice.hindrances.first() {
        None => choice.backend.to_string(),
        Some(first) => format!("{} ({first})", choice.backend),
    }
}

/// Each backend and whether it works here, for `doctor`.
pub fn probe_backends(
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
