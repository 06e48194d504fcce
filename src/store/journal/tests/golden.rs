//! The formats, byte by byte: other bytes are a new format, which needs a version.

use super::super::frame::{Frame, Header, HeaderFound};
use super::super::index::Index;
use super::super::{Position, StreamId};
use super::stream;

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    digits.collect::<Vec<_>>().chunks(32).map(|line| line.concat() + "\n").collect()
}

#[test]
fn a_frame_has_its_golden_bytes() {
    let at = Position { segment: 3, offset: 0x1240 };
    let frame = Frame { stream: StreamId([0xab; 16]), durable: 0x1200, payload: b"eleven more" };
    let mut bytes = Vec::new();
    frame.write(at, &mut bytes);
    assert_eq!(hex(&bytes), GOLDEN_FRAME);
    assert_eq!(Frame::read(&bytes, at), Some(frame));
    assert_eq!(Frame::read(&bytes, Position { offset: 0x1248, ..at }), None, "copied elsewhere");
}

#[test]
fn a_header_has_its_golden_bytes() {
    let header = Header { segment: 3, previous: 2, previous_end: 0x40_0010 };
    assert_eq!(hex(&header.write()), GOLDEN_HEADER);
    assert_eq!(Header::read(&header.write(), 3), HeaderFound::Sound(header));
    assert_eq!(Header::read(&header.write(), 4), HeaderFound::None);
}

#[test]
fn an_index_has_its_golden_bytes() {
    let frames = [(StreamId([1; 16]), vec![64, 264]), (StreamId([2; 16]), vec![144])];
    let index = Index::of(344, frames.into_iter().collect(), Vec::new());
    assert_eq!(hex(&index.write(7)), GOLDEN_INDEX);
    assert_eq!(Index::read(&index.write(7), 7, 344), Some(index));
}

#[test]
fn a_stream_of_a_name_has_its_golden_id() {
    assert_eq!(hex(&stream("main").0), GOLDEN_STREAM);
}

const GOLDEN_FRAME: &str = "\
78706672616d650a0b000000030000004012000000120000abababababababab
abababababababab656c6576656e206d6f72650000000000381fc045421f4ca4
a898cbf0a69507d1198712d685852d213fff834d51d970e5
";
const GOLDEN_HEADER: &str = "\
78706a6f75726e0a010000000300000002000000000000001000400000000000
5eca678ae42981661db8d7f56b677fcd5843624468d483b3a4c871e5656900fe
";
const GOLDEN_INDEX: &str = "\
7870696e6465780a010000000700000058010000020000000300000000000000
0101010101010101010101010101010100000000020202020202020202020202
0202020202000000400000000801000090000000228d1dc846e3983b94a3a2eb
2690e37d856874d912089e4dfe39c5ccac381f03
";
const GOLDEN_STREAM: &str = "\
7201f1a49d343359d5ba93e61b7e0976
";
