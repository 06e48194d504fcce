//! Which objects are needed, and how packs are written anew: bringing small ones together, and leaving
//! out what nothing needs.
//!
//! Guarantees that an object which is needed lies in a durable pack at every moment.
//!
//! Knows nothing of why something is kept: it is told what is.

mod alone;
mod compact;
mod copy;
mod family;
mod fetch_all;
pub(super) mod follow;
mod forget;
mod mark;
mod order;
mod part;
pub(super) mod plan;
pub(super) mod reach;
mod survey;
pub(super) mod sweep;

pub use alone::{Group, Held};
pub(super) use compact::Merged;
pub use forget::Forgotten;
