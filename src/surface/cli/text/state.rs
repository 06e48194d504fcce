//! Pages about states: what was put, what differs, where a session stands.

use std::fmt::Write;
use std::path::Path;

use anstyle::Style;

use super::history::sentence;
use super::rows::{Cell, faint, plain, table, titles};
use super::session::micros;
use super::shape::{add_changes, ago, bytes, count, id, short};
use crate::base::time::Timestamp;
use crate::engine::verb::state::{
    ShownAnswer, ShownEvent, ShownState, branch, diff, get, log, mark, merge, put, rollback,
    search, watch,
};
use crate::surface::cli::output::{BAD, FAINT, GOOD, NAME, STRONG, WARN, paint};

/// Characters of a value that a difference shows.
const VALUE_CHARS: usize = 200;

/// Places that a difference lists before it only counts.
const PLACES_SHOWN: usize = 200;

/// `exp state put`: one line, and what else is to be known.
pub fn state_put(report: &put::Report) -> String {
    let mut page = answer(&report.answer);
    if let Some(note) = &report.note {
        let _ = writeln!(page, "  {} {note}", paint(WARN, "note:"));
    }
    if let Some(files) = &report.files {
        let changed = match files.changed {
            0 => "none changed".to_owned(),
            changed => format!("{changed} changed"),
        };
        let files = count(files.files, "file");
        let hint = paint(FAINT, "`exp rollback --to` that id brings back both");
        let _ = writeln!(page, "  with {files} ({changed}); {hint}");
    }
    page
}

fn answer(answer: &ShownAnswer) -> String {
    let mut page = String::new();
    let place = place(&answer.session, &answer.branch);
    let took = paint(FAINT, format!("({})", micros(answer.duration_us)));
    match (answer.saved, answer.reason) {
        (true, _) => {
            let changed = match answer.body {
                Some("whole") if answer.fields_changed == 0 => "as a whole".to_owned(),
                Some("same") => "nothing changed".to_owned(),
                _ => format!("{} changed", count(answer.fields_changed, "field")),
            };
            let stored =
                answer.stored_bytes.map_or_else(String::new, |b| format!(", {}", bytes(b)));
            let (word, id) = (paint(GOOD, "saved"), id(&answer.id));
            let _ = writeln!(page, "{word} {id} in {place}: {changed}{stored} {took}");
        }
        (false, reason) => {
            let word = paint(WARN, "skipped");
            let why = reason.unwrap_or_default();
            let _ = writeln!(page, "{word} in {place}: {why}, {} {took}", id(&answer.id));
        }
    }
    if answer.others > 0 {
        let entries = match answer.others {
            1 => "1 entry".to_owned(),
            others => format!("{others} entries"),
        };
        let note = paint(WARN, "note:");
        let _ = writeln!(page, "  {note} {entries} by another process since");
    }
    if let Some(why) = &answer.fallback {
        let _ = writeln!(page, "  {} saved as a whole: {why}", paint(WARN, "note:"));
    }
    for line in &answer.explain {
        let _ = writeln!(page, "  {}", paint(FAINT, line));
    }
    page
}

/// Where in a store: the branch is said where it is not the usual one.
fn place(session: &str, branch: &str) -> String {
    match branch {
        "main" => format!("session {}", paint(NAME, session)),
        branch => format!("session {}, branch {}", paint(NAME, session), paint(NAME, branch)),
    }
}

/// `exp state get` where the value goes elsewhere, or there is none.
pub fn state_get(report: &get::Report) -> String {
    match &report.state {
        Some(state) => format!("Wrote {} ({}).\n", id(&state.id), bytes(state.bytes)),
        None => {
            let tried = match report.tried {
                0 => String::new(),
                tried => format!(" {} tried.", count(tried, "state")),
            };
            let hint = paint(FAINT, "`exp state log` lists what there is.");
            format!("No state is valid.{tried} {hint}\n")
        }
    }
}

/// `exp state log`.
pub fn state_log(report: &log::Report, now: Timestamp, columns: usize) -> String {
    let mut rows = vec![titles(&["", "id", "what", "branch", "changed", "size", "when", ""])];
    for entry in &report.entries {
        let heads: Vec<&str> = report
            .heads
            .iter()
            .filter(|(_, head)| entry.act == "put" && entry.id.as_ref() == Some(head))
            .map(|(name, _)| name.as_str())
            .collect();
        rows.push(event(entry, &heads, now));
    }
    let mut page = table(rows, &[4, 5], columns);
    if report.more {
        let _ = writeln!(page, "{}", paint(FAINT, "… more with -n COUNT"));
    }
    page
}

