//! A JSON value held in memory, to be changed step by step in microseconds.
//!
//! Guarantees the shape and the ids that stored documents have. Knows nothing of sessions, packs or
//! what is durable.

mod convert;
mod difference;
mod document;
mod edit;
mod patched;
mod replace;
mod settle;
mod stored;
mod tree;
mod value;
mod wire;

pub use document::Document;
