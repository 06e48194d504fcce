//! `exp state put`: saves what an agent knows now, alone or with the workspace's files.

use serde::Serialize;

use super::input::Input;
use super::shown::ShownAnswer;
use super::which::Which;
use crate::base::id::SnapshotId;
use crate::base::limits::STATE_TRIES_MAX;
use crate::base::name::Label;
use crate::base::near::near;
use crate::document::Document;
use crate::engine::context::Standing;
use crate::engine::take::Made;
use crate::engine::transact::Act;
use crate::engine::{Engine, EngineError};
use crate::object::snapshot::Origin;
use crate::object::tree;
use crate::session::state::{Answer, At, Put, PutKind, Session, StateError, What};
use crate::store::{Sharing, Writer};

/// What the operation log calls it when files are recorded with a state.
pub(in crate::engine) const VERB: &str = "state put";

/// What can be asked of `state put`.
#[derive(Clone, Debug)]
pub struct Options {
    /// The state.
    pub input: Input,
    /// Why it is saved.
    pub kind: PutKind,
    /// The branch; none is `main`.
    pub branch: Option<Label>,
    /// Why, in words.
    pub message: String,
    /// Tags of the state.
    pub tags: Vec<Label>,
    /// The state that must be the last one of the branch.
    pub expect: Option<String>,
    /// Record the workspace's files under the same id.
    pub files: bool,
    /// Say why it was saved or skipped.
    pub explain: bool,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The session's answer.
    #[serde(flatten)]
    pub answer: ShownAnswer,
    /// What was recorded with it, where files were asked for.
    pub files: Option<Files>,
    /// What was put right in the text, in a sentence.
    pub note: Option<String>,
}

/// Files that were recorded with a state.
#[derive(Clone, Debug, Serialize)]
pub struct Files {
    /// The snapshot.
    pub snapshot: String,
    /// Files that differ from the snapshot before.
    pub changed: usize,
    /// Files in all.
    pub files: u64,
}

/// Saves it. Durable when it returns, whatever its kind.
///
/// # Errors
/// [`EngineError::Refused`] for a text that is no JSON; [`EngineError::State`] for an expected state
/// that is not the last one, a change that does not fit; those of a capture.
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    engine.refuse_in_view()?;
    let sessions = engine.sessions()?;
    let session = engine.own_session(&sessions)?;
    let (what, note) = options.input.read()?;
    let mut put = Put::new(options.kind, what);
    put.branch.clone_from(&options.branch);
    put.message.clone_from(&options.message);
    put.tags.clone_from(&options.tags);
    put.explain = options.explain;
    if !matches!(options.input, Input::Value { .. }) {
        refuse_new_branch(&session, options.branch.as_ref())?;
    }
    put.expect = match &options.expect {
        Some(expect) => Some(session.meta(&Which::named(expect.as_str()).at(&session)?)?.id),
        None => None,
    };
    let (answer, files) = match options.files {
        true => with_files(engine, &session, &put)?,
        false => (session.put(&put)?, None),
    };
    sessions.close()?;
    Ok(Report { answer: ShownAnswer::new(session.name(), answer), files, note })
}

/// Refuses changes of the last state of a branch that has none, in a session that has others: what
/// was meant is that of another branch.
fn refuse_new_branch(session: &Session, branch: Option<&Label>) -> Result<(), EngineError> {
    let Some(branch) = branch else {
        return Ok(());
    };
    let known = match session.branches() {
        Err(StateError::UnknownSession { .. }) => return Ok(()),
        known => known?,
    };
    if known.iter().any(|known| known.name == *branch) {
        return Ok(());
    }
    let names = known.into_iter().map(|known| known.name.to_string()).collect();
    let near = near(branch.as_str(), names);
    let (session, branch) = (session.name().to_owned(), branch.clone());
    Err(StateError::UnknownBranch { session, branch, near }.into())
}

/// Puts a state with the files. Changes are made anew where another process was quicker.
fn with_files(
    engine: &Engine,
    session: &Session,
    put: &Put,
) -> Result<(Answer, Option<Files>), EngineError> {
    for _ in 0..STATE_TRIES_MAX {
        let (document, last) = document(session, put)?;
        if put.expect.is_some() && put.expect != last {
            // Refused by the session, which says who was quicker, before anything is recorded.
            session.put(put)?;
        }
        let mut both = put.clone();
        if !matches!(put.what, What::Value(_)) {
            both.expect = last;
        }
        let files = record_files(engine, session, &mut both, document)?;
        match session.put(&both) {
            Err(StateError::Moved { .. }) if put.expect.is_none() => {}
            answer => return Ok((answer?, Some(files))),
        }
    }
    Err(StateError::Busy { session: session.name().to_owned() }.into())
}

/// Records the files with a document, which becomes the same snapshot's.
fn record_files(
    engine: &Engine,
    session: &Session,
    put: &mut Put,
    document: Document,
) -> Result<Files, EngineError> {
    let _lock = engine.lock(VERB, Sharing::Shared)?;
    let writer = engine.writer()?;
    engine.behind_others(|standing| record(engine, &writer, session, put, &document, standing))
}

fn record(
    engine: &Engine,
    writer: &Writer<'_>,
    session: &Session,
    put: &mut Put,
    document: &Document,
    standing: &Standing,
) -> Result<Files, EngineError> {
    let state = Some(document.store(writer)?);
    let mut taken = engine.take(writer, &engine.config_or_default(), standing.snapshot.tree)?;
    let tree = taken.capture.tree;
    let changed = tree::diff(writer, standing.snapshot.tree, tree)?;
    let origin = match put.kind {
        PutKind::Automatic => Origin::Automatic,
        PutKind::Manual | PutKind::Recovery => Origin::Manual,
    };
    let message = put.message.clone();
    let summary = match message.as_str() {
        "" => format!("recorded the files with a state of session {}", session.name()),
        message => message.to_owned(),
    };
    let made = Made { origin, message, state };
    let act = Act::verb(VERB, summary);
    let (id, _) = engine.record(writer, standing, tree, made, act, None)?;
    engine.keep_cache(&mut taken);
    put.what = What::Document(document.clone());
    put.files = Some(id);
    let changed = changed.iter().filter(|change| !change.is_only_directory()).count();
    Ok(Files { snapshot: id.hex(), changed, files: taken.capture.files })
}

/// The document that is put, and the last state of the branch.
fn document(session: &Session, put: &Put) -> Result<(Document, Option<SnapshotId>), EngineError> {
    let last = match session.get(&At::Latest { branch: put.branch.clone() }) {
        Ok(found) => Some(found),
        Err(
            StateError::UnknownSession { .. }
            | StateError::UnknownState { .. }
            | StateError::UnknownBranch { .. },
        ) => None,
        // A whole value needs none before it: the session saves it as such, and says why.
        Err(StateError::Damaged { .. } | StateError::Uncertain { .. })
            if matches!(put.what, What::Value(_)) && put.expect.is_none() =>
        {
            None
        }
        Err(error) => return Err(error.into()),
    };
    let id = last.as_ref().map(|found| found.id);
    let mut document = last.map_or_else(Document::new, |found| found.document);
    match &put.what {
        What::Value(value) => document = document.replaced(value)?,
        What::Document(given) => document = given.clone(),
        What::Edits { edits, .. } => document.edit(edits)?,
        What::Patch { patch, .. } => document.apply(patch)?,
    }
    Ok((document, id))
}
