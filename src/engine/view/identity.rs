//! Whose view a process runs in: a file that the exp outside of the view makes, and that the one
//! inside finds by its place. Variables such as `EXP_VIEW` only have to agree with it.
//!
//! In an overlay the file is bound over an empty one in the store folder, which is read-only there;
//! beside a slot it lies next to the folder of files. So neither is part of what is captured, and an
//! agent that cleans its environment is still known to be in a view.
//!
//! **Format**: `xpview`, version u8 = 1; the fields of [`Identity`] in their order (see
//! `base::codec`); the digest of the store's secret and all that (purpose `sealed view`). Without the
//! secret nobody can make one: a folder that was downloaded may hold a file of this name. Written beside and renamed. Not durable:
//! neither is what lies in the view.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::secret;
use crate::base::codec::{self, Bytes};
use crate::base::disk::Disk;
use crate::base::id::{ID_BYTES, SnapshotId};
use crate::base::limits::SMALL_FILE_BYTES_MAX;
use crate::base::name::Label;
use crate::base::regular;
use crate::engine::{EngineError, Surroundings};
use crate::object::names::Position;
use crate::object::snapshot::GitHead;

const MAGIC: &[u8; 7] = b"xpview\x01";
const PURPOSE: &str = "sealed view";
const FILE_MODE: u32 = 0o600;

/// The file of a store over which the identity is bound.
const VIEW_FILE: &str = "view";

/// The folder of files in a slot, beside which its identity lies.
const SLOT_FILES: &str = "files";

/// How the name of a view's own workspace begins. No other workspace's does.
const WORKSPACE_PREFIX: &str = "view-";

/// The same for the view of an approach.
const APPROACH_PREFIX: &str = "view-approach-";

/// Whose view it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct Identity {
    /// What `EXP_VIEW` says there.
    pub label: String,
    /// The workspace's folder, as the view shows it.
    pub root: Bytes,
    /// The usual place of the store.
    pub store: Bytes,
    /// The workspace in which the view was opened.
    pub outer: String,
    /// How many views lie one in the other, this one included.
    pub depth: u32,
    /// What makes it a place to work in; none for one in which a tree is only measured.
    pub work: Option<Work>,
}

/// A view that is a workspace of its own, as long as it lasts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct Work {
    /// Its name in the store.
    pub workspace: String,
    /// Where the store can be written from within.
    pub store: Bytes,
    /// The folder of layers and slots.
    pub state: Bytes,
    /// A folder for what a workspace remembers (its stat cache), gone with the view.
    pub registration: Bytes,
    /// Where the files that it writes lie, as seen from outside.
    pub files: Bytes,
    /// The branch.
    pub branch: Label,
    /// The snapshot that it showed at first.
    pub base: SnapshotId,
    /// The head of the branch at that moment.
    pub head: SnapshotId,
    /// Where git stood in it.
    pub git_head: Option<GitHead>,
    /// The experiment and the approach, where it is one's.
    pub approach: Option<(String, String)>,
    /// Whether what the command leaves is recorded. What exp itself records in there always is.
    pub keeps: bool,
    /// The command.
    pub message: String,
    /// What the exp outside knew of user and session: a cleaned environment says nothing of them.
    pub who: String,
    pub session: String,
    pub global_excludes: Option<Bytes>,
}

