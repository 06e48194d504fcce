//! What a patch is made of.

use crate::document::{Json, Pointer};

/// Operations that are applied one after the other: all or none (RFC 6902).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch(pub Vec<PatchOp>);

/// One operation of a patch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatchOp {
    /// Sets a key, new or not; inserts an item before a position, `-` being the end; or replaces
    /// the whole document.
    Add {
        /// Where.
        path: Pointer,
        /// What.
        value: Json,
    },
    /// Takes away a key or an item that is there. The whole document cannot be taken away.
    Remove {
        /// Where.
        path: Pointer,
    },
    /// Puts a value in place of one that is there.
    Replace {
        /// Where.
        path: Pointer,
        /// What.
        value: Json,
    },
    /// Takes a value away and adds it elsewhere: a position in `path` is one without that value.
    Move {
        /// From where; not from around `path`.
        from: Pointer,
        /// To where.
        path: Pointer,
    },
    /// Adds a value that stands elsewhere.
    Copy {
        /// From where.
        from: Pointer,
        /// To where.
        path: Pointer,
    },
    /// Fails unless this value stands there. Numbers are equal when their values are.
    Test {
        /// Where.
        path: Pointer,
        /// What.
        value: Json,
    },
}

impl PatchOp {
    /// The word of the RFC.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Add { .. } => "add",
            Self::Remove { .. } => "remove",
            Self::Replace { .. } => "replace",
            Self::Move { .. } => "move",
            Self::Copy { .. } => "copy",
            Self::Test { .. } => "test",
        }
    }

    /// Where it goes.
    pub fn path(&self) -> &Pointer {
        match self {
            Self::Add { path, .. }
            | Self::Remove { path }
            | Self::Replace { path, .. }
            | Self::Move { path, .. }
            | Self::Copy { path, .. }
            | Self::Test { path, .. } => path,
        }
    }

    /// Where it takes a value from.
    pub fn from(&self) -> Option<&Pointer> {
        match self {
            Self::Move { from, .. } | Self::Copy { from, .. } => Some(from),
            _ => None,
        }
    }

    /// The value that it carries.
    pub fn value(&self) -> Option<&Json> {
        match self {
            Self::Add { value, .. } | Self::Replace { value, .. } | Self::Test { value, .. } => {
                Some(value)
            }
            _ => None,
        }
    }

    /// Whether it may change something.
    pub fn changes(&self) -> bool {
        !matches!(self, Self::Test { .. })
    }
}
