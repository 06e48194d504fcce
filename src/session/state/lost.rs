//! States that were durable and are gone with the segments of the journal that held them, where
//! nothing in the journal itself shows it: files beside it do.
//!
//! **What proves it**: a kept index names only segments whose names are durable; and a manual put or a
//! recovery point is measured when it is durable. Both files may be missing or old, so that what is not
//! named may be lost all the same: automatic states of a short session, and what came after a segment
//! was let go of. What a crash leaves is never named.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::error::StateError;
use super::kept;
use super::measure::Fate;
use super::meter::{METRICS_FILE, older};
use super::put::PutKind;
use super::statistics::read;
use crate::store::Store;
use crate::store::journal::{Segments, StreamId, check, file_name, missing};

/// What is lost, besides what [`missing`] names: files or folders, and a sentence on each.
///
/// # Errors
/// The journal's.
pub fn lost(store: &Store) -> Result<Vec<(PathBuf, String)>, StateError> {
    let folder = store.layout().journal();
    let segments = Segments::read(&folder)?;
    let named = missing(&folder)?;
    let mut found = Vec::new();
    for (number, session) in kept::segments(&folder) {
        let path = folder.join(file_name(number));
        if segments.lacks(number) && named.iter().all(|(other, _)| *other != path) {
            let what = format!("it is not there, and the index of session `{session}` names it");
            found.push((path, what));
        }
    }
    // With segments that are named, or were let go of, counting says nothing more.
    if !named.is_empty() || !found.is_empty() || segments.have_let_go() {
        return Ok(found);
    }
    let durable = durable_puts(&folder.join(METRICS_FILE));
    if durable.is_empty() {
        return Ok(found);
    }
    // Not as readers do, who make an index anew that is missing: who proves changes nothing.
    let there = check(&folder)?.streams;
    let is_there = |stream: &StreamId| there.get(stream).copied().unwrap_or(0);
    let lost: usize =
        durable.iter().map(|(stream, saved)| saved.saturating_sub(is_there(stream))).sum();
    if lost > 0 {
        let states = if lost == 1 { "state is" } else { "states are" };
        let what = format!("{lost} {states} not there that `{METRICS_FILE}` in it says were saved");
        found.push((folder, what));
    }
    Ok(found)
}

/// How many puts of each session were durable when they were measured, at least.
fn durable_puts(metrics: &std::path::Path) -> BTreeMap<StreamId, usize> {
    let mut found = BTreeMap::new();
    for path in [older(metrics), metrics.to_owned()] {
        for measure in read(&path).unwrap_or_default() {
            if measure.fate == Fate::Saved && measure.kind != PutKind::Automatic as u8 {
                *found.entry(measure.stream).or_default() += 1;
            }
        }
    }
    found
}
