//! A mount plan: what a command sees instead of the workspace, as a value.
//!
//! Made by `workspace::isolate`, performed by `run::enter`; neither knows the other.

use std::path::PathBuf;

/// An overlay mounted over the workspace's own path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlay {
    /// The folders underneath, topmost first.
    pub lowers: Vec<PathBuf>,
    /// Where changes go. Belongs to one mount at a time.
    pub upper: PathBuf,
    /// The empty folder that the kernel works in, on the file system of `upper`.
    pub work: PathBuf,
    /// Where it is mounted.
    pub target: PathBuf,
}

/// A file or folder bound to another place.
///
/// **Invariant**: sources are resolved before the overlay is mounted, so a source below the
/// overlay's target is the real one; targets are resolved after it, so they lie in the view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// What is shown.
    pub source: PathBuf,
    /// Where it is shown; must exist.
    pub target: PathBuf,
    /// Whether writing through it is refused.
    pub read_only: bool,
}

/// How to enter a view: performed in the child, in this order, between fork and exec.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MountPlan {
    /// The overlay; none for a view that is a folder of its own.
    pub overlay: Option<Overlay>,
    /// What is bound over it, in order.
    pub binds: Vec<Bind>,
}
