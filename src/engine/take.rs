//! Taking the workspace's files into the store: captures, and the snapshots made of them.
//!
//! **Invariant**: what a capture records is what stood on the disk at one moment for each file;
//! a file that changes while it is read is reported, never recorded torn.

use std::path::PathBuf;

use super::config::Config;
use super::context::Standing;
use super::discover::Place;
use super::excludes::excludes_of;
use super::still::Stillness;
use super::tracked::tracked_although_ignored;
use super::transact::{Act, Own, branch_move, moved};
use super::view::Mask;
use super::{Engine, EngineError, Surroundings};
use crate::base::id::{DocumentId, SnapshotId, TreeId};
use crate::base::name::Label;
use crate::base::path::TreePath;
use crate::object::names::{NameKey, NameValue};
use crate::object::snapshot::{GitHead, Origin, Snapshot, Tier};
use crate::object::traits::Put;
use crate::run::git;
use crate::store::Writer;
use crate::workspace::{Capture, RuleOptions, Rules, StatCache, Watcher, capture, default_secrets};

/// The largest stat cache of a small workspace, at about 90 bytes a file.
const SMALL_CACHE_BYTES: u64 = 512 << 10;

/// A capture with what is needed to go on from it.
pub(super) struct Taken {
    pub capture: Capture,
    pub rules: Rules,
    pub cache: StatCache,
    /// What is known since of the workspace.
    pub stillness: Stillness,
    /// What hides the ignored files of it in views.
    pub mask: Mask,
}

impl Taken {
    /// The warm folders and kept files: what is ignored, and shown in views all the same.
    pub fn inputs(&self, config: &Config) -> Vec<TreePath> {
        let left_out = self.capture.ignored.iter().chain(&self.capture.secrets);
        left_out.filter(|path| is_input(path, config)).cloned().collect()
    }
}

/// Whether something ignored is an input that views show: a warm folder or a kept file.
pub(super) fn is_input(path: &TreePath, config: &Config) -> bool {
    let name = path.split().map_or_else(Vec::new, |(_, name)| name.to_vec());
    let listed = |list: &[String]| {
        list.iter().any(|item| {
            let item = item.trim_end_matches('/').as_bytes();
            item == path.as_bytes() || item == name
        })
    };
    listed(&config.workspace.warm) || listed(&config.workspace.keep)
}

/// The snapshot at which the workspace stands once its files are safe.
pub(super) struct Safe {
    pub standing: Standing,
    pub taken: Taken,
    /// The snapshot that was made because files had changed.
    pub captured: Option<SnapshotId>,
}

impl Engine {
    /// Where git stands, read from its files.
    pub(super) fn git_head(&self) -> Option<GitHead> {
        git_head_of(self.place.git.as_ref()?)
    }

    pub(super) fn stat_cache_path(&self) -> PathBuf {
        self.place.registration().join("cache")
    }

    /// The ignore rules of this workspace.
    pub(super) fn rules(&self, config: &Config) -> Result<Rules, EngineError> {
        rules_of(&self.place, &self.surroundings, config)
    }

    /// Walks the files and puts what is new into `objects`.
    pub(super) fn take(
        &self,
        objects: &(impl Put + ?Sized),
        config: &Config,
        base: TreeId,
    ) -> Result<Taken, EngineError> {
        let rules = self.rules(config)?;
        let mut cache = StatCache::load(&self.stat_cache_path(), self.surroundings.now());
        let capture = capture(objects, &rules, &mut cache, Some(base))?;
        if self.store.is_in_doubt() {
            self.store_again(objects, &rules, base);
        }
        Ok(Taken { capture, rules, cache, stillness: Stillness::fresh(), mask: Mask::default() })
    }

    /// Reads all files and puts what is not known for certain to be stored, after a capture that took for
    /// stored what the snapshot before has: some of that may lie in a pack that turned out to be damaged.
    /// What cannot be helped stays as it is.
    fn store_again(&self, objects: &(impl Put + ?Sized), rules: &Rules, base: TreeId) {
        let nothing_known = || StatCache::empty(self.surroundings.now());
        let again = capture(objects, rules, &mut nothing_known(), Some(base));
        if again.is_err() {
            // The folders before cannot be read either, and are not needed to store what is here.
            let _ = capture(objects, rules, &mut nothing_known(), None);
        }
    }

