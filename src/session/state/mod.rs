//! What an agent knows, step by step: states that cost what changed, and the way back to each.
//!
//! A session is a stream of entries in the store's journal: states that were put, and what was done
//! with them. **Invariant**: an entry is never changed or removed; a rollback is one more entry. The
//! id of a state is that of a snapshot, so it names value, circumstances and all before it, and is
//! checked when it is read.
//!
//! **Durability** is said by [`PutKind`]. Knows nothing of workspaces, of the command line, of how
//! the journal lies on the disk.

mod at;
mod audit;
mod cache;
mod compose;
mod difference;
mod error;
mod find;
mod group;
mod history;
mod identity;
mod index;
mod interval;
mod kept;
mod log;
mod lost;
mod measure;
mod memory;
mod merge;
mod meter;
mod moves;
mod plan;
mod put;
mod rebuild;
mod retention;
mod roots;
mod search;
mod session;
mod sessions;
mod settings;
mod shared;
mod statistics;
mod syncer;
#[cfg(test)]
mod tests;
mod wire;

pub use at::{At, Branch, Found, LogEntry, LogEvent, SessionFacts, StateMeta};
pub use audit::{AuditEntry, AuditFault, AuditTrail};
pub use error::StateError;
pub use history::LogOptions;
pub use interval::IntervalStatus;
pub use lost::lost;
pub use memory::{History, HistoryError, Step};
pub use merge::{Favour, MergeOptions, Merged};
pub use moves::Moved;
pub use put::{Answer, BodyKind, Outcome, Put, PutKind, SkipReason, What};
pub use retention::{Decide, StateFacts, StatesLetGo};
pub use search::{Query, Sort};
pub use session::Session;
pub use sessions::Sessions;
pub use settings::StateSettings;
pub use statistics::{Durations, Statistics};
