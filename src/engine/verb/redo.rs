//! `exp redo`: does again what this session's newest `undo` took back.

pub use super::undo::{Options, Report};
use super::undo::{Step, nothing};
use crate::engine::{Engine, EngineError};
use crate::object::operation::{Operation, OperationKind};
use crate::session::timeline;

/// Takes one undo back.
///
/// # Errors
/// As `undo`.
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    engine.refuse_in_view()?;
    let session = &engine.surroundings.session;
    let id = match &options.operation {
        Some(text) => engine.find_operation(text)?,
        None => timeline::next_redo(engine.operations()?, |operation| engine.is_step(operation))?
            .ok_or_else(|| nothing("undo to take back in session", session))?,
    };
    let undo = Operation::fetch(&engine.store, id)?;
    engine.refuse_foreign_step(id, &undo)?;
    let OperationKind::Undo { of } = undo.kind else {
        return Err(nothing("undo with the id", &id.short()));
    };
    let shown = Operation::fetch(&engine.store, of)?;
    let kind = OperationKind::Redo { of: id };
    engine.step(&Step { verb: "redo", kind, id, operation: &undo, options }, &shown)
}
