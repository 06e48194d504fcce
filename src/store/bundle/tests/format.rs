//! The bytes, as ARCHITECTURE.md has them.

use super::super::inspect;
use super::super::write::BundleWriter;
use super::{Form, Manifest, at, bare, export, with_content};
use crate::base::codec;
use crate::base::id::{Hash, Kind, SnapshotId};
use crate::base::limits::COMPRESSION_LEVEL;
use crate::store::tests::fresh;

const FROZEN: &str = include_str!("golden/bundle.hex");
const FROZEN_LINES: &str = include_str!("golden/bundle.jsonl");

fn hex(bytes: &[u8]) -> String {
    let line = |line: &[u8]| line.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    bytes.chunks(32).map(|chunk| line(chunk) + "\n").collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.as_chunks().0.iter().map(pair).collect()
}

/// A manifest with a name and a prerequisite, and two blobs of seven bytes in all.
fn sample() -> (Manifest, [(crate::base::id::ObjectId, &'static [u8]); 2]) {
    let blob = |content: &'static [u8]| (codec::blob_id(content).object(), content);
    let prerequisite =
        super::Prerequisite { snapshot: SnapshotId(Hash([2; 32])), name: "a".into() };
    let manifest = Manifest {
        names: vec![at("main", SnapshotId(Hash([1; 32])))],
        prerequisites: vec![prerequisite],
        objects: 2,
        bytes: 7,
        ..bare()
    };
    (manifest, [blob(b"abc"), blob(b"\xffdef")])
}

fn written(form: Form) -> Vec<u8> {
    let (manifest, objects) = sample();
    let mut writer = BundleWriter::begin(Vec::new(), form, &manifest).unwrap();
    objects.iter().for_each(|(id, content)| writer.add(*id, content).unwrap());
    writer.finish().unwrap()
}

/// Byte by byte from the table, with nothing of the writer.
#[test]
fn a_binary_bundle_is_what_the_table_says() {
    let (_, [(abc, _), (def, _)]) = sample();
    let (n32, n64) = (|n: u32| n.to_le_bytes(), |n: u64| n.to_le_bytes());
    let text = |text: &str| [&n64(text.len() as u64)[..], text.as_bytes()].concat();
    let fields = [
        &[0xab; 32][..],
        &text("ann-laptop"),
        &text("ann"),
        &n64(7),
        &n64(1),
        &text("branch/main"),
        &n32(0),
        &[1; 32],
        &n64(1),
        &[2; 32],
        &text("a"),
        &n64(2),
        &n64(7),
    ]
    .concat();
    let manifest = [&n64(fields.len() as u64)[..], &fields].concat();
    let content =
        [&[0][..], &abc.hash.0, &n32(3), b"abc", &[0], &def.hash.0, &n32(4), b"\xffdef"].concat();
    let frame = zstd::bulk::compress(&content, COMPRESSION_LEVEL).unwrap();
    let block = [&n32(frame.len() as u32)[..], &n32(content.len() as u32), &frame].concat();
    let header = b"xp bndl\n\x01\0\0\0\0\0\0\0";
    let digests =
        [codec::digest("bundle manifest", &manifest), codec::digest("bundle block", &block)];
    let mut chain = codec::digest("bundle chain", header);
    for digest in &digests {
        chain = codec::digest("bundle chain", &[chain.0, digest.0].concat());
    }
    let all = codec::digest("bundle chain", &[&chain.0[..], &n64(2), &n64(7)].concat());
    let footer = [&n64(0)[..], &n64(2), &n64(7), &all.0, &n64(0), b"ldnb px\n"].concat();
    let expected = [&header[..], &manifest, &digests[0].0, &block, &digests[1].0, &footer].concat();
    assert_eq!(hex(&written(Form::Binary)), hex(&expected));
}

#[test]
fn what_was_written_once_is_read_for_ever() {
    let found = inspect(&bytes(FROZEN)).unwrap_or_else(|e| {
        panic!("{e}; a bundle of today:\n{}", hex(&written(Form::Binary)));
    });
    let lines = inspect(FROZEN_LINES.as_bytes()).unwrap_or_else(|e| {
        panic!("{e}; a bundle of today:\n{}", String::from_utf8_lossy(&written(Form::Lines)));
    });
    let (manifest, _) = sample();
    assert_eq!(found.manifest, manifest);
    assert_eq!(found.kinds.get(&Kind::Blob), Some(&2));
    assert_eq!(found, lines);
    assert_eq!(String::from_utf8(written(Form::Lines)).unwrap(), FROZEN_LINES);
}

#[test]
fn lines_of_records_say_what_they_hold() {
    let (_folder, store) = fresh();
    let snapshot = with_content(&store, "hello\n");
    let text = export(&store, &[at("main", snapshot)], &[], Form::Lines);
    let lines: Vec<serde_json::Value> = text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(lines[0]["bundle"], 1);
    assert_eq!(lines[0]["names"][0]["name"], "branch/main");
    let of = |kind: &str| lines.iter().find(|line| line["kind"] == kind).unwrap();
    assert_eq!(of("blob")["text"], "hello\n");
    assert_eq!(of("tree")["fields"]["Leaf"][0]["name"], "file");
    assert_eq!(of("tree")["fields"]["Leaf"][0]["hash"], of("blob")["id"]);
    assert_eq!(of("snapshot")["fields"]["tree"], of("tree")["id"]);
    assert_eq!(of("snapshot")["fields"]["who"], "test");
    assert_eq!(lines.last().unwrap()["end"]["objects"], 3);
}
