//! Floor 3: what belongs to one agent's or person's run.
//!
//! Guarantees that a session only ever takes back what it did itself. Knows nothing of workspaces
//! and of how an operation is committed. Tiers, edits and events will live here.

pub mod timeline;
