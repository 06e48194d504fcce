//! Rot: any byte of any file, any cut, any run of zeros.

use std::path::{Path, PathBuf};

use super::super::{JournalError, Position, check};
use super::{push, small, stream};
use crate::store::Store;
use crate::store::tests::fresh;

/// A journal of several segments, synced after each frame: the frames with their payloads, and the
/// files as they are.
struct Sample {
    _home: tempfile::TempDir,
    store: Store,
    frames: Vec<(&'static str, Position, Vec<u8>)>,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Sample {
    fn new() -> Self {
        let (home, store) = fresh();
        let journal = small(&store);
        let mut frames = Vec::new();
        for number in 0..16_usize {
            let name = ["a", "b", "c"][number % 3];
            let payload = vec![number as u8 + 1; number * 37 % 250];
            frames.push((name, push(&journal, name, &payload).unwrap(), payload));
            journal.sync().unwrap();
        }
        let mut files = Vec::new();
        for entry in std::fs::read_dir(store.layout().journal()).unwrap() {
            let path = entry.unwrap().path();
            files.push((path.clone(), std::fs::read(path).unwrap()));
        }
        files.sort();
        let segments = frames.last().unwrap().1.segment;
        assert!(segments >= 3 && files.len() == 2 * segments as usize - 1);
        Self { _home: home, store, frames, files }
    }

    /// Puts the files as they were, one of them as given.
    fn write(&self, path: &Path, bytes: &[u8]) {
        let folder = self.store.layout().journal();
        for entry in std::fs::read_dir(folder).unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
        for (other, content) in &self.files {
            std::fs::write(other, if other == path { bytes } else { content }).unwrap();
        }
    }

    /// The frames that a change of these bytes touches.
    fn hit(&self, path: &Path, start: usize, end: usize) -> Vec<Position> {
        let is_hit = |at: &Position, payload: &[u8]| {
            let from = at.offset as usize;
            let to = from + 72 + payload.len().next_multiple_of(8);
            path.ends_with(format!("{:08}.log", at.segment)) && from < end && start < to
        };
        let hit = self.frames.iter().filter(|(_, at, payload)| is_hit(at, payload));
        hit.map(|(_, at, _)| *at).collect()
    }

    /// Each frame that was not hit can be read, no other content is, and work goes on.
    fn check(&self, hit: &[Position], what: &str) {
        let journal = small(&self.store);
        let shown: Vec<Position> = ["a", "b", "c"]
            .iter()
            .flat_map(|name| journal.positions(stream(name), None).unwrap())
            .collect();
        for (name, at, payload) in &self.frames {
            let is_hit = hit.contains(at);
            assert!(is_hit || shown.contains(at), "{what}: {name} {at:?} is gone");
            match journal.read(*at) {
                Ok(read) => assert_eq!(read, *payload, "{what}: {name} {at:?}"),
                Err(JournalError::Damaged { .. }) => assert!(is_hit, "{what}: {name} {at:?}"),
                Err(e) => panic!("{what}: {e}"),
            }
        }
        assert!(shown.iter().all(|at| self.frames.iter().any(|(_, other, _)| at == other)));
        let more = push(&journal, "a", b"more").unwrap();
        assert_eq!(small(&self.store).read(more).unwrap(), b"more", "{what}");
        let after = small(&self.store);
        for at in shown.iter().filter(|at| !hit.contains(at)) {
            assert!(after.read(*at).is_ok(), "{what}: {at:?} after an append");
        }
    }

    fn is_named(&self) -> bool {
        let found = self.store.check(&|_| ()).unwrap();
        !found.is_sound() || !found.unfinished.is_empty()
    }
}

#[test]
fn a_changed_byte_costs_at_most_its_frame_and_is_named() {
    let sample = Sample::new();
    sample.write(Path::new(""), &[]);
    assert!(!sample.is_named(), "nothing is wrong yet");
    for (path, content) in &sample.files {
        for at in (0..content.len()).step_by(3) {
            let mut bytes = content.clone();
            bytes[at] ^= 1 << (at % 8);
            sample.write(path, &bytes);
            let what = format!("{} at {at}", path.display());
            assert!(sample.is_named(), "{what}");
            sample.check(&sample.hit(path, at, at + 1), &what);
        }
    }
}

#[test]
fn zeros_in_the_middle_cost_at_most_their_frames() {
    let sample = Sample::new();
    for (path, content) in &sample.files {
        for (number, at) in (0..content.len()).step_by(29).enumerate() {
            let end = content.len().min(at + 1 + number * 17 % 300);
            let mut bytes = content.clone();
            bytes[at..end].fill(0);
            sample.write(path, &bytes);
            sample.check(&sample.hit(path, at, end), &format!("{} at {at}", path.display()));
        }
    }
}

#[test]
fn a_file_that_was_cut_keeps_what_stands_before() {
    let sample = Sample::new();
    for (path, content) in &sample.files {
        for length in (0..content.len()).step_by(7) {
            sample.write(path, &content[..length]);
            let what = format!("{} cut to {length}", path.display());
            sample.check(&sample.hit(path, length, content.len()), &what);
        }
    }
}

/// Else a session whose newest state rotted would seem to end before it.
#[test]
fn a_frame_that_rotted_behind_its_head_is_shown_and_named() {
    let sample = Sample::new();
    let (last, proved) = sample.frames.split_last().unwrap();
    assert!(proved.iter().any(|(_, at, _)| at.segment == last.1.segment), "an active one, too");
    for (name, at, payload) in proved {
        for behind in [40, 40 + payload.len().next_multiple_of(8) + 31] {
            let path = super::segment(&sample.store, at.segment);
            let (_, content) = sample.files.iter().find(|(other, _)| *other == path).unwrap();
            let mut bytes = content.clone();
            bytes[at.offset as usize + behind] ^= 4;
            sample.write(&path, &bytes);
            let what = format!("{name} {at:?} at {behind}");
            let journal = small(&sample.store);
            assert!(journal.positions(stream(name), None).unwrap().contains(at), "{what}");
            assert!(matches!(journal.read(*at), Err(JournalError::Damaged { .. })), "{what}");
            let found = sample.store.check(&|_| ()).unwrap();
            assert!(!found.is_sound() && sample.is_named(), "{what}");
        }
    }
}

/// However many are gone, also all: their indexes say that they were there.
#[test]
fn segments_that_are_gone_are_named_by_their_indexes() {
    let sample = Sample::new();
    let folder = sample.store.layout().journal();
    let is_segment = |path: &&PathBuf| path.extension().is_some_and(|end| end == "log");
    let mut segments: Vec<_> =
        sample.files.iter().map(|(path, _)| path).filter(is_segment).collect();
    segments.iter().for_each(|path| std::fs::remove_file(path).unwrap());
    // The newest one has no index yet.
    segments.pop();
    let found = check(&folder).unwrap();
    let named: Vec<_> = found.damaged.iter().map(|(path, _)| path).collect();
    assert_eq!((named, found.segments), (segments, 0));
}
