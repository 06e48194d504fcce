//! The ignore rules asked for single paths: for what a view left, which no walk of the workspace
//! sees.
//!
//! Answers by the files of rules as they stand in the workspace, or as they stood in a tree: what a
//! view left is judged by those under which it was opened, whatever has become of them since. Does not know what is tracked by
//! the tree that the view showed: what stands there is never kept out, and the caller says so.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::error::WorkspaceError;
use super::record::Ruled;
use super::rules::{Matcher, Rules, Scope};
use super::scan_folder::{EXP_RULES, GIT_RULES};
use crate::base::id::TreeId;
use crate::base::limits::RULES_BYTES_MAX;
use crate::base::path::TreePath;
use crate::base::reserved::reserved;
use crate::object::traits::Fetch;
use crate::object::tree::{self, EntryKind};

/// Reads a file of rules; none where there is none.
pub type ReadRules<'a> = dyn Fn(&TreePath) -> Result<Option<Vec<u8>>, WorkspaceError> + 'a;

/// The rules of a workspace with the files of rules that were read so far.
pub struct KeepOut<'a> {
    rules: &'a Rules,
    read: Box<ReadRules<'a>>,
    scopes: RefCell<HashMap<TreePath, Arc<Scope>>>,
}

impl<'a> KeepOut<'a> {
    /// By the files of rules that stand in the workspace when they are first asked for.
    pub fn new(rules: &'a Rules) -> Self {
        Self::by(rules, Box::new(|path| rules.read_file(path)))
    }

    /// By the files of rules that a tree has. One that is ignored itself (`ignored`), and so in no
    /// tree, counts as it stands in the workspace.
    pub fn as_of(
        rules: &'a Rules,
        objects: &'a (impl Fetch + ?Sized),
        tree: TreeId,
        ignored: &'a [TreePath],
    ) -> Self {
        let read = move |path: &TreePath| {
            if ignored.contains(path) {
                return rules.read_file(path);
            }
            let entry = tree::lookup(objects, tree, path)?;
            let entry = entry.filter(|entry| entry.length <= RULES_BYTES_MAX);
            let is_file = |kind| matches!(kind, EntryKind::File | EntryKind::Executable);
            let blob = entry.filter(|entry| is_file(entry.kind)).and_then(|entry| entry.blob());
            let Some(blob) = blob else { return Ok(None) };
            let mut content = Vec::new();
            objects.fetch_blob_to(blob, &mut content)?;
            Ok(Some(content))
        };
        Self::by(rules, Box::new(read))
    }

    fn by(rules: &'a Rules, read: Box<ReadRules<'a>>) -> Self {
        Self { rules, read, scopes: RefCell::default() }
    }

    /// Whether the rules keep a path out, because of itself or of a folder on the way: ignored, a
    /// secret, a reserved name such as `.git`, or the store. What git tracks although ignored is not kept out.
    ///
    /// # Errors
    /// A file of rules that cannot be read.
    pub fn keeps_out(&self, path: &TreePath, is_folder: bool) -> Result<bool, WorkspaceError> {
        if self.rules.tracked.contains(path) {
            return Ok(false);
        }
        let mut folder = TreePath::root();
        let mut parts = path.parts().peekable();
        while let Some(part) = parts.next() {
            let here = folder.join(part);
            let here_is_folder = is_folder || parts.peek().is_some();
            if reserved(part).is_some() || self.is_store(&folder, part) {
                return Ok(true);
            }
            let scope = self.scope(&folder)?;
            if self.rules.decide(&scope, &here, here_is_folder)? != Ruled::Included {
                // Below an ignored folder only what is tracked counts.
                return Ok(!(is_folder && self.holds_tracked(path)));
            }
            folder = here;
        }
        Ok(false)
    }

    fn is_store(&self, folder: &TreePath, name: &[u8]) -> bool {
        self.rules.store.as_ref().is_some_and(|(place, store)| place == folder && store == name)
    }

    fn holds_tracked(&self, folder: &TreePath) -> bool {
        let after = self.rules.tracked.range(folder.clone()..);
        after.take(1).any(|path| path.is_within(folder))
    }

    /// The rules in force in a folder.
    fn scope(&self, folder: &TreePath) -> Result<Arc<Scope>, WorkspaceError> {
        if let Some(scope) = self.scopes.borrow().get(folder) {
            return Ok(Arc::clone(scope));
        }
        let parent = match folder.split() {
            Some((parent, _)) => self.scope(&parent)?,
            None => Arc::clone(self.rules.outer()),
        };
        let git = self.matcher(folder, GIT_RULES)?;
        let exp = self.matcher(folder, EXP_RULES)?;
        let scope = match (&git, &exp) {
            (None, None) => parent,
            _ => Scope::inside(&parent, git, exp),
        };
        self.scopes.borrow_mut().insert(folder.clone(), Arc::clone(&scope));
        Ok(scope)
    }

    fn matcher(&self, folder: &TreePath, name: &[u8]) -> Result<Option<Matcher>, WorkspaceError> {
        let content = (self.read)(&folder.join(name))?;
        Ok(content.map(|content| Matcher::of_folder(folder, content)))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::workspace::{RuleOptions, default_secrets};

    #[test]
    fn paths_are_judged_as_a_walk_would() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        fs::write(folder.path().join(".gitignore"), "/target\n*.log\n!keep.log\n").unwrap();
        fs::write(folder.path().join("sub/.gitignore"), "local\n").unwrap();
        let tracked = [TreePath::new(b"target/kept").unwrap()].into_iter().collect();
        let tracked = Arc::new(tracked);
        let secrets = default_secrets();
        let options = RuleOptions { secrets, tracked, ..RuleOptions::default() };
        let rules = Rules::load(folder.path(), &options).unwrap();
        let keep_out = KeepOut::new(&rules);
        let is_out = |path: &str, is_folder| {
            keep_out.keeps_out(&TreePath::new(path.as_bytes()).unwrap(), is_folder).unwrap()
        };
        for out in ["a.log", "sub/x.log", "sub/local", "target/debug/x", ".env", "x/.git/config"] {
            assert!(is_out(out, false), "{out}");
        }
        for inside in ["a.rs", "keep.log", "local", "target/kept", "sub/other", ".env.example"] {
            assert!(!is_out(inside, false), "{inside}");
        }
        assert!(!is_out("target", true), "it holds something tracked");
    }
}
