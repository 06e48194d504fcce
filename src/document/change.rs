//! Changing a document at some places: costs the nodes on the way there.

use super::build::{build_slot, check_key};
use super::container::{put_root, root_slot};
use super::draft::Draft;
use super::error::DocumentError;
use super::json::Json;
use super::pointer::{Pointer, position};
use crate::base::id::DocumentId;
use crate::object::document::Slot;
use crate::object::traits::{Fetch, Put};

/// One edit of a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Puts a value at a key (new or not), at a position that is in its list, or in place of the
    /// whole document.
    Set {
        /// Where.
        pointer: Pointer,
        /// What.
        value: Json,
    },
    /// Takes away a key or an item that is there.
    Remove {
        /// Where.
        pointer: Pointer,
    },
    /// Inserts an item into a list, before the one at the position; `-` is the end.
    Insert {
        /// Where.
        pointer: Pointer,
        /// What.
        value: Json,
    },
}

impl Edit {
    /// Where it goes.
    pub fn pointer(&self) -> &Pointer {
        match self {
            Self::Set { pointer, .. } | Self::Remove { pointer } | Self::Insert { pointer, .. } => {
                pointer
            }
        }
    }
}

/// Applies edits, each to what the ones before it left, and stores what is new. Nodes that only an
/// edit in the middle would have had are not stored.
///
/// # Errors
/// As `Fetch::fetch` and `Put::put`; [`DocumentError::Edit`] where there is nothing to change; then
/// no edit is applied.
pub fn change(
    objects: &(impl Put + ?Sized),
    id: DocumentId,
    edits: &[Edit],
) -> Result<DocumentId, DocumentError> {
    let mut root = Draft::Still(root_slot(objects, id)?);
    for edit in edits {
        apply(objects, &mut root, edit)?;
    }
    let slot = root.close(objects)?;
    Ok(put_root(objects, slot)?)
}

fn apply(
    objects: &(impl Put + ?Sized),
    root: &mut Draft,
    edit: &Edit,
) -> Result<(), DocumentError> {
    let fault = |reason| DocumentError::Edit { pointer: edit.pointer().to_string(), reason };
    let depth = edit.pointer().parts().len();
    let Some((last, way)) = edit.pointer().parts().split_last() else {
        let Edit::Set { value, .. } = edit else {
            return Err(fault("the whole document can only be set"));
        };
        *root = Draft::Still(build_slot(objects, value, 0)?);
        return Ok(());
    };
    let mut at = root;
    for part in way {
        at = child(objects, at, part)?.ok_or_else(|| fault("nothing stands on the way there"))?;
    }
    at.open(objects)?;
    let value = match edit {
        Edit::Set { value, .. } | Edit::Insert { value, .. } => {
            Some(build_slot(objects, value, depth)?)
        }
        Edit::Remove { .. } => None,
    };
    apply_last(objects, at, (last, edit), value)?.map_or(Ok(()), |reason| Err(fault(reason)))
}

fn child<'d>(
    objects: &(impl Fetch + ?Sized),
    at: &'d mut Draft,
    part: &str,
) -> Result<Option<&'d mut Draft>, DocumentError> {
    at.open(objects)?;
    Ok(match at {
        Draft::Still(_) => None,
        Draft::Map(map) => map.child(objects, part)?,
        Draft::List(list) => match position(part) {
            Some(position) => list.child(objects, position)?,
            None => None,
        },
    })
}

/// Changes one key or position of an opened map or list; says what does not fit.
fn apply_last(
    objects: &(impl Fetch + ?Sized),
    at: &mut Draft,
    (last, edit): (&str, &Edit),
    value: Option<Slot>,
) -> Result<Option<&'static str>, DocumentError> {
    match (at, edit, value) {
        (Draft::Still(_), ..) => return Ok(Some("it would stand inside a scalar")),
        (Draft::Map(_), Edit::Insert { .. }, _) => {
            return Ok(Some("only lists are inserted into; a key is set"));
        }
        (Draft::Map(map), Edit::Remove { .. }, _) => {
            if map.child(objects, last)?.is_none() {
                return Ok(Some("there is nothing to remove"));
            }
            map.set(last, None);
        }
        (Draft::Map(map), Edit::Set { .. }, value) => {
            check_key(last)?;
            map.set(last, value);
        }
        (Draft::List(list), Edit::Insert { .. }, Some(value)) => {
            let place = if last == "-" { Some(list.count()) } else { position(last) };
            match place.filter(|place| *place <= list.count()) {
                Some(place) => list.insert(place, value),
                None => return Ok(Some("it is no position up to the end of the list")),
            }
        }
        (Draft::List(list), _, value) => {
            let place = position(last).filter(|place| *place < list.count());
            match (place, value) {
                (None, _) => return Ok(Some("it is no position in the list")),
                (Some(place), Some(value)) => list.set(place, value),
                (Some(place), None) => list.remove(place),
            }
        }
    }
    Ok(None)
}
