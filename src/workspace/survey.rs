//! What a first capture would take in, without reading a file: for `exp init` to show.

use std::collections::BTreeMap;

use super::error::WorkspaceError;
use super::rules::Rules;
use super::scan::{SkipReason, State, Walk, scan};
use super::stat_cache::StatCache;
use crate::base::path::TreePath;
use crate::base::time::Timestamp;
use crate::object::memory::MemoryObjects;

/// How many of the largest folders a survey names.
const LARGEST_FOLDERS: usize = 5;

/// What is in a workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Files and links that would be captured.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The folders directly in the root that hold most, largest first.
    pub largest_folders: Vec<FolderTotals>,
    /// As in a capture.
    pub ignored: Vec<TreePath>,
    /// As in a capture.
    pub secrets: Vec<TreePath>,
    /// As in a capture.
    pub skipped: Vec<(TreePath, SkipReason)>,
    /// As in a capture.
    pub mounts: Vec<TreePath>,
}

/// A folder and all that would be captured below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FolderTotals {
    /// Which.
    pub path: TreePath,
    /// Files and links.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Looks at every file of a workspace.
///
/// # Errors
/// The disk's.
pub fn survey(rules: &Rules) -> Result<Survey, WorkspaceError> {
    let objects = MemoryObjects::new();
    let cache = StatCache::empty(Timestamp(0));
    let scan = scan(&Walk { objects: &objects, rules, cache: &cache }, None)?;
    let mut survey = Survey {
        ignored: scan.notes.ignored,
        secrets: scan.notes.secrets,
        skipped: scan.notes.skipped,
        mounts: scan.notes.mounts,
        ..Survey::default()
    };
    let mut top: BTreeMap<Vec<u8>, (u64, u64)> = BTreeMap::new();
    for folder in &scan.folders {
        for found in &folder.names {
            let State::Unread(stamp) = &found.state else { continue };
            survey.files += 1;
            survey.bytes += stamp.size;
            if let Some(name) = folder.path.parts().next() {
                let totals = top.entry(name.to_vec()).or_default();
                *totals = (totals.0 + 1, totals.1 + stamp.size);
            }
        }
    }
    let mut folders: Vec<FolderTotals> = top
        .into_iter()
        .map(|(name, (files, bytes))| FolderTotals {
            path: TreePath::root().join(&name),
            files,
            bytes,
        })
        .collect();
    folders.sort_by(|a, b| (b.bytes, b.files, &a.path).cmp(&(a.bytes, a.files, &b.path)));
    folders.truncate(LARGEST_FOLDERS);
    survey.largest_folders = folders;
    Ok(survey)
}
