//! Files and states keep together: a snapshot of the files has the state of its moment, and where
//! the files are brought back to a snapshot the session follows.
//!
//! **Invariant**: nothing of a session is lost by that. What it knew stands in its log, and in a
//! snapshot to which `undo` comes back. Files come first: a session that cannot be read or written
//! never keeps them from being saved or brought back; that it did not follow is said.

use serde::Serialize;

use super::context::Standing;
use super::take::{Made, Safe};
use super::transact::Act;
use super::{Engine, EngineError};
use crate::base::id::{DocumentId, SnapshotId};
use crate::base::name::Label;
use crate::document::Document;
use crate::object::snapshot::{Origin, Snapshot};
use crate::object::traits::Put as PutObjects;
use crate::session::state::{At, Put, PutKind, Session, Sessions, StateError, What};
use crate::store::Writer;

/// How far back the session of a snapshot is looked for.
const STEPS_MAX: usize = 1_000;

/// What became of a session when the files were brought to a snapshot that has a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Followed {
    /// The session.
    pub session: String,
    /// The state that it has now, a new one with the old value; none where it could not follow.
    pub id: Option<String>,
    /// Why it could not.
    pub problem: Option<String>,
}

/// What the session knows when files are recorded.
pub(super) struct Present {
    /// Its newest state.
    pub state: Option<DocumentId>,
    /// Why that is not known.
    pub problem: Option<String>,
}

impl Engine {
    /// The state to record with the files as they are now: the newest one of the session, else that
    /// of the snapshot before. Where there is a newest one that cannot be read, none: an older one
    /// would be taken for it.
    pub(super) fn present_state(
        &self,
        objects: &(impl PutObjects + ?Sized),
        standing: &Standing,
    ) -> Present {
        match self.newest_state(objects, &standing.snapshot) {
            Ok(newest) => Present { state: newest.or(standing.snapshot.state), problem: None },
            Err(error) => Present { state: None, problem: Some(error.to_string()) },
        }
    }

    fn newest_state(
        &self,
        objects: &(impl PutObjects + ?Sized),
        snapshot: &Snapshot,
    ) -> Result<Option<DocumentId>, EngineError> {
        let Some(sessions) = self.sessions_if_any()? else {
            return Ok(None);
        };
        let own = existing(&sessions, &self.surroundings.session)?;
        let session = match own {
            Some(own) => Some(own),
            None => self.session_of(&sessions, snapshot)?,
        };
        let Some(session) = session else {
            return Ok(None);
        };
        let at = At::Latest { branch: present_branch(&session)? };
        let meta = session.meta(&at)?;
        if snapshot.state == Some(meta.document) {
            return Ok(snapshot.state);
        }
        Ok(Some(session.get(&At::Id(meta.id))?.document.store(objects)?))
    }

    /// Records the newest state before the files are brought elsewhere, where nothing else made a
    /// snapshot that has it.
    pub(super) fn keep_state(
        &self,
        writer: &Writer<'_>,
        safe: &mut Safe,
        verb: &'static str,
    ) -> Result<(), EngineError> {
        let state = self.present_state(writer, &safe.standing).state;
        if safe.captured.is_some() || state == safe.standing.snapshot.state {
            return Ok(());
        }
        let tree = safe.standing.snapshot.tree;
        let made = Made { origin: Origin::Automatic, message: format!("before {verb}"), state };
        let act = Act::capture(verb, format!("recorded the session's state before {verb}"));
        let (id, standing) = self.record(writer, &safe.standing, tree, made, act, None)?;
        safe.standing = standing;
        safe.captured = Some(id);
        Ok(())
    }

    /// Makes the session of a snapshot follow when the files have been brought there: its state is
    /// put as a recovery point, unless the session is there already.
    pub(super) fn follow(&self, id: SnapshotId, verb: &str) -> Option<Followed> {
        match self.try_follow(id, verb) {
            Ok(followed) => followed,
            Err(error) => Some(Followed {
                session: self.surroundings.session.clone(),
                id: None,
                problem: Some(error.to_string()),
            }),
        }
    }

    fn try_follow(&self, id: SnapshotId, verb: &str) -> Result<Option<Followed>, EngineError> {
        let Some(sessions) = self.sessions_if_any()? else {
            return Ok(None);
        };
        let snapshot = Snapshot::fetch(&self.store, id)?;
        let (Some(state), Some(session)) = (snapshot.state, self.session_of(&sessions, &snapshot)?)
        else {
            return Ok(None);
        };
        let branch = match session.meta(&At::Id(id)) {
            Ok(meta) => Some(meta.branch),
            Err(StateError::UnknownState { .. } | StateError::Uncertain { .. }) => {
                present_branch(&session)?
            }
            Err(error) => return Err(error.into()),
        };
        let newest = session.meta(&At::Latest { branch: branch.clone() })?;
        if newest.document == state {
            return Ok(None);
        }
        let document = Document::open(&self.store, state)?;
        let mut put = Put::new(PutKind::Recovery, What::Document(document));
        put.branch = branch;
        put.message = format!("restored with the files by `exp {verb}`");
        let answer = session.put(&put)?;
        sessions.close()?;
        Ok(Some(Followed {
            session: session.name().to_owned(),
            id: answer.id().map(|id| id.hex()),
            problem: None,
        }))
    }

    /// The session that a snapshot's state is of: that of the snapshot, or where that session never
    /// had a state, of the nearest one before from which the state was taken over.
    fn session_of(
        &self,
        sessions: &Sessions,
        snapshot: &Snapshot,
    ) -> Result<Option<Session>, EngineError> {
        let mut snapshot = snapshot.clone();
        let mut last: Option<String> = None;
        for _ in 0..STEPS_MAX {
            if snapshot.state.is_none() {
                return Ok(None);
            }
            if last.as_ref() != Some(&snapshot.session)
                && let Some(session) = existing(sessions, &snapshot.session)?
            {
                return Ok(Some(session));
            }
            last = Some(snapshot.session.clone());
            match snapshot.parents.first() {
                Some(parent) => snapshot = Snapshot::fetch(&self.store, *parent)?,
                None => return Ok(None),
            }
        }
        Ok(None)
    }
}

/// A session that has entries.
fn existing(sessions: &Sessions, name: &str) -> Result<Option<Session>, EngineError> {
    match sessions.existing(name) {
        Ok(session) => Ok(Some(session)),
        Err(StateError::UnknownSession { .. } | StateError::BadName { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The branch whose newest state counts: `main`, or where there is none the one that was put to
/// last.
fn present_branch(session: &Session) -> Result<Option<Label>, EngineError> {
    let branches = session.branches()?;
    if branches.iter().any(|branch| branch.name.as_str() == "main") {
        return Ok(None);
    }
    Ok(branches.into_iter().max_by_key(|branch| branch.sequence).map(|branch| branch.name))
}
