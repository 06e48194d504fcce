//! `exp audit`: the trail of a session: every state that was saved, who, when, why, and whether the
//! trail is whole.
//!
//! Each entry has the digest of the one before it, so a change shows. A trail that was cut off at its
//! end shows only to who kept a digest of it.

use std::path::PathBuf;

use serde::Serialize;

use crate::base::id::Hash;
use crate::engine::report::ShownTime;
use crate::engine::states::session_named;
use crate::engine::verb::state::ShownEvent;
use crate::engine::{Engine, EngineError};
use crate::session::state::{AuditTrail, SessionFacts, lost};
use crate::store::journal;

/// What can be asked of `audit`.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which session; all in short if none is given.
    pub session: Option<String>,
    /// The digest of an entry that must be in the trail.
    pub expect: Option<String>,
    /// How many entries at most, the newest ones; they are all verified.
    pub limit: Option<usize>,
}

/// One session's trail, or all in short.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Report {
    /// One session.
    One(Trail),
    /// All sessions.
    All(Overview),
}

/// A session's trail.
#[derive(Clone, Debug, Serialize)]
pub struct Trail {
    /// The session.
    pub session: String,
    /// How many entries were verified.
    pub verified: u64,
    /// The entries that were asked for, oldest first.
    pub entries: Vec<Entry>,
    /// The digest of the newest entry.
    pub newest: Option<String>,
    /// Whether an expected digest was given, and found.
    pub expected: bool,
    /// What is wrong.
    pub fault: Option<Fault>,
}

/// One entry of a trail.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// What it did.
    #[serde(flatten)]
    pub event: ShownEvent,
    /// Its digest; none where it cannot be read.
    pub digest: Option<String>,
}

/// What is wrong with a trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The number of the entry.
    pub sequence: u64,
    /// What is wrong with it.
    pub what: String,
}

/// All sessions in short.
#[derive(Clone, Debug, Serialize)]
pub struct Overview {
    /// The one that was written to last comes first.
    pub sessions: Vec<InShort>,
    /// Sessions of which nothing can be read any more, not even the name.
    pub unreadable: usize,
    /// What of the journal is lost, with all that sessions had in it; a sentence each.
    pub lost: Vec<String>,
    /// Operations on the files, in the operation log.
    pub operations: usize,
}

/// A session in short.
#[derive(Clone, Debug, Serialize)]
pub struct InShort {
    /// Its name.
    pub name: String,
    /// How many entries were verified.
    pub verified: u64,
    /// When the first one was written.
    pub first: ShownTime,
    /// When the newest one was written.
    pub last: ShownTime,
    /// Who wrote that.
    pub who: String,
    /// The digest of the newest entry.
    pub newest: Option<String>,
    /// What is wrong.
    pub fault: Option<Fault>,
}

impl Report {
    /// Whether all that was looked at is whole.
    pub fn is_sound(&self) -> bool {
        match self {
            Self::One(trail) => trail.fault.is_none(),
            Self::All(all) => {
                let is_whole = all.unreadable == 0 && all.lost.is_empty();
                is_whole && all.sessions.iter().all(|session| session.fault.is_none())
            }
        }
    }
}

/// Verifies.
///
/// # Errors
/// [`EngineError::NoSession`]; [`EngineError::Refused`] for a digest that is none. What is wrong with
/// a trail is a result.
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    let sessions = engine.sessions_or_default()?;
    let expect = options.expect.as_deref().map(digest).transpose()?;
    let Some(name) = &options.session else {
        if expect.is_some() {
            return Err(EngineError::Refused {
                what: "a digest is one of a session's trail".to_owned(),
                why: "give --session NAME with it".to_owned(),
            });
        }
        let audited = |facts: SessionFacts| -> Result<InShort, EngineError> {
            let trail = sessions.session(&facts.name)?.audit(None)?;
            Ok(in_short(facts, trail))
        };
        let list = sessions.list()?.into_iter().map(audited);
        return Ok(Report::All(Overview {
            sessions: list.collect::<Result<_, _>>()?,
            unreadable: sessions.unreadable()?,
            lost: lost_of(engine)?,
            operations: engine.operations()?.count(),
        }));
    };
    let trail = session_named(&sessions, name)?.audit(expect)?;
    let verified = trail.entries.len();
    let passed_over = verified - options.limit.unwrap_or(verified).min(verified);
    let entries = trail.entries.into_iter().skip(passed_over).map(|entry| Entry {
        digest: entry.digest.map(|digest| digest.hex()),
        event: entry.entry.into(),
    });
    Ok(Report::One(Trail {
        session: trail.session,
        verified: verified as u64,
        entries: entries.collect(),
        newest: trail.newest.map(|digest| digest.hex()),
        expected: expect.is_some(),
        fault: trail.fault.map(|fault| Fault { sequence: fault.sequence, what: fault.what }),
    }))
}

/// What of the journal is lost.
fn lost_of(engine: &Engine) -> Result<Vec<String>, EngineError> {
    let mut all = journal::missing(&engine.store.layout().journal())?;
    all.extend(lost(&engine.store)?);
    let sentence = |(path, what): (PathBuf, String)| format!("`{}`: {what}", path.display());
    Ok(all.into_iter().map(sentence).collect())
}

fn in_short(facts: SessionFacts, trail: AuditTrail) -> InShort {
    InShort {
        name: facts.name,
        verified: trail.entries.len() as u64,
        first: facts.first.into(),
        last: facts.last.into(),
        who: facts.who,
        newest: trail.newest.map(|digest| digest.hex()),
        fault: trail.fault.map(|fault| Fault { sequence: fault.sequence, what: fault.what }),
    }
}

fn digest(text: &str) -> Result<Hash, EngineError> {
    Hash::from_hex(&text.to_ascii_lowercase()).ok_or_else(|| EngineError::Refused {
        what: format!("`{text}` is no digest"),
        why: "it is 64 hexadecimal digits, as `exp audit --session NAME` ends with".to_owned(),
    })
}
