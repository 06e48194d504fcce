//! `exp state branch`: lists the branches of a session, or begins one.

use serde::Serialize;

use super::which::Which;
use crate::base::name::Label;
use crate::engine::report::ShownTime;
use crate::engine::{Engine, EngineError};
use crate::session::state::Branch;

/// What can be asked of `state branch`.
#[derive(Clone, Debug)]
pub enum Options {
    /// All branches.
    List,
    /// A new one.
    Create {
        /// Its name.
        name: Label,
        /// Where it begins.
        at: Which,
        /// Why, in words.
        message: String,
    },
}

/// One branch.
#[derive(Clone, Debug, Serialize)]
pub struct ShownBranch {
    /// Its name.
    pub name: String,
    /// Its newest state.
    pub head: String,
    /// That state's number among the session's entries.
    pub sequence: u64,
    /// When that state was put.
    pub when: ShownTime,
}

impl From<Branch> for ShownBranch {
    fn from(branch: Branch) -> Self {
        Self {
            name: branch.name.to_string(),
            head: branch.head.hex(),
            sequence: branch.sequence,
            when: branch.when.into(),
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The session.
    pub session: String,
    /// The branches: all for a list, else the new one.
    pub branches: Vec<ShownBranch>,
    /// What was done, in a sentence; none for a list.
    pub done: Option<String>,
}

/// Lists branches or begins one.
///
/// # Errors
/// [`EngineError::NoSession`]; [`EngineError::State`] for a branch that exists, a state that does not.
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    let (name, at, message) = match options {
        Options::List => return list(engine),
        Options::Create { name, at, message } => (name, at, message),
    };
    engine.refuse_in_view()?;
    let sessions = engine.sessions()?;
    let session = engine.known_session(&sessions)?;
    let moved = session.branch(name, &at.at(&session)?, message)?;
    let branches = session.branches()?;
    sessions.close()?;
    let new = branches.into_iter().filter(|branch| branch.name == *name);
    Ok(Report {
        session: session.name().to_owned(),
        branches: new.map(ShownBranch::from).collect(),
        done: Some(format!("began {name} at {}", moved.to.short())),
    })
}

fn list(engine: &Engine) -> Result<Report, EngineError> {
    let sessions = engine.sessions_or_default()?;
    let session = engine.known_session(&sessions)?;
    let branches = session.branches()?.into_iter().map(ShownBranch::from).collect();
    Ok(Report { session: session.name().to_owned(), branches, done: None })
}
