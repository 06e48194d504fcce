//! Applying a patch to a value.
//!
//! The value is copied first, so that a patch that does not fit changes nothing.

use super::equal::is_numerically_equal;
use super::error::PatchError;
use super::op::{Patch, PatchOp};
use super::weight::weigh;
use crate::base::limits::{DOCUMENT_KEY_BYTES_MAX, PATCH_COPY_BYTES_MAX};
use crate::document::pointer::position;
use crate::document::{Json, Pointer};

/// Why an operation does not fit.
pub(super) type Reason = &'static str;

impl Patch {
    /// Checks what can be checked without a document.
    ///
    /// # Errors
    /// [`PatchError::Operation`].
    pub fn validate(&self) -> Result<(), PatchError> {
        self.0.iter().enumerate().try_for_each(|(at, op)| {
            check(op).map_err(|reason| PatchError::Operation {
                number: at + 1,
                reason: reason.to_owned(),
            })
        })
    }

    /// Applies the operations one after the other: all or none.
    ///
    /// # Errors
    /// As [`Patch::validate`]; [`PatchError::Apply`] with the operation that does not fit.
    pub fn apply(&self, before: &Json) -> Result<Json, PatchError> {
        self.validate()?;
        let mut applying = Applying::to(before);
        applying.steps(&self.0)?;
        Ok(applying.value)
    }
}

fn check(op: &PatchOp) -> Result<(), Reason> {
    match op {
        PatchOp::Remove { path } if path.parts().is_empty() => {
            return Err("the whole document cannot be removed");
        }
        PatchOp::Move { from, path } if is_around(from, path) => {
            return Err("a value cannot be moved into itself");
        }
        _ => {}
    }
    let depth = op.path().parts().len();
    op.value().map_or(Ok(()), |value| weigh(value, depth).map(drop))
}

/// Whether a place is another one around it.
pub(super) fn is_around(outer: &Pointer, inner: &Pointer) -> bool {
    inner.parts().len() > outer.parts().len() && inner.parts().starts_with(outer.parts())
}

/// What does not fit, and where.
pub(super) struct Fault {
    is_at_from: bool,
    reason: Reason,
}

impl From<Reason> for Fault {
    fn from(reason: Reason) -> Self {
        Self { is_at_from: false, reason }
    }
}

impl Fault {
    pub(super) fn of(self, at: usize, op: &PatchOp) -> PatchError {
        let pointer = op.from().filter(|_| self.is_at_from).unwrap_or_else(|| op.path());
        PatchError::Apply {
            number: at + 1,
            name: op.name(),
            pointer: pointer.to_string(),
            reason: self.reason,
        }
    }
}

fn at_from(reason: Reason) -> Fault {
    Fault { is_at_from: true, reason }
}

/// What a step did, so that it can be taken back.
pub(super) enum Done {
    /// Nothing changed.
    Nothing,
    /// Something new stands at a place (`-` is resolved).
    New(Pointer),
    /// It stands there instead of this.
    Instead(Json),
    /// This was taken away.
    Gone(Json),
    /// A value was moved to a new place.
    Moved(Pointer),
    /// A value was moved to where this stood.
    MovedOver(Json),
}

/// A value to which operations are applied.
pub(super) struct Applying {
    pub(super) value: Json,
    bytes_left: u64,
}

impl Applying {
    pub(super) fn to(before: &Json) -> Self {
        Self { value: before.clone(), bytes_left: PATCH_COPY_BYTES_MAX }
    }

    fn steps(&mut self, ops: &[PatchOp]) -> Result<(), PatchError> {
        ops.iter()
            .enumerate()
            .try_for_each(|(at, op)| self.step(op).map(drop).map_err(|fault| fault.of(at, op)))
    }

