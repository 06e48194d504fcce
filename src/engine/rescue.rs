//! Work in views whose process died, by `kill -9` or a bug: it is captured onto its branch before
//! the layer or the slot is used for anything else, and the record of its experiment says that it
//! was interrupted.
//!
//! **Invariant**: looked for whenever a workspace is opened. What cannot be saved is said, and stays
//! where it lies. Views in which a tree was only measured hold nothing of worth.

use std::path::PathBuf;

use super::discover::Place;
use super::events::{Event, gather};
use super::inner::Ended;
use super::take::rules_of;
use super::transact::{Act, moved};
use super::view::{
    Captured, Identity, Left, Work, capture_left_layer, is_of_view, left_behind, path_of,
};
use super::{Engine, EngineError};
use crate::base::id::{SnapshotId, TreeId};
use crate::base::limits::COMMIT_TRIES_MAX;
use crate::base::path::TreePath;
use crate::object::experiment::ApproachState;
use crate::object::names::{NameKey, NameValue};
use crate::object::snapshot::{Origin, Snapshot};
use crate::store::Writer;
use crate::workspace::{StatCache, capture};

impl Engine {
    /// Saves what this workspace's views hold that nobody ends any more. Returns what was done, and
    /// what could not be, in sentences: whoever only wants to look is not held up by it.
    pub(super) fn rescue(&self) -> Vec<String> {
        // A folder of views that cannot be read is said by whoever opens one.
        let all = left_behind(&self.view_folder()).unwrap_or_default();
        all.into_iter().filter_map(|left| self.rescue_left(left)).collect()
    }

    fn rescue_left(&self, left: Left) -> Option<String> {
        let disk = &*self.surroundings.disk;
        let identity = match Identity::read(&left.identity(), Some(&self.place.store)) {
            Ok(Some(identity)) => identity,
            // Torn by a power cut, or written by a newer exp: whose files these are nobody can say.
            Ok(None) => {
                let place = left.identity();
                let folder = place.parent().unwrap_or(&place).display();
                return Some(format!(
                    "the view in `{folder}` stays there, not saved: nothing that can be read says \
                     whose it is; remove it when nothing in it is wanted"
                ));
            }
            Err(error) => return Some(error.to_string()),
        };
        let saved = match &identity.work {
            Some(_) if !self.is_ours(&identity) => return None,
            Some(work) => self.rescue_one(&left, work),
            None => Ok(None),
        };
        match saved.and_then(|sentence| left.release(disk).map(|()| sentence)) {
            Ok(sentence) => sentence,
            Err(error) => {
                let files = identity.work.map(|work| path_of(&work.files)).unwrap_or_default();
                let (label, files) = (identity.label, files.display());
                Some(format!("the view of `{label}` stays in `{files}`, not saved: {error}"))
            }
        }
    }

    /// Whether a view was opened here. One that was opened in a view is everybody's outside.
    fn is_ours(&self, identity: &Identity) -> bool {
        let is_inner = is_of_view(&identity.outer) && self.place.view.is_none();
        identity.outer == self.place.workspace || is_inner
    }

    fn rescue_one(&self, left: &Left, work: &Work) -> Result<Option<String>, EngineError> {
        let writer = self.writer()?;
        let captured = self.capture_left(&writer, left, work)?;
        let tree = captured.tree;
        let kept = match work.keeps {
            true => self.commits_left(left, work, &captured.repositories),
            false => Vec::new(),
        };
        let ended = self.end_of_view(&writer, work, tree)?;
        let (mut sentence, mut left_at) = (None, Some(ended.parent));
        if work.keeps && ended.is_changed() {
            left_at = self.head_with(work, ended.tree)?;
        }
        if left_at.is_none() {
            let branch = &work.branch;
            sentence =
                Some(format!("saved on `{branch}` what its view held when its process died"));
            match self.save(&writer, work, &ended) {
                Err(EngineError::Moved { name, by }) => {
                    sentence = Some(format!("`{name}` was moved by {by}"));
                }
                saved => left_at = Some(saved?),
            }
        } else {
            self.tidy(&writer, "recovery", &ended)?;
        }
        // Before the view is given up: whoever is killed here does it the next time.
        self.enter_interrupted(&writer, work, left_at)?;
        self.forget_view(work)?;
        let named = captured.left_out.into_iter().map(|text| format!("{}: {text}", work.branch));
        let all: Vec<String> = sentence.into_iter().chain(named).chain(kept).collect();
        Ok((!all.is_empty()).then(|| all.join("; ")))
    }

