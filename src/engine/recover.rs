//! What to do with a restore that a crash cut short: before anything is captured, it is finished
//! where its names were committed, else taken back.
//!
//! **Invariant**: looked for when a workspace is opened, and again once it is locked: who held the
//! lock until then may have died in the middle, and an [`Engine`] may have been open for long.

use super::report::count;
use super::{Engine, EngineError};
use crate::base::limits::LOCK_TRIES_MAX;
use crate::object::names::{self, NameKey, NameValue};
use crate::store::{Holder, Sharing, StoreError, WorkspaceLock};
use crate::workspace::{Intent, StatCache, take_back};

impl Engine {
    /// Locks the workspace, waiting as long as it was opened to.
    fn try_lock(&self, verb: &str, sharing: Sharing) -> Result<WorkspaceLock, EngineError> {
        Ok(self.store.lock_workspace(self.workspace(), verb, sharing, self.lock_tries)?)
    }

    /// Locks the workspace for a verb, with no half-done restore in it.
    pub(super) fn lock(&self, verb: &str, sharing: Sharing) -> Result<WorkspaceLock, EngineError> {
        for _ in 0..LOCK_TRIES_MAX {
            let lock = self.try_lock(verb, sharing)?;
            if !has_intent(self)? {
                return Ok(lock);
            }
            if sharing == Sharing::Exclusive {
                settle(self)?;
                return Ok(lock);
            }
            drop(lock);
            recover(self)?;
        }
        // Each time somebody began another restore and died.
        let what = "the workspace".to_owned();
        Err(StoreError::Busy { what, holder: Holder::default() }.into())
    }
}

/// Looks for an intent of this workspace and puts it right. Returns what was done, in sentences.
pub(super) fn recover(engine: &Engine) -> Result<Vec<String>, EngineError> {
    if engine.refuse_in_view().is_err() || !has_intent(engine)? {
        return Ok(Vec::new());
    }
    // A running verb holds this lock as long as its intent stands: then it is busy, not crashed.
    let _lock = engine.try_lock("recovery", Sharing::Exclusive)?;
    settle(engine)
}

fn is_mine(engine: &Engine, intent: &Intent) -> bool {
    intent.workspace == engine.workspace()
}

fn has_intent(engine: &Engine) -> Result<bool, EngineError> {
    let all = Intent::read_all(&engine.store.layout().intents())?;
    Ok(all.iter().any(|(_, intent)| is_mine(engine, intent)))
}

/// Puts all intents of the workspace right, which is locked for it alone.
fn settle(engine: &Engine) -> Result<Vec<String>, EngineError> {
    let mut done = Vec::new();
    for (path, intent) in Intent::read_all(&engine.store.layout().intents())? {
        if is_mine(engine, &intent) {
            done.push(settle_one(engine, &intent)?);
            Intent::remove(&*engine.surroundings.disk, &path)?;
        }
    }
    Ok(done)
}

fn settle_one(engine: &Engine, intent: &Intent) -> Result<String, EngineError> {
    if is_committed(engine, intent)? {
        // The names moved only after all files were durable.
        return Ok(format!("`{}` had been finished before it was cut short", intent.verb));
    }
    let disk = &*engine.surroundings.disk;
    let mut cache = StatCache::load(&engine.stat_cache_path(), engine.surroundings.now());
    let report = take_back(disk, &engine.store, &engine.place.root, intent, &mut cache)
        .map_err(EngineError::from_restore)?;
    let _ = cache.save(disk, &engine.stat_cache_path());
    let verb = &intent.verb;
    Ok(if report.left.is_empty() {
        format!("`{verb}` had been cut short; the files are as they were before it")
    } else {
        let left = count(report.left.len(), "file");
        format!("`{verb}` had been cut short; {left} changed since and left as they are")
    })
}

/// Whether the names of a restore were moved. The position may have moved on since (a branch can be
/// renamed from elsewhere while an intent stands): then the newest operation decides that left it
/// where the restore began or where it led to.
pub(super) fn is_committed(engine: &Engine, intent: &Intent) -> Result<bool, EngineError> {
    let is = |now: &Option<NameValue>, then: &NameValue| now.as_ref() == Some(then);
    let key = NameKey::Position(intent.workspace.clone());
    for entry in engine.operations()? {
        let now = names::get(&engine.store, entry?.1.after, &key)?;
        if is(&now, &intent.after) {
            return Ok(true);
        }
        if now == intent.before {
            return Ok(false);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use crate::engine::verb::init;
    use crate::engine::{Category, Engine, Surroundings};
    use crate::object::names::NameValue;
    use crate::store::Sharing;
    use crate::workspace::Intent;

    #[test]
    fn who_only_looks_does_not_wait_for_a_restore_that_runs() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [work, state] = ["work", "state"].map(|name| folder.path().join(name));
        std::fs::create_dir(&work).expect("a new folder");
        let world = Surroundings::plain(work, state, "one");
        init::run(world.clone(), &init::Options::default()).expect("a workspace");
        let engine = Engine::open(world.clone()).expect("a workspace");
        let passing = Engine::open_in_passing(world.clone()).expect("a workspace");
        assert!(passing.lock_tries < engine.lock_tries, "who works waits for his turn");
        let lock = engine.try_lock("switch", Sharing::Exclusive);
        let standing = engine.standing().expect("a position");
        let position = NameValue::Position(standing.position.clone());
        let intent = Intent {
            workspace: engine.workspace().to_owned(),
            root: standing.position.path.clone(),
            from: standing.snapshot.tree,
            to: standing.snapshot.tree,
            before: Some(position.clone()),
            after: position,
            verb: "switch".to_owned(),
            when: world.now(),
        };
        intent.write(&*world.disk, &engine.store.layout().intents()).expect("an intent");
        let refused = Engine::open_in_passing(world.clone()).err();
        let writing = refused.as_ref().map(crate::engine::EngineError::category);
        assert_eq!(writing, Some(Category::Busy), "{refused:?}");
        let looking = Engine::open_to_look(world.clone()).expect("it is shown");
        assert!(looking.recovered.is_empty());
        drop(lock);
        assert_eq!(Engine::open_to_look(world).expect("it is put right").recovered.len(), 1);
    }
}
