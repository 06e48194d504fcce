//! What the states of sessions stand on in the store.

use super::error::StateError;
use super::session::Session;
use super::sessions::Sessions;
use crate::base::id::SnapshotId;

impl Sessions {
    /// The ids of all states of all sessions, whatever can be read of them. Those with files are the
    /// ids of stored snapshots; no entry is read to tell which.
    ///
    /// # Errors
    /// The journal's.
    pub fn state_ids(&self) -> Result<Vec<SnapshotId>, StateError> {
        let mut ids = Vec::new();
        for facts in self.list()? {
            ids.extend(self.existing(&facts.name)?.state_ids()?);
        }
        Ok(ids)
    }
}

impl Session {
    /// The ids of its states, oldest first.
    ///
    /// # Errors
    /// [`StateError::UnknownSession`]; the journal's.
    pub fn state_ids(&self) -> Result<Vec<SnapshotId>, StateError> {
        let index = self.known()?;
        Ok(index.states().map(|(_, id)| id).collect())
    }
}
