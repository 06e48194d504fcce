//! The folder in which the last path lay, open: paths that follow one another mostly share it.
//!
//! Guarantees that it was reached through real folders only, and that a name in it is looked at
//! and changed there, wherever it is moved to meanwhile. Changes nothing by itself.

use std::io;

use super::error::{RestoreError, WorkspaceError};
use super::handle::{self, Root};
use super::stamp::Stamp;
use crate::base::disk::OpenFolder;
use crate::base::path::TreePath;

/// How many paths share what is known of their folders, at most: work that several threads do is
/// cut into pieces of so many.
pub(super) const PATHS: usize = 64;

/// The last folder.
pub(super) struct Nearby<'a> {
    root: &'a Root,
    /// None for a folder that is absent, or no folder.
    last: Option<(TreePath, Option<OpenFolder>)>,
}

impl<'a> Nearby<'a> {
    /// None yet.
    pub(super) fn new(root: &'a Root) -> Self {
        Self { root, last: None }
    }

    /// The folder of a path, unless it is absent or not reached through real folders.
    pub(super) fn folder_of(&mut self, path: &TreePath) -> io::Result<Option<&OpenFolder>> {
        let folder = path.split().map(|(folder, _)| folder).unwrap_or_default();
        if self.last.as_ref().is_none_or(|(last, _)| *last != folder) {
            let handle = handle::absent_is_none(self.root.folder(&folder))?;
            let opened = handle.map(|handle| OpenFolder::new(handle, self.root.place(&folder)));
            self.last = Some((folder, opened));
        }
        Ok(self.last.as_ref().and_then(|(_, opened)| opened.as_ref()))
    }

    /// The same where it must be there.
    pub(super) fn folder(&mut self, path: &TreePath) -> Result<&OpenFolder, RestoreError> {
        let parent = || path.split().map(|(parent, _)| parent).unwrap_or_default();
        let place = self.root.place(&parent());
        match self.folder_of(path) {
            Ok(Some(folder)) => Ok(folder),
            Ok(None) => Err(RestoreError::Changed { path: parent() }),
            Err(error) => Err(RestoreError::disk("open", &place)(error)),
        }
    }

    /// What stands at a path, links not followed. None when it or its folder is absent, or when
    /// what should be a folder on the way is none.
    pub(super) fn stamp(&mut self, path: &TreePath) -> io::Result<Option<Stamp>> {
        let Some((_, name)) = path.split() else { return self.root.stamp(path) };
        match self.folder_of(path)? {
            Some(folder) => handle::absent_is_none(handle::stamp_at(folder, name)),
            None => Ok(None),
        }
    }

    /// The same with an error that says where.
    pub(super) fn look(&mut self, path: &TreePath) -> Result<Option<Stamp>, WorkspaceError> {
        self.stamp(path).map_err(|e| WorkspaceError::disk("look at", &self.root.place(path))(e))
    }
}
