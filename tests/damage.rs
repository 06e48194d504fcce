//! Damage to every file of a store: bits flip, ends are cut, pages become zeros, ranges and files
//! change places, files are gone, empty, too long.
//!
//! The rule: no panic, no hang, no wrong content, nothing lost silently. Each verb answers as it
//! did before, or says that something is corrupt; `fsck` names the file or the object, and
//! changes nothing; what lies elsewhere can be had as before.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]
#![allow(missing_docs)]

#[path = "damage/ask.rs"]
mod ask;
#[path = "damage/command.rs"]
mod command;
mod common;
#[path = "damage/harm.rs"]
mod harm;
#[path = "damage/index.rs"]
mod index;
#[path = "damage/intent.rs"]
mod intent;
#[path = "damage/judge.rs"]
mod judge;
mod library;
#[path = "damage/subject.rs"]
mod subject;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use harm::{Harm, harms};
use judge::{Truth, faults_of};
use library::random;
use subject::Subject;

/// No case takes nearly so long, unless it never ends.
const LIMIT: Duration = Duration::from_secs(120);

type Case = (PathBuf, Harm);

/// Tries all cases, side by side; tells what was wrong. One that never ends fails the test.
fn faults(subject: Subject, cases: Vec<Case>) -> Vec<String> {
    let truth = Arc::new(Truth::of(&subject));
    let (subject, cases) = (Arc::new(subject), Arc::new(cases));
    let next = Arc::new(AtomicUsize::new(0));
    let (done, results) = mpsc::channel();
    for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
        let (truth, subject, cases) = (truth.clone(), subject.clone(), cases.clone());
        let (next, done) = (next.clone(), done.clone());
        std::thread::spawn(move || {
            while let Some(at) = Some(next.fetch_add(1, Ordering::Relaxed)) {
                let Some((file, harm)) = cases.get(at) else { return };
                let tried = || faults_of(&subject, &truth, file, harm);
                let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(tried));
                let found = tried.unwrap_or_else(|_| vec!["it panics".to_owned()]);
                let _ = done.send((at, found));
            }
        });
    }
    drop(done);
    let mut open: BTreeSet<usize> = (0..cases.len()).collect();
    let mut faults = Vec::new();
    while !open.is_empty() {
        let Ok((at, found)) = results.recv_timeout(LIMIT) else {
            let first: Vec<_> = open.iter().take(4).map(|at| &cases[*at]).collect();
            panic!("no case ends any more; one of {first:?}");
        };
        open.remove(&at);
        let (file, harm) = &cases[at];
        faults.extend(found.iter().map(|fault| format!("{}: {harm:?}: {fault}", file.display())));
    }
    faults
}

fn cases(subject: &Subject) -> Vec<Case> {
    let (store, files) = (subject.root().join(subject.store), subject.files());
    let of = |file: &PathBuf| {
        let harms = harms(&store, file, &files);
        harms.into_iter().map(|harm| (file.clone(), harm)).collect::<Vec<_>>()
    };
    files.iter().flat_map(of).collect()
}

/// In an ordinary run every loss of a file (where not very few are asked for), and some of the
/// others, spread over all files; all of them where the variable says so.
fn some(cases: Vec<Case>, one_in: usize) -> Vec<Case> {
    let all = std::env::var_os("EXP_DAMAGE_ALL").is_some();
    let mut random = random::Random(5);
    let is_loss = |harm: &Harm| *harm == Harm::Delete && one_in < 30;
    let is_taken = |(_, harm): &Case| all || is_loss(harm) || random.below(one_in) == 0;
    cases.into_iter().filter(is_taken).collect()
}

#[track_caller]
fn check(subject: Subject, one_in: usize, least: usize) {
    let all = cases(&subject);
    let count = all.len();
    let cases = some(all, one_in);
    println!("{} of {count} cases", cases.len());
    assert!(cases.len() >= least, "{} cases", cases.len());
    let faults = faults(subject, cases);
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn damage_to_any_file_is_named_and_never_shown_as_content() {
    check(Subject::plain(), 20, 60);
}

#[test]
fn damage_to_a_store_in_git_is_named_and_never_shown_as_content() {
    check(Subject::in_git(), 40, 15);
}

/// The same by the real command, in fewer cases.
#[test]
fn no_command_ends_in_a_bug_on_a_damaged_store() {
    let subject = Subject::plain();
    let cases = some(cases(&subject), 60);
    let chosen = cases.iter().enumerate().filter(|(at, _)| at % 3 == 0).map(|(_, case)| case);
    let mut faults = Vec::new();
    for (file, harm) in chosen {
        let copy = subject.copy();
        harm.inflict(&copy.store(), file);
        let found = command::faults_of_commands(&copy, file).into_iter();
        faults.extend(found.map(|fault| format!("{}: {harm:?}: {fault}", file.display())));
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn an_intent_that_cannot_be_read_stops_everything_and_is_named() {
    let (count, faults) = intent::faults_of_intents();
    assert!(count >= 25, "{count}");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn a_pack_whose_index_is_damaged_hinders_only_what_needs_it() {
    for newer in 0..4 {
        index::check(newer, index::Part::Page);
    }
    index::check(0, index::Part::Table);
    index::check(2, index::Part::Table);
}
