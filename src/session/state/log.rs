//! What a session needs of the journal, so that a test can put another in its place.

use crate::store::journal::{Append, Journal, JournalError, Position, StreamId};

/// Streams of entries that are only appended to; as [`Journal`] has it.
pub(super) trait Log: Send + Sync {
    /// The places of a stream's entries after that one, ascending, with what others wrote.
    fn positions(
        &self,
        stream: StreamId,
        after: Option<Position>,
    ) -> Result<Vec<Position>, JournalError>;
    /// The bytes of an entry, checked.
    fn read(&self, at: Position) -> Result<Vec<u8>, JournalError>;
    /// All streams, also those of others than sessions.
    fn streams(&self) -> Result<Vec<StreamId>, JournalError>;
    /// Appends with one write, each unless its stream has moved. Others see it when this returns.
    fn append_all(
        &self,
        appends: &[Append<'_>],
    ) -> Result<Vec<Result<Position, JournalError>>, JournalError>;
    /// Makes all that was appended durable.
    fn sync(&self) -> Result<(), JournalError>;
    /// Proves every byte of the entries: the first damage is the error.
    fn prove(&self) -> Result<(), JournalError>;

    /// Whether entries between two places could have been let go of.
    fn is_retired_between(
        &self,
        _after: Option<Position>,
        _until: Position,
    ) -> Result<bool, JournalError> {
        Ok(false)
    }

    /// Whether what stands in the segment of a place proves it durable, so that a crash does not take
    /// the whole segment away.
    fn is_durable(&self, _at: Position) -> Result<bool, JournalError> {
        Ok(false)
    }

    /// Appends one entry.
    fn append(&self, append: Append<'_>) -> Result<Position, JournalError> {
        let stream = append.stream;
        let mut results = self.append_all(&[append])?;
        results.pop().unwrap_or(Err(JournalError::Moved { stream, last: None }))
    }
}

impl Log for Journal {
    fn positions(
        &self,
        stream: StreamId,
        after: Option<Position>,
    ) -> Result<Vec<Position>, JournalError> {
        self.positions(stream, after)
    }

    fn read(&self, at: Position) -> Result<Vec<u8>, JournalError> {
        self.read(at)
    }

    fn streams(&self) -> Result<Vec<StreamId>, JournalError> {
        self.streams()
    }

    fn append_all(
        &self,
        appends: &[Append<'_>],
    ) -> Result<Vec<Result<Position, JournalError>>, JournalError> {
        self.append_all(appends)
    }

    fn sync(&self) -> Result<(), JournalError> {
        self.sync()
    }

    fn is_retired_between(
        &self,
        after: Option<Position>,
        until: Position,
    ) -> Result<bool, JournalError> {
        self.is_retired_between(after, until)
    }

    fn is_durable(&self, at: Position) -> Result<bool, JournalError> {
        self.is_durable(at.segment)
    }

    fn prove(&self) -> Result<(), JournalError> {
        self.prove()
    }
}

/// The stream of a session: those of others have other names.
pub(super) fn stream_of(session: &str) -> StreamId {
    StreamId::of_name(&format!("session {session}"))
}
