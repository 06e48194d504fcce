//! The files that git tracks although they are ignored: they are captured all the same. Asked of
//! git once for each state of its index, and remembered.
//!
//! **Format** of the memo: a digest in hexadecimal, a line break; what it is the digest of: the
//! index's stamp, a line break, the paths with a zero byte between. What is not exactly that is no
//! memo: one that a crash left torn would take tracked files for removed ones.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use super::discover::Place;
use crate::base::codec::digest;
use crate::base::disk::Disk;
use crate::base::limits::SMALL_FILE_BYTES_MAX;
use crate::base::path::TreePath;
use crate::base::regular;
use crate::run::{Cancel, git};

const PURPOSE: &str = "tracked files";
const FILE_MODE: u32 = 0o600;

/// They, from the workspace's folder. Without git, or when it cannot answer, there are none.
pub(super) fn tracked_although_ignored(place: &Place, disk: &dyn Disk) -> Arc<BTreeSet<TreePath>> {
    let Some(git) = &place.git else {
        return Arc::default();
    };
    let memo = place.registration().join("tracked");
    let stamp = index_stamp(git);
    if let Some(known) =
        regular::read(&memo, SMALL_FILE_BYTES_MAX).ok().and_then(|bytes| decode(&bytes, &stamp))
    {
        return Arc::new(known);
    }
    let Ok(all) = git::tracked_but_ignored(&git.top, &Cancel::new()) else {
        return Arc::default();
    };
    let below = place.root.strip_prefix(&git.top).unwrap_or(Path::new(""));
    let prefix = TreePath::new(below.as_os_str().as_bytes()).unwrap_or_default();
    let skip = if prefix.is_root() { 0 } else { prefix.as_bytes().len() + 1 };
    let inside = |path: TreePath| {
        let rest = path.is_within(&prefix).then(|| path.as_bytes().get(skip..))??;
        TreePath::new(rest).ok()
    };
    let tracked: BTreeSet<TreePath> = all.into_iter().filter_map(inside).collect();
    // A memo that cannot be written costs asking again.
    let _ = keep(disk, &memo, &encode(&stamp, &tracked));
    Arc::new(tracked)
}

/// What says that git's index is the one that was asked about.
fn index_stamp(git: &git::GitPlace) -> String {
    std::fs::metadata(git.git_dir.join("index")).map_or_else(
        |_| "no index".to_owned(),
        |meta| format!("{} {} {}.{}", meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec()),
    )
}

/// Written beside and renamed, so that no reader sees half of it. Not synced: its digest tells.
pub(super) fn keep(disk: &dyn Disk, memo: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = memo.with_extension("tmp");
    match disk.remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    disk.create(&beside, FILE_MODE)?.write_all(bytes)?;
    disk.rename(&beside, memo)
}

fn encode(stamp: &str, tracked: &BTreeSet<TreePath>) -> Vec<u8> {
    let paths = tracked.iter().map(TreePath::as_bytes).collect::<Vec<_>>().join(&0);
    let body = [stamp.as_bytes(), b"\n", &paths].concat();
    [digest(PURPOSE, &body).hex().as_bytes(), b"\n", &body].concat()
}

fn decode(bytes: &[u8], stamp: &str) -> Option<BTreeSet<TreePath>> {
    let line = bytes.iter().position(|byte| *byte == b'\n')?;
    let (found, body) = (&bytes[..line], &bytes[line + 1..]);
    if found != digest(PURPOSE, body).hex().as_bytes() {
        return None;
    }
    let paths = body.strip_prefix(stamp.as_bytes())?.strip_prefix(b"\n")?;
    let paths = paths.split(|byte| *byte == 0).filter(|path| !path.is_empty());
    paths.map(|path| TreePath::new(path).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fuzz::fuzz;

    /// A crash tore it, and the files that it no longer named were recorded as removed.
    #[test]
    fn a_torn_memo_is_none() {
        let paths = ["ignored.log", "made/by/hand"].map(|path| TreePath::new(path.as_bytes()));
        let tracked: BTreeSet<TreePath> = paths.into_iter().flatten().collect();
        let bytes = encode("7 9", &tracked);
        assert_eq!(decode(&bytes, "7 9"), Some(tracked));
        assert_eq!(decode(&bytes, "7 8"), None);
        for at in 0..bytes.len() {
            assert_eq!(decode(&bytes[..at], "7 9"), None, "cut at {at}");
            let mut zeros = bytes.clone();
            zeros[at..].fill(0);
            assert!(zeros == bytes || decode(&zeros, "7 9").is_none(), "zeros from {at}");
        }
    }

    #[test]
    fn fuzzed_memos_are_none_or_one() {
        let tracked: BTreeSet<TreePath> =
            ["ignored.log", "made/by"].iter().flat_map(|p| TreePath::new(p.as_bytes())).collect();
        fuzz("tracked", &[encode("7 9", &tracked)], (0, 3_000), |bytes| {
            let body = bytes.get(65..).unwrap_or_default();
            let right = [digest(PURPOSE, body).hex().as_bytes(), b"\n", body].concat();
            let _ = decode(bytes, "7 9");
            decode(&right, "7 9").is_some()
        });
    }
}
