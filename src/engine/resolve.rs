//! From what people write to the snapshot they mean: `main`, `e7/map`, `map`, a tag, `@`, `@-`,
//! `NAME~2`, or the first digits of an id.
//!
//! Guarantees one meaning or an error that lists the meanings; never a guess.

use super::view::is_of_view;
use super::{Engine, EngineError};
use crate::base::id::{ExperimentId, Kind, NamesId, SnapshotId};
use crate::base::name::Label;
use crate::base::near::near;
use crate::graph;
use crate::object::experiment::Experiment;
use crate::object::names::{self, NameEntry, NameKey, NameValue};
use crate::object::snapshot::Snapshot;

/// The fewest digits of an id that are looked up.
const ID_DIGITS_MIN: usize = 4;

/// How many candidates an error lists.
const CANDIDATES_MAX: usize = 8;

/// What a name expression means.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The snapshot.
    pub id: SnapshotId,
    /// The snapshot itself.
    pub snapshot: Snapshot,
    /// The branch, where the expression names one without a step back.
    pub branch: Option<Label>,
}

/// How many steps back, and from what.
fn split(text: &str) -> Option<(&str, usize)> {
    if let Some(steps) = text.strip_prefix('@').filter(|rest| rest.chars().all(|c| c == '-')) {
        return Some(("@", steps.len()));
    }
    match text.split_once('~') {
        None => Some((text, 0)),
        Some((base, "")) => Some((base, 1)),
        Some((base, steps)) => steps.parse().ok().map(|steps| (base, steps)),
    }
}

impl Engine {
    /// The snapshot that an expression means.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] with names that are near, [`EngineError::Ambiguous`].
    pub fn resolve(&self, text: &str) -> Result<Resolved, EngineError> {
        let names = self.store.names()?;
        let not_found = || self.not_found(names, "snapshot, branch or tag", text);
        let Some((base, steps)) = split(text) else {
            return Err(not_found()?);
        };
        let (id, branch) = self.resolve_base(names, base, text)?;
        if steps == 0 {
            let snapshot = Snapshot::fetch(&self.store, id)?;
            return Ok(Resolved { id, snapshot, branch });
        }
        match graph::ancestor_at(&self.store, id, steps)? {
            Some(id) => {
                let snapshot = Snapshot::fetch(&self.store, id)?;
                Ok(Resolved { id, snapshot, branch: None })
            }
            None => Err(not_found()?),
        }
    }

    fn resolve_base(
        &self,
        names: NamesId,
        base: &str,
        whole: &str,
    ) -> Result<(SnapshotId, Option<Label>), EngineError> {
        if base == "@" {
            return Ok((self.standing()?.position.snapshot, None));
        }
        // A whole name comes before the short name of an experiment's branch.
        if let Ok(label) = Label::new(base) {
            if let Some(id) = self.branch_head(names, &label)? {
                return Ok((id, Some(label)));
            }
            if let Some(snapshot) = self.tagged(names, &label)? {
                return Ok((snapshot, None));
            }
        }
        if let Some((label, id)) = self.find_branch(names, base)? {
            return Ok((id, Some(label)));
        }
        let is_hex = base.len() >= ID_DIGITS_MIN && base.bytes().all(|b| b.is_ascii_hexdigit());
        let digits = base.to_ascii_lowercase();
        let found = match is_hex {
            true => self.store.find(Kind::Snapshot, &digits, CANDIDATES_MAX)?,
            false => Vec::new(),
        };
        match found.as_slice() {
            // Names lead to all else; this one may have been let go of.
            [one] => match self.gone_snapshot(SnapshotId(*one))? {
                Some(gone) => Err(gone.into()),
                None => Ok((SnapshotId(*one), None)),
            },
            [] => Err(self.not_found(names, "snapshot, branch or tag", whole)?),
            several => {
                let candidates = several.iter().map(|hash| hash.hex()[..16].to_owned()).collect();
                Err(EngineError::Ambiguous { name: whole.to_owned(), candidates })
            }
        }
    }

    fn tagged(&self, names: NamesId, label: &Label) -> Result<Option<SnapshotId>, EngineError> {
        let tag = names::get(&self.store, names, &NameKey::Tag(label.clone()))?;
        Ok(match tag {
            Some(NameValue::Tag { snapshot, .. }) => Some(snapshot),
            _ => None,
        })
    }

    /// Refuses a new branch or tag whose name is taken by either: a name means one thing.
    pub(super) fn refuse_taken(&self, names: NamesId, label: &Label) -> Result<(), EngineError> {
        let taken = |what| Err(EngineError::Exists { what, name: label.to_string() });
        if self.branch_head(names, label)?.is_some() {
            return taken("branch");
        }
        if self.tagged(names, label)?.is_some() {
            return taken("tag");
        }
        Ok(())
    }

