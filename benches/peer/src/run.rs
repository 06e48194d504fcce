//! A run of 1,000 steps: sessions beside deep copies in memory and a file for each step.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use expdag::base::time::SystemClock;
use expdag::document::{Document, Json};
use expdag::session::state::{
    Answer, Outcome, Put, PutKind, Session, Sessions, StateSettings, What,
};
use serde_json::Value;

use crate::Options;
use crate::agent::{self, Change};
use crate::rounds::median;

/// Of 100 steps, how many leave nothing that counts.
const IDLE: u64 = 50;

/// One run over all steps: takes a folder of its own, gives the seconds of the loop.
type Loop = fn(&[Vec<Change>], &Path) -> f64;

/// The ways, each in interleaved rounds.
const WAYS: [(&str, Loop); 8] = [
    ("the changes alone", alone),
    ("deep copies in memory", deep_copies),
    ("documents in memory, edits", documents),
    ("sessions, edits", |steps, folder| by_edits(steps, folder, PutKind::Automatic).1),
    ("sessions, whole value", |steps, folder| by_value(steps, folder).1),
    ("sessions, edits, each durable", |steps, folder| by_edits(steps, folder, PutKind::Recovery).1),
    ("a JSON file a step", |steps, folder| files(steps, folder, false)),
    ("a JSON file a step, synced", |steps, folder| files(steps, folder, true)),
];

/// All of it.
pub fn all(options: &Options) {
    let steps = agent::steps(options.count(agent::STEPS, 100), IDLE);
    stored(options, &steps);
    let mut times = vec![Vec::new(); WAYS.len()];
    for round in 0..options.count(5, 1) {
        for step in 0..WAYS.len() {
            let at = (step + round) % WAYS.len();
            times[at].push(WAYS[at].1(&steps, options.folder().path()));
        }
    }
    let middle: Vec<f64> = times.iter().map(|times| median(times)).collect();
    println!("\nThe whole loop of {} steps", steps.len());
    println!(
        "| {:30} | {:>9} | {:>8} | gained of deep copies | gained of files |",
        "way", "ms", "µs/step"
    );
    println!("|---|---|---|---|---|");
    for ((name, _), seconds) in WAYS.iter().zip(&middle) {
        let gained = |other: f64| 100.0 * (1.0 - seconds / other);
        println!(
            "| {name:30} | {:9.1} | {:8.1} | {:19.0} % | {:13.0} % |",
            seconds * 1e3,
            seconds * 1e6 / steps.len() as f64,
            gained(middle[1]),
            gained(middle[6]),
        );
    }
}

/// What is stored and what is skipped.
fn stored(options: &Options, steps: &[Vec<Change>]) {
    let mut value = agent::first();
    let before = text(&value).len();
    let full: usize = steps
        .iter()
        .map(|changes| {
            agent::change_value(&mut value, changes);
            text(&value).len()
        })
        .sum();
    let (answers, _) = by_edits(steps, options.folder().path(), PutKind::Automatic);
    let bytes = |answer: &Answer| match answer.outcome {
        Outcome::Saved { bytes, .. } => bytes,
        Outcome::Skipped { .. } => 0,
    };
    let saved = answers.iter().filter(|answer| answer.id().is_some()).count();
    let all: u64 = answers.iter().map(bytes).sum();
    println!(
        "\nA run of {} steps; the state grows from {before} to {} bytes",
        steps.len(),
        text(&value).len()
    );
    println!("saved {saved}, skipped {:.1} %", 100.0 - 100.0 * saved as f64 / answers.len() as f64);
    println!(
        "stored {all} bytes, {} a saved step; full JSON of each step {full} bytes",
        all / saved as u64
    );
    for part in 1..=4 {
        let end = answers.len() * part / 4;
        let so_far: u64 = answers[..end].iter().map(bytes).sum();
        println!(
            "  after {end:5} steps {so_far:8} bytes, {:6.0} a step",
            so_far as f64 / end as f64
        );
    }
}

