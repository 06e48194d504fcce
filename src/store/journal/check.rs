//! Proving the journal: every byte of every segment, every index.
//!
//! Changes nothing: what is damaged is named, and an index is not made anew here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::frame::{HEADER_BYTES, StreamId};
use super::index::Index;
use super::missing::missing;
use super::retired;
use super::scan::Gap;
use super::segment::{SegmentFile, list};
use super::sidecar;
use super::tail::{Active, scan_file};
use crate::store::error::StoreError;

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalCheck {
    /// Segments that were read.
    pub segments: usize,
    /// Frames that are whole.
    pub frames: usize,
    /// What is wrong: files, and a sentence on each.
    pub damaged: Vec<(PathBuf, String)>,
    /// Segments whose end is no frame, and where that begins: a write that a crash cut short before
    /// it was acknowledged, which is no damage; or damage to what was written last, which cannot be
    /// told from it.
    pub unfinished: Vec<(PathBuf, u64)>,
    /// How many frames each stream has, with those that rotted.
    pub streams: BTreeMap<StreamId, usize>,
}

/// Checks the journal in that folder. Takes no lock.
///
/// # Errors
/// [`StoreError::NewerFormat`]; the disk's.
pub fn check(folder: &Path) -> Result<JournalCheck, StoreError> {
    let mut found = JournalCheck::default();
    let numbers = list(folder)?;
    let retired = retired::read(folder)?;
    if let Some(what) = retired::fault(folder)? {
        found.damaged.push((folder.join("retired"), what.to_owned()));
    }
    found.damaged.extend(missing(folder)?);
    let mut headers = Vec::new();
    let mut files = Vec::new();
    for number in numbers {
        if let Some(file) = SegmentFile::open(folder, number)? {
            headers.push(file.header()?);
            files.push(file);
        }
    }
    for (at, file) in files.iter().enumerate() {
        found.segments += 1;
        let behind = headers[at + 1..].iter().flatten().next();
        let end = behind.filter(|h| h.previous == file.number).map(|h| h.previous_end);
        let end = end.or_else(|| retired.end_of(file.number));
        if at + 1 == files.len() {
            check_active(file, &mut found)?;
        } else {
            check_sealed(folder, file, end, &mut found)?;
        }
    }
    Ok(found)
}

fn check_active(file: &SegmentFile, found: &mut JournalCheck) -> Result<(), StoreError> {
    let active = Active::open(file.clone())?;
    for (stream, offsets) in &active.streams {
        *found.streams.entry(*stream).or_default() += offsets.len();
    }
    found.frames += active.streams.values().map(Vec::len).sum::<usize>() - active.rotten;
    name_gaps(&file.path, &active.damaged, found);
    if !active.is_writable() && active.length > active.end {
        found.unfinished.push((file.path.clone(), active.end));
    }
    Ok(())
}

fn check_sealed(
    folder: &Path,
    file: &SegmentFile,
    end: Option<u64>,
    found: &mut JournalCheck,
) -> Result<(), StoreError> {
    let (scan, _) = scan_file(file, end)?;
    name_gaps(&file.path, &scan.damaged, found);
    if scan.is_torn && end.is_none() {
        found.unfinished.push((file.path.clone(), scan.end));
    }
    let path = folder.join(sidecar::file_name(file.number));
    let rotten = scan.rotten;
    let index = Index::of_scan(scan);
    found.frames += index.frames() - rotten;
    for stream in index.streams() {
        *found.streams.entry(stream).or_default() += index.offsets(stream).len();
    }
    let Some(end) = end.filter(|_| path.exists()) else { return Ok(()) };
    let is_sound = sidecar::read(folder, file.number, end)
        .is_some_and(|kept| kept == index || !index.damaged.is_empty());
    if !is_sound {
        let what = "it is not the index of its segment; reading makes it anew".to_owned();
        found.damaged.push((path, what));
    }
    Ok(())
}

fn name_gaps(path: &Path, gaps: &[Gap], found: &mut JournalCheck) {
    found.damaged.extend(gaps.iter().map(|gap| {
        let what = match gap.end {
            HEADER_BYTES => "its header is damaged".to_owned(),
            end => format!("bytes {} to {end} are damaged", gap.start),
        };
        (path.to_owned(), what)
    }));
}
