//! Tracked edits and a snapshot in memory, over and over: for a counter of instructions, which needs
//! two runs of different length to leave out what comes before.

use expdag::document::Document;

use crate::state;

/// Three fields a step, with the last hundred snapshots kept.
pub fn run(components: i64, steps: usize) {
    let mut document = Document::of(&state::json(components)).expect("a document");
    document.id().expect("an id");
    let mut kept = std::collections::VecDeque::new();
    for step in 1..=steps {
        document.edit(&state::edits(step, components)).expect("places that are there");
        kept.push_back(document.clone());
        if kept.len() > 100 {
            kept.pop_front();
        }
    }
}
