//! From what people write to the state they mean: an id or its first digits, a tag, a branch,
//! `latest`, a time, a number of steps back.

use crate::base::id::{Hash, SnapshotId};
use crate::base::name::Label;
use crate::base::time::Timestamp;
use crate::engine::EngineError;
use crate::session::state::{At, Session, StateError};

/// The fewest digits of an id that are looked up.
const ID_DIGITS_MIN: usize = 4;

/// Which state is asked for. Nothing said: the newest one of `main`.
#[derive(Clone, Debug, Default)]
pub struct Which {
    /// An id or its first digits, a tag, a branch, `latest`.
    pub what: Option<String>,
    /// The branch; none is `main`.
    pub branch: Option<Label>,
    /// The newest one at that moment.
    pub time: Option<Timestamp>,
    /// So many steps before the newest one.
    pub back: Option<u64>,
    /// The newest one that is not marked invalid and can be rebuilt.
    pub valid: bool,
}

impl Which {
    /// The one that goes by that name.
    pub fn named(what: impl Into<String>) -> Self {
        Self { what: Some(what.into()), ..Self::default() }
    }

    /// The same as a session is asked for it.
    pub(super) fn at(&self, session: &Session) -> Result<At, EngineError> {
        let branch = self.branch.clone();
        Ok(match (&self.what, self.time, self.back) {
            (Some(what), ..) if what != "latest" => named(session, what)?,
            (_, Some(time), _) => At::Time { branch, time },
            (_, _, Some(steps)) => At::Back { branch, steps },
            _ if self.valid => At::Valid { branch },
            _ => At::Latest { branch },
        })
    }
}

/// A tag comes before a branch, and both before an id of which they may be the first digits.
fn named(session: &Session, what: &str) -> Result<At, EngineError> {
    let mut uncertain = None;
    if let Ok(label) = Label::new(what) {
        for at in [At::Tag(label.clone()), At::branch(label)] {
            match session.meta(&at) {
                Ok(_) => return Ok(at),
                Err(StateError::UnknownState { .. } | StateError::UnknownBranch { .. }) => {}
                Err(error @ StateError::Uncertain { .. }) => uncertain = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
    }
    let digits = what.to_ascii_lowercase();
    if let Some(hash) = Hash::from_hex(&digits) {
        return Ok(At::Id(SnapshotId(hash)));
    }
    let is_hex = digits.len() >= ID_DIGITS_MIN && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if is_hex {
        return Ok(At::Prefix(digits));
    }
    let (session, wanted) = (session.name().to_owned(), format!("`{what}`"));
    Err(uncertain.unwrap_or(StateError::UnknownState { session, wanted }).into())
}
