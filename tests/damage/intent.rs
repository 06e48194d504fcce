//! A restore that was cut short, whose intent is damaged: nobody goes on with files that are half
//! of one snapshot and half of another.

use expdag::engine::verb::{init, snapshot};
use expdag::engine::{Category, Engine, Surroundings};
use expdag::object::names::NameValue;
use expdag::object::snapshot::Snapshot;
use expdag::workspace::Intent;

use super::ask::{chain, fsck};
use super::harm::{Harm, harms};
use super::library::{Bed, one, other, quick};

/// A workspace that a `switch` left half done.
fn half_done() -> Bed {
    let bed = Bed::empty();
    bed.make(&one());
    init::run(bed.surroundings(), &init::Options::default()).expect("a workspace");
    let engine = bed.open("one");
    let from = engine.standing().expect("a position");
    bed.make(&other());
    snapshot::run(&engine, &snapshot::Options::default()).expect("a snapshot");
    let to = engine.standing().expect("a position");
    bed.make(&one());
    let tree = |id| Snapshot::fetch(engine.store(), id).expect("a snapshot").tree;
    let intent = Intent {
        workspace: engine.workspace().to_owned(),
        root: to.position.path.clone(),
        from: tree(to.position.snapshot),
        to: tree(from.position.snapshot),
        before: Some(NameValue::Position(to.position)),
        after: NameValue::Position(from.position),
        verb: "rollback".to_owned(),
        when: bed.surroundings().now(),
    };
    let disk = quick(&bed.root());
    intent.write(&*disk, &engine.store().layout().intents()).expect("an intent");
    bed
}

/// How many cases there were, and what was wrong.
pub fn faults_of_intents() -> (usize, Vec<String>) {
    let bed = half_done();
    let around = Surroundings { disk: quick(&bed.root()), ..bed.surroundings() };
    let store = bed.root().join(".exp");
    let files: Vec<_> = std::fs::read_dir(store.join("intents")).expect("a folder").collect();
    let name = files[0].as_ref().expect("an entry").file_name();
    let (file, before) = (std::path::Path::new("intents").join(&name), bed.files());
    let whole = std::fs::read(store.join(&file)).expect("an intent");
    // Without its file nobody knows of it.
    let mut all = harms(&store, &file, &[]);
    all.retain(|harm| *harm != Harm::Delete);
    let mut faults = Vec::new();
    for harm in &all {
        harm.inflict(&store, &file);
        let mut fault = |what: String| faults.push(format!("{harm:?}: {what}"));
        match Engine::open(around.clone()) {
            Ok(_) => fault("it is opened".to_owned()),
            Err(error) if error.category() != Category::Corrupt => fault(chain(&error)),
            Err(_) => {}
        }
        let (is_sound, said) = fsck(&around);
        if is_sound || !said.iter().any(|line| line.contains(name.to_str().expect("plain"))) {
            fault(format!("fsck says {said:?}"));
        }
        if bed.files() != before {
            fault("files were changed".to_owned());
        }
        std::fs::write(store.join(&file), &whole).expect("an intent");
    }
    // As it was, it is taken back.
    let recovered = Engine::open(around).expect("a workspace").recovered;
    assert_eq!(recovered.len(), 1, "{recovered:?}");
    assert!(!store.join(file).exists());
    (all.len(), faults)
}
