//! `exp snapshot`: records the workspace's files, and a state document if one is given.

use serde::Serialize;

use crate::base::id::{SnapshotId, TreeId};
use crate::base::name::Label;
use crate::base::path::TreePath;
use crate::document::{Document, Json};
use crate::engine::context::Standing;
use crate::engine::report::{ShownChange, ShownPath, count, shown_changes, skip_text};
use crate::engine::take::{Made, Taken};
use crate::engine::transact::Act;
use crate::engine::{Engine, EngineError};
use crate::object::memory::Scratch;
use crate::object::snapshot::Origin;
use crate::object::traits::Put;
use crate::object::tree;
use crate::session::state::{At, Put as PutState, PutKind, What};
use crate::store::{Sharing, Writer};
use crate::workspace::Capture;

/// What can be asked of `snapshot`.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Why it is made.
    pub message: String,
    /// What the agent knows, as JSON text. Without one the state of the snapshot before is kept.
    pub state: Option<Vec<u8>>,
    /// A tag to put on it.
    pub tag: Option<Label>,
    /// Read every file, whatever is known of it, and store again what lies damaged in the store.
    pub reread: bool,
    /// Only say what would be recorded.
    pub dry_run: bool,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The snapshot at which the workspace stands now.
    pub snapshot: Option<String>,
    /// Whether it is a new one.
    pub created: bool,
    /// The branch: a new one where that of the workspace has gone on without it.
    pub branch: String,
    /// What differs from the snapshot before.
    pub changes: Vec<ShownChange>,
    /// The state document's id.
    pub state: Option<String>,
    /// The session that the state was put into, under the snapshot's id.
    pub session: Option<String>,
    /// Why the session's newest state was not recorded, where it has one that cannot be read.
    pub state_problem: Option<String>,
    /// Files in all.
    pub files: u64,
    /// Files whose content was read.
    pub read_files: u64,
    /// Where every file was read: how many objects were stored that were not there whole, new ones too.
    pub stored_again: Option<u64>,
    /// Files that look like secrets and are not captured.
    pub secrets: Vec<ShownPath>,
    /// What cannot be captured, and why.
    pub skipped: Vec<(ShownPath, String)>,
}

/// Records the files.
///
/// # Errors
/// [`EngineError::Document`] for a state that is no JSON; those of a capture.
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    if options.dry_run {
        let standing = engine.standing()?;
        return record(engine, &Scratch::over(&engine.store), options, &standing, None);
    }
    engine.refuse_in_view()?;
    let _lock = engine.lock("snapshot", Sharing::Shared)?;
    let writer = engine.writer()?;
    engine.behind_others(|standing| record(engine, &writer, options, standing, Some(&writer)))
}

fn record(
    engine: &Engine,
    objects: &(impl Put + Sync),
    options: &Options,
    standing: &Standing,
    writer: Option<&Writer<'_>>,
) -> Result<Report, EngineError> {
    if let Some(tag) = &options.tag {
        engine.refuse_taken(standing.names, tag)?;
    }
    let before = &standing.snapshot;
    let given = options.state.as_deref().map(parse).transpose()?;
    let (state, state_problem) = match &given {
        Some(given) => (Some(given.store(objects)?), None),
        None => {
            let present = engine.present_state(objects, standing);
            (present.state, present.problem)
        }
    };
    let rereading = writer.filter(|_| options.reread);
    let (mut taken, stored_again) = take(engine, objects, rereading, before.tree)?;
    let changed = taken.capture.tree != before.tree || state != before.state;
    let changes = tree::diff(objects, before.tree, taken.capture.tree)?;
    let mut id = standing.position.snapshot;
    // An explicit message or tag is a checkpoint that somebody asked for: it is always recorded.
    let created = changed
        || !options.message.is_empty()
        || options.tag.is_some()
        || (given.is_some() && !is_newest(engine, id)?);
    let mut session = None;
    let mut branch = standing.position.branch.clone();
    let act = Act::verb("snapshot", summary(&options.message, changes.len()));
    if let (true, Some(writer)) = (created, writer) {
        let message = options.message.clone();
        let made = Made { origin: Origin::Manual, message, state };
        let tag = options.tag.as_ref();
        let recorded = engine.record(writer, standing, taken.capture.tree, made, act, tag)?;
        (id, branch) = (recorded.0, recorded.1.position.branch);
        if let Some(given) = given {
            session = Some(put(engine, given, id, &options.message)?);
        }
    } else if created {
        branch = engine.own_branch(standing, act)?.branch;
    }
    if writer.is_some() {
        engine.keep_cache(&mut taken);
    }
    let (secrets, skipped) = left_out(&taken.capture);
    Ok(Report {
        snapshot: (!created || writer.is_some()).then(|| id.hex()),
        created,
        branch: branch.to_string(),
        changes: shown_changes(&changes),
        state: state.map(|state| state.hex()),
        session,
        state_problem,
        files: taken.capture.files,
        read_files: taken.capture.read_files,
        stored_again,
        secrets,
        skipped,
    })
}

/// Captures the files; with a writer to which all is put again that is not whole, and then how much that
/// was. That is of use although nothing may be recorded, or not all could be read, and so is made durable.
fn take(
    engine: &Engine,
    objects: &(impl Put + Sync),
    rereading: Option<&Writer<'_>>,
    base: TreeId,
) -> Result<(Taken, Option<u64>), EngineError> {
    let config = engine.config_or_default();
    let Some(writer) = rereading else {
        return Ok((engine.take(objects, &config, base)?, None));
    };
    let taken = engine.take_anew(writer, &config, base);
    writer.flush()?;
    Ok((taken?, Some(writer.stored())))
}

/// The secrets that a capture left out, and what it could not take in, for a report.
fn left_out(capture: &Capture) -> (Vec<ShownPath>, Vec<(ShownPath, String)>) {
    let path = |path: &TreePath| ShownPath(path.clone());
    let skipped = capture.skipped.iter().map(|(at, why)| (path(at), skip_text(*why)));
    (capture.secrets.iter().map(path).collect(), skipped.collect())
}

/// Whether the newest state of the session is that snapshot's.
fn is_newest(engine: &Engine, id: SnapshotId) -> Result<bool, EngineError> {
    let Some(sessions) = engine.sessions_if_any()? else {
        return Ok(false);
    };
    let newest = sessions.session(&engine.surroundings.session)?.meta(&At::latest());
    Ok(newest.is_ok_and(|newest| newest.id == id))
}

/// Puts the state into the session, under the snapshot's id. Gives the session's name.
fn put(
    engine: &Engine,
    state: Document,
    id: SnapshotId,
    message: &str,
) -> Result<String, EngineError> {
    let sessions = engine.sessions_or_default()?;
    let session = engine.own_session(&sessions)?;
    let mut put = PutState::new(PutKind::Manual, What::Document(state)).because(message);
    put.files = Some(id);
    session.put(&put)?;
    sessions.close()?;
    Ok(session.name().to_owned())
}

fn summary(message: &str, changes: usize) -> String {
    if message.is_empty() {
        format!("recorded {}", count(changes, "change"))
    } else {
        message.to_owned()
    }
}

fn parse(text: &[u8]) -> Result<Document, EngineError> {
    let json = Json::parse(text).map_err(|error| EngineError::Refused {
        what: "the state is no JSON".to_owned(),
        why: error.to_string(),
    })?;
    Ok(Document::of(&json)?)
}