    /// Takes the files without believing anything that is known of them: all are read, and what is not
    /// stored whole is stored, contents and directories. What snapshots before have and the workspace has
    /// not stays as it is.
    pub(super) fn take_anew(
        &self,
        writer: &Writer<'_>,
        config: &Config,
        base: TreeId,
    ) -> Result<Taken, EngineError> {
        let rules = self.rules(config)?;
        let mut cache = StatCache::empty(self.surroundings.now());
        let capture = match capture(writer, &rules, &mut cache, Some(base)) {
            Ok(capture) => capture,
            Err(_) => {
                // Directories before that cannot be read come again with the files, if these are the same.
                cache = StatCache::empty(self.surroundings.now());
                let _ = capture(writer, &rules, &mut cache, None);
                cache = StatCache::empty(self.surroundings.now());
                capture(writer, &rules, &mut cache, Some(base))?
            }
        };
        Ok(Taken { capture, rules, cache, stillness: Stillness::fresh(), mask: Mask::default() })
    }

    /// The same for a verb that will open many views: the folders that were there last time are
    /// watched before the walk, which so proves all of them.
    fn take_watched(
        &self,
        objects: &(impl Put + ?Sized),
        config: &Config,
        base: TreeId,
    ) -> Result<Taken, EngineError> {
        let known = StatCache::load(&self.stat_cache_path(), self.surroundings.now());
        let watcher = Watcher::start(self.root(), known.folders());
        drop(known);
        let taken = self.take(objects, config, base)?;
        let watcher = watcher.filter(|watcher| watcher.watches(taken.cache.folders()));
        let stillness = Stillness::watched(watcher);
        Ok(Taken { stillness, ..taken })
    }

    /// Whether the workspace was small when it was last walked, by the size of what was kept of that
    /// walk: some 5,000 files. Without one it is not known to be.
    pub fn was_small(&self) -> bool {
        std::fs::metadata(self.stat_cache_path())
            .is_ok_and(|found| found.len() <= SMALL_CACHE_BYTES)
    }

    /// Keeps what the walk learned. It is a cache: failing to write it costs time, nothing else.
    pub(super) fn keep_cache(&self, taken: &mut Taken) {
        let _ = taken.cache.save(&*self.surroundings.disk, &self.stat_cache_path());
    }

    /// A snapshot value of a tree on a branch, by this session, now, without a state.
    pub(super) fn new_snapshot(
        &self,
        parents: Vec<SnapshotId>,
        tree: TreeId,
        branch: &Label,
        origin: Origin,
        message: String,
    ) -> Snapshot {
        Snapshot {
            parents,
            tree,
            state: None,
            git_head: self.git_head(),
            branch: branch.clone(),
            origin,
            tier: Tier::Checkpoint,
            who: self.surroundings.who.clone(),
            session: self.surroundings.session.clone(),
            when: self.surroundings.now(),
            message,
        }
    }

    /// Makes the files safe before a verb changes them: captures, and if they differ from the
    /// snapshot at which the workspace stands, records them on its branch.
    pub(super) fn make_safe(
        &self,
        writer: &Writer<'_>,
        verb: &'static str,
    ) -> Result<Safe, EngineError> {
        let mut safe = self.make_safe_to_place(writer, verb)?;
        self.keep_cache(&mut safe.taken);
        Ok(safe)
    }

    /// The same for a verb that will open many views of the files as they are now.
    pub(super) fn make_safe_for_views(
        &self,
        writer: &Writer<'_>,
        verb: &'static str,
    ) -> Result<Safe, EngineError> {
        let standing = self.standing()?;
        let config = self.config_or_default();
        let taken = self.take_watched(writer, &config, standing.snapshot.tree)?;
        let mut safe = self.save_taken(writer, verb, standing, taken)?;
        self.keep_cache(&mut safe.taken);
        Ok(safe)
    }

