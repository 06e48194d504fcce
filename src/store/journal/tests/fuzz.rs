//! Changed segments and indexes: whoever reads them finds frames that were written, or none.

use std::sync::Arc;

use crate::base::codec::digest;
use crate::base::disk::RealDisk;
use crate::base::fuzz::{fuzz, sealed};
use crate::store::Store;
use crate::store::journal::frame::{Frame, HEADER_BYTES, Header, Position, StreamId};
use crate::store::journal::index::Index;
use crate::store::journal::scan::scan;
use crate::store::journal::{Journal, check};
use crate::store::tests::folder_in_memory;

/// A segment with frames of several lengths in two streams, and their payloads.
fn segment() -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut bytes = Header { segment: 1, previous: 0, previous_end: 0 }.write();
    let mut payloads = Vec::new();
    for number in 0..9_usize {
        let payload = vec![number as u8; number * 37];
        let name = ["one", "two"][number % 2];
        let durable = if number % 3 == 0 { bytes.len() as u32 } else { 0 };
        let frame = Frame { stream: StreamId::of_name(name), durable, payload: &payload };
        let at = Position { segment: 1, offset: bytes.len() as u32 };
        frame.write(at, &mut bytes);
        payloads.push(payload);
    }
    bytes.resize(bytes.len() + 200, 0);
    (bytes, payloads)
}

#[test]
fn a_changed_segment_shows_only_what_was_written() {
    let (sample, payloads) = segment();
    let accepted = fuzz("segment", &[sample], (HEADER_BYTES as usize, 2_000), |bytes| {
        let _ = Header::read(bytes, 1);
        let Some(body) = bytes.get(HEADER_BYTES as usize..) else { return false };
        for sealed in [None, Some(bytes.len() as u64), Some(100)] {
            let found = scan(body, 1, HEADER_BYTES, 0, sealed);
            assert!(found.frames.is_sorted_by(|a, b| a.1 < b.1), "frames out of order");
            for (_, offset) in &found.frames {
                let at = Position { segment: 1, offset: *offset };
                if let Some(frame) = Frame::read(&bytes[*offset as usize..], at) {
                    assert!(payloads.iter().any(|p| p == frame.payload), "it was never written");
                }
            }
            let _ = Index::of_scan(found);
        }
        true
    });
    assert!(accepted > 0);
}

/// Frames whose digest is right, with heads that nobody wrote.
#[test]
fn a_frame_that_was_put_right_is_read_as_what_it_says() {
    let mut sample = Vec::new();
    let frame = Frame { stream: StreamId::of_name("one"), durable: 64, payload: &[7; 100] };
    let at = Position { segment: 1, offset: 64 };
    frame.write(at, &mut sample);
    let seal = |bytes: &[u8]| digest("journal frame", bytes).0;
    fuzz("frame", &[sample], (8, 3_000), |bytes| {
        let bytes = sealed(bytes, seal);
        let found = scan(&bytes, 1, 64, 0, None);
        assert!(found.durable <= u64::from(u32::MAX));
        Frame::read(&bytes, at).is_some()
    });
}

#[test]
fn a_changed_header_is_none_or_says_the_same_again() {
    use crate::store::journal::frame::HeaderFound;
    let sample = Header { segment: 3, previous: 2, previous_end: 4_096 }.write();
    let seal = |bytes: &[u8]| digest("journal header", bytes).0;
    fuzz("journal header", &[sample], (8, 3_000), |bytes| {
        let bytes = sealed(bytes, seal);
        match Header::read(&bytes, 3) {
            HeaderFound::Sound(header) => {
                assert_eq!(
                    (header.segment, Header::read(&header.write(), 3)),
                    (3, HeaderFound::Sound(header))
                );
                true
            }
            HeaderFound::Newer(_) | HeaderFound::None => false,
        }
    });
}

#[test]
fn a_changed_index_is_none_or_in_order() {
    let (bytes, _) = segment();
    let found = scan(&bytes[HEADER_BYTES as usize..], 1, HEADER_BYTES, 0, None);
    let end = found.end;
    let sample = Index::of_scan(found).write(1);
    let seal = |bytes: &[u8]| digest("journal index", bytes).0;
    let accepted = fuzz("journal index", &[sample], (8, 3_000), |bytes| {
        let bytes = sealed(bytes, seal);
        let Some(index) = Index::read(&bytes, 1, end) else { return false };
        let streams: Vec<_> = index.streams().collect();
        let frames: usize = streams.iter().map(|stream| index.offsets(*stream).len()).sum();
        assert_eq!(index.frames(), frames);
        assert_eq!(Index::read(&index.write(1), 1, end), Some(index));
        true
    });
    assert!(accepted > 20, "{accepted}");
}

/// A whole journal over changed files: reading, checking and appending.
#[test]
fn a_journal_over_a_changed_segment_is_read_and_goes_on() {
    let (sample, _) = segment();
    let folder = folder_in_memory();
    let root = folder.path().join("exp");
    Store::create(&root, Arc::new(RealDisk), "").unwrap();
    let journal_folder = root.join("journal");
    fuzz("journal", &[sample], (0, 150), |bytes| {
        let _ = std::fs::remove_dir_all(&journal_folder);
        std::fs::create_dir(&journal_folder).unwrap();
        std::fs::write(journal_folder.join("00000001.log"), bytes).unwrap();
        let store = Store::open(&root, Arc::new(RealDisk)).unwrap();
        let journal = Journal::open(&store).unwrap();
        let stream = StreamId::of_name("one");
        let is_read = |at: &Position| journal.read(*at).is_ok();
        let Ok(places) = journal.positions(stream, None) else { return false };
        let read = places.iter().filter(|at| is_read(at)).count();
        let _ = check::check(&journal_folder);
        let at = journal.append(stream, places.last().copied(), b"more").unwrap();
        assert_eq!(journal.read(at).unwrap(), b"more");
        read > 0
    });
}
