//! Flags that several verbs share.

use clap::Args;

/// Only say what would be done.
#[derive(Clone, Copy, Debug, Args)]
pub struct DryRun {
    /// Only say what would be done; write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Which view to use.
#[derive(Clone, Copy, Debug, Args)]
pub struct BackendFlag {
    /// How branches get their files: `overlay` or `copy`; what works here if not given
    #[arg(long, value_enum)]
    pub backend: Option<BackendWord>,
}

/// A backend by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum BackendWord {
    /// Overlay at the workspace's own path
    Overlay,
    /// A folder of its own that is kept warm
    Copy,
}

/// What `undo` and `redo` take.
#[derive(Debug, Args)]
pub struct StepArgs {
    /// The operation; the newest of this session if none is given
    pub operation: Option<String>,
    /// Go back although git's HEAD has moved since
    #[arg(long)]
    pub across_head: bool,
    #[command(flatten)]
    pub dry_run: DryRun,
}
