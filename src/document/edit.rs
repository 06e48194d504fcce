//! What may be done to a document, place by place.

use super::json::Json;
use super::pointer::Pointer;

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
    /// Adds an item at the end of a list.
    Append {
        /// The list.
        pointer: Pointer,
        /// What.
        value: Json,
    },
    /// Takes a value from one place to another: a key that is set, or a position in a list before
    /// which it is inserted, both in the document without it.
    Move {
        /// From where.
        from: Pointer,
        /// To where.
        to: Pointer,
    },
    /// Changes nothing: demands that this value stands there.
    Test {
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
            Self::Set { pointer, .. }
            | Self::Remove { pointer }
            | Self::Insert { pointer, .. }
            | Self::Append { pointer, .. }
            | Self::Test { pointer, .. }
            | Self::Move { to: pointer, .. } => pointer,
        }
    }
}
