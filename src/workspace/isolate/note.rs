//! The note beside a layer or slot: which trees it stands on.
//!
//! **Format**: text, one `word hash` a line: `base` and `shown`. Written beside and renamed, so
//! that it is there whole or not at all.

use std::io::{self, Write};
use std::path::Path;

use super::error::IsolateError;
use crate::base::disk::Disk;
use crate::base::id::{Hash, TreeId};
use crate::base::limits::SETTINGS_BYTES_MAX;
use crate::base::regular;

/// Which trees a layer or slot stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// What the view showed when it was ready: what a capture compares with.
    pub base: TreeId,
    /// What the folder underneath held when the layer was prepared; for a slot the same as `base`.
    pub shown: TreeId,
}

impl Note {
    /// Reads it; none where there is none or it is damaged, which means "make it anew".
    pub(super) fn read(path: &Path) -> Result<Option<Self>, IsolateError> {
        let text = match regular::read_text(path, SETTINGS_BYTES_MAX) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => return Ok(None),
            Err(error) => return Err(IsolateError::disk("read", path)(error)),
        };
        let mut lines = text.lines();
        let mut hash = |word: &str| {
            let rest = lines.next()?.strip_prefix(word)?.strip_prefix(' ')?;
            Hash::from_hex(rest).map(TreeId)
        };
        let (base, shown) = (hash("base"), hash("shown"));
        Ok(base.zip(shown).map(|(base, shown)| Self { base, shown }))
    }

    /// Writes it, replacing an older one.
    ///
    /// **Durability**: none. What it stands beside is not made durable either and can be made
    /// again; a note that a crash cut short is damaged, and so no note. A sync here would make the
    /// file system write out all marks of the layer just to remove them a moment later.
    pub(super) fn write(self, disk: &dyn Disk, path: &Path) -> Result<(), IsolateError> {
        let beside = path.with_extension("new");
        let text = format!("base {}\nshown {}\n", self.base.0.hex(), self.shown.0.hex());
        remove_if_there(disk, &beside)?;
        disk.create(&beside, 0o600)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| disk.rename(&beside, path))
            .map_err(IsolateError::disk("write", path))
    }
}

/// Removes a file that may be absent.
pub(super) fn remove_if_there(disk: &dyn Disk, path: &Path) -> Result<(), IsolateError> {
    match disk.remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(IsolateError::disk("remove", path)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::base::fuzz::{folder, fuzz};

    #[test]
    fn fuzzed_notes_are_none_or_one() {
        let folder = folder();
        let path = folder.path().join("note");
        let hash = |byte| Hash([byte; 32]).hex();
        let sample = format!("base {}\nshown {}\n", hash(1), hash(2)).into_bytes();
        fuzz("note", &[sample], (0, 1_000), |bytes| {
            fs::write(&path, bytes).unwrap();
            Note::read(&path).unwrap().is_some()
        });
    }
}
