//! Applying a patch (RFC 6902) to a document in memory.

use super::edit::Way;
use super::value::{Container, Part, Value};
use crate::base::limits::PATCH_COPY_BYTES_MAX;
use crate::document::{
    DocumentError, Json, Patch, PatchError, PatchOp, Pointer, is_numerically_equal,
};

impl Value {
    /// Applies the operations one after the other. After a fault the value is of no use.
    pub fn patch(&mut self, patch: &Patch) -> Result<(), DocumentError> {
        patch.validate()?;
        let mut bytes_left = PATCH_COPY_BYTES_MAX;
        for (at, op) in patch.0.iter().enumerate() {
            self.patch_once(op, &mut bytes_left).map_err(|error| named(error, at, op))?;
        }
        Ok(())
    }

    fn patch_once(&mut self, op: &PatchOp, bytes_left: &mut u64) -> Result<(), DocumentError> {
        match op {
            PatchOp::Add { path, value } => {
                let value = Self::of(value, path.parts().len())?;
                self.put(path, value, Way::add(path))
            }
            PatchOp::Remove { path } => self.take(path).map(drop),
            PatchOp::Replace { path, value } => self.replace(path, value),
            PatchOp::Move { from, path } => self.relocate(from, path),
            PatchOp::Copy { from, path } => {
                let Some(value) = self.at(from.parts()).cloned() else {
                    return Err(fault(from, "nothing stands there"));
                };
                value.check_depth(path)?;
                // A copy shares what it copies; copies of copies may still stand for too much.
                let bytes = value.weight();
                *bytes_left = bytes_left
                    .checked_sub(bytes)
                    .ok_or_else(|| fault(path, "the copies of this patch stand for too much"))?;
                self.put(path, value, Way::add(path))
            }
            PatchOp::Test { path, value } => match self.at(path.parts()) {
                Some(found) if found.is_json(value) => Ok(()),
                Some(found) if is_numerically_equal(&found.to_json(), value) => Ok(()),
                Some(_) => Err(fault(path, "another value stands there than the test says")),
                None => Err(fault(path, "nothing stands there to be tested")),
            },
        }
    }

    fn replace(&mut self, path: &Pointer, value: &Json) -> Result<(), DocumentError> {
        let value = Self::of(value, path.parts().len())?;
        match self.at(path.parts()) {
            Some(_) => self.put(path, value, Way::Set),
            None => Err(fault(path, "there is nothing to replace")),
        }
    }

    /// Bytes that it stands for, about as its text has.
    fn weight(&self) -> u64 {
        match self {
            Self::Null | Self::Bool(_) => 5,
            Self::Number(text) | Self::String(text) => 3 + text.len() as u64,
            Self::Text(long) => 3 + long.text.len() as u64,
            Self::Map(map) => weight(map),
            Self::List(list) => weight(list),
        }
    }
}

fn weight<E: Part>(container: &Container<E>) -> u64 {
    let part = |part: &E| part.key().map_or(0, |key| 3 + key.len() as u64) + part.value().weight();
    container.root().parts().map(part).fold(2, u64::saturating_add)
}

fn fault(pointer: &Pointer, reason: &'static str) -> DocumentError {
    DocumentError::Edit { pointer: pointer.to_string(), reason }
}

fn named(error: DocumentError, at: usize, op: &PatchOp) -> DocumentError {
    match error {
        DocumentError::Edit { pointer, reason } => {
            PatchError::Apply { number: at + 1, name: op.name(), pointer, reason }.into()
        }
        other => other,
    }
}
