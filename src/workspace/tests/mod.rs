//! Tests of capture and restore together, on real folders.

mod capturing;
mod crashing;
mod fuzz;
mod ignoring;
mod meddling;
mod random;
mod restoring;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::disk::RealDisk;
use crate::base::id::TreeId;
use crate::base::path::TreePath;
use crate::base::time::{Clock, SystemClock};
use crate::object::memory::MemoryObjects;
use crate::object::tree;
use crate::workspace::*;

/// A workspace with its store and its cache.
struct Bench {
    folder: tempfile::TempDir,
    objects: MemoryObjects,
    cache: StatCache,
    options: RuleOptions,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = RuleOptions { secrets: default_secrets(), ..RuleOptions::default() };
        let objects = MemoryObjects::new();
        Self { folder, objects, cache: StatCache::empty(SystemClock.now()), options }
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let place = self.at(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, content).unwrap();
    }

    fn read(&self, path: &str) -> String {
        String::from_utf8(fs::read(self.at(path)).unwrap()).unwrap()
    }

    fn track(&mut self, paths: &[&str]) {
        self.options.tracked = Arc::new(paths.iter().map(|p| path(p)).collect());
    }

    fn rules(&self) -> Rules {
        Rules::load(self.root(), &self.options).unwrap()
    }

    fn try_capture(&mut self, base: Option<TreeId>) -> Result<Capture, WorkspaceError> {
        self.cache.advance(SystemClock.now());
        capture(&self.objects, &self.rules(), &mut self.cache, base)
    }

    fn capture(&mut self, base: Option<TreeId>) -> Capture {
        self.try_capture(base).unwrap()
    }

    fn empty(&self) -> TreeId {
        tree::empty(&self.objects).unwrap()
    }

    /// Goes to a tree from what the workspace is.
    fn try_restore(&mut self, from: TreeId, to: TreeId) -> Result<RestoreReport, RestoreError> {
        let plan = plan_restore(&self.objects, from, to).unwrap();
        let root = self.folder.path();
        let durability = Durability::Disposable;
        apply_restore(&RealDisk, &self.objects, root, &plan, &mut self.cache, durability)
    }

    fn restore(&mut self, from: TreeId, to: TreeId) -> RestoreReport {
        self.try_restore(from, to).unwrap()
    }

    /// What a tree has, as text, by path.
    fn content(&self, tree: TreeId) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        tree::walk::<crate::object::traits::ObjectError>(&self.objects, tree, &mut |walked| {
            all.insert(walked.path.display(), walked.entry.length);
            Ok(())
        })
        .unwrap();
        all
    }
}

fn path(text: &str) -> TreePath {
    TreePath::new(text.as_bytes()).unwrap()
}

fn paths(all: &[TreePath]) -> Vec<String> {
    all.iter().map(TreePath::display).collect()
}

fn executable(place: &Path) {
    fs::set_permissions(place, fs::Permissions::from_mode(0o755)).unwrap();
}

fn mode(place: &Path) -> u32 {
    fs::symlink_metadata(place).unwrap().mode() & 0o777
}
