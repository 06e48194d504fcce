//! The patch that takes another one back.

use super::apply::{Applying, Done, find, is_around};
use super::error::PatchError;
use super::op::{Patch, PatchOp};
use crate::document::{Json, Pointer};

impl Patch {
    /// The patch that leads from what this one makes of `before` back to it. Tests fall away.
    ///
    /// # Errors
    /// As [`Patch::apply`].
    pub fn reversed(&self, before: &Json) -> Result<Self, PatchError> {
        self.validate()?;
        let mut applying = Applying::to(before);
        let mut steps = Vec::new();
        for (at, op) in self.0.iter().enumerate() {
            let done = applying.step(op).map_err(|fault| fault.of(at, op))?;
            steps.push(inverse(op, done, &applying.value));
        }
        Ok(Self(steps.into_iter().rev().flatten().collect()))
    }
}

/// What takes one operation back that left `after`.
fn inverse(op: &PatchOp, done: Done, after: &Json) -> Vec<PatchOp> {
    let path = op.path().clone();
    let moved = |at: &Pointer| find(after, at.parts()).ok().cloned();
    match (done, op.from().cloned()) {
        (Done::Nothing, _) => Vec::new(),
        (Done::New(at), _) => vec![PatchOp::Remove { path: at }],
        (Done::Instead(value), _) => vec![PatchOp::Replace { path, value }],
        (Done::Gone(value), _) => vec![PatchOp::Add { path, value }],
        // Back into what it was taken out of: no `move`, since that is a place below its own.
        (Done::Moved(at), Some(from)) if is_around(&at, &from) => {
            let back = moved(&at).map(|value| PatchOp::Add { path: from, value });
            [PatchOp::Remove { path: at }].into_iter().chain(back).collect()
        }
        (Done::Moved(at), Some(from)) => vec![PatchOp::Move { from: at, path: from }],
        // First what stood there: where `from` comes back, its own place may be another one.
        (Done::MovedOver(value), Some(from)) => {
            let back = moved(&path).map(|value| PatchOp::Add { path: from, value });
            [PatchOp::Replace { path, value }].into_iter().chain(back).collect()
        }
        (Done::Moved(_) | Done::MovedOver(_), None) => Vec::new(),
    }
}
