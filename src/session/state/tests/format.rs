//! Entries byte by byte, and bytes that are no entry.

use std::fmt::Write;

use proptest::prelude::*;

use super::*;
use crate::base::codec::Bytes;
use crate::base::id::{DocumentId, Hash, SnapshotId};
use crate::base::time::Timestamp;
use crate::session::state::PutKind;
use crate::session::state::wire::{Act, Body, Content, Entry, NO_ENTRY, PutAct, WireError};

fn entry(sequence: u64, act: Act) -> Entry {
    Entry {
        session: "plan".to_owned(),
        sequence,
        before: if sequence == 0 { NO_ENTRY } else { Hash([7; 32]) },
        when: Timestamp(1_700_000_000_000_000_000),
        who: "ann".to_owned(),
        process: 4_711,
        act,
    }
}

fn put(parents: Vec<u64>, body: Body) -> Act {
    Act::Put(PutAct {
        kind: PutKind::Recovery,
        branch: label("main"),
        parents,
        id: SnapshotId(Hash([1; 32])),
        document: DocumentId(Hash([2; 32])),
        has_files: true,
        fields_changed: 3,
        bytes: 4_096,
        message: "größer".to_owned(),
        tags: vec![label("v1"), label("good")],
        body,
    })
}

/// Each variant of each part once.
fn samples() -> Vec<(&'static str, &'static str, Entry)> {
    let plain = |text: &str| Content::Plain(Bytes(text.as_bytes().to_vec()));
    let frame = Content::Zstd { length: 5_000, frame: Bytes(b"a zstd frame".to_vec()) };
    let (branch, message) = (label("idea"), "back".to_owned());
    vec![
        (
            "whole",
            include_str!("golden/whole.hex"),
            entry(0, put(vec![], Body::Whole(plain("{}")))),
        ),
        ("patch", include_str!("golden/patch.hex"), entry(2, put(vec![1], Body::Patch(frame)))),
        ("same", include_str!("golden/same.hex"), entry(9, put(vec![1, 8], Body::Same))),
        ("move", include_str!("golden/move.hex"), entry(3, Act::Move { branch, to: 1, message })),
        (
            "tag",
            include_str!("golden/tag.hex"),
            entry(4, Act::Tag { tag: label("v1"), state: 1, is_set: true }),
        ),
        (
            "mark",
            include_str!("golden/mark.hex"),
            entry(5, Act::Mark { state: 1, is_valid: false, why: "it fails".to_owned() }),
        ),
    ]
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for line in bytes.chunks(32) {
        line.iter().for_each(|byte| write!(text, "{byte:02x}").expect("a String takes all"));
        text.push('\n');
    }
    text
}

#[test]
fn every_entry_has_its_golden_bytes() {
    let mut wrong = String::new();
    for (name, golden, entry) in samples() {
        let bytes = entry.encode().unwrap();
        if hex(&bytes) != golden {
            let _ = write!(wrong, "=== {name}.hex; now it is\n{}", hex(&bytes));
        }
        assert_eq!(Entry::decode(&bytes).unwrap(), entry, "{name}");
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_leads_forward_is_no_entry() {
    let ahead = [
        entry(2, put(vec![2], Body::Same)),
        entry(2, put(vec![1, 3], Body::Same)),
        entry(9, put(vec![1, 2, 3], Body::Same)),
        entry(2, put(vec![], Body::Same)),
        entry(1, Act::Tag { tag: label("v1"), state: 1, is_set: true }),
        entry(0, Act::Mark { state: 0, is_valid: true, why: String::new() }),
        entry(u64::from(u32::MAX) + 1, put(vec![1], Body::Same)),
    ];
    for entry in ahead {
        let read = Entry::decode(&entry.encode().unwrap());
        assert!(matches!(read, Err(WireError::Rule(_))), "{read:?}");
    }
    assert!(matches!(Entry::decode(b"xs"), Err(WireError::NoEntry)));
    assert!(matches!(Entry::decode(b"xpd\x01"), Err(WireError::NoEntry)));
    assert!(matches!(Entry::decode(b"xst\x02"), Err(WireError::Version(2))));
}

#[test]
fn a_value_that_claims_another_length_is_refused_without_reading_it() {
    let frame = Bytes(zstd::bulk::compress(&[b'x'; 1_000], 3).unwrap());
    let content = |length| Content::Zstd { length, frame: frame.clone() };
    assert_eq!(content(1_000).text().unwrap(), [b'x'; 1_000]);
    for length in [0, 999, 1_001, u64::MAX] {
        assert!(content(length).text().is_err(), "{length}");
    }
    let garbage = Content::Zstd { length: 3, frame: Bytes(b"???".to_vec()) };
    assert!(garbage.text().is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn changed_bytes_are_an_error_or_the_same_entry(
        which in 0..6_usize,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = samples()[which].2.encode().unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(entry) = Entry::decode(&bytes) {
            prop_assert_eq!(entry.encode().unwrap(), bytes);
        }
    }
}
