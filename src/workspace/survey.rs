//! What a first capture would take in, without reading a file, or did: for `exp init` to show.

use std::collections::BTreeMap;

use super::capture::Capture;
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
    let mut totals = Totals::default();
    for folder in &scan.folders {
        for found in &folder.names {
            if let State::Unread(stamp) = &found.state {
                totals.add(folder.path.as_bytes(), stamp.size);
            }
        }
    }
    Ok(Survey {
        ignored: scan.notes.ignored,
        secrets: scan.notes.secrets,
        skipped: scan.notes.skipped,
        mounts: scan.notes.mounts,
        ..totals.survey()
    })
}

/// The same of what a capture took in, from what it left in the cache: no file is looked at again.
pub fn survey_of(capture: &Capture, cache: &StatCache) -> Survey {
    let mut totals = Totals::default();
    for (folder, bytes) in cache.leaves() {
        totals.add(folder, bytes);
    }
    Survey {
        ignored: capture.ignored.clone(),
        secrets: capture.secrets.clone(),
        skipped: capture.skipped.clone(),
        mounts: capture.mounts.clone(),
        ..totals.survey()
    }
}

/// Files and links with their bytes, as they are counted.
#[derive(Default)]
struct Totals {
    files: u64,
    bytes: u64,
    /// The same by the folders directly in the root.
    top: BTreeMap<Vec<u8>, (u64, u64)>,
}

impl Totals {
    /// A file or link of a folder, given by its path.
    fn add(&mut self, folder: &[u8], bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
        let name = folder.split(|byte| *byte == b'/').next().unwrap_or_default();
        if name.is_empty() {
            return;
        }
        let totals = match self.top.get_mut(name) {
            Some(totals) => totals,
            None => self.top.entry(name.to_vec()).or_default(),
        };
        *totals = (totals.0 + 1, totals.1 + bytes);
    }

    fn survey(self) -> Survey {
        let totals = |(name, (files, bytes)): (Vec<u8>, (u64, u64))| FolderTotals {
            path: TreePath::root().join(&name),
            files,
            bytes,
        };
        let mut folders: Vec<FolderTotals> = self.top.into_iter().map(totals).collect();
        folders.sort_by(|a, b| (b.bytes, b.files, &a.path).cmp(&(a.bytes, a.files, &b.path)));
        folders.truncate(LARGEST_FOLDERS);
        let (files, bytes) = (self.files, self.bytes);
        Survey { files, bytes, largest_folders: folders, ..Survey::default() }
    }
}