    /// Applies one operation. After a fault the value is of no use.
    pub(super) fn step(&mut self, op: &PatchOp) -> Result<Done, Fault> {
        Ok(match op {
            PatchOp::Add { path, value } => self.add(path, value.clone())?,
            PatchOp::Remove { path } => Done::Gone(take(&mut self.value, path)?),
            PatchOp::Replace { path, value } => {
                let place = find_mut(&mut self.value, path.parts())?;
                Done::Instead(std::mem::replace(place, value.clone()))
            }
            PatchOp::Move { from, path } if from == path => {
                find(&self.value, from.parts()).map_err(at_from)?;
                Done::Nothing
            }
            PatchOp::Move { from, path } => {
                let value = take(&mut self.value, from).map_err(at_from)?;
                weigh(&value, path.parts().len())?;
                match self.add(path, value)? {
                    Done::Instead(old) => Done::MovedOver(old),
                    Done::New(path) => Done::Moved(path),
                    other => other,
                }
            }
            PatchOp::Copy { from, path } => {
                let value = find(&self.value, from.parts()).map_err(at_from)?.clone();
                self.spend(&value, path)?;
                self.add(path, value)?
            }
            PatchOp::Test { path, value } => {
                if !is_numerically_equal(find(&self.value, path.parts())?, value) {
                    return Err("another value stands there".into());
                }
                Done::Nothing
            }
        })
    }

    /// Copies of copies grow fast: what they stand for is bounded.
    fn spend(&mut self, value: &Json, at: &Pointer) -> Result<(), Reason> {
        let bytes = weigh(value, at.parts().len())?;
        self.bytes_left = self
            .bytes_left
            .checked_sub(bytes)
            .ok_or("the copies of this patch stand for too much")?;
        Ok(())
    }

    fn add(&mut self, path: &Pointer, value: Json) -> Result<Done, Reason> {
        let Some((last, way)) = path.parts().split_last() else {
            return Ok(Done::Instead(std::mem::replace(&mut self.value, value)));
        };
        match find_mut(&mut self.value, way)? {
            Json::Map(entries) => {
                if last.len() > DOCUMENT_KEY_BYTES_MAX {
                    return Err("the key is too long (65,536 bytes at most)");
                }
                let old = entries.insert(last.clone(), value);
                Ok(old.map_or_else(|| Done::New(path.clone()), Done::Instead))
            }
            Json::List(items) => {
                let at = if last == "-" { Some(items.len()) } else { index(last) };
                let at = at
                    .filter(|at| *at <= items.len())
                    .ok_or("it is no position up to the end of the list")?;
                items.insert(at, value);
                Ok(Done::New(Pointer::of(way).join(at.to_string())))
            }
            _ => Err("it would stand inside a scalar"),
        }
    }
}

fn index(part: &str) -> Option<usize> {
    position(part).and_then(|at| usize::try_from(at).ok())
}

const NOTHING: Reason = "nothing stands there";

/// What stands at a place.
pub(super) fn find<'v>(value: &'v Json, parts: &[String]) -> Result<&'v Json, Reason> {
    parts.iter().try_fold(value, |value, part| match value {
        Json::Map(entries) => entries.get(part).ok_or(NOTHING),
        Json::List(items) => index(part).and_then(|at| items.get(at)).ok_or(NOTHING),
        _ => Err(NOTHING),
    })
}

fn find_mut<'v>(value: &'v mut Json, parts: &[String]) -> Result<&'v mut Json, Reason> {
    parts.iter().try_fold(value, |value, part| match value {
        Json::Map(entries) => entries.get_mut(part).ok_or(NOTHING),
        Json::List(items) => index(part).and_then(|at| items.get_mut(at)).ok_or(NOTHING),
        _ => Err(NOTHING),
    })
}

fn take(value: &mut Json, at: &Pointer) -> Result<Json, Reason> {
    let (last, way) = at.parts().split_last().ok_or("the whole document cannot be removed")?;
    match find_mut(value, way)? {
        Json::Map(entries) => entries.remove(last).ok_or(NOTHING),
        Json::List(items) => {
            let at = index(last).filter(|at| *at < items.len()).ok_or(NOTHING)?;
            Ok(items.remove(at))
        }
        _ => Err(NOTHING),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2^60 items in 120 operations, were they not bounded.
    #[test]
    fn copies_of_copies_are_bounded() {
        let double =
            r#"{"op":"copy","from":"/a","path":"/b"},{"op":"move","from":"/b","path":"/a/-"}"#;
        let patch = Patch::parse(format!("[{}]", vec![double; 60].join(",")).as_bytes()).unwrap();
        let before = Json::parse(br#"{"a":["x"]}"#).unwrap();
        let mut applying = Applying { value: before, bytes_left: 1 << 20 };
        let error = applying.steps(&patch.0).unwrap_err().to_string();
        assert!(error.ends_with("the copies of this patch stand for too much"), "{error}");
        assert!(weigh(&applying.value, 0).unwrap() < 1 << 21);
    }
}
