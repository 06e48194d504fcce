//! Searching states, in one session or many.

use std::cmp::Ordering;

use super::at::StateMeta;
use super::difference::between;
use super::error::StateError;
use super::find::{Known, meta};
use super::index::Number;
use super::put::PutKind;
use super::rebuild::Reader;
use super::session::Session;
use super::sessions::Sessions;
use super::wire::{Body, PutAct};
use crate::base::name::Label;
use crate::base::time::Timestamp;
use crate::document::{Json, Patch};

/// What states are searched for: all that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// In these sessions; none: in all.
    pub sessions: Vec<String>,
    /// With all of these tags.
    pub tags: Vec<Label>,
    /// Saved on this branch.
    pub branch: Option<Label>,
    /// Saved for that reason.
    pub kind: Option<PutKind>,
    /// Saved at this moment or later.
    pub from: Option<Timestamp>,
    /// Saved at this moment or earlier.
    pub until: Option<Timestamp>,
    /// With this text in the message, or in a place or value that changed, in any case.
    pub text: Option<String>,
    /// In which order.
    pub sort: Sort,
    /// Whether the least comes first.
    pub is_ascending: bool,
    /// At most so many; 0 is all.
    pub limit: usize,
}

/// By what found states are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// When they were saved.
    #[default]
    Time,
    /// Bytes of the whole value.
    Size,
    /// How much they changed.
    Changes,
}

impl Query {
    fn order(&self, a: &StateMeta, b: &StateMeta) -> Ordering {
        let by_sort = match self.sort {
            Sort::Time => a.when.cmp(&b.when),
            Sort::Size => a.bytes.cmp(&b.bytes),
            Sort::Changes => a.fields_changed.cmp(&b.fields_changed),
        };
        // Equal ones in the order of their entries, so that an answer is one answer.
        let order = by_sort
            .then_with(|| b.session.cmp(&a.session))
            .then_with(|| a.sequence.cmp(&b.sequence));
        if self.is_ascending { order } else { order.reverse() }
    }

    fn limit(&self) -> usize {
        if self.limit == 0 { usize::MAX } else { self.limit }
    }

    /// Sorts, and keeps no more than is asked for.
    fn settle(&self, found: &mut Vec<StateMeta>) {
        found.sort_by(|a, b| self.order(a, b));
        found.truncate(self.limit());
    }
}

impl Sessions {
    /// The states that are searched for. States that cannot be read are passed over: the audit names
    /// them.
    ///
    /// # Errors
    /// [`StateError::UnknownSession`] for a session that is named; the journal's.
    pub fn search(&self, query: &Query) -> Result<Vec<StateMeta>, StateError> {
        let names = match &query.sessions[..] {
            [] => self.list()?.into_iter().map(|facts| facts.name).collect(),
            named => named.to_vec(),
        };
        let mut found = Vec::new();
        for name in names {
            self.existing(&name)?.search_into(query, &mut found)?;
        }
        query.settle(&mut found);
        Ok(found)
    }
}

impl Session {
    fn search_into(&self, query: &Query, found: &mut Vec<StateMeta>) -> Result<(), StateError> {
        let wanted = query.text.as_ref().map(|text| text.to_lowercase());
        for state in self.candidates(query)? {
            let known = self.core.lock(&self.shared)?.known(state);
            let Some(known) = known else { continue };
            let reader = self.shared.reader(&self.core);
            let Some((number, place)) = known.target.chain.first().copied() else { continue };
            let (entry, put, bytes) = match reader.put(number, place) {
                Err(StateError::Damaged { .. }) => continue,
                read => read?,
            };
            if query.kind.is_some_and(|kind| kind != put.kind) {
                continue;
            }
            if let Some(wanted) = &wanted
                && !put.message.to_lowercase().contains(wanted)
                && !self.changed(reader, &known, &put)?.is_some_and(|change| change.says(wanted))
            {
                continue;
            }
            found.push(meta(&entry, put, bytes, &known));
            if found.len() >= query.limit().saturating_mul(2) {
                query.settle(found);
            }
        }
        Ok(())
    }

    /// What the index says is enough for many: no entry is read for those.
    fn candidates(&self, query: &Query) -> Result<Vec<Number>, StateError> {
        let index = self.known()?;
        let fits = |state: &Number| {
            let when = index.slots[*state as usize].when;
            query.from.is_none_or(|from| from <= when)
                && query.until.is_none_or(|until| when <= until)
                && query.branch.as_ref().is_none_or(|branch| index.is_on(*state, branch))
                && query
                    .tags
                    .iter()
                    .all(|tag| index.tagged(tag).is_some_and(|states| states.contains(state)))
        };
        Ok(index.states().map(|(state, _)| state).filter(fits).collect())
    }

    /// What a state changed; none where what it stands on cannot be read.
    fn changed(
        &self,
        reader: Reader<'_>,
        known: &Known,
        put: &PutAct,
    ) -> Result<Option<Changed>, StateError> {
        if let Body::Patch(content) = &put.body {
            let text = content.clone().text().ok();
            return Ok(text.and_then(|text| Patch::parse(&text).ok()).map(Changed::Patch));
        }
        if let Body::Same = &put.body {
            return Ok(None);
        }
        let parent = {
            let index = self.core.lock(&self.shared)?;
            let parent = index.parents(known.target.number).first().copied();
            parent.and_then(|parent| index.target(parent))
        };
        let read = |target| match reader.rebuild(target) {
            Ok(rebuilt) => Ok(Some(rebuilt.document)),
            Err(error) if error.is_damage() => Ok(None),
            Err(error) => Err(error),
        };
        let Some(after) = read(&known.target)? else { return Ok(None) };
        let before = match &parent {
            Some(parent) => read(parent)?,
            None => None,
        };
        Ok(Some(match before {
            Some(before) => {
                Changed::Patch(between(&before, &after, &self.shared.settings.list_keys))
            }
            None => Changed::All(after.to_json()),
        }))
    }
}

/// What a state changed.
enum Changed {
    Patch(Patch),
    All(Json),
}

impl Changed {
    fn says(&self, wanted: &str) -> bool {
        match self {
            Self::All(value) => says(value, wanted),
            Self::Patch(patch) => patch.0.iter().any(|op| {
                [Some(op.path()), op.from()]
                    .into_iter()
                    .flatten()
                    .any(|place| place.to_string().to_lowercase().contains(wanted))
                    || op.value().is_some_and(|value| says(value, wanted))
            }),
        }
    }
}

fn says(value: &Json, wanted: &str) -> bool {
    match value {
        Json::Null => "null".contains(wanted),
        Json::Bool(value) => value.to_string().contains(wanted),
        Json::Number(number) => number.as_str().to_lowercase().contains(wanted),
        Json::String(text) => text.to_lowercase().contains(wanted),
        Json::List(items) => items.iter().any(|item| says(item, wanted)),
        Json::Map(entries) => {
            let entry = |(key, value): (&String, &Json)| {
                key.to_lowercase().contains(wanted) || says(value, wanted)
            };
            entries.iter().any(entry)
        }
    }
}
