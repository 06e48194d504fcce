//! Parts that the reports about states share.

use serde::Serialize;

use crate::base::id::SnapshotId;
use crate::engine::report::ShownTime;
use crate::session::state::{Answer, LogEntry, LogEvent, Outcome, StateMeta};

/// A state in a report, without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownState {
    /// All 64 digits.
    pub id: String,
    /// The session.
    pub session: String,
    /// Its number among the session's entries, from 0.
    pub sequence: u64,
    /// Names the value.
    pub document: String,
    /// `automatic`, `manual`, `recovery`.
    pub kind: &'static str,
    /// The branch on which it was put.
    pub branch: String,
    /// The states before it.
    pub parents: Vec<String>,
    /// When.
    pub when: ShownTime,
    /// By whom.
    pub who: String,
    /// By which process.
    pub process: u32,
    /// Why.
    pub message: String,
    /// The tags that it has now.
    pub tags: Vec<String>,
    /// Whether it was marked valid or invalid, and how last.
    pub valid: Option<bool>,
    /// Whether the id is that of a snapshot of files, too.
    pub has_files: bool,
    /// `whole`, `patch` or `same`.
    pub body: &'static str,
    /// Bytes of its entry.
    pub stored_bytes: u64,
    /// Bytes of the value as compact JSON.
    pub bytes: u64,
    /// Operations of the patch that leads to it.
    pub fields_changed: u64,
}

impl From<StateMeta> for ShownState {
    fn from(meta: StateMeta) -> Self {
        Self {
            id: meta.id.hex(),
            session: meta.session,
            sequence: meta.sequence,
            document: meta.document.hex(),
            kind: meta.kind.word(),
            branch: meta.branch.to_string(),
            parents: meta.parents.iter().map(SnapshotId::hex).collect(),
            when: meta.when.into(),
            who: meta.who,
            process: meta.process,
            message: meta.message,
            tags: meta.tags.iter().map(ToString::to_string).collect(),
            valid: meta.valid,
            has_files: meta.has_files,
            body: meta.body.word(),
            stored_bytes: meta.stored_bytes,
            bytes: meta.bytes,
            fields_changed: meta.fields_changed,
        }
    }
}

/// What a put came to, in a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownAnswer {
    /// The session.
    pub session: String,
    /// The branch.
    pub branch: String,
    /// Whether it is a state of the session now; else it was skipped.
    pub saved: bool,
    /// Its id; of a skipped one that of the state which stands for it.
    pub id: String,
    /// Why it was skipped.
    pub reason: Option<&'static str>,
    /// Names the value.
    pub document: Option<String>,
    /// Its number among the session's entries.
    pub sequence: Option<u64>,
    /// `whole`, `patch` or `same`.
    pub body: Option<&'static str>,
    /// Bytes of its entry.
    pub stored_bytes: Option<u64>,
    /// Operations of the patch from the last state to this one.
    pub fields_changed: u64,
    /// How long the session took, in microseconds.
    pub duration_us: u64,
    /// Why it was saved as a whole although quick states are on.
    pub fallback: Option<String>,
    /// Entries that others wrote to the session since it was looked at last.
    pub others: u64,
    /// Why it was saved or skipped, where that was asked for.
    pub explain: Vec<String>,
}

impl ShownAnswer {
    /// The answer to a put into a session.
    pub fn new(session: &str, answer: Answer) -> Self {
        let micros = u64::try_from(answer.duration.as_micros()).unwrap_or(u64::MAX);
        let mut shown = Self {
            session: session.to_owned(),
            branch: answer.branch.to_string(),
            saved: false,
            id: String::new(),
            reason: None,
            document: None,
            sequence: None,
            body: None,
            stored_bytes: None,
            fields_changed: answer.fields_changed,
            duration_us: micros,
            fallback: answer.fallback,
            others: answer.others,
            explain: answer.explain,
        };
        match answer.outcome {
            Outcome::Saved { id, document, sequence, body, bytes } => Self {
                saved: true,
                id: id.hex(),
                document: Some(document.hex()),
                sequence: Some(sequence),
                body: Some(body.word()),
                stored_bytes: Some(bytes),
                ..shown
            },
            Outcome::Skipped { reason, last } => {
                shown.id = last.hex();
                shown.reason = Some(reason.sentence());
                shown
            }
        }
    }
}

/// One entry of a session's log, in a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownEvent {
    /// Its number among the session's entries, from 0.
    pub sequence: u64,
    /// When.
    pub when: ShownTime,
    /// By whom.
    pub who: String,
    /// By which process.
    pub process: u32,
    /// `put`, `move`, `tag`, `untag`, `mark` or `damaged`.
    pub act: &'static str,
    /// The state concerned.
    pub id: Option<String>,
    /// The branch concerned.
    pub branch: Option<String>,
    /// The kind of state, the tag, `valid` or `invalid`.
    pub what: Option<String>,
    /// Why, in words.
    pub why: String,
    /// The state that was put, whole.
    pub state: Option<Box<ShownState>>,
}

impl ShownEvent {
    /// An entry without what it did.
    fn bare(act: &'static str, sequence: u64, when: ShownTime, who: String, process: u32) -> Self {
        let (id, branch, what, why, state) = (None, None, None, String::new(), None);
        Self { sequence, when, who, process, act, id, branch, what, why, state }
    }

    /// An entry by its parts.
    fn of(sequence: u64, when: ShownTime, who: String, process: u32, event: LogEvent) -> Self {
        let bare = |act| Self::bare(act, sequence, when, who, process);
        match event {
            LogEvent::Put(meta) => Self {
                id: Some(meta.id.hex()),
                branch: Some(meta.branch.to_string()),
                what: Some(meta.kind.word().to_owned()),
                why: meta.message.clone(),
                state: Some(Box::new((*meta).into())),
                ..bare("put")
            },
            LogEvent::Move { branch, from, to, message } => Self {
                id: Some(to.hex()),
                branch: Some(branch.to_string()),
                what: from.map(|from| from.hex()),
                why: message,
                ..bare("move")
            },
            LogEvent::Tag { tag, state, is_set } => Self {
                id: Some(state.hex()),
                what: Some(tag.to_string()),
                ..bare(if is_set { "tag" } else { "untag" })
            },
            LogEvent::Mark { state, is_valid, why } => Self {
                id: Some(state.hex()),
                what: Some(if is_valid { "valid" } else { "invalid" }.to_owned()),
                why,
                ..bare("mark")
            },
            LogEvent::LetGo { what } => {
                Self { why: format!("{what} of a state that was let go"), ..bare("let go") }
            }
            LogEvent::Damaged { what } => Self { why: what, ..bare("damaged") },
        }
    }
}

impl From<LogEntry> for ShownEvent {
    fn from(entry: LogEntry) -> Self {
        let LogEntry { sequence, when, who, process, event } = entry;
        Self::of(sequence, when.into(), who, process, event)
    }
}
