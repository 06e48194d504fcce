//! The stored formats, byte by byte: a record that encodes otherwise than its golden file is a new
//! format, which needs a version and a note on old readers and new data.
//!
//! A golden file has the id on its first line and then the bytes, 32 on a line. A missing one is
//! never written by the test: the failure shows what would stand in it.

#![allow(missing_docs)]

mod samples;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use expdag::base::codec::object_hash;
use samples::{Sample, samples};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn shown(sample: &Sample) -> String {
    let mut text = format!("{}\n", sample.id);
    for line in sample.bytes.chunks(32) {
        line.iter().for_each(|byte| write!(text, "{byte:02x}").expect("a String takes all"));
        text.push('\n');
    }
    text
}

#[test]
fn every_record_has_its_golden_bytes() {
    let mut wrong = String::new();
    for sample in samples().1 {
        let own = object_hash(sample.id.kind, &sample.bytes);
        assert!(own.is_none_or(|hash| hash == sample.id.hash), "{}", sample.name);
        let path = folder().join(format!("{}.hex", sample.name));
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        if golden != shown(&sample) {
            let what = if path.exists() { "differs" } else { "is missing" };
            let _ = write!(wrong, "=== {}.hex {what}; now it is\n{}", sample.name, shown(&sample));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_golden_file_has_its_record() {
    let names: BTreeSet<String> =
        samples().1.into_iter().map(|sample| format!("{}.hex", sample.name)).collect();
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .expect("the folder of golden files is there")
        .map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(files, names);
}
