//! A bundle looked at from beginning to end, without any store: what a fuzzer calls.

use std::collections::BTreeMap;

use super::error::BundleError;
use super::manifest::Manifest;
use super::read::BundleReader;
use crate::base::id::Kind;

/// What is in a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// What it says of itself.
    pub manifest: Manifest,
    /// Its objects by kind.
    pub kinds: BTreeMap<Kind, u64>,
}

/// Reads bytes as a bundle of either form: each part, hash and record. Whether all is there that its
/// names need is not looked at.
///
/// # Errors
/// As an import's, less those of a store.
pub fn inspect(bytes: &[u8]) -> Result<Inspected, BundleError> {
    let mut reader = BundleReader::open(bytes)?;
    let mut kinds = BTreeMap::new();
    while let Some((id, _)) = reader.next()? {
        *kinds.entry(id.kind).or_default() += 1;
    }
    Ok(Inspected { manifest: reader.manifest, kinds })
}
