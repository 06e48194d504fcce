//! `exp state merge`: brings what one branch of a session learned into another.

use serde::Serialize;

use super::shown::ShownAnswer;
use crate::base::name::Label;
use crate::document::Json;
use crate::engine::{Engine, EngineError};
use crate::session::state::{Favour, MergeOptions, Merged};

/// What can be asked of `state merge`.
#[derive(Clone, Debug)]
pub struct Options {
    /// The branch that is brought in.
    pub from: Label,
    /// The branch that it is brought into; none is `main`.
    pub into: Option<Label>,
    /// Which side wins where both changed the same.
    pub favour: Option<Favour>,
    /// Why, in words.
    pub message: String,
}

/// A place that both sides changed differently. Values are JSON text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownConflict {
    /// Where.
    pub pointer: String,
    /// What stood there before both.
    pub base: Option<String>,
    /// What `into` has there.
    pub ours: Option<String>,
    /// What `from` has there.
    pub theirs: Option<String>,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// `merged`, `nothing to do` or `conflicts`.
    pub outcome: &'static str,
    /// The session.
    pub session: String,
    /// The branch that was brought in.
    pub from: String,
    /// The branch that it was brought into.
    pub into: String,
    /// The new state.
    pub state: Option<ShownAnswer>,
    /// What could not be merged. Then nothing was changed.
    pub conflicts: Vec<ShownConflict>,
}

/// Merges.
///
/// # Errors
/// [`EngineError::NoSession`], [`EngineError::State`]. Conflicts are a result.
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    engine.refuse_in_view()?;
    let sessions = engine.sessions()?;
    let session = engine.known_session(&sessions)?;
    let merged = session.merge(&MergeOptions {
        from: options.from.clone(),
        into: options.into.clone(),
        favour: options.favour,
        message: options.message.clone(),
        expect: None,
    })?;
    sessions.close()?;
    let mut report = Report {
        outcome: "nothing to do",
        session: session.name().to_owned(),
        from: options.from.to_string(),
        into: options.into.as_ref().map_or_else(|| "main".to_owned(), ToString::to_string),
        state: None,
        conflicts: Vec::new(),
    };
    let text = |value: Option<Json>| value.map(|value| value.compact());
    match merged {
        Merged::UpToDate(_) => {}
        Merged::Saved(answer) => {
            report.outcome = "merged";
            report.state = Some(ShownAnswer::new(session.name(), answer));
        }
        Merged::Conflicts { conflicts, .. } => {
            report.outcome = "conflicts";
            let shown = conflicts.into_iter().map(|conflict| ShownConflict {
                pointer: conflict.pointer.to_string(),
                base: text(conflict.base),
                ours: text(conflict.ours),
                theirs: text(conflict.theirs),
            });
            report.conflicts = shown.collect();
        }
    }
    Ok(report)
}
