//! Intents: restores that have begun, made durable before the first file changes.
//!
//! Whoever opens a store with an intent finishes it or takes it back before anything is captured.
//!
//! **Format**: `xpintent`, the version (`u8`, 1), the fields of [`Intent`] in their order (see
//! `base::codec`), the digest of all that (32 bytes).
//!
//! **Durability**: written beside, synced, renamed, the folder synced. A file of another name in
//! the folder is one that was never finished: nothing had begun.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::WorkspaceError;
use super::perform::remove_if_there;
use crate::base::codec::{self, Bytes};
use crate::base::disk::{self, Disk};
use crate::base::id::{ID_BYTES, TreeId};
use crate::base::time::Timestamp;
use crate::object::names::NameValue;

const MAGIC: &[u8; 8] = b"xpintent";
const VERSION: u8 = 1;
const HEADER_BYTES: usize = MAGIC.len() + 1;
const EXTENSION: &str = "intent";
const FILE_MODE: u32 = 0o600;
const PURPOSE: &str = "intent";

/// A restore that has begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The id of the workspace.
    pub workspace: String,
    /// Its folder.
    pub root: Bytes,
    /// What its files were captured as.
    pub from: TreeId,
    /// What they shall be.
    pub to: TreeId,
    /// The workspace's position before.
    pub before: Option<NameValue>,
    /// Its position after the commit: when that is what the names say, the restore is to be
    /// finished, else it is to be taken back.
    pub after: NameValue,
    /// The verb.
    pub verb: String,
    /// When it began.
    pub when: Timestamp,
}

impl Intent {
    /// Makes it durable in the folder `intents` (which exists); returns its file.
    ///
    /// # Errors
    /// The disk's. Its name is made from its content, so the same intent twice is one.
    pub fn write(&self, disk: &dyn Disk, intents: &Path) -> Result<PathBuf, WorkspaceError> {
        let bytes = self.encode(intents)?;
        let name = codec::digest(PURPOSE, &bytes).hex();
        let path = intents.join(&name[..32]).with_extension(EXTENSION);
        // Who restores holds the workspace alone: what one that died left there is nobody's.
        let of_workspace = codec::digest(PURPOSE, self.workspace.as_bytes()).hex();
        let beside = intents.join(&of_workspace[..32]).with_extension("tmp");
        remove_if_there(disk, &beside).map_err(|error| as_workspace(error, &beside))?;
        let written = disk::write_new(disk, &beside, FILE_MODE, &bytes)
            .and_then(|()| disk.rename(&beside, &path))
            .and_then(|()| disk.sync_dir(intents));
        if let Err(error) = written {
            // Nothing has begun, so nobody shall take it back.
            let _ = remove_if_there(disk, &beside);
            let _ = remove_if_there(disk, &path);
            return Err(WorkspaceError::disk("write", &path)(error));
        }
        Ok(path)
    }

    /// All intents in a folder, oldest first. An absent folder has none.
    ///
    /// # Errors
    /// The disk's; [`WorkspaceError::Intent`] for one that cannot be read: it is never passed
    /// over, since files may be half restored.
    pub fn read_all(intents: &Path) -> Result<Vec<(PathBuf, Self)>, WorkspaceError> {
        let listed = match std::fs::read_dir(intents) {
            Ok(listed) => listed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(WorkspaceError::disk("list", intents)(error)),
        };
        let mut all = Vec::new();
        for entry in listed {
            let path = entry.map_err(WorkspaceError::disk("list", intents))?.path();
            if path.extension() != Some(OsStr::new(EXTENSION)) {
                continue;
            }
            let bytes = std::fs::read(&path).map_err(WorkspaceError::disk("read", &path))?;
            let intent = Self::decode(&bytes)
                .map_err(|what| WorkspaceError::Intent { path: path.clone(), what })?;
            all.push((path, intent));
        }
        all.sort_by(|a, b| (a.1.when, &a.0).cmp(&(b.1.when, &b.0)));
        Ok(all)
    }

