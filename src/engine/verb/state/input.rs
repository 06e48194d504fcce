//! What is put, from texts to values: a value, a patch, or single changes.
//!
//! Guarantees that a text which is not understood is refused with its name, line and column.

use crate::document::{Edit, Json, JsonError, Patch, PatchError, Pointer};
use crate::engine::EngineError;
use crate::session::state::What;

/// What is put, as it was given.
#[derive(Clone, Debug)]
pub enum Input {
    /// A whole value.
    Value {
        /// What the text is called: a file, `standard input`.
        name: String,
        /// JSON text.
        text: Vec<u8>,
    },
    /// An RFC 6902 patch of the last state.
    Patch {
        /// What the text is called.
        name: String,
        /// JSON text.
        text: Vec<u8>,
    },
    /// Changes of the last state, one after the other.
    Changes(Vec<Change>),
}

/// A change of one place, as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// `POINTER=JSON`: puts the value there.
    Set(String),
    /// `POINTER=JSON`: adds the value at the end of the list that stands there.
    Append(String),
    /// `POINTER`: takes away what stands there.
    Remove(String),
}

impl Input {
    /// Reads it, with a sentence about what was put right.
    pub(super) fn read(&self) -> Result<(What, Option<String>), EngineError> {
        match self {
            Self::Value { name, text } => {
                let (value, note) = read_json(name, text)?;
                Ok((What::Value(value), note))
            }
            Self::Patch { name, text } => {
                let patch = Patch::parse(text).map_err(|error| match error {
                    PatchError::Json(error) => no_json(name, &error),
                    other => refused(format!("`{name}` is no RFC 6902 patch"), other.to_string()),
                })?;
                Ok((What::Patch { base: None, patch }, None))
            }
            Self::Changes(changes) => {
                let edits = changes.iter().map(Change::read).collect::<Result<_, _>>()?;
                Ok((What::Edits { base: None, edits }, None))
            }
        }
    }
}

impl Change {
    fn read(&self) -> Result<Edit, EngineError> {
        Ok(match self {
            Self::Set(text) => {
                let (pointer, value) = pair("--set", text)?;
                Edit::Set { pointer, value }
            }
            Self::Append(text) => {
                let (pointer, value) = pair("--append", text)?;
                Edit::Append { pointer, value }
            }
            Self::Remove(text) => Edit::Remove { pointer: text.parse()? },
        })
    }
}

/// Reads `POINTER=JSON`. A pointer with a `=` in it goes into a patch.
fn pair(flag: &str, text: &str) -> Result<(Pointer, Json), EngineError> {
    let Some((pointer, value)) = text.split_once('=') else {
        let why = "write POINTER=JSON, such as '/plan/0=\"read\"'".to_owned();
        return Err(refused(format!("`{flag} {text}` has no value"), why));
    };
    let pointer = pointer.parse()?;
    let value = Json::parse(value.as_bytes()).map_err(|error| {
        let JsonError { reason, column, .. } = error;
        let why = format!("{reason} (column {column}); a text has quotes, such as '/a=\"b\"'");
        refused(format!("the value of `{flag} {text}` is no JSON"), why)
    })?;
    Ok((pointer, value))
}

/// Reads a JSON text that goes by that name, as programs write such texts; with a sentence about what was
/// put right.
pub(super) fn read_json(name: &str, text: &[u8]) -> Result<(Json, Option<String>), EngineError> {
    let (value, halves) = Json::parse_mended(text).map_err(|error| no_json(name, &error))?;
    let note = match halves {
        0 => None,
        1 => Some("half of a surrogate pair became U+FFFD".to_owned()),
        halves => Some(format!("{halves} halves of surrogate pairs became U+FFFD")),
    };
    Ok((value, note))
}

/// Says where a text is no JSON.
pub(super) fn no_json(name: &str, error: &JsonError) -> EngineError {
    let JsonError { reason, line, column, .. } = error;
    refused(format!("`{name}` is no JSON"), format!("line {line}, column {column}: {reason}"))
}

fn refused(what: String, why: String) -> EngineError {
    EngineError::Refused { what, why }
}
