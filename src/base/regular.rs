//! Reading files that somebody else may have put there: a cloned repository, a downloaded folder, a
//! command in a view.
//!
//! Guarantees that it ends at once, whatever stands at the path: a pipe without a writer, a device
//! without end, a link to one, a file that grows. Only regular files are read, up to a bound.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags};

/// Why a file is not read although it is there. Stands in an [`io::Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// It is not a regular file, but this.
    NotRegular(&'static str),
    /// It has more bytes than may be.
    TooLarge(u64),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRegular(what) => write!(f, "it is {what}, not a regular file"),
            Self::TooLarge(bytes) => write!(f, "it is larger than {bytes} bytes"),
        }
    }
}

impl std::error::Error for Unreadable {}

/// Whether an error is one of these, and which.
pub fn unreadable(error: &io::Error) -> Option<Unreadable> {
    error.get_ref().and_then(|inner| inner.downcast_ref()).copied()
}

fn word(kind: FileType) -> &'static str {
    match kind {
        FileType::Directory => "a folder",
        FileType::Fifo => "a pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        _ => "something else",
    }
}

/// Opens a regular file for reading; links are followed. Never waits.
///
/// # Errors
/// The system's, and [`Unreadable::NotRegular`].
pub fn open(path: &Path) -> io::Result<File> {
    // A pipe without a writer would be waited for.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = match rustix::fs::openat(CWD, path, flags, Mode::empty()) {
        // As the system opens a socket.
        Err(rustix::io::Errno::NXIO) => {
            return Err(io::Error::other(Unreadable::NotRegular("a socket")));
        }
        opened => File::from(opened?),
    };
    must_be_regular(&file)?;
    Ok(file)
}

/// Refuses what is open and is not a regular file.
///
/// # Errors
/// As [`open`].
pub fn must_be_regular(file: &File) -> io::Result<()> {
    match FileType::from_raw_mode(rustix::fs::fstat(file)?.st_mode) {
        FileType::RegularFile => Ok(()),
        kind => Err(io::Error::other(Unreadable::NotRegular(word(kind)))),
    }
}

/// The content of a regular file of at most so many bytes.
///
/// # Errors
/// As [`open`], and [`Unreadable::TooLarge`].
pub fn read(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    open(path)?.take(bytes_max.saturating_add(1)).read_to_end(&mut content)?;
    if content.len() as u64 > bytes_max {
        return Err(io::Error::other(Unreadable::TooLarge(bytes_max)));
    }
    Ok(content)
}

/// The same as text.
///
/// # Errors
/// As [`read`]; `InvalidData` for what is not UTF-8.
pub fn read_text(path: &Path, bytes_max: u64) -> io::Result<String> {
    let not_text = |_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8");
    String::from_utf8(read(path, bytes_max)?).map_err(not_text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn only_regular_files_are_read_and_only_so_far() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "0123456789").unwrap();
        assert_eq!(read(&at("file"), 10).unwrap(), b"0123456789");
        let why = |name: &str| unreadable(&read(&at(name), 9).unwrap_err());
        assert_eq!(why("file"), Some(Unreadable::TooLarge(9)));
        rustix::fs::mknodat(CWD, at("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        let _listener = UnixListener::bind(at("socket")).unwrap();
        symlink("/dev/zero", at("endless")).unwrap();
        symlink("pipe", at("link")).unwrap();
        symlink(".", at("folder")).unwrap();
        for (name, what) in [
            ("pipe", "a pipe"),
            ("link", "a pipe"),
            ("socket", "a socket"),
            ("endless", "a device"),
            ("folder", "a folder"),
        ] {
            assert_eq!(why(name), Some(Unreadable::NotRegular(what)), "{name}");
        }
        assert_eq!(read(&at("absent"), 9).unwrap_err().kind(), io::ErrorKind::NotFound);
        std::fs::write(at("latin"), b"\xff").unwrap();
        assert_eq!(read_text(&at("latin"), 9).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
