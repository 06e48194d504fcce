//! SIGKILL under the verbs of the real command: at a system call that changes something on the
//! disk, where `strace` is there to hit it, else, and every third time, at any moment.
//!
//! The rule: the next verb works; names and files are as before or as after, together; the store
//! is sound; what was acknowledged is there; no lock, no half-made file is left.
//!
//! `EXP_KILL_ROUNDS` says how many rounds; a few without it.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]
#![allow(missing_docs)]

mod common;
mod library;
#[path = "killed/scene.rs"]
mod scene;
#[path = "killed/strike.rs"]
mod strike;

use std::collections::BTreeMap;

use library::random::Random;
use scene::{Found, Scene, VERBS, Verb};
use strike::{Strike, Target};

const ROUNDS: usize = 30;

/// How a verb usually goes.
struct Usual {
    before: Found,
    after: Found,
    exported: bool,
    target: Target,
}

fn usual(verb: &Verb) -> Usual {
    let scene = Scene::new(verb);
    let before = scene.look();
    let target = Target::of(&scene, verb);
    let whole = Scene::new(verb);
    let output = whole.run(verb);
    assert!(output.status.success(), "{verb:?}: {output:?}");
    Usual { before, after: whole.look(), exported: whole.is_exported(), target }
}

/// One round: what was hit, whether it died of it, and what is wrong then.
fn round(verb: &Verb, usual: &Usual, random: &mut Random) -> (String, bool, Vec<String>) {
    let scene = Scene::new(verb);
    let before = scene.look();
    let strike = Strike::choose(&usual.target, random);
    let died = strike.hit(&scene, verb);
    let mut faults = Vec::new();
    let mut must = |is_well: bool, what: String| {
        if !is_well {
            faults.push(what);
        }
    };
    let proof = scene.exp(&["fsck"]);
    must(proof.0 == Some(0), format!("fsck right after: {proof:?}"));
    // The next one puts right what was cut short.
    let next = scene.exp(&["status"]);
    must(next.0 == Some(0), format!("the next verb: {next:?}"));
    let found = scene.look();
    must(found.log.ends_with(&before.log), "operations are lost".to_owned());
    let is_new =
        found.log.len() - before.log.len() >= usual.after.log.len() - usual.before.log.len();
    let is_old = found.log.len() == before.log.len();
    must(died || is_new, "it was acknowledged, and is not there".to_owned());
    let as_before = found.files == usual.before.files;
    let as_after = found.files == usual.after.files;
    must(as_before || as_after, format!("files: {:?}", differing(&found, usual)));
    must(!is_new || as_after, "the names moved, and the files did not".to_owned());
    must(!is_old || as_before, "the files changed, and the names did not".to_owned());
    must(!is_old || found.names == before.names, "names moved without an operation".to_owned());
    let is_state = found.state == usual.before.state || found.state == usual.after.state;
    must(is_state, format!("the state is {:?}", found.state));
    must(died || found.state == usual.after.state, "an acknowledged state is not there".to_owned());
    must(
        died || scene.is_exported() == usual.exported,
        "an acknowledged bundle is not there".into(),
    );
    for (words, code) in scene.verbs_after() {
        let ended = scene.exp(&words);
        must(ended.0 == Some(code), format!("{words:?}: {ended:?}"));
    }
    let left = scene.left();
    must(left.is_empty(), format!("left behind: {left:?}"));
    (format!("{} {strike:?}", verb.name), died, faults)
}

fn differing(found: &Found, usual: &Usual) -> Vec<String> {
    let all = found.files.keys().chain(usual.before.files.keys()).chain(usual.after.files.keys());
    let text = |path: &Vec<u8>| String::from_utf8_lossy(path).into_owned();
    let is_odd = |path: &&Vec<u8>| {
        let now = found.files.get(*path);
        now != usual.before.files.get(*path) && now != usual.after.files.get(*path)
    };
    all.filter(is_odd).map(text).collect()
}

#[test]
fn a_verb_that_is_killed_leaves_the_old_state_or_the_new_one() {
    let asked = std::env::var("EXP_KILL_ROUNDS").ok();
    let rounds = asked.map_or(ROUNDS, |text| text.parse().expect("EXP_KILL_ROUNDS is a number"));
    let mut random = Random(rounds as u64);
    let mut known: BTreeMap<usize, Usual> = BTreeMap::new();
    let (mut deaths, mut faults) = (0, Vec::new());
    for number in 0..rounds {
        let at = number % VERBS.len();
        let usual = known.entry(at).or_insert_with(|| usual(&VERBS[at]));
        let (what, died, found) = round(&VERBS[at], usual, &mut random);
        deaths += usize::from(died);
        faults.extend(found.into_iter().map(|fault| format!("round {number}, {what}: {fault}")));
    }
    println!("{rounds} rounds, {deaths} deaths");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    assert!(deaths >= rounds / 4, "only {deaths} of {rounds} were hit");
}
