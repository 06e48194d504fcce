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
/// **Invariant**: sources are resolved before any overlay is mounted, so a source below an
/// overlay's target is the real one; targets are resolved after all, so they lie in the view.
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
    /// The overlays, in order: that of the workspace, and that of a git folder which lies elsewhere
    /// (else a commit in a view would move the user's branch). None for a view that is a folder of
    /// its own.
    pub overlays: Vec<Overlay>,
    /// What is bound over them, in order.
    pub binds: Vec<Bind>,
}
