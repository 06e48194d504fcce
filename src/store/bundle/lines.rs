//! Bundles as JSON lines: for eyes and for other programs.
//!
//! **Format**: UTF-8, each line one JSON object and a line feed. The first has `bundle`, which is the
//! version, and the fields of the manifest; then one an object, with `kind`, `id` and its content as
//! `text` where that is UTF-8 and its kind is `blob`, else as `base64`; records have `fields`, too,
//! which say the same for people. The last has `end`: `objects`, `bytes` and `digest`, the chain of
//! `format` over the first line and the digests (`bundle block`) of the others.
//!
//! Strict: a line that is not written the one way that there is (this program's) is refused.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::base64;
use super::error::BundleError;
use super::format::{BUNDLE_VERSION, Count};
use super::manifest::{MANIFEST_VERSION, Manifest, Prerequisite, Source};
use super::read::hash;
use crate::base::codec;
use crate::base::id::{Hash, Kind, ObjectId, SnapshotId};
use crate::base::name::Label;
use crate::base::time::Timestamp;
use crate::object::names::{NameEntry, NameValue};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestLine {
    bundle: u64,
    source: SourceField,
    who: String,
    when: i64,
    names: Vec<NameField>,
    prerequisites: Vec<PrerequisiteField>,
    objects: u64,
    bytes: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceField {
    store: String,
    name: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PrerequisiteField {
    snapshot: String,
    name: String,
}

/// A name: its key, the id that it points at, and its value as it is encoded.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NameField {
    name: String,
    id: String,
    base64: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ObjectLine {
    kind: String,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndLine {
    end: EndField,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndField {
    objects: u64,
    bytes: u64,
    digest: String,
}

fn line(value: &impl Serialize) -> String {
    let mut line = serde_json::to_string(value).expect("maps with text as keys can be written");
    line.push('\n');
    line
}

/// The first line.
pub fn of_manifest(manifest: &Manifest) -> String {
    let Manifest { source, who, when, names, prerequisites, objects, bytes } = manifest;
    line(&ManifestLine {
        bundle: MANIFEST_VERSION,
        source: SourceField { store: source.store.hex(), name: source.name.to_string() },
        who: who.clone(),
        when: when.0,
        names: names.iter().map(name_field).collect(),
        prerequisites: prerequisites.iter().map(prerequisite_field).collect(),
        objects: *objects,
        bytes: *bytes,
    })
}

fn name_field(entry: &NameEntry) -> NameField {
    let mut value = Vec::new();
    codec::encode_fields(&entry.value, &mut value).expect("a name's value is small");
    let id = points_at(&entry.value).hex();
    NameField { name: entry.key.clone(), id, base64: base64::encode(&value) }
}

/// What a name points at first of all.
fn points_at(value: &NameValue) -> Hash {
    match value {
        NameValue::Branch(snapshot) | NameValue::Tag { snapshot, .. } => snapshot.0,
        NameValue::Position(position) => position.snapshot.0,
        NameValue::Experiment(experiment) => experiment.0,
        NameValue::Evaluation(evaluation) => evaluation.0,
        NameValue::Verdict(verdict) => verdict.evaluation.0,
        NameValue::Foreign { store, .. } => *store,
    }
}

fn prerequisite_field(prerequisite: &Prerequisite) -> PrerequisiteField {
    let snapshot = prerequisite.snapshot.hex();
    PrerequisiteField { snapshot, name: prerequisite.name.clone() }
}

/// The line of an object.
pub fn of_object(id: ObjectId, bytes: &[u8], fields: Option<Value>) -> String {
    let text = match id.kind {
        Kind::Blob => std::str::from_utf8(bytes).ok().map(str::to_owned),
        _ => None,
    };
    let base64 = text.is_none().then(|| base64::encode(bytes));
    line(&ObjectLine { kind: id.kind.word().to_owned(), id: id.hash.hex(), text, base64, fields })
}

/// The last line.
pub fn of_end(count: Count, all: &Hash) -> String {
    let Count { objects, bytes } = count;
    line(&EndLine { end: EndField { objects, bytes, digest: all.hex() } })
}

/// Reads the first line.
///
/// # Errors
/// [`BundleError::NotABundle`], [`BundleError::Version`], [`BundleError::Damaged`].
pub fn manifest(text: &[u8]) -> Result<Manifest, BundleError> {
    let value: Value = serde_json::from_slice(text).map_err(|_| BundleError::NotABundle)?;
    match value.get("bundle") {
        None => return Err(BundleError::NotABundle),
        Some(version) => match version.as_u64() {
            Some(BUNDLE_VERSION) => {}
            Some(found) => return Err(BundleError::Version { found }),
            None => return Err(BundleError::damaged("its version is no number")),
        },
    }
    let read: ManifestLine = serde_json::from_slice(text)
        .map_err(|e| BundleError::damaged(format!("its first line: {e}")))?;
    let name = Label::new(read.source.name).map_err(|e| BundleError::damaged(e.to_string()))?;
    let manifest = Manifest {
        source: Source { store: hash(&read.source.store)?, name },
        who: read.who,
        when: Timestamp(read.when),
        names: read.names.iter().map(name_entry).collect::<Result<_, _>>()?,
        prerequisites: read
            .prerequisites
            .into_iter()
            .map(prerequisite)
            .collect::<Result<_, _>>()?,
        objects: read.objects,
        bytes: read.bytes,
    };
    match of_manifest(&manifest).as_bytes() == text {
        true => Ok(manifest),
        false => Err(BundleError::damaged("its first line is not written the one way there is")),
    }
}

fn name_entry(field: &NameField) -> Result<NameEntry, BundleError> {
    let wrong = |what: String| BundleError::damaged(format!("`{}`: {what}", field.name));
    let bytes = base64::decode(&field.base64).ok_or_else(|| wrong("no base64".to_owned()))?;
    let value = codec::decode_fields(&bytes).map_err(|e| wrong(e.to_string()))?;
    Ok(NameEntry { key: field.name.clone(), value })
}

fn prerequisite(field: PrerequisiteField) -> Result<Prerequisite, BundleError> {
    Ok(Prerequisite { snapshot: SnapshotId(hash(&field.snapshot)?), name: field.name })
}

/// Reads the line of an object; none for the last line, which is compared as a whole.
///
/// # Errors
/// [`BundleError::Damaged`].
pub fn parse(text: &[u8]) -> Result<Option<(ObjectId, Vec<u8>)>, BundleError> {
    let wrong = |e: &dyn std::fmt::Display| BundleError::damaged(format!("a line: {e}"));
    if text.starts_with(b"{\"end\"") {
        serde_json::from_slice::<EndLine>(text).map_err(|e| wrong(&e))?;
        return Ok(None);
    }
    let read: ObjectLine = serde_json::from_slice(text).map_err(|e| wrong(&e))?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.word() == read.kind);
    let kind = kind.ok_or_else(|| wrong(&format!("there is no kind `{}`", read.kind)))?;
    let id = ObjectId { kind, hash: hash(&read.id)? };
    let bytes = match (read.text, read.base64) {
        (Some(text), None) if kind == Kind::Blob => text.into_bytes(),
        (None, Some(text)) => {
            base64::decode(&text).ok_or_else(|| wrong(&format!("{id} has no base64")))?
        }
        _ => return Err(wrong(&format!("{id} has not one content"))),
    };
    Ok(Some((id, bytes)))
}
