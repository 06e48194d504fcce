//! What to do with a restore that a crash cut short: before anything is captured, it is finished
//! where its names were committed, else taken back.

use super::{Engine, EngineError};
use crate::object::names;
use crate::store::Sharing;
use crate::workspace::{Intent, StatCache, take_back};

/// Looks for an intent of this workspace and puts it right. Returns what was done, in sentences.
pub(super) fn recover(engine: &Engine) -> Result<Vec<String>, EngineError> {
    let intents = engine.store.layout().intents();
    let mut done = Vec::new();
    if engine.surroundings.inside_view.is_some() {
        return Ok(done);
    }
    let mine = |intent: &Intent| intent.workspace == engine.place.workspace;
    if !Intent::read_all(&intents)?.iter().any(|(_, intent)| mine(intent)) {
        return Ok(done);
    }
    // A running verb holds this lock as long as its intent stands: then it is busy, not crashed.
    let _lock =
        engine.store.lock_workspace(&engine.place.workspace, "recovery", Sharing::Exclusive)?;
    for (path, intent) in Intent::read_all(&intents)? {
        if mine(&intent) {
            done.push(recover_one(engine, &intent)?);
            Intent::remove(&*engine.surroundings.disk, &path)?;
        }
    }
    Ok(done)
}

fn recover_one(engine: &Engine, intent: &Intent) -> Result<String, EngineError> {
    let now = names::get(&engine.store, engine.store.names()?, &engine.position_key())?;
    if now.as_ref() == Some(&intent.after) {
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
        let left = report.left.len();
        format!("`{verb}` had been cut short; {left} file(s) changed since were left as they are")
    })
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
        let lock = engine.store.lock_workspace(engine.workspace(), "switch", Sharing::Exclusive);
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
        let refused = Engine::open(world.clone()).err();
        let writing = refused.as_ref().map(crate::engine::EngineError::category);
        assert_eq!(writing, Some(Category::Busy), "{refused:?}");
        let looking = Engine::open_to_look(world.clone()).expect("it is shown");
        assert!(looking.recovered.is_empty());
        drop(lock);
        assert_eq!(Engine::open_to_look(world).expect("it is put right").recovered.len(), 1);
    }
}
