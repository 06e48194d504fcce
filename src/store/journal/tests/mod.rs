//! Tests of the journal: through its public face, on real files.

mod basic;
mod crash;

use super::StreamId;
use super::open::Bounds;

/// Small, so that a few frames fill several segments.
const SMALL: Bounds = Bounds { segment: 1000, step: 512 };

fn stream(name: &str) -> StreamId {
    StreamId::of_name(name)
}
