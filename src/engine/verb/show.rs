//! `exp show`: one snapshot whole: circumstances, change, state, evaluation, verdict.

use serde::Serialize;

use crate::document::{self, Json, Pointer};
use crate::engine::report::{Gone, ShownChange, ShownEvaluation, ShownSnapshot, shown_changes};
use crate::engine::thinned::Difference;
use crate::engine::verb::state::ShownState;
use crate::engine::{Engine, EngineError};
use crate::object::evaluation::Evaluation;
use crate::object::snapshot::Snapshot;
use crate::object::tree;
use crate::session::state::{At, StateError};

/// The fewest digits by which a state is looked for.
const ID_DIGITS_MIN: usize = 4;

/// What can be asked of `show`.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which snapshot.
    pub what: String,
    /// Give the state document, too.
    pub state: bool,
    /// Only this part of the state (a JSON pointer such as `/plan/0`).
    pub pointer: Option<String>,
}

/// One snapshot.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The snapshot.
    #[serde(flatten)]
    pub snapshot: ShownSnapshot,
    /// Since when its files are gone on purpose, and why; none where they are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gone: Option<Gone>,
    /// Files and links in it; none are counted where they are gone.
    pub files: u64,
    /// Bytes of their content.
    pub bytes: u64,
    /// What differs from its first parent, as far as the files of both are there.
    pub changes: Vec<ShownChange>,
    /// What was found for it.
    pub evaluation: Option<ShownEvaluation>,
    /// What was found for it elsewhere: the words for the stores, and what they found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub foreign_evaluations: Vec<(String, ShownEvaluation)>,
    /// The state document as JSON text, where it was asked for.
    #[serde(skip)]
    pub state_text: Option<String>,
}

/// What goes by a name.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Shown {
    /// A snapshot.
    Snapshot(Box<Report>),
    /// A state of a session that has no files.
    State(Box<StateOnly>),
}

/// A state of a session that is no snapshot of files.
#[derive(Clone, Debug, Serialize)]
pub struct StateOnly {
    /// It.
    pub session_state: ShownState,
}

/// Fetches a snapshot, or where there is none a state of any session by its id.
///
/// # Errors
/// As [`run`].
pub fn find(engine: &Engine, options: &Options) -> Result<Shown, EngineError> {
    match run(engine, options) {
        Err(error @ EngineError::NotFound { .. }) => match state_of(engine, &options.what)? {
            Some(session_state) => Ok(Shown::State(Box::new(StateOnly { session_state }))),
            None => Err(error),
        },
        found => Ok(Shown::Snapshot(Box::new(found?))),
    }
}

/// A state by the first digits of its id, in whatever session.
fn state_of(engine: &Engine, what: &str) -> Result<Option<ShownState>, EngineError> {
    let is_id = what.len() >= ID_DIGITS_MIN && what.bytes().all(|b| b.is_ascii_hexdigit());
    let Some(sessions) = engine.sessions_if_any()?.filter(|_| is_id) else {
        return Ok(None);
    };
    let at = At::Prefix(what.to_ascii_lowercase());
    let mut uncertain = None;
    for facts in sessions.list()? {
        match sessions.session(&facts.name)?.meta(&at) {
            Err(StateError::UnknownState { .. }) => {}
            Err(error @ StateError::Uncertain { .. }) => uncertain = Some(error),
            found => return Ok(Some(found?.into())),
        }
    }
    uncertain.map_or(Ok(None), |error| Err(error.into()))
}

/// Fetches a snapshot.
///
/// # Errors
/// As `Engine::resolve`; [`EngineError::NotFound`] when the snapshot has no state, or nothing
/// stands at the pointer.
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    let resolved = engine.resolve(&options.what)?;
    let names = engine.store.names()?;
    let snapshot = &resolved.snapshot;
    let before = match snapshot.parents.first() {
        Some(parent) => Some(Snapshot::fetch(&engine.store, *parent)?.tree),
        None => None,
    };
    let changes = match before {
        Some(before) => match engine.difference(before, snapshot.tree)? {
            Difference::Changes(changes) => changes,
            Difference::Gone(..) => Vec::new(),
        },
        None => Vec::new(),
    };
    let evaluation = match engine.verdict(names, resolved.id)? {
        Some(record) => {
            let found = Evaluation::fetch(&engine.store, record.evaluation)?;
            Some(ShownEvaluation::new(record.evaluation.hex(), &found, false))
        }
        None => None,
    };
    let foreign_evaluations = engine.foreign_evaluations(names, resolved.id)?.into_iter();
    let foreign_evaluations = foreign_evaluations.map(|(source, record, found)| {
        (source, ShownEvaluation::new(record.evaluation.hex(), &found, false))
    });
    let gone = engine.gone_files(snapshot.tree)?;
    let (files, bytes) = match gone {
        Some(_) => (0, 0),
        None => tree::totals(&engine.store, snapshot.tree)?,
    };
    let wants_state = options.state || options.pointer.is_some();
    Ok(Report {
        snapshot: engine.shown(names, resolved.id, snapshot)?,
        gone,
        files,
        bytes,
        changes: shown_changes(&changes),
        evaluation,
        foreign_evaluations: foreign_evaluations.collect(),
        state_text: if wants_state { Some(state(engine, snapshot, options)?) } else { None },
    })
}

fn state(engine: &Engine, snapshot: &Snapshot, options: &Options) -> Result<String, EngineError> {
    let missing =
        |what, name: &str| EngineError::NotFound { what, name: name.to_owned(), near: Vec::new() };
    let id = snapshot.state.ok_or_else(|| missing("state document of", &options.what))?;
    let json: Json = match &options.pointer {
        None => document::read(&engine.store, id)?,
        Some(text) => {
            let pointer: Pointer = text.parse()?;
            document::get(&engine.store, id, &pointer)?
                .ok_or_else(|| missing("value in the state at", text))?
        }
    };
    Ok(json.pretty())
}