    /// The same for a verb that places files at once: `place_files` keeps the cache at its end,
    /// and writing it twice would cost more than the capture of a few files.
    pub(super) fn make_safe_to_place(
        &self,
        writer: &Writer<'_>,
        verb: &'static str,
    ) -> Result<Safe, EngineError> {
        let standing = self.standing()?;
        let taken = self.take(writer, &self.config_or_default(), standing.snapshot.tree)?;
        self.save_taken(writer, verb, standing, taken)
    }

    fn save_taken(
        &self,
        writer: &Writer<'_>,
        verb: &'static str,
        standing: Standing,
        taken: Taken,
    ) -> Result<Safe, EngineError> {
        if taken.capture.tree == standing.snapshot.tree {
            return Ok(Safe { standing, taken, captured: None });
        }
        let message = format!("before {verb}");
        let state = self.present_state(writer, &standing).state;
        let made = Made { origin: Origin::Automatic, message, state };
        let act = Act::capture(verb, format!("captured un-captured work before {verb}"));
        let (id, standing) = self.record(writer, &standing, taken.capture.tree, made, act, None)?;
        Ok(Safe { standing, taken, captured: Some(id) })
    }

    /// A wrong `exp.toml` must not keep work from being saved: then the defaults serve.
    pub(super) fn config_or_default(&self) -> Config {
        self.config().unwrap_or_default()
    }

    /// Records a tree of the workspace as a snapshot on its branch, moves the position there and
    /// puts a new tag on it. Where the branch has gone on without the workspace it is a new branch,
    /// which the position says.
    pub(super) fn record(
        &self,
        writer: &Writer<'_>,
        standing: &Standing,
        tree: TreeId,
        made: Made,
        act: Act,
        tag: Option<&Label>,
    ) -> Result<(SnapshotId, Standing), EngineError> {
        let Own { branch, head, act } = self.own_branch(standing, act)?;
        let parents = vec![standing.position.snapshot];
        let mut snapshot = self.new_snapshot(parents, tree, &branch, made.origin, made.message);
        snapshot.state = made.state;
        let id = snapshot.put(writer)?;
        let position = self.position(&branch, id, snapshot.git_head.clone());
        let mut moves = vec![
            branch_move(&branch, head, Some(id)),
            self.position_move(Some(standing.position.clone()), position.clone()),
        ];
        if let Some(tag) = tag {
            let value = NameValue::Tag { snapshot: id, note: snapshot.message.clone() };
            moves.push(moved(NameKey::Tag(tag.clone()), None, Some(value)));
        }
        let committed = self.commit(writer, moves, act)?;
        Ok((id, Standing { names: committed.names, position, snapshot }))
    }
}

/// Where git stands in a repository.
fn git_head_of(place: &git::GitPlace) -> Option<GitHead> {
    Some(match git::head(place).ok()?? {
        git::GitHead::Branch { reference, commit } => {
            GitHead { reference: Some(reference), commit }
        }
        git::GitHead::Detached { commit } => GitHead { reference: None, commit: Some(commit) },
    })
}

/// How a recorded snapshot came to be.
pub(super) struct Made {
    pub origin: Origin,
    pub message: String,
    pub state: Option<DocumentId>,
}

/// The ignore rules of a place, which need not be a workspace yet.
pub(super) fn rules_of(
    place: &Place,
    surroundings: &Surroundings,
    config: &Config,
) -> Result<Rules, EngineError> {
    let options = RuleOptions {
        global_excludes: excludes_of(place, surroundings),
        git_dir: place.git.as_ref().map(|git| git.common_dir.clone()),
        git_top: place.git.as_ref().map(|git| git.top.clone()),
        store: Some(place.usual_store()),
        secrets: secrets(config),
        tracked: tracked_although_ignored(place, &*surroundings.disk),
    };
    Ok(Rules::load(&place.root, &options)?)
}

fn secrets(config: &Config) -> Vec<String> {
    let kept = |glob: &String| !config.workspace.not_secrets.contains(glob);
    let defaults = default_secrets().into_iter().filter(kept);
    defaults.chain(config.workspace.secrets.iter().cloned()).collect()
}
