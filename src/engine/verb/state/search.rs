//! `exp state search`: states of any session, by what is known of them.

use serde::Serialize;

use super::shown::ShownState;
use crate::engine::states::session_named;
use crate::engine::{Engine, EngineError};
use crate::session::state::Query;

/// What can be asked of `state search`: a session's query, in which no session means all.
pub type Options = Query;

/// The states that were found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// In the order that was asked for.
    pub states: Vec<ShownState>,
    /// Whether there are more.
    pub more: bool,
}

/// Searches.
///
/// # Errors
/// [`EngineError::NoSession`], [`EngineError::State`].
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    let sessions = engine.sessions_or_default()?;
    for name in &options.sessions {
        session_named(&sessions, name)?;
    }
    let mut query = options.clone();
    // One more than is shown says whether there are more; 0 is all.
    let limit = if options.limit == 0 { usize::MAX } else { options.limit };
    query.limit = limit.saturating_add(1);
    let mut states = sessions.search(&query)?;
    let more = states.len() > limit;
    states.truncate(limit);
    Ok(Report { states: states.into_iter().map(ShownState::from).collect(), more })
}