fn text(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).expect("text")
}

fn alone(steps: &[Vec<Change>], _: &Path) -> f64 {
    let mut value = agent::first();
    let begun = Instant::now();
    steps.iter().for_each(|changes| agent::change_value(&mut value, changes));
    begun.elapsed().as_secs_f64()
}

fn deep_copies(steps: &[Vec<Change>], _: &Path) -> f64 {
    let mut value = agent::first();
    let mut kept = Vec::new();
    let begun = Instant::now();
    for changes in steps {
        agent::change_value(&mut value, changes);
        kept.push(value.clone());
    }
    begun.elapsed().as_secs_f64()
}

fn documents(steps: &[Vec<Change>], _: &Path) -> f64 {
    let mut document = Document::of(&agent::json_of(&agent::first())).expect("a document");
    let mut kept = Vec::new();
    let begun = Instant::now();
    for changes in steps {
        document.edit(&agent::edits(changes)).expect("places that are there");
        kept.push(document.clone());
    }
    begun.elapsed().as_secs_f64()
}

fn files(steps: &[Vec<Change>], folder: &Path, is_synced: bool) -> f64 {
    let mut value = agent::first();
    let begun = Instant::now();
    for (step, changes) in steps.iter().enumerate() {
        agent::change_value(&mut value, changes);
        let mut file = File::create(folder.join(format!("step-{step:04}.json"))).expect("a file");
        file.write_all(&text(&value)).expect("a write");
        if is_synced {
            file.sync_data().expect("a sync");
        }
    }
    begun.elapsed().as_secs_f64()
}

fn opened(folder: &Path) -> (Sessions, Session) {
    // The store is made with the plain constructor, then opened with the patterns.
    drop(Sessions::at(folder).expect("a store"));
    let disk = std::sync::Arc::new(expdag::base::disk::RealDisk);
    let store = expdag::store::Store::open(folder, disk).expect("a store");
    let settings = StateSettings { ignore: agent::ignored(), ..StateSettings::default() };
    let clock = std::sync::Arc::new(SystemClock);
    let sessions =
        Sessions::open(std::sync::Arc::new(store), "agent", clock, settings).expect("sessions");
    let session = sessions.session("run").expect("a good name");
    (sessions, session)
}

fn first() -> Json {
    agent::json_of(&agent::first())
}

fn by_edits(steps: &[Vec<Change>], folder: &Path, kind: PutKind) -> (Vec<Answer>, f64) {
    let (sessions, session) = opened(&folder.join("store"));
    session.put(&Put::recovery(first())).expect("it is saved");
    // A step that was skipped leaves the last state as it is: its changes come with the next one.
    let mut document = Document::of(&first()).expect("a document");
    let mut answers = Vec::new();
    let begun = Instant::now();
    for changes in steps {
        document.edit(&agent::edits(changes)).expect("places that are there");
        let put = Put::new(kind, What::Document(document.clone()));
        answers.push(session.put(&put).expect("it is saved"));
    }
    let seconds = begun.elapsed().as_secs_f64();
    sessions.close().expect("it is durable");
    (answers, seconds)
}

fn by_value(steps: &[Vec<Change>], folder: &Path) -> (Vec<Answer>, f64) {
    let (sessions, session) = opened(&folder.join("store"));
    let mut put = Put::recovery(first());
    session.put(&put).expect("it is saved");
    put.kind = PutKind::Automatic;
    let mut answers = Vec::new();
    let begun = Instant::now();
    for changes in steps {
        let What::Value(json) = &mut put.what else { panic!("a whole value") };
        agent::change_json(json, changes);
        answers.push(session.put(&put).expect("it is saved"));
    }
    let seconds = begun.elapsed().as_secs_f64();
    sessions.close().expect("it is durable");
    (answers, seconds)
}