impl Identity {
    /// Reads it. None for a file that is absent or empty, that a power cut tore, or that the store did
    /// not seal: the one that is given, or else the one that the identity names.
    ///
    /// # Errors
    /// The disk's.
    pub fn read(path: &Path, store: Option<&Path>) -> Result<Option<Self>, EngineError> {
        let bytes = match regular::read(path, SMALL_FILE_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) if is_absence(&error) => return Ok(None),
            Err(source) => return Err(failed("read", path)(source)),
        };
        let end = bytes.len().saturating_sub(ID_BYTES);
        let body = bytes[..end].strip_prefix(MAGIC);
        let claimed = body.and_then(|body| codec::decode_fields::<Self>(body).ok());
        let Some(claimed) = claimed else { return Ok(None) };
        let named = claimed.work.as_ref().map_or(&claimed.store, |work| &work.store);
        let store = store.map_or_else(|| path_of(named), Path::to_owned);
        let secret = secret::of(&store).map_err(failed("read the secret of", &store))?;
        let is_sealed = |secret: Vec<u8>| seal(&secret, &bytes[..end]) == bytes[end..];
        Ok(secret.is_some_and(is_sealed).then_some(claimed))
    }

    /// The identity of the slot whose files a folder holds.
    ///
    /// # Errors
    /// The disk's.
    pub fn of_slot(folder: &Path) -> Result<Option<Self>, EngineError> {
        match folder.parent() {
            Some(slot) if folder.file_name() == Some(OsStr::new(SLOT_FILES)) => {
                Self::read(&slot.join("identity"), None)
            }
            _ => Ok(None),
        }
    }

    /// The identity that is bound into a store.
    ///
    /// # Errors
    /// The disk's.
    pub fn in_store(store: &Path) -> Result<Option<Self>, EngineError> {
        Self::read(&store.join(VIEW_FILE), Some(store))
    }

    /// The file of a store to bind an identity over; made where it is missing.
    ///
    /// # Errors
    /// The disk's.
    pub fn target(disk: &dyn Disk, store: &Path) -> Result<PathBuf, EngineError> {
        let path = store.join(VIEW_FILE);
        match disk.create(&path, FILE_MODE) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(failed("create", &path)(error))
            }
            _ => Ok(path),
        }
    }

    /// Writes it, replacing an older one, sealed by a store.
    ///
    /// # Errors
    /// The disk's.
    pub fn write(&self, disk: &dyn Disk, path: &Path, store: &Path) -> Result<(), EngineError> {
        let mut bytes = MAGIC.to_vec();
        let encoded = codec::encode_fields(self, &mut bytes);
        encoded.map_err(io::Error::other).map_err(failed("write", path))?;
        let secret = secret::made(disk, store).map_err(failed("read the secret of", store))?;
        let sealed = seal(&secret, &bytes);
        bytes.extend_from_slice(&sealed);
        let beside = path.with_extension("new");
        remove(disk, &beside)?;
        disk.create(&beside, FILE_MODE)
            .and_then(|mut file| file.write_all(&bytes))
            .and_then(|()| disk.rename(&beside, path))
            .map_err(failed("write", path))
    }

    /// Refuses what variables say of the view when it is not this one.
    ///
    /// # Errors
    /// [`EngineError::Refused`].
    pub fn check_claim(&self, name: &str, claim: Option<&String>) -> Result<(), EngineError> {
        match claim {
            Some(claim) if *claim != self.label => Err(EngineError::Refused {
                what: format!("{name} is `{claim}`"),
                why: format!("this is the view of `{}`; unset {name}", self.label),
            }),
            _ => Ok(()),
        }
    }

    /// The name that a view's own workspace gets.
    pub fn workspace_name(is_approach: bool, unique: &str) -> String {
        let prefix = if is_approach { APPROACH_PREFIX } else { WORKSPACE_PREFIX };
        format!("{prefix}{}", &codec::digest("workspace", unique.as_bytes()).hex()[..12])
    }
}

/// Whether a workspace's name is that of a view.
pub(in crate::engine) fn is_of_view(workspace: &str) -> bool {
    workspace.starts_with(WORKSPACE_PREFIX)
}

/// Whether a workspace's name is that of an approach's view.
pub(in crate::engine) fn is_of_approach(workspace: &str) -> bool {
    workspace.starts_with(APPROACH_PREFIX)
}

impl Work {
    /// Gives surroundings what the exp outside knew, where they say nothing of it themselves.
    pub fn inform(&self, surroundings: &mut Surroundings) {
        if surroundings.variable("EXP_SESSION").is_none() {
            surroundings.session.clone_from(&self.session);
        }
        surroundings.who.clone_from(&self.who);
        surroundings.global_excludes = self.global_excludes.as_ref().map(path_of);
    }

    /// Where the view stands as long as nothing was recorded in it.
    pub fn first_position(&self, root: &Path) -> Position {
        Position {
            branch: self.branch.clone(),
            snapshot: self.base,
            git_head: self.git_head.clone(),
            path: root.as_os_str().as_bytes().into(),
        }
    }
}

/// A path in a record.
pub(in crate::engine) fn bytes_of(path: &Path) -> Bytes {
    Bytes(path.as_os_str().as_bytes().to_vec())
}

/// A path from a record.
pub(in crate::engine) fn path_of(bytes: &Bytes) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(&bytes.0))
}

fn seal(secret: &[u8], bytes: &[u8]) -> [u8; ID_BYTES] {
    codec::digest(PURPOSE, &[secret, bytes].concat()).0
}

