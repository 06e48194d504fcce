//! Patches as JSON.
//!
//! Strict where the RFC is: an unknown operation, a missing member and a bad pointer are refused.
//! Members that an operation has no use for are passed over, as the RFC demands.

use std::collections::BTreeMap;

use super::error::PatchError;
use super::op::{Patch, PatchOp};
use crate::base::limits::DOCUMENT_DEPTH_MAX;
use crate::document::{Json, Pointer};

impl Patch {
    /// Reads the text of a patch.
    ///
    /// # Errors
    /// [`PatchError::Json`] and as [`Patch::from_json`].
    pub fn parse(bytes: &[u8]) -> Result<Self, PatchError> {
        // A value stands in an operation, and that in a list: two levels deeper than in its document.
        Self::from_json(&Json::parse_within(bytes, DOCUMENT_DEPTH_MAX + 2)?)
    }

    /// Reads a patch and checks what can be checked without a document.
    ///
    /// # Errors
    /// [`PatchError::NoList`] and [`PatchError::Operation`].
    pub fn from_json(value: &Json) -> Result<Self, PatchError> {
        let Json::List(items) = value else {
            return Err(PatchError::NoList);
        };
        let op = |(at, item)| {
            read(item).map_err(|reason| PatchError::Operation { number: at + 1, reason })
        };
        let patch = items.iter().enumerate().map(op).collect::<Result<_, _>>().map(Self)?;
        patch.validate()?;
        Ok(patch)
    }

    /// The patch as a value: a list of maps.
    pub fn to_json(&self) -> Json {
        Json::List(self.0.iter().map(write).collect())
    }

    /// The patch as text without white space.
    pub fn compact(&self) -> String {
        self.to_json().compact()
    }

    /// The patch as text for people.
    pub fn pretty(&self) -> String {
        self.to_json().pretty()
    }
}

fn read(item: &Json) -> Result<PatchOp, String> {
    let Json::Map(members) = item else {
        return Err("it is no map".to_owned());
    };
    let path = || pointer(members, "path");
    let from = || pointer(members, "from");
    let value = || members.get("value").cloned().ok_or_else(|| missing("value"));
    Ok(match text(members, "op")? {
        "add" => PatchOp::Add { path: path()?, value: value()? },
        "remove" => PatchOp::Remove { path: path()? },
        "replace" => PatchOp::Replace { path: path()?, value: value()? },
        "move" => PatchOp::Move { from: from()?, path: path()? },
        "copy" => PatchOp::Copy { from: from()?, path: path()? },
        "test" => PatchOp::Test { path: path()?, value: value()? },
        other => return Err(format!("there is no operation `{other}`")),
    })
}

fn missing(member: &str) -> String {
    format!("its member `{member}` is missing")
}

fn text<'m>(members: &'m BTreeMap<String, Json>, member: &str) -> Result<&'m str, String> {
    match members.get(member) {
        Some(Json::String(text)) => Ok(text),
        Some(_) => Err(format!("its member `{member}` is no string")),
        None => Err(missing(member)),
    }
}

fn pointer(members: &BTreeMap<String, Json>, member: &str) -> Result<Pointer, String> {
    text(members, member)?.parse().map_err(|error| format!("`{member}`: {error}"))
}

fn write(op: &PatchOp) -> Json {
    let path = ("path", Json::String(op.path().to_string()));
    let from = op.from().map(|from| ("from", Json::String(from.to_string())));
    let value = op.value().map(|value| ("value", value.clone()));
    [("op", Json::from(op.name())), path].into_iter().chain(from).chain(value).collect()
}
