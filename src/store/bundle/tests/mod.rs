//! Tests of bundles: bytes, damage, and what a store makes of them.

mod damage;
mod format;
mod travel;

use std::io::BufReader;

use super::super::Store;
use super::super::tests::{branch, put_snapshot};
use super::{BundleError, BundlePlan, Form, Manifest, Prerequisite, Received, Source};
use crate::base::id::{Hash, SnapshotId};
use crate::base::name::Label;
use crate::base::time::Timestamp;
use crate::object::names::{NameEntry, NameValue};

pub fn source() -> Source {
    Source { store: Hash([0xab; 32]), name: Label::new("ann-laptop").unwrap() }
}

/// The name of a branch at a snapshot.
pub fn at(name: &str, snapshot: SnapshotId) -> NameEntry {
    NameEntry { key: branch(name).text(), value: NameValue::Branch(snapshot) }
}

/// A bundle of those names, without what a snapshot reaches.
pub fn export(store: &Store, names: &[NameEntry], since: &[SnapshotId], form: Form) -> Vec<u8> {
    let since = since.iter().map(|id| Prerequisite { snapshot: *id, name: "since".to_owned() });
    let mut plan = BundlePlan::new(store, since.collect(), &|| false).unwrap();
    plan.add(names.to_vec()).unwrap();
    let about = (source(), "ann".to_owned(), Timestamp(7));
    plan.write(Vec::new(), form, about).unwrap().1
}

/// Takes a bundle in and stores what it brings, under no name.
pub fn import(store: &Store, bundle: &[u8]) -> Result<Received, BundleError> {
    let writer = store.writer().unwrap();
    let received = writer.receive(BufReader::new(bundle), &|| false)?;
    writer.flush().unwrap();
    Ok(received)
}

/// A store with one branch at a snapshot of that content.
pub fn with_content(store: &Store, content: &str) -> SnapshotId {
    let writer = store.writer().unwrap();
    let snapshot = put_snapshot(&writer, content);
    writer.flush().unwrap();
    snapshot
}

/// A manifest without anything else.
pub fn bare() -> Manifest {
    Manifest {
        source: source(),
        who: "ann".to_owned(),
        when: Timestamp(7),
        names: Vec::new(),
        prerequisites: Vec::new(),
        objects: 0,
        bytes: 0,
    }
}
