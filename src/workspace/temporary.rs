//! The names of files that a restore is writing: made from the name that they will have, so that
//! whoever comes after a crash finds them without a list.

use std::io;
use std::path::Path;

use super::error::WorkspaceError;
use crate::base::codec;
use crate::base::disk::{self, Disk};
use crate::base::path::TreePath;
use crate::base::reserved::{TEMPORARY_DIGITS, TEMPORARY_PREFIX};

const NEW_FILE_MODE: u32 = 0o666;

/// Where the content for a path is written first: in the same folder.
pub(super) fn beside(path: &TreePath) -> TreePath {
    let (folder, name) = path.split().unwrap_or_default();
    folder.join(&name_for(name))
}

/// The name under which the content for a name is written first.
pub(super) fn name_for(name: &[u8]) -> Vec<u8> {
    let digits = codec::digest("temporary name", name).hex();
    [TEMPORARY_PREFIX, &digits.as_bytes()[..TEMPORARY_DIGITS]].concat()
}

/// Writes a new file at the top of a workspace, whole or not at all, whenever it is cut short.
///
/// **Durability**: durable when it returns.
///
/// # Errors
/// The disk's, `AlreadyExists` among them. Then nothing stands there that did not before.
pub fn write_whole(
    disk: &dyn Disk,
    root: &Path,
    name: &str,
    content: &[u8],
) -> Result<(), WorkspaceError> {
    let place = root.join(name);
    let beside = beside(&TreePath::root().join(name.as_bytes())).under(root);
    let write = || {
        if std::fs::symlink_metadata(&place).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        match disk.remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        disk::write_new(disk, &beside, NEW_FILE_MODE, content)
            .and_then(|()| disk.rename(&beside, &place))
            .inspect_err(|_| {
                let _ = disk.remove_file(&beside);
            })?;
        disk.sync_dir(root)
    };
    write().map_err(WorkspaceError::disk("write", &place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::reserved::{Reserved, reserved};

    #[test]
    fn a_temporary_name_is_known_again() {
        let path = TreePath::new(b"src/main.rs").unwrap();
        let (folder, name) = path.split().unwrap();
        let beside = beside(&path);
        assert_eq!(beside.split().unwrap().0, folder);
        assert_eq!(reserved(beside.split().unwrap().1), Some(Reserved::Temporary));
        assert_eq!(reserved(name), None);
    }
}
