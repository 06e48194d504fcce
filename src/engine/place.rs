//! Bringing the workspace's files to another snapshot: plan, intent, files, commit.
//!
//! **Invariant**: the files are changed only after what stood there is in the store and the intent
//! is durable; the names move only after all files are durable. A crash in between is put right by
//! `recover` before anybody captures.

use super::recover::is_committed;
use super::take::{Safe, Taken};
use super::transact::Act;
use super::{Engine, EngineError};
use crate::base::id::TreeId;
use crate::object::memory::Scratch;
use crate::object::names::{self, NameValue, Position};
use crate::object::tombstone::{Farewell, Tombstone};
use crate::object::traits::Fetch;
use crate::object::tree::{Leaf, TreeChange, TreeEntry};
use crate::store::{NameMove, Writer};
use crate::workspace::{
    Durability, Intent, RestorePlan, Single, apply_restore, capture_file, obstacles, plan_restore,
    take_back,
};

/// What a change of the files came to.
pub(super) struct Placed {
    pub plan: RestorePlan,
}

impl Engine {
    /// What would change to bring the captured files to `to`; refuses when unrecorded files stand
    /// in the way.
    pub(super) fn plan_placing(
        &self,
        objects: &impl Fetch,
        safe: &Safe,
        to: TreeId,
    ) -> Result<RestorePlan, EngineError> {
        let mut plan = plan_restore(objects, safe.taken.capture.tree, to)?;
        plan.leave(|change| self.is_forgotten(objects, change))?;
        let Taken { capture, rules, cache, .. } = &safe.taken;
        let in_the_way = obstacles(&plan, rules, capture, cache)?;
        if in_the_way.is_empty() {
            return Ok(plan);
        }
        let paths = in_the_way.iter().map(|obstacle| obstacle.path.display()).collect();
        Err(EngineError::InTheWay { paths })
    }

    /// Whether a change wants content that was forgotten on purpose: nobody can bring that back, and it is
    /// no reason to bring nothing back.
    fn is_forgotten(&self, objects: &impl Fetch, change: &TreeChange) -> Result<bool, EngineError> {
        let Some(blob) = change.after.as_ref().and_then(TreeEntry::blob) else { return Ok(false) };
        // What a damaged pack cannot say is said when it is fetched.
        if objects.contains(blob.object()).unwrap_or(true) {
            return Ok(false);
        }
        let tombstone = Tombstone::of(&self.store, blob.object())?;
        Ok(tombstone.is_some_and(|tombstone| tombstone.why == Farewell::Forgotten))
    }

    /// Names that cannot be read or moved are found before a file changes: afterwards nobody could
    /// say which files go with them, and the intent would stand in everybody's way.
    fn prove_names(&self, moves: &[NameMove]) -> Result<(), EngineError> {
        let edits = moves.iter().map(|to| (to.key.clone(), to.new.clone())).collect();
        names::edit(&Scratch::over(&self.store), self.store.names()?, &edits)?;
        Ok(())
    }

    /// Stores what stands where files change or go and is not stored, though the snapshot names it: it was
    /// forgotten, or lies in a pack that is damaged. What is not stored is never taken away.
    fn store_what_goes(
        &self,
        writer: &Writer<'_>,
        taken: &Taken,
        plan: &RestorePlan,
    ) -> Result<(), EngineError> {
        let now = self.surroundings.now();
        for change in &plan.changes {
            let Some(blob) = change.before.as_ref().and_then(TreeEntry::blob) else { continue };
            // What a damaged pack cannot say is stored once more.
            if writer.contains(blob.object()).unwrap_or(false) {
                continue;
            }
            let found = capture_file(writer, &taken.rules, &change.path, plan.from, now)?;
            if !matches!(found, Single::Captured(Leaf::Blob(_, found, _)) if found == blob) {
                return Err(EngineError::ChangedMeanwhile { path: change.path.display() });
            }
        }
        Ok(())
    }

    /// Brings the files to `to` and commits the moves, of which `position` is one.
    pub(super) fn place_files(
        &self,
        writer: &Writer<'_>,
        safe: &mut Safe,
        to: TreeId,
        position: Position,
        mut moves: Vec<NameMove>,
        act: Act,
    ) -> Result<Placed, EngineError> {
        let plan = self.plan_placing(writer, safe, to);
        let plan = plan.map_err(|error| self.let_go_rather(to, error))?;
        self.store_what_goes(writer, &safe.taken, &plan)?;
        // From here on the files are not what was walked.
        safe.taken.stillness.forget();
        let before = safe.standing.position.clone();
        moves.push(self.position_move(Some(before.clone()), position.clone()));
        self.prove_names(&moves)?;
        // Everything that undoing the files needs must be durable before the first one changes.
        writer.flush()?;
        let disk = &*self.surroundings.disk;
        let intent = Intent {
            workspace: self.place.workspace.clone(),
            root: before.path.clone(),
            from: safe.taken.capture.tree,
            to,
            before: self.recorded(before),
            after: NameValue::Position(position),
            verb: act.verb.to_owned(),
            when: self.surroundings.now(),
        };
        let intents = self.store.layout().intents();
        let written = intent.write(disk, &intents)?;
        let cache = &mut safe.taken.cache;
        let applied =
            apply_restore(disk, writer, &self.place.root, &plan, cache, Durability::Durable);
        let outcome = match applied {
            Ok(_) => self.commit(writer, moves, act),
            Err(error) => Err(self.let_go_rather(to, EngineError::from_restore(error))),
        };
        match outcome {
            Ok(_) => {
                // Neither awaited nor synced: one that stays, or comes back after a crash, is seen to
                // be committed by the operation log, and nothing is taken back (see `recover`).
                let _ = disk.remove_file(&written);
                self.keep_cache(&mut safe.taken);
                Ok(Placed { plan })
            }
            Err(error) => {
                // A commit that failed at its very end may stand, where its file could not be taken
                // away again: the files go with the names. If any of this fails, too, the intent
                // stays, and the next verb puts it right.
                if is_committed(self, &intent)? {
                    return Err(error);
                }
                take_back(disk, writer, &self.place.root, &intent, cache)
                    .map_err(EngineError::from_restore)?;
                let _ = Intent::remove(disk, &written);
                self.keep_cache(&mut safe.taken);
                Err(error)
            }
        }
    }
}
