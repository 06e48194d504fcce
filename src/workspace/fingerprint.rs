//! What stands below ignored inputs (a warm build folder, kept files), told apart from what stood
//! there before, without reading a file.
//!
//! Guarantees that two equal answers mean that nothing was written there meanwhile, as far as the
//! times of the file system tell. Does not know what the files hold.

use std::os::fd::OwnedFd;
use std::path::Path;

use rayon::prelude::*;

use super::error::WorkspaceError;
use super::handle::{Root, absent_is_none, is_refused, stamp_at};
use super::listing::Listing;
use super::stamp::Stamp;
use crate::base::codec::digest;
use crate::base::id::Hash;
use crate::base::limits::TREE_DEPTH_MAX;
use crate::base::path::TreePath;

const PURPOSE: &str = "inputs";

/// A digest of name, size, times, inode and mode of all that stands at these paths and below.
/// Costs a look at each file. What is absent, or may not be looked at, counts as that.
///
/// # Errors
/// The disk's.
pub fn fingerprint(root: &Path, inputs: &[TreePath]) -> Result<Hash, WorkspaceError> {
    let root = Root::open(root)?;
    let mut bytes = Vec::new();
    for path in inputs {
        add_name(&mut bytes, path.as_bytes());
        let failed = |error| WorkspaceError::disk("read", &root.place(path))(error);
        let Some(stamp) = root.stamp(path).map_err(failed)? else { continue };
        add_stamp(&mut bytes, &stamp);
        if stamp.is_folder() {
            let opened = match absent_is_none(root.folder(path)) {
                Err(error) if is_refused(&error) => None,
                opened => opened.map_err(failed)?,
            };
            let below = opened.map(|folder| of_folder(&folder, 0)).transpose().map_err(failed)?;
            bytes.extend(below.iter().flat_map(|hash| hash.0));
        }
    }
    Ok(digest(PURPOSE, &bytes))
}

fn of_folder(folder: &OwnedFd, depth: usize) -> std::io::Result<Hash> {
    let listing = Listing::read(folder)?;
    let part = |(at, _): &(super::listing::NameAt, _)| -> std::io::Result<Vec<u8>> {
        let name = at.of(&listing.bytes);
        let mut bytes = Vec::with_capacity(name.len() + 64);
        add_name(&mut bytes, name);
        let Some(stamp) = absent_is_none(stamp_at(folder, name))? else { return Ok(bytes) };
        add_stamp(&mut bytes, &stamp);
        if stamp.is_folder() && depth < TREE_DEPTH_MAX {
            match absent_is_none(super::handle::folder_in(folder, name)) {
                Ok(Some(below)) => bytes.extend(of_folder(&below, depth + 1)?.0),
                Ok(None) => {}
                Err(error) if is_refused(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(bytes)
    };
    let parts: Result<Vec<_>, _> = listing.names.par_iter().map(part).collect();
    Ok(digest(PURPOSE, &parts?.concat()))
}

fn add_name(bytes: &mut Vec<u8>, name: &[u8]) {
    bytes.extend_from_slice(&(name.len() as u64).to_le_bytes());
    bytes.extend_from_slice(name);
}

fn add_stamp(bytes: &mut Vec<u8>, stamp: &Stamp) {
    let Stamp { size, modified, changed, inode, device, mode } = *stamp;
    for number in [size, modified.cast_unsigned(), changed.cast_unsigned(), inode, device] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&mode.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn any_write_below_an_input_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("target/debug")).unwrap();
        fs::write(root.join("target/debug/a"), "a").unwrap();
        fs::write(root.join(".env"), "A=1").unwrap();
        let path = |text: &str| TreePath::new(text.as_bytes()).unwrap();
        let inputs = [path("target"), path(".env"), path("absent")];
        let now = || fingerprint(root, &inputs).unwrap();
        let first = now();
        fs::write(root.join("not-an-input"), "x").unwrap();
        fs::read(root.join("target/debug/a")).unwrap();
        assert_eq!(now(), first);
        let mut seen = vec![first];
        let mut told = |step: &dyn Fn()| {
            step();
            let next = now();
            assert!(!seen.contains(&next));
            seen.push(next);
        };
        told(&|| fs::write(root.join("target/debug/b"), "").unwrap());
        told(&|| fs::write(root.join(".env"), "A=2").unwrap());
        told(&|| fs::create_dir(root.join("absent")).unwrap());
        // Put back as it was: another inode, another time.
        told(&|| {
            fs::write(root.join("target/debug/c"), "a").unwrap();
            fs::rename(root.join("target/debug/c"), root.join("target/debug/a")).unwrap();
        });
    }
}
