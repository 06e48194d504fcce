//! Bringing one branch of a session into another: three ways, from the nearest state that both come
//! from.
//!
//! Guarantees that a conflict is a result and nothing is saved then.

use std::collections::BTreeMap;

use super::error::StateError;
use super::find::Known;
use super::index::{Index, Number};
use super::put::{Answer, Put, PutKind, What};
use super::session::{Session, branch_or_main};
use crate::base::id::SnapshotId;
use crate::base::limits::STATE_TRIES_MAX;
use crate::base::name::Label;
use crate::document::{
    self, Document, DocumentConflict, DocumentError, Edit, Json, ListKeys, Pointer,
};
use crate::object::memory::MemoryObjects;

/// What is merged, and how.
#[derive(Clone, Debug)]
pub struct MergeOptions {
    /// The branch that is brought in. It stays where it is.
    pub from: Label,
    /// The branch that goes on; none is `main`.
    pub into: Option<Label>,
    /// Which side counts where both changed one place; none makes that a conflict.
    pub favour: Option<Favour>,
    /// Why, in words.
    pub message: String,
    /// What the last state of `into` must be; anything else is [`StateError::Moved`].
    pub expect: Option<SnapshotId>,
}

/// The side that counts in a conflict. A list with a conflict in it is taken as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Favour {
    /// The branch that goes on.
    Ours,
    /// The branch that is brought in.
    Theirs,
}

/// What a merge gave.
#[derive(Clone, Debug)]
pub enum Merged {
    /// A state with two parents was saved.
    Saved(Answer),
    /// All of the one is in the other already.
    UpToDate(SnapshotId),
    /// Both changed the same places differently. Nothing was saved.
    Conflicts {
        /// The state that both come from; none where they have nothing in common.
        base: Option<SnapshotId>,
        /// The places, in order.
        conflicts: Vec<DocumentConflict>,
    },
}

impl Index {
    /// The newest state that both come from, themselves included. Entries lead only back, so the
    /// first that both ways reach, newest first, is it.
    fn common(&self, a: Number, b: Number) -> Option<Number> {
        let mut seen = BTreeMap::from([(a, 1_u8)]);
        *seen.entry(b).or_default() |= 2;
        while let Some((state, ways)) = seen.pop_last() {
            if ways == 3 {
                return Some(state);
            }
            for parent in self.parents(state) {
                *seen.entry(parent).or_default() |= ways;
            }
        }
        None
    }
}

/// The three states of a merge.
struct Three {
    base: Option<Known>,
    ours: Known,
    theirs: Known,
    ids: [Option<SnapshotId>; 3],
}

impl Session {
    /// Merges a branch into another one: maps key by key, lists by the field that names their items,
    /// else as `document::merge` says.
    ///
    /// **Durability**: durable when it returns, as a manual put.
    ///
    /// # Errors
    /// As [`Session::get`] and [`Session::put`].
    pub fn merge(&self, options: &MergeOptions) -> Result<Merged, StateError> {
        let into = branch_or_main(options.into.as_ref())?;
        for _ in 0..STATE_TRIES_MAX {
            let three = self.three(&options.from, &into)?;
            let theirs = three.theirs.target.number;
            let [base, ours, ids_theirs] = three.ids;
            let is_expected = options.expect.is_none() || options.expect == ours;
            if let (Some(ours), true) = (ours, base == ids_theirs && base.is_some() && is_expected)
            {
                return Ok(Merged::UpToDate(ours));
            }
            let document = match self.merged(three, options.favour)? {
                Ok(document) => document,
                Err(conflicts) => return Ok(Merged::Conflicts { base, conflicts }),
            };
            let put = Put {
                branch: Some(into.clone()),
                message: options.message.clone(),
                expect: options.expect.or(ours),
                ..Put::new(PutKind::Manual, What::Document(document))
            };
            match self.put_timed(&put, Some(theirs)) {
                // Somebody else went on: it is merged again with what that left.
                Err(StateError::Moved { .. }) if options.expect.is_none() => {}
                answer => return answer.map(Merged::Saved),
            }
        }
        Err(StateError::Busy { session: self.name().to_owned() })
    }

    fn three(&self, from: &Label, into: &Label) -> Result<Three, StateError> {
        let index = self.known()?;
        let latest = |branch: &Label| {
            self.number(&index, &super::at::At::Latest { branch: Some(branch.clone()) })
        };
        let (ours, theirs) = (latest(into)?, latest(from)?);
        let base = index.common(ours, theirs);
        let known = |state| index.known(state).ok_or_else(|| self.no_state("there"));
        Ok(Three {
            ids: [base.and_then(|base| index.id(base)), index.id(ours), index.id(theirs)],
            base: base.map(known).transpose()?,
            ours: known(ours)?,
            theirs: known(theirs)?,
        })
    }

    fn merged(
        &self,
        three: Three,
        favour: Option<Favour>,
    ) -> Result<Result<Document, Vec<DocumentConflict>>, StateError> {
        let reader = self.shared.reader(&self.core);
        let value = |known: Known| reader.rebuild(&known.target).map(|rebuilt| rebuilt.document);
        let base = three.base.map(value).transpose()?.unwrap_or_default();
        let (ours, theirs) = (value(three.ours)?, value(three.theirs)?);
        let keys = &self.shared.settings.list_keys;
        let conflicts = match merge(&base, &ours, &theirs, keys)? {
            Err(conflicts) => conflicts,
            merged => return Ok(merged),
        };
        let Some(favour) = favour else { return Ok(Err(conflicts)) };
        // The side that does not count is given what the other one has there.
        let (ours, theirs) = match favour {
            Favour::Ours => (ours.clone(), overruled(theirs, &ours, &conflicts)?),
            Favour::Theirs => (overruled(ours, &theirs, &conflicts)?, theirs.clone()),
        };
        Ok(merge(&base, &ours, &theirs, keys)?)
    }
}

fn merge(
    base: &Document,
    ours: &Document,
    theirs: &Document,
    keys: &ListKeys,
) -> Result<Result<Document, Vec<DocumentConflict>>, DocumentError> {
    let objects = MemoryObjects::new();
    let [base, a, b] = [base.store(&objects)?, ours.store(&objects)?, theirs.store(&objects)?];
    let merge = document::merge(&objects, base, a, b, keys)?;
    Ok(match merge.document {
        // What it shares with ours is not built anew.
        Some(id) => Ok(ours.replaced(&document::read(&objects, id)?)?),
        None => Err(merge.conflicts),
    })
}

/// A side with what the favoured one has at each conflict.
fn overruled(
    mut side: Document,
    favoured: &Document,
    conflicts: &[DocumentConflict],
) -> Result<Document, DocumentError> {
    for conflict in conflicts {
        let pointer = outside_lists(&conflict.pointer, [&side, favoured]);
        let edit = match favoured.get(&pointer) {
            Some(value) => Edit::Set { pointer, value },
            None if side.get(&pointer).is_some() => Edit::Remove { pointer },
            None => continue,
        };
        side.edit(&[edit])?;
    }
    Ok(side)
}

/// The place, or the outermost list around it: positions differ from side to side.
fn outside_lists(place: &Pointer, sides: [&Document; 2]) -> Pointer {
    let parts = place.parts();
    let outer = |depth: usize| Pointer::of(parts[..depth].iter().cloned());
    let is_list = |depth: &usize| {
        sides.iter().any(|side| matches!(side.get(&outer(*depth)), Some(Json::List(_))))
    };
    (0..parts.len()).find(is_list).map_or_else(|| place.clone(), outer)
}
