//! By which field the items of a list are known.

use std::collections::HashMap;

use crate::document::{Json, Pointer, PointerPattern};

/// By which field the items of lists are known, so that an item is followed wherever it stands.
/// Holds for a list only where each item is a map that has the field, with a string, number or
/// boolean that no other item has. Every other list is compared by position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListKeys {
    everywhere: Option<String>,
    at: Vec<(PointerPattern, String)>,
}

impl Default for ListKeys {
    /// `id`, in all lists.
    fn default() -> Self {
        Self::everywhere("id")
    }
}

impl ListKeys {
    /// All lists by position.
    pub fn by_position() -> Self {
        Self { everywhere: None, at: Vec::new() }
    }

    /// One field for all lists.
    pub fn everywhere(field: impl Into<String>) -> Self {
        Self { everywhere: Some(field.into()), at: Vec::new() }
    }

    /// Another field for lists at some places. Of several patterns that match, the first counts.
    #[must_use]
    pub fn with(mut self, lists: PointerPattern, field: impl Into<String>) -> Self {
        self.at.push((lists, field.into()));
        self
    }

    /// The field of the items of the list at a place; none where position counts.
    pub fn field(&self, list: &Pointer) -> Option<&str> {
        self.field_at(|| list.clone())
    }

    /// As [`ListKeys::field`]; asks where the list is only when that matters.
    pub(crate) fn field_at(&self, list: impl FnOnce() -> Pointer) -> Option<&str> {
        if !self.at.is_empty() {
            let list = list();
            if let Some((_, field)) = self.at.iter().find(|(pattern, _)| pattern.matches(&list)) {
                return Some(field);
            }
        }
        self.everywhere.as_deref()
    }
}

/// What an item is known by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Identity<'a> {
    String(&'a str),
    Number(&'a str),
    Bool(bool),
}

impl<'a> Identity<'a> {
    fn of(item: &'a Json, field: &str) -> Option<Self> {
        let Json::Map(entries) = item else {
            return None;
        };
        match entries.get(field)? {
            Json::String(text) => Some(Self::String(text)),
            Json::Number(number) => Some(Self::Number(number.as_str())),
            Json::Bool(value) => Some(Self::Bool(*value)),
            Json::Null | Json::List(_) | Json::Map(_) => None,
        }
    }
}

/// What the items are known by, each with its position; none unless all have it and no two the
/// same.
pub(crate) fn identities<'a>(
    items: &'a [Json],
    field: &str,
) -> Option<HashMap<Identity<'a>, usize>> {
    let mut all = HashMap::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        if all.insert(Identity::of(item, field)?, at).is_some() {
            return None;
        }
    }
    Some(all)
}
