//! `exp state get`: one state of a session, whole or in part, exactly as it was put.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::shown::ShownState;
use super::which::Which;
use crate::document::{Document, Json, Pointer};
use crate::engine::{Engine, EngineError};
use crate::run::{self, Cancel, Command};
use crate::session::state::{Found, Session, StateError};

/// What can be asked of `state get`.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which state.
    pub which: Which,
    /// Only what stands there (a JSON pointer).
    pub pointer: Option<String>,
    /// The newest state for which this command, with the state on its standard input, exits with 0.
    pub check: Option<Check>,
}

/// What says whether a state is valid.
#[derive(Clone, Debug)]
pub struct Check {
    /// The shell command.
    pub command: String,
    /// When it is stopped; then the state is not valid.
    pub limit: Duration,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The state; none where none is valid.
    pub state: Option<ShownState>,
    /// States that were tried with the check.
    pub tried: u64,
    /// The value. Not for serde: its numbers must stay as they are.
    #[serde(skip)]
    pub value: Option<Json>,
}

/// Fetches it.
///
/// # Errors
/// [`EngineError::NoSession`], [`EngineError::State`]; [`EngineError::NotFound`] where nothing
/// stands at the pointer. That none is valid is a result.
pub fn run(engine: &Engine, options: &Options, cancel: &Cancel) -> Result<Report, EngineError> {
    let sessions = engine.sessions_or_default()?;
    let session = engine.known_session(&sessions)?;
    let (found, tried) = match &options.check {
        Some(check) => checked(engine, &session, options, check, cancel)?,
        None => (session.get(&options.which.at(&session)?), 0),
    };
    let found = match found {
        Err(StateError::UnknownState { .. }) if options.which.valid => {
            return Ok(Report { state: None, tried, value: None });
        }
        found => found?,
    };
    let value = match &options.pointer {
        None => found.document.to_json(),
        Some(text) => {
            let pointer: Pointer = text.parse()?;
            let missing = || EngineError::NotFound {
                what: "value in the session's state at",
                name: text.clone(),
                near: Vec::new(),
            };
            found.document.get(&pointer).ok_or_else(missing)?
        }
    };
    Ok(Report { state: Some(found.meta.into()), tried, value: Some(value) })
}

/// The newest state that passes the check, and how many were tried.
fn checked(
    engine: &Engine,
    session: &Session,
    options: &Options,
    check: &Check,
    cancel: &Cancel,
) -> Result<(Result<Found, StateError>, u64), EngineError> {
    // The session asks yes or no; what else may happen is kept aside.
    let failure = RefCell::new(None);
    let tried = RefCell::new(0);
    let found = session.latest_valid(options.which.branch.as_ref(), |document| {
        if failure.borrow().is_some() {
            return true;
        }
        *tried.borrow_mut() += 1;
        match passes(engine, document, check, cancel) {
            Ok(passes) => passes,
            Err(error) => {
                *failure.borrow_mut() = Some(error);
                true
            }
        }
    });
    match failure.into_inner() {
        Some(error) => Err(error),
        None => Ok((found, tried.into_inner())),
    }
}

fn passes(
    engine: &Engine,
    document: &Document,
    check: &Check,
    cancel: &Cancel,
) -> Result<bool, EngineError> {
    let mut command = Command::shell(check.command.clone(), engine.root());
    let text = document.to_json().pretty();
    command.input = Some(Arc::new(input(&text).map_err(|source| EngineError::File {
        what: "hand over",
        path: "the state".into(),
        source,
    })?));
    command.limit = Some(check.limit);
    let finished = run::run(&command, cancel, &mut |_| {})?;
    if finished.is_keeper_lost {
        let what = "the check did not come to its end".to_owned();
        return Err(EngineError::Refused { what, why: run::KEEPER_LOST.to_owned() });
    }
    match finished.outcome {
        run::Outcome::Cancelled => Err(EngineError::Interrupted),
        run::Outcome::DidNotStart { reason, .. } => {
            let what = "the check did not run".to_owned();
            Err(EngineError::Refused { what, why: reason })
        }
        outcome => Ok(outcome.is_success()),
    }
}

/// A file in memory that is read from its start.
fn input(text: &str) -> std::io::Result<std::fs::File> {
    use std::io::{Seek, Write};
    let fd = rustix::fs::memfd_create("state", rustix::fs::MemfdFlags::CLOEXEC)?;
    let mut file = std::fs::File::from(fd);
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file)
}
