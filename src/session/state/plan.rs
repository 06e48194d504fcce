//! What a put will write, decided from what is known: the quick path, the plain one, and the way
//! from the one to the other.
//!
//! Writes nothing. Quick: the difference to the last saved state, which is skipped or saved. Plain:
//! the whole. Where the quick path fails the state is saved as a whole, and the plan says why.

use super::cache::Rebuilt;
use super::difference::{applied, between, bytes_after, is_ignored};
use super::error::StateError;
use super::index::{Head, Index, Number};
use super::put::{BodyKind, Put, PutKind, SkipReason, What};
use super::rebuild::Reader;
use super::wire::Entry;
use crate::base::id::{DocumentId, SnapshotId};
use crate::base::limits::{EXPLAIN_LINES_MAX, STATE_PATCHES_MAX};
use crate::base::name::Label;
use crate::document::{Document, Json, Patch};

/// What a put comes to.
pub(super) enum Plan {
    Save(Box<Save>),
    Skip(Skip),
}

/// An entry to append.
pub(super) struct Save {
    pub entry: Entry,
    pub payload: Vec<u8>,
    pub rebuilt: Rebuilt,
    pub facts: Saved,
    pub notes: Notes,
}

/// What the answer says of a saved state.
#[derive(Clone, Copy)]
pub(super) struct Saved {
    pub id: SnapshotId,
    pub document: DocumentId,
    pub body: BodyKind,
}

pub(super) struct Skip {
    pub reason: SkipReason,
    pub last: SnapshotId,
    pub notes: Notes,
}

/// What was noticed on the way.
#[derive(Default)]
pub(super) struct Notes {
    pub fields_changed: u64,
    pub fallback: Option<String>,
    pub explain: Vec<String>,
}

/// A put with what it is planned from.
pub(super) struct Planning<'a> {
    pub reader: Reader<'a>,
    pub index: &'a Index,
    pub put: &'a Put,
    pub branch: &'a Label,
    /// The other states that it comes from, for a merge.
    pub second: Option<Number>,
}

