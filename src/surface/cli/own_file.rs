//! Changing a file that belongs to a person: their agent's settings, their instructions.
//!
//! Guarantees that it is there whole or as it was, that a link within the workspace stays a link (its target
//! changes) and one that leads out is refused, that
//! the mode stays, and that what is marked read-only is left alone. Knows nothing of contents.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::base::limits::SETTINGS_BYTES_MAX;
use crate::base::regular;
use crate::engine::EngineError;

/// The text of a file; none where there is none.
///
/// # Errors
/// [`EngineError::File`], also for what is no text.
pub fn read(path: &Path) -> Result<Option<String>, EngineError> {
    match regular::read_text(path, SETTINGS_BYTES_MAX) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(EngineError::File { what: "read", path: path.to_owned(), source }),
    }
}

/// The file itself, behind any links, if it may be changed.
///
/// # Errors
/// [`EngineError::Refused`] for a link that leads nowhere or out of the workspace (`root`), and for what is
/// marked read-only. A repository that was cloned may have links to any file of the person's.
pub fn target(path: &Path, root: &Path) -> Result<PathBuf, EngineError> {
    let refuse = |why: &str| {
        let what = format!("`{}` cannot be changed", path.display());
        Err(EngineError::Refused { what, why: why.to_owned() })
    };
    let is_inside = |real: &Path| root.canonicalize().is_ok_and(|root| real.starts_with(root));
    let Ok(found) = fs::symlink_metadata(path) else {
        // The folder that it would lie in may be a link.
        let folder = path.ancestors().skip(1).find_map(|folder| folder.canonicalize().ok());
        return match folder {
            Some(folder) if is_inside(&folder) => Ok(path.to_owned()),
            _ => refuse("its folder is a link that leads out of the workspace"),
        };
    };
    let Ok(real) = path.canonicalize() else {
        return match found.is_symlink() {
            true => refuse("it is a link that leads nowhere"),
            false => Ok(path.to_owned()),
        };
    };
    if !is_inside(&real) {
        let real = real.display();
        return refuse(&format!(
            "it is a link to `{real}`, outside of the workspace; change that file yourself"
        ));
    }
    match fs::metadata(&real).is_ok_and(|found| found.permissions().readonly()) {
        true => refuse("it is marked read-only; `chmod u+w` allows it"),
        false => Ok(real),
    }
}

/// Puts a text in a file's place, making the folder if need be.
///
/// # Errors
/// Those of [`target`] and of the system.
pub fn replace(path: &Path, root: &Path, text: &str) -> Result<(), EngineError> {
    let real = target(path, root)?;
    let file = |what, source| EngineError::File { what, path: real.clone(), source };
    if let Some(folder) = real.parent() {
        fs::create_dir_all(folder).map_err(|error| file("make the folder of", error))?;
    }
    let name = real.file_name().unwrap_or_default().to_string_lossy();
    let beside = real.with_file_name(format!(".{name}.exp-tmp"));
    let write = || {
        let _ = fs::remove_file(&beside);
        let mode = fs::metadata(&real).map_or(0o666, |found| found.permissions().mode());
        let mut new = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
        if real.exists() {
            new.set_permissions(Permissions::from_mode(mode))?;
        }
        new.write_all(text.as_bytes())?;
        new.sync_all()?;
        fs::rename(&beside, &real)
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&beside);
        file("write", error)
    })
}
