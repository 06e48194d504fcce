//! Going back, branching, tagging, marking: entries that are no states.

use super::at::{At, Branch};
use super::difference::between;
use super::error::StateError;
use super::index::{Index, Number};
use super::session::{Session, branch_or_main, check_text};
use super::wire::Act;
use crate::base::id::SnapshotId;
use crate::base::limits::STATE_BRANCHES_MAX;
use crate::base::name::Label;
use crate::document::Patch;

/// A branch that went to a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The branch.
    pub branch: Label,
    /// Where it was; none for a new one.
    pub from: Option<SnapshotId>,
    /// Where it is.
    pub to: SnapshotId,
    /// The number of the entry.
    pub sequence: u64,
}

impl Session {
    /// Brings a branch (`main` if none is named) back to a state, whose value is checked before. What
    /// came after it stays in the log and can be gone back to.
    ///
    /// **Durability**: durable when it returns.
    ///
    /// # Errors
    /// As [`Session::get`] and [`Session::put`].
    pub fn rollback(
        &self,
        branch: Option<&Label>,
        to: &At,
        message: &str,
    ) -> Result<Moved, StateError> {
        let branch = branch_or_main(branch)?;
        let to = self.get(to)?.id;
        self.move_branch(branch, to, message, |index, branch| {
            self.head(index, branch).map(|head| Some(head.state))
        })
    }

    /// Begins a branch at a state.
    ///
    /// **Durability**: durable when it returns.
    ///
    /// # Errors
    /// [`StateError::BranchExists`]; as [`Session::get`] and [`Session::put`].
    pub fn branch(&self, name: &Label, from: &At, message: &str) -> Result<Moved, StateError> {
        let to = self.get(from)?.id;
        self.move_branch(name.clone(), to, message, |index, branch| match index.head(branch) {
            None => Ok(None),
            Some(_) => Err(StateError::BranchExists {
                session: self.name().to_owned(),
                branch: branch.clone(),
            }),
        })
    }

    fn move_branch(
        &self,
        branch: Label,
        to: SnapshotId,
        message: &str,
        from: impl Fn(&Index, &Label) -> Result<Option<Number>, StateError>,
    ) -> Result<Moved, StateError> {
        check_text(message)?;
        let (sequence, from) = self.act(|index| {
            let from = from(index, &branch)?.and_then(|state| index.id(state));
            if index.head(&branch).is_none() && index.branch_count() >= STATE_BRANCHES_MAX {
                let session = self.name().to_owned();
                return Err(StateError::TooManyBranches { session });
            }
            let to = u64::from(self.number(index, &At::Id(to))?);
            let (branch, message) = (branch.clone(), message.to_owned());
            Ok((Some(Act::Move { branch, to, message }), from))
        })?;
        Ok(Moved { branch, from, to, sequence })
    }

    /// All branches, by name.
    ///
    /// # Errors
    /// [`StateError::UnknownSession`]; the journal's.
    pub fn branches(&self) -> Result<Vec<Branch>, StateError> {
        let index = self.known()?;
        let branch = |(name, head): (Label, super::index::Head)| {
            let slot = index.slots.get(head.state as usize)?;
            let (sequence, head) = (u64::from(head.state), index.id(head.state)?);
            Some(Branch { name, head, sequence, when: slot.when })
        };
        Ok(index.branches().into_iter().filter_map(branch).collect())
    }

    /// Gives a state a tag; many states may have one. Nothing is written where it has it.
    ///
    /// **Durability**: durable when it returns.
    ///
    /// # Errors
    /// As [`Session::get`] and [`Session::put`].
    pub fn tag(&self, at: &At, tag: &Label) -> Result<SnapshotId, StateError> {
        self.set_tag(at, tag, true)
    }

    /// Takes a tag from a state.
    ///
    /// **Durability**: durable when it returns.
    ///
    /// # Errors
    /// As [`Session::tag`].
    pub fn untag(&self, at: &At, tag: &Label) -> Result<SnapshotId, StateError> {
        self.set_tag(at, tag, false)
    }

    fn set_tag(&self, at: &At, tag: &Label, is_set: bool) -> Result<SnapshotId, StateError> {
        let id = self.meta(at)?.id;
        self.act(|index| {
            let state = self.number(index, &At::Id(id))?;
            let has = index.tagged(tag).is_some_and(|states| states.contains(&state));
            let act = Act::Tag { tag: tag.clone(), state: u64::from(state), is_set };
            Ok(((has != is_set).then_some(act), id))
        })
        .map(|(_, id)| id)
    }

    /// Marks a state as valid or invalid. [`Session::latest_valid`] passes invalid ones over.
    ///
    /// **Durability**: durable when it returns.
    ///
    /// # Errors
    /// As [`Session::tag`].
    pub fn mark(&self, at: &At, is_valid: bool, why: &str) -> Result<SnapshotId, StateError> {
        check_text(why)?;
        let id = self.meta(at)?.id;
        self.act(|index| {
            let state = u64::from(self.number(index, &At::Id(id))?);
            Ok((Some(Act::Mark { state, is_valid, why: why.to_owned() }), id))
        })
        .map(|(_, id)| id)
    }

    /// The patch that leads from one state to another. For the other direction swap them.
    ///
    /// # Errors
    /// As [`Session::get`].
    pub fn diff(&self, from: &At, to: &At) -> Result<Patch, StateError> {
        let (from, to) = (self.get(from)?, self.get(to)?);
        Ok(between(&from.document, &to.document, &self.shared.settings.list_keys))
    }
}