impl Planning<'_> {
    /// Decides.
    pub(super) fn plan(&self) -> Result<Plan, StateError> {
        let head = self.index.head(self.branch);
        self.check_expected(head)?;
        let mut notes = Notes::default();
        let last = self.last(head, &mut notes)?;
        let document = self.document(last.as_ref())?;
        if head.is_none() {
            notes.fields_changed = entries(&document);
        }
        if self.put.explain && last.is_none() {
            notes.explain.push("it is compared with no state".to_owned());
        }
        let quick = last.filter(|_| self.reader.shared.settings.quick);
        let mut change = match quick {
            Some(last) => self.change(last, &document, &mut notes)?,
            None => None,
        };
        if let (Some(change), Some(head)) = (&change, head)
            && let Some(reason) = self.skip(&change.forward, &mut notes)
            && let Some(last) = self.index.id(head.state)
        {
            return Ok(Plan::Skip(Skip { reason, last, notes }));
        }
        if head.is_some_and(|head| self.index.depth(head.state) >= STATE_PATCHES_MAX) {
            if change.is_some() && self.put.explain {
                notes.explain.push(format!("{STATE_PATCHES_MAX} patches since the last whole one"));
            }
            change = None;
        }
        self.save(head, document, change, notes)
    }

    /// Refuses a put that was made for another state than the last one.
    fn check_expected(&self, head: Option<Head>) -> Result<(), StateError> {
        let base = match &self.put.what {
            What::Edits { base, .. } | What::Patch { base, .. } => *base,
            What::Value(_) | What::Document(_) => None,
        };
        let found = head.and_then(|head| self.index.id(head.state));
        for expected in [self.put.expect, base].into_iter().flatten() {
            if found != Some(expected) {
                return Err(self.moved(head, found));
            }
        }
        Ok(())
    }

    fn moved(&self, head: Option<Head>, found: Option<SnapshotId>) -> StateError {
        let session = self.reader.session.to_owned();
        let branch = self.branch.clone();
        let Some(head) = head else {
            return StateError::UnknownBranch { session, branch, near: Vec::new() };
        };
        let place = self.index.slots[head.by as usize].place;
        match self.reader.entry(head.by, place) {
            Ok((entry, _)) => StateError::Moved {
                session,
                branch,
                found,
                who: entry.who,
                process: entry.process,
                when: entry.when,
            },
            Err(error) => error,
        }
    }

    /// The last saved state of the branch. Where it cannot be read a whole value needs none.
    fn last(&self, head: Option<Head>, notes: &mut Notes) -> Result<Option<Rebuilt>, StateError> {
        let is_whole = matches!(self.put.what, What::Value(_) | What::Document(_));
        if is_whole && !self.reader.shared.settings.quick {
            return Ok(None);
        }
        let unknown = self.index.damaged_after(head.map(|head| head.by));
        let found = match (unknown, head) {
            (Some((number, what)), _) => Err(self.reader.damaged(number, what)),
            (None, None) => return Ok(None),
            (None, Some(head)) => match (&self.index.newest, self.index.target(head.state)) {
                (Some((number, newest)), _) if *number == head.state => Ok(newest.clone()),
                (_, Some(target)) => self.reader.rebuild(&target),
                (_, None) => Err(self.reader.damaged(head.state, "it is no state")),
            },
        };
        match found {
            Ok(rebuilt) => Ok(Some(rebuilt)),
            Err(error) if is_whole => {
                notes.fallback = Some(format!("the last state cannot be read: {error}"));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn document(&self, last: Option<&Rebuilt>) -> Result<Document, StateError> {
        let last = last.map(|last| &last.document);
        let before = || last.cloned().unwrap_or_default();
        Ok(match (&self.put.what, last) {
            (What::Value(value), Some(last)) => last.replaced(value)?,
            (What::Value(value), None) => Document::of(value)?,
            (What::Document(document), _) => document.clone(),
            (What::Edits { edits, .. }, _) => {
                let mut document = before();
                document.edit(edits)?;
                document
            }
            (What::Patch { patch, .. }, _) => applied(&before(), patch)?,
        })
    }

    /// The difference, if it gives the value.
    fn change(
        &self,
        last: Rebuilt,
        document: &Document,
        notes: &mut Notes,
    ) -> Result<Option<Change>, StateError> {
        let keys = &self.reader.shared.settings.list_keys;
        let forward = between(&last.document, document, keys);
        let given = applied(&last.document, &forward);
        let is_exact = given.map(|given| given.is_same(document));
        match is_exact {
            Ok(true) => {
                notes.fields_changed = forward.0.len() as u64;
                let backward = between(document, &last.document, keys);
                let bytes = bytes_after(last.bytes, &forward, &backward);
                Ok(Some(Change { forward, bytes }))
            }
            Ok(false) => {
                notes.fallback = Some("the patch does not give the value".to_owned());
                Ok(None)
            }
            Err(error) => {
                notes.fallback = Some(format!("the patch does not apply: {error}"));
                Ok(None)
            }
        }
    }

    /// Why it need not be saved, and in words what counted.
    fn skip(&self, patch: &Patch, notes: &mut Notes) -> Option<SkipReason> {
        let ignore = &self.reader.shared.settings.ignore;
        let counts = patch.0.iter().any(|op| !is_ignored(op, ignore));
        if self.put.explain {
            if patch.0.is_empty() {
                notes.explain.push("nothing changed".to_owned());
            }
            for op in patch.0.iter().take(EXPLAIN_LINES_MAX) {
                let ignored = if is_ignored(op, ignore) { " (ignored)" } else { "" };
                notes.explain.push(format!("{} {}{ignored}", op.name(), op.path()));
            }
            let more = patch.0.len().saturating_sub(EXPLAIN_LINES_MAX);
            if more > 0 {
                notes.explain.push(format!("{more} more operations"));
            }
            if !counts && self.put.kind != PutKind::Automatic {
                let word = self.put.kind.word();
                notes.explain.push(format!("nothing counts, but a {word} one is never skipped"));
            }
        }
        if self.put.files.is_some() || !self.put.tags.is_empty() {
            // The files may have changed, whatever the state did; a tag would be lost.
            return None;
        }
        match (self.put.kind, counts) {
            (PutKind::Automatic, false) if patch.0.is_empty() => Some(SkipReason::Same),
            (PutKind::Automatic, false) => Some(SkipReason::OnlyIgnored),
            _ => None,
        }
    }
}

/// A difference that gives the value.
pub(super) struct Change {
    pub forward: Patch,
    /// Bytes of the whole after it.
    pub bytes: u64,
}

/// What a first state changes: each of its entries.
fn entries(document: &Document) -> u64 {
    match document.to_json() {
        Json::Map(entries) => entries.len() as u64,
        _ => 1,
    }
}
