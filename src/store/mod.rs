//! The store: where objects lie and which operation is current.
//!
//! Guarantees that an object which a commit needs is durable before the commit is, that a commit
//! is there whole or not at all, and that bytes are checked against their id whenever they are
//! read. Many processes may read and write at once.
//!
//! Knows nothing of workspaces, of what names mean, or of git.

mod blob;
pub mod bundle;
pub mod catalogue;
mod check;
mod collect;
mod commit;
mod error;
mod heads;
mod holdable;
pub mod journal;
mod layout;
mod lock;
mod open;
mod pack;
mod quota;
mod statistics;
#[cfg(test)]
mod tests;
mod writer;

pub use check::{CheckProgress, CheckReport, Problem};
pub use collect::follow::{Reference, references, references_in};
pub use collect::plan::{CollectPlan, Keep, PlanNumbers};
pub use collect::sweep::{Collected, Holding};
pub use collect::{Forgotten, Group, Held};
pub use commit::{Change, Committed, NameMove};
pub use error::{CommitError, Holder, StoreError, is_full};
pub use heads::Current;
pub use layout::{FORMAT_VERSION, Layout};
pub use lock::{Lock, LockFile, Sharing, WorkspaceLock};
pub use open::Store;
pub use quota::{Level, Usage};
pub use statistics::{KindStatistics, PackCount, StoreStatistics, operation_part};
pub use writer::Writer;
