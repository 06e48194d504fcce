//! The entry of a planned state: its body, its ids, its bytes.
//!
//! Writes nothing.

use super::cache::Rebuilt;
use super::error::StateError;
use super::identity;
use super::index::{Head, Number};
use super::plan::{Change, Notes, Plan, Planning, Save, Saved};
use super::wire::{Act, Body, Content, NO_ENTRY, PutAct};
use crate::base::id::{DocumentId, SnapshotId};
use crate::base::limits::{DOCUMENT_READ_BYTES_MAX, STATE_BRANCHES_MAX};
use crate::document::{Document, DocumentError};
use crate::object::snapshot::Snapshot;

impl Planning<'_> {
    /// The entry that saves a state, by its change if there is one.
    pub(super) fn save(
        &self,
        head: Option<Head>,
        document: Document,
        change: Option<Change>,
        notes: Notes,
    ) -> Result<Plan, StateError> {
        let (body, bytes) = match change {
            Some(change) if change.forward.0.is_empty() => (Body::Same, change.bytes),
            Some(change) => {
                let text = change.forward.compact();
                if (text.len() as u64) < change.bytes / 2 {
                    (Body::Patch(Content::of(text)), change.bytes)
                } else {
                    whole(&document)?
                }
            }
            None => whole(&document)?,
        };
        check_bytes(bytes)?;
        if head.is_none() && self.index.branch_count() >= STATE_BRANCHES_MAX {
            let session = self.reader.session.to_owned();
            return Err(StateError::TooManyBranches { session });
        }
        let shared = self.reader.shared;
        let id = document.id()?;
        let parents: Vec<Number> =
            head.map(|head| head.state).into_iter().chain(self.second).collect();
        let mut act = PutAct {
            kind: self.put.kind,
            branch: self.branch.clone(),
            parents: parents.iter().map(|at| u64::from(*at)).collect(),
            id: SnapshotId(NO_ENTRY),
            document: id,
            has_files: self.put.files.is_some(),
            fields_changed: notes.fields_changed,
            bytes,
            message: self.put.message.clone(),
            tags: self.put.tags.clone(),
            body,
        };
        let ids: Vec<_> = parents.iter().filter_map(|at| self.index.id(*at)).collect();
        let mut entry = self.reader.shared.blank(self.reader.session, self.index);
        act.id = match self.put.files {
            Some(files) => self.files(files, id)?,
            None => identity::id_of(&entry, &act, &ids, shared.no_files)?,
        };
        let facts = Saved { id: act.id, document: id, body: act.body.kind() };
        entry.act = Act::Put(act);
        let payload = entry.encode()?;
        let rebuilt = Rebuilt { document, bytes };
        Ok(Plan::Save(Box::new(Save { entry, payload, rebuilt, facts, notes })))
    }

    /// The snapshot with the files, which must have this state.
    fn files(&self, files: SnapshotId, state: DocumentId) -> Result<SnapshotId, StateError> {
        let snapshot = Snapshot::fetch(self.reader.shared.objects.as_ref(), files)?;
        if snapshot.state == Some(state) {
            Ok(files)
        } else {
            Err(StateError::OtherFiles { id: files })
        }
    }
}

fn whole(document: &Document) -> Result<(Body, u64), StateError> {
    let text = document.to_json().compact();
    let bytes = text.len() as u64;
    check_bytes(bytes)?;
    Ok((Body::Whole(Content::of(text)), bytes))
}

/// Refuses to save what would not be read again.
fn check_bytes(bytes: u64) -> Result<(), StateError> {
    if bytes > DOCUMENT_READ_BYTES_MAX {
        return Err(DocumentError::TooLarge.into());
    }
    Ok(())
}
