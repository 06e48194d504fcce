//! What runs, live: on a terminal one line for each approach, redrawn in place.
//!
//! Guarantees that no line is wider than the terminal and that there are never more of them than
//! fit; what has ended stays above, as ordinary text. The cursor is never hidden, so nothing has
//! to be restored, however the process ends. `board.rs` knows what is shown and nothing of
//! terminals; `screen.rs` is the terminal, and knows nothing of approaches.

mod board;
mod screen;

pub use screen::{Screen, give_up};
