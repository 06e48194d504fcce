//! Floor 3: what belongs to one agent's or person's run.
//!
//! [`state`] keeps what an agent knows, step by step; [`timeline`] says which operation undo takes.
//! Guarantees that a session only ever takes back what it did itself, and that no state that was
//! saved is overwritten. Knows nothing of workspaces and of how an operation is committed.

pub mod state;
pub mod timeline;
