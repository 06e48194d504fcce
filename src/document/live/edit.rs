//! Changing a value at places: costs the way there.

use super::tree::Place;
use super::value::{Container, Item, Value};
use crate::base::limits::DOCUMENT_DEPTH_MAX;
use crate::document::build::check_key;
use crate::document::pointer::position;
use crate::document::{DocumentError, Edit, Json, Pointer};

impl Value {
    /// Applies one edit. Where it does not fit, what it had begun may stay: the caller goes back.
    pub fn edit(&mut self, edit: &Edit) -> Result<(), DocumentError> {
        match edit {
            Edit::Set { pointer, value } => self.place(pointer, value, Way::Set),
            Edit::Insert { pointer, value } => self.place(pointer, value, Way::Insert),
            Edit::Append { pointer, value } => self.place(&pointer.join("-"), value, Way::Insert),
            Edit::Remove { pointer } => self.take(pointer).map(drop),
            Edit::Move { from, to } => self.relocate(from, to),
            Edit::Test { pointer, value } => self.test(pointer, value),
        }
    }

    /// The value at a place.
    pub fn at(&self, parts: &[String]) -> Option<&Self> {
        parts.iter().try_fold(self, |at, part| match at {
            Self::Map(map) => map.root().find(Place::Key(part)),
            Self::List(list) => list.root().find(Place::At(position(part)?)),
            _ => None,
        })
    }

    /// The value at a place that is there, to be changed.
    pub fn at_mut(&mut self, parts: &[String]) -> Option<&mut Self> {
        parts.iter().try_fold(self, |at, part| match at {
            Self::Map(map) => Container::root_mut(map).find_mut(Place::Key(part)),
            Self::List(list) => Container::root_mut(list).find_mut(Place::At(position(part)?)),
            _ => None,
        })
    }

    fn place(&mut self, pointer: &Pointer, value: &Json, way: Way) -> Result<(), DocumentError> {
        let value = Self::of(value, pointer.parts().len())?;
        self.put(pointer, value, way)
    }

    /// Puts a value that is not too deep there.
    pub fn put(&mut self, pointer: &Pointer, value: Self, way: Way) -> Result<(), DocumentError> {
        let fault = |reason| Err(DocumentError::Edit { pointer: pointer.to_string(), reason });
        let Some((last, above)) = pointer.parts().split_last() else {
            if way == Way::Insert {
                return fault("the whole document can only be set");
            }
            *self = value;
            return Ok(());
        };
        match (self.at_mut(above), way) {
            (None, _) => fault("nothing stands on the way there"),
            (Some(Self::Map(_)), Way::Insert) => {
                fault("only lists are inserted into; a key is set")
            }
            (Some(Self::Map(map)), Way::Set | Way::Add) => {
                check_key(last)?;
                Container::root_mut(map).set(last, value);
                Ok(())
            }
            (Some(Self::List(list)), Way::Insert | Way::Add) => {
                let count = list.root().count();
                let at = if last == "-" { Some(count) } else { position(last) };
                let Some(at) = at.filter(|at| *at <= count) else {
                    return fault("it is no position up to the end of the list");
                };
                Container::root_mut(list).insert(Place::At(at), Item(value));
                Ok(())
            }
            (Some(Self::List(list)), Way::Set) => {
                let place = position(last).map(Place::At);
                match place.and_then(|place| Container::root_mut(list).find_mut(place)) {
                    Some(old) => *old = value,
                    None => return fault("it is no position in the list"),
                }
                Ok(())
            }
            (Some(_), _) => fault("it would stand inside a scalar"),
        }
    }

    /// Takes away what stands there.
    pub fn take(&mut self, pointer: &Pointer) -> Result<Self, DocumentError> {
        let fault = |reason| DocumentError::Edit { pointer: pointer.to_string(), reason };
        let Some((last, above)) = pointer.parts().split_last() else {
            return Err(fault("the whole document can only be set"));
        };
        match self.at_mut(above) {
            None => Err(fault("nothing stands on the way there")),
            Some(Self::Map(map)) => {
                if map.root().find(Place::Key(last)).is_none() {
                    return Err(fault("there is nothing to remove"));
                }
                let entry = Container::root_mut(map).remove(Place::Key(last));
                entry.map(|entry| entry.value).ok_or_else(|| fault("there is nothing to remove"))
            }
            Some(Self::List(list)) => {
                let count = list.root().count();
                let place = position(last).filter(|at| *at < count).map(Place::At);
                let item = place.and_then(|place| Container::root_mut(list).remove(place));
                item.map(|item| item.0).ok_or_else(|| fault("it is no position in the list"))
            }
            Some(_) => Err(fault("it would stand inside a scalar")),
        }
    }

    /// Takes a value from one place to another, which is one of the document without it.
    pub fn relocate(&mut self, from: &Pointer, to: &Pointer) -> Result<(), DocumentError> {
        if from == to && self.at(from.parts()).is_some() {
            return Ok(());
        }
        if to.parts().starts_with(from.parts()) {
            let reason = "a value cannot be moved into itself";
            return Err(DocumentError::Edit { pointer: to.to_string(), reason });
        }
        let value = self.take(from)?;
        value.check_depth(to)?;
        self.put(to, value, Way::add(to))
    }

    /// Refuses a value that would be too deep at that place.
    pub fn check_depth(&self, at: &Pointer) -> Result<(), DocumentError> {
        if at.parts().len() + self.depth() > DOCUMENT_DEPTH_MAX {
            return Err(DocumentError::TooDeep);
        }
        Ok(())
    }

    pub fn test(&self, pointer: &Pointer, value: &Json) -> Result<(), DocumentError> {
        let reason = match self.at(pointer.parts()) {
            Some(found) if found.is_json(value) => return Ok(()),
            Some(_) => "another value stands there than the test says",
            None => "nothing stands there to be tested",
        };
        Err(DocumentError::Edit { pointer: pointer.to_string(), reason })
    }
}

impl Way {
    /// How RFC 6902 adds at a place: the whole document is replaced.
    pub fn add(at: &Pointer) -> Self {
        if at.parts().is_empty() { Self::Set } else { Self::Add }
    }
}

/// How a value comes to a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// In place of what is there; a key may be new.
    Set,
    /// Into a list, before what is there.
    Insert,
    /// As RFC 6902 adds: set in a map, inserted in a list.
    Add,
}
