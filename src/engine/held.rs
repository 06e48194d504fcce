//! What each branch and each session holds alone in the store: what removing it would free.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Engine, EngineError};
use crate::base::id::ObjectId;
use crate::object::names::{self, NameKey, NameValue};
use crate::object::snapshot::Snapshot;
use crate::store::Group;

/// What one branch or session holds alone.
#[derive(Clone, Debug, Serialize)]
pub struct HeldAlone {
    /// Its name.
    pub name: String,
    /// Objects that nothing else of its sort reaches.
    pub objects: u64,
    /// Bytes of their content.
    pub bytes: u64,
    /// Bytes on disk: their share of the blocks in which they lie.
    pub stored_bytes: u64,
}

/// What all hold alone.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Alone {
    /// Branches with their history, beside each other and all tags.
    pub branches: Vec<HeldAlone>,
    /// Files and states of the snapshots that a session made, beside those of other sessions.
    pub sessions: Vec<HeldAlone>,
}

impl Engine {
    /// What branches and sessions hold alone, the largest first. Costs a walk over all that is named.
    pub(super) fn held_alone(&self) -> Result<Alone, EngineError> {
        let names = self.store.names()?;
        let mut branches: Vec<(String, ObjectId)> = Vec::new();
        let mut tagged = Vec::new();
        for entry in names::list(&self.store, names, "")? {
            match (NameKey::parse(&entry.key), entry.value) {
                (Some(NameKey::Branch(label)), NameValue::Branch(id)) => {
                    branches.push((label.to_string(), id.object()));
                }
                (_, NameValue::Tag { snapshot, .. }) => tagged.push(snapshot.object()),
                _ => {}
            }
        }
        let sessions = self.snapshots_by_session(&branches, &tagged)?;
        let group = |roots, with_parents| Group { roots, with_parents };
        let of_branches = branches.into_iter().map(|(name, id)| (name, group(vec![id], true)));
        let of_tags = (String::new(), group(tagged, true));
        let sessions = sessions.into_iter().map(|(name, roots)| (name, group(roots, false)));
        Ok(Alone {
            branches: self.measure(of_branches.chain([of_tags]).collect())?,
            sessions: self.measure(sessions.collect())?,
        })
    }

    fn measure(&self, groups: Vec<(String, Group)>) -> Result<Vec<HeldAlone>, EngineError> {
        let (names, groups): (Vec<_>, Vec<_>) = groups.into_iter().unzip();
        let held = self.store.held_alone(&groups)?;
        let one = |(name, held): (String, crate::store::Held)| HeldAlone {
            name,
            objects: held.objects,
            bytes: held.bytes,
            stored_bytes: held.stored_bytes,
        };
        // The tags together have no name: they only share.
        let named = names.into_iter().zip(held).filter(|(name, _)| !name.is_empty());
        let mut all: Vec<HeldAlone> = named.map(one).collect();
        all.sort_by(|a, b| (b.stored_bytes, &a.name).cmp(&(a.stored_bytes, &b.name)));
        Ok(all)
    }

    fn snapshots_by_session(
        &self,
        branches: &[(String, ObjectId)],
        tagged: &[ObjectId],
    ) -> Result<BTreeMap<String, Vec<ObjectId>>, EngineError> {
        let mut sessions: BTreeMap<String, Vec<ObjectId>> = BTreeMap::new();
        let mut seen = std::collections::HashSet::new();
        let mut pending: Vec<ObjectId> =
            branches.iter().map(|(_, id)| *id).chain(tagged.iter().copied()).collect();
        while let Some(id) = pending.pop() {
            if seen.insert(id) {
                let snapshot = Snapshot::fetch(&self.store, crate::base::id::SnapshotId(id.hash))?;
                pending.extend(snapshot.parents.iter().map(|parent| parent.object()));
                sessions.entry(snapshot.session).or_default().push(id);
            }
        }
        Ok(sessions)
    }
}
