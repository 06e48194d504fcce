//! What a layer shows at its end, as a tree, and what of it could not be recorded.
//!
//! Guarantees that nothing a command left is lost without a word: what it closed in its layer is opened
//! and recorded, and what no tree can have is named. Knows nothing of branches and records.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::base::id::TreeId;
use crate::base::path::TreePath;
use crate::engine::EngineError;
use crate::engine::report::skip_text;
use crate::object::traits::Put;
use crate::object::tree;
use crate::workspace::isolate::{LeftOut, LeftOutReason, Note, capture_upper, make_accessible};
use crate::workspace::{Capture, KeepOut, Rules, SkipReason};

/// What a layer showed at its end.
pub(in crate::engine) struct Captured {
    /// The tree.
    pub tree: TreeId,
    /// What could not be recorded, and why: a sentence for each.
    pub left_out: Vec<String>,
    /// Git folders of repositories inside.
    pub repositories: Vec<TreePath>,
}

impl Captured {
    /// What a slot showed, as a capture of its files says.
    pub fn of_slot(found: Capture) -> Self {
        let is_git = |(_, why): &(TreePath, SkipReason)| *why == SkipReason::Repository;
        let (git, other): (Vec<_>, Vec<_>) = found.skipped.into_iter().partition(is_git);
        let text = |(path, why): &(TreePath, SkipReason)| left_out_text(path, &skip_text(*why));
        Self {
            tree: found.tree,
            left_out: other.iter().map(text).collect(),
            repositories: git.into_iter().map(|(path, _)| path).collect(),
        }
    }
}

/// The tree that a layer shows. Files of rules count as they stood below it, and those that are
/// ignored themselves as they stand now. What one of the `tracked` trees has is tracked, whatever the rules
/// say: that from which the view began, and that which was recorded last in it.
pub(super) fn capture_layer(
    objects: &(impl Put + ?Sized),
    upper: &Path,
    note: Note,
    rules: (&Rules, &[TreePath]),
    tracked: [TreeId; 2],
) -> Result<Captured, EngineError> {
    // By the rules under which it was opened: a branch that the user checks out meanwhile may ignore
    // what was written here.
    let rules = KeepOut::as_of(rules.0, objects, note.shown, rules.1);
    let is_tracked =
        |path: &TreePath, tree| matches!(tree::lookup(objects, tree, path), Ok(Some(_)));
    let keep_out = |path: &TreePath, is_folder: bool| {
        rules.keeps_out(path, is_folder).unwrap_or(false)
            && !tracked.into_iter().any(|tree| is_tracked(path, tree))
    };
    let mut captured = capture_upper(objects, upper, note, &keep_out)?;
    for _ in 0..OPENING_TRIES_MAX {
        let closed = |left: &&LeftOut| left.reason == LeftOutReason::Unreadable;
        let closed: Vec<_> = captured.left_out.iter().filter(closed).collect();
        // The layer is ours: what a command closed in it is opened, and so not lost.
        if closed.is_empty() || !closed.iter().any(|left| give_access(&left.path.under(upper))) {
            break;
        }
        captured = capture_upper(objects, upper, note, &keep_out)?;
    }
    let named = |left: &LeftOut| {
        let why = match left.reason {
            LeftOutReason::Rules => return None,
            LeftOutReason::Special => skip_text(SkipReason::Special),
            LeftOutReason::TooDeep => skip_text(SkipReason::TooDeep),
            LeftOutReason::TooLarge => skip_text(SkipReason::TooLarge),
            LeftOutReason::Unreadable => skip_text(SkipReason::Unreadable),
        };
        Some(left_out_text(&left.path, &why))
    };
    let is_git = |left: &&LeftOut| {
        let name = left.path.split().map(|(_, name)| name == b".git");
        left.reason == LeftOutReason::Rules && name == Some(true)
    };
    Ok(Captured {
        tree: captured.tree,
        left_out: captured.left_out.iter().filter_map(named).collect(),
        repositories: captured.left_out.iter().filter(is_git).map(|l| l.path.clone()).collect(),
    })
}

/// Times that a layer is read again after what was closed in it was opened: folders in folders.
const OPENING_TRIES_MAX: usize = 8;

/// What was left out, as a sentence.
fn left_out_text(path: &TreePath, why: &str) -> String {
    format!("`{}` was left out: {why}", path.display())
}

/// Gives us the right to read what a command closed; whether that changed something.
fn give_access(place: &Path) -> bool {
    let Ok(meta) = fs::symlink_metadata(place) else {
        // It stands in a folder that may be listed and not entered.
        return place.parent().is_some_and(|folder| make_accessible(folder).is_ok());
    };
    if meta.is_dir() {
        return make_accessible(place).is_ok();
    }
    let mode = Permissions::from_mode(meta.permissions().mode() & 0o7777 | 0o400);
    meta.is_file() && fs::set_permissions(place, mode).is_ok()
}
