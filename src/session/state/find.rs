//! Finding states: by branch, step, time, id, tag, validity.

use super::at::{At, Found, StateMeta};
use super::error::StateError;
use super::index::{Index, Number};
use super::rebuild::Target;
use super::session::{Session, branch_or_main};
use super::wire::{Entry, PutAct};
use crate::base::id::SnapshotId;
use crate::base::limits::AMBIGUOUS_SHOWN_MAX;
use crate::base::name::Label;
use crate::base::near::near;
use crate::base::time::Timestamp;
use crate::document::Document;

/// What is known of a state in memory, to be completed by its entry.
pub(super) struct Known {
    pub target: Target,
    tags: Vec<Label>,
    valid: Option<bool>,
}

impl Index {
    pub(super) fn known(&self, state: Number) -> Option<Known> {
        let target = self.target(state)?;
        Some(Known { target, tags: self.tags_of(state), valid: self.mark(state) })
    }
}

impl Session {
    /// A state with its value. Sees what other processes saved.
    ///
    /// # Errors
    /// [`StateError::UnknownSession`], [`StateError::UnknownBranch`], [`StateError::UnknownState`],
    /// [`StateError::Uncertain`], [`StateError::Ambiguous`]; [`StateError::Damaged`] when it, or what it is a patch of, cannot
    /// be read or has another id, and when an entry that cannot be read may have moved the branch;
    /// the journal's.
    pub fn get(&self, at: &At) -> Result<Found, StateError> {
        if let At::Valid { branch } = at {
            return self.latest_valid(branch.as_ref(), |_| true);
        }
        let known = self.find(at)?;
        self.found(known)
    }

    /// What is known of a state, without rebuilding it.
    ///
    /// # Errors
    /// As [`Session::get`].
    pub fn meta(&self, at: &At) -> Result<StateMeta, StateError> {
        if matches!(at, At::Valid { .. }) {
            return self.get(at).map(|found| found.meta);
        }
        let known = self.find(at)?;
        self.read_meta(&known)
    }

    /// The newest state of a branch (`main` if none is named) that is not marked invalid, can be
    /// rebuilt with the right id, and passes `check`. Damage is passed over here.
    ///
    /// # Errors
    /// [`StateError::UnknownState`] when there is none; as [`Session::get`].
    pub fn latest_valid(
        &self,
        branch: Option<&Label>,
        check: impl Fn(&Document) -> bool,
    ) -> Result<Found, StateError> {
        let branch = branch_or_main(branch)?;
        let mut next = {
            let index = self.known()?;
            Some(self.head(&index, &branch)?.state)
        };
        while let Some(state) = next {
            let (known, parent) = {
                let index = self.core.lock(&self.shared)?;
                // Behind an entry that cannot be read the branch's older states come next.
                let parent = match index.id(state) {
                    Some(_) => index.parents(state).first().copied(),
                    None => index.head_before(&branch, state),
                };
                (index.known(state), parent)
            };
            next = parent;
            let Some(known) = known.filter(|known| known.valid != Some(false)) else { continue };
            match self.found(known) {
                Ok(found) if check(&found.document) => return Ok(found),
                Ok(_) => {}
                Err(error) if error.is_damage() => {}
                Err(error) => return Err(error),
            }
        }
        Err(self.no_state("that is valid"))
    }

    /// The state that is meant.
    fn find(&self, at: &At) -> Result<Known, StateError> {
        let index = self.known()?;
        let found = self.number(&index, at);
        let state = found.map_err(|error| self.unless_damaged(&index, error))?;
        index.known(state).ok_or_else(|| self.no_state("there"))
    }

    /// That there is no such thing is only known where all entries can be read.
    pub(super) fn unless_damaged(&self, index: &Index, error: StateError) -> StateError {
        match (&error, index.damaged_after(None)) {
            (
                StateError::UnknownState { .. } | StateError::UnknownBranch { .. },
                Some((number, _)),
            ) => StateError::Uncertain { sequence: number.into(), error: Box::new(error) },
            _ => error,
        }
    }

    /// The number of the state that is meant.
    pub(super) fn number(&self, index: &Index, at: &At) -> Result<Number, StateError> {
        match at {
            At::Latest { branch } => self.latest(index, branch.as_ref()),
            At::Back { branch, steps } => {
                let mut state = self.latest(index, branch.as_ref())?;
                for step in 0..*steps {
                    let Some(parent) = index.parents(state).first().copied() else {
                        return Err(match index.id(state) {
                            None if index.is_gone(state) => self.let_go(),
                            Some(_) => self.no_state(&format!("{steps} steps back, only {step}")),
                            None => self.damaged(state, "what was before it is not known"),
                        });
                    };
                    state = parent;
                }
                if index.is_gone(state) { Err(self.let_go()) } else { Ok(state) }
            }
            At::Time { branch, time } => self.at_time(index, branch.as_ref(), *time),
            // Which one is valid is found by reading: see `latest_valid`.
            At::Valid { branch } => Ok(self.head(index, &branch_or_main(branch.as_ref())?)?.state),
            At::Id(id) => self.by_id(index, *id),
            At::Prefix(prefix) => self.by_prefix(index, prefix),
            At::Tag(tag) => {
                let tagged = index.tagged(tag).into_iter().flatten().rev();
                let newest = tagged.copied().find(|state| !index.is_gone(*state));
                newest.ok_or_else(|| self.no_state(&format!("with the tag `{tag}`")))
            }
        }
    }