/// A row of the log: what was put, or done.
fn event(entry: &ShownEvent, heads: &[&str], now: Timestamp) -> Vec<Cell> {
    let mark = if heads.is_empty() { plain(" ") } else { (STRONG, "@".to_owned()) };
    let at = (NAME, entry.id.as_deref().map_or_else(String::new, |id| short(id).to_owned()));
    let when = faint(ago(entry.when, now));
    let branch = plain(entry.branch.clone().unwrap_or_default());
    if let Some(state) = &entry.state {
        return vec![
            mark,
            at,
            kind(state),
            branch,
            plain(changed(state)),
            plain(bytes(state.bytes)),
            when,
            plain(about(state)),
        ];
    }
    let (what, why) = match entry.act {
        "move" => match &entry.what {
            Some(from) => ("back", format!("from {}{}", short(from), because(&entry.why))),
            None => ("branch", entry.why.clone()),
        },
        "tag" | "untag" => (entry.act, entry.what.clone().unwrap_or_default()),
        "mark" => {
            let word = if entry.what.as_deref() == Some("valid") { "valid" } else { "invalid" };
            (word, entry.why.clone())
        }
        act => (act, entry.why.clone()),
    };
    let style = if what == "damaged" || what == "invalid" { BAD } else { WARN };
    let none = || plain("");
    vec![mark, at, (style, what.to_owned()), branch, none(), none(), when, plain(first_line(&why))]
}

fn kind(state: &ShownState) -> Cell {
    let style = match state.kind {
        "automatic" => FAINT,
        "recovery" => WARN,
        _ => Style::new(),
    };
    (style, state.kind.to_owned())
}

fn changed(state: &ShownState) -> String {
    match state.parents.is_empty() {
        true => "new".to_owned(),
        false => state.fields_changed.to_string(),
    }
}

fn because(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(": {why}") }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// What is said of a state in one line: tags, marks, files, message.
fn about(state: &ShownState) -> String {
    let mut parts: Vec<String> = state.tags.iter().map(|tag| format!("#{tag}")).collect();
    if let Some(valid) = state.valid {
        parts.push(if valid { "(valid)" } else { "(invalid)" }.to_owned());
    }
    if state.has_files {
        parts.push("(with files)".to_owned());
    }
    parts.push(first_line(&state.message));
    parts.retain(|part| !part.is_empty());
    parts.join(" ")
}

/// `exp state search`.
pub fn state_found(report: &search::Report, now: Timestamp, columns: usize) -> String {
    if report.states.is_empty() {
        let hint = paint(FAINT, "`exp state sessions` lists where to look.");
        return format!("No state is like that. {hint}\n");
    }
    let mut rows =
        vec![titles(&["id", "session", "what", "branch", "changed", "size", "when", ""])];
    for state in &report.states {
        rows.push(vec![
            (NAME, short(&state.id).to_owned()),
            (NAME, state.session.clone()),
            kind(state),
            plain(state.branch.clone()),
            plain(changed(state)),
            plain(bytes(state.bytes)),
            faint(ago(state.when, now)),
            plain(about(state)),
        ]);
    }
    let mut page = table(rows, &[4, 5], columns);
    if report.more {
        let _ = writeln!(page, "{}", paint(FAINT, "… more with --limit COUNT"));
    }
    page
}

/// `exp state merge`.
pub fn state_merged(report: &merge::Report) -> String {
    let mut page = String::new();
    let (from, into) = (paint(NAME, &report.from), paint(NAME, &report.into));
    match &report.state {
        Some(state) => {
            let _ = writeln!(page, "Merged {from} into {into}.");
            page.push_str(&answer(state));
        }
        None if report.conflicts.is_empty() => {
            let _ = writeln!(page, "All of {from} is in {into} already.");
        }
        None => {
            let many = count(report.conflicts.len(), "conflict");
            let _ = writeln!(page, "{many} between {from} and {into}; nothing was changed:");
            for conflict in report.conflicts.iter().take(PLACES_SHOWN) {
                let _ = writeln!(page, "{}", paint(STRONG, shown_place(&conflict.pointer)));
                let side = |name: &str, value: &Option<String>| {
                    let value = value.as_deref().map_or("(nothing)".to_owned(), cut);
                    format!("  {} {value}\n", paint(FAINT, format!("{name:<7}")))
                };
                page.push_str(&side("base", &conflict.base));
                page.push_str(&side(&report.into, &conflict.ours));
                page.push_str(&side(&report.from, &conflict.theirs));
            }
            let next = "`--favour ours` or `--favour theirs` decides them all.";
            let _ = writeln!(page, "{}", paint(FAINT, next));
        }
    }
    page
}

/// `exp state sessions`.
pub fn state_sessions(report: &log::Sessions, now: Timestamp) -> String {
    if report.sessions.is_empty() {
        return "No sessions. `exp state put FILE` begins one.\n".to_owned();
    }
    let mut rows = vec![titles(&["", "session", "entries", "last", "by", "begun"])];
    for session in &report.sessions {
        rows.push(vec![
            plain(if session.here { "@" } else { " " }),
            (NAME, session.name.clone()),
            plain(session.entries.to_string()),
            faint(ago(session.last, now)),
            plain(session.who.clone()),
            faint(ago(session.first, now)),
        ]);
    }
    table(rows, &[2], usize::MAX)
}

