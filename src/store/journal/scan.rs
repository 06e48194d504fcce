//! Finding the frames in the bytes of a segment, and deciding where it ends.
//!
//! A place where no frame begins, though one must, is a *gap*. A gap is either *torn*, left by a
//! crash before its bytes were durable, or *damaged*, rotten since. They are told apart by proof: a
//! frame says up to where its segment was durable when it was appended, and the header of the
//! next segment says up to where this one was. A gap before any such place was durable once, so it
//! is damaged: it is stepped over. At the first other gap the segment ends: what stands behind it
//! may follow on something that is gone, and nobody was told that it was durable.
//!
//! Knows nothing of files.

use super::frame::{ALIGNMENT, Frame, HEADER_BYTES, Position, StreamId, frame_bytes};

/// Bytes that were durable and are no frame any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The first of them.
    pub start: u64,
    /// The first byte behind them.
    pub end: u64,
}

/// What bytes hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// The frames: streams and offsets, ascending. With those that rotted but still say of which
    /// stream they are: who reads them is told, where else the stream would seem to end before them.
    pub frames: Vec<(StreamId, u32)>,
    /// How many of those rotted.
    pub rotten: usize,
    /// Where the next frame begins.
    pub end: u64,
    /// What is damaged before the end.
    pub damaged: Vec<Gap>,
    /// Whether something else than zeros stands behind the end.
    pub is_torn: bool,
    /// Up to where the segment is proved to have been durable.
    pub durable: u64,
}

/// Scans the bytes of a segment from `from` to its end. `durable` is up to where it is known to
/// have been durable; `sealed` is where it ends, when its successor says so.
pub fn scan(bytes: &[u8], segment: u32, from: u64, durable: u64, sealed: Option<u64>) -> Scan {
    let limit = sealed.map_or(u64::MAX, |end| end.saturating_sub(from));
    let bytes = &bytes[..usize::try_from(limit).unwrap_or(usize::MAX).min(bytes.len())];
    let mut found = Scan { durable: sealed.unwrap_or(durable), ..Scan::default() };
    let mut gaps = Vec::new();
    let mut at = 0;
    loop {
        let offset = from + at as u64;
        if let Some(frame) = frame_at(bytes, at, segment, offset) {
            found.frames.push((frame.stream, offset as u32));
            found.durable = found.durable.max(u64::from(frame.durable));
            at += frame_bytes(frame.payload.len());
            continue;
        }
        let next = (at + ALIGNMENT..bytes.len())
            .step_by(ALIGNMENT)
            .find(|&next| frame_at(bytes, next, segment, from + next as u64).is_some());
        let Some(next) = next else { break };
        gaps.push(Gap { start: offset, end: from + next as u64 });
        at = next;
    }
    found.end = from + at as u64;
    found.is_torn = bytes[at.min(bytes.len())..].iter().any(|byte| *byte != 0);
    if found.end < found.durable {
        gaps.push(Gap { start: found.end, end: found.durable });
        found.end = found.durable;
    }
    judge(&mut found, gaps);
    let rotten = rotten(bytes, from, segment, &found.damaged);
    found.rotten = rotten.len();
    found.frames.extend(rotten);
    found.frames.sort_unstable_by_key(|(_, offset)| *offset);
    found
}

/// Frames in what is damaged whose heads stand where they say. A gap begins where a frame began.
fn rotten(bytes: &[u8], from: u64, segment: u32, damaged: &[Gap]) -> Vec<(StreamId, u32)> {
    let mut found = Vec::new();
    for gap in damaged {
        let mut offset = gap.start;
        while let Some((stream, length)) = offset
            .checked_sub(from)
            .and_then(|at| bytes.get(usize::try_from(at).ok()?..))
            .and_then(|rest| Frame::head(rest, Position { segment, offset: offset as u32 }))
            && offset + length as u64 <= gap.end
        {
            found.push((stream, offset as u32));
            offset += length as u64;
        }
    }
    found
}

/// Ends the scan at the first gap of which nothing proves that it was durable.
fn judge(found: &mut Scan, gaps: Vec<Gap>) {
    for gap in gaps {
        if gap.end > found.durable {
            found.end = gap.start.max(found.durable);
            found.is_torn = true;
        }
        if gap.start < found.end {
            found.damaged.push(Gap { end: gap.end.min(found.end), ..gap });
        }
        if found.end < gap.end {
            break;
        }
    }
    let end = found.end;
    found.frames.retain(|(_, offset)| u64::from(*offset) < end);
}

fn frame_at(bytes: &[u8], at: usize, segment: u32, offset: u64) -> Option<Frame<'_>> {
    let offset = u32::try_from(offset).ok()?;
    let frame = Frame::read(bytes.get(at..)?, Position { segment, offset })?;
    // No frame knows of later ones.
    (frame.durable <= offset && u64::from(offset) >= HEADER_BYTES).then_some(frame)
}
