//! JSON values as Merkle trees: build, read, change, compare, merge.
//!
//! **Invariant**: one value has one id, whatever edits led to it. A map or list that shrinks to
//! `DOCUMENT_INLINE_BYTES_MAX` stands inside its parent again; one that grows leaves it.
//!
//! Costs follow what is asked for or what differs, not what exists: [`get`] walks one way down,
//! [`diff`] and [`merge`] open what differs. A [`Document`] is held in memory to be changed step by
//! step: an edit copies the way to its place, hashing waits until an id is asked for.
//! Numbers keep the text that they were given with: `1.0` and `1` are two values.
//!
//! Knows nothing of sessions, tiers or where objects lie. The formats are in `object::document`.

mod build;
mod container;
mod diff;
mod edit;
mod error;
mod json;
mod known;
mod live;
mod merge;
mod merge_list;
mod parse;
mod patch;
mod pattern;
mod pointer;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use build::build;
pub use diff::{DocumentChange, diff, diff_by};
pub use edit::Edit;
pub use error::DocumentError;
pub use json::{Json, Number};
pub use live::Document;
pub use merge::{DocumentConflict, DocumentMerge, merge};
pub use parse::JsonError;
pub use patch::{
    ListKeys, Patch, PatchError, PatchOp, apply_merge_patch, is_numerically_equal,
    merge_patch_between,
};
pub use pattern::PointerPattern;
pub use pointer::Pointer;
pub use read::{Totals, get, read, totals, verify};
