//! What one to three changed fields of 20 x 100 take on the disk.

use expdag::session::state::{Outcome, Put, PutKind, Sessions, What};

use crate::Options;
use crate::state::{self, COMPONENTS};

/// Puts one to three changed fields a step and sums up the entries' bytes.
pub fn all(options: &Options) {
    let folder = options.folder();
    let sessions = Sessions::at(folder.path()).expect("a store");
    let session = sessions.session("size").expect("a good name");
    let full = state::json(COMPONENTS);
    session.put(&Put::manual(full.clone())).expect("it is saved");
    let count = options.count(10_000, 100);
    let (mut sum, mut patches, mut most) = (0, Vec::new(), 0);
    for step in 1..=count {
        let mut edits = state::edits(step, COMPONENTS);
        edits.truncate(1 + step % 3);
        let put = Put::new(PutKind::Automatic, What::Edits { base: None, edits });
        let answer = session.put(&put).expect("it is saved");
        let Outcome::Saved { bytes, body, .. } = answer.outcome else { panic!("{answer:?}") };
        sum += bytes;
        most = most.max(bytes);
        if body == expdag::session::state::BodyKind::Patch {
            patches.push(bytes);
        }
    }
    sessions.close().expect("it is durable");
    let on_disk: u64 = journal_bytes(folder.path());
    println!("\nStored bytes: one to three changed fields of 20 x 100, {count} puts");
    println!("a full copy as JSON       {:8}", full.compact().len());
    println!("mean of all entries       {:8}", sum / count as u64);
    println!("mean of those with a patch {:7}", patches.iter().sum::<u64>() / patches.len() as u64);
    println!("the largest (a whole one) {most:8}");
    println!("journal's files, for a put {:7}", on_disk / count as u64);
}

fn journal_bytes(folder: &std::path::Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder.join("journal")) else { return 0 };
    entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|facts| facts.len()).sum()
}
