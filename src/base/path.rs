//! Paths inside a tree: bytes, relative, without `.`, `..` or empty parts.
//!
//! Guarantees that a stored path can never lead out of the workspace. Names are bytes because
//! file systems have names that are no UTF-8. Does not touch the disk.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::limits::{LINK_TARGET_BYTES_MAX, NAME_BYTES_MAX};
use super::reserved::{Reserved, reserved};
use super::visible::visible_in_line;

/// Why bytes are no name of a tree entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` cannot be the name of a file: {reason}")]
pub struct BadName {
    /// The bytes, shown as far as they are text.
    pub shown: String,
    /// The rule that they break.
    pub reason: &'static str,
}

/// Checks the name of one tree entry: not empty, no `/`, no NUL, not `.` or `..`, at most 255
/// bytes.
pub fn check_name(name: &[u8]) -> Result<(), BadName> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.len() > NAME_BYTES_MAX {
        "it is longer than 255 bytes"
    } else if name == b"." || name == b".." {
        "it means a folder"
    } else if name.contains(&b'/') || name.contains(&0) {
        "it has a `/` or a NUL"
    } else {
        return Ok(());
    };
    Err(BadName { shown: String::from_utf8_lossy(name).into_owned(), reason })
}

/// The rule that the name of an entry of a tree breaks; none for a name that a capture could have
/// made. Stricter than [`check_name`]: see [`super::reserved`].
pub fn entry_name_fault(name: &[u8]) -> Option<&'static str> {
    match check_name(name) {
        Err(_) => Some("a name in it cannot be the name of a file"),
        Ok(()) => reserved(name).map(Reserved::rule),
    }
}

/// Whether bytes can be the target of a link: a system stores no empty one, none with a NUL and none
/// that is longer than a path.
pub fn is_link_target(target: &[u8]) -> bool {
    !target.is_empty() && target.len() <= LINK_TARGET_BYTES_MAX && !target.contains(&0)
}

/// A path inside a tree; the empty one is the root. Ordered as bytes.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreePath(Vec<u8>);

impl TreePath {
    /// The root.
    pub fn root() -> Self {
        Self::default()
    }

    /// Checks bytes such as `src/main.rs`.
    pub fn new(bytes: &[u8]) -> Result<Self, BadName> {
        if !bytes.is_empty() {
            bytes.split(|b| *b == b'/').try_for_each(check_name)?;
        }
        Ok(Self(bytes.to_vec()))
    }

    /// The path of `name` inside this folder. The name must have passed [`check_name`].
    pub fn join(&self, name: &[u8]) -> Self {
        debug_assert!(check_name(name).is_ok());
        let mut bytes = Vec::with_capacity(self.0.len() + 1 + name.len());
        bytes.extend_from_slice(&self.0);
        if !bytes.is_empty() {
            bytes.push(b'/');
        }
        bytes.extend_from_slice(name);
        Self(bytes)
    }

    /// The folder that holds it and its name there; none for the root.
    pub fn split(&self) -> Option<(Self, &[u8])> {
        if self.0.is_empty() {
            return None;
        }
        match self.0.iter().rposition(|b| *b == b'/') {
            Some(at) => Some((Self(self.0[..at].to_vec()), &self.0[at + 1..])),
            None => Some((Self::root(), &self.0)),
        }
    }

    /// The name in the folder that holds it; empty for the root.
    pub fn name(&self) -> &[u8] {
        let from = self.0.iter().rposition(|b| *b == b'/').map_or(0, |at| at + 1);
        &self.0[from..]
    }

    /// The names on the way from the root.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|b| *b == b'/').filter(|part| !part.is_empty())
    }

    /// Whether it is `folder` or lies below it.
    pub fn is_within(&self, folder: &Self) -> bool {
        folder.0.is_empty()
            || self.0 == folder.0
            || (self.0.starts_with(&folder.0) && self.0.get(folder.0.len()) == Some(&b'/'))
    }

    /// Whether it is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes, parts joined by `/`.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The same place below a folder of the disk.
    pub fn under(&self, folder: &Path) -> PathBuf {
        if self.0.is_empty() { folder.to_owned() } else { folder.join(OsStr::from_bytes(&self.0)) }
    }

    /// As text of one line, with the replacement character where it is no UTF-8, and with what a
    /// terminal would obey written out. For people only.
    pub fn display(&self) -> String {
        visible_in_line(&String::from_utf8_lossy(&self.0)).into_owned()
    }
}

impl fmt::Debug for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_never_climbs() {
        for bad in ["..", "a/..", "/a", "a//b", "a/", "./a", "a\0b"] {
            assert!(TreePath::new(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(TreePath::new(&[b'x'; 256]).is_err());
        assert!(TreePath::new(b"\xff\xfe/ok").is_ok());
    }

    #[test]
    fn parts_and_places() {
        let path = TreePath::new(b"a/b/c").unwrap();
        assert_eq!(path.split().unwrap().1, b"c");
        assert_eq!(path.parts().count(), 3);
        assert!(path.is_within(&TreePath::new(b"a/b").unwrap()));
        assert!(!TreePath::new(b"a/bc").unwrap().is_within(&TreePath::new(b"a/b").unwrap()));
        assert_eq!(TreePath::root().join(b"x").as_bytes(), b"x");
    }
}
