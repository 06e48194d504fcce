//! Whether the workspace stands still below live views: proved by a walk, kept proved by watching.
//!
//! **Invariant**: a live view is opened only on a workspace that equals its capture, and what ran
//! in one is believed only if nobody wrote there meanwhile, be it put back since. Where no watching
//! can be relied on each proof is a walk, which does not see what was put back.

use std::sync::{Mutex, MutexGuard};

use super::take::Taken;
use super::{Engine, EngineError};
use crate::base::id::Hash;
use crate::base::limits::RACE_TRIES_MAX;
use crate::base::path::TreePath;
use crate::object::memory::Scratch;
use crate::object::tree;
use crate::workspace::{KeepOut, SkipReason, Watcher, fingerprint};

/// What is known of the workspace since it was captured.
#[derive(Debug)]
pub(super) struct Stillness(Mutex<Known>);

#[derive(Debug)]
struct Known {
    /// It equals the capture, and nothing was written since that was seen.
    is_proven: bool,
    /// How often something was written that counts.
    moves: u64,
    watcher: Option<Watcher>,
}

/// What is done in a view, and so how far its workspace must be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A command runs; what it writes is well defined over the tree whatever happens below.
    Run,
    /// A tree is measured: warm and kept inputs must stand still as well.
    Measure,
}

/// A moment at which the workspace was proved to equal its capture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    moves: u64,
    is_watched: bool,
    /// The inputs, for a measurement.
    inputs: Option<Hash>,
}

impl Stillness {
    /// As just captured: the walk itself is the proof for whoever asks first.
    pub fn fresh() -> Self {
        Self(Mutex::new(Known { is_proven: true, moves: 0, watcher: None }))
    }

    /// As just captured under a watch that was set before.
    pub fn watched(watcher: Option<Watcher>) -> Self {
        Self(Mutex::new(Known { is_proven: true, moves: 0, watcher }))
    }

    /// The workspace is about to be written: what was proved is not any more.
    pub fn forget(&self) {
        self.lock().is_proven = false;
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().expect("no thread panics while it holds the lock")
    }
}

impl Engine {
    /// Proves that the workspace still is what was captured, and says since when; none when it is
    /// not. Costs a walk the second time, and then nothing while nobody writes there.
    pub(super) fn prove_still(
        &self,
        taken: &Taken,
        purpose: Purpose,
    ) -> Result<Option<Moment>, EngineError> {
        let mut known = taken.stillness.lock();
        self.look_back(taken, &mut known);
        let watches = purpose == Purpose::Measure || !known.is_proven;
        for _ in 0..RACE_TRIES_MAX {
            if watches && known.watcher.is_none() {
                // First watched, then walked: so nothing falls between.
                known.watcher = Watcher::start(self.root(), taken.cache.folders());
                known.is_proven = false;
            }
            let started = known.watcher.is_some();
            if !known.is_proven && !self.walk_again(taken, &mut known)? {
                return Ok(None);
            }
            // The walk met a write, which ended the watch: a measurement needs one that holds.
            if purpose == Purpose::Run || !started || known.watcher.is_some() {
                break;
            }
        }
        let is_watched = known.watcher.is_some();
        // A walk that nothing watches over proves one moment alone.
        known.is_proven = is_watched;
        let inputs = self.inputs(taken, purpose)?;
        Ok(Some(Moment { moves: known.moves, is_watched, inputs }))
    }

    /// Whether nobody has written to the workspace since a moment.
    pub(super) fn stood_still(
        &self,
        taken: &Taken,
        since: &Moment,
        purpose: Purpose,
    ) -> Result<bool, EngineError> {
        let mut known = taken.stillness.lock();
        self.look_back(taken, &mut known);
        let is_seen = since.is_watched && known.is_proven;
        // A number that will be remembered is worth a walk of its own.
        let walks = !is_seen || purpose == Purpose::Measure;
        if known.moves != since.moves || (walks && !self.walk_again(taken, &mut known)?) {
            return Ok(false);
        }
        // What nothing watches over is proved for this moment alone.
        known.is_proven &= known.watcher.is_some();
        Ok(known.moves == since.moves && self.inputs(taken, purpose)? == since.inputs)
    }

    /// Takes in what the watcher saw.
    fn look_back(&self, taken: &Taken, known: &mut Known) {
        let Some(watcher) = &known.watcher else { return };
        let seen = watcher.seen();
        let counts = |(path, is_folder): &(TreePath, bool)| self.counts(taken, path, *is_folder);
        let counts = seen.lost || seen.changed.iter().any(counts);
        if counts {
            known.moves += 1;
            // There may be folders now that it does not watch.
            known.watcher = None;
        }
        known.is_proven &= !counts && !seen.doubt;
    }

    /// Whether a path is one that a capture takes, or might.
    fn counts(&self, taken: &Taken, path: &TreePath, is_folder: bool) -> bool {
        let rules = KeepOut::new(&taken.rules);
        let is_out = rules.keeps_out(path, is_folder).unwrap_or(false);
        let is_tracked =
            || !matches!(tree::lookup(&self.store, taken.capture.tree, path), Ok(None));
        !is_out || is_tracked()
    }

    fn walk_again(&self, taken: &Taken, known: &mut Known) -> Result<bool, EngineError> {
        let objects = Scratch::over(&self.store);
        let walked = self.take(&objects, &self.config_or_default(), taken.capture.tree);
        let walked = walked?;
        let was_written = |(_, why): &(TreePath, SkipReason)| *why == SkipReason::Changing;
        if walked.capture.skipped.iter().any(was_written) {
            // Somebody writes there at this very moment.
            known.is_proven = false;
            return Ok(false);
        }
        // Another set of folders than those that are watched, be it because the rules are others.
        known.watcher.take_if(|watcher| !watcher.watches(walked.cache.folders()));
        known.is_proven = walked.capture.tree == taken.capture.tree;
        let is_equal = known.is_proven;
        self.look_back(taken, known);
        Ok(is_equal)
    }

    fn inputs(&self, taken: &Taken, purpose: Purpose) -> Result<Option<Hash>, EngineError> {
        if purpose == Purpose::Run {
            return Ok(None);
        }
        Ok(Some(fingerprint(self.root(), &taken.inputs(&self.config_or_default()))?))
    }
}
