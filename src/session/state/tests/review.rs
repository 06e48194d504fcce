//! What a review found: scenarios in which a state was lost, or something untrue was said.

use super::*;
use crate::session::state::*;

/// In its patch a value stands two levels deeper than in its state.
#[test]
fn the_deepest_state_can_be_read_from_its_patch() {
    let log = Arc::new(MemoryLog::default());
    let session = over(&log, StateSettings::default()).session("s").unwrap();
    let large = format!("\"large\":\"{}\"", "x".repeat(4_000));
    session.put(&Put::manual(json(&format!("{{{large}}}")))).unwrap();
    let deep = format!("{{{large},\"deep\":{}{}}}", "[".repeat(127), "]".repeat(127));
    let answer = session.put(&Put::manual(json(&deep))).unwrap();
    assert!(matches!(answer.outcome, Outcome::Saved { body: BodyKind::Patch, .. }), "{answer:?}");
    let other = over(&log, StateSettings::default()).session("s").unwrap();
    assert_eq!(other.get(&At::latest()).unwrap().document.to_json(), json(&deep));
}
