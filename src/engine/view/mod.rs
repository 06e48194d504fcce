//! Running a command in a view: a branch's files as the command sees them.
//!
//! Two ways to show a tree. *Overlay*: mounted over the workspace's own path, standing live on the
//! workspace, with the difference written into the upper layer. *Copy*: a slot, a folder of its own
//! that is brought to the tree by writing only the difference.
//!
//! **Invariant**: a live view is opened only on a workspace that was just proved to equal its
//! capture; whoever believes what ran in it proves that again (`View::stood_still`).

mod backend;
mod captured;
mod commits;
mod copy;
mod git;
mod identity;
mod left;
mod logs;
mod mask;
mod open;
mod overlay;
mod references;
mod secret;
mod work;

pub use backend::{probe, probe_backends};
pub(super) use captured::Captured;
pub(super) use identity::{Identity, Work, is_of_approach, is_of_view, path_of};
pub(super) use left::{Left, capture_left_layer, left_behind};
pub use logs::is_written;
pub(super) use logs::parts as log_parts;
pub(super) use mask::Mask;
pub(super) use open::{View, Written};
pub(super) use work::WorkOn;

pub use crate::workspace::isolate::Backend;