/// Removes a file that may be absent.
pub(super) fn remove(disk: &dyn Disk, path: &Path) -> Result<(), EngineError> {
    match disk.remove_file(path) {
        Err(error) if !is_absence(&error) => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> EngineError + use<> {
    let path = path.to_owned();
    move |source| EngineError::File { what, path, source }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::base::disk::RealDisk;
    use crate::base::fuzz::{folder, fuzz, sealed};
    use crate::base::id::Hash;

    fn identity(store: &Path) -> Identity {
        let snapshot = |byte| SnapshotId(Hash([byte; 32]));
        Identity {
            label: "e1/a".to_owned(),
            root: Bytes(b"/w\xff".to_vec()),
            store: bytes_of(store),
            outer: "main".to_owned(),
            depth: 1,
            work: Some(Work {
                workspace: Identity::workspace_name(true, "x"),
                store: bytes_of(store),
                state: Bytes(b"/t".to_vec()),
                registration: Bytes(b"/r".to_vec()),
                files: Bytes(b"/f".to_vec()),
                branch: Label::new("e1/a").unwrap(),
                base: snapshot(1),
                head: snapshot(2),
                git_head: None,
                approach: Some(("e1".to_owned(), "a".to_owned())),
                keeps: true,
                message: "true".to_owned(),
                who: "me".to_owned(),
                session: "one".to_owned(),
                global_excludes: None,
            }),
        }
    }

    #[test]
    fn it_is_read_back_and_damage_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let slot = folder.path().join("3");
        fs::create_dir_all(slot.join("files")).unwrap();
        let path = slot.join("identity");
        assert_eq!(Identity::read(&path, None).unwrap(), None);
        let identity = || identity(folder.path());
        identity().write(&RealDisk, &path, folder.path()).unwrap();
        identity().write(&RealDisk, &path, folder.path()).unwrap();
        assert_eq!(Identity::of_slot(&slot.join("files")).unwrap(), Some(identity()));
        assert_eq!(Identity::of_slot(&slot.join("other")).unwrap(), None);
        let bytes = fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            fs::write(&path, &bytes[..at]).unwrap();
            assert_eq!(Identity::read(&path, None).unwrap(), None, "cut at {at}");
        }
        // What another store sealed, or nobody, is none.
        fs::write(&path, &bytes).unwrap();
        let secret = folder.path().join("secret");
        fs::remove_file(&secret).unwrap();
        assert_eq!(Identity::read(&path, None).unwrap(), None);
        secret::made(&RealDisk, folder.path()).unwrap();
        assert_eq!(Identity::read(&path, None).unwrap(), None);
        let unsealed = codec::digest("view", &bytes[..bytes.len() - ID_BYTES]);
        fs::write(&path, [&bytes[..bytes.len() - ID_BYTES], &unsealed.0].concat()).unwrap();
        assert_eq!(Identity::read(&path, None).unwrap(), None);
    }

    #[test]
    fn names_tell_what_they_are() {
        let [approach, other] = [true, false].map(|is| Identity::workspace_name(is, "x"));
        assert!(is_of_view(&approach) && is_of_view(&other));
        assert!(is_of_approach(&approach) && !is_of_approach(&other));
    }

    #[test]
    fn a_claim_must_agree() {
        let identity = || identity(Path::new("/w/.exp"));
        let claim = |text: &str| identity().check_claim("EXP_BRANCH", Some(&text.to_owned()));
        assert!(claim("e1/a").is_ok() && claim("e1/b").is_err());
        assert!(identity().check_claim("EXP_BRANCH", None).is_ok());
    }

    #[test]
    fn fuzzed_identities_are_none_or_one() {
        let folder = folder();
        let path = folder.path().join("identity");
        let mut sample = MAGIC.to_vec();
        codec::encode_fields(&identity(folder.path()), &mut sample).unwrap();
        let secret = secret::made(&RealDisk, folder.path()).unwrap();
        sample.extend_from_slice(&[0; ID_BYTES]);
        let seal = |bytes: &[u8]| super::seal(&secret, bytes);
        let accepted = fuzz("identity", &[sample], (MAGIC.len(), 1_500), |bytes| {
            fs::write(&path, sealed(bytes, seal)).unwrap();
            Identity::read(&path, Some(folder.path())).unwrap().is_some()
        });
        assert!(accepted > 50, "{accepted}");
    }
}