    /// Keeps what its git folders hold, and says so.
    fn commits_left(&self, left: &Left, work: &Work, repositories: &[TreePath]) -> Vec<String> {
        let (label, files) = (work.branch.as_str(), path_of(&work.files));
        let at = work.git_head.as_ref().and_then(|head| head.commit.clone());
        let events = gather(|watch| {
            self.keep_commits_left(left, label, &files, at, repositories, watch);
        });
        let text = |event| match event {
            Event::CommitKept { kept, .. } => {
                let of = kept.repository.map_or_else(String::new, |name| format!(" in the {name}"));
                Some(format!("its commit {} is kept as {}{of}", kept.commit, kept.reference))
            }
            Event::Notice(text) => Some(text),
            _ => None,
        };
        events.into_iter().filter_map(text).collect()
    }

    /// Says in the experiment's record that an approach was interrupted, as a race does that is
    /// asked to stop. Somebody else may change the record meanwhile: this is done on what stands there.
    fn enter_interrupted(
        &self,
        writer: &Writer<'_>,
        work: &Work,
        left_at: Option<SnapshotId>,
    ) -> Result<(), EngineError> {
        let Some((experiment, name)) = work.approach.as_ref().filter(|_| work.keeps) else {
            return Ok(());
        };
        for attempt in 1.. {
            let (mut record, old) = match self.experiment(Some(experiment)) {
                // The race was taken back meanwhile.
                Err(EngineError::NotFound { .. }) => return Ok(()),
                found => found?,
            };
            let base = record.base;
            let mut approaches = record.approaches.iter_mut();
            let Some(approach) = approaches.find(|approach| approach.name == *name) else {
                return Ok(());
            };
            if !matches!(approach.state, ApproachState::Waiting | ApproachState::Interrupted) {
                return Ok(());
            }
            approach.state = ApproachState::Interrupted;
            approach.candidate = left_at.filter(|id| *id != base);
            let new = record.put(writer)?;
            if new == old {
                return Ok(());
            }
            let value = |id| Some(NameValue::Experiment(id));
            let moves =
                vec![moved(NameKey::Experiment(experiment.clone()), value(old), value(new))];
            let act = Act::capture("recovery", format!("{name} of {experiment} was interrupted"));
            match self.commit(writer, moves, act) {
                Err(EngineError::Moved { .. }) if attempt < COMMIT_TRIES_MAX => {}
                committed => return committed.map(|_| ()),
            }
        }
        unreachable!("the loop ends at the last try")
    }

    fn save(
        &self,
        writer: &Writer<'_>,
        work: &Work,
        ended: &Ended,
    ) -> Result<SnapshotId, EngineError> {
        let origin = match work.approach.clone() {
            Some((experiment, approach)) => Origin::Approach { experiment, approach, exit: None },
            None => Origin::Command { exit: None },
        };
        let (parents, message) = (vec![ended.parent], work.message.clone());
        let mut snapshot = self.new_snapshot(parents, ended.tree, &work.branch, origin, message);
        snapshot.state = Snapshot::fetch(writer, ended.parent)?.state;
        let id = snapshot.put(writer)?;
        let act = Act::capture("recovery", format!("saved what a view of {} held", work.branch));
        self.publish(writer, work, ended, id, act).map(|()| id)
    }

    /// The head of a branch that has the tree already: then the process died after its last step
    /// but one.
    fn head_with(&self, work: &Work, tree: TreeId) -> Result<Option<SnapshotId>, EngineError> {
        match self.branch_head(self.store.names()?, &work.branch)? {
            Some(head) if Snapshot::fetch(&self.store, head)?.tree == tree => Ok(Some(head)),
            _ => Ok(None),
        }
    }

    /// The files of a view, by the rules of this workspace.
    fn capture_left(
        &self,
        writer: &Writer<'_>,
        left: &Left,
        work: &Work,
    ) -> Result<Captured, EngineError> {
        let at = self.position_of_view(work)?.map_or(work.base, |position| position.snapshot);
        let recorded = Snapshot::fetch(&self.store, at)?.tree;
        let config = self.config_or_default();
        match left {
            Left::Layer(layer) => {
                let rules = self.rules(&config)?;
                capture_left_layer(writer, layer, &path_of(&work.files), &rules, recorded)
            }
            Left::Slot(slot) => {
                let root: PathBuf = slot.files();
                let place = Place { root, git: None, ..self.place.clone() };
                let rules = rules_of(&place, &self.surroundings, &config)?;
                let mut cache = StatCache::load(&slot.stat_cache(), self.surroundings.now());
                Ok(Captured::of_slot(capture(writer, &rules, &mut cache, Some(recorded))?))
            }
        }
    }
}
