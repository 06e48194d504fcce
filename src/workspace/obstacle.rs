//! What a restore would have to overwrite although it is not recorded.

use std::collections::HashSet;

use super::capture::Capture;
use super::error::WorkspaceError;
use super::observe::{Standing, foreign_within, observe};
use super::plan::RestorePlan;
use super::rules::Rules;
use super::stat_cache::StatCache;
use crate::base::path::TreePath;

/// Why something is not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObstacleKind {
    /// It is ignored.
    Ignored,
    /// It looks like a secret.
    Secret,
    /// It came or changed after the capture, or cannot be captured.
    Unrecorded,
}

/// One thing in the way of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// Where.
    pub path: TreePath,
    /// Why it is not recorded.
    pub kind: ObstacleKind,
}

/// Finds what stands in the way of a plan, in order; the caller refuses if there is any. A folder
/// that only cannot go because it holds ignored files is none: it stays.
///
/// `capture` and `cache` are those from just before.
///
/// # Errors
/// The disk's.
pub fn obstacles(
    plan: &RestorePlan,
    rules: &Rules,
    capture: &Capture,
    cache: &StatCache,
) -> Result<Vec<Obstacle>, WorkspaceError> {
    let seen = observe(&rules.root, &plan.changes, cache)?;
    let planned: HashSet<&TreePath> = plan.changes.iter().map(|change| &change.path).collect();
    let mut paths: Vec<TreePath> = plan
        .changes
        .iter()
        .map(|change| &change.path)
        .filter(|p| rules.is_in_store(p))
        .cloned()
        .collect();
    for (change, seen) in plan.changes.iter().zip(seen) {
        match seen.standing {
            Standing::After => {}
            Standing::Other | Standing::Between => paths.push(change.path.clone()),
            Standing::Before => {
                let is_folder = |e: Option<&crate::object::tree::TreeEntry>| {
                    e.is_some_and(|entry| entry.tree().is_some())
                };
                let file_comes = change.after.as_ref().is_some_and(|e| e.tree().is_none());
                if is_folder(change.before.as_ref()) && file_comes {
                    paths.extend(foreign_within(&rules.root, &change.path, &planned)?);
                }
            }
        }
    }
    paths.sort();
    paths.dedup();
    let within = |all: &[TreePath], path: &TreePath| all.iter().any(|at| path.is_within(at));
    let kind = |path: &TreePath| match () {
        () if within(&capture.secrets, path) => ObstacleKind::Secret,
        () if within(&capture.ignored, path) => ObstacleKind::Ignored,
        () => ObstacleKind::Unrecorded,
    };
    Ok(paths.into_iter().map(|path| Obstacle { kind: kind(&path), path }).collect())
}
