//! The end of a view in which exp may have been used: what it recorded there is part of what the
//! command left. Nothing is recorded twice, and nothing of the view's own workspace stays behind.
//!
//! **Invariant**: a restore that the end of the view cut short is never recorded as somebody's work:
//! what it had changed is taken back in the tree. What it left to the names of real workspaces is
//! nothing: a view has its own position, and its intents name it.

use std::collections::BTreeMap;

use super::events::{Event, gather};
use super::recover::is_committed;
use super::transact::{Act, moved};
use super::view::{View, Work};
use super::{Engine, EngineError};
use crate::base::id::{SnapshotId, TreeId};
use crate::base::path::TreePath;
use crate::object::names::{self, NameKey, NameValue, Position};
use crate::object::snapshot::Snapshot;
use crate::object::traits::Put;
use crate::object::tree::{self, Leaf, TreeChange, TreeEntry};
use crate::store::{NameMove, Writer};
use crate::workspace::Intent;

/// What a view came to.
pub(super) struct Ended {
    /// Its files.
    pub tree: TreeId,
    /// The snapshot that it stands on: the base, or what was recorded last in it.
    pub parent: SnapshotId,
    /// That one's files.
    pub parent_tree: TreeId,
    /// Where its branch must be for a new snapshot to be put on it.
    pub head: SnapshotId,
    /// What takes the view's workspace out of the names.
    pub tidy: Vec<NameMove>,
}

impl Ended {
    /// Whether there is something that no snapshot has.
    pub fn is_changed(&self) -> bool {
        self.tree != self.parent_tree
    }
}

/// What is left of a view that was closed.
pub(super) struct Kept {
    /// Its files.
    pub tree: TreeId,
    /// The snapshot that holds them; where they were not to be kept, that on which it stood.
    pub snapshot: SnapshotId,
    /// What of them could not be recorded, and why: a sentence for each.
    pub left_out: Vec<String>,
    /// What became of commits in repositories inside.
    pub events: Vec<Event>,
}

impl Engine {
    /// Captures what was done in a view, puts it on its branch as `make` says, and closes the view:
    /// only now, because until then it is the only copy.
    pub(super) fn keep_work(
        &self,
        writer: &Writer<'_>,
        mut view: View<'_>,
        verb: &'static str,
        make: impl FnOnce(&Ended) -> Result<(SnapshotId, Act), EngineError>,
    ) -> Result<Kept, EngineError> {
        let work = view.work().cloned().expect("a view that was opened to work in");
        let tree = view.capture(writer)?;
        let left_out = view.left_out().to_vec();
        let mut events = Vec::new();
        if work.keeps {
            events = gather(|watch| view.keep_commits_inside(watch));
        }
        let ended = self.end_of_view(writer, &work, tree)?;
        let (snapshot, published) = if work.keeps && ended.is_changed() {
            let (id, act) = make(&ended)?;
            (id, self.publish(writer, &work, &ended, id, act))
        } else {
            (ended.parent, self.tidy(writer, verb, &ended))
        };
        // Where the branch had moved it is kept on one of its own by now, which is said.
        if matches!(published, Ok(()) | Err(EngineError::Moved { .. })) {
            self.forget_view(&work)?;
            view.close()?;
        }
        published.map(|()| Kept { tree: ended.tree, snapshot, left_out, events })
    }

    pub(super) fn publish(
        &self,
        writer: &Writer<'_>,
        work: &Work,
        ended: &Ended,
        id: SnapshotId,
        act: Act,
    ) -> Result<(), EngineError> {
        self.publish_work(writer, &work.branch, ended.head, id, act, &ended.tidy)
    }

    /// Takes the view's workspace out of the names, where exp was used in it.
    pub(super) fn tidy(
        &self,
        writer: &Writer<'_>,
        verb: &'static str,
        ended: &Ended,
    ) -> Result<(), EngineError> {
        if ended.tidy.is_empty() {
            return Ok(());
        }
        let act = Act::capture(verb, "ended where it had recorded last");
        self.commit(writer, ended.tidy.clone(), act).map(|_| ())
    }

    /// What a view came to whose files were captured as `tree`. No process runs in it any more.
    pub(super) fn end_of_view(
        &self,
        objects: &(impl Put + ?Sized),
        work: &Work,
        tree: TreeId,
    ) -> Result<Ended, EngineError> {
        let mut tree = tree;
        for (_, intent) in Intent::read_all(&self.store.layout().intents())? {
            if intent.workspace == work.workspace && !is_committed(self, &intent)? {
                tree = taken_back(objects, tree, &intent)?;
            }
        }
        let position = self.position_of_view(work)?;
        let (parent, head) = match &position {
            Some(position) => (position.snapshot, position.snapshot),
            None => (work.base, work.head),
        };
        let tidy = position.map(|position| {
            let key = NameKey::Position(work.workspace.clone());
            moved(key, Some(NameValue::Position(position)), None)
        });
        let parent_tree = Snapshot::fetch(&self.store, parent)?.tree;
        Ok(Ended { tree, parent, parent_tree, head, tidy: tidy.into_iter().collect() })
    }

    /// Where a view stands, if anything was recorded in it.
    pub(super) fn position_of_view(&self, work: &Work) -> Result<Option<Position>, EngineError> {
        let key = NameKey::Position(work.workspace.clone());
        Ok(match names::get(&self.store, self.store.names()?, &key)? {
            Some(NameValue::Position(position)) => Some(position),
            _ => None,
        })
    }

    /// Removes what a view's workspace left in the store's folder. The names are tidied before.
    pub(super) fn forget_view(&self, work: &Work) -> Result<(), EngineError> {
        for (path, intent) in Intent::read_all(&self.store.layout().intents())? {
            if intent.workspace == work.workspace {
                Intent::remove(&*self.surroundings.disk, &path)?;
            }
        }
        self.store.forget_workspace_lock(&work.workspace);
        Ok(())
    }
}

