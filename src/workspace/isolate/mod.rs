//! Views: a branch's files as a process sees them.
//!
//! An overlay view is a layer over the workspace itself: prepared from the difference of two
//! trees, captured by walking only the layer. A copy view is a slot: a folder with a stable path
//! that is brought to a tree. Guarantees that a layer or slot belongs to one user at a time, and
//! that nothing here ever shares an inode with the workspace.
//!
//! Makes mount plans and never performs them; starts nothing; knows nothing of branches beyond
//! their labels. Layers and slots hold nothing that the store does not have, but what was not yet
//! captured: a crash while one is prepared leaves one without a note, and it is made anew.

mod backend;
mod capture;
mod error;
mod layers;
mod lock;
mod merged;
mod note;
mod numbers;
mod slots;
mod standing;
#[cfg(test)]
mod tests;
mod upper;
mod warm;

pub use backend::{
    Backend, Choice, Facts, Hindrance, choose, file_system_of, mounts_inside, probe_key,
};
pub use capture::{LeftOut, LeftOutReason, UpperCapture, capture_upper};
pub use error::IsolateError;
pub use layers::{Layer, Layers, ViewPlan, make_accessible, mount_plan, remove_stubborn};
pub use merged::merged_file;
pub use note::Note;
pub use numbers::Number;
pub use slots::{Slot, SlotPool};
pub use standing::{Standing, standing};
pub use upper::{UpperPlan, prepare_upper};
pub use warm::{Copied, copy_warm};
