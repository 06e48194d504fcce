//! A whole new value against the one before: one pass, and what is equal stays shared.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::tree::Place;
use super::value::{Container, Entry, Item, Value};
use crate::base::limits::DOCUMENT_DEPTH_MAX;
use crate::document::build::check_key;
use crate::document::{DocumentError, Json};

impl Value {
    /// The value that `json` is, sharing with this one what is equal; none when all of it is. Stands
    /// below `depth` maps and lists.
    pub fn replaced(&self, json: &Json, depth: usize) -> Result<Option<Self>, DocumentError> {
        match (self, json) {
            (Self::Map(map), Json::Map(entries)) => {
                let mut map = map.clone();
                Ok(replace_map(&mut map, entries, depth)?.then_some(Self::Map(map)))
            }
            (Self::List(list), Json::List(items)) => {
                let mut list = list.clone();
                Ok(replace_list(&mut list, items, depth)?.then_some(Self::List(list)))
            }
            _ if self.is_json(json) => Ok(None),
            _ => Self::of(json, depth).map(Some),
        }
    }
}

/// Whether anything changed.
fn replace_map(
    map: &mut Arc<Container<Entry>>,
    new: &BTreeMap<String, Json>,
    depth: usize,
) -> Result<bool, DocumentError> {
    if depth >= DOCUMENT_DEPTH_MAX {
        return Err(DocumentError::TooDeep);
    }
    let edits = map_edits(map, new, depth + 1)?;
    if edits.is_empty() {
        return Ok(false);
    }
    let root = Container::root_mut(map);
    for (key, value) in edits {
        match value {
            Some(value) => root.set(&key, value),
            None => drop(root.remove(Place::Key(&key))),
        }
    }
    Ok(true)
}

type MapEdits = Vec<(Arc<str>, Option<Value>)>;

fn map_edits(
    map: &Container<Entry>,
    new: &BTreeMap<String, Json>,
    depth: usize,
) -> Result<MapEdits, DocumentError> {
    let mut edits = Vec::new();
    let add = |edits: &mut MapEdits, key: &str, json: &Json| {
        check_key(key)?;
        edits.push((key.into(), Some(Value::of(json, depth)?)));
        Ok::<_, DocumentError>(())
    };
    let mut rest = new.iter().peekable();
    for old in map.root().parts() {
        while let Some((key, json)) = rest.next_if(|(key, _)| key.as_str() < &*old.key) {
            add(&mut edits, key, json)?;
        }
        match rest.next_if(|(key, _)| key.as_str() == &*old.key) {
            None => edits.push((old.key.clone(), None)),
            Some((_, json)) => {
                if let Some(value) = old.value.replaced(json, depth)? {
                    edits.push((old.key.clone(), Some(value)));
                }
            }
        }
    }
    rest.try_for_each(|(key, json)| add(&mut edits, key, json))?;
    Ok(edits)
}

/// Whether anything changed. Items are compared from both ends; between them by position.
fn replace_list(
    list: &mut Arc<Container<Item>>,
    new: &[Json],
    depth: usize,
) -> Result<bool, DocumentError> {
    if depth >= DOCUMENT_DEPTH_MAX {
        return Err(DocumentError::TooDeep);
    }
    let old: Vec<&Item> = list.root().parts().collect();
    let both = old.len().min(new.len());
    let begin = old.iter().zip(new).take_while(|(item, json)| item.0.is_json(json)).count();
    let same = |(item, json): &(&&Item, &Json)| item.0.is_json(json);
    let end = old.iter().rev().zip(new.iter().rev()).take(both - begin).take_while(same).count();
    let (gone, come) = (old.len() - begin - end, new.len() - begin - end);
    if gone == 0 && come == 0 {
        return Ok(false);
    }
    let mut changed = Vec::new();
    for (at, json) in new.iter().enumerate().skip(begin).take(come) {
        let value = match old.get(at).filter(|_| at < begin + gone) {
            Some(item) => item.0.replaced(json, depth + 1)?,
            None => Some(Value::of(json, depth + 1)?),
        };
        changed.extend(value.map(|value| (at, value)));
    }
    let root = Container::root_mut(list);
    for at in (begin + come..begin + gone).rev() {
        root.remove(Place::At(at as u64));
    }
    for (at, value) in changed {
        let place = Place::At(at as u64);
        match root.find_mut(place).filter(|_| at < begin + gone) {
            Some(old) => *old = value,
            None => root.insert(place, Item(value)),
        }
    }
    Ok(true)
}
