//! From plain values to values in memory and back.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::value::{Branch, Container, Entry, Item, LongText, Node, Part, Tree, Value};
use crate::base::limits::{DOCUMENT_DEPTH_MAX, DOCUMENT_STRING_BYTES_MAX};
use crate::document::build::check_key;
use crate::document::{DocumentError, Json, Number};

impl Value {
    /// A value that stands below `depth` maps and lists.
    pub fn of(json: &Json, depth: usize) -> Result<Self, DocumentError> {
        if depth >= DOCUMENT_DEPTH_MAX && matches!(json, Json::List(_) | Json::Map(_)) {
            return Err(DocumentError::TooDeep);
        }
        Ok(match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => Self::Number(number.as_str().into()),
            Json::String(text) => Self::text(text),
            Json::List(items) => {
                let item = |item| Self::of(item, depth + 1).map(Item);
                Self::list(items.iter().map(item).collect::<Result<_, _>>()?)
            }
            Json::Map(entries) => {
                let entry = |(key, value): (&String, &Json)| {
                    check_key(key)?;
                    Ok(Entry { key: key.as_str().into(), value: Self::of(value, depth + 1)? })
                };
                Self::map(entries.iter().map(entry).collect::<Result<_, DocumentError>>()?)
            }
        })
    }

    pub fn text(text: &str) -> Self {
        if text.len() <= DOCUMENT_STRING_BYTES_MAX {
            Self::String(text.into())
        } else {
            Self::Text(Arc::new(LongText { text: text.into(), id: OnceLock::new() }))
        }
    }

    /// A map of entries whose keys ascend.
    pub fn map(entries: Vec<Entry>) -> Self {
        Self::Map(Arc::new(Container::new(Node::of(entries))))
    }

    pub fn list(items: Vec<Item>) -> Self {
        Self::List(Arc::new(Container::new(Node::of(items))))
    }

    pub fn to_json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Number(text) => Json::Number(Number::known(text)),
            Self::String(text) => Json::String(text.as_ref().to_owned()),
            Self::Text(long) => Json::String(long.text.as_ref().to_owned()),
            Self::List(list) => {
                Json::List(list.root().parts().map(|item| item.0.to_json()).collect())
            }
            Self::Map(map) => {
                let entry = |entry: &Entry| (entry.key.as_ref().to_owned(), entry.value.to_json());
                Json::Map(map.root().parts().map(entry).collect::<BTreeMap<_, _>>())
            }
        }
    }

    /// Whether it is that plain value.
    pub fn is_json(&self, json: &Json) -> bool {
        match (self, json) {
            (Self::Null, Json::Null) => true,
            (Self::Bool(a), Json::Bool(b)) => a == b,
            (Self::Number(a), Json::Number(b)) => **a == *b.as_str(),
            (Self::String(a), Json::String(b)) => **a == **b,
            (Self::Text(a), Json::String(b)) => *a.text == **b,
            (Self::List(a), Json::List(b)) => {
                a.root().count() == b.len() as u64
                    && a.root().parts().zip(b).all(|(item, json)| item.0.is_json(json))
            }
            (Self::Map(a), Json::Map(b)) => {
                let same = |(entry, (key, json)): (&Entry, (&String, &Json))| {
                    *entry.key == **key && entry.value.is_json(json)
                };
                a.root().count() == b.len() as u64 && a.root().parts().zip(b).all(same)
            }
            _ => false,
        }
    }

    /// Whether both stand for one value. Costs nothing where they share, else what they hold.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Number(a), Self::Number(b)) | (Self::String(a), Self::String(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => Arc::ptr_eq(a, b) || a.text == b.text,
            (Self::List(a), Self::List(b)) => {
                is_same(a, b).unwrap_or_else(|| a.root().is_equal(b.root()))
            }
            (Self::Map(a), Self::Map(b)) => {
                is_same(a, b).unwrap_or_else(|| a.root().is_equal(b.root()))
            }
            _ => false,
        }
    }

    /// Levels of maps and lists in it.
    pub fn depth(&self) -> usize {
        match self {
            Self::List(list) => 1 + list.root().parts().map(|i| i.0.depth()).max().unwrap_or(0),
            Self::Map(map) => 1 + map.root().parts().map(|e| e.value.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }
}

/// Whether two containers are one value, where that is known without looking.
fn is_same<E>(a: &Arc<Container<E>>, b: &Arc<Container<E>>) -> Option<bool> {
    if Arc::ptr_eq(a, b) {
        return Some(true);
    }
    Some(a.settled.get()?.stands == b.settled.get()?.stands)
}

impl<E: Part> Node<E> {
    /// Whether both hold the same parts. What they share is passed over where it stands alike.
    fn is_equal(&self, other: &Self) -> bool {
        if let (Tree::Index { branches: a, .. }, Tree::Index { branches: b, .. }) =
            (&self.tree, &other.tree)
            && a.iter().map(|branch| branch.count).eq(b.iter().map(|branch| branch.count))
        {
            let is_same = |(a, b): (&Branch<E>, &Branch<E>)| {
                Arc::ptr_eq(&a.node, &b.node) || a.node.is_equal(&b.node)
            };
            return a.iter().zip(b).all(is_same);
        }
        self.count() == other.count()
            && self
                .parts()
                .zip(other.parts())
                .all(|(a, b)| a.key() == b.key() && a.value().is_same(b.value()))
    }
}
