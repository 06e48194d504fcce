//! From entries back to a state: from the nearest whole one forward by patches, then checked.
//!
//! Guarantees that what is given back has the ids that its entry says. Changes nothing but the
//! cache.

use super::cache::{Cache, Rebuilt};
use super::difference::applied;
use super::error::StateError;
use super::identity;
use super::index::{Index, Number, SlotKind};
use super::shared::Shared;
use super::wire::{Act, Body, Entry, PutAct};
use crate::base::id::SnapshotId;
use crate::document::{Document, DocumentError, Json, Patch};
use crate::object::snapshot::Snapshot;
use crate::store::journal::{JournalError, Position, StreamId};

/// What has to be read for a state.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub number: Number,
    /// The id that it must have.
    pub id: SnapshotId,
    /// The states before it.
    pub parents: Vec<SnapshotId>,
    /// Whether one of them was let go of, so that its id is not known.
    pub lacks_parents: bool,
    /// Its entry and those before it, to the nearest whole one.
    pub chain: Vec<(Number, Position)>,
}

impl Index {
    /// What has to be read for a state; none where no state is.
    pub(super) fn target(&self, number: Number) -> Option<Target> {
        let id = self.id(number)?;
        let before = self.parents(number);
        let lacks_parents = before.iter().any(|at| self.is_gone(*at));
        let parents = before.into_iter().filter_map(|at| self.id(at)).collect();
        let mut chain = Vec::new();
        let mut at = number;
        loop {
            let slot = self.slots.get(at as usize)?;
            chain.push((at, slot.place));
            match slot.kind {
                SlotKind::Put { parent: Some(parent), depth, .. } if depth > 0 => at = parent,
                SlotKind::Put { .. } => break,
                // What is not there is named when it is read.
                _ if at != number => break,
                _ => return None,
            }
        }
        Some(Target { number, id, parents, lacks_parents, chain })
    }
}

/// A session as its reader needs it.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub shared: &'a Shared,
    pub cache: &'a Cache,
    pub session: &'a str,
    pub stream: StreamId,
    /// Whether values that are rebuilt from patches are compared with their ids.
    pub verify: bool,
}

impl Reader<'_> {
    pub(super) fn damaged(&self, number: Number, what: impl ToString) -> StateError {
        let session = self.session.to_owned();
        StateError::Damaged { session, sequence: u64::from(number), what: what.to_string() }
    }

    /// An entry, which must be that number of this session.
    pub(super) fn entry(
        &self,
        number: Number,
        place: Position,
    ) -> Result<(Entry, u64), StateError> {
        let payload = match self.shared.log.read(place) {
            Err(error @ JournalError::Damaged { .. }) => return Err(self.damaged(number, error)),
            read => read?,
        };
        let entry = Entry::decode(&payload).map_err(|error| self.damaged(number, error))?;
        if entry.session != self.session {
            return Err(self.damaged(number, format!("it is of session `{}`", entry.session)));
        }
        if entry.sequence != u64::from(number) {
            return Err(self.damaged(number, format!("it is entry {}", entry.sequence)));
        }
        Ok((entry, payload.len() as u64))
    }

    /// An entry that puts a state.
    pub(super) fn put(
        &self,
        number: Number,
        place: Position,
    ) -> Result<(Entry, PutAct, u64), StateError> {
        let (mut entry, bytes) = self.entry(number, place)?;
        // The act goes its own way: it holds the value.
        match std::mem::replace(&mut entry.act, Act::nothing()) {
            Act::Put(put) => Ok((entry, put, bytes)),
            _ => Err(self.damaged(number, "it is no state")),
        }
    }

    /// The value of a state.
    pub(super) fn rebuild(&self, target: &Target) -> Result<Rebuilt, StateError> {
        let (mut bodies, mut top, mut document) = (Vec::new(), None, None);
        for (number, place) in &target.chain {
            if let Some(rebuilt) = self.cache.get(self.stream, *number) {
                if bodies.is_empty() {
                    return Ok(rebuilt);
                }
                document = Some(rebuilt.document);
                break;
            }
            let (entry, mut put, _) = self.put(*number, *place)?;
            bodies.push((*number, std::mem::replace(&mut put.body, Body::Same)));
            top.get_or_insert((entry, put));
        }
        for (number, body) in bodies.into_iter().rev() {
            document = Some(self.value(number, body, document)?);
        }
        let (Some((entry, put)), Some(document)) = (top, document) else {
            return Err(self.damaged(target.number, "nothing leads to it"));
        };
        self.check(target, (&entry, &put), &document)?;
        let rebuilt = Rebuilt { document, bytes: put.bytes };
        self.cache.put(self.stream, target.number, rebuilt.clone());
        Ok(rebuilt)
    }

    fn value(
        &self,
        number: Number,
        body: Body,
        below: Option<Document>,
    ) -> Result<Document, StateError> {
        let text = |content: super::wire::Content| {
            content.text().map_err(|error| self.damaged(number, error))
        };
        let below =
            || below.ok_or_else(|| self.damaged(number, "the state before it is not there"));
        match body {
            Body::Whole(content) => {
                let value = Json::parse(&text(content)?)
                    .map_err(|error| self.damaged(number, DocumentError::from(error)))?;
                Ok(Document::of(&value)?)
            }
            Body::Patch(content) => {
                let patch =
                    Patch::parse(&text(content)?).map_err(|error| self.damaged(number, error))?;
                applied(&below()?, &patch).map_err(|error| self.damaged(number, error))
            }
            Body::Same => below(),
        }
    }

    /// Compares both ids.
    fn check(
        &self,
        target: &Target,
        (entry, put): (&Entry, &PutAct),
        document: &Document,
    ) -> Result<(), StateError> {
        if (self.verify || target.chain.len() == 1) && document.id()? != put.document {
            return Err(self.damaged(target.number, "its value has another id"));
        }
        self.check_id(target, (entry, put))
    }

    /// Compares the id of the state.
    pub(super) fn check_id(
        &self,
        target: &Target,
        (entry, put): (&Entry, &PutAct),
    ) -> Result<(), StateError> {
        if put.id != target.id {
            return Err(
                self.damaged(target.number, "it is another state than the one that was asked for")
            );
        }
        if put.has_files {
            return match Snapshot::fetch(self.shared.objects.as_ref(), put.id) {
                Ok(snapshot) if snapshot.state == Some(put.document) => Ok(()),
                Ok(_) => Err(self.damaged(target.number, "its snapshot has another state")),
                Err(error) => Err(error.into()),
            };
        }
        // The digest of the entry and the id of the value stand for it.
        if target.lacks_parents {
            return Ok(());
        }
        let id = identity::id_of(entry, put, &target.parents, self.shared.no_files)?;
        if id != put.id {
            return Err(self.damaged(target.number, "its circumstances have another id"));
        }
        Ok(())
    }
}
