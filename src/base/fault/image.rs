//! A folder with everything in it, as a value: read from the disk, written to a fresh place.
//!
//! Only for the small folders of tests: it holds all content in memory.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One thing in a folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// A file: its content and its permission bits.
    File(Arc<Vec<u8>>, u32),
    /// A folder: its permission bits and what is in it.
    Folder(u32, BTreeMap<OsString, Node>),
    /// A symbolic link: its target.
    Link(PathBuf),
}

/// A folder with everything in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Image(pub Node);

impl Image {
    /// Reads a folder.
    ///
    /// # Errors
    /// Those of the system.
    pub fn read(folder: &Path) -> io::Result<Self> {
        read_node(folder).map(Self)
    }

    /// Writes it to a folder, which must not exist.
    ///
    /// # Errors
    /// Those of the system.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        write_node(&self.0, folder)
    }
}

fn read_node(path: &Path) -> io::Result<Node> {
    let facts = fs::symlink_metadata(path)?;
    let mode = facts.permissions().mode() & 0o7777;
    if facts.is_symlink() {
        return fs::read_link(path).map(Node::Link);
    }
    if !facts.is_dir() {
        return Ok(Node::File(Arc::new(fs::read(path)?), mode));
    }
    let mut names = BTreeMap::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        names.insert(entry.file_name(), read_node(&entry.path())?);
    }
    Ok(Node::Folder(mode, names))
}

fn write_node(node: &Node, path: &Path) -> io::Result<()> {
    let set_mode = |mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    match node {
        Node::Link(target) => std::os::unix::fs::symlink(target, path),
        Node::File(content, mode) => {
            fs::write(path, content.as_slice())?;
            set_mode(*mode)
        }
        Node::Folder(mode, names) => {
            fs::create_dir(path)?;
            names.iter().try_for_each(|(name, node)| write_node(node, &path.join(name)))?;
            set_mode(*mode)
        }
    }
}
