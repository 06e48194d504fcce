//! `exp state`: what an agent knows, step by step. One file for each group of its verbs.
//!
//! All act in the session of the surroundings. What reads makes nothing; what writes appends to the
//! session's log and syncs before it returns, whatever the kind of the state. Numbers go through as
//! they were written: values are text or [`Json`](crate::document::Json), never floats.

pub mod branch;
pub mod diff;
pub mod get;
mod input;
pub mod log;
pub mod mark;
pub mod merge;
pub mod put;
pub mod rollback;
pub mod search;
mod shown;
pub mod watch;
mod which;

pub use input::{Change, Input};
pub use shown::{ShownAnswer, ShownEvent, ShownState};
pub use which::Which;
