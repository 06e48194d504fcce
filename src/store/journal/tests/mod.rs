//! Tests of the journal: through its public face, on real files.

mod basic;
mod crash;
mod damage;
mod fuzz;
mod golden;
mod retired;
mod sealed;
mod threads;
mod torn;

use std::path::Path;

use super::open::Bounds;
use super::{Journal, JournalError, Position, StreamId};
use crate::store::Store;

/// Small, so that a few frames fill several segments.
const SMALL: Bounds = Bounds { segment: 1000, step: 512 };

fn stream(name: &str) -> StreamId {
    StreamId::of_name(name)
}

/// Appends behind the last frame of a stream.
fn push(journal: &Journal, name: &str, payload: &[u8]) -> Result<Position, JournalError> {
    let last = journal.positions(stream(name), None)?.last().copied();
    journal.append(stream(name), last, payload)
}

fn segment(store: &Store, number: u32) -> std::path::PathBuf {
    store.layout().journal().join(format!("{number:08}.log"))
}

fn index(store: &Store, number: u32) -> std::path::PathBuf {
    segment(store, number).with_extension("index")
}

/// Changes the bytes of a file in place.
fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).unwrap();
    change(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

fn small(store: &Store) -> Journal {
    Journal::with_bounds(store, SMALL)
}
