//! The page of `exp audit`: the trail, whether it is whole, and how to prove that later.

use std::fmt::Write;

use super::rows::{Cell, faint, plain, table, titles};
use super::shape::{ago, count, moment, short};
use crate::base::time::Timestamp;
use crate::engine::verb::audit::{Entry, Fault, InShort, Overview, Report, Trail};
use crate::surface::cli::output::{BAD, FAINT, GOOD, NAME, STRONG, WARN, paint};

/// `exp audit`.
pub fn audit(report: &Report, now: Timestamp, columns: usize) -> String {
    match report {
        Report::One(trail) => one(trail, columns),
        Report::All(overview) => all(overview, now),
    }
}

fn one(trail: &Trail, columns: usize) -> String {
    let mut rows = vec![titles(&["", "when", "by", "process", "act", "id", "why"])];
    rows.extend(trail.entries.iter().map(entry));
    let mut page = table(rows, &[0, 3], columns);
    let verified = entries(trail.verified);
    match &trail.fault {
        Some(fault) => page.push_str(&fault_of(&trail.session, fault)),
        None => {
            let head = paint(GOOD, "Sound:");
            let name = paint(NAME, &trail.session);
            let expected = if trail.expected { ", the expected one among them" } else { "" };
            let _ = writeln!(page, "{head} {verified} of session {name} verified{expected}.");
        }
    }
    if let Some(newest) = trail.newest.as_ref().filter(|_| trail.fault.is_none()) {
        let _ = writeln!(page, "Newest digest: {}", paint(STRONG, newest));
        let next = format!(
            "Keep it elsewhere: `exp audit --session {} --expect DIGEST` shows an end that was cut off.",
            trail.session
        );
        let _ = writeln!(page, "{}", paint(FAINT, next));
    }
    page
}

fn entry(entry: &Entry) -> Vec<Cell> {
    let event = &entry.event;
    let act = match (event.act, &event.what, &event.branch) {
        ("put", Some(kind), _) => format!("put {kind}"),
        ("mark", Some(word), _) => format!("mark {word}"),
        ("tag" | "untag", Some(tag), _) => format!("{} {tag}", event.act),
        ("move", Some(_), Some(branch)) => format!("{branch} back"),
        ("move", None, Some(branch)) => format!("branch {branch}"),
        (act, ..) => act.to_owned(),
    };
    let act = if event.act == "damaged" { (BAD, act) } else { plain(act) };
    vec![
        faint(event.sequence.to_string()),
        plain(moment(event.when)),
        plain(event.who.clone()),
        faint(event.process.to_string()),
        act,
        (NAME, event.id.as_deref().map_or_else(String::new, |id| short(id).to_owned())),
        plain(event.why.lines().next().unwrap_or_default()),
    ]
}

fn entries(number: u64) -> String {
    if number == 1 { "1 entry".to_owned() } else { format!("{number} entries") }
}

fn fault_of(session: &str, fault: &Fault) -> String {
    let head = paint(BAD, "Not sound:");
    let (name, at) = (paint(NAME, session), fault.sequence);
    format!("{head} entry {at} of session {name}: {}.\n", fault.what)
}

fn all(overview: &Overview, now: Timestamp) -> String {
    let mut page = String::new();
    let operations = count(overview.operations, "operation");
    let hint = paint(FAINT, "`exp op log` lists what was done to files.");
    if overview.unreadable > 0 {
        let head = paint(BAD, "Not sound:");
        let sessions = count(overview.unreadable, "session");
        let _ = writeln!(page, "{head} {sessions} of which nothing can be read.");
    }
    for lost in &overview.lost {
        let _ = writeln!(page, "{} {lost}.", paint(BAD, "Not sound:"));
    }
    if overview.sessions.is_empty() {
        let _ = writeln!(page, "No sessions; {operations} on files. {hint}");
        return page;
    }
    let mut rows = vec![titles(&["session", "entries", "last", "by", "newest digest", ""])];
    rows.extend(overview.sessions.iter().map(|session| in_short(session, now)));
    page.push_str(&table(rows, &[1], usize::MAX));
    for session in &overview.sessions {
        if let Some(fault) = &session.fault {
            page.push_str(&fault_of(&session.name, fault));
        }
    }
    let _ = writeln!(page, "{operations} on files. {hint}");
    let next = "`exp audit --session NAME` shows a trail.";
    let _ = writeln!(page, "{}", paint(FAINT, next));
    page
}

fn in_short(session: &InShort, now: Timestamp) -> Vec<Cell> {
    let is_sound = session.fault.is_none();
    vec![
        (NAME, session.name.clone()),
        plain(session.verified.to_string()),
        faint(ago(session.last, now)),
        plain(session.who.clone()),
        plain(session.newest.as_deref().map_or("", short)),
        if is_sound { (GOOD, "sound".to_owned()) } else { (WARN, "not sound".to_owned()) },
    ]
}
