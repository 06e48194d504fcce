//! Patches (RFC 6902) and merge patches (RFC 7396) of JSON values in memory.
//!
//! Guarantees that a patch is applied as a whole or not at all, that a difference leads exactly from
//! one value to the other, and that work stays bounded: depth, bytes that a patch makes, and the
//! comparing of lists. Knows nothing of stored documents.

mod apply;
mod between;
mod equal;
mod error;
mod keys;
mod list;
mod merge_patch;
mod op;
mod order;
mod reverse;
mod text;
mod weight;

pub(crate) use between::between_at;
pub use equal::is_numerically_equal;
pub use error::PatchError;
pub use keys::ListKeys;
pub use merge_patch::{apply_merge_patch, merge_patch_between};
pub use op::{Patch, PatchOp};
pub(super) use order::staying;
