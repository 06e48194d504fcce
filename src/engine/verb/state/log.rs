//! `exp state log` and `exp state sessions`: what was put, and where.

use serde::Serialize;

use super::shown::ShownEvent;
use crate::base::name::Label;
use crate::engine::report::ShownTime;
use crate::engine::{Engine, EngineError};
use crate::session::state::{LogOptions, SessionFacts};

/// What can be asked of `state log`.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only the states that lead to the newest one of this branch; all entries if none is given.
    pub branch: Option<Label>,
    /// How many at most, the newest ones.
    pub limit: usize,
}

/// The newest entries.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The session.
    pub session: String,
    /// Newest first.
    pub entries: Vec<ShownEvent>,
    /// Whether there are more.
    pub more: bool,
    /// The newest state of each branch.
    pub heads: Vec<(String, String)>,
}

/// Lists a session's entries.
///
/// # Errors
/// [`EngineError::NoSession`], [`EngineError::State`].
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    let sessions = engine.sessions_or_default()?;
    let session = engine.known_session(&sessions)?;
    // One more than is shown says whether there are more.
    let limit = options.limit.saturating_add(1);
    let mut entries = session.log(&LogOptions { branch: options.branch.clone(), limit })?;
    let more = entries.len() > options.limit;
    entries.truncate(options.limit);
    let heads = session.branches()?;
    Ok(Report {
        session: session.name().to_owned(),
        entries: entries.into_iter().map(ShownEvent::from).collect(),
        more,
        heads: heads.into_iter().map(|b| (b.name.to_string(), b.head.hex())).collect(),
    })
}

/// One session.
#[derive(Clone, Debug, Serialize)]
pub struct ShownSession {
    /// Its name.
    pub name: String,
    /// Whether it is the one of the surroundings.
    pub here: bool,
    /// How many entries it has.
    pub entries: u64,
    /// When the first one was written.
    pub first: ShownTime,
    /// When the newest one was written.
    pub last: ShownTime,
    /// Who wrote that.
    pub who: String,
}

/// All sessions.
#[derive(Clone, Debug, Serialize)]
pub struct Sessions {
    /// The one that was written to last comes first.
    pub sessions: Vec<ShownSession>,
}

/// Lists the sessions.
///
/// # Errors
/// [`EngineError::State`].
pub fn sessions(engine: &Engine) -> Result<Sessions, EngineError> {
    let own = &engine.surroundings.session;
    let shown = |facts: SessionFacts| ShownSession {
        here: facts.name == *own,
        name: facts.name,
        entries: facts.entries,
        first: facts.first.into(),
        last: facts.last.into(),
        who: facts.who,
    };
    let list = engine.sessions_or_default()?.list()?;
    Ok(Sessions { sessions: list.into_iter().map(shown).collect() })
}
