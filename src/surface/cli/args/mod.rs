//! The command line: every verb with its flags, its help and an example.
//!
//! Guarantees that what stands here is all that can be given; what it means is decided by the
//! engine. `verbs.rs` holds the list, `race.rs`, `state.rs` and `inner.rs` verbs with
//! much to say, `flags.rs`
//! what several share.

mod bundle;
mod flags;
mod inner;
mod race;
mod state;
mod verbs;

pub use bundle::{ExportArgs, ImportArgs};
pub use flags::{BackendWord, DryRun, StepArgs};
pub use inner::{ExperimentVerb, HookVerb, OpVerb};
pub use race::{CompareArgs, EvalArgs, LogsArgs, RankArgs, SelectArgs, TryArgs};
pub use state::{
    AuditArgs, GetArgs, KindWord, PutArgs, SearchArgs, SideWord, SortWord, StateArgs, StateVerb,
    WhichArgs,
};
pub use verbs::{Cli, Verb};