    /// The branch of that name, or the only branch of an experiment whose last part it is; among
    /// several, that of the newest experiment of this session.
    pub(super) fn find_branch(
        &self,
        names: NamesId,
        text: &str,
    ) -> Result<Option<(Label, SnapshotId)>, EngineError> {
        let Ok(label) = Label::new(text) else {
            return Ok(None);
        };
        if let Some(id) = self.branch_head(names, &label)? {
            return Ok(Some((label, id)));
        }
        let mut matches = self.branches(names)?;
        matches.retain(|(label, _)| label.as_str() != text && label.last_part() == text);
        if matches.len() > 1
            && let Some((last, _)) = self.last_experiment(names)?
        {
            let prefix = format!("{}/", last.name);
            if let Some(at) = matches.iter().position(|(l, _)| l.as_str().starts_with(&prefix)) {
                return Ok(Some(matches.swap_remove(at)));
            }
        }
        match matches.len() {
            0 => Ok(None),
            1 => Ok(matches.pop()),
            _ => {
                let candidates = matches.iter().map(|(label, _)| label.to_string()).collect();
                Err(EngineError::Ambiguous { name: text.to_owned(), candidates })
            }
        }
    }

    /// All branches with their heads, by name.
    pub(super) fn branches(&self, names: NamesId) -> Result<Vec<(Label, SnapshotId)>, EngineError> {
        let branch = |entry: NameEntry| match (NameKey::parse(&entry.key), entry.value) {
            (Some(NameKey::Branch(label)), NameValue::Branch(id)) => Some((label, id)),
            _ => None,
        };
        Ok(names::list(&self.store, names, "branch/")?.into_iter().filter_map(branch).collect())
    }

    /// All experiments, oldest first.
    pub(super) fn experiments(
        &self,
        names: NamesId,
    ) -> Result<Vec<(ExperimentId, Experiment)>, EngineError> {
        let mut all = Vec::new();
        for entry in names::list(&self.store, names, "experiment/")? {
            if let NameValue::Experiment(id) = entry.value {
                all.push((id, Experiment::fetch(&self.store, id)?));
            }
        }
        all.sort_by_key(|(_, experiment)| (experiment.when, experiment.name.clone()));
        Ok(all)
    }

    /// The last experiment of this session, else of this workspace. One that was opened in a view comes
    /// first there and last elsewhere.
    pub(super) fn last_experiment(
        &self,
        names: NamesId,
    ) -> Result<Option<(Experiment, ExperimentId)>, EngineError> {
        let mut all = self.experiments(names)?;
        let is_here = |experiment: &Experiment| match self.place.work() {
            Some(work) => experiment.workspace == work.workspace,
            None => !is_of_view(&experiment.workspace),
        };
        if all.iter().any(|(_, experiment)| is_here(experiment)) {
            all.retain(|(_, experiment)| is_here(experiment));
        }
        let session = &self.surroundings.session;
        let of_session = all.iter().rev().find(|(_, e)| e.session == *session);
        let of_workspace = || all.iter().rev().find(|(_, e)| e.workspace == self.place.workspace);
        Ok(of_session.or_else(of_workspace).map(|(id, e)| (e.clone(), *id)))
    }

    /// The experiment of that name, or the last one. One of another store is refused by name.
    pub(super) fn experiment(
        &self,
        name: Option<&str>,
    ) -> Result<(Experiment, ExperimentId), EngineError> {
        match (self.own_experiment(name), name) {
            (Err(error @ EngineError::NotFound { .. }), Some(name)) => {
                Err(self.foreign_refusal(name)?.unwrap_or(error))
            }
            (found, _) => found,
        }
    }

    /// The experiment of that name that was made here, or the last one.
    pub(super) fn own_experiment(
        &self,
        name: Option<&str>,
    ) -> Result<(Experiment, ExperimentId), EngineError> {
        let names = self.store.names()?;
        let Some(name) = name else {
            let none = || EngineError::NotFound {
                what: "experiment",
                name: "(the last one)".to_owned(),
                near: Vec::new(),
            };
            return self.last_experiment(names)?.ok_or_else(none);
        };
        let key = NameKey::Experiment(name.to_owned());
        match names::get(&self.store, names, &key)? {
            Some(NameValue::Experiment(id)) => Ok((Experiment::fetch(&self.store, id)?, id)),
            _ => {
                let all = self.experiments(names)?;
                let near = all.into_iter().rev().map(|(_, e)| e.name).take(3).collect();
                Err(EngineError::NotFound { what: "experiment", name: name.to_owned(), near })
            }
        }
    }

    pub(super) fn not_found(
        &self,
        names: NamesId,
        what: &'static str,
        name: &str,
    ) -> Result<EngineError, EngineError> {
        let mut known: Vec<String> =
            self.branches(names)?.into_iter().map(|(label, _)| label.to_string()).collect();
        let tags = names::list(&self.store, names, "tag/")?;
        known.extend(tags.iter().filter_map(|tag| tag.key.strip_prefix("tag/").map(str::to_owned)));
        // The name itself is right where it names something that lacks what was asked for.
        known.retain(|known| known != name);
        Ok(EngineError::NotFound { what, name: name.to_owned(), near: near(name, known) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_split() {
        assert_eq!(split("@"), Some(("@", 0)));
        assert_eq!(split("@--"), Some(("@", 2)));
        assert_eq!(split("main~"), Some(("main", 1)));
        assert_eq!(split("e7/map~12"), Some(("e7/map", 12)));
        assert_eq!(split("main~x"), None);
    }
}