/// A tree in which a restore may have been half done, as it was before that: what the restore had
/// written is taken back, what is neither old nor new is later work and stays.
fn taken_back(
    objects: &(impl Put + ?Sized),
    tree: TreeId,
    intent: &Intent,
) -> Result<TreeId, EngineError> {
    let mut edits: BTreeMap<TreePath, Leaf> = BTreeMap::new();
    for change in tree::diff(objects, intent.from, intent.to)? {
        let is_done = edits.keys().any(|folder| change.path.is_within(folder));
        let now = tree::lookup(objects, tree, &change.path)?;
        if is_done || !is_reached(objects, now.as_ref(), &change)? {
            continue;
        }
        let leaf = match &change.before {
            None => Leaf::Absent,
            Some(entry) => match (entry.tree(), entry.blob()) {
                (Some(tree), _) => Leaf::Tree(tree, entry.length),
                (None, Some(blob)) => Leaf::Blob(entry.kind, blob, entry.length),
                (None, None) => continue,
            },
        };
        edits.insert(change.path, leaf);
    }
    Ok(tree::edit(objects, tree, &edits)?)
}

/// Whether a path is as the restore made it, or as it was for a moment in between.
fn is_reached(
    objects: &(impl Put + ?Sized),
    now: Option<&TreeEntry>,
    change: &TreeChange,
) -> Result<bool, EngineError> {
    let folder = |entry: Option<&TreeEntry>| entry.and_then(TreeEntry::tree);
    let (old, new) = (change.before.as_ref(), change.after.as_ref());
    Ok(match (now, new) {
        (Some(now), Some(new)) if now.same_content(new) => true,
        // A folder is filled file by file.
        (Some(_), Some(_)) => match (folder(now), folder(new)) {
            (Some(part), Some(whole)) => {
                let missing = tree::diff(objects, part, whole)?;
                missing.iter().all(|change| change.before.is_none())
            }
            _ => false,
        },
        // A file that becomes a folder, or the reverse, is absent for a moment.
        (None, Some(_)) => old.is_some() && folder(old).is_some() != folder(new).is_some(),
        (now, None) => now.is_none(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::codec::Bytes;
    use crate::base::time::Timestamp;
    use crate::object::memory::MemoryObjects;
    use crate::object::traits::put_blob;
    use crate::object::tree::EntryKind;

    /// A tree of files; each holds its own text.
    fn tree_of(objects: &MemoryObjects, files: &[(&str, &str)]) -> TreeId {
        let leaf = |(path, text): &(&str, &str)| {
            let blob = put_blob(objects, text.as_bytes().to_vec()).unwrap();
            let path = TreePath::new(path.as_bytes()).unwrap();
            (path, Leaf::Blob(EntryKind::File, blob, text.len() as u64))
        };
        let edits = files.iter().map(leaf).collect();
        tree::edit(objects, tree::empty(objects).unwrap(), &edits).unwrap()
    }

    fn back(objects: &MemoryObjects, from: TreeId, to: TreeId, now: TreeId) -> TreeId {
        let branch = NameValue::Branch(SnapshotId(crate::base::id::Hash([0; 32])));
        let intent = Intent {
            workspace: "view-1".to_owned(),
            root: Bytes(Vec::new()),
            from,
            to,
            before: None,
            after: branch,
            verb: "merge".to_owned(),
            when: Timestamp(0),
        };
        taken_back(objects, now, &intent).unwrap()
    }

    /// Each path is old or new, in every combination; what changes its kind may be absent.
    #[test]
    fn however_far_a_restore_came_the_tree_is_as_before_it() {
        let objects = MemoryObjects::new();
        // Old and new at each place, and what may stand there for a moment.
        type Side = &'static [(&'static str, &'static str)];
        let places: [(Side, Side, Side); 6] = [
            (&[("changed", "old")], &[("changed", "new")], &[("changed", "old")]),
            (&[("gone", "old")], &[], &[]),
            (&[], &[("come", "new")], &[]),
            (&[], &[("folder/a", "new"), ("folder/b", "new")], &[("folder/b", "new")]),
            (&[("kind", "old")], &[("kind/a", "new"), ("kind/b", "new")], &[("kind/a", "new")]),
            (&[("was/a", "old"), ("was/b", "old")], &[("was", "new")], &[]),
        ];
        let kept: Side = &[("kept", "old")];
        let whole = |pick: &dyn Fn(usize) -> u32| {
            let side = |(at, place): (usize, &(Side, Side, Side))| match pick(at) {
                0 => place.0.to_vec(),
                1 => place.1.to_vec(),
                _ => place.2.to_vec(),
            };
            let mut files: Vec<_> = places.iter().enumerate().flat_map(side).collect();
            files.extend(kept);
            tree_of(&objects, &files)
        };
        let (from, to) = (whole(&|_| 0), whole(&|_| 1));
        for state in 0..3_u32.pow(6) {
            let now = whole(&|at| state / 3_u32.pow(at as u32) % 3);
            assert_eq!(back(&objects, from, to, now), from, "state {state}");
        }
    }

    #[test]
    fn later_work_stays_when_a_restore_is_taken_back() {
        let objects = MemoryObjects::new();
        let from = tree_of(&objects, &[("a", "old"), ("b", "old")]);
        let to = tree_of(&objects, &[("a", "new"), ("b", "new")]);
        let now = tree_of(&objects, &[("a", "mine"), ("b", "new"), ("c", "mine")]);
        let wanted = tree_of(&objects, &[("a", "mine"), ("b", "old"), ("c", "mine")]);
        assert_eq!(back(&objects, from, to, now), wanted);
    }
}
