//! The peer: SQLite in WAL mode with synchronous=FULL, so that a commit survives a power cut.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

/// A connection to the database in that file, which is made where there is none.
pub fn open(file: &Path) -> Connection {
    let connection = Connection::open(file).expect("a database");
    connection.busy_timeout(Duration::from_secs(60)).expect("a timeout");
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE IF NOT EXISTS states (
                 number INTEGER PRIMARY KEY, session TEXT NOT NULL, at INTEGER NOT NULL,
                 state TEXT NOT NULL)",
        )
        .expect("a table");
    connection
}

/// One row; outside a transaction that is one of its own.
pub fn insert(connection: &Connection, session: &str, state: &str) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_nanos() as i64);
    connection
        .prepare_cached("INSERT INTO states (session, at, state) VALUES (?1, ?2, ?3)")
        .and_then(|mut statement| statement.execute((session, now, state)))
        .expect("a row");
}