    fn latest(&self, index: &Index, branch: Option<&Label>) -> Result<Number, StateError> {
        let branch = branch_or_main(branch)?;
        let head = self.head(index, &branch)?;
        match index.damaged_after(Some(head.by)) {
            None => Ok(head.state),
            Some((number, what)) => {
                Err(self.damaged(number, format!("{what}; it may have moved branch `{branch}`")))
            }
        }
    }

    pub(super) fn head(
        &self,
        index: &Index,
        branch: &Label,
    ) -> Result<super::index::Head, StateError> {
        index.head(branch).ok_or_else(|| {
            let names = index.branches().into_iter().map(|(name, _)| name.to_string());
            StateError::UnknownBranch {
                session: self.name().to_owned(),
                branch: branch.clone(),
                near: near(branch.as_str(), names.collect()),
            }
        })
    }

    fn at_time(
        &self,
        index: &Index,
        branch: Option<&Label>,
        time: Timestamp,
    ) -> Result<Number, StateError> {
        let branch = branch_or_main(branch)?;
        self.head(index, &branch)?;
        match index.at_time(&branch, time) {
            Ok(state) => state.ok_or_else(|| self.no_state("that early")),
            Err(unknown) if index.is_gone(unknown) => Err(self.let_go()),
            Err(unknown) => {
                let what =
                    format!("it cannot be read, and may have moved branch `{branch}` by then");
                Err(self.damaged(unknown, what))
            }
        }
    }

    fn by_id(&self, index: &Index, id: SnapshotId) -> Result<Number, StateError> {
        let found = index.states().find(|(_, known)| *known == id);
        found.map(|(state, _)| state).ok_or_else(|| self.no_state(&id.short()))
    }

    fn by_prefix(&self, index: &Index, prefix: &str) -> Result<Number, StateError> {
        let wanted = prefix.to_ascii_lowercase();
        let mut found: Vec<(Number, SnapshotId)> = Vec::new();
        for (state, id) in index.states() {
            let is_new = !found.iter().any(|(_, known)| *known == id);
            if is_new && id.hex().starts_with(&wanted) {
                found.push((state, id));
                if found.len() >= AMBIGUOUS_SHOWN_MAX {
                    break;
                }
            }
        }
        match &found[..] {
            _ if wanted.is_empty() => Err(self.no_state("with an empty id")),
            [] => Err(self.no_state(prefix)),
            [(state, _)] => Ok(*state),
            _ => Err(StateError::Ambiguous {
                prefix: prefix.to_owned(),
                found: found.into_iter().map(|(_, id)| id).collect(),
            }),
        }
    }

    fn damaged(&self, number: Number, what: impl ToString) -> StateError {
        self.shared.reader(&self.core).damaged(number, what)
    }

    fn let_go(&self) -> StateError {
        self.no_state("that old: retention let go of it")
    }

    pub(super) fn no_state(&self, wanted: &str) -> StateError {
        StateError::UnknownState { session: self.name().to_owned(), wanted: wanted.to_owned() }
    }

    /// Rebuilds a state.
    pub(super) fn found(&self, known: Known) -> Result<Found, StateError> {
        let reader = self.shared.reader(&self.core);
        let document = reader.rebuild(&known.target)?.document;
        let meta = self.read_meta(&known)?;
        Ok(Found { id: meta.id, document, meta })
    }

    fn read_meta(&self, known: &Known) -> Result<StateMeta, StateError> {
        let reader = self.shared.reader(&self.core);
        let target = &known.target;
        let Some((number, place)) = target.chain.first() else {
            return Err(reader.damaged(target.number, "nothing leads to it"));
        };
        let (entry, put, bytes) = reader.put(*number, *place)?;
        Ok(meta(&entry, put, bytes, known))
    }
}

/// All that is known of a state.
pub(super) fn meta(entry: &Entry, put: PutAct, stored_bytes: u64, known: &Known) -> StateMeta {
    StateMeta {
        session: entry.session.clone(),
        sequence: entry.sequence,
        id: put.id,
        document: put.document,
        kind: put.kind,
        branch: put.branch,
        parents: known.target.parents.clone(),
        when: entry.when,
        who: entry.who.clone(),
        process: entry.process,
        message: put.message,
        tags: known.tags.clone(),
        valid: known.valid,
        has_files: put.has_files,
        body: put.body.kind(),
        stored_bytes,
        bytes: put.bytes,
        fields_changed: put.fields_changed,
    }
}