/// `exp state diff`.
pub fn state_diff(report: &diff::Report) -> String {
    let mut page = String::new();
    let places = &report.places;
    let (from, to) = (id(&report.from.id), id(&report.to.id));
    if places.is_empty() {
        return format!("{from} and {to} have the same value.\n");
    }
    let many = match places.len() {
        1 => "1 place differs".to_owned(),
        places => format!("{places} places differ"),
    };
    let _ = writeln!(page, "{from} → {to}: {many}");
    for place in places.iter().take(PLACES_SHOWN) {
        let _ = writeln!(page, "{}", paint(STRONG, shown_place(&place.pointer)));
        if let Some(before) = &place.before {
            let _ = writeln!(page, "{}", paint(BAD, format!("- {}", cut(before))));
        }
        if let Some(after) = &place.after {
            let _ = writeln!(page, "{}", paint(GOOD, format!("+ {}", cut(after))));
        }
    }
    if places.len() > PLACES_SHOWN {
        let more = places.len() - PLACES_SHOWN;
        let _ = writeln!(page, "… and {more} more; --patch has all");
    }
    page
}

fn shown_place(pointer: &str) -> &str {
    if pointer.is_empty() { "(the whole)" } else { pointer }
}

/// A value in one line, cut where it is long.
fn cut(text: &str) -> String {
    match text.char_indices().nth(VALUE_CHARS) {
        Some((at, _)) => format!("{}… ({})", &text[..at], bytes(text.len() as u64)),
        None => text.to_owned(),
    }
}

/// `exp state rollback`.
pub fn state_rolled_back(report: &rollback::Report) -> String {
    let mut page = String::new();
    if let Some(captured) = report.files.as_ref().and_then(|files| files.captured.as_ref()) {
        let _ = writeln!(page, "Captured your changes as {} first.", id(captured));
    }
    let place = place(&report.session, &report.branch);
    let from =
        report.from.as_deref().map_or_else(String::new, |from| format!(" from {}", id(from)));
    let what = if report.files.is_some() { "files and state" } else { "state" };
    let message = because(&first_line(&report.to.message));
    let _ = writeln!(page, "Back to {what} {}{from} in {place}{message}", id(&report.to.id));
    if let Some(files) = &report.files {
        add_changes(&mut page, &files.changes);
    }
    // What follows the files is `main`: another branch is brought forward by its own name.
    let is_main = report.branch == "main";
    let on = if is_main { String::new() } else { format!("--branch {} ", report.branch) };
    let next = match (&report.files, &report.from) {
        (Some(_), Some(from)) if !is_main => format!(
            "`exp undo` brings the files forward again, `exp state rollback {on}{}` the state.",
            short(from)
        ),
        (Some(_), _) => "`exp undo` brings files and state forward again.".to_owned(),
        (None, Some(from)) => {
            format!("Nothing is lost: `exp state rollback {on}{}` goes forward again.", short(from))
        }
        (None, None) => "`exp state get` prints it.".to_owned(),
    };
    let _ = writeln!(page, "{}", paint(FAINT, next));
    page
}

/// `exp state branch`.
pub fn state_branches(report: &branch::Report, now: Timestamp) -> String {
    if let Some(done) = &report.done {
        let name = report.branches.first().map_or("", |branch| branch.name.as_str());
        let next = format!("`exp state put FILE --branch {name}` goes on there.");
        return format!("{}.\n{}\n", sentence(done), paint(FAINT, next));
    }
    let mut rows = Vec::new();
    for branch in &report.branches {
        rows.push(vec![
            (NAME, branch.name.clone()),
            (NAME, short(&branch.head).to_owned()),
            faint(ago(branch.when, now)),
        ]);
    }
    table(rows, &[], usize::MAX)
}

/// `exp state tag` and `exp state mark`.
pub fn state_done(report: &mark::Report) -> String {
    format!("{}.\n", sentence(&report.done))
}

/// What a watcher tells while it runs.
pub fn state_seen(seen: &watch::Seen, file: &Path, session: &str) -> String {
    match seen {
        watch::Seen::Watching => {
            let file = file.display();
            let stop = paint(FAINT, "Ctrl-C or `exp state watch --stop` ends it.");
            format!("Watching {file} for session {}. {stop}\n", paint(NAME, session))
        }
        watch::Seen::Put(shown) => answer(shown),
        watch::Seen::Passed(why) => {
            format!("{} {why}; it is tried again\n", paint(WARN, "not put:"))
        }
    }
}

/// The end of `exp state watch`.
pub fn state_watched(report: &watch::Report) -> String {
    let newest = report
        .newest
        .as_deref()
        .map_or_else(String::new, |newest| format!("; the newest is {}", id(newest)));
    format!(
        "Ended: {}, {} saved, {} skipped, {} not put{newest}.\n",
        count(report.puts, "put"),
        report.saved,
        report.skipped,
        report.passed,
    )
}

/// `exp state watch --stop`.
pub fn state_stopped(report: &watch::Stopped) -> String {
    let (session, process) = (paint(NAME, &report.session), report.process);
    match report.ended {
        true => format!("Ended the watch of session {session} (process {process}).\n"),
        false => format!(
            "Asked the watch of session {session} (process {process}) to end; it has not yet.\n"
        ),
    }
}
