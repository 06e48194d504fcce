//! Bundles: a part of a store in one file, to be carried to another store.
//!
//! Guarantees that a bundle that is received is whole, that each object in it has the hash that it
//! says, and that everything that its names need is there before a name is made. Two forms: binary
//! (`write`, `read`) and JSON lines (`lines`), told apart by their first bytes.
//!
//! Knows which objects a name needs; which names a store makes of it is decided by whoever commits.

mod base64;
mod closure;
mod error;
mod fields;
mod format;
mod inspect;
mod lines;
mod manifest;
mod read;
mod receive;
mod select;
mod source;
#[cfg(test)]
mod tests;
mod without;
mod write;

pub use error::BundleError;
pub use inspect::{Inspected, inspect};
pub use manifest::{MANIFEST_VERSION, Manifest, Prerequisite, Source};
pub use read::Form;
pub use receive::Received;
pub use select::BundlePlan;
pub use without::write_without;
