//! The journal that entries are appended to, as little of it as a session needs.

/// Stands for that of `store::journal` until that has landed.
#[derive(Debug, thiserror::Error)]
#[error("the journal failed")]
pub struct JournalError;
