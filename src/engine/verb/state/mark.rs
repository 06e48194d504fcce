//! `exp state tag` and `exp state mark`: names for states, and whether they can be gone back to.

use serde::Serialize;

use super::which::Which;
use crate::base::id::SnapshotId;
use crate::base::name::Label;
use crate::engine::{Engine, EngineError};
use crate::session::state::Session;

/// What is said of a state.
#[derive(Clone, Debug)]
pub enum Said {
    /// It has this tag.
    Tag(Label),
    /// It has this tag no more.
    Untag(Label),
    /// It is valid or not, and why.
    Mark {
        /// Whether it is valid.
        valid: bool,
        /// Why, in words.
        why: String,
    },
}

/// What can be asked of `state tag` and `state mark`.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which state.
    pub which: Which,
    /// What is said of it.
    pub said: Said,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The session.
    pub session: String,
    /// The state.
    pub id: String,
    /// What was done, in a sentence.
    pub done: String,
}

/// Says it.
///
/// # Errors
/// [`EngineError::NoSession`], [`EngineError::State`].
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    engine.refuse_in_view()?;
    let sessions = engine.sessions()?;
    let session = engine.known_session(&sessions)?;
    let (id, done) = say(&session, options)?;
    sessions.close()?;
    Ok(Report { session: session.name().to_owned(), id: id.hex(), done })
}

fn say(session: &Session, options: &Options) -> Result<(SnapshotId, String), EngineError> {
    let at = options.which.at(session)?;
    Ok(match &options.said {
        Said::Tag(tag) => {
            let id = session.tag(&at, tag)?;
            (id, format!("tagged {} as {tag}", id.short()))
        }
        Said::Untag(tag) => {
            let id = session.untag(&at, tag)?;
            (id, format!("took tag {tag} from {}", id.short()))
        }
        Said::Mark { valid, why } => {
            let id = session.mark(&at, *valid, why)?;
            let word = if *valid { "valid" } else { "invalid" };
            (id, format!("marked {} as {word}", id.short()))
        }
    })
}