    /// Removes the file of an intent that is finished or taken back, durably.
    ///
    /// # Errors
    /// The disk's.
    pub fn remove(disk: &dyn Disk, path: &Path) -> Result<(), WorkspaceError> {
        remove_if_there(disk, path).map_err(|error| as_workspace(error, path))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        disk.sync_dir(folder).map_err(WorkspaceError::disk("sync", folder))
    }

    fn encode(&self, place: &Path) -> Result<Vec<u8>, WorkspaceError> {
        let mut bytes = MAGIC.to_vec();
        bytes.push(VERSION);
        codec::encode_fields(self, &mut bytes).map_err(|error| WorkspaceError::Intent {
            path: place.to_owned(),
            what: error.to_string(),
        })?;
        let digest = codec::digest(PURPOSE, &bytes);
        bytes.extend_from_slice(&digest.0);
        Ok(bytes)
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() < HEADER_BYTES + ID_BYTES || !bytes.starts_with(MAGIC) {
            return Err("it is no intent (no magic number)".to_owned());
        }
        let version = bytes[MAGIC.len()];
        if version != VERSION {
            return Err(format!("it has version {version}; this program reads {VERSION}"));
        }
        let end = bytes.len() - ID_BYTES;
        if codec::digest(PURPOSE, &bytes[..end]).0 != bytes[end..] {
            return Err("its checksum is wrong".to_owned());
        }
        codec::decode_fields(&bytes[HEADER_BYTES..end]).map_err(|error| error.to_string())
    }
}

fn as_workspace(error: super::error::RestoreError, path: &Path) -> WorkspaceError {
    use super::error::RestoreError;
    match error {
        RestoreError::Disk { action, path, source } => {
            WorkspaceError::Disk { action, path, source }
        }
        other => WorkspaceError::Intent { path: path.to_owned(), what: other.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::disk::RealDisk;
    use crate::base::id::{Hash, SnapshotId};

    fn intent() -> Intent {
        Intent {
            workspace: "w1".to_owned(),
            root: Bytes(b"/home/\xff".to_vec()),
            from: TreeId(Hash([1; 32])),
            to: TreeId(Hash([2; 32])),
            before: None,
            after: NameValue::Branch(SnapshotId(Hash([3; 32]))),
            verb: "switch".to_owned(),
            when: Timestamp(7),
        }
    }

    #[test]
    fn golden_bytes() {
        let bytes = intent().encode(Path::new("x")).unwrap();
        let mut expected = b"xpintent\x01".to_vec();
        expected.extend_from_slice(b"\x02\0\0\0\0\0\0\0w1");
        expected.extend_from_slice(b"\x07\0\0\0\0\0\0\0/home/\xff");
        expected.extend_from_slice(&[1; 32]);
        expected.extend_from_slice(&[2; 32]);
        expected.extend_from_slice(b"\0");
        expected.extend_from_slice(b"\0\0\0\0");
        expected.extend_from_slice(&[3; 32]);
        expected.extend_from_slice(b"\x06\0\0\0\0\0\0\0switch");
        expected.extend_from_slice(b"\x07\0\0\0\0\0\0\0");
        assert_eq!(bytes[..bytes.len() - 32], expected);
        assert_eq!(bytes[expected.len()..], codec::digest(PURPOSE, &expected).0);
    }

    #[test]
    fn an_intent_is_read_back_and_damage_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = intent().write(&RealDisk, folder.path()).unwrap();
        assert_eq!(intent().write(&RealDisk, folder.path()).unwrap(), path);
        std::fs::write(folder.path().join("half.tmp"), b"xpin").unwrap();
        assert_eq!(Intent::read_all(folder.path()).unwrap(), [(path.clone(), intent())]);
        let bytes = std::fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(Intent::decode(&damaged).is_err(), "byte {at}");
            assert!(Intent::decode(&bytes[..at]).is_err(), "cut at {at}");
        }
        Intent::remove(&RealDisk, &path).unwrap();
        Intent::remove(&RealDisk, &path).unwrap();
        assert!(Intent::read_all(folder.path()).unwrap().is_empty());
        assert!(Intent::read_all(&folder.path().join("none")).unwrap().is_empty());
    }
}
