//! What other pages say of sessions: that one followed the files, a state by its id, the counts.

use std::fmt::Write;

use super::rows::{plain, table, titles};
use super::shape::{bytes, count, duration_ms, id, moment, short};
use crate::engine::Followed;
use crate::engine::verb::show::StateOnly;
use crate::engine::verb::stats::SessionStates;
use crate::surface::cli::output::{FAINT, NAME, WARN, paint};

/// A short duration: `12 µs`, `3.4 ms`.
pub fn micros(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..100_000 => format!("{:.1} ms", micros as f64 / 1e3),
        _ => duration_ms(micros / 1_000),
    }
}

/// That the session followed the files, in a line; nothing where there was nothing to follow.
pub fn followed(followed: Option<&Followed>) -> String {
    let Some(followed) = followed else {
        return String::new();
    };
    let session = paint(NAME, &followed.session);
    match (&followed.problem, &followed.id) {
        (Some(problem), _) => {
            let note = paint(WARN, "note:");
            format!("{note} the state of session {session} could not follow: {problem}\n")
        }
        (None, Some(state)) => {
            format!("The state of session {session} went with the files ({}).\n", id(state))
        }
        (None, None) => String::new(),
    }
}

/// `exp show` of a state that has no files.
pub fn state_only(shown: &StateOnly) -> String {
    let state = &shown.session_state;
    let mut page = String::new();
    let mut line = |key: &str, value: String| {
        let _ = writeln!(page, "{} {value}", paint(FAINT, format!("{key:<10}")));
    };
    line("state", paint(NAME, &state.id));
    line("session", format!("{}, branch {}", state.session, state.branch));
    line("made", format!("{} by {} ({})", moment(state.when), state.who, state.kind));
    line("size", format!("{}, {} changed", bytes(state.bytes), state.fields_changed));
    if !state.tags.is_empty() {
        line("tags", state.tags.join(", "));
    }
    if !state.message.is_empty() {
        let _ = writeln!(page, "\n    {}\n", state.message.replace('\n', "\n    "));
    }
    let get = format!("exp state get {} --session {}", short(&state.id), state.session);
    let _ = writeln!(page, "{}", paint(FAINT, format!("It has no files. `{get}` prints it.")));
    page
}

/// The part of `exp stats` about sessions.
pub fn states(sessions: &[SessionStates], journal_bytes: u64) -> String {
    if sessions.is_empty() {
        return String::new();
    }
    let mut page = String::new();
    let (many, journal) = (count(sessions.len(), "session"), bytes(journal_bytes));
    let _ = writeln!(page, "{many} of states, journal {journal}");
    let mut rows = vec![titles(&[
        "", "session", "entries", "puts", "saved", "skipped", "failed", "mean", "p50", "p95",
        "p99", "bytes",
    ])];
    for session in sessions {
        let duration = session.duration_us;
        let skipped = format!("{} ({:.0} %)", session.skipped, session.skip_percent);
        let mut row = vec![plain(""), (NAME, session.name.clone())];
        row.extend([session.entries, session.puts, session.saved].map(|n| plain(n.to_string())));
        row.push(plain(skipped));
        row.push(plain(session.failed.to_string()));
        row.extend(
            [duration.mean, duration.p50, duration.p95, duration.p99].map(|us| plain(micros(us))),
        );
        row.push(plain(bytes(session.bytes)));
        rows.push(row);
    }
    page.push_str(&table(rows, &[2, 3, 4, 5, 6, 7, 8, 9, 10, 11], usize::MAX));
    let dropped: u64 = sessions.iter().map(|session| session.dropped).max().unwrap_or(0);
    if dropped > 0 {
        let note = paint(WARN, "note:");
        let dropped = count(dropped, "measurement");
        let _ =
            writeln!(page, "  {note} {dropped} dropped, because more came than could be written");
    }
    page
}
